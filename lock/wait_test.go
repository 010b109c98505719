package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

// queue starts waiters one after another and returns the order in which they got
// the lock, when all have.
func queue(t *testing.T, l *Locker, name string, n int) func() []int {
	return queueFor(t, l, ways[0], name, n)
}

func queueFor(t *testing.T, l *Locker, w way, name string, n int) func() []int {
	t.Helper()
	order := make(chan int, n)
	for i := range n {
		go func() {
			h, err := w.lock(t.Context(), l, name)
			if err != nil {
				t.Error(err)
				order <- -1
				return
			}
			order <- i
			_ = h.Unlock(t.Context())
		}()
		eventually(t, "waiter "+strconv.Itoa(i), func() bool { return w.inspect(t.Context(), l, name).Waiters == i+1 })
	}
	return func() (got []int) {
		for range n {
			select {
			case i := <-order:
				got = append(got, i)
			case <-time.After(hangs):
				t.Fatalf("%d of %d waiters had the lock", len(got), n)
			}
		}
		return got
	}
}

func TestWaitersAreServedInTheOrderOfArrival(t *testing.T) {
	for _, o := range []Options{{}, {NoPush: true}} {
		inEachWay(t, func(t *testing.T, _ *testredis.Node, d redis.Doer, w way) {
			l, name := locker(t, d, o), fresh(t)
			h, err := w.lock(t.Context(), l, name)
			must(t, err)
			got := queueFor(t, l, w, name, 16)
			must(t, h.Unlock(t.Context()))
			if order := got(); !slices.IsSorted(order) {
				t.Error(order)
			}
		})
	}
}

func TestSharesAreEven(t *testing.T) {
	onEach(t, func(t *testing.T, n *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{}), fresh(t)
		var left atomic.Int32
		left.Store(800)
		shares := make([]int, 16)
		next, passed := "", 0 // who is the first to wait; guarded by the lock alone
		var wg sync.WaitGroup
		for i := range shares {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					h, err := l.Lock(t.Context(), name)
					if err != nil {
						t.Error(err)
						return
					}
					if next != "" && next != h.ID() {
						passed++
					}
					shares[i]++
					next = ""
					if head := n.MustDo(t, "ZRANGE", h.target.keys[2], "0", "0").Strings(); len(head) > 0 {
						next = head[0]
					}
					_ = h.Unlock(t.Context())
				}
			})
		}
		wg.Wait()
		low, high := slices.Min(shares), slices.Max(shares)
		t.Logf("shares %d to %d, %d times somebody was passed", low, high, passed)
		if passed > 0 {
			t.Error("the first who waited was passed")
		}
		if float64(high) > 1.1*float64(low) {
			t.Error("uneven")
		}
	})
}

func TestWaitersThatHadNoConnectionAreServedAtTheNextOne(t *testing.T) {
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		l, name := locker(t, d, Options{PollInterval: time.Hour, Terms: Terms{TTL: time.Hour}}), fresh(t)
		h, err := w.lock(t.Context(), l, name)
		must(t, err)
		got := queueFor(t, l, w, name, 3)
		n.MustDo(t, "CLIENT", "KILL", "TYPE", "pubsub")
		must(t, h.Unlock(t.Context()))
		order := got()
		if slices.Sort(order); !slices.Equal(order, []int{0, 1, 2}) {
			t.Error(order)
		}
	})
}

// The server counts a connection among the receivers of a message until it notices
// that the process at its other end is gone.
func TestAGrantToAProcessThatHasJustDiedIsPassedOn(t *testing.T) {
	inEachWay(t, grantToAGhost)
}

func grantToAGhost(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
	l, name := locker(t, d, Options{PollInterval: time.Hour, Terms: Terms{TTL: time.Hour}}), fresh(t)
	h, err := w.lock(t.Context(), l, name)
	must(t, err)
	ghost, err := n.Dial()
	must(t, err)
	_, err = ghost.Do("SUBSCRIBE", "ghost/"+name)
	must(t, err)
	n.MustDo(t, "ZADD", h.target.keys[2], "1", "ghost/"+name+"|1")
	next := queueUp(t, w, l, name)
	eventually(t, "both wait", func() bool { return w.inspect(t.Context(), l, name).Waiters == 2 })
	must(t, h.Unlock(t.Context()))
	must(t, ghost.Close())
	began := time.Now()
	got := <-next // by the follow-up: the grant would last for three seconds
	if took := time.Since(began); took > MaxGrant {
		t.Errorf("passed on after %v", took)
	} else {
		t.Logf("passed on after %v", took)
	}
	must(t, got.Unlock(t.Context()))
}

func TestAUserWithoutChannelsPolls(t *testing.T) {
	n := testredis.NewWith(t, testredis.Options{Users: map[string]string{"quiet": "on >secret ~* resetchannels +@all"}})
	p := pool.New(pool.Options{Conn: conn.Options{Addr: n.Addr(), Username: "quiet", Password: "secret"}})
	t.Cleanup(func() { _ = p.Close() })
	var polling atomic.Int32
	l := locker(t, p, Options{OnEvent: func(e Event) {
		if e.Kind == EventPolling && e.Err != nil {
			polling.Add(1)
		}
	}})
	name := fresh(t)
	h, err := l.Lock(t.Context(), name)
	must(t, err)
	got := queue(t, l, name, 3)
	must(t, h.Unlock(t.Context()))
	if order := got(); !slices.IsSorted(order) {
		t.Error(order)
	}
	if polling.Load() != 1 {
		t.Errorf("told %d times", polling.Load())
	}
}

