package mq

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/redistest"
)

// What is done must be told as fast as more is claimed: otherwise it piles up, and a
// crash has all of it done once more.
func TestOutcomesDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
		c, err := client.Open(t.Context(), g.Options(""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		const n, concurrency = 12_000, 1000
		q := New[[]byte](c, "q", Options{})
		if _, err := q.EnqueueBatch(t.Context(), make([]Item[[]byte], n)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var w *worker
		handled, most := 0, 0
		w = q.newWorker(func(context.Context, *Msg[[]byte]) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			most = max(most, len(w.settles))
			if handled++; handled == n {
				cancel()
			}
			return nil
		}, WorkerOptions{Concurrency: concurrency})
		if err := w.run(ctx); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d outcomes waited at most", most)
		if most > maxSettle+concurrency+DefaultMaxPrefetch {
			t.Errorf("%d outcomes waited", most)
		}
	})
}
