package mq_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
	users "github.com/kermes-redis/kermes/redistest"
)

func TestWhatCannotBeIsRefusedBeforeAnyIO(t *testing.T) {
	noIO := users.Func(func(args []string) string { t.Errorf("sent %q", args); return users.Null })
	q := mq.New[string](noIO, "q", mq.Options{MaxPayload: 10})
	for name, c := range map[string]struct {
		opt  mq.Option
		want error
	}{
		"empty id":      {mq.ID(""), mq.ErrInvalid},
		"long id":       {mq.ID(strings.Repeat("x", 513)), mq.ErrTooLarge},
		"long delay":    {mq.In(100 * 365 * 24 * time.Hour), mq.ErrInvalid},
		"far time":      {mq.At(time.Now().AddDate(100, 0, 0)), mq.ErrInvalid},
		"priority":      {mq.WithPriority(3), mq.ErrInvalid},
		"policy":        {mq.OnDuplicate(3), mq.ErrInvalid},
		"window":        {mq.Window(-1), mq.ErrInvalid},
		"timeout":       {mq.Timeout(0), mq.ErrInvalid},
		"long kind":     {mq.Kind(strings.Repeat("x", 257)), mq.ErrInvalid},
		"large headers": {mq.Header("h", strings.Repeat("x", 16<<10)), mq.ErrTooLarge},
	} {
		if _, err := q.Enqueue(t.Context(), "v", c.opt); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		var p redis.Pipeline
		q.Queue(t.Context(), &p, "v", c.opt)
		if err := p.Do(t.Context(), noIO); err == nil {
			t.Errorf("%s: queued", name)
		}
	}
	if _, err := q.Enqueue(t.Context(), strings.Repeat("x", 11)); !errors.Is(err, mq.ErrTooLarge) {
		t.Errorf("large payload: %v", err)
	}
	for _, name := range []string{"", "a b", "a{b", "a}b", "a\nb", strings.Repeat("x", 129)} {
		bad := mq.New[string](noIO, name, mq.Options{})
		_, err := bad.Enqueue(t.Context(), "v")
		workErr := bad.Work(t.Context(), nil, mq.WorkerOptions{})
		_, statErr := bad.Stats(t.Context())
		for _, err := range []error{err, workErr, statErr} {
			if !errors.Is(err, mq.ErrInvalid) && !errors.Is(err, mq.ErrTooLarge) {
				t.Errorf("name %q: %v", name, err)
			}
		}
	}
	if err := q.PauseFor(t.Context(), 0); !errors.Is(err, mq.ErrInvalid) {
		t.Errorf("pause: %v", err)
	}
	if _, err := q.Purge(t.Context(), mq.Leased); !errors.Is(err, mq.ErrInvalid) {
		t.Errorf("purge: %v", err)
	}
	if _, _, err := q.List(t.Context(), mq.Ready, "x", 1); !errors.Is(err, mq.ErrInvalid) {
		t.Errorf("cursor: %v", err)
	}
}

func TestAFullQueueRefusesOneMore(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{MaxLen: 5})
		var items []mq.Item[int]
		for i := range 7 {
			items = append(items, mq.Item[int]{Value: i})
		}
		results, err := q.EnqueueBatch(t.Context(), items)
		must(t, err)
		for i, r := range results {
			if full := errors.Is(r.Err(), mq.ErrQueueFull); full != (i >= 5) {
				t.Errorf("message %d: %+v", i, r)
			}
		}
		if _, err := q.Enqueue(t.Context(), 9); !errors.Is(err, mq.ErrQueueFull) {
			t.Errorf("%v", err)
		}
		if r, err := q.Enqueue(t.Context(), 9, mq.ID(results[0].ID), mq.OnDuplicate(mq.Update)); err != nil || r.Action != mq.Updated {
			t.Errorf("an update takes no room: %+v, %v", r, err)
		}
	})
}

func TestANewerFormatIsNotTouched(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		enqueueN(t, q, 3)
		run(t, d, "HSET", "mq:{"+q.Name()+"}:c", "v", "3")
		before := dump(t, d, q.Name())
		_, err := q.Enqueue(t.Context(), 1)
		f, ok := errors.AsType[*mq.FormatError](err)
		if !ok || f.Found != "3" || f.Known != 2 || !errors.Is(err, mq.ErrFormat) {
			t.Errorf("enqueue: %v", err)
		}
		if err := q.Work(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil }, mq.WorkerOptions{}); !errors.Is(err, mq.ErrFormat) {
			t.Errorf("work: %v", err)
		}
		if _, err := q.Repair(t.Context()); !errors.Is(err, mq.ErrFormat) {
			t.Errorf("repair: %v", err)
		}
		if after := dump(t, d, q.Name()); after != before {
			t.Errorf("changed:\n%s\n%s", before, after)
		}
	})
}

