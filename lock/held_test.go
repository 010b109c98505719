package lock

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// childKey is a key of a context of the tests.
type childKey struct{}

func TestALockThatIsDeletedIsAssertedAgain(t *testing.T) {
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		l, name := locker(t, d, Options{Terms: Terms{TTL: 600 * time.Millisecond}}), fresh(t)
		h, err := w.lock(t.Context(), l, name)
		must(t, err)
		n.MustDo(t, "DEL", h.target.keys[0])
		eventually(t, "the lock again", func() bool { return w.inspect(t.Context(), l, name).has(h.ID()) })
		eventually(t, "the holder knows", func() bool { return l.Stats().Reasserted == 1 })
		must(t, h.Unlock(t.Context()))
	})
}

func TestAHolderLearnsThatItsLockWasTaken(t *testing.T) {
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		var told atomic.Bool
		l := locker(t, d, Options{Terms: Terms{TTL: 600 * time.Millisecond}, OnEvent: func(e Event) {
			told.Store(told.Load() || e.Kind == EventLost)
		}})
		name := fresh(t)
		h, err := w.lock(t.Context(), l, name)
		must(t, err)
		child, stop := context.WithCancel(h.Context())
		defer stop()
		info := w.inspect(t.Context(), l, name)
		if info.ID != h.ID() || info.Fence != h.Fence() || !info.Held || info.Owner == "" || info.TTL <= 0 {
			t.Errorf("%+v", info)
		}
		if done, err := l.forceRelease(t.Context(), first(w.what(name)), h.Fence()+1); done || err != nil {
			t.Error("released by a wrong fence", err)
		}
		done, err := l.forceRelease(t.Context(), first(w.what(name)), h.Fence())
		if !done || err != nil {
			t.Error(done, err)
		}
		select { // although nobody else has taken the lock: its fence was raised
		case <-child.Done():
		case <-time.After(15 * time.Second):
			t.Fatal("the holder goes on")
		}
		if err := context.Cause(child); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		if err := h.Check(); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		if err := h.Unlock(t.Context()); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		if l.Stats().Reasserted != 0 {
			t.Error("the holder took it back")
		}
		eventually(t, "somebody is told", told.Load)
	})
}

// What a process finds after SIGCONT: time has passed and no timer has run.
func TestTheFirstLookAfterAPauseFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for what, pass := range map[string]func(*Held){
			"monotonic": func(h *Held) { h.deadline.wall += time.Hour; time.Sleep(time.Second) },
			"wall":      func(h *Held) { h.deadline.wall = time.Duration(time.Now().UnixNano()) },
		} {
			c := &core{held: map[string]*Held{}}
			h := (&waiter{c: c, terms: Terms{TTL: time.Second}, parent: t.Context(), seq: "1"}).hold(answer{asked: time.Now()})
			c.timer.Stop() // as if it had not had its turn
			if h.Check() != nil || h.Context().Err() != nil {
				t.Fatal(what, "lost before its time")
			}
			child := context.WithValue(h.Context(), childKey{}, "v")
			pass(h)
			if err := child.Err(); !errors.Is(err, context.Canceled) {
				t.Error(what, err)
			}
			if err := context.Cause(child); !errors.Is(err, ErrLost) {
				t.Error(what, err)
			}
			if h.Check() == nil {
				t.Error(what, "not lost")
			}
		}
	})
}

// Two goroutines look at the same time: the one that comes second sees the loss
// before the first has ended the context.
func TestTheContextEndsAsSoonAsTheLossIsSeen(t *testing.T) {
	c := &core{held: map[string]*Held{}}
	h := (&waiter{c: c, terms: Terms{TTL: time.Minute}, parent: t.Context(), seq: "1"}).hold(answer{asked: time.Now()})
	defer c.timer.Stop()
	h.lost = ErrLost // where end has been and not cancelled yet
	if err := h.Context().Err(); !errors.Is(err, context.Canceled) || !errors.Is(context.Cause(h.Context()), ErrLost) {
		t.Error(err)
	}
}

