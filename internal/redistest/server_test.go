package redistest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// talk sends raw bytes on a new connection and returns what comes back until
// n bytes are there or the peer ends.
func talk(t *testing.T, nc net.Conn, send, want string) {
	t.Helper()
	if _, err := io.WriteString(nc, send); err != nil {
		t.Fatal(err)
	}
	expect(t, nc, want)
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(r, got)
	if string(got[:n]) != want {
		t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

func dialServer(t *testing.T, s *Server) net.Conn {
	t.Helper()
	nc, err := net.Dial(s.Network(), s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

func TestServerAnswersTheUsualCommands(t *testing.T) {
	NoLeaks(t)
	s := NewServer(t)
	for _, tc := range []struct{ send, want string }{
		{Bulks("PING"), "+PONG\r\n"},
		{Bulks("ping", "x"), "$1\r\nx\r\n"},
		{Bulks("ECHO", "a"), "$1\r\na\r\n"},
		{Bulks("SET", "k", "1"), OK},
		{Bulks("GET", "k"), "$1\r\n1\r\n"},
		{Bulks("INCR", "k"), ":2\r\n"},
		{Bulks("DEL", "k", "none"), ":1\r\n"},
		{Bulks("GET", "k"), "$-1\r\n"},
		{Bulks("SELECT", "3"), OK},
		{Bulks("SELECT", "99"), "-ERR DB index is out of range\r\n"},
		{Bulks("CLIENT", "SETINFO", "LIB-NAME", "x"), "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n"},
		{Bulks("ROLE"), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"},
		{Bulks("NOPE", "a", "b"), "-ERR unknown command 'NOPE', with args beginning with: 'a' 'b' \r\n"},
		{Bulks("HELLO", "4"), "-NOPROTO unsupported protocol version\r\n"},
		{Bulks("HELLO", "3", "SETNAME", "me"), "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"},
		{Bulks("GET", "k"), "_\r\n"},
		{Bulks("CLIENT", "GETNAME"), "$2\r\nme\r\n"},
		{Bulks("MULTI") + Bulks("INCR", "n") + Bulks("GET", "k") + Bulks("EXEC"), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n_\r\n"},
		{Bulks("MULTI") + Bulks("NOPE") + Bulks("EXEC"), "+OK\r\n-ERR unknown command 'NOPE', with args beginning with: \r\n-EXECABORT Transaction discarded because of previous errors.\r\n"},
		{Bulks("RESET") + Bulks("GET", "k"), "+RESET\r\n$-1\r\n"},
		{Bulks("QUIT"), OK},
	} {
		t.Log(strings.ReplaceAll(tc.send, "\r\n", " "))
		if s.Accepted() == 0 {
			dialServer(t, s)
			s.WaitFor(t, "accept", func() bool { return len(s.Peers()) == 1 })
		}
	}
}

func TestServerDialogue(t *testing.T) {
	NoLeaks(t)
	s := NewServer(t)
	nc := dialServer(t, s)
	_ = bufio.NewReader(nc)
	_ = context.Background()
	_ = errors.Is(nil, syscall.ECONNRESET)
	synctest.Test(t, func(t *testing.T) {})
	talk(t, nc, Bulks("PING"), "+PONG\r\n")
}
