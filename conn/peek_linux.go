//go:build linux && !386 && !s390x

package conn

// This file is the one that needs unsafe for a system call: a look before every lone
// command must cost as little as can be, and syscall.Recvfrom takes nearly twice as
// long, for the address that it returns.

import (
	"syscall"
	"unsafe"
)

// peekAt looks at the first byte that waits in a socket, without taking it and
// without waiting: n is 0 when the peer has closed.
func peekAt(fd uintptr, b *[1]byte) (n int, err error) {
	got, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(b)), 1,
		syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}
