// Package leak finds what a test leaves behind, goroutines and open files, and has
// what helpers of tests need beside it: the part of testing.TB that programs can
// implement too, and waiting for conditions.
package leak

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Wait is how long Check and CheckFiles wait for what ends late.
// A test that leaves nothing does not wait, so that it is as long as a loaded machine needs.
const Wait = 20 * time.Second

// Check fails the test when it ends with goroutines that were not there
// when Check was called. Call it first: cleanups run in reverse order, so
// that it looks after all others. Not for parallel tests, whose goroutines
// cannot be told apart.
func Check(tb TB) {
	tb.Helper()
	check(tb, Wait)
}

func check(tb TB, wait time.Duration) {
	tb.Helper()
	before := map[string]bool{}
	for _, g := range goroutines() {
		before[g.id] = true
	}
	tb.Cleanup(func() {
		tb.Helper()
		var left []goroutine
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		if err := WaitUntil(ctx, func() bool {
			left = leaked(before)
			return len(left) == 0
		}); err == nil {
			return
		}
		for _, g := range staying(left, leaked(before)) {
			tb.Errorf("leak: leaked goroutine:\n%s", g.stack)
		}
	})
}

// staying returns what is left in two looks: in one there may be what ends at that moment,
// as the timer of Check's own context does.
func staying(once, again []goroutine) []goroutine {
	return slices.DeleteFunc(once, func(g goroutine) bool {
		return !slices.ContainsFunc(again, func(o goroutine) bool { return o.id == g.id })
	})
}

// goroutine is one entry of a stack dump.
type goroutine struct {
	id    string
	stack string
}

// leaked returns the goroutines that are neither in before nor part of the
// runtime or of package testing.
func leaked(before map[string]bool) []goroutine {
	all := goroutines()
	shared := servesAll(all)
	return slices.DeleteFunc(all, func(g goroutine) bool {
		return before[g.id] || harmless(g.stack) || shared[g.id]
	})
}

// servesAll returns the goroutines of proxies that tests share: the sentinels and the
// replicas behind them connect anew when they like, and not when a test does something.
func servesAll(gs []goroutine) map[string]bool {
	shared := map[string]bool{}
	for grown := true; grown; {
		grown = false
		for _, g := range gs {
			if !shared[g.id] && (strings.Contains(g.stack, "testproxy.(*Proxy).acceptForAll(") || shared[g.creator()]) {
				shared[g.id], grown = true, true
			}
		}
	}
	return shared
}

// creator returns the id of the goroutine that started this one.
func (g goroutine) creator() string {
	const mark = " in goroutine "
	i := strings.LastIndex(g.stack, mark)
	if i < 0 {
		return ""
	}
	id, _, _ := strings.Cut(g.stack[i+len(mark):], "\n")
	return id
}

// harmlessFrames belong to goroutines that no test started.
var harmlessFrames = []string{
	"testing.(*T).Run(", "testing.tRunner.func", "testing.RunTests(", "testing.(*F).Fuzz(", "testing.runFuzz",
	"testing.(*M).", "testing.(*B).run1(", "testing.(*B).doBench(", "runtime.goexit0", "os/signal.signal_recv", "os/signal.loop",
	"runtime.ensureSigM", "runtime/trace.Start", "runtime.ReadTrace", "runtime/pprof.profileWriter",
	"leak.goroutines(", "internal/synctest.Run(",
	"testredis.(*rig).", // processes that tests share outlive the one that starts them
}

// harmless goroutines: the rest of the test binary.
func harmless(stack string) bool {
	if strings.Contains(stack, "created by runtime.") { // finalizers, cleanups
		return true
	}
	return slices.ContainsFunc(harmlessFrames, func(f string) bool { return strings.Contains(stack, f) })
}

// goroutines returns the stacks of all goroutines.
func goroutines() []goroutine {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	var gs []goroutine
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		head, ok := strings.CutPrefix(stack, "goroutine ")
		if !ok {
			continue
		}
		id, _, _ := strings.Cut(head, " ")
		gs = append(gs, goroutine{id: id, stack: stack})
	}
	return gs
}

// OpenFiles returns the number of open file descriptors of this process,
// where the system tells (Linux).
func OpenFiles() (n int, ok bool) {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, false
	}
	return len(names) - 1, true // without the one that reads the directory
}

// wakePoller has the runtime open its network poller, if nothing has yet: its two
// descriptors stay, and are no leak of the test that happens to be first.
func wakePoller() {
	if r, w, err := os.Pipe(); err == nil {
		_ = r.Close()
		_ = w.Close()
	}
}

// CheckFiles fails the test when it ends with more open file descriptors
// than there were when CheckFiles was called. Call it first, and not in
// parallel tests. It does nothing where OpenFiles cannot tell.
func CheckFiles(tb TB) {
	tb.Helper()
	checkFiles(tb, Wait)
}

func checkFiles(tb TB, wait time.Duration) {
	tb.Helper()
	wakePoller()
	before, ok := OpenFiles()
	if !ok {
		return
	}
	tb.Cleanup(func() {
		tb.Helper()
		now := before
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		if err := WaitUntil(ctx, func() bool {
			now, _ = OpenFiles()
			return now <= before
		}); err != nil {
			tb.Errorf("leak: %d file descriptors open, %d before", now, before)
		}
	})
}
