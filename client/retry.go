package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

const (
	minRetryBackoff = 8 * time.Millisecond
	maxRetryBackoff = 512 * time.Millisecond
)

// outcome is how one attempt of a command ended.
type outcome struct {
	target *target
	reply  resp.Reply
	err    error
}

// refused reports whether the reply to cmd is an error that proves that it was not
// executed. It costs one comparison where the reply is no error.
func refused(cmd *resp.Command, v resp.Value) bool {
	return isError(v) && errorReply(cmd, v).Rejected()
}

// notable reports whether the reply to cmd says something about its server: it refuses
// the command, or a script has met that this is a replica.
func notable(cmd *resp.Command, v resp.Value) bool {
	return isError(v) && (errorReply(cmd, v).Rejected() || errorReply(cmd, v).IsReadOnly())
}

// isError reports whether a reply may be an error, which may have an attribute before it.
func isError(v resp.Value) bool {
	return len(v) > 0 && (v[0] == '-' || v[0] == '!' || v[0] == '|')
}

// errorReply returns the error that the reply to cmd is. Without one it proves nothing.
func errorReply(cmd *resp.Command, v resp.Value) *resp.Error {
	if e, ok := errors.AsType[*resp.Error](v.Err()); ok {
		return e.AnswerTo(cmd)
	}
	return &resp.Error{}
}

// budget is what a command may still spend on retries.
type budget struct {
	until   time.Time
	counted int // retries that may not be repeated for ever
	wait    time.Duration
}

func (c *Client) newBudget() budget {
	return budget{until: time.Now().Add(c.opts.RetryTime), wait: minRetryBackoff}
}

// retry decides what an attempt's outcome means, and tries again where that is
// safe, until it succeeds or the budget or ctx ends.
func (c *Client) retry(ctx context.Context, cmd resp.Command, out outcome) (resp.Reply, error) {
	b := c.newBudget()
	write := cmd.Flags()&resp.ReadOnly == 0
	redis.CountAttempt(ctx)
	for {
		reply, err, done := c.conclude(ctx, &cmd, out, &b)
		if done {
			return reply, err
		}
		c.counters.retries.Add(1)
		redis.CountAttempt(ctx)
		t := c.target.Load()
		out = outcome{target: t, err: c.admit(t, write)}
		if out.err == nil {
			out.reply, out.err = t.pool.Do(ctx, cmd)
		}
	}
}

// conclude ends the command with out's result, or waits until it may be tried
// again.
func (c *Client) conclude(ctx context.Context, cmd *resp.Command, out outcome, b *budget) (resp.Reply, error, bool) {
	if out.err == nil && isError(out.reply.Value) {
		switch e := errorReply(cmd, out.reply.Value); {
		case e.Rejected():
			return c.concludeRefused(ctx, cmd, e, out, b)
		case e.IsReadOnly():
			c.refused(out.target, e) // what a script has met: its answer, and news of the server
		}
	}
	if out.err == nil {
		err := c.vouch(ctx, out.target, cmd.Flags()&resp.ReadOnly == 0)
		if err == nil {
			return out.reply, nil, true
		}
		out.reply.Release()
		out.err = err
	}
	if cmd.Flags()&resp.NoRetry != 0 && !errors.Is(out.err, ErrHeld) {
		c.doubt(out.err)
		return resp.Reply{}, out.err, true
	}
	switch conn.ClassOf(out.err) {
	case conn.ClassNotSent:
		if final(out.err) {
			return resp.Reply{}, out.err, true
		}
	case conn.ClassMaybeExecuted:
		if cmd.Flags()&(resp.ReadOnly|resp.Idempotent) == 0 || b.counted >= c.opts.MaxRetries || ctx.Err() != nil {
			c.doubt(out.err)
			return resp.Reply{}, out.err, true
		}
		b.counted++
	default:
		return resp.Reply{}, out.err, true
	}
	err := c.pause(ctx, out.target, b, out.err)
	return resp.Reply{}, err, err != nil
}

