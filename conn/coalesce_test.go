package conn

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// crowded is a connection to a peer that answers on demand, which has seen so
// many callers at a time.
type crowded struct {
	*wire
	t    *testing.T
	peer net.Conn
	in   *bufio.Reader
	done chan error
}

func newCrowded(t *testing.T, peak int) *crowded {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := &crowded{wire: wrap(nc, Options{}.withDefaults()), t: t, peer: peer, in: bufio.NewReader(peer), done: make(chan error, 100)}
	c.gathering.peak = peak
	t.Cleanup(func() {
		_ = c.Close()
		_ = peer.Close()
	})
	return c
}

// call sends a command on a goroutine of its own and waits until it is queued.
func (c *crowded) call(ctx context.Context, name string) {
	c.t.Helper()
	before := c.InFlight()
	go func() {
		cmd := resp.NewCommand(name)
		r, err := c.Exchange(ctx, &cmd)
		if err == nil {
			err = r.Err()
			r.Release()
		}
		c.done <- err
	}()
	c.until(func() bool { return c.InFlight() > before })
}

func (c *crowded) until(ready func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ready(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			c.t.Fatal("it does not come to that")
		}
	}
}

func (c *crowded) heldNow() int {
	c.lock()
	defer c.mu.Unlock()
	return c.gathering.held
}

// gets asks that the peer receives these commands, in turn.
func (c *crowded) gets(names ...string) {
	c.t.Helper()
	_ = c.peer.SetReadDeadline(time.Now().Add(10 * time.Second))
	for _, name := range names {
		var got string
		for range 3 {
			line, err := c.in.ReadString('\n')
			if err != nil {
				c.t.Fatalf("waiting for %s: %v", name, err)
			}
			got = line
		}
		if strings.TrimSpace(got) != name {
			c.t.Fatalf("the peer got %q, not %s", got, name)
		}
	}
}

func (c *crowded) answer(n int) {
	c.t.Helper()
	if _, err := c.peer.Write([]byte(strings.Repeat("+OK\r\n", n))); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crowded) end(n int) {
	c.t.Helper()
	for range n {
		if err := <-c.done; err != nil {
			c.t.Error(err)
		}
	}
}

func TestWhatIsHeldBackIsWrittenByTheOneWhoReads(t *testing.T) {
	c := newCrowded(t, 100)
	c.call(t.Context(), "FIRST")
	c.gets("FIRST")
	c.call(t.Context(), "SECOND")
	c.call(t.Context(), "THIRD")
	if n := c.heldNow(); n != 2 {
		t.Fatalf("%d are held back", n)
	}
	c.answer(1)
	c.gets("SECOND", "THIRD")
	c.answer(2)
	c.end(3)
}

func TestAQuarterOfTheCrowdIsWrittenAtOnce(t *testing.T) {
	c := newCrowded(t, 16)
	c.call(t.Context(), "A")
	c.gets("A")
	c.lock()
	c.gathering.peak = 16 // it wears off
	c.mu.Unlock()
	for _, name := range []string{"B", "C", "D", "E"} {
		c.call(t.Context(), name)
	}
	c.gets("B", "C", "D", "E") // though nothing was answered
	c.answer(5)
	c.end(5)
}

func TestNobodyIsHeldBackAmongFewOrWhenTheServerIsFar(t *testing.T) {
	for _, tt := range []struct {
		peak int
		far  bool
	}{{leastCrowd - 1, false}, {100, true}} {
		c := newCrowded(t, tt.peak)
		c.far = tt.far
		c.call(t.Context(), "A")
		c.gets("A")
		c.call(t.Context(), "B")
		c.gets("B") // though A was not answered
		c.answer(2)
		c.end(2)
	}
}

