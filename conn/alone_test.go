package conn_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// byHand is a connection whose peer is the test: what is written waits until the test
// reads it.
func byHand(t *testing.T, set ...func(*conn.Options)) (*conn.Conn, *handPeer) {
	t.Helper()
	mine, theirs := net.Pipe()
	o := conn.Options{
		Protocol: 2, NoClientInfo: true, ReadTimeout: 10 * time.Second,
		Dial: func(context.Context, string, string) (net.Conn, error) { return mine, nil },
	}
	for _, f := range set {
		f(&o)
	}
	c, err := conn.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		_ = theirs.Close()
	})
	_ = theirs.SetDeadline(time.Now().Add(30 * time.Second))
	return c, &handPeer{t, theirs, bufio.NewReaderSize(theirs, 16)}
}

type handPeer struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

func (p *handPeer) gets(name string) {
	p.t.Helper()
	want := "*1\r\n$4\r\n" + name + "\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(p.r, got); err != nil || string(got) != want {
		p.t.Fatalf("the peer got %q, %v instead of %s", got, err, name)
	}
}

func (p *handPeer) says(reply string) {
	p.t.Helper()
	if _, err := io.WriteString(p.nc, reply); err != nil {
		p.t.Fatal(err)
	}
}

func ask(ctx context.Context, c *conn.Conn, name string) <-chan error {
	done := make(chan error, 1)
	go func() {
		r, err := c.Do(ctx, resp.NewCommand(name))
		if err == nil {
			if got, _ := r.Bytes(); string(got) != name {
				err = errors.New("got the reply to " + string(got))
			}
			r.Release()
		}
		done <- err
	}()
	return done
}

// Who comes while a lone caller writes, or when it has written, has its command written
// at once: neither waits for the reply to the other.
func TestNobodyWaitsForTheReplyOfALoneCaller(t *testing.T) {
	for name, during := range map[string]bool{"during its write": true, "after its write": false} {
		t.Run(name, func(t *testing.T) {
			c, peer := byHand(t)
			for range 200 {
				first := ask(t.Context(), c, "AAAA")
				if during {
					if _, err := peer.r.Peek(1); err != nil { // it has begun, and has not ended
						t.Fatal(err)
					}
				} else {
					peer.gets("AAAA")
				}
				second := ask(t.Context(), c, "BBBB")
				if during {
					for c.InFlight() < 2 {
						time.Sleep(10 * time.Microsecond)
					}
					peer.gets("AAAA")
				}
				peer.gets("BBBB")
				peer.says("+AAAA\r\n")
				if err := <-first; err != nil {
					t.Fatal(err)
				}
				peer.says("+BBBB\r\n")
				if err := <-second; err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A lone caller leaves when its context ends, whatever it is at, and the next one finds
// the connection as it should be.
func TestALoneCallerLeavesWhenItsContextEnds(t *testing.T) {
	c, peer := byHand(t)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		first := ask(ctx, c, "AAAA")
		peer.gets("AAAA")
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) || conn.ClassOf(err) != conn.ClassMaybeExecuted {
			t.Fatal(err)
		}
		second := ask(t.Context(), c, "BBBB")
		peer.gets("BBBB")
		peer.says("+AAAA\r\n+BBBB\r\n")
		if err := <-second; err != nil {
			t.Fatal(err)
		}
	}
}
