package mq_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
)

// within returns how many of the times are at most span apart, at the most.
func within(at []time.Duration, span time.Duration) (most int) {
	first := 0
	for i := range at {
		for at[i]-at[first] > span {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// The virtual clock of a bubble is that of the server too.
func TestARateOfTheQueueHoldsForAllWorkers(t *testing.T) {
	for _, c := range []struct {
		rate    mq.Rate
		burst   int
		workers int
		n       int
	}{
		{mq.Rate{Messages: 100, Burst: 20}, 20, 4, 400},
		{mq.Rate{Messages: 100}, 10, 1, 300},
		{mq.Rate{Messages: 6, Per: time.Minute}, 1, 3, 20},
	} {
		t.Run(fmt.Sprint(c.rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue[int](t, aloneInBubble(t), mq.Options{})
				must(t, q.Limit(t.Context(), mq.Limits{Rate: c.rate}))
				var mu sync.Mutex
				var at []time.Duration
				steps := uint64(0)
				began := time.Now()
				var all []*running
				for range c.workers {
					all = append(all, start(t, q, func(_ context.Context, m *mq.Msg[int]) error {
						mu.Lock()
						defer mu.Unlock()
						at = append(at, time.Since(began))
						if m.Value == 0 && m.Attempt == 1 {
							return mq.RetryAfter(time.Millisecond, errPlain) // each attempt counts
						}
						return nil
					}, mq.WorkerOptions{Concurrency: 50}))
				}
				enqueueN(t, q, c.n)
				eventuallyIn(t, time.Hour, "all done", func() bool { return stats(t, q).Handled == int64(c.n) })
				for _, w := range all {
					steps += w.Stats().Steps
					must(t, w.stop())
				}
				per := c.rate.Per
				if per == 0 {
					per = time.Second
				}
				interval := per / time.Duration(c.rate.Messages)
				for _, span := range []time.Duration{0, interval, 5 * interval, 50 * interval} {
					allowed := c.burst + int((span+2*time.Millisecond)/interval) + 1
					if n := within(at, span); n > allowed {
						t.Errorf("%d within %v, %d are allowed", n, span, allowed)
					}
				}
				ideal := time.Duration(c.n-c.burst) * interval
				if last := at[len(at)-1]; last > ideal*5/4+time.Second {
					t.Errorf("the last began after %v, %v is possible", last, ideal)
				}
				t.Logf("%d messages in %v, %d steps", len(at), at[len(at)-1], steps)
				sound(t, q)
			})
		})
	}
}

// A server whose clock is behind that of the one before stops nobody for longer than a burst.
func TestARateAfterTheClockWasSetBack(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		must(t, q.Limit(t.Context(), mq.Limits{Rate: mq.Rate{Messages: 1000, Burst: 10}, KeyRate: mq.Rate{Messages: 1000, Burst: 10}}))
		base := "mq:{" + q.Name() + "}:"
		run(t, d, "HSET", base+"c", "b", "9000000000000.000") // in 2255
		err := redis.Set(base+"b:k", "9000000000000.000").Do(t.Context(), d)
		must(t, err)
		start(t, q, func(context.Context, *mq.Msg[int]) error { return nil }, mq.WorkerOptions{})
		enqueueN(t, q, 50, mq.Key("k"))
		eventually(t, "all done", func() bool { return stats(t, q).Handled == 50 })
		nothingIsLeft(t, d, q, "k")
	})
}

// What is dry is not asked all the time, and a new limit counts at once.
func TestARateIsRaised(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		must(t, q.Limit(t.Context(), mq.Limits{Rate: mq.Rate{Messages: 1, Per: 24 * time.Hour, Burst: 5}}))
		w := start(t, q, func(context.Context, *mq.Msg[int]) error { return nil }, mq.WorkerOptions{Concurrency: 20, PollInterval: time.Hour})
		enqueueN(t, q, 30)
		eventually(t, "the burst", func() bool { return stats(t, q).Handled == 5 })
		if n := w.Stats().Steps; n > 40 {
			t.Errorf("%d steps for five messages", n)
		}
		n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
		if n != 0 || err != nil {
			t.Errorf("drained %d, %v", n, err)
		}
		limits := mq.Limits{KeyCap: -1, Rate: mq.Rate{Messages: 200, Burst: 20}}
		must(t, q.Limit(t.Context(), limits))
		limits.Rate.Per = time.Second
		if l, err := q.Limits(t.Context()); err != nil || l != limits {
			t.Errorf("%+v, %v", l, err)
		}
		other := start(t, q, func(context.Context, *mq.Msg[int]) error { return nil }, mq.WorkerOptions{})
		eventually(t, "the rest", func() bool { return stats(t, q).Handled == 30 })
		must(t, other.stop())
		must(t, w.stop())
		sound(t, q)
	})
}

