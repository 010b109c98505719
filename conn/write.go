package conn

import (
	"errors"
	"os"
	"time"
)

const (
	// maxTurns is how many writes a caller makes for others in a row before
	// it hands the writing on.
	maxTurns = 2
	// guardSize is the size from which a write is expected to block when the
	// peer does not read.
	guardSize = 16 << 10
	// stallTime is how long a guarded write may make no progress before a
	// goroutine takes it over, so that the caller can read: a peer may be
	// unable to read on until its own output has been taken.
	stallTime = 10 * time.Millisecond
	// keepBuffer is the largest write buffer that is kept between writes.
	keepBuffer = 64 << 10
)

// flush writes what has gathered. k holds the writing role; it is nil for a
// goroutine. It reports whether k has become the reader. guard says that k has
// replies to read meanwhile, so that it must not be stuck in a write.
func (c *Conn) flush(k *call, guard bool) (read bool) {
	for turn := 0; ; turn++ {
		c.mu.Lock()
		if len(c.wbuf) == 0 || c.err != nil {
			read = c.endFlush(k)
			c.mu.Unlock()
			return read
		}
		if k != nil && turn >= maxTurns {
			read = c.handOverFlush(k)
			c.mu.Unlock()
			return read
		}
		buf := c.wbuf
		c.wbuf, c.spare = c.spare[:0], nil
		c.sent += uint64(len(buf))
		guarded := k != nil && (guard || len(buf) > guardSize)
		c.mu.Unlock()

		rest, err := c.write(buf, guarded)
		if err != nil {
			c.failWrite(rest, err)
			return false
		}
		if len(rest) > 0 {
			return c.delegate(k, rest)
		}
		c.keep(buf)
	}
}

// keep leaves a written buffer for the next one who needs it.
func (c *Conn) keep(buf []byte) {
	if cap(buf) > keepBuffer {
		return
	}
	c.mu.Lock()
	if c.spare == nil {
		c.spare = buf[:0]
	}
	c.mu.Unlock()
}

// write hands buf to the kernel. What a guarded or poked write could not place
// in time is returned as rest, without an error.
func (c *Conn) write(buf []byte, guarded bool) (rest []byte, err error) {
	if guarded && c.secure {
		return buf, nil
	}
	if guarded {
		_ = c.nc.SetWriteDeadline(time.Now().Add(stallTime))
	}
	n, err := c.nc.Write(buf)
	if guarded {
		_ = c.nc.SetWriteDeadline(time.Time{})
	}
	if err == nil {
		return nil, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.secure {
		return buf[n:], nil
	}
	return buf[n:], err
}

// delegate leaves the writing of rest to a goroutine, and k is free to read.
// The goroutine ends when nothing is left to write or the connection breaks.
func (c *Conn) delegate(k *call, rest []byte) (read bool) {
	c.mu.Lock()
	c.flusher = nil
	read = c.claimReading(k)
	c.mu.Unlock()
	go c.writeOn(rest)
	return read
}

func (c *Conn) writeOn(rest []byte) {
	for len(rest) > 0 {
		if !c.secure {
			_ = c.nc.SetWriteDeadline(time.Time{})
		}
		n, err := c.nc.Write(rest)
		rest = rest[n:]
		if err != nil && (c.secure || !errors.Is(err, os.ErrDeadlineExceeded)) {
			c.failWrite(rest, err)
			return
		}
	}
	c.flush(nil, false)
}

// failWrite breaks the connection. The kernel has not accepted unsent, so what
// lies wholly within it was not sent.
func (c *Conn) failWrite(unsent []byte, err error) {
	c.mu.Lock()
	if c.err == nil {
		c.sent -= uint64(len(unsent))
	}
	c.mu.Unlock()
	c.fail(OpWrite, err)
}

// endFlush gives the writing role back. c.mu is held.
func (c *Conn) endFlush(k *call) (read bool) {
	c.flushing, c.flusher = false, nil
	return c.claimReading(k)
}

// handOverFlush gives the writing role to the caller that came last, whose
// bytes are yet to be written, or to a goroutine. c.mu is held.
func (c *Conn) handOverFlush(k *call) (read bool) {
	if t := c.queue.tail; t != nil && t != k && t != c.reader && t.state == pending && !t.batch {
		c.flusher = t
		t.sig <- sigFlush
	} else {
		c.flusher = nil
		go c.flush(nil, false)
	}
	return c.claimReading(k)
}

// claimReading makes k the reader if replies are awaited and nobody reads: the
// role was not offered to it while it wrote. c.mu is held.
func (c *Conn) claimReading(k *call) bool {
	if c.reader != nil || c.err != nil {
		return false
	}
	if k != nil && k.state == pending && k.conn == c && c.queue.n > 0 {
		c.reader = k
		return true
	}
	c.passReading()
	return false
}
