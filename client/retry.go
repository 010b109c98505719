package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
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
	took   time.Duration // from the beginning of the call
}

// refused reports whether the reply to cmd is an error that proves that it was not
// executed. It costs one comparison where the reply is no error.
func refused(cmd *resp.Command, v resp.Value) bool {
	if !v.MayBeError() {
		return false
	}
	e := errorReply(cmd, v)
	return e.Rejected() && !answered(cmd, e)
}

// notable reports whether the reply to cmd says something about its server: it refuses
// the command, or a script has met that this is a replica.
func notable(cmd *resp.Command, v resp.Value) bool {
	return v.MayBeError() && (errorReply(cmd, v).Rejected() || errorReply(cmd, v).IsReadOnly())
}

// errorReply returns the error that the reply to cmd is. Without one it proves nothing.
func errorReply(cmd *resp.Command, v resp.Value) *resp.Error {
	if e, ok := errors.AsType[*resp.Error](v.Err()); ok {
		return e.AnswerTo(cmd)
	}
	return &resp.Error{}
}

// budget is what a call may still spend on retries, and its back-off. That belongs
// to the call, not to the connection: a server that answers PING and refuses
// writes is not back.
type budget struct {
	what     string // the command, for errors
	began    time.Time
	until    time.Time
	attempts int
	counted  int // retries that may not be repeated for ever
	wait     time.Duration
	resume   time.Time // when the back-off ends
	dials    bool      // what is wanted is a connection of the caller's own
	vain     int       // times that it was woken by a server that answers, and failed again
}

// newBudget begins the budget of a call that has waited for its first connection
// already.
func (c *Client) newBudget(what string, waited time.Duration) budget {
	began := time.Now().Add(-waited)
	return budget{what: what, began: began, until: began.Add(c.opts.RetryTime), attempts: 1, wait: minRetryBackoff}
}

// context returns one whose calls wait for a connection no longer than the budget
// lasts.
func (b *budget) context(ctx context.Context) context.Context {
	if b.attempts <= 1 {
		return ctx // the pool has the client's bound
	}
	return pool.WithWaitTime(ctx, time.Until(b.until))
}

// retry decides what an attempt's outcome means, and tries again where that is
// safe, until it succeeds or the budget or ctx ends.
func (c *Client) retry(ctx context.Context, cmd resp.Command, out outcome) (resp.Reply, error) {
	b := c.newBudget(cmd.Name(), pool.Waited(out.err))
	b.began = time.Now().Add(-out.took) // the first attempt too, which RetryTime is not about
	write := cmd.Flags()&resp.ReadOnly == 0
	redis.CountAttempt(ctx)
	for {
		reply, err, done := c.conclude(ctx, &cmd, out, &b)
		if done {
			return reply, err
		}
		c.counters.retries.Add(1)
		redis.CountAttempt(ctx)
		b.attempts++
		t := c.target.Load()
		out = outcome{target: t, err: c.admit(t, write)}
		if out.err == nil {
			began := time.Now()
			out.reply, out.err = t.pool.Do(b.context(ctx), cmd.TimeLeft(began.Sub(b.began)))
			if cmd.Flags()&resp.Blocking != 0 { // the time on the server is none of retries
				b.until = b.until.Add(time.Since(began) - pool.Waited(out.err))
			}
		}
	}
}

