package mq

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Worker handles the messages of a queue. It is made by [Queue.Worker] and runs once.
type Worker struct{ w *worker }

// worker is a Worker without the type of its messages.
type worker struct {
	c      *core
	o      WorkerOptions
	id     string
	handle func(ctx context.Context, d *delivery) error
	clock  clock
	wake   chan struct{} // capacity 1: look again
	beat   chan struct{} // capacity 1: prolong leases now
	work   chan *delivery
	root   context.Context // parent of the handlers' contexts; ends when they must
	quit   context.CancelCauseFunc
	tasks  sync.WaitGroup // the goroutines beside the handlers
	counts counts

	avg       atomic.Int64 // ns that a handler takes, smoothed
	load      atomic.Int64 // messages that wait in work or are handled
	rouse     atomic.Bool  // a wake-up has come
	calmUntil atomic.Int64 // in Unix ns: no lease is taken away before
	deaf      atomic.Bool  // there are no wake-ups

	mu       sync.Mutex // guards what follows; never held over I/O or a call of the user's
	held     map[string]*delivery
	settles  []settle
	unknown  map[string]time.Time // tokens of claims whose replies were lost, until when
	asking   int                  // calls of recover that are under way
	ended    map[lease]struct{}   // what was settled meanwhile
	started  bool
	stopping bool
	endAt    time.Time // when it began to stop
	keepBack bool      // releases wait for each other, so that they go in their order
	fatal    error
	seq      uint64
	order    uint64
	more     bool      // there may be messages to claim
	pollAt   time.Time // when to ask in any case
}

// counts are the counters of WorkerStats.
type counts struct {
	handled, failed, dead, snoozed, lost, recovered, steps, panics atomic.Uint64
}

// Worker returns a worker that calls h. It does nothing before [Worker.Run].
func (q *Queue[T]) Worker(h Handler[T], o WorkerOptions) *Worker {
	return &Worker{q.newWorker(h, o)}
}

// Work handles messages until ctx ends: it is [Worker.Run] of a new worker.
func (q *Queue[T]) Work(ctx context.Context, h Handler[T], o WorkerOptions) error {
	return q.Worker(h, o).Run(ctx)
}

func (q *Queue[T]) newWorker(h Handler[T], o WorkerOptions) *worker {
	w := &worker{
		c: q.core, o: o.withDefaults(), id: nonce(6),
		wake: make(chan struct{}, 1), beat: make(chan struct{}, 1),
		held: make(map[string]*delivery), unknown: make(map[string]time.Time),
	}
	w.work = make(chan *delivery, w.o.Concurrency+w.o.MaxPrefetch)
	w.handle = func(ctx context.Context, d *delivery) error {
		d.o = &q.opts
		m := &Msg[T]{Info: d.info(q.core), d: d}
		if err := decode(q.opts.Codec, d.rec.payload, &m.Value); err != nil {
			return &outcome{op: opBury, err: undecodable(err)}
		}
		end := func(error) {}
		if q.opts.Hooks.Handle != nil {
			var f func(error)
			if ctx, f = q.opts.Hooks.Handle(ctx, &m.Info); f != nil {
				end = f
			}
		}
		defer func() {
			if v := recover(); v != nil {
				err := newPanicError(v)
				end(err)
				panic(err)
			}
		}()
		err := h(ctx, m)
		end(err)
		return err
	}
	return w
}

// Run handles messages until ctx ends, and then until all of them are settled or
// released; it may be ended by a handler that cancels ctx. What has begun runs on for
// WorkerOptions.StopTimeout; what waits is released at once, at the front of the
// queue and with its attempt unchanged, and so is what then still runs, a moment after
// the end of its context.
//
// It returns nil, or [ErrAbandoned] if handlers still run, or why no work is possible:
// [ErrFormat], a missing permission, an invalid name. No failure of the network or of
// a server is a reason to return. A worker needs two connections of its own beside
// those that the client shares: one that wake-ups come by, and one that it leases for
// claims, which counts against MaxConns of the client.
func (w *Worker) Run(ctx context.Context) error { return w.w.run(ctx) }

// WorkerStats is a snapshot of the counters of a worker.
type WorkerStats struct {
	// Running is how many messages are handled, Waiting how many are prefetched.
	Running, Waiting int
	// Handled counts messages that were done, Failed attempts that failed, Dead those
	// that became dead letters, Snoozed those that were handed back, LeaseLost those
	// that were lost while this worker had them, Recovered those that came back after
	// a lost reply, Panics those whose handler panicked.
	Handled, Failed, Dead, Snoozed, LeaseLost, Recovered, Panics uint64
	// Steps counts round trips.
	Steps uint64
	// Polling says that there are no wake-ups.
	Polling bool
}

// Stats returns the counters.
func (w *Worker) Stats() WorkerStats {
	in := w.w
	waiting := len(in.work)
	return WorkerStats{
		Running: max(int(in.load.Load())-waiting, 0), Waiting: waiting,
		Handled: in.counts.handled.Load(), Failed: in.counts.failed.Load(), Dead: in.counts.dead.Load(),
		Snoozed: in.counts.snoozed.Load(), LeaseLost: in.counts.lost.Load(), Recovered: in.counts.recovered.Load(),
		Steps: in.counts.steps.Load(), Panics: in.counts.panics.Load(), Polling: in.deaf.Load(),
	}
}

