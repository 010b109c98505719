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

// Of the buffers of large replies some serve again.
const (
	// keepBig is the largest buffer that is kept for the next large reply, and how
	// many bytes of such buffers callers may have and are waited for.
	keepBig = 4 << 20
	// leastStray is from which size a buffer that a caller keeps is worth waiting for.
	leastStray = 128 << 10
)

// largeBuffers are the buffers of large replies, which leave the connection with them.
// One that was given back serves the next reply, until the connection is idle for a
// while. Others are kept by their callers, as strings above all. When the collector
// finds that nobody has one any more, it serves the next reply of its size: with a
// fresh megabyte for each GET of one, and little else in the heap, the collector runs
// at every third. At most keepBig bytes are away or back at a time.
//
// It is safe for concurrent use. Finalizers refer to it, and not to the connection.
type largeBuffers struct {
	mu     sync.Mutex
	closed bool
	kept   []byte   // was given back
	open   bool     // the connection is in use for large replies
	back   [][]byte // nobody has them any more
	bytes  int      // of these, and of those that are away
}

// take returns a buffer of at least n bytes. exact says that it is an allocation from
// its start to its end.
func (l *largeBuffers) take(n int) (buf []byte, exact bool) {
	if buf, exact = l.find(n); buf == nil {
		return unclear(n), true
	}
	return buf, exact
}

// find is take for a buffer that has served before, or nil.
func (l *largeBuffers) find(n int) (buf []byte, exact bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	buf, l.kept = l.kept, nil
	if cap(buf) >= n {
		return buf[:cap(buf)], false
	}
	l.open = true
	for i, buf := range l.back {
		if len(buf) >= n && len(buf)-n <= n/8 {
			l.back = slices.Delete(l.back, i, i+1)
			l.bytes -= len(buf)
			return buf, true
		}
	}
	return nil, false
}

// giveBack keeps the buffer of a large reply for the next one.
func (l *largeBuffers) giveBack(buf []byte) {
	if cap(buf) > keepBig {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed && cap(buf) > cap(l.kept) {
		l.kept = buf[:0]
	}
}

// letGo leaves buf to a caller. It must be an allocation from its start to its end.
func (l *largeBuffers) letGo(buf []byte) {
	if len(buf) < leastStray || !l.admit(len(buf)) {
		return
	}
	n := len(buf)
	// The finalizer must refer to the buffer by its argument only.
	runtime.SetFinalizer(unsafe.SliceData(buf), func(p *byte) { l.comeBack(unsafe.Slice(p, n)) })
}

// admit makes room in the account for n bytes if it can.
func (l *largeBuffers) admit(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.bytes+n > keepBig && len(l.back) > 0 {
		l.bytes -= len(l.back[0])
		l.back = slices.Delete(l.back, 0, 1)
	}
	if l.bytes+n > keepBig {
		return false
	}
	l.bytes += n
	return true
}

func (l *largeBuffers) comeBack(buf []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open {
		l.back = append(l.back, buf)
		return
	}
	l.bytes -= len(buf)
}

// forget gives the buffers that are here to the collector, and those that come back
// before the next large reply.
func (l *largeBuffers) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, buf := range l.back {
		l.bytes -= len(buf)
	}
	l.kept, l.back, l.open = nil, nil, false
}

// close is forget, for good.
func (l *largeBuffers) close() {
	l.forget()
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
}
