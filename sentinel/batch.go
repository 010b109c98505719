package sentinel

import (
	"context"
	"errors"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// DoBatch sends cmds to the master in order over one connection. Commands that
// were acknowledged are never sent again. The rest is, where all of it was not
// sent, or refused by a server that is no master any more, or harmless when
// executed twice.
func (c *Client) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	b := c.newBudget()
	writes := false
	for i := range cmds {
		writes = writes || cmds[i].Flags()&resp.ReadOnly == 0
	}
	given := 0
	for given < len(cmds) {
		t := c.target.Load()
		err := c.unready(t)
		if t.pool != nil && !(t.held && writes) {
			r := run{cmds: cmds[given:], offset: given, each: each}
			err = r.on(ctx, c, t)
			given += r.given
			if given == len(cmds) {
				return nil
			}
			if !c.resendable(cmds[given:], &r, err, &b) {
				return r.giveUp(err)
			}
		}
		if final(err) {
			return err
		}
		if err := c.pause(ctx, t, &b, err); err != nil {
			return err
		}
	}
	return nil
}

// run is one attempt of a batch, or of its rest.
type run struct {
	cmds   []resp.Command
	offset int
	each   func(i int, v resp.Value)
	given  int
	kept   []resp.Value // from the first refused reply on
	mixed  bool         // something was executed after a refused command
}

// on sends the batch to t. Replies are given out until one says that the
// command was refused; from there they are kept.
func (r *run) on(ctx context.Context, c *Client, t *target) error {
	err := t.pool.DoBatch(ctx, r.cmds, func(i int, v resp.Value) {
		switch {
		case c.target.Load().generation != t.generation:
		case len(r.kept) == 0 && !refused(v):
			r.each(r.offset+i, v)
			r.given++
		default:
			r.kept = append(r.kept, v.Clone())
			r.mixed = r.mixed || !refused(v)
		}
	})
	if err != nil {
		return err
	}
	if c.target.Load().generation != t.generation && r.given < len(r.cmds) {
		return &conn.Error{Op: conn.OpRead, Addr: t.addr, Class: conn.ClassMaybeExecuted, Sent: len(r.cmds), Err: ErrSwitched}
	}
	if len(r.kept) > 0 {
		return r.kept[0].Err()
	}
	return nil
}

// resendable says whether the rest of a batch may be sent again.
func (c *Client) resendable(rest []resp.Command, r *run, err error, b *budget) bool {
	if e, ok := errors.AsType[*resp.Error](err); ok {
		if r.mixed || len(r.kept) < len(rest) {
			return false
		}
		switch e.Code {
		case "READONLY", "MASTERDOWN", "LOADING":
			return true
		case "EXECABORT":
			return false
		}
		b.counted++
		return b.counted <= c.opts.MaxRetries
	}
	e, ok := errors.AsType[*conn.Error](err)
	if !ok {
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
	if _, ok := errors.AsType[*resp.Error](err); ok {
		return &conn.Error{Op: conn.OpRead, Class: conn.ClassMaybeExecuted, Sent: len(r.cmds), Err: err}
	}
	return err
}
