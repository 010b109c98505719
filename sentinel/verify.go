package sentinel

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Verify asks all sentinels that answer for the master, moves the client where
// that is news, and asks the master for its role. It returns nil when it is a
// master; [ErrNotMaster], a *[ResolveError], an error of the connection or that
// of ctx else. The client does the same by itself, from time to time and
// whenever something fails. In bypass it is a PING.
func (c *Client) Verify(ctx context.Context) error {
	if c.topic != nil {
		if err := c.group.askAndWait(ctx, c.topic); err != nil {
			return err
		}
	}
	t := c.target.Load()
	if err := c.admit(t, false); err != nil {
		return err
	}
	if c.topic == nil {
		return t.pool.Ping(ctx)
	}
	return c.verify(ctx, t)
}

// Invalidate breaks all connections to the master and has the sentinels asked
// for it now. Calls under way fail as they do when the master changes. In bypass
// it does nothing.
func (c *Client) Invalidate() {
	if c.topic == nil {
		return
	}
	c.mu.Lock()
	now := c.target.Load()
	if !c.closed && now.pool != nil {
		next := *now
		next.held, next.gated = false, false
		c.moveToLocked(&next, fmt.Errorf("%w: %w", ErrSwitched, ErrInvalidated))
	}
	c.mu.Unlock()
	c.topic.doubt()
}

// askAndWait asks all sentinels for a master and waits until those that can be
// reached have answered.
func (g *Group) askAndWait(ctx context.Context, t *master) error {
	began := time.Now()
	g.mu.Lock()
	g.askAllLocked(t, true)
	g.mu.Unlock()
	for {
		g.mu.Lock()
		pending, known, why := t.pendingLocked(began), t.view.known, error(t.attemptsLocked())
		changed, closed := t.changed, g.closed
		g.mu.Unlock()
		switch {
		case closed:
			return ErrClosed
		case !pending && known:
			return nil
		case !pending:
			return why
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return t.cutShort(ctx)
		}
	}
}

// pendingLocked says whether a link that stands has not answered since began. The
// lock is held.
func (t *master) pendingLocked(began time.Time) bool {
	for addr, l := range t.group.links {
		if l.up && t.answers[addr].Before(began) {
			return true
		}
	}
	return false
}

// keepVerifying asks the master for its role from time to time: a server that
// was made a replica by hand says nothing to those who only read from it.
func (c *Client) keepVerifying() {
	for first := true; ; first = false {
		wait := jitter(c.opts.VerifyInterval)
		if first {
			wait = min(wait, time.Second)
		}
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(wait):
		}
		if t := c.target.Load(); t.pool != nil {
			_ = c.verify(c.ctx, t)
		}
	}
}

// verify asks t's server for its role.
func (c *Client) verify(ctx context.Context, t *target) error {
	c.counters.verified.Add(1)
	r, err := askRole(ctx, t.pool, 0)
	switch {
	case err != nil:
		c.doubt(err)
		return err
	case r.name != "master":
		err = fmt.Errorf("%w: its role is %q", ErrNotMaster, r.name)
		c.distrust(t, err)
		c.doubt(err)
		return err
	case r.replicas == 0 && t.generation == 1 && c.deserted(t):
		c.suspect(t)
	}
	return nil
}

// deserted says whether the sentinels know healthy replicas, and all of them
// follow another master than t: it has probably been replaced, and those who
// were asked do not know. It is a question for the first master of a client
// only, which may have been named by a sentinel that was away: after a switch
// that was witnessed the replicas follow the former master for a while. And it is
// none where a majority vouches for the master.
func (c *Client) deserted(t *target) bool {
	g := c.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.topic.view.addr != t.addr || c.topic.vouchedLocked() {
		return false
	}
	healthy := 0
	for _, r := range c.topic.merged {
		if !r.Fit() || r.MasterAddr == "" {
			continue
		}
		if r.MasterAddr == t.addr {
			return false
		}
		healthy++
	}
	c.topic.suspected = healthy > 0
	return healthy > 0
}

// vouchedLocked says whether a majority of the sentinels confirms the master. The lock
// is held.
func (t *master) vouchedLocked() bool {
	_, confirming, needed := t.view.backing(t.group.knownLocked())
	return confirming >= needed
}

// suspicion stands for the sentinel that has announced a hold, where none has.
const suspicion = "-"

// reassured ends a hold that was mere suspicion.
func (c *Client) reassured() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold.sentinel == suspicion {
		c.releaseLocked()
	}
}

var errDeserted = errors.New("all healthy replicas follow another master")

// suspect holds writes, for MaxHold at most, while the sentinels are asked again
// about a master that no replica follows.
func (c *Client) suspect(t *target) {
	if c.opts.NoHold || c.target.Load() != t {
		return
	}
	c.beginHold(suspicion)
	c.send(Event{Kind: EventDistrusted, Err: errDeserted})
	c.topic.doubt()
}
