package pool

import (
	"context"
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
	began := time.Now()
	p.counters.waits.Add(1)
	select {
	case g := <-w.ready:
		return g.m, g.err
	case <-ctx.Done():
	}
	return p.stopWaiting(ctx, w, began)
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
func (p *Pool) stopWaiting(ctx context.Context, w *waiter, began time.Time) (*member, error) {
	p.mu.Lock()
	listed := w.listed
	p.waiters.remove(w)
	failure := &WaitError{
		Limit: p.opts.MaxConns, Open: p.open, Leased: p.leased, Waiting: p.waiters.n,
		Waited: time.Since(began), LastDial: p.lastDial, Err: ctx.Err(),
	}
	p.mu.Unlock()
	if !listed {
		g := <-w.ready // it came at the same moment
		return g.m, g.err
	}
	return nil, p.notSent(failure)
}
