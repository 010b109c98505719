package mq

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// DefaultBatchWait is how long a batch waits for more messages.
const DefaultBatchWait = 20 * time.Millisecond

// BatchOptions of [Batched].
type BatchOptions struct {
	// Size is how many messages are handled together at most. Zero and negative mean
	// all that the worker handles at a time. The worker's Concurrency should be Size, or
	// a multiple of it: messages of a batch that is not full yet take places.
	Size int
	// Wait is how long the first message of a batch waits for others. Zero and negative
	// mean DefaultBatchWait.
	Wait time.Duration
}

// Batched returns a handler that collects messages and has h handle them together. h
// returns nil when all are done, or an error for each message in their order, as a
// [Handler] does: each is settled by itself. If it panics, the attempts of all have
// failed.
//
// Each message has its own lease and keeps it. The context of h ends as soon as that of
// one of its messages does: with its cause, if that message was lost or cancelled. The
// values in it are those of the first message. One handler is for one worker.
func Batched[T any](o BatchOptions, h func(ctx context.Context, all []*Msg[T]) []error) Handler[T] {
	if o.Wait <= 0 {
		o.Wait = DefaultBatchWait
	}
	b := &batcher[T]{o: o, handle: h}
	return b.add
}

// batcher collects messages: the first of a batch, its leader, waits and handles it.
type batcher[T any] struct {
	o      BatchOptions
	handle func(ctx context.Context, all []*Msg[T]) []error

	mu  sync.Mutex
	now *batch[T] // that is not full
}

// batch is handled together.
type batch[T any] struct {
	all  []*Msg[T]
	ctxs []context.Context
	errs []error
	full chan struct{}
	done chan struct{}
}

func (b *batcher[T]) add(ctx context.Context, m *Msg[T]) error {
	b.mu.Lock()
	mine := b.now
	leads := mine == nil
	if leads {
		mine = &batch[T]{full: make(chan struct{}), done: make(chan struct{})}
		b.now = mine
	}
	i := len(mine.all)
	mine.all, mine.ctxs = append(mine.all, m), append(mine.ctxs, ctx)
	if b.o.Size > 0 && len(mine.all) == b.o.Size {
		b.now = nil
		close(mine.full)
	}
	b.mu.Unlock()
	if leads {
		b.lead(ctx, mine)
	}
	<-mine.done
	return mine.errs[i]
}

// lead waits for others, and handles the batch.
func (b *batcher[T]) lead(ctx context.Context, mine *batch[T]) {
	t := time.NewTimer(b.o.Wait)
	select {
	case <-mine.full:
	case <-t.C:
	case <-ctx.Done():
	}
	t.Stop()
	b.mu.Lock()
	if b.now == mine {
		b.now = nil
	}
	b.mu.Unlock()
	all, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	for _, one := range mine.ctxs {
		defer context.AfterFunc(one, func() { cancel(context.Cause(one)) })()
	}
	ended := false
	defer func() {
		if !ended { // it panicked, or called runtime.Goexit: so has the attempt of each
			mine.fail(recover())
		}
		close(mine.done)
	}()
	errs := b.handle(all, mine.all)
	ended = true
	switch len(errs) {
	case 0:
		mine.errs = make([]error, len(mine.all))
	case len(mine.all):
		mine.errs = errs
	default:
		mine.fail(fmt.Sprintf("%d errors for %d messages", len(errs), len(mine.all)))
	}
}

// fail makes all attempts fail.
func (b *batch[T]) fail(why any) {
	err := fmt.Errorf("mq: the batch: %v", why)
	if why == nil {
		err = fmt.Errorf("mq: the handler of the batch called runtime.Goexit")
	} else if _, text := why.(string); !text {
		err = newPanicError(why)
	}
	b.errs = make([]error, len(b.all))
	for i := range b.errs {
		b.errs[i] = err
	}
}
