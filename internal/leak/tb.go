package leak

import (
	"context"
	"time"
)

// TB is the part of testing.TB that this package needs, so that programs
// (the demo) can import it without importing testing. *testing.T, *testing.B
// and *testing.F have it.
type TB interface {
	Helper()
	Name() string
	Cleanup(func())
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Failed() bool
}

// DefaultWait bounds the waiting of helpers that take no duration: long
// enough for a loaded machine under the race detector, short enough to say
// what is missing before the test binary's own timeout.
const DefaultWait = 15 * time.Second

// pollEvery is how often conditions are looked at.
const pollEvery = 2 * time.Millisecond

// WaitUntil polls cond until it is true (nil) or ctx ends (its error).
func WaitUntil(ctx context.Context, cond func() bool) error {
	if cond() {
		return nil
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if cond() {
				return nil
			}
			return ctx.Err()
		case <-tick.C:
			if cond() {
				return nil
			}
		}
	}
}

// Eventually polls cond and fails the test with what when it is not true
// within d; zero d means DefaultWait.
func Eventually(tb TB, d time.Duration, what string, cond func() bool) {
	tb.Helper()
	if d <= 0 {
		d = DefaultWait
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := WaitUntil(ctx, cond); err != nil {
		tb.Fatalf("leak: not within %v: %s", d, what)
	}
}

// Pause makes a hook (testserver.Options.ChunkPause) that waits for d, or less
// when the connection ends.
func Pause(d time.Duration) func(stop <-chan struct{}) {
	return func(stop <-chan struct{}) { Sleep(d, stop) }
}

// sleep waits for d; it says false when stop was closed first.
func Sleep(d time.Duration, stop <-chan struct{}) bool {
	if d <= 0 {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
		return false
	}
}
