// Package ports finds free ports for servers that tests stop and start again.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Ports come from below the range of which systems take the local ports of
// outgoing connections, so that a port stays free between two lives of a
// server, and no client connects to itself.
const (
	lowPort  = 11000
	highPort = 32000
)

// Listen listens on a free port of host.
func Listen(host string) (net.Listener, error) {
	var last error
	for range 100 {
		port := lowPort + rand.IntN(highPort-lowPort)
		ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			return ln, nil
		}
		last = err
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("ports: no free port: %w", last)
	}
	return ln, nil
}

// ListenAgain listens on an address that was given up for a while. A test of
// another process may have taken it, for a moment.
func ListenAgain(network, addr string) (ln net.Listener, err error) {
	for range 100 {
		if ln, err = net.Listen(network, addr); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ln, err
}

// Free returns a port of host on which nobody listens.
func Free(host string) (int, error) {
	ln, err := Listen(host)
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}
