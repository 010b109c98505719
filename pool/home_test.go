package pool

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// One comes for the connection as the other parks it. Whoever is missed here waits for
// ever, as nobody else comes and the keeper stands still.
func TestNobodyMissesAConnectionThatIsParkedAtThatMoment(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}, MaxConns: 1, MaxLifetime: time.Hour})
	defer p.Close()
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.keeper.Stop() // it would help within half a second
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var begun, ended atomic.Int64 // meetings: a channel would take too long
	await := func(n *atomic.Int64, want int64) {
		for n.Load() < want && ctx.Err() == nil {
			runtime.Gosched()
		}
	}
	lease := func(f func()) {
		if err := p.WithConn(ctx, func(*conn.Conn) error { f(); return nil }); err != nil {
			t.Error(err)
		}
	}
	var other sync.WaitGroup
	other.Go(func() {
		for i := int64(1); ctx.Err() == nil; i++ {
			if await(&begun, i); ctx.Err() == nil {
				lease(func() {})
				ended.Store(i)
			}
		}
	})
	// The moment is short, but so long a time has many of them.
	for i, end := int64(1), time.Now().Add(500*time.Millisecond); time.Now().Before(end); i++ {
		lease(func() {
			begun.Store(i)
			for range i % 500 {
				_ = p.clock.Load() // spreads when it is left
			}
		})
		await(&ended, i)
	}
	cancel()
	other.Wait()
}

func TestAConnectionThatIsReplacedDuringItsUseIsNotUsedAgain(t *testing.T) {
	for name, use := range map[string]func(ctx context.Context, p *Pool) error{
		"call": func(ctx context.Context, p *Pool) error {
			r, err := p.Do(ctx, resp.NewCommand("USE"))
			r.Release()
			return err
		},
		"lease": func(ctx context.Context, p *Pool) error {
			return p.WithConn(ctx, func(*conn.Conn) error { p.Renew(); return nil })
		},
	} {
		bubble(t, Options{}, func(t *testing.T, s *testserver.Server, p *Pool) {
			s.Handle("USE", func(c *testserver.Peer, _ []string) { p.Renew(); c.Text("OK") })
			for range 2 { // from the second on it is parked
				if err := p.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := use(t.Context(), p); err != nil {
				t.Fatal(name, err)
			}
			if err := p.Ping(t.Context()); err != nil {
				t.Fatal(name, err)
			}
			synctest.Wait()
			if st := p.Stats(); s.Accepted() != 2 || st.Open != 1 {
				t.Errorf("%s: %d connections were made, %+v", name, s.Accepted(), st)
			}
		})
	}
}

// Its room is that of the one which takes its place.
func TestAParkedConnectionThatBrokeLeavesItsRoom(t *testing.T) {
	for name, use := range map[string]func(ctx context.Context, p *Pool) error{
		"call": func(ctx context.Context, p *Pool) error { return p.Ping(ctx) },
		"lease": func(ctx context.Context, p *Pool) error {
			return p.WithConn(ctx, func(*conn.Conn) error { return nil })
		},
	} {
		bubble(t, Options{MaxConns: 1}, func(t *testing.T, _ *testserver.Server, p *Pool) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for range 2 {
				if err := p.Ping(ctx); err != nil {
					t.Fatal(err)
				}
			}
			p.home.Load().conn.Abort(errors.New("enough"))
			if err := use(ctx, p); err != nil {
				t.Error(name, err)
			}
			if st := p.Stats(); st.InFlight != 0 {
				t.Errorf("%s: %+v", name, st)
			}
			if err := lease(p, 1); err != nil {
				t.Error(name, err)
			}
			if err := p.Ping(ctx); err != nil {
				t.Error(name, err)
			}
			synctest.Wait()
			if st := p.Stats(); st.Open != 1 || st.Closed != 1 || !p.isParked() {
				t.Errorf("%s: parked %v, %+v", name, p.isParked(), st)
			}
		})
	}
}

func TestTheHomeIsNotKeptBeyondMaxIdle(t *testing.T) {
	bubble(t, Options{MaxConns: 4, MaxIdle: 2}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		for i := range 3 {
			if err := lease(p, 3); err != nil { // the first that is taken comes back last
				t.Fatal(err)
			}
			if st := p.Stats(); st.Idle != 2 {
				t.Errorf("round %d: %+v", i, st)
			}
		}
	})
}

// A lease has left its connection idle: it is not for those who share.
func TestCallersBeyondSoloConnsDoNotTakeTheParkedConnection(t *testing.T) {
	for _, solo := range []int{-1, 1} {
		bubble(t, Options{SoloConns: solo, SharedConns: 1}, func(t *testing.T, s *testserver.Server, p *Pool) {
			if err := lease(p, 1); err != nil {
				t.Fatal(err)
			}
			call := func() { // stays in flight
				go func() { _ = p.Ping(t.Context()) }()
				synctest.Wait()
			}
			err := p.WithConn(t.Context(), func(*conn.Conn) error {
				if err := p.Ping(t.Context()); err != nil { // makes the shared one
					return err
				}
				s.StopReading(true)
				call()
				return nil
			})
			if err != nil || !p.isParked() {
				t.Fatalf("%v, parked %v", err, p.isParked())
			}
			call()
			if st := p.Stats(); st.Idle != 1 || st.InFlight != 2 || st.Open != 2 {
				t.Errorf("SoloConns %d: %+v", solo, st)
			}
			s.StopReading(false)
			synctest.Wait()
		})
	}
}
