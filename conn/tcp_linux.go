package conn

import (
	"encoding/binary"
	"net"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h, which package syscall
// lacks.
const tcpUserTimeout = 18

// States of linux/tcp_states.h.
const (
	tcpClose     = 7
	tcpCloseWait = 8
)

// setUserTimeout makes the kernel give up a connection whose sent bytes stay
// unacknowledged for d. Failure is harmless: the read timeout remains.
func setUserTimeout(tcp *net.TCPConn, d time.Duration) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(d.Milliseconds()))
	})
}

// closedBehind says whether the peer has closed behind the bytes that wait: a
// TLS server says so before it hangs up. The state is the first byte of struct
// tcp_info.
func closedBehind(raw syscall.RawConn) bool {
	var info int
	var sockErr error
	err := raw.Control(func(fd uintptr) {
		info, sockErr = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	})
	if err != nil || sockErr != nil {
		return false
	}
	var word [4]byte
	binary.NativeEndian.PutUint32(word[:], uint32(info))
	return word[0] == tcpClose || word[0] == tcpCloseWait
}
