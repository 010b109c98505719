package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// TestAReplyThatNobodyAskedForIsNobodysAnswer sends one more reply than there are
// commands, and looks at what every way to send a command makes of it.
func TestAReplyThatNobodyAskedForIsNobodysAnswer(t *testing.T) {
	ways := map[string]func(c *conn.Conn) error{
		"Do": func(c *conn.Conn) error {
			_, err := text(context.Background(), c, resp.NewCommand("ECHO", resp.String("mine")))
			return err
		},
		"DoBatch": func(c *conn.Conn) error {
			return c.DoBatch(context.Background(), []resp.Command{resp.NewCommand("PING")}, func(int, resp.Value) {})
		},
		"DoTo": func(c *conn.Conn) error {
			_, err := c.DoTo(context.Background(), resp.NewCommand("ECHO", resp.String("mine")), io.Discard)
			return err
		},
		"DoFrom": func(c *conn.Conn) error {
			_, err := c.DoFrom(context.Background(), resp.NewCommand("ECHO"), 4, strings.NewReader("mine"))
			return err
		},
	}
	extras := map[string]struct {
		extra string
		fit   bool
	}{
		"a reply":               {extra: "+EXTRA\r\n"},
		"half a reply":          {extra: "$5\r\nhel"},
		"one byte":              {extra: "$"},
		"an error":              {extra: "-ERR what\r\n"},
		"a large reply":         {extra: "$100000\r\n" + strings.Repeat("x", 100000) + "\r\n"},
		"no RESP":               {extra: "what\r\n"},
		"a push":                {extra: ">1\r\n+hello\r\n", fit: true},
		"a push in attributes":  {extra: "|1\r\n+a\r\n+b\r\n>1\r\n+hello\r\n", fit: true},
		"half a push":           {extra: ">2\r\n+hello\r\n", fit: true},
		"a reply in attributes": {extra: "|1\r\n+a\r\n+b\r\n+hello\r\n"},
		"a reply behind a push": {extra: ">1\r\n+hello\r\n:7\r\n"},
	}
	for way, send := range ways {
		for name, e := range extras {
			for _, secure := range []bool{false, true} {
				if secure && way != "Do" {
					continue
				}
				leak.Check(t)
				server, client := tlsPair(t, secure)
				s := testserver.NewWith(t, testserver.Options{TLS: server})
				s.Handle("LATE", func(p *testserver.Peer, _ []string) {
					p.Write("+OK\r\n")
					time.Sleep(3 * time.Millisecond)
					p.Write(e.extra)
				})
				c := dial(t, s, conn.Options{TLS: client})
				if _, err := text(t.Context(), c, resp.NewCommand("LATE")); err != nil {
					t.Fatal(err)
				}
				if e.fit {
					time.Sleep(10 * time.Millisecond) // a push may come at any time
				} else {
					waitForBytes(t, c)
				}
				if name == "half a push" {
					if err := c.Alive(); err != nil || c.Broken() {
						t.Errorf("%s, %s: %v", way, name, err)
					}
					continue // the reply would be a part of it
				}
				err := send(c)
				switch {
				case e.fit && err != nil:
					t.Errorf("%s, %s, TLS %v: %v", way, name, secure, err)
				case !e.fit && (err == nil || conn.ClassOf(err) != conn.ClassNotSent || !c.Broken()):
					t.Errorf("%s, %s, TLS %v: error %v, class %v", way, name, secure, err, conn.ClassOf(err))
				}
			}
		}
	}
}

// waitForBytes waits until what the server has sent last is in the socket, or has been
// read with the reply before it, which for TLS cannot be seen from outside.
func waitForBytes(t *testing.T, c *conn.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = leak.WaitUntil(ctx, func() bool { return c.Waits() || c.Alive() != nil })
}

func TestAnExtraReplyBehindALargeOneIsNobodysAnswer(t *testing.T) {
	for _, proto := range []int{2, 3} {
		for _, size := range []int{4 << 10, 100 << 10, 1 << 20} {
			leak.Check(t)
			s := testserver.New(t)
			payload := strings.Repeat("x", size)
			s.Handle("LONG", func(p *testserver.Peer, _ []string) {
				p.Bulk(payload)
				p.Write("+EXTRA\r\n")
			})
			c := dial(t, s, conn.Options{Protocol: proto})
			cmd := resp.NewCommand("LONG")
			cmd.SetRoom(make([]byte, size))
			r, err := c.Exchange(t.Context(), &cmd)
			if err == nil {
				r.Release()
				time.Sleep(5 * time.Millisecond)
				var got string
				if got, err = text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine"))); err == nil {
					t.Errorf("RESP%d, %d bytes: the next caller got %q", proto, size, got)
				}
				if conn.ClassOf(err) != conn.ClassNotSent {
					t.Errorf("RESP%d, %d bytes: %v", proto, size, err)
				}
			}
		}
	}
}

func TestPushesThatCameBetweenCommandsReachTheirHandler(t *testing.T) {
	for _, secure := range []bool{false, true} {
		leak.Check(t)
		server, client := tlsPair(t, secure)
		s := testserver.NewWith(t, testserver.Options{TLS: server})
		pushes := 0
		c := dial(t, s, conn.Options{TLS: client, OnPush: func(resp.Value) { pushes++ }})
		s.Handle("PUSH", func(p *testserver.Peer, _ []string) {
			p.Write("+OK\r\n")
			time.Sleep(time.Millisecond)
			p.Write(">1\r\n+a\r\n>1\r\n+b\r\n")
		})
		if _, err := text(t.Context(), c, resp.NewCommand("PUSH")); err != nil {
			t.Fatal(err)
		}
		if err := leak.WaitUntil(t.Context(), func() bool {
			_, err := text(t.Context(), c, resp.NewCommand("PING"))
			return err != nil || pushes == 2
		}); err != nil || c.Broken() {
			t.Errorf("TLS %v: %d pushes, %v, %v", secure, pushes, err, c.Err())
		}
	}
}

func TestAClosedConnectionIsSeenBeforeTheCommandIsSent(t *testing.T) {
	for _, secure := range []bool{false, true} {
		leak.Check(t)
		server, client := tlsPair(t, secure)
		s := testserver.NewWith(t, testserver.Options{TLS: server})
		c := dial(t, s, conn.Options{TLS: client})
		for _, p := range s.Peers() {
			p.Close()
		}
		s.WaitFor(t, "the end", func() bool { return c.Alive() != nil })
		_, err := text(t.Context(), c, resp.NewCommand("INCR", resp.String("k")))
		if conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("TLS %v: %v, class %v", secure, err, conn.ClassOf(err))
		}
	}
}

// A look at a connection that another goroutine reads takes no lock that the read
// holds: pool callers look, while their contexts run.
func TestALookDoesNotWaitForAReader(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{})
	s.Handle("SLOW", func(p *testserver.Peer, _ []string) {})
	ctx, cancel := context.WithCancel(t.Context())
	reads := make(chan error, 1)
	go func() {
		_, err := c.Receive(ctx)
		reads <- err
	}()
	time.Sleep(10 * time.Millisecond) // it blocks in a read, which nothing outside can see
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		_ = c.Alive()
	}()
	select {
	case <-looked:
	case <-time.After(10 * time.Second):
		t.Error("a look waits for who reads")
	}
	cancel()
	if err := <-reads; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// tlsPair returns what a server and its clients need for TLS, or nothing.
func tlsPair(t *testing.T, secure bool) (server, client *tls.Config) {
	t.Helper()
	if !secure {
		return nil, nil
	}
	pki, err := testserver.NewPKI(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return pki.Server(), pki.Client()
}
