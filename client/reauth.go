package client

import (
	"context"
	"errors"

	"github.com/kermes-redis/kermes/pool"
)

// Reauth authenticates all connections to the master and to the replicas again,
// with what Options.Pool.Conn.Credentials returns now: see [pool.Pool.Reauth]. It is
// to be called when a password or token has been replaced, before the old one ends.
// Connections of [Client.Dial] and [Client.Subscriptions] are reached as well: those that
// receive are ended, once the server has taken the credentials, and subscribers dial anew
// and are told of a gap whose reason is [ErrReauth]. An error joins those of the
// connections that failed. See Options.Rotated.
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
	if s != nil {
		if p, _, closed := s.now(); p != nil && p != t.pool && closed == nil { // of a candidate
			pools = append(pools, p)
		}
	}
	errs := make([]error, len(pools))
	for i, p := range pools {
		errs[i] = p.Reauth(ctx)
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
