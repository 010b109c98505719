package client

import (
	"context"
	"errors"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// DoBatch sends cmds to the master in order over one connection. Commands that
// were acknowledged are never sent again. The rest is, where all of it was not
// sent, or refused by a server that is no master any more, or harmless when
// executed twice. A reply that an abandoned master gave is not given out.
func (c *Client) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	b := c.newBudget("a batch", 0)
	writes, noRetry := false, false
	for i := range cmds {
		writes = writes || cmds[i].Flags()&resp.ReadOnly == 0
		noRetry = noRetry || cmds[i].Flags()&resp.NoRetry != 0
	}
	for given := 0; given < len(cmds); {
		t := c.target.Load()
		err := c.admit(t, writes)
		if err == nil {
			r := run{client: c, budget: &b, target: t, writes: writes, cmds: cmds[given:], offset: given, each: each}
			err = r.do(ctx)
			given += r.given
			if given == len(cmds) {
				return nil
			}
			if noRetry || !c.resendable(cmds[given:], &r, err, &b) {
				c.doubt(err)
				return r.giveUp(err)
			}
		}
		if final(err) {
			return err
		}
		if err := c.pause(ctx, t, &b, err); err != nil {
			return err
		}
		c.counters.retries.Add(1)
		redis.CountAttempt(ctx)
		b.attempts++
	}
	return nil
}

// run is one attempt of a batch, or of its rest.
type run struct {
	client *Client
	budget *budget
	target *target
	writes bool
	cmds   []resp.Command
	offset int
	each   func(i int, v resp.Value)
	given  int
	kept   []resp.Value // from the first reply on that was not given out at once
	mixed  bool         // something was executed after a refused command
}

// do sends the batch. Replies are given out until one is not plainly good; from
// there on they are kept until the end, and until it is known whether a failover
// took place.
func (r *run) do(ctx context.Context) error {
	c, t := r.client, r.target
	err := t.pool.DoBatch(r.budget.context(ctx), r.budget.left(r.cmds), r.take)
	if err != nil {
		r.dropVoid()
		return err
	}
	if len(r.kept) == 0 {
		return nil
	}
	if err := c.vouch(ctx, t, r.writes); err != nil {
		r.kept = nil
		e, _ := errors.AsType[*conn.Error](err)
		return maybeExecuted(t, len(r.cmds), e.Err)
	}
	r.giveGood()
	if len(r.kept) == 0 {
		return nil
	}
	e := errorReply(&r.cmds[r.given], r.kept[0])
	c.refused(t, e)
	return e
}

func (r *run) take(i int, v resp.Value) {
	c := r.client
	if isError(v) {
		if e := errorReply(&r.cmds[i], v); !e.Rejected() && e.IsReadOnly() {
			c.refused(r.target, e) // what a script has met: its answer, and news of the server
		}
	}
	if len(r.kept) == 0 && !refused(&r.cmds[i], v) && (c.target.Load() == r.target && !r.target.strict || c.weigh(r.target, r.writes) == good) {
		r.each(r.offset+i, v)
		r.given++
		return
	}
	r.kept = append(r.kept, v.Clone())
}

// giveGood gives out what was kept, up to the first refused reply.
func (r *run) giveGood() {
	for len(r.kept) > 0 && !refused(&r.cmds[r.given], r.kept[0]) {
		r.each(r.offset+r.given, r.kept[0])
		r.given++
		r.kept = r.kept[1:]
	}
	for i, v := range r.kept {
		r.mixed = r.mixed || !refused(&r.cmds[r.given+i], v)
	}
}

// dropVoid forgets kept replies after a failure, unless they are still good.
func (r *run) dropVoid() {
	if len(r.kept) > 0 && r.client.weigh(r.target, r.writes) == good {
		r.giveGood()
		return
	}
	r.kept = nil
}

// resendable reports whether the rest of a batch may be sent again.
func (c *Client) resendable(rest []resp.Command, r *run, err error, b *budget) bool {
	if e, ok := err.(*resp.Error); ok {
		switch {
		case r.mixed || len(r.kept) < len(rest) || e.Code == "EXECABORT":
			return false
		case passes(e):
			return true
		}
		b.counted++
		return b.counted <= c.opts.MaxRetries
	}
	e, ok := errors.AsType[*conn.Error](err)
	if !ok || len(r.kept) > 0 {
		return false
	}
	if e.Class == conn.ClassNotSent || e.Sent > 0 && e.Sent <= r.given {
		return true
	}
	if e.Class != conn.ClassMaybeExecuted || b.counted >= c.opts.MaxRetries {
		return false
	}
	b.counted++
	for i := range rest {
		if rest[i].Flags()&(resp.ReadOnly|resp.Idempotent) == 0 {
			return false
		}
	}
	return true
}

// giveUp gives out the kept replies, which are the batch's own, or returns the
// error.
func (r *run) giveUp(err error) error {
	for _, v := range r.kept {
		r.each(r.offset+r.given, v)
		r.given++
	}
	if r.given == len(r.cmds) {
		return nil
	}
	if _, ok := err.(*resp.Error); ok {
		return maybeExecuted(r.target, len(r.cmds), err)
	}
	return err
}
