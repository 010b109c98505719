package conn

// The buffers of large replies. This file holds what needs unsafe in this package: a
// buffer that is not cleared, and one made of what a finalizer is given.

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// takeBig returns a buffer of at least size bytes, the kept one if it will do.
func (c *Conn) takeBig(size int) []byte {
	c.mu.Lock()
	kept := c.watch.big
	c.watch.big = nil
	c.mu.Unlock()
	c.in.exact = cap(kept) < size // the kept one may be a part
	if !c.in.exact {
		return kept[:cap(kept)]
	}
	if buf := c.strays.take(size); buf != nil {
		return buf
	}
	return unclear(size)
}

// returnBig keeps the buffer of a large reply for the next one, until the
// connection has been idle for a while.
func (c *Conn) returnBig(buf []byte) {
	if cap(buf) > keepBig {
		return
	}
	c.mu.Lock()
	if c.err == nil && cap(buf) > cap(c.watch.big) {
		c.watch.big = buf[:0]
	}
	c.mu.Unlock()
}

// replaceBuffer gives the connection its small buffer back, or a fresh one, because
// the one in use has gone with a large reply, and moves what was read beyond that reply.
func (c *Conn) replaceBuffer() {
	in := &c.in
	rest := in.buf[in.r:in.w]
	if in.buf, in.small = in.small, nil; len(in.buf) < max(baseBuffer, len(rest)) {
		in.buf = make([]byte, max(baseBuffer, len(rest)))
	}
	in.r, in.w = 0, copy(in.buf, rest)
}

// unclear returns a buffer of n bytes that hold anything. To clear 1 MiB before it
// is read into was a fifth of the CPU time of a GET of that size.
func unclear(n int) []byte {
	var b strings.Builder
	b.Grow(n)      // clears nothing
	b.WriteByte(0) // String is a pointer to the buffer only if that is not empty
	return unsafe.Slice(unsafe.StringData(b.String()), n)
}

// slack says whether a read buffer can be left to a caller.
type slack uint8

const (
	loose slack = iota // no: much of it would be kept for nothing
	snug               // yes
	whole              // yes, and it is an allocation from its start: it may come back
)

// slack says whether the buffer can be left to the caller that gets the reply f.
func (in *input) slack(f frame) slack {
	size := f.end - f.start
	switch {
	case len(in.buf)-size >= size/8:
		return loose
	case f.start > 0 || !in.exact:
		return snug
	}
	return whole
}

// leastStray is from which size a buffer that a caller keeps is worth waiting for.
const leastStray = 128 << 10

// strays are the buffers of large replies that their callers keep, as strings above
// all. When the collector finds that nobody has one any more, it serves the next
// reply of its size: with a fresh megabyte for each GET of one, and little else in
// the heap, the collector runs at every third. At most keepBig bytes are away or
// back at a time; an idle connection keeps none.
type strays struct {
	mu    sync.Mutex
	open  bool     // the connection is in use for large replies
	back  [][]byte // nobody has them any more
	bytes int      // of these, and of those that are away
}

// take returns a buffer for n bytes, and little more, that has come back.
func (s *strays) take(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
	for i, buf := range s.back {
		if len(buf) >= n && len(buf)-n <= n/8 {
			s.back = slices.Delete(s.back, i, i+1)
			s.bytes -= len(buf)
			return buf
		}
	}
	return nil
}

// letGo leaves buf to a caller. It must be an allocation from its start to its end.
func (s *strays) letGo(buf []byte) {
	if len(buf) < leastStray || !s.admit(len(buf)) {
		return
	}
	n := len(buf)
	// The finalizer must refer to the buffer by its argument only.
	runtime.SetFinalizer(unsafe.SliceData(buf), func(p *byte) { s.comeBack(unsafe.Slice(p, n)) })
}

// admit makes room in the account for n bytes if it can.
func (s *strays) admit(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.bytes+n > keepBig && len(s.back) > 0 {
		s.bytes -= len(s.back[0])
		s.back = slices.Delete(s.back, 0, 1)
	}
	if s.bytes+n > keepBig {
		return false
	}
	s.bytes += n
	return true
}

func (s *strays) comeBack(buf []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		s.back = append(s.back, buf)
		return
	}
	s.bytes -= len(buf)
}

// forget gives the buffers that are back to the collector, and those that come back
// before the next large reply.
func (s *strays) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, buf := range s.back {
		s.bytes -= len(buf)
	}
	s.back, s.open = nil, false
}