func (w *worker) run(ctx context.Context) error {
	if w.c.err != nil {
		return w.c.err
	}
	w.mu.Lock()
	if w.started {
		w.mu.Unlock()
		return ErrRunning
	}
	w.started = true
	w.mu.Unlock()

	w.begin(ctx)
	w.tell(Event{Kind: EventStarted, Err: w.o.check()})
	side, stopSide := context.WithCancel(context.WithoutCancel(ctx))
	w.tasks.Go(func() { w.heartbeats(side) })
	closeWakes := w.listen(side)
	var handlers sync.WaitGroup
	for range w.o.Concurrency {
		handlers.Add(1)
		go w.handlerLoop(&handlers)
	}
	stopped := context.AfterFunc(ctx, func() { w.beginStop(); poke(w.wake) })
	w.fetch(ctx)
	stopped()
	err := w.stop(side, &handlers)
	stopSide()
	closeWakes()
	w.tasks.Wait()
	w.tell(Event{Kind: EventStopped, Err: err})
	return err
}

// begin prepares what handlers need.
func (w *worker) begin(ctx context.Context) {
	w.clock.start()
	w.more = true
	w.root, w.quit = context.WithCancelCause(context.WithoutCancel(ctx))
}

// stop waits for handlers, releases what is left, and sends what is not settled.
func (w *worker) stop(ctx context.Context, handlers *sync.WaitGroup) error {
	w.beginStop()
	w.mu.Lock()
	fatal := w.fatal
	w.mu.Unlock()
	w.releaseWaiting()
	close(w.work)
	ended := make(chan struct{})
	go func() { // ends with the handlers
		handlers.Wait()
		close(ended)
	}()
	flushed := make(chan struct{})
	flushing, endFlush := context.WithCancel(ctx)
	go func() {
		defer close(flushed)
		w.flushUntil(flushing, ended)
	}()
	left := w.awaitHandlers(ended)
	endFlush()
	<-flushed
	w.quit(ErrStopping)
	w.releaseHeld()
	w.keepReleases(false)
	last, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	err := errors.Join(w.recover(last), w.flush(last))
	switch {
	case fatal != nil:
		return fatal
	case left > 0:
		w.tell(Event{Kind: EventAbandoned, N: left})
		return ErrAbandoned
	}
	return err
}

// beginStop has nothing begun any more, though a claim may still be under way.
func (w *worker) beginStop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopping {
		w.stopping, w.endAt = true, time.Now()
	}
}

// awaitHandlers waits for the handlers, ends their contexts when they take too long,
// and returns how many still run in the end.
func (w *worker) awaitHandlers(ended chan struct{}) (left int) {
	w.mu.Lock()
	wait := max(w.o.StopTimeout-time.Since(w.endAt), 0)
	w.mu.Unlock()
	for _, wait := range []time.Duration{wait, abortGrace} {
		timer := time.NewTimer(wait)
		select {
		case <-ended:
			timer.Stop()
			return 0
		case <-timer.C:
			w.keepReleases(true)
			w.quit(ErrStopping)
		}
	}
	select {
	case <-ended:
		return 0
	default:
		return int(w.load.Load())
	}
}

func (w *worker) keepReleases(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keepBack = on
}

// releaseWaiting releases what no handler has begun.
func (w *worker) releaseWaiting() {
	for {
		select {
		case d := <-w.work:
			w.load.Add(-1)
			w.addSettle(d, opRelease, "")
		default:
			return
		}
	}
}

// releaseHeld releases what handlers have not ended.
func (w *worker) releaseHeld() {
	w.mu.Lock()
	var left []*delivery
	for _, d := range w.held {
		if !d.settled {
			left = append(left, d)
		}
	}
	w.mu.Unlock()
	for _, d := range left {
		w.addSettle(d, opRelease, "")
	}
}

// flushUntil sends outcomes while handlers end.
func (w *worker) flushUntil(ctx context.Context, ended chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-w.wake:
			_ = w.flush(ctx)
		}
	}
}

// flush sends all outcomes that wait, and takes the worker off the list of idle ones.
func (w *worker) flush(ctx context.Context) error {
	backoff := stepBackoff
	for {
		err := w.step(ctx, 0, flagBusy)
		w.mu.Lock()
		left := w.sendableLocked()
		w.mu.Unlock()
		if err == nil && left == 0 {
			return nil
		}
		if w.isFatal(err) {
			return err
		}
		if err != nil || w.stuck() {
			if !sleep(ctx, backoff) {
				return errors.Join(err, ctx.Err())
			}
			backoff = min(2*backoff, maxStepBackoff)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// stuck reports whether all outcomes that wait were refused for want of memory.
func (w *worker) stuck() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.settles {
		if !w.settles[i].sent {
			return false
		}
	}
	return true
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sleep waits for d and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
