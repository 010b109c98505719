package conn

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// maxTurns is how many writes a caller makes for others in a row before
	// it hands the writing on.
	maxTurns = 2
	// guardSize is the size from which a write is expected to block when the
	// peer does not read.
	guardSize = 16 << 10
	// writeTurn is the most that is written at a time, and slowTurn the same
	// where the peer is not as fast as that. Each turn that ends is a sign of
	// life: a large command may take longer than the read timeout.
	writeTurn = 1 << 20
	slowTurn  = 64 << 10
	// firstTurn is the first turn of a large command. The peer reads it while
	// the next one is copied to the kernel, and is not caught up with: 1 MiB
	// takes two thirds of the time.
	firstTurn = 64 << 10
	// stallTime is how long a guarded write may make no progress before a
	// goroutine takes it over, so that the caller can read: a peer may be
	// unable to read on until its own output has been taken.
	stallTime = 10 * time.Millisecond
	// keepBuffer is the largest write buffer that is kept between writes. An
	// idle connection lets it go.
	keepBuffer = 256 << 10
	// bigArg is the size from which an argument is written from where it is,
	// instead of being copied into the write buffer first.
	bigArg = 32 << 10
)

// output is encoded bytes on their way to the socket: buf, or pieces that hold
// the arguments of a caller, who must not leave before they are written.
type output struct {
	buf    []byte
	pieces *net.Buffers // a pointer, as four words are passed in registers
}

func (o output) empty() bool { return len(o.buf) == 0 && o.pieces == nil }

// encodeAloneLocked encodes the command of k, who writes and is alone, takes it as
// output at once, and queues k. c.mu is held.
func (c *wire) encodeAloneLocked(k *call, cmd *resp.Command) (out output) {
	before := len(c.wbuf)
	buf, short := cmd.AppendShort(c.wbuf)
	if short {
		c.wbuf = buf
		c.enlistLocked(k, len(buf)-before)
		out.buf = c.takeOutputLocked()
		return out
	}
	size := cmd.Size()
	if size > bigArg && !c.secure && len(c.wbuf) == 0 {
		if pieces := net.Buffers(cmd.AppendPieces(nil, bigArg)); len(pieces) > 1 {
			size = 0
			for _, p := range pieces {
				size += len(p)
			}
			c.enlistLocked(k, size)
			c.sent += uint64(size)
			c.backlog.writing = size
			out.pieces = &pieces
			return out
		}
	}
	c.wbuf = cmd.AppendSized(c.wbuf, size)
	c.enlistLocked(k, len(c.wbuf)-before)
	out.buf = c.takeOutputLocked()
	return out
}

// takeOutputLocked takes what has gathered. c.mu is held.
func (c *wire) takeOutputLocked() []byte {
	buf := c.wbuf
	c.wbuf, c.spare = c.spare[:0], nil
	c.sent += uint64(len(buf))
	c.backlog.writing = len(buf)
	c.gathering.taken(c.queue.n)
	return buf
}

// flush writes out, and then what has gathered. k holds the writing role; it
// is nil for a goroutine. It reports whether k has become the reader. guard
// says that k has replies to read meanwhile, so that it must not be stuck in a
// write.
func (c *wire) flush(k *call, out output, guard bool) (read bool) {
	for turn := 0; ; turn++ {
		if !out.empty() {
			rest, err := c.put(out, k != nil && guard, k != nil)
			if err != nil || len(rest) > 0 {
				return c.stuck(k, rest, err)
			}
		}
		c.lock()
		c.keepLocked(out.buf)
		c.writtenLocked()
		if len(c.wbuf) == 0 || c.err != nil || c.holdBackLocked(0) {
			read = c.endFlushLocked(k)
			c.mu.Unlock()
			return read
		}
		if k != nil && turn >= maxTurns {
			read = c.handOverFlushLocked(k)
			c.mu.Unlock()
			return read
		}
		out = output{buf: c.takeOutputLocked()}
		c.mu.Unlock()
	}
}

// stuck goes on where rest could not be written: because of err, or in time.
func (c *wire) stuck(k *call, rest []byte, err error) (read bool) {
	if err != nil {
		c.failWrite(rest, err)
		return false
	}
	return c.delegate(k, rest)
}

// keepLocked leaves a written buffer for the next one who needs it. c.mu is held.
func (c *wire) keepLocked(buf []byte) {
	if c.spare == nil && cap(buf) <= keepBuffer {
		c.spare = buf[:0]
	}
}

