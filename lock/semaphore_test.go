package lock

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

func TestASemaphoreGivesAsManyPermitsAsItHas(t *testing.T) {
	for _, n := range []int{1, 2, 3, 17} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
				l, name := locker(t, d, Options{}), fresh(t)
				s := l.Semaphore(name, n)
				held, last := make([]*Held, n), int64(0)
				for i := range held {
					h, err := s.TryAcquire(t.Context())
					must(t, err)
					if h.Permit() != i || h.Fence() <= last {
						t.Errorf("permit %d with fence %d after %d, want permit %d", h.Permit(), h.Fence(), last, i)
					}
					held[i], last = h, h.Fence()
				}
				if _, err := s.TryAcquire(t.Context()); !errors.Is(err, ErrNotAcquired) {
					t.Error("one more:", err)
				}
				info, err := s.Inspect(t.Context())
				must(t, err)
				if len(info.Holders) != n || !info.Held || info.Fence != last || info.Waiters != 0 {
					t.Errorf("%+v", info)
				}
				for _, h := range held {
					i := slices.IndexFunc(info.Holders, func(x Holder) bool { return x.ID == h.ID() })
					if i < 0 || info.Holders[i].Fence != h.Fence() || info.Holders[i].Permit != h.Permit() || info.Holders[i].Owner == "" || info.Holders[i].TTL <= 0 {
						t.Errorf("%s among %+v", h.ID(), info.Holders)
					}
				}
				free := held[n/2]
				must(t, free.Unlock(t.Context()))
				h, err := s.Acquire(t.Context())
				must(t, err)
				if h.Permit() != free.Permit() {
					t.Errorf("permit %d, want the free one, %d", h.Permit(), free.Permit())
				}
				held[n/2] = h
				for _, h := range held {
					must(t, h.Renew(t.Context()))
					must(t, h.Unlock(t.Context()))
				}
				if keys := leftover(t, node, name); len(keys) > 0 {
					t.Error("left:", keys)
				}
			})
		})
	}
}

func TestASemaphoreWithoutPermitsIsAnErrorBeforeAnyIO(t *testing.T) {
	l := locker(t, poolOn(t, shared.Node(t)), Options{})
	for _, n := range []int{0, -1, -5} {
		s := l.Semaphore("x", n)
		_, err := s.Acquire(t.Context())
		_, err2 := s.TryAcquire(t.Context())
		_, err3 := s.Inspect(t.Context())
		for _, err := range []error{err, err2, err3, s.Do(t.Context(), nil)} {
			if !errors.Is(err, ErrPermits) {
				t.Error(n, err)
			}
		}
	}
	if _, err := l.Semaphore("", 1).Acquire(t.Context()); !errors.Is(err, ErrName) {
		t.Error(err)
	}
	if l.Stats().Asked != 0 {
		t.Error("asked")
	}
}

// Each number of a permit is a lock of its own to the witness.
func TestHoldersOfAPermitStayApart(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name, w := locker(t, d, Options{}), fresh(t), newWitness()
		const permits = 3
		var mu sync.Mutex
		inside, most := 0, 0
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			inside += by
			most = max(most, inside)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 50 {
					h, err := l.Semaphore(name, permits).Acquire(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					count(1)
					eventually(t, "all permits are held at once", func() bool { mu.Lock(); defer mu.Unlock(); return most >= permits })
					part := fmt.Sprintf("%s#%d", name, h.Permit())
					if !w.enter(part, h.Fence(), false) {
						w.outOfOrder(part)
					}
					w.write(part, h.Fence(), false)
					count(-1)
					must(t, h.Unlock(t.Context()))
				}
			})
		}
		wg.Wait()
		s := w.total(func(string) bool { return true })
		t.Logf("%v; %d at once at most, on %d permits", s, most, len(w.locks))
		if most != permits || len(w.locks) != permits || s.sections != 1000 || s.late > 0 || s.disorder > 0 {
			t.Error("more or fewer holders than permits, or out of order")
		}
		if keys := leftover(t, node, name); len(keys) > 0 {
			t.Error("left:", keys)
		}
	})
}

