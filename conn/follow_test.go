package conn_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// silent handles HANG by never answering.
func silent(t *testing.T) (*testserver.Server, *conn.Conn) {
	s := testserver.New(t)
	s.Handle("HANG", func(p *testserver.Peer, _ []string) { <-p.Done() })
	return s, dial(t, s, conn.Options{ReadTimeout: -1})
}

func TestALoneCallerReturnsWhenItsContextEndsHoweverOftenItWasUsed(t *testing.T) {
	leak.Check(t)
	for _, uses := range []int{0, 1, 2, 3, 10} {
		s, c := silent(t)
		ctx, cancel := context.WithCancel(t.Context())
		for range uses {
			if _, err := text(ctx, c, resp.NewCommand("PING")); err != nil {
				t.Fatal(err)
			}
		}
		ended := make(chan error, 1)
		go func() {
			_, err := do(ctx, c, "HANG")
			ended <- err
		}()
		s.WaitFor(t, "the call", func() bool { return len(s.CallsOf("HANG")) == 1 })
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("after %d uses: %v", uses, err)
		}
		_ = c.Close()
	}
}

func TestCompanyOfAFollowedContextReturnsAsWell(t *testing.T) {
	leak.Check(t)
	s, c := silent(t)
	first, cancelFirst := context.WithCancel(t.Context())
	defer cancelFirst()
	second, cancelSecond := context.WithCancel(t.Context())
	defer cancelSecond()
	for range 3 {
		if _, err := text(first, c, resp.NewCommand("PING")); err != nil {
			t.Fatal(err)
		}
	}
	ended := map[context.Context]chan error{first: make(chan error, 2), second: make(chan error, 2)}
	for i, ctx := range []context.Context{first, second, first, second} {
		go func() {
			_, err := do(ctx, c, "HANG")
			ended[ctx] <- err
		}()
		s.WaitFor(t, "the call", func() bool { return c.InFlight() == i+1 })
	}
	for _, ctx := range []context.Context{second, first} {
		if ctx == second {
			cancelSecond()
		} else {
			cancelFirst()
		}
		for range 2 {
			if err := <-ended[ctx]; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	}
}

func TestAContextThatEndsBetweenTwoCallsRefusesTheSecond(t *testing.T) {
	leak.Check(t)
	_, c := silent(t)
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		if _, err := text(ctx, c, resp.NewCommand("PING")); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if _, err := text(ctx, c, resp.NewCommand("PING")); !errors.Is(err, context.Canceled) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("error %v", err)
	}
	if _, err := text(t.Context(), c, resp.NewCommand("PING")); err != nil {
		t.Errorf("another context: %v", err)
	}
}

// counted is a context of somebody else's making that counts who waits for it.
type counted struct {
	context.Context
	end     chan struct{}
	waiting chan int
}

func (c *counted) Done() <-chan struct{} { return c.end }
func (c *counted) Err() error            { return nil }

func (c *counted) AfterFunc(func()) func() bool {
	c.waiting <- 1
	return func() bool { c.waiting <- -1; return true }
}

func TestNoContextIsFollowedOnceTheConnectionIsIdle(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		c := dial(t, s, conn.Options{ReadTimeout: 160 * time.Millisecond})
		ctx := &counted{t.Context(), make(chan struct{}), make(chan int, 100)}
		for range 5 {
			if _, err := text(ctx, c, resp.NewCommand("PING")); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(ctx.waiting); n != 1 {
			t.Fatalf("followed %d times", n)
		}
		sum := <-ctx.waiting
		s.WaitFor(t, "nothing to follow", func() bool {
			for len(ctx.waiting) > 0 {
				sum += <-ctx.waiting
			}
			return sum == 0
		})
	})
}
