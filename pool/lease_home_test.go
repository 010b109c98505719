package pool

import (
	"errors"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func (p *Pool) isParked() bool { return p.calls.Load()&parkedBit != 0 }

// One who leases alone has the connection of lone callers, and leaves it to them.
func TestALeaseTakesTheHomeOfLoneCallersAndLeavesIt(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}})
	defer p.Close()
	ctx := t.Context()
	for range 2 {
		if err := p.WithConn(ctx, func(*conn.Conn) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if !p.isParked() || len(p.idle) > 0 {
			t.Fatal("the connection is not where lone callers look first")
		}
		err := p.WithConn(ctx, func(*conn.Conn) error {
			if st := p.Stats(); p.isParked() || st.InFlight != 0 || st.Leased != 1 || st.Idle != 0 {
				t.Errorf("parked %v, %+v", p.isParked(), st)
			}
			return p.Ping(ctx) // beside the lease
		})
		if err != nil {
			t.Fatal(err)
		}
		if st := p.Stats(); st.Leased != 0 || st.InFlight != 0 || st.Idle != st.Open {
			t.Errorf("%+v", st)
		}
		p.mu.Lock() // what the call beside has left
		for _, m := range p.idle {
			p.discardLocked(m, errStale)
		}
		p.idle = nil
		p.mu.Unlock()
	}
}

func TestALeaseThatLeavesTracesDoesNotLeaveTheHome(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}})
	defer p.Close()
	ctx := t.Context()
	if err := p.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	for name, leave := range map[string]func(c *conn.Conn) error{
		"watching": func(c *conn.Conn) error {
			r, err := c.Do(ctx, resp.NewCommand("WATCH", resp.String("k")))
			r.Release()
			return err
		},
		"broken": func(c *conn.Conn) error { c.Abort(errors.New("enough")); return nil },
	} {
		before := s.Accepted()
		if err := p.WithConn(ctx, leave); err != nil {
			t.Fatal(err)
		}
		if p.isParked() {
			t.Errorf("%s: it is there for the next", name)
		}
		if err := p.Ping(ctx); err != nil || s.Accepted() != before+1 {
			t.Errorf("%s: %v, %d connections", name, err, s.Accepted()-before)
		}
	}
}

func TestNobodyLeasesTheHomeOfAPoolThatHasEnded(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}})
	defer p.Close()
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock() // as Abort does before it tells anybody
	p.closed = ErrClosed
	p.ended.Store(true)
	p.mu.Unlock()
	err := p.WithConn(t.Context(), func(*conn.Conn) error { t.Error("it was lent"); return nil })
	if !errors.Is(err, ErrClosed) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Error(err)
	}
	p.mu.Lock()
	p.closed = nil
	p.ended.Store(false)
	p.mu.Unlock()
}
