package testserver

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// talk sends raw bytes and expects raw bytes.
func Talk(tb leak.TB, nc net.Conn, send, want string) {
	tb.Helper()
	if _, err := io.WriteString(nc, send); err != nil {
		tb.Fatalf("%v", err)
	}
	Expect(tb, nc, want)
}

// expect reads as many bytes as want has, and compares.
func Expect(tb leak.TB, r io.Reader, want string) {
	tb.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(r, got)
	if string(got[:n]) != want {
		tb.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

// ExpectEnd expects the end of the stream: io.EOF, or ECONNRESET for RST.
func ExpectEnd(tb leak.TB, r io.Reader, want error) {
	tb.Helper()
	n, err := io.Copy(io.Discard, r)
	if err == nil {
		err = io.EOF
	}
	if n != 0 || !errors.Is(err, want) {
		tb.Fatalf("got %d bytes and %v, want %v", n, err, want)
	}
}

// dial connects, with a deadline far away.
func Dial(tb leak.TB, network, addr string) net.Conn {
	tb.Helper()
	nc, err := net.Dial(network, addr)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

// DialServer connects to a server.
func DialServer(tb leak.TB, s *Server) net.Conn {
	tb.Helper()
	return Dial(tb, s.Network(), s.Addr())
}