// put writes out, in turns if it is large. What a guarded or poked write could
// not place in time is returned as rest, without an error; it belongs to the
// connection. may says that guarding is possible.
func (c *wire) put(out output, guard, may bool) (rest []byte, err error) {
	if out.pieces != nil {
		return c.putPieces(*out.pieces)
	}
	buf := out.buf
	guarded := guard || may && len(buf) > guardSize
	for len(buf) > writeTurn {
		left, err := c.write(buf[:writeTurn], guarded)
		buf = buf[writeTurn-len(left):]
		if err != nil || len(left) > 0 {
			return buf, err
		}
		c.wrote.Add(writeTurn)
	}
	return c.write(buf, guarded)
}

// write hands buf to the kernel.
func (c *wire) write(buf []byte, guarded bool) (rest []byte, err error) {
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
	return c.unwritten(buf[n:], err)
}

// unwritten is what to do about rest, which err has kept from being written: it is no
// error that there was not enough time.
func (c *wire) unwritten(rest []byte, err error) ([]byte, error) {
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.secure {
		err = nil
	}
	return rest, err
}

// putPieces writes the pieces of a large command, several with one system
// call. The rest is a copy: its caller may leave.
func (c *wire) putPieces(pieces net.Buffers) (rest []byte, err error) {
	size := firstTurn
	for len(pieces) > 0 {
		turn, later := split(pieces, size)
		size = writeTurn
		_ = c.nc.SetWriteDeadline(time.Now().Add(stallTime))
		n, err := turn.WriteTo(c.nc)
		c.wrote.Add(uint32(n))
		if err == nil {
			pieces = later
			continue
		}
		for _, p := range append(turn, later...) {
			rest = append(rest, p...)
		}
		_ = c.nc.SetWriteDeadline(time.Time{})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		return rest, err
	}
	_ = c.nc.SetWriteDeadline(time.Time{})
	return nil, nil
}

// split cuts pieces after size bytes.
func split(pieces net.Buffers, size int) (first, later net.Buffers) {
	for i, p := range pieces {
		if len(p) > size {
			first = append(first, pieces[:i]...)
			first = append(first, p[:size])
			later = append(later, p[size:])
			return first, append(later, pieces[i+1:]...)
		}
		size -= len(p)
	}
	return pieces, nil
}

// delegate leaves the writing of rest to a goroutine, and k is free to read.
// The goroutine ends when nothing is left to write or the connection breaks.
func (c *wire) delegate(k *call, rest []byte) (read bool) {
	c.lock()
	c.flusher = nil
	read = c.claimReadingLocked(k)
	c.mu.Unlock()
	go c.writeOn(rest)
	return read
}

func (c *wire) writeOn(rest []byte) {
	for len(rest) > 0 {
		if !c.secure {
			_ = c.nc.SetWriteDeadline(time.Time{})
		}
		n, err := c.nc.Write(rest[:min(len(rest), slowTurn)])
		rest = rest[n:]
		c.wrote.Add(uint32(n))
		if err != nil && (c.secure || !errors.Is(err, os.ErrDeadlineExceeded)) {
			c.failWrite(rest, err)
			return
		}
	}
	c.flush(nil, output{}, false)
}

// failWrite breaks the connection. The kernel has not accepted unsent, so what
// lies wholly within it was not sent.
func (c *wire) failWrite(unsent []byte, err error) {
	c.lock()
	if c.err == nil {
		c.sent -= uint64(len(unsent))
	}
	c.mu.Unlock()
	c.fail(OpWrite, err)
}

// endFlushLocked gives the writing role back. c.mu is held.
func (c *wire) endFlushLocked(k *call) (read bool) {
	c.flushing, c.flusher = false, nil
	return c.claimReadingLocked(k)
}

// handOverFlushLocked gives the writing role to the caller that came last, whose
// bytes are yet to be written, or to a goroutine. c.mu is held.
func (c *wire) handOverFlushLocked(k *call) (read bool) {
	if t := c.queue.tail; t != nil && t != k && t != c.reader && t.state == pending && t.batch == 0 {
		c.flusher = t
		t.sig <- sigFlush
	} else {
		c.flusher = nil
		go c.flush(nil, output{}, false)
	}
	return c.claimReadingLocked(k)
}

// claimReadingLocked makes k the reader if replies are awaited and nobody reads: the
// role was not offered to it while it wrote. Of a batch it may be another part that
// is awaited next. c.mu is held.
func (c *wire) claimReadingLocked(k *call) bool {
	if c.reader != nil || c.err != nil {
		return false
	}
	if k != nil && k.batch == 0 && k.state == pending && k.conn == c && c.queue.n > 0 {
		c.reader = k
		return true
	}
	c.passReadingLocked()
	return false
}
