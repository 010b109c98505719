package pool_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

func open(t *testing.T, s *testserver.Server, o pool.Options) *pool.Pool {
	t.Helper()
	o.Conn.Addr = s.Addr()
	p := pool.New(o)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func echo(ctx context.Context, p *pool.Pool, want string) error {
	r, err := p.Do(ctx, resp.NewCommand("ECHO", resp.String(want)))
	if err != nil {
		return err
	}
	defer r.Release()
	if b, err := r.Bytes(); err != nil || string(b) != want {
		return fmt.Errorf("got %q, %w; want %q", b, err, want)
	}
	return nil
}

func TestManyCallersUseFewConnectionsAndGetTheirOwnReplies(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{})
	var wg sync.WaitGroup
	for g := range 100 {
		wg.Go(func() {
			for i := range 100 {
				if err := echo(t.Context(), p, fmt.Sprintf("%d-%d", g, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := s.Accepted(); n > pool.DefaultSoloConns+pool.DefaultSharedConns {
		t.Errorf("%d connections for 100 callers", n)
	}
	if st := p.Stats(); st.InFlight != 0 || st.Waiting != 0 {
		t.Errorf("stats after all have left: %+v", st)
	}
}

func TestOneCallerUsesOneConnection(t *testing.T) {
	s := testserver.New(t)
	p := open(t, s, pool.Options{})
	for range 50 {
		if err := echo(t.Context(), p, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if s.Accepted() != 1 {
		t.Errorf("%d connections", s.Accepted())
	}
}

func TestALeaseIsExclusiveAndKeptWhenLeftClean(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{MaxConns: 1})
	do := func(c *conn.Conn, name string, args ...resp.Arg) {
		r, err := c.Do(t.Context(), resp.NewCommand(name, args...))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r.Release()
	}
	err := p.WithConn(t.Context(), func(c *conn.Conn) error {
		do(c, "WATCH", resp.String("k"))
		do(c, "MULTI")
		do(c, "EXEC")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := p.WithConn(ctx, func(*conn.Conn) error { return nil })
		var wait *pool.WaitError
		if !errors.As(err, &wait) || wait.Leased != 1 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second lease: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WithConn(t.Context(), func(c *conn.Conn) error { do(c, "SELECT", resp.Int(3)); return nil }); err != nil {
		t.Fatal(err)
	}
	if s.Accepted() != 1 {
		t.Errorf("a clean lease was not reused: %d connections", s.Accepted())
	}
	if err := echo(t.Context(), p, "x"); err != nil {
		t.Fatal(err)
	}
	if s.Accepted() != 2 {
		t.Errorf("a connection on another database was reused: %d connections", s.Accepted())
	}
}

func TestLeasesAreGivenInTheOrderOfAsking(t *testing.T) {
	s := testserver.New(t)
	p := open(t, s, pool.Options{MaxConns: 1})
	var order []int
	var wg sync.WaitGroup
	err := p.WithConn(t.Context(), func(*conn.Conn) error {
		for i := range 5 {
			wg.Go(func() {
				_ = p.WithConn(t.Context(), func(*conn.Conn) error { order = append(order, i); return nil })
			})
			s.WaitFor(t, "the next to wait", func() bool { return p.Stats().Waiting == i+1 })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if fmt.Sprint(order) != "[0 1 2 3 4]" {
		t.Errorf("order %v", order)
	}
}

func TestADeadAddressSeesAHandfulOfDials(t *testing.T) {
	inBubble(t, pool.Options{MinBackoff: 100 * time.Millisecond}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		if err := s.StopAccepting(true); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if _, err := p.Do(ctx, resp.NewCommand("PING")); conn.ClassOf(err) != conn.ClassNotSent {
						t.Errorf("class %v of %v", conn.ClassOf(err), err)
						return
					}
				}
			})
		}
		wg.Wait()
		if n := p.Stats().Dials; n < 2 || n > 10 {
			t.Errorf("%d dials in a second", n)
		}
	})
}

func TestAbortFreesEverybodyAtOnce(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{MaxConns: 4})
	s.Stall(false)
	cause := errors.New("switched")
	own, err := p.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Handle("HANG", func(c *testserver.Peer, _ []string) { <-c.Done() })
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			var err error
			if i%3 == 0 {
				err = p.WithConn(t.Context(), func(c *conn.Conn) error {
					_, err := c.Do(t.Context(), resp.NewCommand("HANG"))
					return err
				})
			} else {
				_, err = p.Do(t.Context(), resp.NewCommand("HANG"))
			}
			if !errors.Is(err, cause) {
				t.Errorf("error %v, want the cause", err)
			}
		})
	}
	s.WaitFor(t, "calls under way", func() bool { return len(s.CallsOf("HANG")) >= 6 })
	p.Abort(cause)
	wg.Wait()
	<-own.Done()
	if err := p.Ping(t.Context()); !errors.Is(err, cause) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("a later call: %v", err)
	}
	if _, err := p.Dial(t.Context()); !errors.Is(err, cause) {
		t.Errorf("a later dial: %v", err)
	}
}

func TestConnectionsThatDiedWhileIdleAreNotUsed(t *testing.T) {
	s := testserver.New(t)
	p := open(t, s, pool.Options{PeekAfter: time.Nanosecond})
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.CloseAll()
	s.WaitFor(t, "the server side to close", func() bool { return s.Open() == 0 })
	s.WaitFor(t, "the keeper's clock to tick", func() bool { return p.Ping(t.Context()) == nil })
}

func TestBlockingCommandsLeaveTheOthersAlone(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{MaxConns: 2, SoloConns: -1})
	s.Handle("BLPOP", func(c *testserver.Peer, _ []string) { <-c.Done() })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			_, err := p.Do(ctx, resp.NewCommand("BLPOP", resp.String("q"), resp.Int(0)).WithFlags(resp.Blocking).WithTimeout(0))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("BLPOP: %v", err)
			}
		})
	}
	s.WaitFor(t, "both leases to block", func() bool { return len(s.CallsOf("BLPOP")) == 2 })
	for range 20 {
		if err := echo(t.Context(), p, "free"); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	wg.Wait()
}

func TestMinIdleKeepsConnectionsReady(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{MinIdle: 3})
	s.WaitFor(t, "three idle connections", func() bool { return p.Stats().Idle == 3 })
	s.CloseAll()
	s.WaitFor(t, "three new ones, once use has found the old ones dead", func() bool {
		_ = p.Ping(t.Context())
		return p.Stats().Idle >= 3 && s.Open() >= 3 // four if use had one of them when they were dialled
	})
}

func TestCloseIsIdempotentAndRefusesLaterCalls(t *testing.T) {
	leak.Check(t)
	p := pool.New(pool.Options{Conn: conn.Options{Addr: "127.0.0.1:1"}})
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Ping(t.Context()); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("Ping after Close: %v", err)
	}
	if err := p.WithConn(t.Context(), func(*conn.Conn) error { return nil }); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("WithConn after Close: %v", err)
	}
}
