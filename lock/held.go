package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// unlockPatience bounds an Unlock.
	unlockPatience = 5 * time.Second
	// renewals is how many there are in a ttl.
	renewals = 3
)

// moment is a point in time by two clocks. The monotonic one stands still while the
// machine is suspended, the wall clock may be set.
type moment struct {
	at   time.Time     // for the monotonic clock
	wall time.Duration // since 1970
}

func momentOf(t time.Time) moment { return moment{t, time.Duration(t.UnixNano())} }

// passed reports whether now is not before m by one of the clocks.
func (m moment) passed(now time.Time) bool {
	return !now.Before(m.at) || time.Duration(now.UnixNano()) >= m.wall
}

// Held is a lock that was acquired. It is renewed until Unlock, until it is lost, or
// until the Locker is closed. Its methods are safe for concurrent use.
type Held struct {
	c       *core
	terms   Terms
	target  target
	id, seq string
	fence   int64
	permit  int
	ctx     *heldContext
	giveUp  time.Time // when MaxHold is over; zero for never

	mu       sync.Mutex
	deadline moment    // from when on the server may give the lock to another
	next     time.Time // when it is renewed; guarded by core.mu
	failing  int       // renewals in a row that failed; guarded by core.mu
	lost     error
	released bool // Unlock has been called
	done     bool // and has come to an end
	outcome  error
}

// hold makes the holder, and has it renewed. It returns nil if the answer came too
// late.
func (w *waiter) hold(a answer) *Held {
	h := &Held{
		c: w.c, terms: w.terms, target: w.target, id: w.id, seq: w.seq, fence: a.fence, permit: int(a.permit),
	}
	if w.terms.MaxHold > 0 {
		h.giveUp = time.Now().Add(w.terms.MaxHold)
	}
	if !h.extend(a.asked) {
		return nil
	}
	h.next = a.asked.Add(w.terms.TTL / renewals)
	w.c.n.acquired.Add(1)
	if w.told.Load() {
		w.c.n.granted.Add(1)
	}
	h.start(w.parent)
	return h
}

// start gives the holder its context, which carries parent's values and ends with
// it, and begins to renew.
func (h *Held) start(parent context.Context) {
	inner, cancel := context.WithCancelCause(parent)
	h.ctx = &heldContext{inner, cancel, h}
	h.c.mu.Lock()
	h.c.held[h.seq] = h
	h.c.scheduleLocked(h)
	h.c.mu.Unlock()
}

// extend moves the deadline: the server keeps the lock for a ttl from when it was
// asked at the earliest. It reports false if that is over.
func (h *Held) extend(asked time.Time) bool {
	until := asked.Add(h.terms.TTL - h.terms.margin())
	if !h.giveUp.IsZero() && h.giveUp.Before(until) {
		until = h.giveUp
	}
	m := momentOf(until)
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.at.After(h.deadline.at) {
		h.deadline = m
	}
	return !h.deadline.passed(time.Now())
}

// Name returns the name of the lock; of several, all names, with commas between them.
func (h *Held) Name() string { return h.target.name }

// ID returns what the server knows the holder by. No other acquisition ever has it.
func (h *Held) ID() string { return h.id }

// Fence returns the fencing token: greater than that of every earlier acquisition of
// the name, and below 2^53. Hand it to the resource along with each write; the
// resource must refuse one that is smaller than the greatest it has seen.
func (h *Held) Fence() int64 { return h.fence }

// Permit returns the number of the permit of a semaphore, from 0 to one less than
// there are. Of the holders of one number, each has a greater fence than all before it.
// It is zero for every other kind of lock.
func (h *Held) Permit() int { return h.permit }

// Until returns when the lock is lost if no further renewal succeeds.
func (h *Held) Until() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.deadline.at
}

// Context returns a context that ends when the lock is lost, with [ErrLost] as its
// cause, before the server can give it to another; and by Unlock. Its Err looks at
// the clock: after a pause of the process, the first look already says so, whether
// or not a timer has run. It carries the values of the context that the lock was
// acquired with, and within Do and Lead it ends with that one too.
func (h *Held) Context() context.Context { return h.ctx }

