package conn

import (
	"context"
	"time"
)

const (
	// cancelTick is how often the contexts of waiting callers are looked at.
	// It bounds how late a caller returns after its context has ended. A timer
	// that is close makes every wait for the network dearer: the kernel has to
	// program the clock for it, which on a virtual machine takes microseconds.
	cancelTick = 10 * time.Millisecond
	// idleTick is how long a connection without a read timeout is idle before
	// it lets its buffers go.
	idleTick = time.Second
	// timeoutTicks divides the read timeout into the ticks that watch it.
	timeoutTicks = 16
)

// pace is how often a connection is looked at.
type pace uint8

const (
	stopped pace = iota
	slow         // something is unanswered: the read timeout matters
	fast         // a caller may give up: its context matters
)

// watch is what stands in for a deadline per command: one timer that runs
// only while the connection is in use. Conn.mu guards it.
type watch struct {
	began    time.Time
	timer    *time.Timer
	pace     pace
	oldest   uint64 // the oldest call when last looked at
	progress uint32
	since    time.Time // when it was first seen in that state, without the time it was held
	heldAt   time.Time // when it was held last
	idleAt   uint64    // Conn.encoded when the connection was last seen idle

	// A caller that is alone, and comes with the same context again, needs no
	// tick: the end of the context calls back.
	before   <-chan struct{} // of the context that the last lone caller had
	followed <-chan struct{} // of the context whose end calls back
	unfollow func() bool
}

// seen is when the watch saw a call first, in milliseconds since it began with the
// connection, and one more; 0: it has not yet. It spares each call a look at the clock.
type seen uint32

// moment is this one, as one at which a call is seen.
func (w *watch) moment() seen { return max(seen(time.Since(w.began)/time.Millisecond)+1, 1) }

// waitedLocked is for how long k has been seen to wait. c.mu is held.
func (c *wire) waitedLocked(k *call) time.Duration {
	if k.seen == 0 {
		return 0
	}
	return time.Duration(c.watch.moment()-k.seen) * time.Millisecond
}

// armLocked makes sure that k will be looked at. c.mu is held.
func (c *wire) armLocked(k *call) {
	if k.ctx != nil && !k.blocks && !(c.queue.n == 1 && c.followLocked(k)) {
		if c.watch.pace != fast {
			c.watch.pace = fast
			c.watch.timer.Reset(cancelTick)
		}
		return
	}
	if c.watch.pace == stopped {
		c.watch.pace = slow
		c.watch.timer.Reset(c.slowTick())
	}
}

// followLocked reports whether the end of k's context calls back. c.mu is held, and
// nobody else waits.
func (c *wire) followLocked(k *call) bool {
	w := &c.watch
	if k.done == w.followed {
		return true
	}
	if k.done != w.before {
		w.before = k.done
		return false
	}
	c.letGoLocked()
	w.followed = k.done
	w.unfollow = context.AfterFunc(k.ctx, c.contextEnded)
	return true
}

// letGoLocked follows no context any more. c.mu is held.
func (c *wire) letGoLocked() {
	w := &c.watch
	if w.unfollow != nil {
		w.unfollow()
	}
	w.unfollow, w.followed = nil, nil
}

// contextEnded settles the caller whose context was followed. One that comes
// too late to be seen here follows anew, which calls back at once.
func (c *wire) contextEnded() {
	c.lock()
	c.watch.followed = nil
	c.mu.Unlock()
	c.tick()
}

func (c *wire) slowTick() time.Duration {
	if c.opts.ReadTimeout <= 0 {
		return idleTick
	}
	return max(c.opts.ReadTimeout/timeoutTicks, time.Millisecond)
}

// tick looks at every waiting call: it settles those whose contexts have
// ended, and breaks the connection when the oldest has waited too long.
func (c *wire) tick() {
	expired := false
	var cut error
	c.lock()
	if c.err == nil {
		var next pace
		next, cut = c.cancelEndedLocked()
		expired = c.oldestExpiredLocked()
		if c.queue.n == 0 {
			next = c.idleLocked()
		}
		c.setPace(next)
	}
	c.mu.Unlock()
	if cut != nil {
		c.fail(OpWait, cut)
	}
	if expired {
		c.fail(OpRead, ErrTimeout)
	}
}

func (c *wire) setPace(next pace) {
	c.watch.pace = next
	switch next {
	case fast:
		c.watch.timer.Reset(cancelTick)
	case slow:
		c.watch.timer.Reset(c.slowTick())
	}
}

// cancelEndedLocked settles the calls whose contexts have ended. Those who read or
// write are poked and settle themselves. It returns why the connection must
// break: half a streamed string can't be left, nor a command that blocks. c.mu is held.
func (c *wire) cancelEndedLocked() (next pace, cut error) {
	next = slow
	now := c.watch.moment()
	var after *call
	for k := c.queue.head; k != nil; k = after {
		after = k.next // k may be taken out
		if k.seen == 0 {
			k.seen = now
		}
		if k.state != pending || k.ctx == nil {
			continue
		}
		if k.ctx.Err() == nil {
			if !k.blocks && k.done != c.watch.followed {
				next = fast
			}
			continue
		}
		if k.midway || c.blocksAloneLocked(k) {
			cut = k.ctx.Err()
			continue
		}
		if k != c.reader && k != c.flusher {
			c.abandonLocked(k)
			k.sig <- sigDone
			continue
		}
		next = fast
		c.pokeLocked(k)
	}
	return next, cut
}

// pokeLocked wakes k from the read or write, or from both, that it is in: a caller that
// is alone has both roles while it writes. c.mu is held.
func (c *wire) pokeLocked(k *call) {
	if k == c.reader {
		_ = c.nc.SetReadDeadline(past())
	}
	if k == c.flusher && !c.secure {
		_ = c.nc.SetWriteDeadline(past())
	}
}

// past is a deadline that makes a blocked read or write return now.
func past() time.Time { return time.Unix(1, 0) }

// oldestExpiredLocked reports whether the oldest call has waited for its timeout, and fewer
// bytes have moved than make progress. c.mu is held.
func (c *wire) oldestExpiredLocked() bool {
	head := c.queue.head
	if head == nil {
		return false
	}
	if head.held {
		return false
	}
	now := time.Now()
	progress := c.in.arrived.Load() + c.wrote.Load()
	w := &c.watch
	if w.since.IsZero() || w.oldest != head.start || progress-w.progress >= uint32(c.opts.MinProgress) {
		w.oldest, w.progress, w.since = head.start, progress, now
		return false
	}
	if head.timeout <= 0 {
		return false
	}
	// It had waited for up to one tick when it was first seen, and the next
	// look may be one too late. What a command may block, the server has in full.
	return now.Sub(w.since) >= head.timeout-c.opts.ReadTimeout*3/(2*timeoutTicks)
}

// idleLocked lets go of memory after a tick without any call. c.mu is held.
func (c *wire) idleLocked() pace {
	w := &c.watch
	w.since = time.Time{}
	if w.idleAt != c.encoded {
		w.idleAt = c.encoded
		return slow
	}
	w.before = nil
	c.in.large.forget()
	c.letGoLocked()
	if cap(c.spare) > baseBuffer/2 {
		c.spare = nil
	}
	if cap(c.wbuf) > baseBuffer/2 && len(c.wbuf) == 0 {
		c.wbuf = nil
	}
	receiving := c.rx.ctx != nil || c.taint.isAltered() // Receive does not take the reading role
	if c.reader == nil && !receiving {
		c.in.shrink()
	}
	return stopped
}
