package pubsub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
)

// Many goroutines subscribe and unsubscribe the same few names, some giving up
// midway, while the connection is cut now and then. In the end the server must
// know just what is wanted.
func TestTheServerEndsUpWithWhatIsWanted(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{MaxBackoff: 5 * time.Millisecond})
	const names, steps = 8, 150
	var subs []*pubsub.Subscription
	wanted := make([]map[string]bool, 6)
	var stepped atomic.Int64
	var wg sync.WaitGroup
	for i := range wanted {
		sub := s.NewSubscription(pubsub.Queue{})
		subs = append(subs, sub)
		wanted[i] = map[string]bool{}
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		wg.Go(func() {
			for range steps {
				name := fmt.Sprint("c", rng.IntN(names))
				ctx, cancel := t.Context(), func() {}
				if rng.IntN(4) == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rng.IntN(500))*time.Microsecond)
				}
				if rng.IntN(2) == 0 {
					if err := sub.Subscribe(ctx, name); err == nil {
						wanted[i][name] = true
					} else if ctx.Err() == nil {
						t.Errorf("subscribe: %v", err)
					}
				} else {
					_ = sub.Unsubscribe(ctx, name) // an error says only that it was not confirmed
					delete(wanted[i], name)
				}
				cancel()
				stepped.Add(1)
			}
		})
	}
	churned := make(chan struct{})
	go func() {
		wg.Wait()
		close(churned)
	}()
	last := int64(0)
	for over := false; !over; {
		select {
		case <-churned:
			over = true
		case <-time.After(5 * time.Millisecond):
			if n := stepped.Load(); n >= last+int64(len(wanted)) { // a slow machine must get on between two cuts
				last = n
				srv.ResetAll()
			}
		}
	}
	leak.Eventually(t, wait, "the server to know what is wanted", func() bool {
		for i := range names {
			name := fmt.Sprint("c", i)
			want := slices.ContainsFunc(wanted, func(w map[string]bool) bool { return w[name] })
			if got := srv.Subscribers(name) > 0; got != want {
				return false
			}
		}
		return s.Stats().Pending == 0
	})
	for i, sub := range subs {
		for name := range wanted[i] {
			if err := sub.Subscribe(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
		_ = sub.Close()
	}
	leak.Eventually(t, wait, "nothing", func() bool { return s.Stats().Channels == 0 })
}
