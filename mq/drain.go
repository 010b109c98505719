package mq

import (
	"context"
	"time"
)

// drainLease is the lease of what Drain handles: it is not prolonged.
const drainLease = time.Hour

// Drain handles all messages that are ready, one after another on this goroutine, as
// a worker would, and returns how many it has handled. It is made for tests, and for
// programs that run now and then. What a handler returns is settled, not returned; a
// message that is ready again at once is handled again, and one that the [Limits] hold back
// is not. The error is that of the
// client, or of ctx: then a message that was being handled is released, if its handler
// failed.
func (q *Queue[T]) Drain(ctx context.Context, h Handler[T]) (n int, err error) {
	if q.err != nil {
		return 0, q.err
	}
	w := q.newWorker(h, WorkerOptions{Concurrency: 1, MaxPrefetch: -1, Lease: drainLease})
	w.begin(ctx)
	defer w.quit(context.Canceled)
	stop := context.AfterFunc(ctx, func() { w.quit(ErrStopping) })
	defer stop()
	for ctx.Err() == nil {
		if err := w.drainStep(ctx, 1); err != nil {
			return n, err
		}
		if len(w.work) == 0 {
			return n, ctx.Err()
		}
		d := <-w.work
		w.finish(d, w.call(d))
		n++
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := w.flush(last); err != nil {
		return n, err
	}
	return n, ctx.Err()
}

// drainStep is a step that is repeated a few times, and whose claim is recovered if its
// reply was lost.
func (w *worker) drainStep(ctx context.Context, n int) (err error) {
	backoff := stepBackoff
	for range 5 {
		if err = w.step(ctx, n, 0); err == nil || w.isFatal(err) {
			return err
		}
		if !sleep(ctx, backoff) {
			return err
		}
		backoff *= 2
		if rerr := w.recover(ctx); rerr == nil && len(w.work) > 0 {
			return nil
		}
	}
	return err
}
