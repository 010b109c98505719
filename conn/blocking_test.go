package conn_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// closeNoted notes when the socket is closed.
type closeNoted struct {
	net.Conn
	closed *atomic.Bool
}

func (c closeNoted) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// What blocks on the server would take an element after its caller has left.
func TestACancelledBlockingCommandReturnsWithItsSocketClosed(t *testing.T) {
	pop := resp.NewCommand("BLPOP", resp.String("k"), resp.Int(0)).WithTimeout(0)
	for name, run := range map[string]func(ctx context.Context, c *conn.Conn) error{
		"Do": func(ctx context.Context, c *conn.Conn) error {
			_, err := c.Do(ctx, pop)
			return err
		},
		"DoBatch": func(ctx context.Context, c *conn.Conn) error {
			return c.DoBatch(ctx, []resp.Command{pop}, func(int, resp.Value) {})
		},
	} {
		leak.Check(t)
		s := testserver.New(t)
		s.Handle("BLPOP", func(*testserver.Peer, []string) {})
		var closed atomic.Bool
		c := dial(t, s, conn.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, addr)
			return closeNoted{nc, &closed}, err
		}})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			s.WaitFor(t, "BLPOP", func() bool { return s.Count("BLPOP") > 0 })
			cancel()
		}()
		err := run(ctx, c)
		if !errors.Is(err, context.Canceled) || conn.ClassOf(err) != conn.ClassMaybeExecuted || !closed.Load() {
			t.Fatalf("%s: %v, class %v, closed %v", name, err, conn.ClassOf(err), closed.Load())
		}
	}
}

func TestACancelledBlockingCommandLeavesTheConnectionToOthers(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	release := make(chan struct{})
	s.Handle("BLPOP", func(p *testserver.Peer, _ []string) {
		<-release
		p.NullArray()
	})
	c := dial(t, s, conn.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	blocked := make(chan error, 1)
	go func() {
		_, err := c.Do(ctx, resp.NewCommand("BLPOP", resp.String("k"), resp.Int(0)).WithTimeout(0))
		blocked <- err
	}()
	s.WaitFor(t, "BLPOP", func() bool { return s.Count("BLPOP") > 0 })
	other := make(chan error, 1)
	go func() {
		_, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine")))
		other <- err
	}()
	s.WaitFor(t, "another call", func() bool { return c.InFlight() == 2 })
	cancel()
	if err := <-blocked; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(release)
	if err := <-other; err != nil {
		t.Error(err)
	}
}

// The same against a server: an element that is pushed at once stays in its list.
func TestAnElementPushedAfterACancelledPopIsKept(t *testing.T) {
	node := testredis.New(t)
	pusher, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer pusher.Close()
	const rounds = 100
	lost := 0
	for range rounds {
		c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err = c.Do(ctx, resp.NewCommand("BLPOP", resp.String("k"), resp.Int(0)).WithTimeout(0))
		cancel()
		if err == nil {
			t.Fatal("no error")
		}
		if _, err := text(t.Context(), pusher, resp.NewCommand("RPUSH", resp.String("k"), resp.String("v"))); err != nil {
			t.Fatal(err)
		}
		got, err := text(t.Context(), pusher, resp.NewCommand("LPOP", resp.String("k")))
		if got != "v" || err != nil {
			lost++
		}
		_ = c.Close()
	}
	if lost > rounds/20 { // the server may see the push first
		t.Errorf("%d of %d elements were lost", lost, rounds)
	}
	t.Logf("%d of %d elements were lost", lost, rounds)
}
