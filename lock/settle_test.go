package lock

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

// The holder that has vanished may be on the side of an old master that goes on.
func TestALockWhoseHolderHasVanishedIsTakenWhenTheServerHasSettled(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			g := redistest.NewGroup(t, redistest.GroupOptions{})
			terms := Terms{TTL: time.Second, MinReplicas: 1}
			ghost := locker(t, open(t, g.Options("")), Options{Terms: Terms{TTL: time.Hour, MinReplicas: 1}})
			l := locker(t, intercepted(open(t, g.Options(""))), Options{Terms: terms})
			vanish := func(name string) {
				h, err := w.lock(t.Context(), ghost, name)
				must(t, err)
				for _, key := range h.target.keys {
					if !strings.HasSuffix(key, ":f") {
						_, err := redis.Del(key).Do(t.Context(), ghost.core.d)
						must(t, err)
					}
				}
				if h.target.kind != single { // what a lease that has ended leaves
					_, err := redis.ZAdd(h.target.keys[0], redis.Z{Score: 1, Member: h.ID()}).Do(t.Context(), ghost.core.d)
					must(t, err)
				}
			}
			take := func(name string) (took time.Duration) {
				began := time.Now()
				h, err := w.lock(t.Context(), l, name)
				must(t, err)
				took = time.Since(began)
				must(t, h.Unlock(t.Context()))
				return took
			}
			vanish("first")
			if h, err := w.try(t.Context(), l, "first"); !errors.Is(err, ErrNotAcquired) {
				t.Fatal(h, err)
			}
			began := time.Now()
			before := l.Stats().Asked
			take("first")
			if l.Stats().Asked-before < 2 {
				t.Error("taken at once: a replica might have confirmed a renewal to an old master")
			}
			l.core.mu.Lock()
			at := l.core.settled.at[1]
			l.core.mu.Unlock()
			if time.Since(at) < terms.TTL {
				t.Errorf("taken %v after the replicas were seen to follow, began %v ago", time.Since(at), time.Since(began))
			}
			vanish("second") // and never again on this server
			before = l.Stats().Asked
			take("second")
			if asked := l.Stats().Asked - before; asked > 1 {
				t.Errorf("asked %d times on a server that has settled", asked)
			}
		})
	}
}
