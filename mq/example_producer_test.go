package mq_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/mq"
)

// Many messages in one round trip. Each has a result of its own.
func ExampleQueue_EnqueueBatch() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "imports", mq.Options{MaxLen: 3})
	fmt.Println("into", q.Name())
	var items []mq.Item[string]
	for _, row := range []string{"a", "b", "a", "c", "d"} {
		items = append(items, mq.Item[string]{Value: row, Options: []mq.Option{mq.ID("row/" + row)}})
	}
	results, err := q.EnqueueBatch(ctx, items)
	fmt.Println(err)
	for _, r := range results {
		switch r.Action {
		case mq.Added:
			fmt.Println(r.ID, "is new")
		case mq.Updated, mq.Requeued: // with OnDuplicate
			fmt.Println(r.ID, "has new content")
		case mq.Duplicate:
			fmt.Println(r.ID, "is", r.State)
		case mq.Full:
			fmt.Println(r.Err())
		}
	}
	// Output:
	// into imports
	// <nil>
	// row/a is new
	// row/b is new
	// row/a is ready
	// row/c is new
	// mq: the queue is full
}

// What the errors of Enqueue tell.
func ExampleQueue_Enqueue() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "orders", mq.Options{MaxLen: 100_000, MinReplicas: 1, MaxPayload: 100})
	enqueue := func(order string) {
		_, err := q.Enqueue(ctx, order, mq.ID("order/17"))
		var lives *mq.DuplicateError
		var weak *mq.DurabilityError
		var newer *mq.FormatError
		switch {
		case err == nil:
			fmt.Println("in the queue")
		case errors.As(err, &lives): // errors.Is(err, mq.ErrDuplicate)
			fmt.Println(lives.ID, "is there, and", lives.State)
		case errors.Is(err, mq.ErrNotDurable):
			fmt.Println("enqueue it again:", errors.As(err, &weak), weak.Got, "of", weak.Want, "replicas have it")
		case errors.As(err, &newer): // mq.ErrFormat
			fmt.Println("a newer program has used the queue:", newer.Found)
		case errors.Is(err, mq.ErrQueueFull):
			fmt.Println("slow down")
		case errors.Is(err, mq.ErrTooLarge), errors.Is(err, mq.ErrInvalid):
			fmt.Println("a mistake of the caller, and nothing was sent:", err)
		}
	}
	enqueue("tea")
	enqueue("tea")
	enqueue(fmt.Sprintf("%200d", 1))
	// Output:
	// in the queue
	// order/17 is there, and ready
	// a mistake of the caller, and nothing was sent: mq: too large: payload of 202 bytes, at most 100
}

// A message for later, with what its handler must know about it.
func ExampleAt() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "mail", mq.Options{})
	midnight := time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)
	r, err := q.Enqueue(ctx, "good night",
		mq.At(midnight),
		mq.WithPriority(mq.Low),        // after all others
		mq.Timeout(10*time.Second),     // of an attempt
		mq.MaxAttempts(3),              // then it is a dead letter
		mq.Window(time.Hour),           // its id stays taken for so long
		mq.Header("request", "5e-11c"), // m.Headers
	)
	fmt.Println(err)
	s, err := q.Status(ctx, r.ID)
	fmt.Println(s.State == mq.Delayed, s.At.Equal(midnight), s.Priority, s.Headers["request"], err)
	// Output:
	// <nil>
	// true true low 5e-11c <nil>
}

// Three ways to enqueue an id that lives: the last one runs the newest content once
// more, however often it is asked for.
func ExampleOnDuplicate() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "index", mq.Options{})
	for _, p := range []mq.Policy{mq.Reject, mq.Reject, mq.Update, mq.Requeue} {
		r, err := q.Enqueue(ctx, fmt.Sprint("version ", p), mq.ID("page/7"), mq.OnDuplicate(p))
		fmt.Println(r.Action, err)
	}
	_, err := q.Drain(ctx, func(ctx context.Context, m *mq.Msg[string]) error {
		fmt.Println(m.Value)
		if m.Value == "version 2" { // meanwhile the page changes
			r, err := q.Enqueue(ctx, "the last version", mq.ID("page/7"), mq.OnDuplicate(mq.Requeue))
			fmt.Println(r.Action == mq.Requeued, err)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// added <nil>
	// duplicate mq: duplicate id: "page/7" is ready
	// updated <nil>
	// updated <nil>
	// version 2
	// true <nil>
	// the last version
	// <nil>
}

// What becomes of a message whose result nobody has set.
func ExampleQueue_Await_errors() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "lengths", mq.Options{MaxAttempts: 1})
	await := func(id string) {
		err := q.Await(ctx, id, nil)
		switch {
		case errors.Is(err, mq.ErrFailed):
			var failed *mq.FailedError
			fmt.Println("failed:", errors.As(err, &failed), failed.Reason)
		case errors.Is(err, mq.ErrCanceled):
			fmt.Println("cancelled")
		case errors.Is(err, mq.ErrNoResult):
			fmt.Println("nothing is known of it")
		}
	}
	_, _ = q.Enqueue(ctx, "a", mq.ID("a"), mq.KeepResult(time.Minute))
	_, _ = q.Drain(ctx, func(context.Context, *mq.Msg[string]) error { return errors.New("too short") })
	await("a")
	_, _ = q.Enqueue(ctx, "b", mq.ID("b"), mq.KeepResult(time.Minute))
	_, _ = q.Cancel(ctx, "b")
	await("b")
	await("c")
	// Output:
	// failed: true too short
	// cancelled
	// nothing is known of it
}

// A group whose callback was cancelled while a large one was still being enqueued.
func ExampleQueue_EnqueueGroup_gone() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "films", mq.Options{})
	g := mq.Group[string]{Then: mq.Item[string]{Value: "publish", Options: []mq.Option{mq.ID("film/18")}}}
	for part := range 1000 {
		g.Members = append(g.Members, mq.Item[string]{Value: fmt.Sprint("encode part ", part)})
	}
	_, err := q.EnqueueGroup(ctx, g)
	if errors.Is(err, mq.ErrGroupGone) {
		fmt.Println("somebody does not want the film any more")
	}
	s, err := q.Status(ctx, "film/18")
	fmt.Println(s.State == mq.Waiting, s.Left, err)
	// Output: true 1000 <nil>
}
