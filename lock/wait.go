package lock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

const (
	// giveUp is for how long a waiter asks again while no server answers.
	giveUp = 10 * time.Second
	// leavePatience is how long a waiter that gives up waits until nothing is left
	// of it on the server. What is not done then is done behind its back.
	leavePatience = 5 * time.Millisecond
	// strayPatience is for how long a question is awaited that nobody asks any more.
	strayPatience = 2 * time.Second
	// pollGap is between the looks of two waiters that are next to each other in the
	// queue, after the TTL of a holder that has vanished.
	pollGap = 20 * time.Millisecond
	// pollLate is how long after that TTL the first one looks.
	pollLate = 3 * time.Millisecond
	// replicaWait bounds one WAIT.
	replicaWait = 500 * time.Millisecond

	// strayAgain is when a waiter releases again whose last question may arrive late.
	strayAgain = time.Second
	// cleanTries is how often that is tried.
	cleanTries = 6

	minAgain = 10 * time.Millisecond
	maxAgain = 250 * time.Millisecond
)

// waiter is somebody who wants a lock.
type waiter struct {
	c       *core
	parent  context.Context // of the holder's context
	terms   Terms
	target  target
	id, seq string
	try     bool // it does not queue
	listed  bool // it is in core.waiters
	look    chan struct{}
	told    atomic.Bool // by push, since it last asked
	since   int64       // server time at which it was queued
	durable bool        // the next question is to reach the replicas
	granted time.Time   // when the server first said that it has the lock
	lapsed  bool        // it has the lock of a holder that had vanished
	stray   chan error  // the result of a question that nobody waits for any more
}

func (w *waiter) lookAgain() {
	select {
	case w.look <- struct{}{}:
	default:
	}
}

// lock takes what wanted asks for, waiting for it unless try is set. The holder's
// context ends with parent.
func (l *Locker) lock(ctx, parent context.Context, what wanted, try bool) (*Held, error) {
	target, err := l.find(ctx, what)
	if err != nil {
		return nil, err
	}
	c, name := l.core, target.name
	w := &waiter{c: c, parent: parent, terms: l.terms, target: target, try: try, look: make(chan struct{}, 1)}
	w.durable = w.terms.MinReplicas > 0
	pushed := c.pushed()
	if !pushed && !try {
		c.startPush() // beside, for when there is something to wait for
	}
	w.rename(pushed)
	c.watch()

	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.closeCtx, func() { cancel(ErrClosed) })()
	if w.terms.Wait > 0 {
		defer time.AfterFunc(w.terms.Wait, func() { cancel(ErrNotAcquired) }).Stop()
	}
	h, err := w.run(within)
	w.unlist()
	if err == nil && within.Err() != nil {
		_ = h.release(context.WithoutCancel(ctx))
		err = within.Err()
	}
	switch {
	case err == nil:
		return h, nil
	case ctx.Err() != nil:
		return nil, about(name, ended(ctx))
	case within.Err() != nil:
		return nil, about(name, context.Cause(within))
	}
	return nil, about(name, err)
}

// rename gives the waiter an id of its own.
func (w *waiter) rename(pushed bool) {
	w.unlist()
	w.id, w.seq = w.c.newID(pushed, w.target.letter)
	if w.try {
		return
	}
	w.c.mu.Lock()
	w.c.waiters[w.seq] = w
	w.c.mu.Unlock()
	w.listed = true
}

func (w *waiter) unlist() {
	if !w.listed {
		return
	}
	w.c.mu.Lock()
	delete(w.c.waiters, w.seq)
	w.c.mu.Unlock()
	w.listed = false
}

// solo reports whether the waiter cannot be told by push.
func (w *waiter) solo() bool { return w.seq[0] == 'p' }

// run asks until the lock is there, ctx ends, or the server cannot be asked. When it
// fails, nothing of the waiter is left on the server.
func (w *waiter) run(ctx context.Context) (*Held, error) {
	if !w.try && w.solo() {
		// Who would have to poll tries once before it queues: nobody may be there.
		if h, err := w.once(ctx); !errors.Is(err, ErrNotAcquired) {
			return h, err
		}
		if w.c.subscribe(ctx) {
			w.rename(true)
		}
	}
	for {
		a, err := w.ask(ctx, !w.try)
		if err != nil {
			return nil, w.leave(ctx, err)
		}
		if a.got {
			h, err := w.take(ctx, a)
			if h != nil || err != nil {
				return h, err
			}
			continue
		}
		if w.try {
			return nil, ErrNotAcquired
		}
		w.since, w.granted, w.lapsed, w.durable = a.since, time.Time{}, false, false
		if !w.sleep(ctx, a) {
			return nil, w.leave(ctx, ctx.Err())
		}
	}
}

// once tries without queueing, until the server has answered.
func (w *waiter) once(ctx context.Context) (*Held, error) {
	for {
		a, err := w.ask(ctx, false)
		if err != nil {
			return nil, w.leave(ctx, err)
		}
		if !a.got {
			w.granted = time.Time{}
			return nil, ErrNotAcquired
		}
		if h, err := w.take(ctx, a); h != nil || err != nil {
			return h, err
		}
	}
}

