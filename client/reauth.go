package client

import (
	"context"
	"errors"

	"github.com/kermes-redis/kermes/pool"
)

// Reauth authenticates all connections to the master and to the replicas again,
// with what Options.Pool.Conn.Credentials returns now: see [pool.Pool.Reauth]. It is
// to be called when a password or token has been replaced, before the old one ends.
// Where Credentials is set, connections of [Client.Subscriptions] are made anew, once a
// new one has shown that the server takes them; subscribers are told of a gap whose
// reason is [ErrReauth]. Connections of [Client.Dial] stay as they are: see
// [conn.Conn.Reauth]. An error joins those of the connections that failed. See
// Options.Rotated.
func (c *Client) Reauth(ctx context.Context) error {
	t := c.target.Load()
	if t.pool == nil {
		return c.notSent(t, c.unknown())
	}
	pools := []*pool.Pool{t.pool}
	c.mu.Lock()
	r, s := c.replicas, c.subs
	c.mu.Unlock()
	if r != nil {
		for _, n := range r.snapshot.Load().replicas {
			if n != nil {
				pools = append(pools, n.pool)
			}
		}
	}
	errs := make([]error, len(pools))
	for i, p := range pools {
		errs[i] = p.Reauth(ctx)
	}
	if s != nil && c.opts.Pool.Conn.Credentials != nil {
		errs = append(errs, s.renew(ctx, ErrReauth, t.pool.Dial))
	}
	return errors.Join(errs...)
}

// keepAuthenticated authenticates anew whenever Options.Rotated says so.
func (c *Client) keepAuthenticated() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case _, more := <-c.opts.Rotated:
			if !more {
				return
			}
			// A connection that fails is closed, and the next one says why.
			_ = c.Reauth(c.ctx)
		}
	}
}
