package conn

import (
	"io"
	"net"
	"syscall"
)

// A peeker looks at what waits in a socket: without taking it, and without waiting,
// for the network or for those who read. The zero value sees nothing. It is not safe
// for concurrent use.
type peeker struct {
	raw  syscall.RawConn // nil where there is no socket
	do   func(fd uintptr)
	byte [1]byte
	n    int
	err  error
}

func newPeeker(nc net.Conn) *peeker {
	p := &peeker{}
	if sc, ok := transport(nc).(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			p.raw, p.do = raw, p.peek
		}
	}
	return p
}

func (p *peeker) peek(fd uintptr) { p.n, p.err = peekAt(fd, &p.byte) }

// look reports whether a byte waits, and which. io.EOF says that the peer has closed.
// Control, unlike Read, takes no lock that a blocked read holds.
func (p *peeker) look() (first byte, waits bool, err error) {
	if p.raw == nil {
		return 0, false, nil
	}
	if err := p.raw.Control(p.do); err != nil {
		return 0, false, err
	}
	switch {
	case p.err == syscall.EAGAIN || p.err == syscall.EINTR: //nolint:errorlint // errors.Is takes longer
		return 0, false, nil
	case p.err != nil:
		return 0, false, p.err
	case p.n == 0:
		return 0, false, io.EOF
	}
	return p.byte[0], true, nil
}

// closedBehind reports whether the peer has closed behind the bytes that wait.
func (p *peeker) closedBehind() bool { return p.raw != nil && closedBehind(p.raw) }
