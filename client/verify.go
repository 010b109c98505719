package client

import (
	"context"
	"fmt"
	"time"
)

// Verify asks all sentinels that answer for the master, moves the client where
// that is news, and asks the master for its role. It returns nil when it is a
// master; [ErrNotMaster], a *[sentinel.ResolveError], an error of the connection or that
// of ctx else. The client does the same by itself, from time to time and
// whenever something fails. In bypass it is a PING.
func (c *Client) Verify(ctx context.Context) error {
	if c.watch != nil {
		if err := c.watch.Ask(ctx); err != nil {
			return closedAs(err)
		}
	}
	t := c.target.Load()
	if err := c.admit(t, false); err != nil {
		return err
	}
	if c.watch == nil {
		return t.pool.Ping(ctx)
	}
	return c.verify(ctx, t)
}

// Invalidate breaks all connections to the master and has the sentinels asked
// for it now. Calls under way fail as they do when the master changes. In bypass
// it does nothing.
func (c *Client) Invalidate() {
	if c.watch == nil {
		return
	}
	c.mu.Lock()
	now := c.target.Load()
	if !c.closed && now.pool != nil {
		next := *now
		next.held, next.gated = false, false
		c.moveToLocked(&next, fmt.Errorf("%w: %w", ErrSwitched, ErrInvalidated))
	}
	c.mu.Unlock()
	c.watch.Doubt()
}

// keepVerifying asks the master for its role from time to time: a server that
// was made a replica by hand says nothing to those who only read from it.
func (c *Client) keepVerifying() {
	for first := true; ; first = false {
		wait := jitter(c.opts.VerifyInterval)
		if first {
			wait = min(wait, time.Second)
		}
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(wait):
		}
		if t := c.target.Load(); t.pool != nil {
			_ = c.verify(c.ctx, t)
		}
	}
}

// verify asks t's server for its role.
func (c *Client) verify(ctx context.Context, t *target) error {
	c.counters.verified.Add(1)
	r, err := askRole(ctx, t.pool, 0)
	switch {
	case err != nil:
		c.doubt(err)
		return err
	case r.Role != roleMaster:
		err = fmt.Errorf("%w: its role is %q", ErrNotMaster, r.Role)
		c.distrust(t, err)
		c.doubt(err)
		return err
	case len(r.Replicas) == 0 && t.generation == 1 && c.watch.Deserted(t.addr):
		c.suspect(t)
	}
	return nil
}