// Check returns nil while the lock is held, and why not otherwise: an error that
// matches [ErrLost]. It costs no I/O. Call it in loops, right before each write.
func (h *Held) Check() error {
	h.mu.Lock()
	lost, passed := h.lost, h.deadline.passed(time.Now())
	h.mu.Unlock()
	if lost == nil && passed {
		return h.expire()
	}
	return lost
}

// expire ends a lock whose deadline has passed.
func (h *Held) expire() error {
	reason := errors.New("no renewal came in time")
	if !h.giveUp.IsZero() && !time.Now().Before(h.giveUp) {
		reason = ErrMaxHold
	}
	return h.end(about(h.target.name, fmt.Errorf("%w: %w", ErrLost, reason)))
}

// end notes that the lock is not held any more, the first time it is called, and
// returns why.
func (h *Held) end(why error) error {
	h.mu.Lock()
	first := h.lost == nil
	if first {
		h.lost = why
	}
	why, released := h.lost, h.released
	h.mu.Unlock()
	if !first {
		return why
	}
	h.c.mu.Lock()
	delete(h.c.held, h.seq)
	h.c.mu.Unlock()
	if h.ctx != nil {
		h.ctx.cancel(why)
	}
	if !released {
		h.c.n.lost.Add(1)
		h.c.tell(EventLost, h.target.name, why)
	}
	return why
}

// errReleased is why a lock that was released is not held.
var errReleased = fmt.Errorf("%w: it was released", ErrLost)

// Unlock releases the lock, and the longest waiter has it. The context is ended
// first. Unlock returns an error that matches [ErrLost] if the lock had been lost
// before: what was done in its name must be doubted. Another error says that no
// server could be told; the lock ends when its TTL is over, or by another Unlock.
// Once it has succeeded, it returns the same again.
//
// ctx gives its values only: a lock is released although ctx has ended, within 5
// seconds.
func (h *Held) Unlock(ctx context.Context) error {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockPatience)
	defer cancel()
	return h.release(call)
}

func (h *Held) release(ctx context.Context) error {
	before := h.Check()
	h.mu.Lock()
	if h.done {
		defer h.mu.Unlock()
		return h.outcome
	}
	if errors.Is(before, errReleased) {
		before = nil // an Unlock before this one has failed
	}
	h.released = true
	h.mu.Unlock()
	_ = h.end(about(h.target.name, errReleased))
	mine, err := h.c.mustRelease(ctx, h.target, h.id, h.terms)
	switch {
	case before != nil:
		err = before // it is lost, whatever the server says
	case err != nil:
		return about(h.target.name, err)
	case !mine:
		err = about(h.target.name, fmt.Errorf("%w: another has had it", ErrLost))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done, h.outcome = true, err
	return err
}

// Renew renews the lock now and returns nil when the server has confirmed that it is
// held. It need not be called: it is for a holder that wants to be sure of a whole
// TTL from now on.
func (h *Held) Renew(ctx context.Context) error {
	if err := h.Check(); err != nil {
		return err
	}
	call, cancel := context.WithDeadline(ctx, h.Until())
	defer cancel()
	err := h.c.renew(call, []*Held{h})
	if lost := h.Check(); lost != nil {
		return lost
	}
	if err != nil {
		return about(h.target.name, err)
	}
	return nil
}

// heldContext is a context whose Err looks at the clock. It shows its inner context
// to package context by Done and Value, so that children cost no goroutine.
type heldContext struct {
	context.Context
	cancel context.CancelCauseFunc
	h      *Held
}

// Err implements context.Context.
func (c *heldContext) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if lost := c.h.Check(); lost != nil {
		c.cancel(lost) // another goroutine may have seen it first and not come this far yet
	}
	return c.Context.Err()
}

// Deadline implements context.Context: that of the parent. The lock's own moves
// with each renewal; see [Held.Until].
func (c *heldContext) Deadline() (time.Time, bool) { return c.Context.Deadline() }
