package mq_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
	users "github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

func enqueueN(t *testing.T, q *mq.Queue[int], n int, opts ...mq.Option) {
	t.Helper()
	var items []mq.Item[int]
	for i := range n {
		items = append(items, mq.Item[int]{Value: i, Options: opts})
	}
	_, err := q.EnqueueBatch(context.Background(), items)
	must(t, err)
}

// counter counts how often each message was handled.
type counter struct {
	mu sync.Mutex
	n  map[int]int
}

func (c *counter) add(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[int]int{}
	}
	c.n[i]++
}

func (c *counter) distinct() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.n)
}

// twice returns how many calls there were beyond one for each message.
func (c *counter) twice() (extra int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.n {
		extra += n - 1
	}
	return extra
}

func TestADelayedMessageIsNeverEarlyAndIdleWorkersAreOnTime(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[time.Time](t, d, mq.Options{})
		var early, handled atomic.Int64
		start(t, q, func(_ context.Context, m *mq.Msg[time.Time]) error {
			if time.Now().Before(m.Value.Add(-2 * time.Millisecond)) { // two clocks, each in milliseconds
				early.Add(1)
			}
			handled.Add(1)
			return nil
		}, mq.WorkerOptions{PollInterval: time.Hour}) // no poll helps
		eventually(t, "the worker is idle", func() bool { return stats(t, q).Idle == 1 })
		for i := range 20 {
			delay := time.Duration(20-i) * 20 * time.Millisecond // each earlier than the one before
			_, err := q.Enqueue(t.Context(), time.Now().Add(delay), mq.In(delay))
			must(t, err)
		}
		_, err := q.Enqueue(t.Context(), time.Now().Add(50*time.Millisecond), mq.At(time.Now().Add(50*time.Millisecond)))
		must(t, err)
		eventually(t, "all handled", func() bool { return handled.Load() == 21 })
		if early.Load() > 0 {
			t.Errorf("%d were early", early.Load())
		}
		sound(t, q)
	})
}

func TestADelayLongerThanTheLeaseIsHandledOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		var got counter
		h := func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil }
		for range 3 {
			start(t, q, h, mq.WorkerOptions{Lease: 3 * time.Second})
		}
		enqueueN(t, q, 200, mq.In(4*time.Second))
		eventually(t, "all handled", func() bool { return got.distinct() == 200 && stats(t, q).Leased == 0 })
		if got.twice() != 0 {
			t.Errorf("%d handled twice", got.twice())
		}
		sound(t, q)
	})
}

func TestALongHandlerKeepsItsLease(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		var got counter
		h := func(ctx context.Context, m *mq.Msg[int]) error {
			got.add(m.Value)
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(4 * time.Second):
				return nil
			}
		}
		enqueueN(t, q, 40)
		a := start(t, q, h, mq.WorkerOptions{Concurrency: 20, Lease: 3 * time.Second})
		b := start(t, q, h, mq.WorkerOptions{Concurrency: 20, Lease: 3 * time.Second})
		eventually(t, "all handled", func() bool { return stats(t, q).Handled == 40 })
		if got.twice() != 0 || a.Stats().LeaseLost+b.Stats().LeaseLost != 0 {
			t.Errorf("%d handled twice, stats %+v %+v", got.twice(), a.Stats(), b.Stats())
		}
		sound(t, q)
	})
}

func TestAPanicAndGoexitAreFailuresAndTheWorkerLives(t *testing.T) {
	q := newQueue[int](t, onServer(t), mq.Options{MaxAttempts: 1})
	enqueueN(t, q, 4)
	var panics atomic.Int64
	w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error {
		switch m.Value {
		case 0:
			panic("boom")
		case 1:
			runtime.Goexit()
		case 2:
			var p *int
			*p = 1
		}
		return nil
	}, mq.WorkerOptions{Concurrency: 1, OnEvent: func(e mq.Event) {
		if p, ok := errors.AsType[*mq.PanicError](e.Err); ok && e.Kind == mq.EventPanic && len(p.Stack) > 0 {
			panics.Add(1)
		}
	}})
	eventually(t, "all settled", func() bool { s := stats(t, q); return s.Dead == 3 && s.Handled == 1 })
	if panics.Load() != 2 || w.Stats().Panics != 2 {
		t.Errorf("%d panics told, %+v", panics.Load(), w.Stats())
	}
	page, _, err := q.List(t.Context(), mq.Dead, "", 0)
	must(t, err)
	var reasons string
	for _, s := range page {
		reasons += s.Reason + "\n"
	}
	for _, want := range []string{"mq: panic in a handler: boom", "worker_test.go", "Goexit", "nil pointer"} {
		if !strings.Contains(reasons, want) {
			t.Errorf("no %q in %s", want, reasons)
		}
	}
	sound(t, q)
}

