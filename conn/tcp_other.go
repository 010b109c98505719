//go:build !linux

package conn

import (
	"net"
	"syscall"
	"time"
)

// setUserTimeout exists on Linux only.
func setUserTimeout(*net.TCPConn, time.Duration) {}

// closedBehind is known on Linux only; elsewhere the read that follows finds out.
func closedBehind(syscall.RawConn) bool { return false }
