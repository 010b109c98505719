package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// renewBatch is how many locks are renewed by one call at most.
	renewBatch = 1000
	// minRetry and maxRetry are between two renewals after one that failed.
	minRetry = 10 * time.Millisecond
	maxRetry = 250 * time.Millisecond
)

// duty is what locks have in common that are renewed by one call: how many replicas
// must have it, and whether each has one holder.
type duty struct {
	replicas int
	single   bool
}

// scheduleLocked sets the timer if h needs it sooner. c.mu is held.
func (c *core) scheduleLocked(h *Held) {
	h.mu.Lock()
	at := h.next
	if h.deadline.at.Before(at) {
		at = h.deadline.at
	}
	h.mu.Unlock()
	switch {
	case c.closed:
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(at), c.tick)
	case c.timerAt.IsZero() || at.Before(c.timerAt):
		c.timer.Reset(time.Until(at))
	default:
		return
	}
	c.timerAt = at
}

// tick ends what is lost and renews what is due. It does not wait for the renewals:
// if the client holds one, the next goes out all the same.
func (c *core) tick() {
	now := time.Now()
	var lost []*Held
	due := map[duty][]*Held{}
	c.mu.Lock()
	c.timerAt = time.Time{}
	for _, h := range c.held {
		h.mu.Lock()
		passed := h.deadline.passed(now)
		h.mu.Unlock()
		switch every := h.terms.TTL / renewals; {
		case passed:
			lost = append(lost, h)
			delete(c.held, h.seq)
		case h.next.Sub(now) < every/2: // what is due soon saves a call of its own
			h.next = now.Add(every)
			d := duty{h.terms.MinReplicas, h.target.kind == single}
			due[d] = append(due[d], h)
		}
	}
	for _, h := range c.held {
		c.scheduleLocked(h)
	}
	for _, all := range due {
		for len(all) > 0 {
			n, locks := 0, 0
			for ; n < len(all) && locks < renewBatch; n++ {
				locks += all[n].target.locks()
			}
			batch := all[:n]
			all = all[n:]
			c.spawnLocked(func() { c.renewDue(batch) })
		}
	}
	c.mu.Unlock()
	for _, h := range lost {
		_ = h.expire()
	}
}

// renewNow makes every lock due.
func (c *core) renewNow() {
	c.mu.Lock()
	for _, h := range c.held {
		h.next = time.Now()
		c.scheduleLocked(h)
	}
	c.mu.Unlock()
}

// renewDue renews a batch, in the time that the earliest deadline leaves. What has
// failed is due again soon.
func (c *core) renewDue(batch []*Held) {
	until := batch[0].Until()
	for _, h := range batch[1:] {
		if at := h.Until(); at.Before(until) {
			until = at
		}
	}
	ctx, cancel := context.WithDeadline(c.closeCtx, until)
	defer cancel()
	err := c.renew(ctx, batch)
	c.mu.Lock()
	for _, h := range batch {
		if err == nil {
			h.failing = 0
			continue
		}
		wait := min(minRetry<<min(h.failing, 5), maxRetry, h.terms.TTL/10)
		h.failing++
		if at := time.Now().Add(wait); at.Before(h.next) {
			h.next = at
			if c.held[h.seq] == h {
				c.scheduleLocked(h)
			}
		}
	}
	c.mu.Unlock()
	if err != nil && c.closeCtx.Err() == nil {
		c.tell(EventRenewFailed, batch[0].target.name, err)
	}
}

// renew renews a batch of one duty by one call.
func (c *core) renew(ctx context.Context, batch []*Held) error {
	c.n.renewCalls.Add(1)
	var keys []string
	var args []resp.Arg
	for _, h := range batch {
		keys = append(keys, h.target.keys...)
		for range h.target.locks() {
			args = append(args, resp.String(h.id), resp.String(h.terms.Owner), millis(h.terms.TTL), resp.Int(h.fence), h.target.kind.arg(),
				resp.Int(int64(h.permit)))
		}
	}
	asked, want := time.Now(), batch[0].terms.MinReplicas
	script := c.scripts.of(batch[0].target.kind).renew
	var said []int64
	var replicas int64
	var err error
	if want > 0 {
		wait := min(replicaWait, batch[0].terms.TTL/(2*renewals))
		said, replicas, err = durably(ctx, c.d, script, keys, args, want, wait)
	} else {
		said, err = script.Run(ctx, c.d, keys, args...)
	}
	if err != nil {
		return err
	}
	if 6*len(said) != len(args) {
		return errors.New("lock: the server answered for another number of locks")
	}
	for _, h := range batch {
		n := h.target.locks()
		c.renewed(h, said[:n], asked, replicas >= int64(max(want, 0)))
		said = said[n:]
	}
	if replicas < int64(max(want, 0)) {
		return fmt.Errorf("%w: %d of %d replicas have the renewal", ErrNotReplicated, replicas, want)
	}
	return nil
}

// renewed takes note of what the server says of what one holder has: all of it, or it
// is lost. A renewal that the replicas do not have moves no deadline.
func (c *core) renewed(h *Held, said []int64, asked time.Time, replicated bool) {
	if slices.Contains(said, 0) {
		_ = h.end(about(h.target.name, fmt.Errorf("%w: the server has given it to another or was told to release it", ErrLost)))
		return
	}
	if slices.Contains(said, 2) {
		c.n.reasserted.Add(1)
		c.tell(EventReasserted, h.target.name, nil)
	}
	if replicated {
		h.extend(asked)
	}
}