func TestABatchIsOneScriptForFiveHundred(t *testing.T) {
	node := testredis.New(t)
	q := newQueue[int](t, clientOf(t, node.Addr()), mq.Options{})
	_, err := q.Enqueue(t.Context(), 0) // the server learns the script
	must(t, err)
	node.MustDo(t, "CONFIG", "RESETSTAT")
	enqueueN(t, q, 10_000)
	if n, err := node.CommandCalls("evalsha"); n != 20 || err != nil {
		t.Errorf("%d calls, %v", n, err)
	}
	n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
	if n != 10_001 || err != nil {
		t.Errorf("handled %d, %v", n, err)
	}
	sound(t, q)
}

func TestATransactionEnqueuesWithTheRest(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[string](t, d, mq.Options{})
		key := "tx-" + q.Name()
		for i := range 2 {
			var p redis.Pipeline
			redis.Set(key, fmt.Sprint(i)).Queue(&p)
			first := q.Queue(t.Context(), &p, "a", mq.ID(fmt.Sprint("a", i)))
			second := q.Queue(t.Context(), &p, "b")
			must(t, p.Exec(t.Context(), d.(redis.Leaser)))
			r, err := first.Value()
			if err != nil || r.Action != mq.Added || r.ID != fmt.Sprint("a", i) {
				t.Fatalf("%+v, %v", r, err)
			}
			if r, err := second.Value(); err != nil || r.ID == "" {
				t.Fatalf("%+v, %v", r, err)
			}
			must(t, redis.ScriptFlush(false).Do(t.Context(), d))
		}
		err := redis.Transact(t.Context(), d.(redis.Leaser), redis.TxOptions{}, func(ctx context.Context, tx *redis.Tx) error {
			q.Queue(ctx, &tx.Pipeline, "never")
			return errors.New("no")
		})
		if err == nil {
			t.Fatal("the transaction succeeded")
		}
		var got seen
		_, err = q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[string]) error { got.add("%s", m.Value); return nil })
		must(t, err)
		if want := []string{"a", "b", "a", "b"}; !slices.Equal(got.list(), want) {
			t.Errorf("%q", got.list())
		}
	})
}

func TestScriptsThatAreFlushedAllTheTimeLoseNothing(t *testing.T) {
	d := onServer(t)
	q := newQueue[int](t, d, mq.Options{})
	var got counter
	start(t, q, func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil }, mq.WorkerOptions{Concurrency: 20})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var producers sync.WaitGroup
	var sent atomic.Int64
	for range 20 {
		producers.Go(func() {
			for ctx.Err() == nil {
				if _, err := q.Enqueue(context.Background(), int(sent.Add(1))); err != nil {
					t.Errorf("enqueue: %v", err)
					return
				}
			}
		})
	}
	for ctx.Err() == nil {
		must(t, redis.ScriptFlush(false).Do(context.Background(), d))
		time.Sleep(20 * time.Millisecond) // the pace of the fault
	}
	producers.Wait()
	eventually(t, "all handled", func() bool { return int64(got.distinct()) == sent.Load() && stats(t, q).Leased == 0 })
	if got.twice() != 0 {
		t.Errorf("%d handled twice", got.twice())
	}
	sound(t, q)
}

func TestAPausedQueueIsNotClaimedFrom(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		var got counter
		start(t, q, func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil },
			mq.WorkerOptions{PollInterval: 20 * time.Millisecond})
		must(t, q.Pause(t.Context()))
		enqueueN(t, q, 10)
		time.Sleep(200 * time.Millisecond) // ten polls
		if s := stats(t, q); got.distinct() != 0 || !s.Paused || s.Ready != 10 {
			t.Fatalf("%d handled, %+v", got.distinct(), s)
		}
		must(t, q.Resume(t.Context()))
		eventually(t, "all handled", func() bool { return got.distinct() == 10 })
		until := time.Now().Add(198 * time.Millisecond)
		must(t, q.PauseFor(t.Context(), 200*time.Millisecond))
		enqueueN(t, q, 11)
		eventually(t, "the end of the pause", func() bool { return got.distinct() == 11 })
		if time.Now().Before(until) {
			t.Error("handled within the pause")
		}
		sound(t, q)
	})
}

