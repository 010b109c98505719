package testserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// tcpPair returns both ends of a TCP connection.
func tcpPair(t *testing.T) (own, peer net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	own = Dial(t, "tcp", ln.Addr().String())
	if peer, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	return own, peer
}

func TestAHangUpIsKnownInAllItsShapes(t *testing.T) {
	leak.Check(t)
	read := func(nc net.Conn) error { _, err := nc.Read(make([]byte, 1)); return err }
	write := func(nc net.Conn) error { _, err := nc.Write([]byte("x")); return err }
	for name, hangUp := range map[string]func(own, peer net.Conn) error{
		"all was read": func(own, peer net.Conn) error { _ = peer.Close(); return read(own) },
		"half of what was to come": func(own, peer net.Conn) error {
			_, err := peer.Write([]byte("ab"))
			_ = peer.Close()
			if _, half := io.ReadFull(own, make([]byte, 4)); half != nil {
				err = errors.Join(err, half)
			}
			return err
		},
		"bytes were unread":  func(own, peer net.Conn) error { _ = write(own); _ = peer.Close(); return read(own) },
		"seen by the writer": func(own, peer net.Conn) error { _ = write(own); _ = peer.Close(); _ = read(own); return write(own) },
	} {
		own, peer := tcpPair(t)
		if err := hangUp(own, peer); !IsHangUp(fmt.Errorf("conn: GET: %w", err)) {
			t.Errorf("%s: %v is no hang-up", name, err)
		}
	}
	for name, other := range map[string]func(own net.Conn) error{
		"nothing":              func(net.Conn) error { return nil },
		"a context that ended": func(net.Conn) error { return context.Canceled },
		"a time that ran out": func(own net.Conn) error {
			_ = own.SetReadDeadline(time.Now().Add(-time.Second))
			return read(own)
		},
		"a close of our own": func(own net.Conn) error { _ = own.Close(); return read(own) },
	} {
		own, _ := tcpPair(t)
		if err := other(own); IsHangUp(err) {
			t.Errorf("%s: %v is a hang-up", name, err)
		}
	}
}
