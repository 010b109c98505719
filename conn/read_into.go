package conn

import (
	"errors"
	"os"
)

// A caller may lend the buffer that the reply is for, by [resp.Command.SetRoom].
// A large string is then read straight into it: by that caller alone, who holds the
// reading role, on his own goroutine, within his call. So nobody writes to the
// buffer when the call has returned. Who leaves in the middle puts what he has read
// back, and the next reader goes on as if it had never been elsewhere.

// roomFor returns where the string that begins in the input belongs, if it is k's,
// large and fits into k's room, and the size of its header. k holds the reading role
// and has lent room.
func (c *Conn) roomFor(k *call) (dst []byte, header int) {
	in := &c.in
	size, header := stringHeader(in.buf[in.r:in.w])
	if header == 0 || size <= largeReply || size > int64(len(k.room)) {
		return nil, 0
	}
	c.mu.Lock()
	first := c.queue.head == k && k.state == pending
	c.mu.Unlock()
	if !first {
		return nil, 0
	}
	return k.room[:size], header
}

// readInto reads the string that begins in the input to dst. After it the input
// begins with the header, which is followed by what comes after the string. If it
// fails because the reader was poked, the input is whole again.
func (c *Conn) readInto(dst []byte, header int) error {
	in := &c.in
	if len(dst) > bulkyReply {
		c.bulky.Store(true)
	}
	n := copy(dst, in.buf[in.r+header:in.w])
	beyond := in.buf[in.r+header+n : in.w] // at most a CR
	copy(in.buf, in.buf[in.r:in.r+header])
	in.r, in.w = 0, header+copy(in.buf[header:], beyond)
	for n < len(dst) || in.w < header+len("\r\n") {
		at, done := dst[n:], &n
		if n == len(dst) {
			at, done = in.buf[in.w:], &in.w
		}
		more, err := c.read(at)
		*done += more
		c.moved.Add(1)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.putBack(dst[:n], header)
			}
			return err
		}
	}
	return nil
}

// putBack puts the string, or the part of it that has come, where it would be
// without a room.
func (c *Conn) putBack(text []byte, header int) {
	in := &c.in
	whole := c.takeBig(in.w + len(text))
	n := copy(whole, in.buf[:header])
	n += copy(whole[n:], text)
	n += copy(whole[n:], in.buf[header:in.w])
	if len(in.buf) <= busyBuffer {
		in.small = in.buf
	}
	in.buf, in.r, in.w = whole, 0, n
}

// deliverPlaced is deliver after readInto. A string without its end is put back,
// for the scanner to refuse; k is not settled by that.
func (c *Conn) deliverPlaced(k *call, dst []byte, header int) (settled, ok bool) {
	in := &c.in
	if in.buf[header] != '\r' || in.buf[header+1] != '\n' {
		c.putBack(dst, header)
		return false, true
	}
	in.buf[0] = ':' // the reply is its length
	in.frames[0] = frame{start: 0, end: header}
	in.r = header + len("\r\n")
	in.total += uint64(len(dst) + len("\r\n"))
	in.scan.Reset()
	k.placed = len(dst)
	n, size, err := c.frameReplies(1, header)
	return c.deliverAll(k, n, size, err)
}