// final reports whether an error of class not sent will be the same next time.
func final(err error) bool {
	for _, permanent := range []error{conn.ErrStateful, conn.ErrEmptyCommand, ErrClosed} {
		if errors.Is(err, permanent) {
			return true
		}
	}
	if errors.Is(err, sentinel.ErrNoSentinel) || errors.Is(err, sentinel.ErrMasterUnknown) {
		return false // whatever the sentinels said, they may say more
	}
	_, auth := errors.AsType[*conn.AuthError](err)
	return auth
}

// concludeRefused waits after a reply such as READONLY, or returns it when
// waiting has not helped.
func (c *Client) concludeRefused(ctx context.Context, cmd *resp.Command, e *resp.Error, out outcome, b *budget) (resp.Reply, error, bool) {
	switch {
	case cmd.Flags()&resp.NoRetry != 0, e.Code == "EXECABORT":
		c.refused(out.target, e)
		return out.reply, nil, true
	case e.Code == "UNBLOCKED" && waits(cmd.Name()):
		return out.reply, nil, true // nothing is known about the writes before
	case e.IsReadOnly(), e.Code == "MASTERDOWN", e.Code == "LOADING", e.Code == "UNBLOCKED":
		// The role is changing, or the server is starting: that ends by itself.
	case b.counted >= c.opts.MaxRetries:
		return out.reply, nil, true
	default:
		b.counted++
	}
	c.refused(out.target, e)
	if ctx.Err() != nil || time.Now().After(b.until) {
		return out.reply, nil, true
	}
	if err := c.pause(ctx, out.target, b, e); err != nil {
		return out.reply, nil, true
	}
	out.reply.Release()
	return resp.Reply{}, nil, false
}

func waits(name string) bool { return name == "WAIT" || name == "WAITAOF" }

// refused draws the conclusion from an error reply of t's server about t.
func (c *Client) refused(t *target, e *resp.Error) {
	if e.IsReadOnly() {
		c.counters.readOnly.Add(1)
		c.distrust(t, e)
	}
	c.doubt(e)
}

// doubt has the sentinels asked again, unless the error is the caller's own.
func (c *Client) doubt(err error) {
	if c.watch != nil && !errors.Is(err, context.Canceled) {
		c.watch.Doubt()
	}
}

// pause waits until the target has changed or the back-off has passed. It
// returns cause, with the context's error where that has ended, when no more
// retry is to be.
func (c *Client) pause(ctx context.Context, t *target, b *budget, cause error) error {
	c.doubt(cause)
	c.mu.Lock()
	changed, closed := c.changed, c.closed
	moved := c.target.Load() != t
	if !moved {
		c.reviveLocked(t, cause)
	}
	c.mu.Unlock()
	switch {
	case closed:
		return &conn.Error{Op: conn.OpWait, Addr: t.addr, Class: c.unsentClass(cause), Err: ErrClosed}
	case ctx.Err() != nil:
		return c.ended(ctx, cause)
	case time.Now().After(b.until):
		return cause
	case moved:
		return nil
	}
	wait := b.wait/2 + time.Duration(rand.Int64N(int64(b.wait)))
	b.wait = min(2*b.wait, maxRetryBackoff)
	timer := time.NewTimer(min(wait, time.Until(b.until)+time.Millisecond))
	defer timer.Stop()
	select {
	case <-changed:
		b.wait = minRetryBackoff
	case <-timer.C:
	case <-ctx.Done():
		return c.ended(ctx, cause)
	}
	return nil
}

// ended joins the context's error with the reason why the command was still
// waiting. The class stays that of the last attempt.
func (c *Client) ended(ctx context.Context, cause error) error {
	if errors.Is(cause, ctx.Err()) {
		return cause
	}
	return &conn.Error{Op: conn.OpWait, Addr: c.Master(), Class: c.unsentClass(cause), Err: errors.Join(ctx.Err(), cause)}
}

func (c *Client) unsentClass(cause error) conn.Class {
	if conn.ClassOf(cause) == conn.ClassMaybeExecuted {
		return conn.ClassMaybeExecuted
	}
	return conn.ClassNotSent
}

// jitter is d, give or take a fifth.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + time.Duration(rand.Int64N(int64(2*d/5)+1))
}
