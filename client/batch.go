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
	b := resp.BatchOf(cmds)
	return c.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(each))
}

// DoEncoded is DoBatch for encoded commands, as [conn.Conn.DoEncoded].
func (c *Client) DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	r := c.takeRun()
	defer c.freeRun(r)
	r.budget = c.newBudget("a batch", 0)
	b := &r.budget
	some, all := cmds.Flags(from)
	r.cmds, r.writes, r.to = cmds, all&resp.ReadOnly == 0, to
	for given := from; given < cmds.Len(); {
		t := c.target.Load()
		err := c.admit(t, r.writes)
		if err == nil {
			r.target, r.first, r.given, r.kept, r.mixed = t, given, given, nil, false
			err = r.do(ctx)
			given = r.given
			if given == cmds.Len() {
				return nil
			}
			if some&resp.NoRetry != 0 || !c.resendable(r, err, b) {
				c.doubt(err)
				return placed(r.giveUp(err), cmds, r.given)
			}
		}
		if final(err) {
			return placed(err, cmds, given)
		}
		if err := c.pause(ctx, t, b, err); err != nil {
			return placed(err, cmds, given)
		}
		c.counters.retries.Add(1)
		redis.CountAttempt(ctx)
		b.attempts++
	}
	return nil
}

// placed lets the error of a batch that was given up know the first command without a
// reply.
func placed(err error, cmds *resp.Batch, given int) error {
	switch e := err.(type) {
	case *RetryError:
		e.Command = cmds.Place(given)
	case *conn.Error:
		if e.Step == "" {
			e.Step = cmds.Place(given)
		}
	}
	return err
}

// run is one attempt of a batch, or of its rest.
type run struct {
	client *Client
	budget budget
	cmds   *resp.Batch
	writes bool
	to     resp.Receiver

	target *target
	first  int          // command of this attempt
	given  int          // the replies to all before this one have been given out
	kept   []resp.Value // from the first reply on that was not given out at once
	mixed  bool         // something was executed after a refused command
}

// takeRun returns a run for a batch; freeRun takes it back.
func (c *Client) takeRun() *run {
	if r, ok := c.runs.Get().(*run); ok {
		return r
	}
	return &run{client: c}
}

func (c *Client) freeRun(r *run) {
	*r = run{client: c}
	c.runs.Put(r)
}

// size is how many commands are in the attempt.
func (r *run) size() int { return r.cmds.Len() - r.first }

// do sends the batch. Replies are given out until one is not plainly good; from
// there on they are kept until the end, and until it is known whether a failover
// took place.
func (r *run) do(ctx context.Context) error {
	c, t := r.client, r.target
	err := t.pool.DoEncoded(r.budget.context(ctx), r.budget.left(r.cmds, r.first), r.first, r)
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
		return maybeExecuted(t, r.size(), e.Err)
	}
	r.giveGood()
	if len(r.kept) == 0 {
		return nil
	}
	cmd := r.cmds.Command(r.given)
	e := errorReply(&cmd, r.kept[0])
	c.refused(t, e)
	return e
}

func (r *run) refused(i int, v resp.Value) bool { return refusedIn(r.cmds, i, v) }

// refusedIn is refused for the reply to command i of a batch.
func refusedIn(cmds *resp.Batch, i int, v resp.Value) bool {
	if !v.MayBeError() {
		return false
	}
	cmd := cmds.Command(i)
	return refused(&cmd, v)
}

// Receive implements resp.Receiver.
func (r *run) Receive(i int, v resp.Value) {
	c := r.client
	if v.MayBeError() {
		cmd := r.cmds.Command(i)
		if e := errorReply(&cmd, v); !e.Rejected() && e.IsReadOnly() {
			c.refused(r.target, e) // what a script has met: its answer, and news of the server
		}
	}
	if len(r.kept) == 0 && !r.refused(i, v) && r.passes() {
		r.to.Receive(i, v)
		r.given++
		return
	}
	r.kept = append(r.kept, v.Clone())
}

// ReceiveRun implements resp.RunReceiver: none of the replies is a refusal, and they had
// all come when it is looked whether they are good. Who takes them one by one may take
// its time: there it is looked before each.
func (r *run) ReceiveRun(first int, buf []byte, ends []int) {
	if to, ok := r.to.(resp.RunReceiver); ok && len(r.kept) == 0 && r.passes() {
		to.ReceiveRun(first, buf, ends)
		r.given += len(ends)
		return
	}
	resp.GiveEach(r, first, buf, ends)
}

// passes reports whether a reply that has come is good.
func (r *run) passes() bool {
	c := r.client
	return c.target.Load() == r.target && !r.target.strict || c.weigh(r.target, r.writes) == good
}

// giveGood gives out what was kept, up to the first refused reply.
func (r *run) giveGood() {
	for len(r.kept) > 0 && !r.refused(r.given, r.kept[0]) {
		r.to.Receive(r.given, r.kept[0])
		r.given++
		r.kept = r.kept[1:]
	}
	for i, v := range r.kept {
		r.mixed = r.mixed || !r.refused(r.given+i, v)
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
func (c *Client) resendable(r *run, err error, b *budget) bool {
	if e, ok := err.(*resp.Error); ok {
		switch {
		case r.mixed || len(r.kept) < r.cmds.Len()-r.given || e.Code == "EXECABORT":
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
	if (e.Class == conn.ClassNotSent || e.Sent > 0) && e.Sent <= r.given-r.first {
		return true
	}
	if e.Class != conn.ClassMaybeExecuted && e.Class != conn.ClassNotSent || tooLarge(err) || b.counted >= c.opts.MaxRetries {
		return false
	}
	b.counted++
	return r.cmds.Repeatable(r.given)
}

// giveUp gives out the kept replies, which are the batch's own, or returns the
// error.
func (r *run) giveUp(err error) error {
	for _, v := range r.kept {
		r.to.Receive(r.given, v)
		r.given++
	}
	if r.given == r.cmds.Len() {
		return nil
	}
	switch e := err.(type) {
	case *resp.Error:
		return maybeExecuted(r.target, r.size(), err)
	case *conn.Error:
		if e.Class == conn.ClassNotSent && e.Sent > r.given-r.first { // the rest was not, but the replies to these were void
			return maybeExecuted(r.target, e.Sent, err)
		}
	}
	return err
}