// take makes a holder of a waiter to whom the server has given the lock, once
// enough replicas have that as well. It returns nothing when it must be asked again.
func (w *waiter) take(ctx context.Context, a answer) (*Held, error) {
	if w.granted.IsZero() {
		w.granted = time.Now()
	}
	if a.replicas >= int64(w.terms.MinReplicas) {
		w.lapsed = w.lapsed || a.lapsed
		if wait := w.unsettled(); wait > 0 && w.try {
			return nil, w.leave(ctx, ErrNotAcquired)
		} else if wait > 0 {
			w.durable = true
			if !pause(ctx, min(wait, w.terms.TTL/renewals)) {
				return nil, w.leave(ctx, ctx.Err())
			}
			return nil, nil
		}
		if h := w.hold(a); h != nil {
			return h, nil
		}
		return nil, nil // the answer took longer than the lock lasts
	}
	if w.durable && time.Since(w.granted) > w.terms.ReplicaTimeout {
		return nil, w.leave(ctx, fmt.Errorf("%w: %d of %d replicas have it", ErrNotReplicated, a.replicas, w.terms.MinReplicas))
	}
	if w.durable && !pause(ctx, minAgain) {
		return nil, w.leave(ctx, ctx.Err())
	}
	w.durable = true
	return nil, nil
}

// sleep waits until the waiter should look again; false says that ctx has ended.
func (w *waiter) sleep(ctx context.Context, a answer) bool {
	limit := w.c.poll
	switch {
	case limit > 0:
	case w.solo():
		limit = DefaultSoloPollInterval
	default:
		limit = DefaultPollInterval
	}
	if w.target.locks() > 1 {
		limit = min(limit, w.terms.grant()/renewals) // what is kept for it must not lapse
	}
	limit = limit*4/5 + rand.N(max(limit*2/5, 1))
	wait := limit
	if a.left >= 0 {
		wait = min(limit, a.left+pollLate+time.Duration(max(a.rank, 0))*pollGap)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-w.look:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// pause waits; false says that ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask asks the server, again while that may help: the same id never has the lock
// twice.
func (w *waiter) ask(ctx context.Context, wait bool) (answer, error) {
	began, backoff := time.Now(), minAgain
	for {
		a, err := w.question(ctx, wait)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		if !w.c.mayPass(err) || time.Since(began) > giveUp || w.try && !w.durable {
			return a, err
		}
		if !pause(ctx, backoff/2+rand.N(backoff)) {
			return a, ctx.Err()
		}
		backoff = min(2*backoff, maxAgain)
	}
}

// mayPass reports whether an error may be gone the next time.
func (c *core) mayPass(err error) bool {
	select {
	case <-c.done: // the client is closed
		return false
	default:
	}
	if _, bad := errors.AsType[*redis.ArgError](err); bad {
		return false
	}
	switch redis.ClassOf(err) {
	case redis.ClassNotSent, redis.ClassRejected, redis.ClassMaybeExecuted:
		return true
	}
	return errors.Is(err, redis.ErrBusy) || errors.Is(err, redis.ErrOOM)
}

// question asks once. Its call is not given up when ctx ends: what overtakes it
// could not undo it. It is awaited behind the caller's back then, by leave.
func (w *waiter) question(ctx context.Context, wait bool) (answer, error) {
	w.c.n.asked.Add(1)
	type result struct {
		a   answer
		err error
	}
	done, ended := make(chan result, 1), make(chan error, 1)
	call, stop := context.WithCancel(context.WithoutCancel(ctx))
	durable, since := w.durable, w.since
	go func() {
		a, err := w.call(call, wait, durable, since)
		ended <- err
		done <- result{a, err}
	}()
	select {
	case r := <-done:
		stop()
		return r.a, r.err
	case <-ctx.Done():
		time.AfterFunc(strayPatience, stop)
		w.stray = ended
		return answer{}, ctx.Err()
	}
}

// call sends acquire, with WAIT behind it if it must reach the replicas.
func (w *waiter) call(ctx context.Context, wait, durable bool, since int64) (a answer, err error) {
	t, asked := w.terms, time.Now()
	args := []resp.Arg{
		resp.String(w.id), resp.String(t.Owner), millis(t.TTL), millis(t.grant()), flag(wait), flag(t.bargesFor(w.target)), resp.Int(since),
		w.target.kind.arg(),
	}
	script := w.c.scripts.of(w.target.kind).acquire
	if durable {
		generation := w.c.generation()
		defer func() {
			if err == nil && a.replicas >= int64(t.MinReplicas) {
				w.c.confirmed(generation, t.MinReplicas)
			}
		}()
		a, a.replicas, err = durably(ctx, w.c.d, script, w.target.keys, args, t.MinReplicas, replicaWait)
	} else {
		a, err = script.Run(ctx, w.c.d, w.target.keys, args...)
	}
	a.asked = asked
	return a, err
}

// leave takes everything of the waiter from the server, and returns err.
func (w *waiter) leave(ctx context.Context, err error) error {
	gone := make(chan struct{})
	clean := func() {
		defer close(gone)
		w.clean(context.WithoutCancel(ctx))
	}
	if !w.c.spawn(clean) {
		go clean()
	}
	patience := time.NewTimer(leavePatience)
	defer patience.Stop()
	select {
	case <-gone:
	case <-patience.C:
	}
	return err
}

// clean waits for the question that is still out, and then releases. If nobody
// knows what has become of the question, it releases once more a moment later.
func (w *waiter) clean(ctx context.Context) {
	var unsure bool
	if w.stray != nil {
		unsure = redis.ClassOf(<-w.stray) == redis.ClassMaybeExecuted
	}
	w.c.forget(ctx, w.target, w.id, w.terms)
	if unsure && pause(w.c.closeCtx, strayAgain) {
		w.c.forget(ctx, w.target, w.id, w.terms)
	}
}
