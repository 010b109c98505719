package pool

import (
	"context"
	"errors"
	"time"
)

// waiter is a caller that waits for a connection.
type waiter struct {
	ready      chan grant // capacity one: giving never blocks
	over       bool       // may go beyond MaxConns
	next, prev *waiter
	listed     bool
}

type grant struct {
	m   *member
	err error
}

func (w *waiter) give(m *member, err error) { w.ready <- grant{m, err} }

// waitList is the callers that wait, in the order of their coming.
type waitList struct {
	first, last *waiter
	n           int
}

func (l *waitList) push(w *waiter) {
	w.prev, w.listed = l.last, true
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.n++
}

// pushFirst puts w before all others: a shared connection serves many callers,
// and must not wait for those who hold leases.
func (l *waitList) pushFirst(w *waiter) {
	w.next, w.listed = l.first, true
	if l.first == nil {
		l.last = w
	} else {
		l.first.prev = w
	}
	l.first = w
	l.n++
}

func (l *waitList) pop() *waiter {
	w := l.first
	if w != nil {
		l.remove(w)
	}
	return w
}

func (l *waitList) remove(w *waiter) {
	if !w.listed {
		return
	}
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.listed = nil, nil, false
	l.n--
}

// acquire waits for a connection: one that comes back or a new one, whichever
// is first.
func (p *Pool) acquire(ctx context.Context, over bool) (*member, error) {
	w := &waiter{ready: make(chan grant, 1), over: over}
	p.wanted.Add(1)
	defer p.wanted.Add(-1)
	p.mu.Lock()
	if p.closed != nil {
		err := p.notSent(p.closed)
		p.mu.Unlock()
		return nil, err
	}
	if over {
		p.waiters.pushFirst(w)
	} else {
		p.waiters.push(w)
	}
	if m := p.idleForLocked(w); m != nil {
		p.supplyLocked(m)
	}
	p.startDialsLocked()
	p.mu.Unlock()
	select {
	case g := <-w.ready:
		return g.m, g.err
	default:
	}
	p.counters.waits.Add(1)
	return p.await(ctx, w, time.Now())
}

// await waits for what w gets, for as long as ctx and WaitTime allow.
func (p *Pool) await(ctx context.Context, w *waiter, began time.Time) (*member, error) {
	limit := p.waitTime(ctx)
	var late <-chan time.Time
	if limit > 0 && !w.over { // a shared one is waited for by those whom it is for
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case g := <-w.ready:
			return g.m, delay(g.err, began)
		case <-ctx.Done():
			return p.stopWaiting(ctx.Err(), w, began)
		case <-late:
			if p.reachable() {
				late = nil // all are in use, and one of them comes back
				continue
			}
			return p.stopWaiting(errUnreachable, w, began)
		}
	}
}

// reachable reports whether callers wait for each other, and not for the server.
func (p *Pool) reachable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lastDial == nil && p.dialing == 0 && p.backoff.left() <= 0
}

var errUnreachable = errors.New("the server cannot be reached")

// waitTimeKey is the key of WithWaitTime.
type waitTimeKey struct{}

// WithWaitTime returns a context whose calls wait for a connection no longer than
// for d, where Options.WaitTime says more or nothing.
func WithWaitTime(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, waitTimeKey{}, d)
}

func (p *Pool) waitTime(ctx context.Context) time.Duration {
	limit := p.opts.WaitTime
	if d, ok := ctx.Value(waitTimeKey{}).(time.Duration); ok && (limit <= 0 || d < limit) {
		limit = max(d, 1)
	}
	return limit
}

// delayed is the error of a call that has waited for a connection.
type delayed struct {
	error
	waited time.Duration
}

func (d *delayed) Unwrap() error { return d.error }

func delay(err error, began time.Time) error {
	if err == nil {
		return nil
	}
	return &delayed{err, time.Since(began)}
}

// Waited returns how long the call that returned err has waited for a connection.
func Waited(err error) time.Duration {
	if d, ok := errors.AsType[*delayed](err); ok {
		return d.waited
	}
	if w, ok := errors.AsType[*WaitError](err); ok {
		return w.Waited
	}
	return 0
}

// idleForLocked returns a connection that has become idle since w found none. p.mu is
// held.
func (p *Pool) idleForLocked(w *waiter) *member {
	if w.over {
		return nil // it gets a new one, or the next that comes back
	}
	return p.popIdleLocked()
}

// stopWaiting takes w off the list, unless it has been served meanwhile.
func (p *Pool) stopWaiting(cause error, w *waiter, began time.Time) (*member, error) {
	p.mu.Lock()
	listed := w.listed
	p.waiters.remove(w)
	failure := p.waitErrorLocked(cause, began)
	p.mu.Unlock()
	if !listed {
		g := <-w.ready // it came at the same moment
		return g.m, delay(g.err, began)
	}
	return nil, p.notSent(failure)
}

func (p *Pool) waitError(cause error, began time.Time) *WaitError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waitErrorLocked(cause, began)
}

func (p *Pool) waitErrorLocked(cause error, began time.Time) *WaitError {
	return &WaitError{
		Limit: p.opts.MaxConns, Open: p.open, Leased: int(p.leased.Load()), Waiting: p.waiters.n,
		Waited: time.Since(began), LastDial: p.lastDial, Err: cause,
	}
}
