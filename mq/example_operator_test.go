package mq_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/mq"
)

// A look at the dead letters, page by page, and what can be done with them.
func ExampleQueue_List() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "letters", mq.Options{MaxAttempts: 1})
	for _, s := range []string{"a", "b", "c"} {
		_, _ = q.Enqueue(ctx, s, mq.ID(s))
	}
	_, _ = q.Drain(ctx, func(context.Context, *mq.Msg[string]) error { return errors.New("broken") })

	for cursor := ""; ; {
		page, next, err := q.List(ctx, mq.Dead, cursor, 2) // or mq.Ready, mq.Delayed, mq.Leased ...
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, s := range page {
			fmt.Println(s.ID, string(s.Payload), s.Reason)
		}
		if cursor = next; next == "" {
			break
		}
	}
	n, err := q.RedriveAll(ctx, 1) // the oldest is tried again
	fmt.Println(n, err)
	gone, err := q.Purge(ctx, mq.Dead) // the others go
	fmt.Println(gone, err)
	// Output:
	// a "a" broken
	// b "b" broken
	// c "c" broken
	// 1 <nil>
	// 2 <nil>
}

// Nothing is handled during the maintenance of what the handlers call.
func ExampleQueue_Pause() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "calls", mq.Options{})
	_, _ = q.Enqueue(ctx, "a")
	drain := func() {
		n, err := q.Drain(ctx, func(context.Context, *mq.Msg[string]) error { return nil })
		fmt.Println(n, err)
	}
	fmt.Println(q.PauseFor(ctx, time.Hour)) // ends by itself; q.Pause does not
	drain()
	fmt.Println(q.Resume(ctx))
	drain()
	fmt.Println(q.Pause(ctx))
	s, err := q.Stats(ctx)
	fmt.Println(s.Paused, s.PausedUntil.IsZero(), err)
	// Output:
	// <nil>
	// 0 <nil>
	// <nil>
	// 1 <nil>
	// <nil>
	// true true <nil>
}

// Where a message is.
func ExampleQueue_Status() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "states", mq.Options{})
	show := func(id string) {
		s, err := q.Status(ctx, id)
		if err != nil {
			fmt.Println(err)
			return
		}
		switch s.State {
		case mq.Absent, mq.Done:
			fmt.Println(id, "is over")
		case mq.Ready, mq.Delayed, mq.Blocked, mq.Waiting:
			fmt.Println(id, "waits:", s.State)
		case mq.Leased:
			fmt.Println(id, "is being handled, attempt", s.Attempt)
		case mq.Dead:
			fmt.Println(id, "has failed:", s.Reason)
		}
	}
	_, _ = q.Enqueue(ctx, "v", mq.ID("first"), mq.Key("k"))
	_, _ = q.Enqueue(ctx, "v", mq.ID("second"), mq.Key("k"))
	_, _ = q.Enqueue(ctx, "v", mq.ID("later"), mq.In(time.Hour))
	for _, id := range []string{"first", "second", "later", "other"} {
		show(id)
	}
	_, _ = q.Drain(ctx, func(_ context.Context, m *mq.Msg[string]) error {
		if m.ID == "first" {
			show("first")
		}
		return nil
	})
	// Output:
	// first waits: ready
	// second waits: blocked
	// later waits: delayed
	// other is over
	// first is being handled, attempt 1
}

// One message is taken back; then the queue is emptied, as before a test.
func ExampleQueue_Cancel() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "mail", mq.Options{})
	for _, id := range []string{"a", "b", "c"} {
		_, _ = q.Enqueue(ctx, "v", mq.ID(id))
	}
	fmt.Println(q.Cancel(ctx, "b"))
	fmt.Println(q.Cancel(ctx, "b"))
	fmt.Println(q.Clear(ctx))
	// Output:
	// true <nil>
	// false <nil>
	// 2 <nil>
}

// After somebody has changed keys of the queue by hand.
func ExampleQueue_Verify() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "orders", mq.Options{})
	_, _ = q.Enqueue(ctx, "v", mq.ID("a"))
	found, err := q.Verify(ctx) // a Repaired: what Repair would do
	fmt.Println(found.Sound(), err)
	if !found.Sound() {
		done, err := q.Repair(ctx)
		fmt.Println(done.Lost, "messages were in no list", err)
	}
	// Output: true <nil>
}

// What is due each quarter of an hour, and what is due while it is still handled, or
// was missed.
func ExamplePeriodic() {
	quarter := mq.Every(15 * time.Minute)
	jobs := []mq.Periodic[string]{
		{Name: "invoices", When: quarter, Overlap: mq.OverlapAllow, CatchUp: mq.CatchUpAll}, // each tick counts
		{Name: "cleaning", When: quarter, Overlap: mq.OverlapSkip, CatchUp: mq.CatchUpNone}, // some day
		{Name: "index", When: quarter, Overlap: mq.OverlapOnce, CatchUp: mq.CatchUpLatest},  // once more, if it is under way
	}
	for _, j := range jobs {
		fmt.Println(j.Name, j.When.Next(time.Date(2026, 1, 2, 8, 50, 0, 0, time.UTC)).UTC().Format(time.TimeOnly))
	}
	// Output:
	// invoices 09:00:00
	// cleaning 09:00:00
	// index 09:00:00
}