// A worker that is full of long handlers must not take a wake-up from an idle one.
func TestAnIdleWorkerIsWokenAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[string](t, d, mq.Options{})
		release := make(chan struct{})
		var handled atomic.Int64
		h := func(_ context.Context, m *mq.Msg[string]) error {
			handled.Add(1)
			if m.Value == "long" {
				<-release
			}
			return nil
		}
		slow := mq.WorkerOptions{Concurrency: 1, PollInterval: time.Hour, StopTimeout: time.Second}
		start(t, q, h, slow)
		eventually(t, "one idle", func() bool { return stats(t, q).Idle == 1 })
		_, err := q.Enqueue(t.Context(), "long")
		must(t, err)
		eventually(t, "it is full", func() bool { return handled.Load() == 1 })
		start(t, q, h, slow)
		eventually(t, "another is idle", func() bool { return stats(t, q).Idle == 1 })
		for i := range 20 {
			_, err := q.Enqueue(t.Context(), "short")
			must(t, err)
			eventually(t, "a short one handled without a poll", func() bool { return handled.Load() == int64(i+2) })
		}
		close(release)
	})
}

func TestStopReleasesAtTheFrontWithTheAttemptUnchanged(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		enqueueN(t, q, 30)
		var began, ended counter
		w := start(t, q, func(ctx context.Context, m *mq.Msg[int]) error {
			began.add(m.Value)
			<-ctx.Done()
			ended.add(m.Value)
			return context.Cause(ctx)
		}, mq.WorkerOptions{Concurrency: 20, StopTimeout: 300 * time.Millisecond})
		eventually(t, "twenty at work", func() bool { return began.distinct() == 20 })
		must(t, w.stop())
		if ended.distinct() != 20 {
			t.Errorf("%d handlers ended", ended.distinct())
		}
		var next seen
		_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int]) error {
			next.add("%d/%d/%d", m.Value, m.Attempt, m.Crashes)
			return nil
		})
		must(t, err)
		for i, s := range next.list() {
			if s != fmt.Sprintf("%d/1/0", i) {
				t.Fatalf("message %d after the stop is %s", i, s)
			}
		}
		sound(t, q)
	})
}

func TestAHandlerThatIgnoresTheEndIsAbandonedAndItsMessageReleased(t *testing.T) {
	q := newQueue[int](t, onServer(t), mq.Options{})
	enqueueN(t, q, 1)
	hang := make(chan struct{})
	began := make(chan struct{})
	w := start(t, q, func(context.Context, *mq.Msg[int]) error { close(began); <-hang; return nil },
		mq.WorkerOptions{StopTimeout: -1})
	<-began
	if err := w.stop(); !errors.Is(err, mq.ErrAbandoned) {
		t.Errorf("%v", err)
	}
	n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
	if n != 1 || err != nil {
		t.Errorf("released %d, %v", n, err)
	}
	close(hang)
	sound(t, q)
}