func TestAServerIsFarIfBothConnectingAndTheHandshakeTakeLong(t *testing.T) {
	for _, tt := range []struct {
		dial, hello time.Duration
		far         bool
	}{{0, 0, false}, {time.Millisecond, 0, false}, {0, time.Millisecond, false}, {time.Millisecond, time.Millisecond, true}} {
		synctest.Test(t, func(t *testing.T) {
			c, err := Dial(t.Context(), Options{NoClientInfo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
				time.Sleep(tt.dial)
				nc, peer := net.Pipe()
				go func() {
					defer peer.Close()
					b := make([]byte, 1024)
					if _, err := peer.Read(b); err == nil {
						time.Sleep(tt.hello)
						_, _ = peer.Write([]byte("%1\r\n+proto\r\n:3\r\n"))
						_, _ = peer.Read(b) // until it is closed
					}
				}()
				return nc, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if c.far != tt.far {
				t.Errorf("%+v: far is %v", tt, c.far)
			}
		})
	}
}

func TestWhatIsHeldBackGoesOutThoughItsReadersHaveLeft(t *testing.T) {
	c := newCrowded(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	c.call(ctx, "FIRST")
	c.gets("FIRST")
	c.call(ctx, "SECOND")
	c.call(t.Context(), "THIRD")
	cancel()
	classes := map[Class]int{}
	for range 2 {
		err := <-c.done
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		classes[ClassOf(err)]++
	}
	if classes[ClassMaybeExecuted] != 1 || classes[ClassNotSent] != 1 {
		t.Error(classes)
	}
	c.answer(1)
	c.gets("THIRD") // SECOND had not left
	c.answer(1)
	c.end(1)
}

func TestWhatWasHeldBackWasNotSent(t *testing.T) {
	c := newCrowded(t, 100)
	c.call(t.Context(), "FIRST")
	c.gets("FIRST")
	c.call(t.Context(), "SECOND")
	c.Abort(errors.New("enough"))
	classes := map[Class]int{}
	for range 2 {
		classes[ClassOf(<-c.done)]++
	}
	if classes[ClassMaybeExecuted] != 1 || classes[ClassNotSent] != 1 {
		t.Error(classes)
	}
}

func TestAPeakWearsOff(t *testing.T) {
	g := gathering{}
	for n := range 500 {
		g.joined(n + 1)
	}
	for range 200 {
		g.taken(2)
	}
	if g.held != 0 || g.peak != 2 {
		t.Error(g)
	}
}

// The end of a reply that is copied to a writer is an answer too: whoever was held
// back for it must be written by somebody.
func TestWhatIsHeldBackWhileAReplyIsCopiedIsWritten(t *testing.T) {
	c := newCrowded(t, 0)
	copied := make(chan error, 1)
	go func() {
		_, err := c.DoTo(t.Context(), resp.NewCommand("LONG"), io.Discard)
		copied <- err
	}()
	c.gets("LONG")
	if _, err := c.peer.Write([]byte("$200000\r\n" + strings.Repeat("x", 100000))); err != nil {
		t.Fatal(err)
	}
	c.lock()
	c.gathering.peak = 100 // a crowd came before the copy
	c.mu.Unlock()
	c.call(t.Context(), "HELD")
	if n := c.heldNow(); n != 1 {
		t.Fatalf("%d are held back", n)
	}
	if _, err := c.peer.Write([]byte(strings.Repeat("x", 100000) + "\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := <-copied; err != nil {
		t.Fatal(err)
	}
	c.gets("HELD")
	c.answer(1)
	c.end(1)
}

// A reply cannot be the answer to a command that has not left.
func TestAReplyIsNotGivenToACommandThatIsHeldBack(t *testing.T) {
	c := newCrowded(t, 100)
	c.call(t.Context(), "FIRST")
	c.gets("FIRST")
	c.call(t.Context(), "SECOND")
	if n := c.heldNow(); n != 1 {
		t.Fatalf("%d are held back", n)
	}
	c.answer(2)
	var classes []Class
	for range 2 {
		if err := <-c.done; err != nil {
			classes = append(classes, ClassOf(err))
		}
	}
	if len(classes) != 1 || classes[0] != ClassNotSent {
		t.Error(classes)
	}
}
