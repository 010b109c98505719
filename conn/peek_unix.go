//go:build unix && (!linux || 386 || s390x)

package conn

import "syscall"

// peekAt looks at the first byte that waits in a socket, without taking it and
// without waiting: n is 0 when the peer has closed.
func peekAt(fd uintptr, b *[1]byte) (n int, err error) {
	n, _, err = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return n, err
}
