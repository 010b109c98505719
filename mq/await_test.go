package mq_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
	users "github.com/kermes-redis/kermes/redistest"
)

// resultOf is a handler whose result is ten times the value; some values fare otherwise.
func resultOf(_ context.Context, m *mq.Msg[int]) error {
	switch m.Value {
	case 1:
		return mq.DeadLetter(errPlain)
	case 2:
		return nil // without a result
	case 3:
		if m.Attempt == 1 {
			_ = m.SetResult("of an attempt that has failed")
			return mq.RetryAfter(time.Millisecond, errPlain)
		}
	case 4:
		return m.SetResult(strings.Repeat("x", 100))
	}
	return m.SetResult(10 * m.Value)
}

func TestAwaitReturnsWhatTheHandlerHasSet(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{MaxPayload: 50, MaxAttempts: 2})
		ctx := t.Context()
		add := func(i int, opts ...mq.Option) string {
			t.Helper()
			r, err := q.Enqueue(ctx, i, append([]mq.Option{mq.KeepResult(time.Minute), mq.Key("a=~b")}, opts...)...)
			must(t, err)
			return r.ID
		}
		var ids []string
		for i := range 7 {
			ids = append(ids, add(i))
		}
		results := make(chan string, 2*len(ids))
		for _, id := range ids { // some wait before
			go func() {
				var n int
				err := q.Await(ctx, id, &n)
				results <- fmt.Sprint(n, " ", err)
			}()
		}
		start(t, q, resultOf, mq.WorkerOptions{Backoff: mq.Backoff(time.Millisecond, time.Millisecond)})
		got := map[string]int{}
		for range ids {
			got[<-results]++
		}
		for _, id := range ids { // and some ask later
			var n int
			err := q.Await(ctx, id, &n)
			got[fmt.Sprint(n, " ", err)]++
		}
		for _, want := range []string{
			"0 <nil>", "0 mq: the message \"" + ids[1] + "\" has failed: no luck", "30 <nil>", "50 <nil>", "60 <nil>",
			"0 mq: the message \"" + ids[4] + "\" has failed: mq: too large: result of 102 bytes, at most 50",
		} {
			if got[want] != map[bool]int{true: 4, false: 2}[want == "0 <nil>"] {
				t.Errorf("%d times %q in %v", got[want], want, got)
			}
		}
		if err := q.Await(ctx, ids[1], nil); !errors.Is(err, mq.ErrFailed) {
			t.Error(err)
		}
		if err := q.Await(ctx, ids[5], new([]int)); err == nil || errors.Is(err, mq.ErrNoResult) {
			t.Errorf("another type: %v", err)
		}
		id := add(0, mq.In(time.Hour))
		_, err := q.Cancel(ctx, id)
		must(t, err)
		if err := q.Await(ctx, id, nil); !errors.Is(err, mq.ErrCanceled) {
			t.Error(err)
		}
		id = add(0, mq.In(time.Hour))
		_, err = q.Purge(ctx, mq.Delayed)
		must(t, err)
		if err := q.Await(ctx, id, nil); !errors.Is(err, mq.ErrCanceled) {
			t.Error(err)
		}
		sound(t, q)
	})
}

func TestAwaitOfWhatIsNotThere(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		ctx := t.Context()
		none := func(id string) {
			t.Helper()
			if err := q.Await(ctx, id, nil); !errors.Is(err, mq.ErrNoResult) {
				t.Errorf("%s: %v", id, err)
			}
		}
		none("a")
		_, err := q.Enqueue(ctx, 5, mq.ID("a"))
		must(t, err)
		none("a") // its result is not kept
		_, err = q.Enqueue(ctx, 5, mq.ID("a"), mq.OnDuplicate(mq.Update), mq.KeepResult(20*time.Millisecond))
		must(t, err)
		short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		if err := q.Await(short, "a", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
		_, err = q.Drain(ctx, resultOf)
		must(t, err)
		eventually(t, "the result goes", func() bool { return errors.Is(q.Await(ctx, "a", nil), mq.ErrNoResult) })
		if err := q.Await(ctx, "", nil); !errors.Is(err, mq.ErrInvalid) {
			t.Error(err)
		}
		if _, err := q.Enqueue(ctx, 1, mq.KeepResult(0)); !errors.Is(err, mq.ErrInvalid) {
			t.Error(err)
		}
	})
}

// A result is that of the message, not of a dead letter of the same id.
func TestAwaitKnowsADeadLetterFromItsSuccessor(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		for _, v := range []int{1, 2} { // fails, is done
			_, err := q.Enqueue(t.Context(), v, mq.ID("a"))
			must(t, err)
			n, err := q.Drain(t.Context(), resultOf)
			if n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if s := stats(t, q); s.Dead != 1 {
			t.Errorf("%+v", s)
		}
		if err := q.Await(t.Context(), "a", nil); !errors.Is(err, mq.ErrNoResult) {
			t.Error(err)
		}
	})
}

