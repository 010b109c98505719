package conn

import (
	"errors"
	"os"
	"strconv"

	"github.com/kermes-redis/kermes/resp"
)

// A caller may lend the buffer that the reply is for, by [resp.Command.SetRoom].
// A large string is then read straight into it: by that caller alone, who holds the
// reading role, on his own goroutine, within his call. So nobody writes to the
// buffer when the call has returned. Who leaves in the middle puts what he has read
// back, and the next reader goes on as if it had never been elsewhere.

// roomFor returns where the string that begins in the input belongs, if it is k's,
// large and fits into k's room, and the size of its header. k holds the reading role
// and has lent room.
func (c *wire) roomFor(k *call) (dst []byte, header int) {
	in := &c.in
	size, header := stringHeader(in.unread())
	if header == 0 || size <= largeReply || size > int64(len(k.room)) {
		return nil, 0
	}
	c.lock()
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
func (in *input) readInto(dst []byte, header int) error {
	if len(dst) > bulkyReply {
		in.bulky.Store(true)
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
		more, err := in.read(at)
		*done += more
		in.arrived.Add(uint32(more))
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				in.putBack(dst[:n], header)
			}
			return err
		}
	}
	return nil
}

// putBack puts the string, or the part of it that has come, where it would be
// without a room.
func (in *input) putBack(text []byte, header int) {
	whole := in.takeLarge(in.w + len(text))
	n := copy(whole, in.buf[:header])
	n += copy(whole[n:], text)
	n += copy(whole[n:], in.buf[header:in.w])
	in.moveTo(whole, n)
}

// framePlaced makes the first frame of a string that has been read into dst: in place
// of the string its length. It reports false for a string without its end, which is
// put back for the scanner to refuse.
func (in *input) framePlaced(dst []byte, header int) bool {
	if in.buf[header] != '\r' || in.buf[header+1] != '\n' {
		in.putBack(dst, header)
		return false
	}
	in.buf[0] = byte(resp.KindInt)
	in.first, in.ends[0], in.odd = 0, header, false
	in.r = header + len("\r\n")
	in.total += uint64(len(dst) + len("\r\n"))
	in.scan.Reset()
	return true
}

// deliverPlaced is deliver after readInto.
func (c *wire) deliverPlaced(k *call, dst []byte, header int) (settled, ok bool) {
	if !c.in.framePlaced(dst, header) {
		return false, true
	}
	k.placed = len(dst)
	return c.deliverAll(k, 1, nil)
}

// longString reports whether a string of at most maxBulk bytes begins that is not all
// there, and its size. Its header is taken off the buffer then.
func (in *input) longString(maxBulk int) (size int64, ok bool) {
	size, header := stringHeader(in.unread())
	if header == 0 || size+2 <= int64(in.w-in.r-header) || size > int64(maxBulk) {
		return 0, false
	}
	in.skip(header)
	in.scan.Reset()
	return size, true
}

// stringHeader returns the size of the string that begins in b, and that of its
// header: 0 if that is not there, or something else is.
func stringHeader(b []byte) (size int64, header int) {
	const longest = 1 + 19 + 2
	b = b[:min(len(b), longest)]
	if len(b) < 4 || b[0] != '$' {
		return 0, 0
	}
	end := 1
	for end < len(b) && b[end] >= '0' && b[end] <= '9' {
		end++
	}
	if end == 1 || end+2 > len(b) || b[end] != '\r' || b[end+1] != '\n' {
		return 0, 0
	}
	size, err := strconv.ParseInt(string(b[1:end]), 10, 64)
	if err != nil {
		return 0, 0
	}
	return size, end + 2
}
