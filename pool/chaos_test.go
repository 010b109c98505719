package pool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

const (
	chaosEnv     = "KERMES_CHAOS" // how long each set-up runs
	chaosDefault = time.Second
	chaosCallers = 64
)

// TestChaosEveryReplyBelongsToItsCallAndCloseEndsAll runs every kind of call on a
// pool behind a network that cuts, resets, stalls, slows down and splits, with one,
// two and eight processors, plain and by TLS. Each value is checked against its key.
// The pool is closed while all are at it: each call must end, and each that begins
// later must say that it was not sent.
func TestChaosEveryReplyBelongsToItsCallAndCloseEndsAll(t *testing.T) {
	length := chaosDefault
	if text := os.Getenv(chaosEnv); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, tls := range []bool{false, true} {
		for _, procs := range []int{1, 2, 8} {
			t.Run(fmt.Sprintf("tls=%v,procs=%d", tls, procs), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				chaosRun(t, length, tls)
			})
		}
	}
}

func chaosRun(t *testing.T, length time.Duration, tls bool) {
	leak.CheckFiles(t)
	leak.Check(t)
	node := testredis.NewWith(t, testredis.Options{TLS: tls, MaxLife: length + 2*time.Minute})
	proxy := testproxy.New(t, node.Addr())
	o := pool.Options{Conn: conn.Options{Addr: proxy.Addr(), ReadTimeout: 500 * time.Millisecond}, MaxConns: 12, MinIdle: 3}
	if tls {
		o.Conn.TLS = node.TLS()
	}
	s := &soak{pool: pool.New(o)}
	defer s.pool.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var callers, faults sync.WaitGroup
	for g := range chaosCallers {
		callers.Go(func() { s.chaosCaller(ctx, t, rand.New(rand.NewPCG(uint64(g), 11))) })
	}
	faults.Go(func() { misbehave(ctx, proxy, s.checked.Load) })
	faults.Go(func() {
		time.Sleep(length)
		for end := time.Now().Add(time.Minute); !s.busy() && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond) // a slow machine has not come to it yet
		}
		_ = s.pool.Close()
	})
	callers.Wait() // all see the closed pool, whatever they were at
	cancel()
	faults.Wait()
	t.Logf("%d values checked, %d errors: %d cancelled, %d not sent, %d may have executed; %d dials",
		s.checked.Load(), s.failed.Load(), s.cancelled.Load(), s.notSent.Load(), s.maybe.Load(), s.pool.Stats().Dials)
	if !s.busy() {
		t.Error("nothing has happened")
	}
	if st := s.pool.Stats(); st.InFlight != 0 || st.Leased != 0 {
		t.Errorf("stats after all have left: %+v", st)
	}
}

// busy reports whether calls have succeeded, and others were hurt.
func (s *soak) busy() bool { return s.checked.Load() > 0 && s.maybe.Load() > 0 }

// misbehave does something to a connection every few milliseconds, but gives calls a
// second to make progress in between: on a slow machine no connection would live.
func misbehave(ctx context.Context, proxy *testproxy.Proxy, progress func() int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last, patience := progress(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if patience++; progress() == last && patience < 50 {
			continue
		}
		last, patience = progress(), 0
		conns := proxy.Conns()
		if len(conns) == 0 {
			continue
		}
		c := conns[rand.IntN(len(conns))]
		switch rand.IntN(8) {
		case 0:
			c.Reset()
		case 1:
			c.Cut()
		case 2:
			c.CutAfter(testproxy.Down, int64(rand.IntN(5000)))
		case 3:
			c.CutAfter(testproxy.Up, int64(rand.IntN(5000)))
		case 4:
			c.Set(testproxy.Hold)
			time.AfterFunc(time.Duration(rand.IntN(100))*time.Millisecond, func() { c.Set(testproxy.Pass) })
		case 5:
			c.SetDelay(time.Duration(rand.IntN(3)) * time.Millisecond)
		default:
			c.SetPiece(1 + rand.IntN(4000))
		}
	}
}

// chaosCaller makes calls until the pool is closed.
func (s *soak) chaosCaller(ctx context.Context, t *testing.T, r *rand.Rand) {
	calls := []func(context.Context, *testing.T, *rand.Rand) error{
		s.get, s.get, s.get, s.get, s.get, s.get, s.get, s.get, s.batch, s.lease, s.block, s.stream, s.upload, s.take,
		func(ctx context.Context, _ *testing.T, r *rand.Rand) error { return s.set(ctx, r) },
		func(ctx context.Context, _ *testing.T, _ *rand.Rand) error { return s.pool.Ping(ctx) },
	}
	for {
		one, cancel := context.WithCancel(ctx)
		switch r.IntN(6) {
		case 0:
			one, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(5000))*time.Microsecond)
		case 1:
			time.AfterFunc(time.Duration(r.IntN(5000))*time.Microsecond, cancel)
		}
		err := calls[r.IntN(len(calls))](one, t, r)
		cancel()
		s.count(t, err)
		if errors.Is(err, pool.ErrClosed) {
			break
		}
	}
	if err := s.get(ctx, t, r); !errors.Is(err, pool.ErrClosed) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("a call on a closed pool: %v", err)
	}
}

// stream copies a reply to a writer.
func (s *soak) stream(ctx context.Context, t *testing.T, r *rand.Rand) error {
	i := r.IntN(soakKeys/97) * 97 // the large ones
	return s.pool.WithConn(ctx, func(c *conn.Conn) error {
		var got bytes.Buffer
		_, err := c.DoTo(ctx, resp.NewCommand("GET", soakKey(i)), &got)
		switch {
		case errors.Is(err, resp.ErrNull):
			return nil
		case err == nil && got.String() != soakValue(i):
			t.Errorf("key %d streams %.60q", i, got.String())
		case err == nil:
			s.checked.Add(1)
		}
		return err
	})
}

// upload sets a value by a reader.
func (s *soak) upload(ctx context.Context, _ *testing.T, r *rand.Rand) error {
	i := r.IntN(soakKeys/97) * 97
	return s.pool.WithConn(ctx, func(c *conn.Conn) error {
		v := soakValue(i)
		reply, err := c.DoFrom(ctx, resp.NewCommand("SET", soakKey(i)), int64(len(v)), strings.NewReader(v))
		if err == nil {
			reply.Release()
		}
		return err
	})
}

// take gives a list an element and waits for one: whatever comes is of that list.
func (s *soak) take(ctx context.Context, t *testing.T, r *rand.Rand) error {
	list := fmt.Sprintf("list%d", r.IntN(20))
	reply, err := s.pool.Do(ctx, resp.NewCommand("RPUSH", resp.String(list), resp.String(list)))
	if err != nil {
		return err
	}
	reply.Release()
	pop := resp.NewCommand("BLPOP", resp.String(list), resp.Float(0.02)).WithTimeout(20 * time.Millisecond)
	if reply, err = s.pool.Do(ctx, pop); err != nil {
		return err
	}
	defer reply.Release()
	if reply.IsNull() {
		return nil
	}
	for part := range reply.Elems() {
		if got, err := part.Bytes(); err != nil || string(got) != list {
			t.Errorf("BLPOP %s: %q, %v", list, got, err)
		}
	}
	s.checked.Add(1)
	return nil
}