func TestTheNumberOfPermitsMayChange(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{PollInterval: time.Hour}), fresh(t)
		old, grown, shrunk := l.Semaphore(name, 2), l.Semaphore(name, 4), l.Semaphore(name, 1)
		var held []*Held
		for range 2 {
			h, err := old.Acquire(t.Context())
			must(t, err)
			held = append(held, h)
		}
		got := make(chan *Held, 2)
		for i := range 2 { // they go by two
			go func() {
				h, err := old.Acquire(t.Context())
				if err != nil {
					t.Error(err)
				}
				got <- h
			}()
			eventually(t, "a waiter", func() bool { info, _ := old.Inspect(t.Context()); return info.Waiters == i+1 })
		}
		// Who knows of four asks, and those who came before have the new ones.
		if _, err := grown.TryAcquire(t.Context()); !errors.Is(err, ErrNotAcquired) {
			t.Error(err)
		}
		held = append(held, <-got, <-got)
		numbers := map[int]bool{}
		for _, h := range held {
			must(t, h.Check())
			numbers[h.Permit()] = true
		}
		if len(numbers) != 4 {
			t.Error("permits", numbers)
		}
		// Where it has shrunk nobody enters before all but none have left.
		for i, h := range held {
			if _, err := shrunk.TryAcquire(t.Context()); !errors.Is(err, ErrNotAcquired) {
				t.Error(i, err)
			}
			must(t, h.Renew(t.Context())) // nobody has lost a permit
			must(t, h.Unlock(t.Context()))
		}
		h, err := shrunk.TryAcquire(t.Context())
		must(t, err)
		if h.Permit() != 0 {
			t.Error("permit", h.Permit())
		}
		must(t, h.Unlock(t.Context()))
	})
}

func TestAPermitIsTakenFromOneHolderOrFromAll(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{}), fresh(t)
		s := l.Semaphore(name, 3)
		var held []*Held
		for range 3 {
			h, err := s.Acquire(t.Context())
			must(t, err)
			held = append(held, h)
		}
		if done, err := s.ForceRelease(t.Context(), held[1].Fence()); !done || err != nil {
			t.Error(done, err)
		}
		if done, err := s.ForceRelease(t.Context(), held[1].Fence()); done || err != nil {
			t.Error("released twice", err)
		}
		for i, h := range held {
			if err := h.Renew(t.Context()); (err != nil) != (i == 1) || i == 1 && !errors.Is(err, ErrLost) {
				t.Error(i, err)
			}
		}
		if err := held[1].Unlock(t.Context()); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		if done, err := s.Release(t.Context(), held[0].ID()); !done || err != nil {
			t.Error(done, err)
		}
		if done, err := s.ForceRelease(t.Context(), 0); !done || err != nil {
			t.Error(done, err)
		}
		if err := held[2].Renew(t.Context()); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		if keys := leftover(t, node, name); len(keys) > 0 {
			t.Error("left:", keys)
		}
	})
}

// A server that has forgotten everything, as after a failover: each holder takes its
// own number again, unless somebody has acquired a permit since.
func TestAPermitIsAssertedAgainUnlessOthersHaveAcquiredSince(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{Terms: Terms{TTL: time.Hour}}), fresh(t)
		s := l.Semaphore(name, 3)
		var held []*Held
		for range 3 {
			h, err := s.Acquire(t.Context())
			must(t, err)
			held = append(held, h)
		}
		forget := func() {
			for _, key := range held[0].target.keys {
				node.MustDo(t, "DEL", key)
			}
		}
		forget()
		for i := range held { // in whatever order they come
			must(t, held[len(held)-1-i].Renew(t.Context()))
		}
		info, err := s.Inspect(t.Context())
		must(t, err)
		for _, x := range info.Holders {
			i := slices.IndexFunc(held, func(h *Held) bool { return h.ID() == x.ID })
			if i < 0 || held[i].Permit() != x.Permit || held[i].Fence() != x.Fence {
				t.Errorf("%+v", x)
			}
		}
		if len(info.Holders) != 3 || l.Stats().Reasserted != 3 {
			t.Errorf("%+v, %+v", info, l.Stats())
		}
		forget()
		next, err := s.Acquire(t.Context())
		must(t, err)
		for i, h := range held {
			if err := h.Renew(t.Context()); !errors.Is(err, ErrLost) {
				t.Error(i, err)
			}
		}
		must(t, next.Unlock(t.Context()))
	})
}
