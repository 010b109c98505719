package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// lease leases n connections at the same time, and returns an error if that is more
// than there are.
func lease(p *Pool, n int) error {
	if n == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return p.WithConn(ctx, func(*conn.Conn) error { return lease(p, n-1) })
}

// Whatever becomes of connections, there is room for MaxConns of them, and for no more.
func TestTheRoomForConnectionsIsNeitherLostNorGained(t *testing.T) {
	for name, happens := range map[string]func(t *testing.T, s *testserver.Server, p *Pool){
		"nothing": func(*testing.T, *testserver.Server, *Pool) {},
		"dials fail": func(t *testing.T, s *testserver.Server, p *Pool) {
			_ = s.StopAccepting(true)
			for range 5 {
				if err := p.Ping(t.Context()); err == nil {
					t.Error("no error")
				}
			}
			_ = s.StopAccepting(false)
		},
		"dials for shared ones fail": func(t *testing.T, s *testserver.Server, p *Pool) {
			_ = s.StopAccepting(true)
			for range 5 {
				if _, err := p.takeShared(t.Context(), 0, 1); err == nil {
					t.Error("no error")
				}
			}
			_ = s.StopAccepting(false)
		},
		"connections break": func(t *testing.T, s *testserver.Server, p *Pool) {
			for range 3 {
				if err := lease(p, 3); err != nil {
					t.Error(err)
				}
				s.CloseAll()
				time.Sleep(5 * time.Second)
			}
		},
		"leases leave a state behind": func(t *testing.T, _ *testserver.Server, p *Pool) {
			for range 5 {
				err := p.WithConn(t.Context(), func(c *conn.Conn) error {
					_, err := c.Do(t.Context(), resp.NewCommand("SELECT", resp.Int(1)))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		},
		"shared connections are replaced": func(t *testing.T, _ *testserver.Server, p *Pool) {
			for range 3 {
				if _, err := p.takeShared(t.Context(), 0, 1); err != nil {
					t.Error(err)
				}
				p.Renew()
				time.Sleep(10 * time.Second)
			}
		},
		"all are renewed while they are leased": func(t *testing.T, _ *testserver.Server, p *Pool) {
			for range 3 {
				if err := p.WithConn(t.Context(), func(*conn.Conn) error { p.Renew(); return nil }); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		bubble(t, Options{MaxConns: 3}, func(t *testing.T, s *testserver.Server, p *Pool) {
			happens(t, s, p)
			time.Sleep(10 * time.Second)
			if err := lease(p, 3); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
			var full *WaitError
			if err := lease(p, 4); !errors.As(err, &full) || full.Leased != 3 || full.Open != 3 {
				t.Errorf("after %s: a fourth lease, %v", name, err)
			}
			synctest.Wait()
			if st := p.Stats(); st.Leased != 0 || st.Waiting != 0 || st.Dialing != 0 || st.InFlight != 0 || st.Idle != 3 {
				t.Errorf("after %s: %+v", name, st)
			}
		})
	}
}

func TestReauthLeavesSharedConnectionsShared(t *testing.T) {
	o := Options{SoloConns: -1, SharedConns: 2}
	o.Conn.Credentials = func(context.Context, string) (string, string, error) { return "app", "pw", nil }
	bubble(t, o, func(t *testing.T, s *testserver.Server, p *Pool) {
		s.Configure(func(o *testserver.Options) { o.Users = map[string]string{"app": "pw"} })
		if err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := lease(p, 2); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := p.Reauth(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if st := p.Stats(); st.Open != 3 || st.Idle != 2 {
			t.Errorf("%+v, with two of its own and a shared one", st)
		}
		if n := s.Count("AUTH"); n != 6 {
			t.Errorf("%d times AUTH", n)
		}
	})
}

// A lone caller's connection rests where neither taking nor leaving it needs the lock.
func TestALoneCallerNeedsNoLock(t *testing.T) {
	p := New(Options{Conn: conn.Options{Addr: testserver.New(t).Addr()}})
	defer p.Close()
	if err := p.Ping(t.Context()); err != nil { // makes the connection
		t.Fatal(err)
	}
	if err := p.Ping(t.Context()); err != nil { // parks it
		t.Fatal(err)
	}
	done := make(chan error, 1)
	p.mu.Lock()
	go func() { done <- p.Ping(t.Context()) }()
	select {
	case err := <-done:
		p.mu.Unlock()
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		p.mu.Unlock()
		t.Error("it waits for the lock")
	}
}

// One that lasts for steadyAfter is no hang-up.
func TestAConnectionThatEndsYoungIsAHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for age, want := range map[time.Duration]bool{0: true, steadyAfter - 1: true, steadyAfter: false, time.Hour: false} {
			m := &member{born: time.Now().Add(-age)}
			m.hungUp.Store(true)
			if got := hungUp(m); got != want {
				t.Errorf("of age %v: %v", age, got)
			}
		}
	})
}

func TestALookThatFindsAYoungConnectionClosedDelaysTheNextDial(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}})
	defer p.Close()
	for range 2 { // from the second on it is parked
		if err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p.mu.Lock()
	m := p.unparkHome()
	p.keeper.Stop() // it would find it too
	p.mu.Unlock()
	m.born = time.Now().Add(time.Hour) // the machine may be slow
	s.CloseAll()
	s.WaitFor(t, "the look to find the end", func() bool { return !p.alive(m) })
	p.mu.Lock()
	p.discardLocked(m, errStale)
	left := p.backoff.left()
	p.mu.Unlock()
	if left <= 0 || p.backoff.limit(4) != 1 {
		t.Errorf("the next dial may begin in %v, %d at a time", left, p.backoff.limit(4))
	}
}

func TestAWaitErrorMatchesItsCauseAndTheLastDials(t *testing.T) {
	e := &WaitError{Err: context.DeadlineExceeded}
	if !errors.Is(e, context.DeadlineExceeded) || errors.Is(e, io.EOF) || len(e.Unwrap()) != 1 {
		t.Errorf("%v", e.Unwrap())
	}
	e.LastDial = fmt.Errorf("dial: %w", io.EOF)
	if !errors.Is(e, context.DeadlineExceeded) || !errors.Is(e, io.EOF) {
		t.Errorf("%v", e.Unwrap())
	}
}

func TestABatchOfJustTheLargeSizeIsNotLarge(t *testing.T) {
	of := func(n int) resp.Batch {
		return resp.BatchOf([]resp.Command{resp.NewCommand("ECHO", resp.String(strings.Repeat("x", n)))})
	}
	most := of(60_000)
	for more, want := range []bool{false, true} {
		b := of(60_000 + wideSize - most.Size(0) + more)
		if b.Size(0) != wideSize+more {
			t.Fatalf("%d bytes", b.Size(0))
		}
		if got := isWideBatch(&b); got != want {
			t.Errorf("%d bytes beyond: %v", more, got)
		}
	}
}
