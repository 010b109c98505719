package main

import (
	"fmt"
	"net"
	"syscall"
	"time"
)

// droppedSYNs returns an address whose kernel drops SYNs: a listener with a
// full backlog that accepts nothing.
func droppedSYNs() (addr string, end func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	var conns []net.Conn
	end = func() {
		for _, c := range conns {
			_ = c.Close()
		}
		_ = syscall.Close(fd)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		end()
		return "", nil, err
	}
	if err := syscall.Listen(fd, 0); err != nil {
		end()
		return "", nil, err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		end()
		return "", nil, err
	}
	addr = fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return addr, end, nil
		}
		conns = append(conns, c)
	}
	end()
	return "", nil, fmt.Errorf("failover: %s accepts without end", addr)
}