func TestAnotherRenewalGoesOutWhileOneIsHeld(t *testing.T) {
	s := &spy{Doer: poolOn(t, shared.Node(t))}
	l, name := locker(t, s, Options{Terms: Terms{TTL: 900 * time.Millisecond}}), fresh(t)
	h, err := l.Lock(t.Context(), name)
	must(t, err)
	first := h.Until()
	var n atomic.Int32
	s.set(func(ctx context.Context, cmd resp.Command) error {
		if is(cmd, l.core.scripts.single.renew.Hash()) && n.Add(1) == 1 {
			if until, ok := ctx.Deadline(); !ok || until.After(first) {
				t.Errorf("a renewal may last until %v, the lock until %v", until, first)
			}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}, nil)
	eventually(t, "a second renewal", func() bool { return n.Load() >= 2 && h.Until().After(first) })
	must(t, h.Check())
	must(t, h.Unlock(t.Context()))
}

func TestRenewalsGoOnThroughRefusalsUntilTheDeadline(t *testing.T) {
	for _, text := range []string{
		"BUSY Redis is busy running a script", "LOADING Redis is loading the dataset in memory", "READONLY You can't write against a read only replica.",
		"NOREPLICAS Not enough good replicas to write.", "MASTERDOWN Link with MASTER is down",
		"OOM command not allowed when used memory > 'maxmemory'.", "lost",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s := &spy{Doer: poolOn(t, shared.Node(t))}
			l, name := locker(t, s, Options{}), fresh(t)
			var n atomic.Int32
			refuse := func(until int32) {
				n.Store(0)
				s.set(func(_ context.Context, cmd resp.Command) error {
					switch {
					case !is(cmd, l.core.scripts.single.renew.Hash()) || n.Add(1) > until:
						return nil
					case text == "lost":
						return lostReply
					}
					return resp.ParseError(text)
				}, nil)
			}
			h, err := l.With(Terms{TTL: time.Minute}).Lock(t.Context(), name)
			must(t, err)
			first := h.Until()
			refuse(3)
			l.core.renewNow()
			eventually(t, "a renewal after three that failed", func() bool { return h.Until().After(first) })
			must(t, h.Unlock(t.Context()))

			h, err = l.With(Terms{TTL: 3 * time.Second}).Lock(t.Context(), name)
			must(t, err)
			refuse(1 << 30)
			<-h.Context().Done()
			if time.Now().Before(h.Until()) {
				t.Error("given up before the deadline")
			}
			if n.Load() < 3 {
				t.Errorf("%d renewals tried", n.Load())
			}
			s.set(nil, nil)
			if err := h.Unlock(t.Context()); !errors.Is(err, ErrLost) {
				t.Error(err)
			}
		})
	}
}

// A release whose reply is lost is sent again; in between another has the lock.
func TestAnUnlockThatIsRepeatedFreesNoLaterAcquisition(t *testing.T) {
	inEachWay(t, unlockRepeated)
}

func unlockRepeated(t *testing.T, _ *testredis.Node, d redis.Doer, w way) {
	s := &spy{Doer: d}
	l, name := locker(t, s, Options{}), fresh(t)
	h, err := w.lock(t.Context(), l, name)
	must(t, err)
	must(t, h.Unlock(t.Context())) // the server knows the scripts from now on
	h, err = w.lock(t.Context(), l, name)
	must(t, err)
	var next *Held
	s.set(nil, func(cmd resp.Command) error {
		if !is(cmd, l.core.scripts.of(w.what(name).kind).release.Hash()) || next != nil {
			return nil
		}
		s.set(nil, nil)
		next, err = w.lock(t.Context(), l, name)
		must(t, err)
		return lostReply
	})
	if err := h.Unlock(t.Context()); err != nil {
		t.Errorf("the lock was released by its holder: %v", err)
	}
	if has := w.inspect(t.Context(), l, name).has(next.ID()); !has {
		t.Error("the later acquisition was freed")
	}
	must(t, next.Renew(t.Context()))
	must(t, next.Unlock(t.Context()))
}