func TestAHandlerMayStopItsWorker(t *testing.T) {
	q := newQueue[int](t, onServer(t), mq.Options{})
	enqueueN(t, q, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var handled atomic.Int64
	err := q.Work(ctx, func(context.Context, *mq.Msg[int]) error {
		handled.Add(1)
		cancel()
		return nil
	}, mq.WorkerOptions{Concurrency: 1, MaxPrefetch: -1})
	if err != nil || handled.Load() != 1 {
		t.Errorf("%d handled, %v", handled.Load(), err)
	}
	if s := stats(t, q); s.Handled != 1 || s.Ready != 9 || s.Leased != 0 || s.Idle != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsPrefetchedIsReleasedAtStop(t *testing.T) {
	d := onServer(t)
	q := newQueue[int](t, d, mq.Options{})
	enqueueN(t, q, 500)
	held, hold := make(chan struct{}), make(chan struct{})
	running := make(chan *mq.Worker, 1)
	var w *mq.Worker
	r := start(t, q, func(ctx context.Context, m *mq.Msg[int]) error {
		if w == nil {
			w = <-running
		}
		if w.Stats().Waiting <= 10 { // there is no end of messages until enough are prefetched
			return mq.Snooze(0)
		}
		close(held)
		<-hold
		return nil
	}, mq.WorkerOptions{Concurrency: 1, StopTimeout: time.Hour})
	running <- r.Worker
	<-held
	go func() { _ = r.stop() }()
	eventually(t, "they are ready again", func() bool { s := stats(t, q); return s.Leased == 1 && s.Ready == 499 })
	close(hold)
	must(t, r.stop())
	got, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
	if err != nil || got != 499 {
		t.Errorf("%d, %v", got, err)
	}
	sound(t, q)
}

func TestSnoozeTakesNoAttemptAndRetryAfterDoes(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{MaxAttempts: 2})
		enqueueN(t, q, 1)
		var got seen
		_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int]) error {
			got.add("%d", m.Attempt)
			switch n := got.len(); {
			case n <= 5:
				return mq.Snooze(0)
			case n == 6:
				return mq.RetryAfter(0, errors.New("once"))
			}
			return mq.DeadLetter(errors.New("enough"))
		})
		must(t, err)
		if want := []string{"1", "1", "1", "1", "1", "1", "2"}; !slices.Equal(got.list(), want) {
			t.Errorf("%q", got.list())
		}
		if s := stats(t, q); s.Snoozed != 5 || s.Retried != 1 || s.Died != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestUnknownKindsAreReleasedAndUndecodableMessagesBuried(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		type bill struct{ Sum int }
		raw := newQueue[[]byte](t, d, mq.Options{})
		for _, kind := range []string{"bill", "letter", "bill"} {
			body := `{"Sum":3}`
			if kind == "bill" && raw.Name() != "" && stats(t, raw).Ready == 2 {
				body = "no json"
			}
			_, err := raw.Enqueue(t.Context(), []byte(body), mq.Kind(kind), mq.ID(fmt.Sprint(kind, stats(t, raw).Ready)))
			must(t, err)
		}
		var unknown, sum atomic.Int64
		start(t, raw, mq.Kinds[[]byte]{"bill": mq.Decoded(nil, func(_ context.Context, m *mq.Msg[bill]) error {
			sum.Add(int64(m.Value.Sum))
			return nil
		})}.Handle, mq.WorkerOptions{UnknownDelay: time.Hour, OnEvent: func(e mq.Event) {
			if e.Kind == mq.EventUnknownKind && e.ID == "letter1" {
				unknown.Add(1)
			}
		}})
		eventually(t, "all settled", func() bool { s := stats(t, raw); return s.Dead == 1 && s.Delayed == 1 && s.Handled == 1 })
		if sum.Load() != 3 || unknown.Load() != 1 {
			t.Errorf("sum %d, unknown %d", sum.Load(), unknown.Load())
		}
		s, err := raw.Status(t.Context(), "bill2")
		if err != nil || s.State != mq.Dead || string(s.Payload) != "no json" || !strings.Contains(s.Reason, "decoded") {
			t.Errorf("%+v, %v", s, err)
		}
		if s, err := raw.Status(t.Context(), "letter1"); err != nil || s.State != mq.Delayed || s.Attempt != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestCancelEndsTheHandlersContext(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		began := make(chan struct{})
		cause := make(chan error, 1)
		start(t, q, func(ctx context.Context, m *mq.Msg[int]) error {
			close(began)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return nil
		}, mq.WorkerOptions{Lease: time.Hour}) // no heartbeat tells
		eventually(t, "the worker listens", func() bool { return stats(t, q).Idle == 1 })
		_, err := q.Enqueue(t.Context(), 1, mq.ID("a"))
		must(t, err)
		_, err = q.Enqueue(t.Context(), 1, mq.ID("b"), mq.In(time.Hour))
		must(t, err)
		<-began
		for id, want := range map[string]bool{"a": true, "b": true, "c": false} {
			if ok, err := q.Cancel(t.Context(), id); ok != want || err != nil {
				t.Errorf("cancel %s: %v, %v", id, ok, err)
			}
		}
		select {
		case err := <-cause:
			if !errors.Is(err, mq.ErrCanceled) {
				t.Errorf("%v", err)
			}
		case <-time.After(patience):
			t.Fatal("the handler was not told")
		}
		sound(t, q)
		if _, err := q.Enqueue(t.Context(), 1, mq.ID("b"), mq.In(time.Hour)); err != nil {
			t.Errorf("the id of a cancelled message: %v", err)
		}
	})
}

