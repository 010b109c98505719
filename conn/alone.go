package conn

import (
	"context"
	"sync/atomic"

	"github.com/kermes-redis/kermes/resp"
)

// A caller that is alone takes Conn.mu once, to send its command. Between that and its
// reply its write ends, which others must know: who comes during the write leaves its
// bytes to the writer, who comes after it writes itself. Instead of taking the lock
// again the writer marks the end by one atomic operation, and the coming of its reply by
// another. Whoever takes the lock next does the rest; if somebody has taken it before a
// mark is made the mark fails, and the caller goes the way of all others.
//
// Mostly the next one to take the lock is alone again. It finds the connection as its
// predecessor has left it: in the queue and with both roles, which it takes over as they
// are, with the call itself if its reply has been released. So in soloAnswered all is as
// it must be for a lone caller, and need not be looked at.

// The states of wire.solo. Only the caller that is alone sets soloWrites, with c.mu
// held, and goes on to soloWrote and soloAnswered, without it; who holds c.mu ends any. A
// write under the lock need not be atomic: the next one to look holds the lock, or is
// the caller itself.
const (
	soloNone     uint32 = iota
	soloWrites          // nobody has had the lock since a caller that is alone has begun to write
	soloWrote           // nor has anybody since it has written all there was
	soloAnswered        // nor since it has its reply; the queue and the roles are still to be cleared
)

// lock takes c.mu. But for who is alone again, and InFlight, nobody takes it otherwise: who
// holds it finds the queue and the roles as they are.
func (c *wire) lock() {
	c.mu.Lock()
	if atomic.LoadUint32(&c.solo) != soloNone {
		c.endSoloLocked()
	}
}

// endSoloLocked ends what spares a caller that is alone the lock.
func (c *wire) endSoloLocked() {
	before := atomic.SwapUint32(&c.solo, soloNone)
	c.succession.Store(false)
	buf := c.soloBuf
	c.soloBuf = nil
	if before == soloWrites {
		return // it still writes, and will take the lock
	}
	c.keepLocked(buf)
	c.backlog.writing = 0 // nobody waits for that
	c.flushing, c.flusher = false, nil
	if before == soloAnswered {
		if k := c.queue.head; k.leaveLocked() {
			c.calls.Put(k)
		}
		c.queue, c.reader = queue{}, nil
	}
}

// maySoloLocked notes that a caller which is alone, and reads, goes to write out. It
// reports false for a large one, which may be stuck, and where others wait for the room
// that there is when it has been written.
func (c *wire) maySoloLocked(out output) bool {
	if out.pieces != nil || len(out.buf) > guardSize || len(c.backlog.waiting) > 0 {
		return false
	}
	c.solo, c.soloBuf = soloWrites, out.buf
	return true
}

// succeed begins a call of one that is alone and comes after another such, and encodes
// its command. It returns nil if there is none before, for a large command and a special
// one, and while what is known of a crowd has to wear off.
func (c *wire) succeed(ctx context.Context, cmd *resp.Command) (k *call, buf []byte) {
	if !c.succession.Load() || cmd.Flags()&resp.Blocking != 0 || cmd.Room() != nil {
		return nil, nil
	}
	c.mu.Lock()
	if !c.maySucceedLocked() {
		c.mu.Unlock()
		return nil, nil
	}
	buf, ok := cmd.AppendShort(c.soloBuf[:0])
	if !ok {
		size := cmd.Size()
		if size > guardSize {
			c.mu.Unlock()
			return nil, nil
		}
		buf = cmd.AppendSized(c.soloBuf[:0], size)
	}
	if k = c.flusher; k.againLocked() {
		k.begin(ctx)
	} else {
		k = c.newCall(ctx, 1)
	}
	c.inheritLocked(k, buf)
	c.mu.Unlock()
	return k, buf
}

// maySucceedLocked reports whether there is a lone caller that has its reply. c.mu is held,
// by Lock.
func (c *wire) maySucceedLocked() bool {
	return atomic.LoadUint32(&c.solo) == soloAnswered && c.gathering.peak <= 1
}

