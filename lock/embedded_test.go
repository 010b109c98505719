package lock

import (
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

// onEmbedded runs a test in each way on the embedded servers.
func onEmbedded(t *testing.T, o redistest.GroupOptions, f func(t *testing.T, d redis.Doer, w way)) {
	g := redistest.NewGroup(t, o)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			inLayers(t, func(t *testing.T, over layer) { f(t, over.over(open(t, g.Options(""))), w) })
		})
	}
}

func TestTheEmbeddedServersDoAllThatLocksNeed(t *testing.T) {
	onEmbedded(t, redistest.GroupOptions{}, func(t *testing.T, d redis.Doer, w way) {
		l, name := locker(t, d, Options{}), fresh(t)
		counter := sections(t, w, l, name, 6, 4)
		if counter != 24 {
			t.Errorf("%d sections", counter)
		}
		h, err := w.try(t.Context(), l, name)
		must(t, err)
		if _, err := w.try(t.Context(), l, name); !errors.Is(err, ErrNotAcquired) {
			t.Error(err)
		}
		if i := w.inspect(t.Context(), l, name); i.ID != h.ID() || i.Owner == "" || i.Fence != h.Fence() || i.TTL <= 0 || i.TTL > DefaultTTL || i.Waiters != 0 {
			t.Errorf("%+v", i)
		}
		must(t, h.Renew(t.Context()))
		if done, err := l.forceRelease(t.Context(), first(w.what(name)), 0); !done || err != nil {
			t.Error(done, err)
		}
		if err := h.Renew(t.Context()); !errors.Is(err, ErrLost) {
			t.Error("the holder has taken it back:", err)
		}
		if err := h.Unlock(t.Context()); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		next, err := w.try(t.Context(), l, name)
		must(t, err)
		if next.Fence() <= h.Fence() {
			t.Errorf("fence %d after %d", next.Fence(), h.Fence())
		}
		must(t, next.Unlock(t.Context()))
	})
}

// A master without replicas, as one that an election has orphaned: nothing counts there.
func TestAnAcquisitionThatNoReplicaHasIsGivenBack(t *testing.T) {
	onEmbedded(t, redistest.GroupOptions{Replicas: -1}, func(t *testing.T, d redis.Doer, w way) {
		l, name := locker(t, d, Options{}), fresh(t)
		strict := l.With(Terms{MinReplicas: 1, ReplicaTimeout: 50 * time.Millisecond})
		if h, err := w.lock(t.Context(), strict, name); h != nil || !errors.Is(err, ErrNotReplicated) {
			t.Error(h, err)
		}
		h, err := w.lock(t.Context(), l, name) // long before a ttl is over
		must(t, err)
		first := h.Until()
		h.terms.MinReplicas = 1
		if err := h.Renew(t.Context()); !errors.Is(err, ErrNotReplicated) || h.Until().After(first) {
			t.Error("a renewal that no replica has has moved the deadline:", err)
		}
		must(t, h.Unlock(t.Context()))
	})
}