// conclude ends the command with out's result, or waits until it may be tried
// again.
func (c *Client) conclude(ctx context.Context, cmd *resp.Command, out outcome, b *budget) (resp.Reply, error, bool) {
	if out.err == nil && out.reply.Value.MayBeError() {
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
	return c.concludeFailed(ctx, cmd, out, b)
}

// concludeFailed ends a command that has no reply, or waits until it may be tried
// again.
func (c *Client) concludeFailed(ctx context.Context, cmd *resp.Command, out outcome, b *budget) (resp.Reply, error, bool) {
	if cmd.Flags()&resp.NoRetry != 0 && !errors.Is(out.err, ErrHeld) {
		c.doubt(out.err)
		return resp.Reply{}, out.err, true
	}
	switch conn.ClassOf(out.err) {
	case conn.ClassNotSent:
		if kills(cmd) && isBusy(out.err) {
			reply, err := c.kill(ctx, out.target, *cmd)
			return reply, err, true
		}
		if final(out.err) {
			return resp.Reply{}, out.err, true
		}
	case conn.ClassMaybeExecuted:
		if cmd.Flags()&(resp.ReadOnly|resp.Idempotent) == 0 || tooLarge(out.err) || b.counted >= c.opts.MaxRetries || ctx.Err() != nil {
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
	if e, ok := errors.AsType[*sentinel.ResolveError](err); ok {
		return e.Permanent()
	}
	_, auth := errors.AsType[*conn.AuthError](err)
	return auth || conn.IsPermanent(err)
}

// tooLarge reports whether the reply to the very command was beyond the limits of its
// connection, which has cost that. It will be so again.
func tooLarge(err error) bool {
	return conn.ClassOf(err) == conn.ClassMaybeExecuted && conn.IsPermanent(err)
}

// concludeRefused waits after a reply such as READONLY, or returns it when
// waiting has not helped.
func (c *Client) concludeRefused(ctx context.Context, cmd *resp.Command, e *resp.Error, out outcome, b *budget) (resp.Reply, error, bool) {
	switch {
	case cmd.Flags()&resp.NoRetry != 0, e.Code == "EXECABORT":
		c.refused(out.target, e)
		return out.reply, nil, true
	case answered(cmd, e):
		return out.reply, nil, true
	case !passes(e):
		if b.counted >= c.opts.MaxRetries {
			return out.reply, nil, true
		}
		b.counted++
	}
	c.refused(out.target, e)
	if ctx.Err() != nil || time.Now().After(b.until) {
		return out.reply, nil, true //nolint:nilerr // the server's refusal, which the caller has in the reply, tells more
	}
	if err := c.pause(ctx, out.target, b, e); err != nil {
		return out.reply, nil, true //nolint:nilerr // as above
	}
	out.reply.Release()
	return resp.Reply{}, nil, false
}

// answered reports whether a refusal is the answer to cmd all the same: after WAIT
// nothing is known about the writes before, and a command that was freed by CLIENT
// UNBLOCK is to stay so.
func answered(cmd *resp.Command, e *resp.Error) bool {
	return e.Code == "UNBLOCKED" && (waits(cmd.Name()) || e.Message == byHand)
}

// byHand is what CLIENT UNBLOCK with ERROR has a blocked command answer.
const byHand = "client unblocked via CLIENT UNBLOCK"

// passes reports whether a refusal ends by itself: the role is changing, the server
// is starting or busy, replicas are about to be attached.
func passes(e *resp.Error) bool {
	switch e.Code {
	case "MASTERDOWN", "LOADING", "UNBLOCKED", "NOREPLICAS", "BUSY", "TRYAGAIN":
		return true
	}
	return e.IsReadOnly() || strings.HasPrefix(e.Message, "max number of clients")
}

func waits(name string) bool { return name == "WAIT" || name == "WAITAOF" }

// refused draws the conclusion from an error reply of t's server about t.
func (c *Client) refused(t *target, e *resp.Error) {
	if e.IsReadOnly() {
		c.counters.readOnly.Add(1)
		c.distrust(t, e)
		if c.alone != nil {
			c.alone.refused(t.addr, e)
			c.leaveReplica(e)
		}
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
	switch {
	case c.ctx.Err() != nil:
		return &conn.Error{Op: conn.OpWait, Addr: t.addr, Class: c.unsentClass(cause), Err: ErrClosed}
	case ctx.Err() != nil, !time.Now().Before(b.until):
		return c.gaveUp(ctx, b, cause)
	}
	b.resume = time.Now().Add(around(b.wait))
	b.wait = min(2*b.wait, maxRetryBackoff)
	return c.awaitResume(ctx, t, b, cause)
}

// around is d, give or take a half.
func around(d time.Duration) time.Duration { return d/2 + time.Duration(rand.Int64N(int64(d))) }

// awaitResume is the waiting of pause.
func (c *Client) awaitResume(ctx context.Context, t *target, b *budget, cause error) error {
	resume := b.resume
	if b.until.Before(resume) {
		resume = b.until
	}
	timer := time.NewTimer(time.Until(resume))
	defer timer.Stop()
	revivals := c.wantRevival(t, b, cause)
	for {
		c.mu.Lock()
		changed, revived := c.changed, c.revivals != revivals
		c.mu.Unlock()
		switch {
		case elsewhere(t, c.target.Load(), cause):
			b.wait = minRetryBackoff
			return nil
		case revived && revivable(cause) && b.vain < maxVain:
			b.vain++
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			if !time.Now().Before(b.until) {
				return c.gaveUp(ctx, b, cause)
			}
			return nil
		case <-ctx.Done():
			return c.gaveUp(ctx, b, cause)
		}
	}
}

// maxVain is how often the word of a server that answers PING ends a back-off.
// From then on the call has seen that this is not enough.
const maxVain = 3

// elsewhere reports whether a call that failed on t with cause may expect better
// of now: of another server, or where it was not admitted to the same one.
func elsewhere(t, now *target, cause error) bool {
	switch {
	case now == t:
		return false
	case now.addr != t.addr, t.pool == nil:
		return true
	}
	return errors.Is(cause, ErrHeld) || errors.Is(cause, ErrNoQuorum) || errors.Is(cause, ErrSwitched) && now.generation != t.generation
}

// revivable reports whether the cause may be gone when the server answers PING.
func revivable(cause error) bool {
	e, ok := errors.AsType[*resp.Error](cause)
	return !ok || e.Code == "LOADING" || e.Code == "MASTERDOWN"
}

// wantRevival has the server looked after, if that can help, and returns how often
// one has come back so far.
func (c *Client) wantRevival(t *target, b *budget, cause error) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.target.Load().generation == t.generation && revivable(cause) && b.vain < maxVain && !(b.dials && hungUpOn(cause)) {
		c.reviveLocked(t, cause)
	}
	return c.revivals
}

// gaveUp returns why a call has ended that was to be tried again. The class stays
// that of the last attempt.
func (c *Client) gaveUp(ctx context.Context, b *budget, cause error) error {
	if c.opts.RetryTime < 0 && b.attempts <= 1 && ctx.Err() == nil { // it was not to be tried again
		return cause
	}
	if b.attempts == 0 { // the cause is another call's
		cause = &conn.Error{Op: conn.OpWait, Addr: c.Master(), Class: conn.ClassNotSent, Err: cause}
	} else if _, ok := errors.AsType[*conn.Error](cause); !ok {
		cause = &conn.Error{Op: conn.OpWait, Addr: c.Master(), Class: c.unsentClass(cause), Err: cause}
	}
	return &RetryError{Command: b.what, Took: time.Since(b.began), Attempts: b.attempts, Ended: ctx.Err(), Err: cause}
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
