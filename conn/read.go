package conn

import (
	"math"
	"slices"
)

// copyLocked is how many bytes of a reply are copied under the lock; it
// saves a caller that is alone a second locking.
const copyLocked = 1 << 10

// take says that a call gets the next n frames: nil where its caller has left.
type take struct {
	to   *call
	n    int32
	last bool // they answer it in full
}

// readFor reads for everybody until k is settled. k holds the reading role. It
// reports whether k was settled here; if not, a signal tells k.
func (c *wire) readFor(k *call) bool {
	for {
		if !c.in.empty() {
			settled, ok := c.deliver(k)
			if settled || !ok {
				return settled
			}
		}
		var err error
		if k.room == nil {
			err = c.in.fill()
		} else if dst, header := c.roomFor(k); dst == nil {
			err = c.in.fill()
		} else if err = c.in.readInto(dst, header); err == nil {
			if settled, ok := c.deliverPlaced(k, dst, header); settled || !ok {
				return settled
			}
		}
		if err == nil {
			continue
		}
		if settled, over := c.stopped(k, err); over {
			return settled
		}
	}
}

// stopped is what to do when the read of k has ended with err: whether k's call is over,
// and settled by that. If it is not over, k reads on.
func (c *wire) stopped(k *call, err error) (settled, over bool) {
	if !c.in.poked(err) {
		c.fail(OpRead, err)
		return false, true
	}
	settled = c.giveUp(k)
	return settled, settled
}

// giveUp settles k with its context's error if that has ended, and passes the
// reading on.
func (c *wire) giveUp(k *call) bool {
	if k.ctx == nil || k.ctx.Err() == nil {
		return false
	}
	c.lock()
	if k.state != pending {
		c.mu.Unlock()
		return false
	}
	if c.blocksAloneLocked(k) {
		c.mu.Unlock()
		c.fail(OpWait, k.ctx.Err())
		return false
	}
	c.abandonLocked(k)
	c.reader = nil
	c.passReadingLocked()
	c.mu.Unlock()
	return true
}

// blocksAloneLocked reports whether k is a blocking command, or a part with one, and nobody
// else waits: then the connection ends with it, as the server would give an element to
// a caller that has left. c.mu is held.
func (c *wire) blocksAloneLocked(k *call) bool {
	if !k.blocking {
		return false
	}
	for other := c.queue.head; other != nil; other = other.next {
		if other != k && other.state == pending && (k.batch == 0 || other.batch != k.batch) {
			return false
		}
	}
	return true
}

// unwanted reports whether the caller of the next reply has left.
func (c *wire) unwanted() bool {
	c.lock()
	defer c.mu.Unlock()
	head := c.queue.head
	return head != nil && head.state == abandoned && head.start < c.sent
}

// abandonLocked leaves k in the queue without its caller, or takes it out with its bytes if
// none of them has left. c.mu is held.
func (c *wire) abandonLocked(k *call) {
	if c.takeOutLocked(k) {
		return
	}
	k.state, k.torn, k.room = abandoned, c.copying, nil
	k.err = &Error{Op: OpWait, Addr: c.opts.Addr, Class: ClassMaybeExecuted, Waited: c.waitedLocked(k), Err: k.ctx.Err()}
}

// takeOutLocked takes the command of k, whose caller gives up, out of what waits to be
// written, unless a part of it has been taken by a flush. c.mu is held.
func (c *wire) takeOutLocked(k *call) bool {
	from := int(k.start - c.sent) // what waits begins where what has left ends
	if k.start < c.sent || c.encoded-c.sent != uint64(len(c.wbuf)) || from+k.size > len(c.wbuf) || !c.queue.remove(k) {
		return false
	}
	c.wbuf = slices.Delete(c.wbuf, from, from+k.size)
	c.encoded -= uint64(k.size)
	for later := k.next; later != nil; later = later.next {
		later.start -= uint64(k.size)
	}
	c.gathering.held = max(c.gathering.held-1, 0)
	c.giveRoomLocked()
	k.next, k.start = nil, math.MaxUint64 // never sent
	k.state, k.room = failed, nil
	k.err = &Error{Op: OpWait, Addr: c.opts.Addr, Class: ClassNotSent, Waited: c.waitedLocked(k), Err: k.ctx.Err()}
	return true
}

