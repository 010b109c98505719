package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// alwaysContext calls hook each time that somebody looks whether it has ended.
type alwaysContext struct {
	context.Context
	hook func()
}

func (c alwaysContext) Err() error {
	c.hook()
	return c.Context.Err()
}

func TestACallTriesOnlySoManyConnectionsThatAreClosedUnderItsHands(t *testing.T) {
	inBubble(t, pool.Options{SoloConns: -1, SharedConns: 1}, func(t *testing.T, _ *testserver.Server, p *pool.Pool) {
		for name, call := range aloneAndInABatch(p) {
			if err := echo(t.Context(), p, "warm"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			dials := p.Stats().Dials
			err := call(alwaysContext{ctx, func() {
				p.Renew()
				time.Sleep(5 * time.Second)
				synctest.Wait()
			}})
			if ctx.Err() != nil || err == nil || conn.ClassOf(err) != conn.ClassNotSent {
				t.Errorf("%s: %v, %v", name, err, ctx.Err())
			}
			if n := p.Stats().Dials - dials; n != 7 { // beside the one that was there
				t.Errorf("%s: %d connections were tried", name, n)
			}
			cancel()
		}
	})
}

func TestOnlyABatchThatMayBlockIsLeased(t *testing.T) {
	s := testserver.New(t)
	s.Handle("BLPOP", func(p *testserver.Peer, _ []string) { p.Bulks("q", "v") })
	p := open(t, s, pool.Options{})
	plain := resp.NewCommand("PING")
	for i, test := range []struct {
		cmds   []resp.Command
		leases uint64
	}{
		{[]resp.Command{plain, plain}, 0},
		{[]resp.Command{plain, resp.NewCommand("BLPOP", resp.String("q"), resp.Int(1)).WithFlags(resp.Blocking).WithTimeout(time.Second)}, 1},
	} {
		before := p.Stats().Leases
		if err := p.DoBatch(t.Context(), test.cmds, func(_ int, v resp.Value) {
			if err := v.Err(); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if n := p.Stats().Leases - before; n != test.leases {
			t.Errorf("batch %d: %d leases", i, n)
		}
	}
}

func TestACallEndsOnASharedConnectionThatHasLostItsPlace(t *testing.T) {
	o := pool.Options{SoloConns: -1, SharedConns: 1, MaxLifetime: 10 * time.Second}
	o.Conn.ReadTimeout = 5 * time.Minute
	inBubble(t, o, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		s.Handle("SLOW", func(c *testserver.Peer, _ []string) {
			c.Wait(time.Minute)
			c.Text("late")
		})
		r, err := p.Do(t.Context(), resp.NewCommand("SLOW"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		if b, err := r.Bytes(); err != nil || string(b) != "late" {
			t.Errorf("%q, %v", b, err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := p.Stats().Closed; n != 1 {
			t.Errorf("%d closed: it should be when it is quiet", n)
		}
	})
}

func TestCallersHaveConnectionsOfTheirOwnUpToSoloConns(t *testing.T) {
	inBubble(t, pool.Options{SoloConns: 2, SharedConns: 1, MaxConns: 20}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		for range 5 {
			burstInBubble(t, s, p, 20)
		}
		if n := p.Stats().Open; n > 3 {
			t.Errorf("%d connections for 20 callers, with 2 of their own and a shared one", n)
		}
	})
}