// Without a heartbeat the lease ends; another worker handles the message, and the
// outcome of the first is refused.
func TestALeaseThatEndsIsToldAndTheLateOutcomeRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		enqueueN(t, q, 1)
		gate := &gated{Doer: d}
		slow := mq.New[int](gate, q.Name(), mq.Options{})
		began, lost := make(chan struct{}), make(chan error, 1)
		other, release := make(chan *mq.Msg[int], 1), make(chan struct{})
		var events seen
		w := start(t, slow, func(ctx context.Context, m *mq.Msg[int]) error {
			close(began)
			<-ctx.Done()
			lost <- context.Cause(ctx)
			return nil
		}, mq.WorkerOptions{Lease: 500 * time.Millisecond, OnEvent: func(e mq.Event) { events.add("%s", e.Kind) }})
		<-began
		gate.shut.Store(true)
		start(t, q, func(_ context.Context, m *mq.Msg[int]) error { other <- m; <-release; return nil },
			mq.WorkerOptions{Lease: time.Minute, PollInterval: 50 * time.Millisecond})
		if err := <-lost; !errors.Is(err, mq.ErrLeaseLost) {
			t.Errorf("%v", err)
		}
		if m := <-other; m.Crashes != 1 || m.Attempt != 1 {
			t.Errorf("the other handles %+v", m.Info)
		}
		eventually(t, "the loss was told", func() bool { return slices.Contains(events.list(), string(mq.EventLeaseLost)) })
		// The first worker's handler has returned nil. What it says now is about a message
		// that another one has.
		gate.shut.Store(false)
		eventually(t, "the late outcome was sent", func() bool { return gate.acks.Load() > 0 })
		must(t, w.stop())
		if s := stats(t, q); s.Handled != 0 || s.Leased != 1 || s.Crashed != 1 {
			t.Errorf("the late outcome counted: %+v", s)
		}
		if n := w.Stats(); n.Handled != 0 || n.LeaseLost != 1 {
			t.Errorf("the worker believes that it has handled it: %+v", n)
		}
		close(release)
		eventually(t, "the other is done", func() bool { return stats(t, q).Handled == 1 })
		sound(t, q)
	})
}

// gated is a client that can be cut off.
type gated struct {
	redis.Doer
	shut atomic.Bool
	acks atomic.Int64 // steps that said that something is done, and were answered
}

var errShut = errors.New("cut off")

func (g *gated) Unwrap() redis.Doer { return g.Doer }

func TestAFailoverIsGoneThrough(t *testing.T) {
	for _, intercepted := range []bool{false, true} {
		t.Run(fmt.Sprint("intercepted=", intercepted), func(t *testing.T) {
			g := users.NewGroup(t, users.GroupOptions{})
			var d redis.Doer = groupClient(t, g)
			if intercepted {
				d = redis.Intercept(d, quiet)
			}
			q := newQueue[int](t, d, mq.Options{MinReplicas: 1, DurabilityTimeout: patience})
			var got counter
			var moved atomic.Int64
			w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil },
				mq.WorkerOptions{PollInterval: time.Hour, OnEvent: func(e mq.Event) {
					if e.Kind == mq.EventMoved {
						moved.Add(1)
					}
				}})
			sent := 0
			for round := range 3 {
				ctx, cancel := context.WithCancel(t.Context())
				produced := make(chan struct{})
				go func() {
					defer close(produced)
					for ctx.Err() == nil {
						if _, err := q.Enqueue(context.Background(), sent); err != nil {
							t.Errorf("enqueue: %v", err)
							return
						}
						sent++
					}
				}()
				if round == 1 {
					must(t, g.Crash(g.Master()))
				} else {
					must(t, g.Failover(t.Context()))
				}
				eventually(t, "the move", func() bool { return moved.Load() > int64(round) })
				cancel()
				<-produced
				eventually(t, "all handled", func() bool { return got.distinct() == sent })
				// Somebody who waits hears of a single message: nobody has gone deaf.
				eventually(t, "idle", func() bool { return stats(t, q).Idle == 1 && !w.Stats().Polling })
			}
			t.Logf("%d messages, %d twice", sent, got.twice())
			must(t, w.stop())
			sound(t, q)
		})
	}
}

func (g *gated) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if g.shut.Load() {
		return resp.Reply{}, &conn.Error{Op: conn.OpWait, Class: conn.ClassNotSent, Err: errShut}
	}
	r, err := g.Doer.Do(ctx, cmd)
	if text := string(cmd.AppendTo(nil)); err == nil && strings.Contains(text, "\r\n$1\r\nA\r\n") {
		g.acks.Add(1)
	}
	return r, err
}