// passReadingLocked gives the free reading role to whoever should have it: the one
// that serves, else the caller whose reply comes next. A caller that is
// writing is not disturbed, for any part of its batch; it looks for the role when it
// has written. c.mu is held.
func (c *wire) passReadingLocked() {
	c.reader = nil
	if c.err != nil {
		return
	}
	c.wakeWriterLocked()
	if c.serving != nil {
		c.reader = c.serving
		c.serving.sig <- sigRead
		return
	}
	writing := false
	for k := c.queue.head; k != nil; k = k.next {
		if k.state != pending {
			continue
		}
		if c.writesLocked(k) {
			writing = true
			continue
		}
		c.reader = k
		k.sig <- sigRead
		return
	}
	if c.queue.head != nil && !writing {
		drain := &call{conn: c, callMarks: callMarks{state: answered}}
		c.reader = drain
		go c.drain(drain)
	}
}

// wakeWriterLocked makes the caller that comes next, or a goroutine, write what is held
// back, if nobody will who reads: the replies that it waits for are in. c.mu is held.
func (c *wire) wakeWriterLocked() {
	if c.gathering.held == 0 || c.flushing || c.holdBackLocked(0) {
		return
	}
	c.flushing, c.flusher = true, nil
	for k := c.queue.head; k != nil; k = k.next {
		if k.state == pending {
			c.flusher = k
			k.sig <- sigFlush
			return
		}
	}
	go c.flush(nil, output{}, false)
}

// writesLocked reports whether the caller of k is the one that writes. c.mu is held.
func (c *wire) writesLocked(k *call) bool {
	f := c.flusher
	return f != nil && (k == f || k.batch != 0 && k.batch == f.batch)
}

