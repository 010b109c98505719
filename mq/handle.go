package mq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

// maxReason is how many bytes of an error a dead letter keeps.
const maxReason = 4 << 10

// handlerLoop handles messages until there will be no more. A handler that calls
// runtime.Goexit ends the goroutine, which is replaced.
func (w *worker) handlerLoop(handlers *sync.WaitGroup) {
	var d *delivery
	defer func() {
		if d != nil {
			w.finish(d, errors.New("the handler called runtime.Goexit"))
			go w.handlerLoop(handlers)
			return
		}
		handlers.Done()
	}()
	for next := range w.work {
		if w.isStopping() {
			w.load.Add(-1)
			w.addSettle(next, opRelease, "")
			continue
		}
		if next.ctx.Err() != nil { // it has waited for too long
			w.load.Add(-1)
			w.drop(next)
			continue
		}
		d = next
		began := time.Now()
		err := w.call(d)
		w.noteTime(time.Since(began))
		done := d
		d = nil
		w.finish(done, err)
	}
}

func (w *worker) isStopping() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopping
}

// call runs the handler.
func (w *worker) call(d *delivery) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
			w.counts.panics.Add(1)
			w.tell(Event{Kind: EventPanic, ID: d.id, Attempt: d.failures + 1, Err: err})
		}
	}()
	if d.recErr != nil {
		return &outcome{op: opBury, err: d.recErr}
	}
	var ctx context.Context = d.ctx
	if d.rec.timeout > 0 {
		timed, cancel := context.WithTimeout(d.ctx, d.rec.timeout)
		defer cancel()
		ctx = &timedContext{timed, d.ctx}
	}
	return w.handle(ctx, d)
}

func newPanicError(v any) *PanicError {
	if e, ok := v.(*PanicError); ok {
		return e
	}
	stack := debug.Stack()
	return &PanicError{Value: v, Stack: stack[:min(len(stack), maxReason)]}
}

// noteTime smooths the time that handlers take.
func (w *worker) noteTime(took time.Duration) {
	old := w.avg.Load()
	if old == 0 {
		w.avg.Store(int64(took) + 1)
		return
	}
	w.avg.Store(old + (int64(took)-old)/8)
}

// finish decides what becomes of a message that was handled.
func (w *worker) finish(d *delivery, err error) {
	w.load.Add(-1)
	if err == nil {
		w.ack(d)
		return
	}
	if errors.Is(context.Cause(d.ctx), ErrStopping) {
		w.addSettle(d, opRelease, "")
		return
	}
	o, said := errors.AsType[*outcome](err)
	switch {
	case said && o.op == opSnooze:
		w.counts.snoozed.Add(1)
		w.addSettle(d, opSnooze, millis(o.delay))
	case said && (o.op == opDead || o.op == opBury):
		w.bury(d, o.op, o.err)
	case errors.Is(err, ErrUnknownKind):
		w.tell(Event{Kind: EventUnknownKind, ID: d.id, Attempt: d.failures + 1, Delay: w.o.UnknownDelay, Err: err})
		w.addSettle(d, opSnooze, millis(w.o.UnknownDelay))
	default:
		w.fail(d, err, o)
	}
}

// fail counts an attempt that has failed.
func (w *worker) fail(d *delivery, err error, o *outcome) {
	w.counts.failed.Add(1)
	attempt := d.failures + 1
	if most := w.c.maxAttempts(d); most > 0 && attempt >= most {
		w.bury(d, opDead, err)
		return
	}
	var delay time.Duration
	if o != nil {
		delay = o.delay
	} else {
		delay = clamp(w.o.Backoff(attempt))
	}
	w.tell(Event{Kind: EventRetry, ID: d.id, Attempt: attempt, Delay: delay, Err: err})
	w.addSettle(d, opRetry, millis(delay))
}

func (w *worker) bury(d *delivery, op byte, err error) {
	w.counts.dead.Add(1)
	w.tell(Event{Kind: EventDead, ID: d.id, Attempt: d.failures + 1, Err: err})
	reason := fmt.Sprint(err)
	w.addSettle(d, op, reason[:min(len(reason), maxReason)])
}

func (w *worker) ack(d *delivery) {
	op := byte(opAck)
	if d.attempts {
		op = opAckMore
	}
	window := d.rec.window
	if window == 0 {
		window = w.c.opts.Window
	}
	arg := ""
	if window > 0 {
		arg = millis(window)
	}
	if d.keep {
		op, arg = opResult, arg+" "+string(d.result)
	}
	w.addSettle(d, op, arg)
}

// millis returns d in whole milliseconds, rounded up.
func millis(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Millisecond-1)/time.Millisecond), 10)
}

// addSettle queues an outcome. A message has one.
func (w *worker) addSettle(d *delivery, op byte, arg string) {
	w.mu.Lock()
	if d.settled {
		w.mu.Unlock()
		return
	}
	d.settled = true
	w.settles = append(w.settles, settle{d: d, op: op, arg: arg, at: time.Now()})
	n := len(w.settles)
	w.mu.Unlock()
	if n == 1 || n == settleBatch || len(w.work) == 0 || w.load.Load() <= int64(w.capacity()/2) {
		poke(w.wake)
	}
}

// drop forgets a message whose lease was lost before it was handled.
func (w *worker) drop(d *delivery) {
	w.mu.Lock()
	if w.held[d.id] == d {
		delete(w.held, d.id)
	}
	d.settled = true
	lost := d.lost
	w.mu.Unlock()
	if !lost {
		w.lose(d, ErrLeaseLost)
	}
}

// lose ends the context of a message that is not this worker's any more.
func (w *worker) lose(d *delivery, why error) {
	if d.ctx.lapsed() { // if it is gone, somebody else may have handled it
		why = ErrLeaseLost
	}
	w.mu.Lock()
	before := d.lost
	d.lost = true
	w.mu.Unlock()
	d.ctx.cancel(why)
	if before {
		return
	}
	kind := EventLeaseLost
	if errors.Is(why, ErrCanceled) {
		kind = EventCanceled
	} else {
		w.counts.lost.Add(1)
	}
	w.tell(Event{Kind: kind, ID: d.id, Attempt: d.failures + 1, Err: why})
}
