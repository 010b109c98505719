package lock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

// Who may come in beside whom, without waiting.
func TestReadersShareAndWritersDoNot(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l := locker(t, d, Options{})
		for _, row := range []struct {
			inside  string // r or w each
			comes   string
			enters  bool
			writers int
		}{
			{"", "r", true, 0}, {"", "w", true, 0},
			{"r", "r", true, 0}, {"rrr", "r", true, 0},
			{"r", "w", false, 0}, {"rrr", "w", false, 0},
			{"w", "r", false, 1}, {"w", "w", false, 1},
		} {
			rw := l.RWLock(fresh(t))
			try := map[string]func(context.Context) (*Held, error){"r": rw.TryRLock, "w": rw.TryLock}
			name := rw.read.names[0]
			var held []*Held
			for _, c := range row.inside {
				h, err := try[string(c)](t.Context())
				must(t, err)
				held = append(held, h)
			}
			h, err := try[row.comes](t.Context())
			if row.enters != (err == nil) || err != nil && !errors.Is(err, ErrNotAcquired) {
				t.Errorf("%q, and then %s: %v", row.inside, row.comes, err)
			}
			if err == nil {
				must(t, h.Unlock(t.Context()))
			}
			info, err := rw.Inspect(t.Context())
			must(t, err)
			writers := 0
			for _, x := range info.Holders {
				if x.Writer {
					writers++
				}
			}
			if len(info.Holders) != len(held) || writers != row.writers {
				t.Errorf("%q: %+v", row.inside, info)
			}
			for _, h := range held {
				must(t, h.Renew(t.Context()))
				must(t, h.Unlock(t.Context()))
			}
			if keys := leftover(t, node, name); len(keys) > 0 {
				t.Error("left:", keys)
			}
		}
	})
}

func TestAWriterThatWaitsIsNotStarved(t *testing.T) {
	for _, o := range []Options{{PollInterval: time.Hour}, {NoPush: true}} {
		onEach(t, func(t *testing.T, _ *testredis.Node, d redis.Doer) {
			l := locker(t, d, o)
			rw := l.RWLock(fresh(t))
			first, err := rw.RLock(t.Context())
			must(t, err)
			order := make(chan string, 10)
			held := make(chan *Held, 10)
			for i, who := range []string{"w", "r", "r", "w", "r"} {
				lock := map[string]func(context.Context) (*Held, error){"r": rw.RLock, "w": rw.Lock}[who]
				go func() {
					h, err := lock(t.Context())
					if err != nil {
						t.Error(err)
					}
					order <- who
					held <- h
				}()
				eventually(t, "a waiter", func() bool { info, _ := rw.Inspect(t.Context()); return info.Waiters == i+1 })
			}
			if _, err := rw.TryRLock(t.Context()); !errors.Is(err, ErrNotAcquired) {
				t.Error("a reader has passed the writer that waits:", err)
			}
			must(t, first.Unlock(t.Context()))
			var got []string
			for _, together := range []int{1, 2, 1, 1} { // the readers that wait next to each other come in together
				var inside []*Held
				for range together {
					got = append(got, <-order)
					inside = append(inside, <-held)
				}
				for _, h := range inside {
					must(t, h.Unlock(t.Context()))
				}
			}
			if !slices.Equal(got, []string{"w", "r", "r", "w", "r"}) {
				t.Error(got)
			}
		})
	}
}

func TestReadersEnterWhenTheWriterBeforeThemGivesUp(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{PollInterval: time.Hour}), fresh(t)
		rw := l.RWLock(name)
		first, err := rw.RLock(t.Context())
		must(t, err)
		ctx, giveUp := context.WithCancel(t.Context())
		failed, entered := make(chan error, 1), make(chan *Held, 1)
		go func() { _, err := rw.Lock(ctx); failed <- err }()
		eventually(t, "the writer waits", func() bool { info, _ := rw.Inspect(t.Context()); return info.Waiters == 1 })
		go func() {
			h, err := rw.RLock(t.Context())
			if err != nil {
				t.Error(err)
			}
			entered <- h
		}()
		eventually(t, "the reader waits", func() bool { info, _ := rw.Inspect(t.Context()); return info.Waiters == 2 })
		giveUp()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		must(t, (<-entered).Unlock(t.Context())) // while the first still reads
		must(t, first.Unlock(t.Context()))
		if keys := leftover(t, node, name); len(keys) > 0 {
			t.Error("left:", keys)
		}
	})
}

// Writers are judged by a counter that only the lock guards, readers by the writers
// that they see.
func TestWritersAreAloneAmongReaders(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{}), fresh(t)
		rw := l.RWLock(name)
		counter := 0 // guarded by the lock alone
		var readers, writing atomic.Int32
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				for range 30 {
					if i%4 == 0 {
						must(t, rw.Do(t.Context(), func(context.Context, *Held) error {
							if writing.Add(1) > 1 || readers.Load() > 0 {
								t.Error("a writer was not alone")
							}
							counter++
							writing.Add(-1)
							return nil
						}))
						continue
					}
					must(t, rw.RDo(t.Context(), func(context.Context, *Held) error {
						readers.Add(1)
						before := counter
						if writing.Load() > 0 || counter != before {
							t.Error("a writer beside a reader")
						}
						readers.Add(-1)
						return nil
					}))
				}
			})
		}
		wg.Wait()
		if counter != 180 {
			t.Errorf("%d writes, want 180", counter)
		}
		if keys := leftover(t, node, name); len(keys) > 0 {
			t.Error("left:", keys)
		}
	})
}

func TestAnRWLockIsTakenFromOneHolderOrFromAll(t *testing.T) {
	l := locker(t, poolOn(t, shared.Node(t)), Options{})
	rw := l.RWLock(fresh(t))
	var held []*Held
	for range 3 {
		h, err := rw.RLock(t.Context())
		must(t, err)
		held = append(held, h)
	}
	if done, err := rw.ForceRelease(t.Context(), held[2].Fence()); !done || err != nil {
		t.Error(done, err)
	}
	if err := held[2].Renew(t.Context()); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	must(t, held[1].Renew(t.Context()))
	if done, err := rw.Release(t.Context(), held[1].ID()); !done || err != nil {
		t.Error(done, err)
	}
	if done, err := rw.ForceRelease(t.Context(), 0); !done || err != nil {
		t.Error(done, err)
	}
	h, err := rw.TryLock(t.Context())
	must(t, err)
	if err := held[0].Renew(t.Context()); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	must(t, h.Unlock(t.Context()))
}