// drain reads the replies of callers that have left while nobody else is
// there to do it. It ends with the last of them.
func (c *wire) drain(d *call) {
	for {
		if _, ok := c.deliver(d); !ok {
			return
		}
		c.lock()
		if head := c.queue.head; head == nil || head.state == pending {
			c.passReadingLocked()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if err := c.in.fill(); err != nil && !c.in.poked(err) {
			c.fail(OpRead, err)
			return
		}
	}
}

// deliver hands out the complete replies in the buffer. It reports whether
// that settled k, in which case the reading role has been passed on, and
// false as ok when the connection broke. Both may be: k's reply came before what
// broke it.
func (c *wire) deliver(k *call) (settled, ok bool) {
	in := &c.in
	n, err := in.frameReplies()
	if n > 0 && in.r == in.w && (k.batch != 0 && c.answerPart(k, n) || n == 1 && c.answerAlone(k)) {
		return true, true
	}
	return c.deliverAll(k, n, err)
}

// deliverAll is deliver for any replies, of which n have been framed.
func (c *wire) deliverAll(k *call, n int, err error) (settled, ok bool) {
	in := &c.in
	var held output
	for ok = true; ; n, err = in.frameReplies() {
		if n > 0 {
			ok = c.handOut(n, k, &settled, &held)
		}
		if err != nil && ok {
			c.failFraming(err)
			ok = false
		}
		if !ok || n == 0 || in.r == in.w {
			break
		}
	}
	if settled && ok {
		ok = c.stopReading()
	}
	if !held.empty() {
		c.flush(k, held, !settled)
	}
	return settled, ok
}

// stopReading passes the reading on, unless something has begun to arrive that
// nobody can have asked for.
func (c *wire) stopReading() (ok bool) {
	in := &c.in
	c.lock()
	head := c.queue.head
	ok = in.mayGoUnasked() || head != nil && head.start < c.sent
	if ok {
		c.passReadingLocked()
	}
	c.mu.Unlock()
	if !ok {
		c.fail(OpRead, errUnasked)
	}
	return ok
}

// answerAlone is the usual end of a call that is alone: it answers k with the
// one frame there is, and gives the reading role up.
func (c *wire) answerAlone(k *call) bool {
	in := &c.in
	f := in.frame(0)
	if f.size() > copyLocked {
		return false
	}
	c.lock()
	if c.queue.head != k || c.queue.n != 1 || k.want != 1 || k.batch != 0 || k.state != pending || c.serving != nil {
		c.mu.Unlock()
		return false
	}
	c.queue.pop()
	k.state = answered
	k.buf = append(k.buf, in.buf[f.start:f.end]...)
	in.total += uint64(f.size())
	in.fresh = 0 // nobody waits any more
	c.reader = nil
	c.mu.Unlock()
	return true
}

// handOut gives the first n frames to the calls that await them, and says if that
// settles k. It takes what was held back and has to be written now.
func (c *wire) handOut(n int, k *call, settled *bool, held *output) (ok bool) {
	in := &c.in
	in.total += uint64(in.ends[n-1])
	in.arrived.Add(uint32(c.opts.MinProgress)) // a whole one is progress, however short
	if in.bulky.Load() {
		in.bulky.Store(false)
	}
	var stray error
	c.lock()
	takes := c.takes[:0]
	for taken := 0; taken < n; {
		head := c.queue.head
		if head == nil || head.start >= c.sent { // not a byte of it has left
			stray = in.unasked(taken)
			break
		}
		t := c.assignLocked(head, n-taken)
		if t.last && t.to == k {
			*settled = true
		}
		takes = append(takes, t)
		taken += int(t.n)
	}
	if held.empty() && stray == nil {
		*held = c.takeHeldLocked(k)
	}
	// A call that awaits more replies may fail or be left meanwhile.
	c.copying = len(takes) > 0 && !takes[len(takes)-1].last
	partial := c.copying
	c.mu.Unlock()
	c.copyOut(takes, k)
	if partial {
		c.lock()
		c.copying = false
		c.mu.Unlock()
	}
	if stray != nil {
		c.fail(OpRead, stray)
	}
	return stray == nil
}

// assignLocked says how many of the next n frames go to head, which is out of the
// queue if they answer it in full. c.mu is held.
func (c *wire) assignLocked(head *call, n int) take {
	t := take{to: head, n: min(int32(n), head.want)}
	head.want -= t.n
	if t.last = head.want == 0; t.last {
		c.queue.pop()
	}
	switch {
	case head.state == abandoned:
		t.to = nil
	case t.last:
		head.state = answered
	}
	return t
}

// copyOut fills the calls and wakes those that are complete.
func (c *wire) copyOut(takes []take, k *call) {
	in := &c.in
	from, start := 0, 0 // the first frame, and where it begins
	for i := range takes {
		t := &takes[i]
		ends := in.ends[from : from+int(t.n)]
		f := frame{start: in.first + start, end: in.first + ends[0]}
		run := in.buf[f.start : in.first+ends[len(ends)-1]]
		to := t.to
		switch {
		case to == nil:
			if f.size() > busyBuffer && len(takes) == 1 {
				in.dropBuffer()
			}
		case f.size() > largeReply && len(takes) == 1 && t.n == 1 && t.last && len(to.buf) == 0:
			to.takeOver(in.buf[f.start:f.end], in.slack(f))
			in.replaceBuffer()
		default:
			to.add(run, ends, start)
		}
		from, start = from+int(t.n), ends[len(ends)-1]
		if to == nil {
			continue
		}
		t.to, to.odd = nil, to.odd || in.odd
		if t.last && to != k {
			to.sig <- sigDone
		}
	}
}
