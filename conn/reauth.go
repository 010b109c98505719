package conn

import (
	"context"
	"errors"
)

// ErrReauth refuses to authenticate again on a connection on which no reply would be
// that of AUTH alone: one that receives, or has been sent commands by [Conn.Send], or
// is inside MULTI. Nothing was sent.
var ErrReauth = errors.New("connection receives, or is inside MULTI, and cannot authenticate again")

// Reauth is [Conn.Reauth] without the lease.
func (c *wire) Reauth(ctx context.Context) error {
	mustHave(ctx)
	user, password, err := c.credentials(ctx)
	if err != nil {
		return c.notSent(err)
	}
	cmd, ok := authCommand(user, password)
	if !ok {
		return nil
	}
	if err := c.beginAuth(ctx); err != nil {
		return c.notSent(err)
	}
	defer c.endAuth()
	r, err := c.do(ctx, c.newCall(ctx, 1), &cmd)
	if err != nil {
		return err
	}
	defer r.Release()
	if err := (step{name: stepAuth}).check(r.Value, c.opts.Addr, password); err != nil {
		failed := newError(OpHandshake, c.opts.Addr, err)
		failed.Class = ClassRejected
		return failed
	}
	return nil
}

// beginAuth keeps those who receive from the connection until endAuth.
func (c *wire) beginAuth(ctx context.Context) error {
	for {
		c.lock()
		auth := c.auth
		refused := c.receives.Load() || c.taint.multi || c.taint.sends
		if auth == nil && !refused {
			c.auth = make(chan struct{})
		}
		c.mu.Unlock()
		switch {
		case refused:
			return ErrReauth
		case auth == nil:
			return nil
		}
		if err := c.awaitAuth(ctx, auth); err != nil {
			return err
		}
	}
}

func (c *wire) endAuth() {
	c.lock()
	close(c.auth)
	c.auth = nil
	c.mu.Unlock()
}

// awaitAuth waits for the end of somebody's Reauth; nil is none.
func (c *wire) awaitAuth(ctx context.Context, auth chan struct{}) error {
	if auth == nil {
		return nil
	}
	select {
	case <-auth:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// beginReceiving makes what comes the receiver's: all but the reply to an AUTH that is
// under way, which it waits for.
func (c *wire) beginReceiving(ctx context.Context) error {
	c.lock()
	c.receives.Store(true)
	auth := c.auth
	c.mu.Unlock()
	if err := c.awaitAuth(ctx, auth); err != nil {
		return &Error{Op: OpWait, Addr: c.opts.Addr, Err: err}
	}
	return nil
}
