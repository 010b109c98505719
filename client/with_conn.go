package client

import (
	"context"
	"errors"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
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
	t := c.target.Load()
	called, err := c.lease(ctx, t, fn)
	if called {
		return c.concludeLeased(ctx, t, err)
	}
	return c.leaseAgain(ctx, t, fn, err)
}

// leaseAgain waits and retries where no connection of t was lent, because of err.
func (c *Client) leaseAgain(ctx context.Context, t *target, fn func(*conn.Conn) error, err error) error {
	b := c.newBudget("a lease", pool.Waited(err))
	for {
		if final(err) {
			return err
		}
		if err := c.pause(ctx, t, &b, err); err != nil {
			return err
		}
		c.counters.retries.Add(1)
		b.attempts++
		t = c.target.Load()
		var called bool
		if called, err = c.lease(b.context(ctx), t, fn); called {
			return c.concludeLeased(ctx, t, err)
		}
	}
}

// lease calls fn with a connection of t, unless writes are held by the time that there
// is one.
func (c *Client) lease(ctx context.Context, t *target, fn func(*conn.Conn) error) (called bool, err error) {
	if err := c.admit(t, true); err != nil {
		return false, err
	}
	l, ok := c.loans.Get().(*loan)
	if !ok {
		l = &loan{}
		l.begin = l.call
	}
	l.client, l.target, l.fn = c, t, fn
	err = t.pool.WithConn(ctx, l.begin)
	called = l.called
	l.client, l.target, l.fn, l.called = nil, nil, nil, false
	c.loans.Put(l) // not where fn has panicked
	return called, err
}

// loan is one lease of a connection. It is used again, so that a lease needs no memory
// for it.
type loan struct {
	client *Client
	target *target
	fn     func(*conn.Conn) error
	called bool
	begin  func(*conn.Conn) error // call
}

// call calls fn with the connection.
func (l *loan) call(cn *conn.Conn) error {
	c := l.client
	if now := c.target.Load(); now != l.target {
		if err := c.admit(now, true); err != nil {
			return err // a hold has begun while the lease was waited for
		}
	}
	l.called = true
	return l.fn(cn)
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
