package mq

import (
	"sync"
	"time"
)

// clock compares the server's time with the monotonic clock of this process, so that
// a server whose clock jumps, or another server with another clock, is noticed.
type clock struct {
	base time.Time // the monotonic clock counts from here

	mu     sync.Mutex
	offset int64 // server's milliseconds minus ours
	known  bool
}

func (c *clock) start() { c.base = time.Now() }

// since returns the milliseconds of the monotonic clock at t.
func (c *clock) since(t time.Time) int64 { return t.Sub(c.base).Milliseconds() }

// believed returns what the server's time should be now, in milliseconds. Before
// anything is known of it, that is the wall clock's.
func (c *clock) believed() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return time.Now().UnixMilli()
	}
	return c.since(time.Now()) + c.offset
}

// observe is told that the server's time was now, in milliseconds, at some moment
// between sent and got. It returns by how much that is beyond what was believed, if it
// is by more than maxJump. first says that nothing had been known.
func (c *clock) observe(sent, got time.Time, now int64) (jump time.Duration, first bool) {
	low, high := now-c.since(got), now-c.since(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	first = !c.known
	if first {
		c.known, c.offset = true, c.base.UnixMilli()
	}
	most := maxJump.Milliseconds()
	switch {
	case c.offset < low-most:
		jump = time.Duration(low-c.offset) * time.Millisecond
		c.offset = low
	case c.offset > high+most:
		jump = time.Duration(high-c.offset) * time.Millisecond
		c.offset = high
	default:
		c.offset = min(max(c.offset, low), high)
	}
	return jump, first
}
