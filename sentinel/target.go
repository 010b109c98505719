package sentinel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
)

// target is where commands go. A target is immutable: a new one replaces it
// when the master changes, and when writes are held and released. A call that
// finds the target unchanged when its reply is there may report it.
type target struct {
	generation  uint64 // the same as long as the connections are
	moves       uint64 // of the view that it was made of
	epoch       int64
	addr        string
	pool        *pool.Pool // nil while no master is known
	gated       bool       // admit must be asked first
	held        bool       // writes wait
	since       time.Time  // when the hold began
	strict      bool       // writes need a quorum
	provisional bool       // adopted eagerly, and no sentinel has confirmed it
}

// admit says why a command must not be sent to t now; nil lets it go.
func (c *Client) admit(t *target, write bool) error {
	switch {
	case t.pool == nil:
		return c.notSent(t, c.unknown())
	case write && t.held:
		return c.notSent(t, ErrHeld)
	case write && t.strict && !c.hasQuorum(t, time.Now()):
		return c.notSent(t, ErrNoQuorum)
	}
	return nil
}

// unknown is why no master is known.
func (c *Client) unknown() error {
	select {
	case <-c.ctx.Done():
		return ErrClosed
	default:
	}
	if c.topic == nil {
		return ErrNoSentinel
	}
	return c.topic.why()
}

func (c *Client) notSent(t *target, cause error) *conn.Error {
	return &conn.Error{Op: conn.OpWait, Addr: t.addr, Class: conn.ClassNotSent, Err: cause}
}

func maybeExecuted(t *target, sent int, cause error) *conn.Error {
	return &conn.Error{Op: conn.OpRead, Addr: t.addr, Class: conn.ClassMaybeExecuted, Sent: sent, Err: cause}
}

// holdGrace is how long after the announcement of a promotion the replies of
// the old master are still good. The sentinel sends the promotion 58 to 100 ms
// after it has announced it; what was answered in the first part of that was
// executed, and has reached the replicas, before.
const holdGrace = 5 * time.Millisecond

// trust says what a reply that came by t is worth.
type trust uint8

const (
	good     trust = iota
	unproved      // given by a master that is just being replaced, or not
	void          // given by a master that has been replaced
	lapsed        // given without a quorum
)

// weigh says what a reply by t is worth now.
func (c *Client) weigh(t *target, write bool) trust {
	now := c.target.Load()
	switch {
	case now.generation != t.generation:
		return void
	case !write:
		return good
	case now.held && time.Since(now.since) > holdGrace:
		return unproved
	case t.strict && !c.hasQuorum(now, time.Now()):
		return lapsed
	}
	return good
}

// vouch returns nil when a reply that came by t may be reported. For a write
// that was answered in the course of a failover it waits until it is known
// whether the failover took place: between the promotion and the switch the old
// master acknowledges writes that nobody will ever see. The error has the class
// may have executed.
func (c *Client) vouch(ctx context.Context, t *target, write bool) error {
	for first := true; ; first = false {
		switch c.weigh(t, write) {
		case good:
			return nil
		case void:
			return maybeExecuted(t, 0, c.switchCause(t))
		case lapsed:
			return maybeExecuted(t, 0, ErrNoQuorum)
		}
		if first {
			c.counters.unproved.Add(1)
		}
		if err := c.awaitChange(ctx, c.target.Load()); err != nil {
			return maybeExecuted(t, 0, errors.Join(err, ErrHeld))
		}
	}
}

// switchCause is why connections of t's generation are gone.
func (c *Client) switchCause(t *target) error {
	if now := c.target.Load(); now.addr == t.addr && now.epoch == t.epoch {
		return fmt.Errorf("%w: %w", ErrSwitched, ErrNotMaster)
	}
	return ErrSwitched
}

