package conn

import (
	"context"
	"sync/atomic"

	"github.com/kermes-redis/kermes/resp"
)

// A small batch whose caller is alone goes the way of a lone command, as alone.go has it.
// It is one call, which is like any other as soon as somebody else comes or anything is
// unusual.

// loneReplies is up to how many bytes of replies may be copied for nothing, because
// somebody else has come.
const loneReplies = baseBuffer

// isSmall reports whether the commands from that one on, of which some is what at least
// one is flagged, may go out as one call.
func isSmall(cmds *resp.Batch, from int, some resp.Flags) bool {
	n := cmds.Len() - from
	return n > 0 && n <= maxFrames && some&resp.Blocking == 0 && cmds.Size(from) <= guardSize
}

// doAlone runs a small batch. It reports false, and has done nothing, if the connection is
// in use.
func (c *wire) doAlone(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) (done bool, err error) {
	k := c.newCall(ctx, int32(cmds.Len()-from))
	out, solo := c.beginAlone(k, cmds, from)
	if out.empty() {
		k.ReleaseReply()
		return false, nil
	}
	if solo {
		err = c.playSolo(k, out.buf)
	} else {
		err = c.play(k, out, true, true, true)
	}
	if err != nil {
		b := batch{conn: c, to: to, first: from, given: from}
		err = b.fail(part{call: k, size: cmds.Len() - from})
		return true, placed(err, cmds, b.given)
	}
	giveOut(to, from, k)
	k.ReleaseReply()
	return true, nil
}

// beginAlone encodes a small batch for k, which is in the queue then, with both roles, and
// goes to write out, in the way of alone.go where solo says so. If the connection is in use
// there is none.
func (c *wire) beginAlone(k *call, cmds *resp.Batch, from int) (out output, solo bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.maySucceedLocked() {
		out.buf = appendAll(c.soloBuf[:0], cmds, from)
		c.nameBatchLocked(k)
		c.inheritLocked(k, out.buf)
		return out, true
	}
	if atomic.LoadUint32(&c.solo) != soloNone {
		c.endSoloLocked()
	}
	if c.queue.head != nil || c.flushing || c.reader != nil || c.err != nil || c.fullLocked() {
		return out, false
	}
	before := len(c.wbuf)
	c.wbuf = appendAll(c.wbuf, cmds, from)
	c.nameBatchLocked(k)
	c.enlistLocked(k, len(c.wbuf)-before)
	out.buf = c.takeOutputLocked()
	c.reader, c.flushing, c.flusher = k, true, k
	return out, c.maySoloLocked(out)
}

// nameBatchLocked makes k one with a batch of its own. c.mu is held.
func (c *wire) nameBatchLocked(k *call) {
	c.batches = max(c.batches+1, 1)
	k.batch = c.batches
}

// appendAll appends the commands from that one on, encoded.
func appendAll(dst []byte, cmds *resp.Batch, from int) []byte {
	rest, n := cmds.From(from), cmds.Len()-from
	for n > 0 {
		var more int
		dst, more = rest.AppendTo(dst)
		n -= more
	}
	return dst
}

// answerPart is the usual end of a small batch that is alone: it answers k with the n
// replies that have been framed, if they are all, and k is alone still.
func (c *wire) answerPart(k *call, n int) bool {
	in := &c.in
	size := in.ends[n-1]
	if atomic.LoadUint32(&c.solo) != soloWrote || k.want != int32(n) || size > loneReplies {
		return false
	}
	// As in answerSolo: when the mark is made, somebody else may read.
	k.add(in.buf[in.first:in.first+size], in.ends[:n], 0)
	k.odd = in.odd
	fresh := in.fresh
	in.total, in.fresh = in.total+uint64(size), 0
	if c.markAnswered() {
		return true
	}
	in.total, in.fresh = in.total-uint64(size), fresh
	k.buf, k.ends, k.odd = k.buf[:0], k.ends[:0], false
	return false
}
