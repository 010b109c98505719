package redistest

import (
	"net"
	"sync"
)

// FaultConn is a net.Conn whose reads and writes fail where a test wants them
// to; in memory or not. Safe for concurrent use.
type FaultConn struct {
	net.Conn

	mu      sync.Mutex
	read    side
	written side
}

// side is one direction of a FaultConn.
type side struct {
	bytes int   // so far
	limit int   // in total; negative: none
	err   error // at the limit
	piece int   // the most bytes of one call; 0: no limit
}

// NewFaultConn wraps nc.
func NewFaultConn(nc net.Conn) *FaultConn {
	return &FaultConn{Conn: nc, read: side{limit: -1}, written: side{limit: -1}}
}

// FailReads makes reads fail with err after n more bytes.
func (f *FaultConn) FailReads(n int, err error) { f.fail(&f.read, n, err) }

// FailWrites makes writes fail with err after n more bytes, of which the peer
// gets those before.
func (f *FaultConn) FailWrites(n int, err error) { f.fail(&f.written, n, err) }

// ShortReads makes a read return n bytes at most; zero ends it.
func (f *FaultConn) ShortReads(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read.piece = n
}

// BytesRead returns how many bytes have been read.
func (f *FaultConn) BytesRead() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read.bytes
}

// BytesWritten returns how many bytes have been written.
func (f *FaultConn) BytesWritten() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written.bytes
}

func (f *FaultConn) fail(s *side, n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.limit, s.err = s.bytes+n, err
}

// Read reads up to the planned failure.
func (f *FaultConn) Read(p []byte) (int, error) {
	n, err := f.allow(&f.read, len(p))
	if n == 0 && err != nil {
		return 0, err
	}
	n, err = f.Conn.Read(p[:n])
	f.add(&f.read, n)
	return n, err
}

// Write writes up to the planned failure.
func (f *FaultConn) Write(p []byte) (int, error) {
	n, fault := f.allow(&f.written, len(p))
	if n > 0 {
		var err error
		n, err = f.Conn.Write(p[:n])
		f.add(&f.written, n)
		if err != nil {
			return n, err
		}
	}
	return n, fault
}

// allow says how many of n bytes may pass, and what comes after them.
func (f *FaultConn) allow(s *side, n int) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s == &f.read && s.piece > 0 {
		n = min(n, s.piece)
	}
	if left := s.limit - s.bytes; s.limit >= 0 && n >= left {
		if n > left || left == 0 {
			return left, s.err
		}
	}
	return n, nil
}

func (f *FaultConn) add(s *side, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.bytes += n
}