// awaitChange waits until t is not the target any more. It returns why not.
func (c *Client) awaitChange(ctx context.Context, t *target) error {
	c.mu.Lock()
	changed, closed := c.changed, c.closed
	same := c.target.Load() == t
	c.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case !same:
		return nil
	}
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// storeLocked puts a new target in place and wakes those who wait for one. c.mu is
// held.
func (c *Client) storeLocked(t *target) {
	t.gated = t.gated || t.pool == nil || t.held || t.strict
	c.noteMove(c.target.Swap(t), t)
	close(c.changed)
	c.changed = make(chan struct{})
}

// follow moves the client to the master that its group believes in. It breaks
// every connection to the former one: those in use, leased and dialled too.
func (c *Client) follow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.group.mu.Lock()
	v := c.topic.view
	c.group.mu.Unlock()
	old := c.target.Load()
	if c.closed || !v.known || v.moves <= old.moves {
		return
	}
	if old.pool != nil && old.addr == v.addr && (old.provisional || v.epoch <= old.epoch) {
		// An adopted master was confirmed, or the epoch began anew with the same
		// master: the connections stay.
		same := *old
		same.moves, same.epoch, same.provisional = v.moves, v.epoch, false
		same.held, same.gated = false, false
		c.stopEagerLocked()
		c.endHoldLocked(old, v.addr)
		c.storeLocked(&same)
		return
	}
	c.moveToLocked(&target{moves: v.moves, epoch: v.epoch, addr: v.addr}, ErrSwitched)
}

// moveToLocked makes t the target, with a pool of its own: the one that was opened
// ahead to a candidate, or a new one. The connections of the former target are
// broken with cause. c.mu is held.
func (c *Client) moveToLocked(t *target, cause error) {
	old := c.target.Load()
	t.generation, t.strict = old.generation+1, c.opts.RequireQuorum
	t.pool = c.takeCandidateLocked(t.addr)
	if t.pool == nil {
		t.pool = pool.New(c.masterPool(t.addr))
	}
	c.stopEagerLocked()
	c.endHoldLocked(old, t.addr)
	c.storeLocked(t)
	if old.generation > 0 {
		c.counters.switches.Add(1)
	}
	c.retireLocked(old.pool, cause)
	if c.subs != nil {
		c.subs.follow(t.pool)
	}
}

// masterPool is the options of a pool to a master at addr.
func (c *Client) masterPool(addr string) pool.Options {
	o := c.opts.Pool
	o.Conn.Addr, o.Conn.Role = addr, conn.RoleMaster
	if o.MinBackoff == 0 {
		o.MinBackoff = minReviveInterval
	}
	if o.MaxBackoff == 0 {
		o.MaxBackoff = maxReviveInterval
	}
	return o
}

// distrust replaces the connections of t, whose server has said that it is no
// master, by new ones, each of which asks for its role again. Nothing happens if
// t is not the target any more. Calls on the old connections have a moment to
// learn that they were refused.
func (c *Client) distrust(t *target, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.target.Load()
	if c.closed || c.topic == nil || now.generation != t.generation {
		return
	}
	next := *now
	next.generation++
	next.pool = pool.New(c.masterPool(now.addr))
	next.gated = false
	c.storeLocked(&next)
	c.counters.distrusted.Add(1)
	old := now.pool
	c.spawnLocked(func() {
		select {
		case <-time.After(refusalGrace):
		case <-c.ctx.Done():
		}
		old.Abort(fmt.Errorf("%w: %w", ErrSwitched, cause))
		_ = old.Close()
	})
	if c.subs != nil {
		c.subs.follow(next.pool)
	}
	c.send(Event{Kind: EventDistrusted, Err: cause})
	c.topic.deny(now.addr)
}

// refusalGrace is how long connections live on that a server has answered
// READONLY on: others may be about to get the same clean answer.
const refusalGrace = 50 * time.Millisecond

// deny tells the view that the server at addr is no master by its own word.
func (t *master) deny(addr string) {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	t.view.deny(addr)
}
