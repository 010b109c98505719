package client

import (
	"time"

	"github.com/kermes-redis/kermes/sentinel"
)

// quorumTTL is how long a confirmation lasts: the sentinels cannot promote
// another master before they have missed this one for their own time.
func (c *Client) quorumTTL(b sentinel.Backing) time.Duration {
	if b.DownAfter > 0 {
		return min(c.opts.QuorumTTL, b.DownAfter)
	}
	return c.opts.QuorumTTL
}

// hasQuorum reports whether a majority of the sentinels has confirmed t lately.
func (c *Client) hasQuorum(t *target, now time.Time) bool {
	if c.watch == nil {
		return false
	}
	b := c.watch.Backing()
	return b.Addr == t.addr && b.Epoch == t.epoch && b.Majority() && now.Sub(b.Since) < c.quorumTTL(b)
}

// keepAskingQuorum looks whether the quorum lasts. It ends with the client.
func (c *Client) keepAskingQuorum() {
	tick := time.NewTicker(max(c.opts.QuorumTTL/4, time.Millisecond))
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
	kind := sentinel.EventQuorumLost
	if has {
		kind = sentinel.EventQuorumFound
		same := *t
		c.storeLocked(&same)
	} else {
		c.counters.quorumLost.Add(1)
	}
	c.send(sentinel.Event{Kind: kind})
}
