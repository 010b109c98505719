package client

import (
	"time"

	"github.com/kermes-redis/kermes/sentinel"
)

// follower is a client as the group of its sentinels sees it: what the group
// tells, and nothing else. Its methods may be called before the client has its
// watch; they take Client.mu before they use it.
type follower Client

func (f *follower) client() *Client { return (*Client)(f) }

// watching is the client's watch, also while that is being made.
func (c *Client) watching() *sentinel.Watch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watch
}

// Moved takes the client to another master.
func (f *follower) Moved() { f.client().follow() }

// Heard acts on what a sentinel has published.
func (f *follower) Heard(by string, m sentinel.Message) { f.client().heard(by, m) }

// Informed takes in another list of replicas, or another confirmation of the
// master.
func (f *follower) Informed(replicas bool) {
	c := f.client()
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

// Reassured ends a hold that was mere suspicion.
func (f *follower) Reassured() {
	c := f.client()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold.sentinel == suspicion {
		c.releaseLocked()
	}
}

// LostSentinel shortens the hold that a lost sentinel has announced.
func (f *follower) LostSentinel(addr string) {
	c := f.client()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold.timer == nil || c.hold.sentinel != addr {
		return
	}
	if left := time.Until(c.hold.until); left > helloPeriods {
		c.hold.timer.Reset(helloPeriods)
	}
}

// GroupClosed ends the client.
func (f *follower) GroupClosed() {
	c := f.client()
	c.shut()
	c.work.Wait()
}
