package conn

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// A lone caller takes turns on a socket, and none on what is more than a socket.
func TestTurnsAreTaken(t *testing.T) {
	type own struct{ *net.TCPConn }
	for name, test := range map[string]struct {
		network string
		wrap    func(net.Conn) net.Conn
		want    int
	}{
		"tcp":           {"tcp", nil, 99},
		"unix":          {"unix", nil, 99},
		"a type of own": {"tcp", func(nc net.Conn) net.Conn { return own{nc.(*net.TCPConn)} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			at := "127.0.0.1:0"
			if test.network == "unix" {
				at = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(test.network, at)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() { // ends with the connection
				nc, err := l.Accept()
				if err != nil {
					return
				}
				defer nc.Close()
				_, _ = io.Copy(nc, nc) // a command is a reply too
			}()
			nc, err := net.Dial(test.network, l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if test.wrap != nil {
				nc = test.wrap(nc)
			}
			c := wrap(nc, Options{}.withDefaults())
			defer c.Abort(ErrClosed)
			turns, play := 0, c.turn.do
			c.turn.do = func(fd uintptr) bool {
				done := play(fd)
				if done && c.turn.step == turnReads {
					turns++
				}
				return done
			}
			for range 100 {
				cmd := resp.NewCommand("PING")
				r, err := c.Exchange(context.Background(), &cmd)
				if err != nil {
					t.Fatal(err)
				}
				r.Release()
			}
			if turns != test.want { // the first has no buffer yet
				t.Errorf("%d turns, want %d", turns, test.want)
			}
		})
	}
}
