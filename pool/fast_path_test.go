package pool_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

func TestALoneCallerKeepsComingBackToOneConnection(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{})
	for range 100 {
		if err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Accepted(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if st := p.Stats(); st.Open != 1 || st.Idle != 1 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

func TestARestingConnectionIsLeased(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{MaxConns: 1})
	for range 10 {
		for range 3 {
			if err := p.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		err := p.WithConn(t.Context(), func(*conn.Conn) error {
			if st := p.Stats(); st.Idle != 0 || st.Leased != 1 {
				t.Errorf("%+v", st)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Accepted(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// One connection for lone callers and for leases: whoever waits for a lease must
// get it although a caller lets it rest at that very moment.
func TestNobodyWaitsForAConnectionThatRests(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{MaxConns: 1, SoloConns: 1, SharedConns: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for range 500 {
				var err error
				if i < 2 {
					err = p.Ping(ctx)
				} else {
					err = p.WithConn(ctx, func(c *conn.Conn) error {
						r, err := c.Do(ctx, resp.NewCommand("PING"))
						if err == nil {
							r.Release()
						}
						return err
					})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	if st := p.Stats(); st.InFlight != 0 || st.Leased != 0 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

func TestARestingConnectionThatBrokeIsReplaced(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{})
	for range 3 {
		if err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, peer := range s.Peers() {
			peer.Kill()
		}
		s.WaitFor(t, "the pool to work again", func() bool { return p.Ping(t.Context()) == nil })
	}
	if st := p.Stats(); st.Open > 2 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}
