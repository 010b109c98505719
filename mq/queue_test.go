package mq_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
)

// start runs a worker until the test ends, or stop is called.
func start[T any](t *testing.T, q *mq.Queue[T], h mq.Handler[T], o mq.WorkerOptions) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := q.Worker(h, o)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	r := &running{Worker: w, stop: sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return errors.New("the worker does not end")
		}
	})}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

// eventually waits for f, and asks the less often the longer that takes: in a bubble,
// where waiting costs nothing, asking does.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	pause := time.Millisecond
	for end := time.Now().Add(patience); !f(); time.Sleep(pause) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		pause = min(pause+pause/4+1, 50*time.Millisecond)
	}
}

// log collects what handlers have seen.
type seen struct {
	mu  sync.Mutex
	all []string
}

func (s *seen) add(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, fmt.Sprintf(format, args...))
}

func (s *seen) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

func (s *seen) len() int { return len(s.list()) }

func stats[T any](t *testing.T, q *mq.Queue[T]) mq.Stats {
	t.Helper()
	s, err := q.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sound fails if the queue is not empty or not as it must be.
func sound[T any](t *testing.T, q *mq.Queue[T]) {
	t.Helper()
	eventually(t, "nothing is left", func() bool { s := stats(t, q); return s.Ready+s.Delayed+s.Leased == 0 })
	r, err := q.Verify(t.Context())
	if err != nil || !r.Sound() {
		t.Errorf("the queue is not sound: %+v, %v", r, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMessagesAreHandledOnceInTheirOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		var items []mq.Item[int]
		for i := range 1000 {
			items = append(items, mq.Item[int]{Value: i})
		}
		results, err := q.EnqueueBatch(t.Context(), items)
		must(t, err)
		if len(results) != 1000 || results[999].Action != mq.Added {
			t.Fatalf("%d results, last %+v", len(results), results[len(results)-1])
		}
		var got seen
		w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error {
			got.add("%d/%d", m.Value, m.Attempt)
			return nil
		}, mq.WorkerOptions{Concurrency: 1})
		eventually(t, "all handled", func() bool { return got.len() >= 1000 })
		must(t, w.stop())
		for i, s := range got.list() {
			if s != fmt.Sprintf("%d/1", i) {
				t.Fatalf("message %d is %s", i, s)
			}
		}
		sound(t, q)
		if s := stats(t, q); s.Enqueued != 1000 || s.Handled != 1000 || s.Crashed != 0 {
			t.Errorf("stats %+v", s)
		}
		onlyTheseKeys(t, d, q.Name(), "c", "m", "l", "t", "w", "p")
	})
}

// onlyTheseKeys fails if the queue has other keys.
func onlyTheseKeys(t *testing.T, d redis.Doer, queue string, names ...string) {
	t.Helper()
	keys, err := redis.New(redis.Texts, "KEYS", "mq:{"+queue+"}:*").Do(t.Context(), d)
	must(t, err)
	for _, k := range keys {
		_, rest, _ := strings.Cut(k, "}:")
		name, _, _ := strings.Cut(rest, ":")
		if !slices.Contains(names, name) {
			t.Errorf("key %s is left", k)
		}
	}
}

func TestAnIdNamesOneMessage(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		ctx := t.Context()
		q := newQueue[string](t, d, mq.Options{})
		r, err := q.Enqueue(ctx, "old", mq.ID("a"))
		if err != nil || r != (mq.Result{ID: "a", Action: mq.Added}) {
			t.Fatalf("%+v, %v", r, err)
		}
		r, err = q.Enqueue(ctx, "other", mq.ID("a"))
		if dup, ok := errors.AsType[*mq.DuplicateError](err); !ok || dup.State != mq.Ready || r.ID != "a" || !errors.Is(err, mq.ErrDuplicate) {
			t.Fatalf("%+v, %v", r, err)
		}
		if r, err = q.Enqueue(ctx, "new", mq.ID("a"), mq.OnDuplicate(mq.Update)); err != nil || r.Action != mq.Updated {
			t.Fatalf("%+v, %v", r, err)
		}
		var got seen
		first := true
		handler := func(ctx context.Context, m *mq.Msg[string]) error {
			got.add("%s/%d", m.Value, m.Attempt)
			if !first {
				return nil
			}
			first = false
			if _, err := q.Enqueue(ctx, "x", mq.ID("a"), mq.OnDuplicate(mq.Update)); !errors.Is(err, mq.ErrDuplicate) {
				t.Errorf("update of a leased message: %v", err)
			}
			for i, want := range []mq.Action{mq.Requeued, mq.Updated} {
				r, err := q.Enqueue(ctx, fmt.Sprint("again", i), mq.ID("a"), mq.OnDuplicate(mq.Requeue))
				if err != nil || r.Action != want {
					t.Errorf("requeue %d: %+v, %v", i, r, err)
				}
			}
			if s, err := q.Status(ctx, "a"); err != nil || s.State != mq.Leased || !s.Successor {
				t.Errorf("status %+v, %v", s, err)
			}
			m.KeepID(time.Hour)
			return nil
		}
		n, err := q.Drain(ctx, handler)
		must(t, err)
		if want := []string{"new/1", "again1/1"}; n != 2 || !slices.Equal(got.list(), want) {
			t.Fatalf("handled %d: %q, want %q", n, got.list(), want)
		}
		if s, err := q.Status(ctx, "a"); err != nil || s.State != mq.Done {
			t.Errorf("status within the window: %+v, %v", s, err)
		}
		_, err = q.Enqueue(ctx, "late", mq.ID("a"))
		if dup, ok := errors.AsType[*mq.DuplicateError](err); !ok || dup.State != mq.Done {
			t.Errorf("within the window: %v", err)
		}
		if _, err := q.Purge(ctx, mq.Done); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Enqueue(ctx, "free", mq.ID("a")); err != nil {
			t.Errorf("after a purge of windows: %v", err)
		}
		if n, err := q.Clear(ctx); n != 1 || err != nil {
			t.Errorf("clear: %d, %v", n, err)
		}
		sound(t, q)
	})
}

func TestAWindowEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[string](t, d, mq.Options{})
		_, err := q.Enqueue(t.Context(), "v", mq.ID("a"), mq.Window(2*time.Second))
		must(t, err)
		_, err = q.Drain(t.Context(), func(context.Context, *mq.Msg[string]) error { return nil })
		must(t, err)
		if _, err = q.Enqueue(t.Context(), "v", mq.ID("a")); !errors.Is(err, mq.ErrDuplicate) {
			t.Fatalf("within the window: %v", err)
		}
		eventually(t, "the window to end", func() bool {
			_, err := q.Enqueue(t.Context(), "v", mq.ID("a"))
			return err == nil
		})
	})
}

func TestPrioritiesAreStrict(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[string](t, d, mq.Options{})
		for _, p := range []mq.Priority{mq.Low, mq.Normal, mq.High} {
			var items []mq.Item[string]
			for range 100 {
				items = append(items, mq.Item[string]{Value: p.String(), Options: []mq.Option{mq.WithPriority(p)}})
			}
			_, err := q.EnqueueBatch(t.Context(), items)
			must(t, err)
		}
		var got seen
		n, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[string]) error {
			got.add("%s", m.Value)
			if m.Priority.String() != m.Value {
				t.Errorf("%s in band %s", m.Value, m.Priority)
			}
			return nil
		})
		must(t, err)
		for i, want := range []string{"high", "normal", "low"} {
			for j := range 100 {
				if n != 300 || got.list()[i*100+j] != want {
					t.Fatalf("%d of %d is %s, want %s", i*100+j, n, got.list()[i*100+j], want)
				}
			}
		}
		sound(t, q)
	})
}

func TestAttemptsAreCountedAndTheLastOneIsADeadLetter(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		ctx := t.Context()
		q := newQueue[string](t, d, mq.Options{MaxAttempts: 3})
		_, err := q.Enqueue(ctx, "v", mq.ID("a"), mq.WithPriority(mq.High))
		must(t, err)
		var got seen
		w := start(t, q, func(_ context.Context, m *mq.Msg[string]) error {
			got.add("%d of %d", m.Attempt, m.MaxAttempts)
			return fmt.Errorf("no luck %d", m.Attempt)
		}, mq.WorkerOptions{Backoff: mq.Backoff(time.Millisecond, 5*time.Millisecond)})
		eventually(t, "a dead letter", func() bool { return stats(t, q).Dead == 1 })
		if want := []string{"1 of 3", "2 of 3", "3 of 3"}; !slices.Equal(got.list(), want) {
			t.Fatalf("%q", got.list())
		}
		s, err := q.Status(ctx, "a")
		if err != nil || s.State != mq.Dead || s.Reason != "no luck 3" || s.Failures != 3 || s.Priority != mq.High || s.At.IsZero() {
			t.Fatalf("status %+v, %v", s, err)
		}
		must(t, w.stop())
		// It does not block its id.
		r, err := q.Enqueue(ctx, "second life", mq.ID("a"))
		if err != nil || !r.PriorDead {
			t.Fatalf("%+v, %v", r, err)
		}
		if _, err := q.Redrive(ctx, "a"); !errors.Is(err, mq.ErrDuplicate) {
			t.Errorf("redrive of an id that lives: %v", err)
		}
		_, err = q.Drain(ctx, func(_ context.Context, m *mq.Msg[string]) error { got.add("%s", m.Value); return nil })
		must(t, err)
		if n, err := q.Redrive(ctx, "a", "none"); n != 1 || err != nil {
			t.Fatalf("redriven %d, %v", n, err)
		}
		_, err = q.Drain(ctx, func(_ context.Context, m *mq.Msg[string]) error {
			got.add("%s %d", m.Value, m.Attempt)
			return nil
		})
		must(t, err)
		if want := []string{"second life", "v 1"}; !slices.Equal(got.list()[3:], want) {
			t.Errorf("%q", got.list())
		}
		sound(t, q)
	})
}
