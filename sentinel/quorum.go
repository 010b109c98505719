package sentinel

import "time"

// setQuorumTTLLocked has the sentinels asked often enough for the shortest lease of the
// users. The lock is held.
func (t *master) setQuorumTTLLocked() {
	was := t.lease
	t.lease = 0
	for c := range t.users {
		if ttl := c.opts.LeaseTTL; c.opts.RequireQuorum && (t.lease == 0 || ttl < t.lease) {
			t.lease = ttl
		}
	}
	if t.lease > 0 && t.lease != was {
		t.group.askAllLocked(t, false)
	}
}

// backing says how many sentinels confirm a master, and since when a majority
// does.
type backing struct {
	addr        string
	epoch       int64
	since       time.Time // when the one that completes the majority was asked
	count, need int
	down        time.Duration
}

// noteBackingLocked notes it after a change, where somebody needs it: it is looked at with
// each write. The lock is held.
func (t *master) noteBackingLocked() {
	if t.lease == 0 {
		return
	}
	b := backing{addr: t.view.addr, epoch: t.view.epoch, down: t.view.downAfter()}
	b.since, b.count, b.need = t.view.backing(t.group.knownLocked())
	t.backed.Store(&b)
}

// quorumTTL is how long a confirmation lasts: the sentinels cannot promote
// another master before they have missed this one for their own time.
func (c *Client) quorumTTL(b *backing) time.Duration {
	if b.down > 0 {
		return min(c.opts.LeaseTTL, b.down)
	}
	return c.opts.LeaseTTL
}

// hasQuorum says whether a majority of the sentinels has confirmed t lately.
func (c *Client) hasQuorum(t *target, now time.Time) bool {
	if c.topic == nil {
		return false
	}
	b := c.topic.backed.Load()
	return b != nil && b.addr == t.addr && b.epoch == t.epoch && b.count >= b.need && now.Sub(b.since) < c.quorumTTL(b)
}

// informed takes in news of the group: the common list of replicas, or another
// confirmation of the master.
func (c *Client) informed(replicas bool) {
	if c.opts.RequireQuorum {
		c.tellQuorum()
	}
	c.mu.Lock()
	r := c.replicas
	c.mu.Unlock()
	if replicas && r != nil {
		r.refresh()
	}
}

// keepAskingQuorum looks whether the quorum lasts. It ends with the client.
func (c *Client) keepAskingQuorum() {
	tick := time.NewTicker(max(c.opts.LeaseTTL/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
			c.tellQuorum()
		}
	}
}

// tellQuorum says in an event when the quorum comes or goes, and wakes those
// who wait for it.
func (c *Client) tellQuorum() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.target.Load()
	if c.closed || t.pool == nil {
		return
	}
	has := c.hasQuorum(t, time.Now())
	if has == c.quorum {
		return
	}
	c.quorum = has
	kind := EventQuorumLost
	if has {
		kind = EventQuorumFound
		same := *t
		c.storeLocked(&same)
	} else {
		c.counters.quorumLost.Add(1)
	}
	c.send(Event{Kind: kind})
}
