package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports come from below the range of which systems take the local ports of
// outgoing connections, so that a port stays free between two lives of a
// server, and no client connects to itself.
const (
	lowPort  = 11000
	highPort = 32000
)

// listenFree listens on a free port of host.
func listenFree(host string) (net.Listener, error) {
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
		return nil, fmt.Errorf("redistest: no free port: %w", last)
	}
	return ln, nil
}

// freePort returns a port of host on which nobody listens.
func freePort(host string) (int, error) {
	ln, err := listenFree(host)
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}
