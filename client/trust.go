package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

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
	unproved       // given by a master that is just being replaced, or not
	void           // given by a master that has been replaced
	lapsed         // given without a quorum
)

// weigh says what a reply by t is worth now.
func (c *Client) weigh(t *target, write bool) trust {
	now := c.target.Load()
	switch {
	case now.heir != 0 && now.heir == t.generation:
		return good // it has acknowledged nothing that its heir does not have
	case now.generation != t.generation:
		return void
	case !write:
		return good
	case now.held && !now.calm && time.Since(now.since) > holdGrace:
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
