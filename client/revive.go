package client

import (
	"context"
	"errors"
	"time"
)

const (
	// minReviveInterval and maxReviveInterval bound how often a master that
	// cannot be used is tried, on behalf of all who wait for it. A restart may
	// take no longer than the first.
	minReviveInterval = 10 * time.Millisecond
	maxReviveInterval = 100 * time.Millisecond
	// reviveTime is for how long it is tried after the last of them came.
	reviveTime = 5 * time.Second
	// reviveTimeout bounds one try.
	reviveTimeout = time.Second
)

// revival is the attempt of one goroutine to find out when a master can be used
// again. Those who wait for that back off, each for its own time; the goroutine
// wakes them all.
type revival struct {
	generation uint64 // of the target; zero when there is no attempt
	wanted     time.Time
}

// reviveLocked begins an attempt, or goes on with it, for a caller that has
// failed with cause.
func (c *Client) reviveLocked(t *target, cause error) {
	if c.closed || t.pool == nil || errors.Is(cause, ErrHeld) || errors.Is(cause, ErrNoQuorum) {
		return
	}
	c.reviving.wanted = time.Now()
	if c.reviving.generation == t.generation {
		return
	}
	if c.spawnLocked(func() { c.keepReviving(t) }) {
		c.reviving.generation = t.generation
	}
}

// keepReviving ends when the master answers, is replaced, or nobody waits.
func (c *Client) keepReviving(t *target) {
	for wait := minReviveInterval; c.worthReviving(t); wait = min(2*wait, maxReviveInterval) {
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(jitter(wait)):
		}
		ctx, cancel := context.WithTimeout(c.ctx, reviveTimeout)
		err := t.pool.Ping(ctx)
		cancel()
		if err == nil {
			c.revived(t)
			return
		}
	}
}

func (c *Client) worthReviving(t *target) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	worth := c.target.Load().generation == t.generation && time.Since(c.reviving.wanted) < reviveTime
	if !worth && c.reviving.generation == t.generation {
		c.reviving.generation = 0
	}
	return worth
}

// revived wakes all who wait.
func (c *Client) revived(t *target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reviving.generation == t.generation {
		c.reviving.generation = 0
	}
	if now := c.target.Load(); !c.closed && now.generation == t.generation {
		c.revivals++
		c.wakeLocked()
	}
}
