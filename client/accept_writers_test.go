package client_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

const (
	// writeGap is how long a writer rests between writes.
	writeGap = 4 * time.Millisecond
	// writerCount is how many there are.
	writerCount = 8
)

// write is one attempt: RPUSH of a number that was never used before. The
// harness never repeats one.
type write struct {
	writer, seq int
	begun, at   time.Time
	err         error
}

func (w write) key() string { return fmt.Sprint("w", w.writer) }

// writers push unique values, each to a list of its own, and keep a record.
type writers struct {
	cancel context.CancelFunc
	stopc  chan struct{}
	wg     sync.WaitGroup
	first  int // the number of the first writer

	mu   sync.Mutex
	done [][]write // by writer
}

// startWriters sets n of them to work through d; each call is bounded by
// timeout. They end with the scenario at the latest.
func (s *scenario) startWriters(d redis.Doer, n int, timeout time.Duration) *writers {
	return s.startWritersFrom(0, d, n, timeout)
}

// startWritersFrom is startWriters with numbers of their own, beside others.
func (s *scenario) startWritersFrom(first int, d redis.Doer, n int, timeout time.Duration) *writers {
	ctx, cancel := context.WithCancel(s.ctx)
	w := &writers{cancel: cancel, stopc: make(chan struct{}), done: make([][]write, n), first: first}
	for i := range n {
		w.wg.Go(func() { w.work(ctx, d, i, timeout) })
	}
	s.Cleanup(func() {
		cancel()
		w.wg.Wait()
	})
	s.until("every writer at work", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return !slices.ContainsFunc(w.done, func(all []write) bool { return len(all) < 10 })
	})
	return w
}

func (w *writers) work(ctx context.Context, d redis.Doer, i int, timeout time.Duration) {
	tick := time.NewTicker(writeGap)
	defer tick.Stop()
	for seq := 0; ; seq++ {
		wr := write{writer: w.first + i, seq: seq, begun: time.Now()}
		call, cancel := context.WithTimeout(ctx, timeout)
		_, wr.err = redis.RPush(wr.key(), strconv.Itoa(seq)).Do(call, d)
		cancel()
		wr.at = time.Now()
		w.mu.Lock()
		w.done[i] = append(w.done[i], wr)
		w.mu.Unlock()
		select {
		case <-tick.C:
		case <-w.stopc:
			return
		case <-ctx.Done():
			return
		}
	}
}

// stop lets every writer finish its call, and ends them.
func (w *writers) stop() {
	close(w.stopc)
	w.wg.Wait()
	w.cancel()
}

// all returns every write so far.
func (w *writers) all() []write {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Concat(w.done...)
}

// acked returns the writes that were reported as done.
func (w *writers) acked() []write {
	return slices.DeleteFunc(w.all(), func(x write) bool { return x.err != nil })
}

// failed returns the writes that were not.
func (w *writers) failed() []write {
	return slices.DeleteFunc(w.all(), func(x write) bool { return x.err == nil })
}

// lastAck returns when the last success was reported.
func (w *writers) lastAck() time.Time {
	var last time.Time
	for _, x := range w.acked() {
		if x.at.After(last) {
			last = x.at
		}
	}
	return last
}

// allBack says whether every writer has had a success that began after t.
func (w *writers) allBack(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.done {
		if !slices.ContainsFunc(all, func(x write) bool { return x.err == nil && x.begun.After(t) }) {
			return false
		}
	}
	return true
}

// audit compares the record with the lists on a server.
type audit struct {
	acked   int
	there   map[int]map[int]int // writer, seq: how often it is in the list
	lost    []write             // reported as done, and not there
	twice   []write             // in the list more than once
	denied  []write             // reported as not executed, and there
	records []write
}

// audit reads everything back from the final master. Writers must have
// stopped.
func (s *scenario) audit(w *writers, n *testredis.Node) audit {
	s.Helper()
	a := audit{there: map[int]map[int]int{}, records: w.all()}
	for i := w.first; i < w.first+len(w.done); i++ {
		a.there[i] = map[int]int{}
		for _, text := range n.MustDo(s, "LRANGE", fmt.Sprint("w", i), "0", "-1").Strings() {
			seq, err := strconv.Atoi(text)
			s.must(err)
			a.there[i][seq]++
		}
	}
	for _, x := range a.records {
		times := a.there[x.writer][x.seq]
		if x.err == nil {
			a.acked++
		}
		switch {
		case times > 1:
			a.twice = append(a.twice, x)
		case x.err == nil && times == 0:
			a.lost = append(a.lost, x)
		case times > 0 && (conn.ClassOf(x.err) == conn.ClassNotSent || conn.ClassOf(x.err) == conn.ClassRejected):
			a.denied = append(a.denied, x)
		}
	}
	return a
}

// checkAlways asserts what holds in every scenario: nothing was executed
// twice, and nothing that was reported as not executed is there.
func (s *scenario) checkAlways(a audit) {
	s.Helper()
	if len(a.twice) > 0 {
		s.Errorf("%s: %d writes were executed twice, first %+v", s.id, len(a.twice), a.twice[0])
	}
	if len(a.denied) > 0 {
		s.Errorf("%s: %d writes were executed although reported as not executed, first %+v", s.id, len(a.denied), a.denied[0])
	}
}

// firstBack returns, of each writer's first durable success that was reported
// after t, how long after t the first and the last came.
func (a audit) firstBack(t time.Time) (first, last time.Duration) {
	by := map[int]time.Time{}
	for _, x := range a.records {
		if x.err != nil || x.at.Before(t) || a.there[x.writer][x.seq] == 0 {
			continue
		}
		if was, ok := by[x.writer]; !ok || x.at.Before(was) {
			by[x.writer] = x.at
		}
	}
	first = time.Hour
	for i := range a.there {
		at, ok := by[i]
		if !ok {
			return time.Hour, time.Hour
		}
		first, last = min(first, at.Sub(t)), max(last, at.Sub(t))
	}
	return first, last
}

// inFlight returns how long after t the last call ended that was under way at
// t.
func (a audit) inFlight(t time.Time) time.Duration {
	var last time.Duration
	for _, x := range a.records {
		if x.begun.Before(t) && x.at.After(t) {
			last = max(last, x.at.Sub(t))
		}
	}
	return last
}

// gap returns the longest time in which no writer had a success.
func (a audit) gap() time.Duration {
	var at []time.Time
	for _, x := range a.records {
		if x.err == nil {
			at = append(at, x.at)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	var longest time.Duration
	for i := 1; i < len(at); i++ {
		longest = max(longest, at[i].Sub(at[i-1]))
	}
	return longest
}

// ackedAfter counts the writes of a list that were reported as done after t.
func ackedAfter(list []write, t time.Time) int {
	n := 0
	for _, x := range list {
		if x.err == nil && x.at.After(t) {
			n++
		}
	}
	return n
}

// begunAfter counts the writes of a list that were reported as done and began
// after t.
func begunAfter(list []write, t time.Time) int {
	n := 0
	for _, x := range list {
		if x.err == nil && x.begun.After(t) {
			n++
		}
	}
	return n
}
