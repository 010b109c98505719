package client

import (
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/sentinel"
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
	provisional bool       // adopted, and not confirmed by the sentinels
	heir        uint64     // the generation that has handed over to it; zero if none has
	calm        bool       // held, though what comes from it is good
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
	if c.watch == nil {
		return sentinel.ErrNoSentinel
	}
	return c.watch.Err()
}

func (c *Client) notSent(t *target, cause error) *conn.Error {
	return &conn.Error{Op: conn.OpWait, Addr: c.whom(t), Class: conn.ClassNotSent, Err: cause}
}

// whom is the address of t, or the name of the master where none is known.
func (c *Client) whom(t *target) string {
	if t.addr == "" {
		return c.opts.Master
	}
	return t.addr
}

// storeLocked puts a new target in place and wakes those who wait for one.
func (c *Client) storeLocked(t *target) {
	t.gated = t.gated || t.pool == nil || t.held || t.strict
	c.noteMoveLocked(c.target.Swap(t), t)
	c.wakeLocked()
}

// wakeLocked wakes those who wait for something to change.
func (c *Client) wakeLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// follow moves the client to the master that its group believes in. It breaks
// every connection to the former one: those in use, leased and dialled too.
func (c *Client) follow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.watch.View()
	old := c.target.Load()
	if c.closed || !v.Known || v.Moves <= old.moves {
		return
	}
	if old.pool != nil && old.addr == v.Addr && (old.provisional || v.Epoch <= old.epoch) {
		// An adopted master was confirmed, or the epoch began anew with the same
		// master: the connections stay.
		same := *old
		same.moves, same.epoch, same.provisional = v.Moves, v.Epoch, false
		same.held, same.calm, same.gated = false, false, false
		c.stopEagerLocked()
		c.endHoldLocked(old, v.Addr)
		c.storeLocked(&same)
		return
	}
	c.moveToLocked(&target{moves: v.Moves, epoch: v.Epoch, addr: v.Addr}, ErrSwitched)
}

// moveToLocked makes t the target, with a pool of its own: the one that was
// opened ahead to a candidate, or a new one. The connections of the former
// target are broken with cause.
func (c *Client) moveToLocked(t *target, cause error) {
	c.retireLocked(c.replaceLocked(t), cause)
}

// replaceLocked is moveToLocked, but for the connections of the former target,
// whose pool it returns.
func (c *Client) replaceLocked(t *target) *pool.Pool {
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
	if c.subs != nil {
		c.subs.follow(t.pool)
	}
	return old.pool
}

// masterPool is the options of a pool to a master at addr.
func (c *Client) masterPool(addr string) pool.Options {
	o := c.opts.Pool
	o.Conn.Addr, o.Conn.Role = addr, conn.RoleMaster
	return c.poolOptions(o)
}

// poolOptions adds the client's defaults to the options of a pool.
func (c *Client) poolOptions(o pool.Options) pool.Options {
	if o.WaitTime == 0 && c.opts.RetryTime > 0 {
		o.WaitTime = c.opts.RetryTime
	}
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
	if c.closed || c.watch == nil || now.generation != t.generation {
		return
	}
	c.watch.Deny(now.addr)
	if now.addr == c.denied.addr && time.Since(c.denied.at) < distrustInterval {
		return // its connections were replaced a moment ago
	}
	c.denied.addr, c.denied.at = now.addr, time.Now()
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
	c.send(sentinel.Event{Kind: sentinel.EventDistrusted, Err: cause})
}

// distrustInterval is how often at most the connections to one address are
// replaced because its server says that it is no master.
const distrustInterval = time.Second

// refusalGrace is how long connections live on that a server has answered
// READONLY on: others may be about to get the same clean answer.
const refusalGrace = 50 * time.Millisecond
