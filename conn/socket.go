package conn

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
)

// A socket is the socket under TLS. What waits there may be a record of TLS itself,
// and what TLS has taken is not in the socket any more: a look before a command has
// to read through TLS, and must not wait.
type socket struct {
	net.Conn
	raw    syscall.RawConn
	noWait atomic.Bool
}

// beneathTLS returns nc, ready to be read without waiting where it is a socket.
func beneathTLS(nc net.Conn) net.Conn {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nc
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nc
	}
	return &socket{Conn: nc, raw: raw}
}

// SyscallConn lets a peeker look.
func (s *socket) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// Read is that of the socket; it does not wait if there is nothing while noWait is
// set.
func (s *socket) Read(p []byte) (n int, err error) {
	if !s.noWait.Load() || len(p) == 0 {
		return s.Conn.Read(p)
	}
	var waits bool
	err = s.raw.Control(func(fd uintptr) {
		var b [1]byte
		_, peeked := peekAt(fd, &b)
		waits = !errors.Is(peeked, syscall.EAGAIN) && !errors.Is(peeked, syscall.EINTR)
	})
	if err != nil {
		return 0, err
	}
	if !waits {
		return 0, errNothing{}
	}
	return s.Conn.Read(p)
}

// errNothing says that nothing can be read now. TLS goes on after it, as it is
// temporary.
type errNothing struct{}

func (errNothing) Error() string   { return "nothing to read" }
func (errNothing) Timeout() bool   { return true }
func (errNothing) Temporary() bool { return true }