// Processes that set the limits when they start give the queue no burst, nor does a change.
func TestLimitsThatAreSetAgainRefillNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		limits := mq.Limits{
			KeyCap:  -1,
			KeyRate: mq.Rate{Messages: 1, Per: 24 * time.Hour, Burst: 20},
			Rate:    mq.Rate{Messages: 1, Per: 24 * time.Hour, Burst: 5},
		}
		drained := func(want int) {
			t.Helper()
			n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
			if s := stats(t, q); n != want || err != nil || s.Ready != 1 {
				t.Errorf("drained %d, want %d, %v; %d are ready, want one of the key", n, want, err, s.Ready)
			}
		}
		must(t, q.Limit(t.Context(), limits))
		enqueueN(t, q, 30, mq.Key("k"))
		drained(5)
		for range 3 {
			must(t, q.Limit(t.Context(), limits))
		}
		drained(0)
		limits.Rate.Burst++
		must(t, q.Limit(t.Context(), limits))
		drained(1)
		limits.KeyRate = mq.Rate{}
		must(t, q.Limit(t.Context(), limits))
		if s := stats(t, q); s.Ready != 24 || s.Blocked != 0 {
			t.Errorf("without a rate of keys: %+v", s)
		}
		must(t, q.Limit(t.Context(), mq.Limits{}))
		n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
		if n != 24 || err != nil {
			t.Errorf("drained %d, %v", n, err)
		}
		sound(t, q)
	})
}

// The first rate of keys counts for what is ready already too, of which there may be any
// number: it goes back, in its order, and comes at the rate.
func TestTheFirstRateOfKeysHoldsBackWhatIsReady(t *testing.T) {
	onBothServers(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		must(t, q.Limit(t.Context(), mq.Limits{KeyCap: -1}))
		enqueueKeys(t, q, 3, 200)
		enqueueN(t, q, 320) // with those of keys more than one command takes
		if s := stats(t, q); s.Ready != 920 || s.Blocked != 0 {
			t.Fatalf("%+v", s)
		}
		must(t, q.Limit(t.Context(), mq.Limits{KeyCap: -1, KeyRate: mq.Rate{Messages: 1, Per: 24 * time.Hour, Burst: 4}}))
		if s := stats(t, q); s.Ready != 323 || s.Blocked != 597 {
			t.Errorf("%+v", s)
		}
		noFaults(t, q)
		n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
		if n != 320+3*4 || err != nil {
			t.Errorf("drained %d, %v", n, err)
		}
		must(t, q.Limit(t.Context(), mq.Limits{KeyCap: -1}))
		if s := stats(t, q); s.Ready != 600-3*4 || s.Blocked != 0 {
			t.Errorf("%+v", s)
		}
		noFaults(t, q)
		_, err = q.Purge(t.Context(), mq.Ready)
		must(t, err)
		nothingIsLeft(t, d, q, "key%200", "key%201", "key%202")
	})
}

// What had its place when the rate came keeps its order among those of its priority, also
// if it is more than one command takes.
func TestTheFirstRateOfKeysKeepsTheOrder(t *testing.T) {
	onBothServers(t, func(t *testing.T, d redis.Doer) {
		for _, c := range []struct{ n, ready int }{{5, 2}, {603, 501}} {
			q := newQueue[int](t, d, mq.Options{})
			must(t, q.Limit(t.Context(), mq.Limits{KeyCap: c.ready}))
			enqueueN(t, q, c.n, mq.Key("k"))
			if s := stats(t, q); s.Ready != int64(c.ready) {
				t.Fatalf("%+v", s)
			}
			must(t, q.Limit(t.Context(), mq.Limits{KeyRate: mq.Rate{Messages: 1_000_000}}))
			noFaults(t, q)
			var order []int
			eventually(t, "all done", func() bool {
				_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int]) error { order = append(order, m.Value); return nil })
				must(t, err)
				return len(order) == c.n
			})
			for i, value := range order {
				if value != i {
					t.Fatalf("%d of %d: %d comes in the place of %d", c.ready, c.n, value, i)
				}
			}
			nothingIsLeft(t, d, q, "k")
		}
	})
}
