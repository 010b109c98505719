package mq

import (
	"context"
	"strings"
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

// Results may be large: a script takes as many as fit, and one at least.
func TestOutcomesOfOneStepAreBounded(t *testing.T) {
	of := func(sizes ...int) (all []settle) {
		for _, n := range sizes {
			all = append(all, settle{op: opResult, arg: strings.Repeat("x", n)})
		}
		return all
	}
	for _, c := range []struct {
		all  []settle
		want int
	}{
		{of(), 0}, {of(0, 0, 0), 3}, {of(batchBytes/2, batchBytes/2, 1), 2}, {of(2*batchBytes, 0), 1}, {of(1, 2*batchBytes), 1},
	} {
		if n := fitting(c.all); n != c.want {
			t.Errorf("%d of %d outcomes, want %d", n, len(c.all), c.want)
		}
	}
	w := &worker{settles: of(batchBytes, batchBytes, batchBytes)}
	for left := 2; left >= 0; left-- {
		if n := len(w.takeSettles()); n != 1 || len(w.settles) != left {
			t.Errorf("%d taken, %d left", n, len(w.settles))
		}
	}
}
