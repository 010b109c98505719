package mq_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

type Welcome struct{ User int }

// exampleClient returns a client of a group inside the program.
func exampleClient() (ctx context.Context, c *client.Client, end func()) {
	ctx = context.Background()
	g, err := redistest.StartGroup(redistest.GroupOptions{})
	if err != nil {
		panic(err)
	}
	c, err = client.Open(ctx, g.Options(""))
	if err != nil {
		panic(err)
	}
	return ctx, c, func() { _ = c.Close(); _ = g.Close() }
}

func Example() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[Welcome](c, "welcome", mq.Options{MaxAttempts: 8}) // the same line in producer and worker

	_, err := q.Enqueue(ctx, Welcome{17}, mq.ID("welcome/17"))
	fmt.Println(err)
	_, err = q.Enqueue(ctx, Welcome{17}, mq.ID("welcome/17"))
	fmt.Println(errors.Is(err, mq.ErrDuplicate))

	ctx, stop := context.WithCancel(ctx) // signal.NotifyContext in a program
	err = q.Work(ctx, func(ctx context.Context, m *mq.Msg[Welcome]) error {
		fmt.Println("welcome, user", m.Value.User)
		stop()
		return nil
	}, mq.WorkerOptions{Concurrency: 32})
	fmt.Println(err)
	// Output:
	// <nil>
	// true
	// welcome, user 17
	// <nil>
}

// A handler is a function: a unit test needs no Redis.
func ExampleNewMsg() {
	handler := func(_ context.Context, m *mq.Msg[Welcome]) error {
		if m.Value.User == 0 {
			return mq.DeadLetter(errors.New("nobody"))
		}
		return nil
	}
	fmt.Println(handler(context.Background(), mq.NewMsg(Welcome{17})))
	fmt.Println(handler(context.Background(), mq.NewMsg(Welcome{})))
	// Output:
	// <nil>
	// nobody
}

func ExampleQueue_Drain() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "drain", mq.Options{})
	for _, s := range []string{"a", "b"} {
		_, _ = q.Enqueue(ctx, s)
	}
	_, _ = q.Enqueue(ctx, "urgent", mq.WithPriority(mq.High))
	_, _ = q.Enqueue(ctx, "later", mq.In(time.Hour))
	n, err := q.Drain(ctx, func(_ context.Context, m *mq.Msg[string]) error {
		fmt.Println(m.Value)
		return nil
	})
	fmt.Println(n, err)
	// Output:
	// urgent
	// a
	// b
	// 3 <nil>
}

// A message that is in the queue if, and only if, the rest of the transaction is done.
func ExampleQueue_Queue() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[Welcome](c, "welcome", mq.Options{})
	var p redis.Pipeline
	redis.HSet("user:17", "name", "Ada").Queue(&p)
	r := q.Queue(ctx, &p, Welcome{17}, mq.ID("welcome/17"))
	fmt.Println(p.Exec(ctx, c))
	result, err := r.Value()
	fmt.Println(result.ID, result.Action, err)
	// Output:
	// <nil>
	// welcome/17 added <nil>
}

// Several kinds of messages in one queue. What no handler here knows waits for a
// worker that does.
func ExampleKinds() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[[]byte](c, "mail", mq.Options{})
	_, _ = q.Enqueue(ctx, []byte(`{"User":17}`), mq.Kind("welcome"))
	_, _ = q.Enqueue(ctx, []byte(`"bye"`), mq.Kind("farewell"))
	n, err := q.Drain(ctx, mq.Kinds[[]byte]{
		"welcome": mq.Decoded(nil, func(_ context.Context, m *mq.Msg[Welcome]) error {
			fmt.Println("welcome", m.Value.User)
			return nil
		}),
	}.Handle)
	s, _ := q.Stats(ctx)
	fmt.Println(n, err, s.Delayed)
	// Output:
	// welcome 17
	// 2 <nil> 1
}

func ExampleQueue_Redrive() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "letters", mq.Options{MaxAttempts: 1})
	_, _ = q.Enqueue(ctx, "v", mq.ID("a"))
	_, _ = q.Drain(ctx, func(context.Context, *mq.Msg[string]) error { return errors.New("broken") })
	s, _ := q.Status(ctx, "a")
	fmt.Println(s.State, s.Reason)
	n, err := q.Redrive(ctx, "a")
	fmt.Println(n, err)
	s, _ = q.Status(ctx, "a")
	fmt.Println(s.State)
	// Output:
	// dead broken
	// 1 <nil>
	// ready
}

// A worker whose retries take hours is tested in no time: the servers of the group
// live in the bubble's time too.
func TestRetriesOfAnHourInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
		c, err := client.Open(t.Context(), g.Options(""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		q := mq.New[Welcome](c, "welcome", mq.Options{MaxAttempts: 2})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		if _, err := q.Enqueue(ctx, Welcome{17}, mq.In(time.Minute)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var at []time.Duration
		err = q.Work(ctx, func(_ context.Context, m *mq.Msg[Welcome]) error {
			at = append(at, time.Since(began).Round(10*time.Second))
			if m.Attempt == 2 {
				stop()
				return nil
			}
			return mq.RetryAfter(time.Hour, errors.New("busy"))
		}, mq.WorkerOptions{PollInterval: time.Minute})
		if err != nil || fmt.Sprint(at) != "[1m0s 1h1m0s]" {
			t.Errorf("handled at %v, %v", at, err)
		}
	})
}