func TestAwaitOfACallback(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for _, c := range []struct {
			name string
			end  func() error
			want error
		}{
			{"cancelled", func() error { _, err := q.Cancel(ctx, "then"); return err }, mq.ErrCanceled},
			{"purged", func() error { _, err := q.Purge(ctx, mq.Waiting); return err }, mq.ErrCanceled},
		} {
			for _, opts := range [][]mq.Option{{}, {mq.Key("a=~b"), mq.WithPriority(mq.High), mq.In(time.Hour)}} {
				enqueueGroup(t, q, groupOf(2, "then", append(opts, mq.KeepResult(time.Minute))...))
				told := make(chan error, 1)
				go func() { told <- q.Await(ctx, "then", nil) }()
				must(t, c.end())
				if err := <-told; !errors.Is(err, c.want) {
					t.Errorf("%s: %v", c.name, err)
				}
				if err := q.Await(ctx, "then", nil); !errors.Is(err, c.want) {
					t.Errorf("%s: later: %v", c.name, err)
				}
				_, err := q.Clear(ctx)
				must(t, err)
			}
		}
		enqueueGroup(t, q, groupOf(2, "x~5")) // an id that looks like an option
		if err := q.Await(ctx, "x~5", nil); !errors.Is(err, mq.ErrNoResult) {
			t.Error(err)
		}
	})
}

func TestAwaitEndsWithTheClient(t *testing.T) {
	for name, over := range map[string]func(redis.Doer) redis.Doer{
		"plain":                 func(d redis.Doer) redis.Doer { return d },
		"intercepted":           func(d redis.Doer) redis.Doer { return redis.Intercept(d, quiet) },
		"without subscriptions": func(d redis.Doer) redis.Doer { return mute{d} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := inBubble(t)
				q := newQueue[int](t, over(c), mq.Options{})
				_, err := q.Enqueue(t.Context(), 1, mq.ID("a"), mq.KeepResult(time.Minute))
				must(t, err)
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- q.Await(ctx, "a", nil) }()
				time.Sleep(10 * time.Second)
				must(t, c.Close())
				began := time.Now()
				if err := <-ended; !errors.Is(err, client.ErrClosed) || time.Since(began) > 5*time.Second {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
				if err := q.Await(ctx, "a", nil); !errors.Is(err, client.ErrClosed) {
					t.Errorf("of a closed client: %v", err)
				}
			})
		})
	}
}

// mute is a client that says when it is closed and gives no subscriptions.
type mute struct{ redis.Doer }

func (m mute) Done() <-chan struct{} { return m.Doer.(*client.Client).Done() }

// Who waits is told: in a bubble, where asking takes a second, a result takes less.
func TestAwaitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := inBubble(t)
		pushed := newQueue[int](t, d, mq.Options{})
		polled := mq.New[int](struct{ redis.Doer }{d}, pushed.Name(), mq.Options{}) // which has no subscriptions
		start(t, pushed, func(_ context.Context, m *mq.Msg[int]) error {
			time.Sleep(20*time.Second + 300*time.Millisecond) // between two questions
			return m.SetResult(m.Value)
		}, mq.WorkerOptions{Concurrency: 20})
		slowest, slowestPoll := time.Duration(0), time.Duration(0)
		for range 10 {
			r, err := pushed.Enqueue(t.Context(), 1, mq.KeepResult(time.Minute))
			must(t, err)
			began := time.Now()
			waited := make(chan time.Duration)
			go func() {
				must(t, polled.Await(t.Context(), r.ID, nil))
				waited <- time.Since(began)
			}()
			must(t, pushed.Await(t.Context(), r.ID, nil))
			slowest = max(slowest, time.Since(began))
			slowestPoll = max(slowestPoll, <-waited)
		}
		if handled := 20*time.Second + 300*time.Millisecond; slowest > handled+100*time.Millisecond || slowestPoll > handled+2*time.Second {
			t.Errorf("told after %v, found after %v", slowest, slowestPoll)
		}
	})
}

func TestAwaitGoesThroughAFailover(t *testing.T) {
	g := users.NewGroup(t, users.GroupOptions{})
	q := newQueue[int](t, groupClient(t, g), mq.Options{MinReplicas: 1, DurabilityTimeout: patience})
	r, err := q.Enqueue(t.Context(), 5, mq.KeepResult(time.Hour))
	must(t, err)
	result := make(chan error, 1)
	var n int
	go func() { result <- q.Await(t.Context(), r.ID, &n) }()
	must(t, g.Failover(t.Context()))
	must(t, g.Crash(g.Master()))
	start(t, q, resultOf, mq.WorkerOptions{})
	select {
	case err := <-result:
		if err != nil || n != 50 {
			t.Errorf("%d, %v", n, err)
		}
	case <-time.After(patience):
		t.Error("nothing")
	}
}

func ExampleQueue_Await() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "lengths", mq.Options{})
	r, err := q.Enqueue(ctx, "a word", mq.KeepResult(time.Minute))
	fmt.Println(err)

	// A worker, as a rule in another process.
	_, err = q.Drain(ctx, func(_ context.Context, m *mq.Msg[string]) error { return m.SetResult(len(m.Value)) })
	fmt.Println(err)

	var n int
	err = q.Await(ctx, r.ID, &n)
	fmt.Println(n, err)
	// Output:
	// <nil>
	// <nil>
	// 6 <nil>
}