func TestLockNeverReturnsALockWithAnEndedContext(t *testing.T) {
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		s := &spy{Doer: d}
		l, name := locker(t, s, Options{}), fresh(t)
		var ended context.Context
		for range 50 { // whichever of reply and end is seen first
			ctx, cancel := context.WithCancel(t.Context()) // what was sent for one before may be answered late
			s.set(nil, func(redisCommand) error { cancel(); return nil })
			h, err := w.lock(ctx, l, name)
			if h != nil || !errors.Is(err, context.Canceled) {
				t.Fatal(h, err)
			}
			ended = ctx
		}
		s.set(nil, nil)
		eventually(t, "nothing left", func() bool { return len(leftover(t, n, name)) == 0 })
		before := l.Stats().Asked
		if _, err := w.lock(ended, l, name); !errors.Is(err, context.Canceled) || l.Stats().Asked != before {
			t.Error("asked for an ended context", err)
		}
	})
}

// queueUp has another caller wait for a lock. The channel brings what it gets.
func queueUp(t *testing.T, w way, l *Locker, name string) <-chan *Held {
	next := make(chan *Held)
	go func() {
		h, err := w.lock(t.Context(), l, name)
		if err != nil {
			t.Error(err)
		}
		next <- h
	}()
	return next
}

// races is how many times a cancellation meets a grant.
func races() int {
	if rounds(0) > 0 {
		return 10000
	}
	return 500
}

func TestACancellationThatMeetsAGrantLeavesNothing(t *testing.T) {
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		l, name := locker(t, d, Options{Terms: Terms{TTL: 30 * time.Second}}), fresh(t)
		var got, gone, slow int
		var longest time.Duration
		// How long before the cancellation follows the release: longer after
		// each that came first, shorter after each that came last, so that it
		// stays a race on a machine of any speed.
		within := 600 * time.Microsecond
		for range races() / 2 { // of two clients
			h, err := w.lock(t.Context(), l, name)
			must(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			var ended time.Time
			before := got
			go func() {
				defer close(done)
				next, err := w.lock(ctx, l, name)
				switch {
				case err == nil:
					got++
					_ = next.Unlock(t.Context())
				case errors.Is(err, context.Canceled):
					gone++
					took := time.Since(ended)
					longest = max(longest, took)
					if took > 10*time.Millisecond {
						slow++
					}
				default:
					t.Error(err)
				}
			}()
			for l.Stats().Waiting == 0 {
				pause(ctx, 20*time.Microsecond)
			}
			released := make(chan struct{})
			go func() { _ = h.Unlock(t.Context()); close(released) }()
			for wait, since := rand.N(within), time.Now(); time.Since(since) < wait; {
				runtime.Gosched()
			}
			ended = time.Now()
			cancel()
			<-done
			<-released
			if within = within * 9 / 8; got > before {
				within = within * 2 / 3
			}
			within = min(max(within, 50*time.Microsecond), time.Second)
		}
		t.Logf("%d got it, %d cancelled, the longest return after %v, %d beyond 10ms", got, gone, longest, slow)
		if gone == 0 || got == 0 {
			t.Error("no race")
		}
		eventually(t, "nothing left", func() bool { return len(leftover(t, n, name)) == 0 })
	})
}

func TestWaitingIsBounded(t *testing.T) {
	inEachWay(t, waitingIsBounded)
}

func waitingIsBounded(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
	l, name := locker(t, d, Options{}), fresh(t)
	h, err := w.lock(t.Context(), l, name)
	must(t, err)
	if _, err := w.try(t.Context(), l, name); !errors.Is(err, ErrNotAcquired) {
		t.Error(err)
	}
	if _, err := w.lock(t.Context(), l.With(Terms{Wait: 30 * time.Millisecond}), name); !errors.Is(err, ErrNotAcquired) || errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := w.lock(ctx, l, name); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	must(t, h.Unlock(t.Context()))
	must(t, h.Unlock(t.Context())) // once more says the same
	if keys := leftover(t, n, name); len(keys) > 0 {
		t.Error(keys)
	}
}

func TestBargingServesEverybody(t *testing.T) {
	l, name := locker(t, poolOn(t, shared.Node(t)), Options{Terms: Terms{Barging: true}}), fresh(t)
	n := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				must(t, l.Do(t.Context(), name, func(context.Context, *Held) error { n++; return nil }))
			}
		})
	}
	wg.Wait()
	if n != 400 {
		t.Error(n)
	}
}

func TestScriptsThatTheServerForgetsAreSentAgain(t *testing.T) {
	n := testredis.New(t)
	l, name := locker(t, poolOn(t, n), Options{}), fresh(t)
	for range 20 {
		h, err := l.Lock(t.Context(), name)
		must(t, err)
		n.MustDo(t, "SCRIPT", "FLUSH")
		must(t, h.Renew(t.Context()))
		n.MustDo(t, "SCRIPT", "FLUSH")
		must(t, h.Unlock(t.Context()))
	}
}
