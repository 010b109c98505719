package conn_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// readCounter counts how often it is read from.
type readCounter struct {
	net.Conn

	reads atomic.Int64
}

func (c *readCounter) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.Conn.Read(p)
}

// A length that does not end is no length yet: the buffer grew for it by one byte at a
// time, each with a copy of all before and a read.
func TestALengthThatDoesNotEndCostsAFewReads(t *testing.T) {
	leak.Check(t)
	for _, kind := range []string{"$", "=", "*", ":"} {
		srv := testserver.New(t)
		srv.Reply("GET", kind+strings.Repeat("1", 70_000))
		nc := &readCounter{}
		dial := func(ctx context.Context, network, addr string) (_ net.Conn, err error) {
			nc.Conn, err = new(net.Dialer).DialContext(ctx, network, addr)
			return nc, err
		}
		c, err := conn.Dial(t.Context(), conn.Options{Addr: srv.Addr(), Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Do(t.Context(), resp.NewCommand("GET", resp.String("k"))); !errors.Is(err, resp.ErrLimit) {
			t.Errorf("%s: %v", kind, err)
		}
		if n := nc.reads.Load(); n > 200 {
			t.Errorf("%s: %d reads", kind, n)
		}
		_ = c.Close()
	}
}
