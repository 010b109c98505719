package mq_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/mq"
)

// A worker as a program has it: it ends by a signal, and shows its figures.
func ExampleWorker() {
	ctx, c, end := exampleClient()
	defer end()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	q := mq.New[Welcome](c, "welcome", mq.Options{})
	_, _ = q.Enqueue(ctx, Welcome{17})

	handled := make(chan struct{})
	w := q.Worker(func(context.Context, *mq.Msg[Welcome]) error {
		close(handled)
		return nil
	}, mq.WorkerOptions{
		Concurrency: 32,
		Lease:       time.Minute,
		Backoff:     mq.Backoff(time.Second, time.Hour), // the first and the longest delay
		Logger:      slog.New(slog.DiscardHandler),
	})
	go func() {
		<-handled
		stop() // in place of the signal
	}()
	switch err := w.Run(ctx); {
	case errors.Is(err, mq.ErrAbandoned):
		fmt.Println("a handler ignores the end of its context")
	case errors.Is(err, mq.ErrFormat):
		fmt.Println("a newer program has used the queue: update this one")
	case err != nil:
		fmt.Println(err)
	}
	s := w.Stats() // a WorkerStats
	fmt.Println(s.Handled, "handled,", s.Failed, "failed,", s.Running, "running")
	fmt.Println(errors.Is(w.Run(ctx), mq.ErrRunning)) // a Worker runs once
	// Output:
	// 1 handled, 0 failed, 0 running
	// true
}

// A handler that looks at why its context has ended.
func ExampleHandler() {
	var copyFile mq.Handler[string] = func(ctx context.Context, m *mq.Msg[string]) error {
		m.KeepID(time.Hour) // another copy within the hour is refused
		select {
		case <-time.After(time.Microsecond): // the work
			return nil
		case <-ctx.Done():
		}
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, mq.ErrLeaseLost), errors.Is(cause, mq.ErrCanceled):
			return nil // what is returned does not count any more
		case errors.Is(cause, mq.ErrStopping):
			return cause // the message is released
		default: // context.DeadlineExceeded: its Timeout
			return mq.RetryAfter(time.Minute, cause)
		}
	}
	fmt.Println(copyFile(context.Background(), mq.NewMsg("a")))
	// Output: <nil>
}

// Which events wake somebody.
func ExampleEvent() {
	var alarms atomic.Int64
	o := mq.WorkerOptions{OnEvent: func(e mq.Event) {
		switch e.Kind {
		case mq.EventDead, mq.EventPanic, mq.EventAbandoned:
			alarms.Add(1)
			var p *mq.PanicError
			if errors.As(e.Err, &p) {
				fmt.Println(e.Queue, e.ID, e.Kind, p.Value)
			}
		}
	}}
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "events", mq.Options{MaxAttempts: 1})
	_, _ = q.Enqueue(ctx, "a", mq.ID("a"))
	ctx, stop := context.WithCancel(ctx)
	_ = q.Work(ctx, func(context.Context, *mq.Msg[string]) error {
		defer stop()
		panic("no such file")
	}, o)
	fmt.Println(alarms.Load(), "alarms")
	// Output:
	// events a panic no such file
	// events a dead no such file
	// 2 alarms
}

// A message that no handler here is for goes to a worker that knows it.
func ExampleKinds_unknown() {
	handlers := mq.Kinds[string]{"welcome": func(context.Context, *mq.Msg[string]) error { return nil }}
	m := mq.NewMsg("bye")
	m.Kind = "farewell"
	err := handlers.Handle(context.Background(), m)
	fmt.Println(errors.Is(err, mq.ErrUnknownKind))
	// Output: true
}

// Payloads in another form than JSON.
func ExampleCodec() {
	ctx, c, end := exampleClient()
	defer end()
	var gob mq.Codec = codec.Gob{}
	q := mq.New[Welcome](c, "welcome", mq.Options{Codec: gob}) // the same in producer and worker
	_, _ = q.Enqueue(ctx, Welcome{17})
	_, err := q.Drain(ctx, func(_ context.Context, m *mq.Msg[Welcome]) error {
		fmt.Println(m.Value.User)
		return nil
	})
	fmt.Println(err)
	// Output:
	// 17
	// <nil>
}

// Hooks carry a trace from the producer to the handler, and time both.
// redisotel.QueueHooks makes those of OpenTelemetry.
func ExampleHooks() {
	type trace struct{}
	hooks := mq.Hooks{
		Enqueue: func(ctx context.Context, queue string, n int) (context.Context, func(error)) {
			return ctx, func(err error) { fmt.Println("enqueued", n, "in", queue, err) }
		},
		Inject: func(ctx context.Context, headers map[string]string) {
			headers["trace"], _ = ctx.Value(trace{}).(string)
		},
		Handle: func(ctx context.Context, m *mq.Info) (context.Context, func(error)) {
			return context.WithValue(ctx, trace{}, m.Headers["trace"]), func(err error) { fmt.Println("handled", err) }
		},
	}
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "traced", mq.Options{Hooks: hooks})
	_, _ = q.Enqueue(context.WithValue(ctx, trace{}, "4bf92f"), "a")
	_, _ = q.Drain(ctx, func(ctx context.Context, _ *mq.Msg[string]) error {
		fmt.Println("trace", ctx.Value(trace{}))
		return nil
	})
	// Output:
	// enqueued 1 in traced <nil>
	// trace 4bf92f
	// handled <nil>
}
