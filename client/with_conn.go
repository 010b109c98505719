package client

import (
	"context"
	"errors"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// WithConn leases a connection to the master and calls fn with it. It waits and
// retries until fn is called, and calls it once.
//
// If the master changes meanwhile, the connection breaks, and WithConn returns
// an error that matches [ErrSwitched] and has the class may have executed, even
// if fn saw no failure. If fn succeeds in the course of an announced failover,
// WithConn returns when it is known whether it took place.
func (c *Client) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	b := c.newBudget("a lease", 0)
	for {
		t := c.target.Load()
		called := false
		err := c.admit(t, true)
		if err == nil {
			err = t.pool.WithConn(b.context(ctx), func(cn *conn.Conn) error {
				if now := c.target.Load(); now != t {
					if err := c.admit(now, true); err != nil {
						return err // a hold has begun while the lease was waited for
					}
				}
				called = true
				return fn(cn)
			})
		}
		switch {
		case called:
			return c.concludeLeased(ctx, t, err)
		case final(err):
			return err
		}
		if err := c.pause(ctx, t, &b, err); err != nil {
			return err
		}
		c.counters.retries.Add(1)
		b.attempts++
	}
}

// concludeLeased weighs what fn has returned.
func (c *Client) concludeLeased(ctx context.Context, t *target, err error) error {
	if err == nil {
		return c.vouch(ctx, t, true)
	}
	if e, ok := errors.AsType[*resp.Error](err); ok && (e.Rejected() || e.IsReadOnly()) {
		c.refused(t, e)
	} else if conn.ClassOf(err) == conn.ClassMaybeExecuted {
		c.doubt(err)
	}
	if c.weigh(t, true) == void && !errors.Is(err, ErrSwitched) && conn.ClassOf(err) != conn.ClassNotSent {
		return maybeExecuted(t, 0, errors.Join(c.switchCause(t), err))
	}
	return err
}