func TestMinReplicasConfirmsOrSaysSo(t *testing.T) {
	d := onServer(t) // which has none
	q := newQueue[int](t, d, mq.Options{MinReplicas: 1, DurabilityTimeout: time.Second})
	_, err := q.Enqueue(t.Context(), 1, mq.ID("a"))
	if e, ok := errors.AsType[*mq.DurabilityError](err); !ok || e.Want != 1 || e.Got != 0 || !errors.Is(err, mq.ErrNotDurable) {
		t.Errorf("%v", err)
	}
	n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
	if n != 1 || err != nil {
		t.Errorf("it was added %d times, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Enqueue(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	// With replicas, many callers share a WAIT.
	g := mq.New[int](onGroup(t), "q", mq.Options{MinReplicas: 1, DurabilityTimeout: patience})
	done := make(chan error, 200)
	for i := range 200 {
		go func() { _, err := g.Enqueue(t.Context(), i); done <- err }()
	}
	for range 200 {
		must(t, <-done)
	}
	if s := stats(t, g); s.Ready != 200 || s.Enqueued != 200 {
		t.Errorf("%+v", s)
	}
}

func TestPagesStatsAndRepair(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{MaxAttempts: 1})
		enqueueN(t, q, 25)
		enqueueN(t, q, 5, mq.WithPriority(mq.High), mq.Header("k", "v"), mq.Kind("kind"))
		enqueueN(t, q, 3, mq.In(time.Hour))
		s := stats(t, q)
		if s.Ready != 30 || s.High != 5 || s.Delayed != 3 || s.OldestReady <= 0 && s.OldestReady > time.Minute {
			t.Errorf("%+v", s)
		}
		var ids []string
		for cursor := ""; ; {
			page, next, err := q.List(t.Context(), mq.Ready, cursor, 7)
			must(t, err)
			for _, m := range page {
				ids = append(ids, m.ID)
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if len(ids) != 30 {
			t.Fatalf("%d ids", len(ids))
		}
		first, err := q.Status(t.Context(), ids[0])
		if err != nil || first.Priority != mq.High || first.Headers["k"] != "v" || first.Kind != "kind" || string(first.Payload) != "0" {
			t.Errorf("%+v, %v", first, err)
		}
		if page, _, err := q.List(t.Context(), mq.Delayed, "", 0); err != nil || len(page) != 3 || time.Until(page[0].At) < 50*time.Minute {
			t.Errorf("%+v, %v", page, err)
		}
		// What somebody else has damaged.
		base := "mq:{" + q.Name() + "}:"
		for _, args := range [][]any{
			{"LREM", base + "r1", 1, ids[10]}, {"RPUSH", base + "r1", "ghost", ids[11]},
			{"ZADD", base + "l", 1, ids[12]}, {"HSET", base + "t", "x", "y"}, {"HDEL", base + "m", ""},
		} {
			run(t, d, args[0].(string), args[1:]...)
		}
		want := mq.Repaired{Lost: 1, Ghosts: 1, Doubles: 1, Halves: 2, Guards: true}
		if r, err := q.Verify(t.Context()); r != want || err != nil {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := q.Repair(t.Context()); r != want || err != nil {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := q.Verify(t.Context()); !r.Sound() || err != nil {
			t.Errorf("after the repair: %+v, %v", r, err)
		}
		n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
		if n != 30 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := q.Purge(t.Context(), mq.Delayed); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		sound(t, q)
	})
}

func TestHooksCarryATrace(t *testing.T) {
	type key struct{}
	var enqueued, handled string
	o := mq.Options{Hooks: mq.Hooks{
		Enqueue: func(ctx context.Context, queue string, n int) (context.Context, func(error)) {
			return ctx, func(err error) { enqueued = queue }
		},
		Inject: func(ctx context.Context, h map[string]string) { h["trace"], _ = ctx.Value(key{}).(string) },
		Handle: func(ctx context.Context, m *mq.Info) (context.Context, func(error)) {
			return context.WithValue(ctx, key{}, m.Headers["trace"]), func(err error) { handled = err.Error() }
		},
	}}
	q := newQueue[int](t, onServer(t), o)
	_, err := q.Enqueue(context.WithValue(t.Context(), key{}, "abc"), 1)
	must(t, err)
	var got string
	_, err = q.Drain(t.Context(), func(ctx context.Context, m *mq.Msg[int]) error {
		got, _ = ctx.Value(key{}).(string)
		return mq.DeadLetter(errPlain)
	})
	must(t, err)
	if got != "abc" || enqueued != q.Name() || handled != errPlain.Error() {
		t.Errorf("%q, %q, %q", got, enqueued, handled)
	}
}

func TestATimeoutEndsTheHandlersContext(t *testing.T) {
	q := newQueue[int](t, onServer(t), mq.Options{MaxAttempts: 1})
	_, err := q.Enqueue(t.Context(), 1, mq.Timeout(20*time.Millisecond), mq.ID("a"))
	must(t, err)
	_, err = q.Drain(t.Context(), func(ctx context.Context, m *mq.Msg[int]) error { <-ctx.Done(); return ctx.Err() })
	must(t, err)
	if s, err := q.Status(t.Context(), "a"); err != nil || s.Reason != context.DeadlineExceeded.Error() {
		t.Errorf("%+v, %v", s, err)
	}
}

func run(t *testing.T, d redis.Doer, name string, args ...any) {
	t.Helper()
	_, err := redis.New(redis.Int, name, args...).Do(t.Context(), d)
	must(t, err)
}

// dump returns what is stored of a queue.
func dump(t *testing.T, d redis.Doer, queue string) string {
	t.Helper()
	var b strings.Builder
	for _, key := range []string{"HGETALL c", "HGETALL m", "LRANGE r1", "HGETALL t", "ZRANGE l", "SMEMBERS w"} {
		name, suffix, _ := strings.Cut(key, " ")
		args := []any{"mq:{" + queue + "}:" + suffix}
		if strings.HasSuffix(name, "RANGE") {
			args = append(args, 0, -1)
		}
		v, err := redis.New(redis.Raw, name, args...).Do(t.Context(), d)
		must(t, err)
		b.WriteString(key + " " + v.String() + "\n")
	}
	return b.String()
}

// Queues of one name and two prefixes have nothing in common.
func TestAPrefixKeepsQueuesApart(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{Prefix: "app"})
		other := mq.New[int](d, q.Name(), mq.Options{})
		enqueueN(t, q, 3, mq.Key("k"), mq.Window(time.Hour), mq.KeepResult(time.Hour))
		if a, b := stats(t, q), stats(t, other); a.Ready != 1 || a.Blocked != 2 || b.Ready+b.Blocked != 0 {
			t.Errorf("%+v, %+v", a, b)
		}
		n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
		if n != 3 || err != nil {
			t.Error(n, err)
		}
		keys, err := redis.New(redis.Texts, "KEYS", "*{"+q.Name()+"}*").Do(t.Context(), d)
		must(t, err)
		for _, k := range keys {
			if !strings.HasPrefix(k, "app:{"+q.Name()+"}:") {
				t.Errorf("key %s", k)
			}
		}
		if len(keys) < 8 { // three windows and three results among them
			t.Errorf("%q", keys)
		}
	})
}

func TestTheOldestDeadLettersGo(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		start(t, q, func(context.Context, *mq.Msg[int]) error { return mq.DeadLetter(errPlain) },
			mq.WorkerOptions{Concurrency: 1, MaxDead: 3})
		for i := range 10 {
			_, err := q.Enqueue(t.Context(), i, mq.ID(string(rune('a'+i))))
			must(t, err)
			eventually(t, "it is dead", func() bool { return stats(t, q).Died == int64(i+1) })
		}
		page, _, err := q.List(t.Context(), mq.Dead, "", 0)
		must(t, err)
		if len(page) != 3 || page[0].ID < "h" {
			t.Errorf("%+v", page)
		}
		sound(t, q)
	})
}

func TestClearEndsWindows(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{Window: time.Hour})
		for range 2 {
			_, err := q.Enqueue(t.Context(), 1, mq.ID("a"))
			must(t, err)
			_, err = q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
			must(t, err)
			if _, err := q.Enqueue(t.Context(), 1, mq.ID("a")); !errors.Is(err, mq.ErrDuplicate) {
				t.Errorf("within the window: %v", err)
			}
			_, err = q.Clear(t.Context())
			must(t, err)
		}
	})
}
