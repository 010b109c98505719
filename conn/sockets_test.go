package conn_test

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// openSocket is a socket that says when it is closed.
type openSocket struct {
	net.Conn
	open   *atomic.Int32
	closed atomic.Bool
}

func (c *openSocket) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// counting makes o dial sockets that are counted while they are open.
func counting(o *conn.Options) (open *atomic.Int32) {
	open = &atomic.Int32{}
	o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return &openSocket{Conn: nc, open: open}, nil
	}
	return open
}

func TestADialThatFailsLeavesNoSocket(t *testing.T) {
	leak.Check(t)
	insecure := &tls.Config{InsecureSkipVerify: true}
	boom := func(string) string { panic("boom") }
	for name, o := range map[string]conn.Options{
		"a peer without TLS":          {Addr: speak(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), TLS: insecure},
		"a peer that hangs up on TLS": {Addr: speak(t, ""), TLS: insecure},
		"a panic before TLS":          {Addr: speak(t, ""), TLS: insecure, ServerName: boom},
		"a foreign peer":              {Addr: speak(t, "SSH-2.0-x\r\n")},
		"a peer that hangs up":        {Addr: speak(t, "")},
		"a refusal":                   {Addr: speak(t, "-ERR max number of clients reached\r\n")},
		"a panic in the handshake": {Addr: speak(t, "+OK\r\n"), Credentials: func(context.Context, string) (string, string, error) {
			panic("boom")
		}},
	} {
		open := counting(&o)
		func() {
			defer func() { _ = recover() }()
			if c, err := conn.Dial(t.Context(), o); err == nil {
				t.Errorf("%s: connected", name)
				_ = c.Close()
			}
		}()
		if n := open.Load(); n != 0 {
			t.Errorf("%s: %d sockets are left", name, n)
		}
	}
}

func TestAConnectionIsBulkyOnlyWhileALargeReplyArrives(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	resume := make(chan struct{})
	s.Handle("BIG", func(p *testserver.Peer, _ []string) {
		p.Write(longReply()[:50_000])
		select {
		case <-resume:
		case <-p.Done():
		}
		p.Write(longReply()[50_000:])
	})
	for name, room := range map[string][]byte{"a buffer of its own": nil, "the caller's room": make([]byte, longSize)} {
		c := dial(t, s, conn.Options{})
		if c.Bulky() {
			t.Errorf("%s: before", name)
		}
		ended := make(chan error, 1)
		go func() {
			_, _, err := into(t.Context(), c, room, resp.NewCommand("BIG"))
			ended <- err
		}()
		s.WaitFor(t, "the reply to be known as large", c.Bulky)
		resume <- struct{}{}
		if err := <-ended; err != nil || c.Bulky() {
			t.Errorf("%s: %v, bulky after it: %v", name, err, c.Bulky())
		}
	}
}

func TestAConnectionIsNotBulkyBehindALargePush(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Handle("GET", func(p *testserver.Peer, _ []string) {
		p.Write(">2\r\n+message\r\n" + longReply())
		p.Write("+OK\r\n")
	})
	pushes := 0
	c := dial(t, s, conn.Options{OnPush: func(resp.Value) { pushes++ }})
	for range 3 {
		if got, err := text(t.Context(), c, resp.NewCommand("GET")); err != nil || got != "OK" || c.Bulky() {
			t.Errorf("%q, %v, bulky: %v", got, err, c.Bulky())
		}
	}
	if pushes != 3 {
		t.Errorf("%d pushes", pushes)
	}
}