// A renewal may be executed after the lock was released.
func TestALateRenewalDoesNotBringAReleasedLockBack(t *testing.T) {
	inEachWay(t, lateRenewal)
}

func lateRenewal(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
	l, name := locker(t, d, Options{}), fresh(t)
	h, err := w.lock(t.Context(), l, name)
	must(t, err)
	must(t, h.Unlock(t.Context()))
	_ = l.core.renew(t.Context(), []*Held{h})
	if keys := leftover(t, n, name); len(keys) > 0 {
		t.Error(keys)
	}
}

func TestALostReplyOfAnAcquisitionCostsNothing(t *testing.T) {
	inEachWay(t, lostReplyOfAcquire)
}

func lostReplyOfAcquire(t *testing.T, _ *testredis.Node, d redis.Doer, w way) {
	s := &spy{Doer: d}
	l, name := locker(t, s, Options{}), fresh(t)
	var lost atomic.Bool
	s.set(nil, func(cmd resp.Command) error {
		if is(cmd, l.core.scripts.of(w.what(name).kind).acquire.Hash()) && lost.CompareAndSwap(false, true) {
			return lostReply
		}
		return nil
	})
	h, err := w.lock(t.Context(), l, name)
	must(t, err)
	must(t, h.Unlock(t.Context()))
	if !lost.Load() || l.Stats().Acquired != 1 {
		t.Errorf("%+v", l.Stats())
	}
}

func TestMaxHoldEndsAHold(t *testing.T) {
	l, name := locker(t, poolOn(t, shared.Node(t)), Options{Terms: Terms{TTL: 300 * time.Millisecond}}), fresh(t)
	h, err := l.With(Terms{MaxHold: 500 * time.Millisecond}).Lock(t.Context(), name)
	must(t, err)
	<-h.Context().Done()
	if err := h.Check(); !errors.Is(err, ErrLost) || !errors.Is(err, ErrMaxHold) {
		t.Error(err)
	}
	next, err := l.Lock(t.Context(), name) // the server lets go as well
	must(t, err)
	must(t, next.Unlock(t.Context()))
}

func TestAThousandLocksAreRenewedByOneCall(t *testing.T) {
	l, name := locker(t, poolOn(t, shared.Node(t)), Options{Terms: Terms{TTL: 3 * time.Second}}), fresh(t)
	held := make([]*Held, 1000)
	for i := range held {
		h, err := l.Lock(t.Context(), name+string(rune('A'+i%26))+time.Duration(i).String())
		must(t, err)
		held[i] = h
	}
	start := held[999].Until()
	settled := func(d time.Duration) func() bool {
		return func() bool {
			for _, h := range held {
				if !h.Until().After(start.Add(d)) {
					return false
				}
			}
			return true
		}
	}
	eventually(t, "one renewal of all", settled(0))
	before, began := l.Stats().RenewCalls, time.Now()
	eventually(t, "three more", settled(3*time.Second))
	calls, ticks := l.Stats().RenewCalls-before, uint64(time.Since(began)/time.Second)+1
	t.Logf("%d calls in at most %d ticks", calls, ticks)
	if calls > ticks {
		t.Error("more than one call a tick")
	}
}

func TestUnlockWorksOnAServerThatIsOutOfMemory(t *testing.T) {
	n := testredis.New(t)
	l, name := locker(t, poolOn(t, n), Options{}), fresh(t)
	h, err := l.Lock(t.Context(), name)
	must(t, err)
	n.MustDo(t, "CONFIG", "SET", "maxmemory", "1")
	must(t, h.Renew(t.Context()))
	must(t, h.Unlock(t.Context()))
	if keys := leftover(t, n, name); len(keys) > 0 {
		t.Error(keys)
	}
}
