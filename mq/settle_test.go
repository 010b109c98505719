package mq

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redistest"
)

// pile has n messages handled at once, and returns how many outcomes waited at most to be
// told, and their bytes.
func pile(t *testing.T, at client.Options, n int, o WorkerOptions, opts []Option, h func(m *Msg[[]byte]) error) (most, bytes int) {
	c, err := client.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	q := New[[]byte](c, "q", Options{})
	items := make([]Item[[]byte], n)
	for i := range items {
		items[i].Options = opts
	}
	if _, err := q.EnqueueBatch(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var w *worker
	handled := 0
	w = q.newWorker(func(_ context.Context, m *Msg[[]byte]) error {
		err := h(m)
		w.mu.Lock()
		defer w.mu.Unlock()
		most = max(most, len(w.settles))
		now := 0
		for i := range w.settles {
			now += len(w.settles[i].arg)
		}
		bytes = max(bytes, now)
		if handled++; handled == n {
			cancel()
		}
		return err
	}, o)
	if err := w.run(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d outcomes of %d bytes waited at most", most, bytes)
	return most, bytes
}

// What is done must be told as fast as more is claimed: otherwise it piles up, and a
// crash has all of it done once more. Two things see to that, each of them alone: a step
// takes as many outcomes as it claims messages, and who has more than that claims none.
// Without both there are about ten thousand here; for each see the next test.
func TestOutcomesDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, concurrency = 12_000, 1000
		g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
		most, _ := pile(t, g.Options(""), n, WorkerOptions{Concurrency: concurrency}, nil, func(*Msg[[]byte]) error { return nil })
		if most > maxSettle+concurrency+DefaultMaxPrefetch {
			t.Errorf("%d outcomes waited", most)
		}
	})
}

func TestMoreIsClaimedOnlyWhenWhatIsDoneFitsIntoOneStep(t *testing.T) {
	if maxSettle < maxClaim {
		t.Errorf("a step tells of %d, and claims %d", maxSettle, maxClaim)
	}
	for done, want := range map[int]int{0: maxClaim, maxSettle: maxClaim, maxSettle + 1: 0, 10 * maxSettle: 0} {
		w := &worker{o: WorkerOptions{Concurrency: 2 * maxClaim}, settles: make([]settle, done)}
		if n, _, wait := w.plan(); n != want || wait != 0 {
			t.Errorf("%d outcomes wait: claims %d after %v, want %d", done, n, wait, want)
		}
	}
}

// Of large results a step takes few: more is not claimed until they are told.
func TestLargeOutcomesDoNotPileUp(t *testing.T) {
	leak.Check(t)
	const n, concurrency, size = 200, 8, batchBytes / 4
	var at client.Options
	at.Pool.Conn.Addr = testredis.New(t).Addr()
	result := make([]byte, size)
	_, bytes := pile(t, at, n, WorkerOptions{Concurrency: concurrency, MaxPrefetch: -1}, []Option{KeepResult(time.Minute)},
		func(m *Msg[[]byte]) error { return m.SetResult(result) })
	if most := batchBytes + concurrency*size; bytes > most {
		t.Errorf("outcomes of %d bytes waited, at most %d may", bytes, most)
	}
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
