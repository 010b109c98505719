package pool

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// breakOne leases a connection and leaves it broken.
func breakOne(ctx context.Context, p *Pool) error {
	return p.WithConn(ctx, func(c *conn.Conn) error { c.Abort(errors.New("enough")); return nil })
}

func TestSoManyConnectionsAreReadyAndNoMore(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		bubble(t, Options{MinIdle: n, MaxConns: 10}, func(t *testing.T, _ *testserver.Server, p *Pool) {
			ready := func(when string, dials int) {
				t.Helper()
				synctest.Wait()
				if st := p.Stats(); st.Idle != n || st.Open != n || st.Dials != uint64(dials) {
					t.Errorf("%s, with MinIdle %d: %+v, want %d dials", when, n, st, dials)
				}
			}
			ready("new", n)
			for range 2 {
				if err := breakOne(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			ready("after two broke", n+2)
			for range 2 { // parks one
				if err := p.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			p.Renew()
			ready("after all were replaced", 2*n+2)
		})
	}
}

func TestTheParkedConnectionIsOneOfThoseThatAreReady(t *testing.T) {
	bubble(t, Options{MinIdle: 1, MaxConns: 2}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		synctest.Wait()
		leave, left := make(chan struct{}), make(chan error)
		if err := p.Ping(t.Context()); err != nil { // chooses the home
			t.Fatal(err)
		}
		err := p.WithConn(t.Context(), func(*conn.Conn) error {
			go func() {
				left <- p.WithConn(t.Context(), func(c *conn.Conn) error {
					<-leave
					c.Abort(errors.New("enough"))
					return nil
				})
			}()
			synctest.Wait()
			return nil
		})
		if err != nil || !p.isParked() {
			t.Errorf("%v, parked %v", err, p.isParked())
		}
		close(leave)
		if err := <-left; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if st := p.Stats(); st.Idle != 1 || st.Dials != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestMinIdleStaysWithinMaxConns(t *testing.T) {
	bubble(t, Options{MinIdle: 5, MaxConns: 3}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		synctest.Wait()
		err := p.WithConn(t.Context(), func(*conn.Conn) error {
			time.Sleep(time.Minute)
			synctest.Wait()
			if st := p.Stats(); st.Idle != 2 || st.Dials != 3 || st.Closed != 0 {
				t.Errorf("%+v", st)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Also then one dial is made at a time, and the next when the back-off has passed.
func TestADeadServerIsNotDialledForMinIdleMoreOftenThanForCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := testserver.Start(testserver.Options{Network: "none"})
		if err != nil {
			t.Fatal(err)
		}
		var running, most atomic.Int32
		o := Options{MinIdle: 8, MinBackoff: 10 * time.Second, MaxBackoff: time.Minute}
		o.Conn.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			defer running.Add(-1)
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Millisecond)
			return s.PipeDial(ctx, network, addr)
		}
		_ = s.StopAccepting(true)
		p := New(o)
		defer func() {
			_ = p.Close()
			_ = s.Close()
		}()
		time.Sleep(time.Second) // the first failed at the same time
		most.Store(0)
		before := p.Stats().Dials
		time.Sleep(20 * time.Minute)
		if n := p.Stats().Dials - before; n < 10 || n > 30 || most.Load() != 1 {
			t.Errorf("%d dials in 20 minutes, %d at a time", n, most.Load())
		}
		_ = s.StopAccepting(false)
		time.Sleep(2 * time.Minute)
		if st := p.Stats(); st.Idle != 8 {
			t.Errorf("when it is there again: %+v", st)
		}
	})
}

func TestAClosedPoolDialsNothingForMinIdle(t *testing.T) {
	bubble(t, Options{MinIdle: 2}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		synctest.Wait()
		var before Stats
		err := p.WithConn(t.Context(), func(*conn.Conn) error {
			err := p.Close()
			before = p.Stats()
			return err
		})
		time.Sleep(time.Minute)
		p.Renew()
		synctest.Wait()
		if st := p.Stats(); err != nil || st.Dials != before.Dials || st.Dialing != 0 {
			t.Errorf("%v, %+v, from %+v", err, st, before)
		}
	})
}