// inheritLocked gives k, which goes to write buf, the place of the lone caller before it.
// c.mu is held.
func (c *wire) inheritLocked(k *call, buf []byte) {
	if before := c.flusher; before != k {
		if before.leaveLocked() {
			c.calls.Put(before)
		}
		c.queue.head, c.queue.tail, c.reader, c.flusher = k, k, k, k
	}
	k.start, k.size = c.encoded, len(buf)
	c.encoded += uint64(len(buf))
	c.sent = c.encoded
	c.backlog.writing = len(buf)
	c.armLocked(k)
	c.solo, c.soloBuf = soloWrites, buf
}

// playSolo is play for k, who is alone, in both roles, and goes to write buf.
func (c *wire) playSolo(k *call, buf []byte) error {
	var settled, over bool
	how, n, err := c.takeTurn(buf)
	switch {
	case how == turnReads:
		settled, over = c.answerSolo(k, n, err)
	case how == turnLooks && !c.lookFor(k):
		c.await(k) // for the error
		return k.err
	default:
		c.flushSolo(k, buf, n)
		settled, over = c.readSolo(k)
	}
	if !over {
		settled = c.readFor(k)
	}
	if !settled {
		c.await(k)
	}
	return k.err
}

// flushSolo is flush for k, who was alone when it began. It is the reader, and stays it. So
// many bytes of buf have been written already.
func (c *wire) flushSolo(k *call, buf []byte, wrote int) {
	if wrote < len(buf) {
		if n, err := c.nc.Write(buf[wrote:]); err != nil {
			if rest, err := c.unwritten(buf[wrote+n:], err); err != nil || len(rest) > 0 {
				c.stuck(k, rest, err)
				return
			}
		}
	}
	if atomic.CompareAndSwapUint32(&c.solo, soloWrites, soloWrote) {
		return
	}
	c.lock()
	c.keepLocked(buf)
	c.mu.Unlock()
	c.flush(k, output{}, false)
}

// readSolo reads once for k, who was alone when it began, and does with that what answerSolo
// does.
func (c *wire) readSolo(k *call) (settled, over bool) {
	if !c.in.beginRead() {
		return false, false
	}
	n, err := c.nc.Read(c.in.buf)
	return c.answerSolo(k, n, err)
}

// answerSolo settles k, who was alone when it began, if the n bytes that have been read, or
// what kept them from being read, do, and k is alone still. If it is not over, readFor goes
// on from there.
func (c *wire) answerSolo(k *call, n int, err error) (settled, over bool) {
	if n == 0 && err == nil {
		return false, false // a reader may return nothing without a reason
	}
	if n == 0 {
		return c.stopped(k, err)
	}
	if k.room == nil && k.batch == 0 && c.in.takeWhole(n) {
		// The bytes are copied first: when the mark is made, somebody else may read.
		k.buf = append(k.buf, c.in.buf[:n]...)
		k.stay = stays
		if c.markAnswered() {
			return true, true
		}
		k.stay, k.buf = goes, k.buf[:0]
		c.in.putBackWhole(n)
	}
	c.in.came(n)
	return false, false
}

// markAnswered marks that a lone caller has its reply, and reports whether it is alone
// still.
func (c *wire) markAnswered() bool {
	if !c.succession.Load() {
		c.succession.Store(true)
	}
	if atomic.CompareAndSwapUint32(&c.solo, soloWrote, soloAnswered) {
		return true
	}
	c.succession.Store(false)
	return false
}

// Where a call goes when its reply is released: to the free list, or back to its
// connection, in the queue of which a lone caller has left it. Whose call it is before it
// has its reply, and who holds the lock while it rests, changes that without more ado;
// otherwise it takes an atomic operation.
const (
	goes  uint32 = iota
	stays        // it has its reply, and its connection still knows it
	rests        // it has been released, and its connection knows it
)

// rest reports whether k, which is released, stays with its connection.
func (k *call) rest() bool {
	return atomic.LoadUint32(&k.stay) != goes && atomic.CompareAndSwapUint32(&k.stay, stays, rests)
}

// againLocked reports whether the next lone caller may have k. Otherwise k goes, when it is
// released. Conn.mu is held.
func (k *call) againLocked() bool {
	if atomic.LoadUint32(&k.stay) != rests {
		return k.leaveLocked()
	}
	k.stay = goes
	return true
}

// leaveLocked makes k go, and reports whether it has been released. Conn.mu is held.
func (k *call) leaveLocked() bool { return atomic.SwapUint32(&k.stay, goes) == rests }
