package conn

import (
	"context"

	"github.com/kermes-redis/kermes/resp"
)

// A small batch whose caller is alone goes the way of a lone command: it takes Conn.mu to
// send, and again for its replies, and no signal is needed. It is one call, which is like
// any other as soon as somebody else comes or anything is unusual.

const (
	// loneReplies is up to how many bytes of replies are copied under the lock.
	loneReplies = baseBuffer
)

// isSmall reports whether the commands from that one on, which flags say are, may go out
// as one call.
func isSmall(cmds *resp.Batch, from int, some resp.Flags) bool {
	n := cmds.Len() - from
	return n > 0 && n <= maxFrames && some&resp.Blocking == 0 && cmds.Size(from) <= guardSize
}

// doAlone runs a small batch. It reports false, and has done nothing, if the connection is
// in use.
func (c *wire) doAlone(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) (done bool, err error) {
	c.lock()
	if c.queue.head != nil || c.flushing || c.reader != nil || c.err != nil || c.fullLocked() {
		c.mu.Unlock()
		return false, nil
	}
	n := cmds.Len() - from
	k := c.newCall(ctx, int32(n))
	c.batches = max(c.batches+1, 1)
	k.batch = c.batches
	before := len(c.wbuf)
	for rest := cmds.From(from); n > 0; {
		var more int
		c.wbuf, more = rest.AppendTo(c.wbuf)
		n -= more
	}
	c.enlistLocked(k, len(c.wbuf)-before)
	out := output{buf: c.takeOutputLocked()}
	c.reader, c.flushing, c.flusher = k, true, k
	solo := c.maySoloLocked(out)
	c.mu.Unlock()
	if err := c.playPart(k, out, solo); err != nil {
		b := batch{conn: c, to: to, first: from, given: from}
		err = b.fail(part{call: k, size: cmds.Len() - from})
		return true, placed(err, cmds, b.given)
	}
	giveOut(to, from, k)
	k.ReleaseReply()
	return true, nil
}

// playPart does for k, who is alone and holds both roles, what it is to do until it is
// answered: it writes out, in the way of alone.go where solo says so.
func (c *wire) playPart(k *call, out output, solo bool) error {
	sent := c.lookFor(k)
	if sent && solo {
		c.flushSolo(k, out.buf)
	} else if sent {
		c.flush(k, out, false)
	}
	if !sent || !c.readFor(k) {
		c.await(k)
	}
	return k.err
}

// answerPart is the usual end of a small batch that is alone: it answers k with the n
// replies that have been framed, and gives the reading role up.
func (c *wire) answerPart(k *call, n int) bool {
	in := &c.in
	ends := in.ends[:n]
	size := ends[n-1]
	if size > loneReplies {
		return false
	}
	c.lock()
	if c.queue.head != k || c.queue.n != 1 || k.want != int32(n) || k.state != pending || c.serving != nil {
		c.mu.Unlock()
		return false
	}
	c.queue.pop()
	k.state = answered
	k.add(in.buf[in.first:in.first+size], ends, 0)
	k.odd = k.odd || in.odd
	in.total += uint64(size)
	in.fresh = 0 // nobody waits any more
	c.reader = nil
	c.mu.Unlock()
	return true
}
