package conn

// This file needs unsafe to make a buffer of what a finalizer is given.

import (
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

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
