package leak

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Fake records what a helper does to a test.
type Fake struct {
	TestName string
	mu       sync.Mutex
	cleanups []func()
	Errors   []string
	Fatals   []string
	Skips    []string
}

func (f *Fake) Helper()                         {}
func (f *Fake) Name() string                    { return f.TestName }
func (f *Fake) Cleanup(fn func())               { f.cleanups = append(f.cleanups, fn) }
func (f *Fake) Logf(format string, args ...any) {}
func (f *Fake) Failed() bool                    { return len(f.Errors)+len(f.Fatals) > 0 }
func (f *Fake) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Errors = append(f.Errors, fmt.Sprintf(format, args...))
}

func (f *Fake) Fatalf(format string, args ...any) {
	f.Fatals = append(f.Fatals, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (f *Fake) Skipf(format string, args ...any) {
	f.Skips = append(f.Skips, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// run calls fn as a test function and then its cleanups.
func (f *Fake) Run(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
	f.Finish()
}

// finish runs the cleanups, last first.
func (f *Fake) Finish() {
	for _, fn := range slices.Backward(f.cleanups) {
		fn()
	}
	f.cleanups = nil
}
