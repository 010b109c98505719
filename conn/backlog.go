package conn

import (
	"context"
	"fmt"
	"slices"
)

// A server that does not read must not make a program keep all that it wants to send.
// What waits to be written has a bound in bytes; a caller beyond it waits for room
// before its command is encoded, in the order of coming, and is not sent if its context
// ends first. That is before the queue: it has no role, and nothing waits for it.

// backlog is who waits for room. Conn.mu guards it.
type backlog struct {
	writing int // bytes that a flush has taken and has not written as a whole
	granted int // bytes for which there is room, of callers that have yet to come back
	waiting []*roomer
}

// roomer is a caller that waits for room.
type roomer struct {
	size int
	has  chan struct{} // closed when there is room, or the connection is broken
}

// fullLocked reports whether a caller has to wait for room.
func (c *wire) fullLocked() bool {
	return c.overfullLocked() || len(c.backlog.waiting) > 0
}

func (c *wire) overfullLocked() bool {
	return len(c.wbuf)+c.backlog.writing+c.backlog.granted >= c.opts.MaxUnsent
}

// waitForRoomLocked returns when size more bytes may be encoded, or the connection is
// broken, or with the error of ctx. c.mu is held, but not while it waits.
func (c *wire) waitForRoomLocked(ctx context.Context, size int) error {
	if c.err != nil {
		return nil //nolint:nilerr // the caller looks at it anyway
	}
	w := &roomer{size: size, has: make(chan struct{})}
	c.backlog.waiting = append(c.backlog.waiting, w)
	c.mu.Unlock()
	select {
	case <-w.has:
	case <-ctx.Done():
	}
	c.lock()
	if i := slices.Index(c.backlog.waiting, w); i >= 0 {
		c.backlog.waiting = slices.Delete(c.backlog.waiting, i, i+1)
	} else {
		c.backlog.granted -= size
	}
	if err := ctx.Err(); err != nil {
		c.giveRoomLocked()
		return fmt.Errorf("%w; %d bytes wait for a server that does not read", err, len(c.wbuf)+c.backlog.writing)
	}
	return nil
}

// giveRoomLocked lets those in whom there is room for; where the connection is broken,
// all.
func (c *wire) giveRoomLocked() {
	b := &c.backlog
	for len(b.waiting) > 0 && (c.err != nil || !c.overfullLocked()) {
		b.granted += b.waiting[0].size
		close(b.waiting[0].has)
		b.waiting = slices.Delete(b.waiting, 0, 1)
	}
}

// writtenLocked notes that what a flush has taken is written.
func (c *wire) writtenLocked() {
	c.backlog.writing = 0
	if len(c.backlog.waiting) > 0 {
		c.giveRoomLocked()
	}
}
