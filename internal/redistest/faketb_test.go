package redistest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// fakeTB records what a helper does to a test.
type fakeTB struct {
	name     string
	mu       sync.Mutex
	cleanups []func()
	errors   []string
	fatals   []string
	skips    []string
}

func (f *fakeTB) Helper()                         {}
func (f *fakeTB) Name() string                    { return f.name }
func (f *fakeTB) Cleanup(fn func())               { f.cleanups = append(f.cleanups, fn) }
func (f *fakeTB) Logf(format string, args ...any) {}
func (f *fakeTB) Failed() bool                    { return len(f.errors)+len(f.fatals) > 0 }
func (f *fakeTB) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.fatals = append(f.fatals, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (f *fakeTB) Skipf(format string, args ...any) {
	f.skips = append(f.skips, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// run calls fn as a test function and then its cleanups.
func (f *fakeTB) run(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
	f.finish()
}

// finish runs the cleanups, last first.
func (f *fakeTB) finish() {
	for _, fn := range slices.Backward(f.cleanups) {
		fn()
	}
	f.cleanups = nil
}
