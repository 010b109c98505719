package conn

import "sync/atomic"

// A caller that is alone takes Conn.mu to send its command and again to take its
// reply. Between them its write ends, which others must know: who comes during the
// write leaves its bytes to the writer, who comes after it writes itself. Instead of
// a third locking the writer marks the end by one atomic operation. Whoever takes
// the lock next, mostly the same caller for its reply, does the rest; if somebody has
// taken it during the write the mark fails, and the writer goes the way of all others.

// The states of wire.solo. Only the caller that is alone sets soloWrites, with c.mu
// held, and goes on to soloWrote, without it; who holds c.mu ends either. A write
// under the lock need not be atomic: the next one to look holds the lock, or is the
// caller itself.
const (
	soloNone   uint32 = iota
	soloWrites        // nobody has had the lock since a caller that is alone has begun to write
	soloWrote         // nor has anybody since it has written all there was
)

// lock takes c.mu. Nobody takes it otherwise: who holds it finds the roles as they are.
func (c *wire) lock() {
	c.mu.Lock()
	if atomic.LoadUint32(&c.solo) != soloNone {
		c.endSoloLocked()
	}
}

// endSoloLocked ends what spares a caller that is alone the lock.
func (c *wire) endSoloLocked() {
	if atomic.CompareAndSwapUint32(&c.solo, soloWrites, soloNone) {
		c.soloBuf = nil
		return // it still writes, and will take the lock
	}
	c.solo = soloNone
	c.keepLocked(c.soloBuf)
	c.soloBuf = nil
	c.backlog.writing = 0 // nobody waits for that
	c.flushing, c.flusher = false, nil
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

// flushSolo is flush for k, who was alone when it began. It is the reader, and stays it.
func (c *wire) flushSolo(k *call, buf []byte) {
	if n, err := c.nc.Write(buf); err != nil {
		if rest, err := c.unwritten(buf[n:], err); err != nil || len(rest) > 0 {
			c.stuck(k, rest, err)
			return
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
