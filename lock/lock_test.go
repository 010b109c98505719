package lock

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

func TestFiftyContendersCountTo5000WithoutALock(t *testing.T) {
	full := true // the first, and all of them in make soak-lock
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		l, name := locker(t, d, Options{}), fresh(t)
		each := 5
		if full || rounds(0) > 0 {
			each = 100
		}
		full = false
		counter := sections(t, w, l, name, 50, each)
		if counter != 50*each {
			t.Errorf("%d sections, want %d", counter, 50*each)
		}
		if keys := leftover(t, n, name); len(keys) > 0 {
			t.Error("left:", keys)
		}
		if s := l.Stats(); s.Held != 0 || s.Waiting != 0 || !s.Pushed || s.Granted == 0 {
			t.Errorf("%+v", s)
		}
	})
}

// sections has callers take a lock, each so often, and returns how often it was held, as
// counted under the lock alone. Fences must grow.
func sections(t *testing.T, w way, l *Locker, name string, callers, each int) int {
	t.Helper()
	counter, last := 0, int64(0)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				h, err := w.lock(t.Context(), l, name)
				if err != nil {
					t.Error(err)
					return
				}
				if h.Fence() <= last {
					t.Errorf("fence %d after %d", h.Fence(), last)
				}
				last = h.Fence()
				counter++
				if err := h.Unlock(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return counter
}

func TestAWaiterThatGivesUpReturnsInTimeAndLeavesNothing(t *testing.T) {
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		l, name := locker(t, d, Options{}), fresh(t)
		h, err := w.lock(t.Context(), l, name)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() { _, err := w.lock(ctx, l, name); failed <- err }()
		eventually(t, "a waiter", func() bool { return w.inspect(t.Context(), l, name).Waiters == 1 })
		began := time.Now()
		cancel()
		err = <-failed
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		t.Logf("returned after %v", time.Since(began))
		eventually(t, "an empty queue", func() bool { return w.inspect(t.Context(), l, name).Waiters == 0 })
		must(t, h.Unlock(t.Context()))
		if keys := leftover(t, n, name); len(keys) > 0 {
			t.Error("left:", keys)
		}
	})
}
