package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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
	// soakEnv is the environment variable that says how long TestSoak runs.
	soakEnv      = "KERMES_SOAK"
	soakDefault  = 4 * time.Second
	soakLongest  = 10 * time.Minute
	soakCallers  = 512
	soakKeys     = 1000
	soakHeapSlop = 16 << 20
)

// TestSoakNoCallerEverGetsTheReplyOfAnother runs many callers against a real
// server whose connections are cut at random, with contexts that end at random,
// and checks each value against its key. KERMES_SOAK=10m runs it for longer.
func TestSoakNoCallerEverGetsTheReplyOfAnother(t *testing.T) {
	length := soakDefault
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	length = min(length, soakLongest)
	leak.CheckFiles(t)
	leak.Check(t)
	node := testredis.NewWith(t, testredis.Options{MaxLife: length + 2*time.Minute})
	proxy := testproxy.New(t, node.Addr())
	s := &soak{pool: pool.New(pool.Options{
		Conn:        conn.Options{Addr: proxy.Addr(), ReadTimeout: 2 * time.Second},
		MaxConns:    24,
		MaxLifetime: 3 * time.Second,
	})}
	defer s.pool.Close()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var wg sync.WaitGroup
	for g := range soakCallers {
		wg.Go(func() { s.call(ctx, t, rand.New(rand.NewPCG(uint64(g), 7))) })
	}
	wg.Go(func() { killAtRandom(ctx, proxy) })
	heaps := s.watchHeap(ctx, length)
	wg.Wait()
	if n := len(heaps); n >= 4 && heaps[n-1] > heaps[n/4]+soakHeapSlop {
		t.Errorf("the heap grows: %v", heaps)
	}
	st := s.pool.Stats()
	t.Logf("%v: %d replies checked, %d errors (%d cancelled, %d not sent, %d may have executed), %d dials, heaps %v",
		length, s.checked.Load(), s.failed.Load(), s.cancelled.Load(), s.notSent.Load(), s.maybe.Load(), st.Dials, heaps)
	if s.checked.Load() == 0 || s.failed.Load() == 0 {
		t.Error("nothing has happened")
	}
	if st.InFlight != 0 || st.Leased != 0 {
		t.Errorf("stats after all have left: %+v", st)
	}
}

type soak struct {
	pool                                       *pool.Pool
	checked, failed, cancelled, notSent, maybe atomic.Int64
}

// killAtRandom cuts a connection now and then, by turns with RST and FIN.
func killAtRandom(ctx context.Context, proxy *testproxy.Proxy) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(5+rand.IntN(40)) * time.Millisecond):
		}
		if conns := proxy.Conns(); len(conns) > 0 {
			c := conns[rand.IntN(len(conns))]
			if rand.IntN(2) == 0 {
				c.Reset()
			} else {
				c.CutAfter(testproxy.Down, int64(rand.IntN(5000)))
			}
		}
	}
}

func (s *soak) watchHeap(ctx context.Context, length time.Duration) (heaps []uint64) {
	tick := time.NewTicker(length / 12)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return heaps
		case <-tick.C:
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			heaps = append(heaps, m.HeapAlloc)
		}
	}
}

// call does what programs do until ctx ends.
func (s *soak) call(ctx context.Context, t *testing.T, r *rand.Rand) {
	for ctx.Err() == nil {
		one, cancel := ctx, context.CancelFunc(func() {})
		switch r.IntN(8) {
		case 0:
			one, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(3000))*time.Microsecond)
		case 1, 2, 3:
			one, cancel = context.WithCancel(ctx)
		}
		var err error
		switch n := r.IntN(100); {
		case n < 40:
			err = s.get(one, t, r)
		case n < 80:
			err = s.set(one, r)
		case n < 95:
			err = s.batch(one, t, r)
		case n < 98:
			err = s.lease(one, t, r)
		default:
			err = s.block(one, t, r)
		}
		cancel()
		s.count(t, err)
	}
}

func (s *soak) count(t *testing.T, err error) {
	if err == nil {
		return
	}
	s.failed.Add(1)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		s.cancelled.Add(1)
	}
	switch conn.ClassOf(err) {
	case conn.ClassNotSent:
		s.notSent.Add(1)
	case conn.ClassMaybeExecuted:
		s.maybe.Add(1)
	default:
		t.Errorf("class %v of %v", conn.ClassOf(err), err)
	}
}

// soakValue is what key i holds: its own name, at a length of its own.
func soakValue(i int) string {
	n := 1 + i%40
	if i%97 == 0 {
		n = 20_000 // 140 KB
	}
	return strings.Repeat(fmt.Sprintf("v%05d.", i), n)
}

func soakKey(i int) resp.Arg { return resp.String(fmt.Sprintf("k%05d", i)) }

func (s *soak) check(t *testing.T, i int, v resp.Value) {
	if v.IsNull() {
		return // not set yet
	}
	if got, err := v.Bytes(); err != nil || string(got) != soakValue(i) {
		t.Errorf("key %d: %.60q, %v", i, got, err)
	}
	s.checked.Add(1)
}

func (s *soak) get(ctx context.Context, t *testing.T, r *rand.Rand) error {
	i := r.IntN(soakKeys)
	reply, err := s.pool.Do(ctx, resp.NewCommand("GET", soakKey(i)))
	if err != nil {
		return err
	}
	defer reply.Release()
	s.check(t, i, reply.Value)
	return nil
}

func (s *soak) set(ctx context.Context, r *rand.Rand) error {
	i := r.IntN(soakKeys)
	reply, err := s.pool.Do(ctx, resp.NewCommand("SET", soakKey(i), resp.String(soakValue(i))))
	if err == nil {
		reply.Release()
	}
	return err
}

func (s *soak) batch(ctx context.Context, t *testing.T, r *rand.Rand) error {
	keys := make([]int, 1+r.IntN(60))
	cmds := make([]resp.Command, len(keys))
	for i := range keys {
		keys[i] = r.IntN(soakKeys)
		cmds[i] = resp.NewCommand("GET", soakKey(keys[i]))
	}
	next := 0
	return s.pool.DoBatch(ctx, cmds, func(i int, v resp.Value) {
		if i != next {
			t.Errorf("reply %d came as %d", next, i)
		}
		next++
		s.check(t, keys[i], v)
	})
}

func (s *soak) lease(ctx context.Context, t *testing.T, r *rand.Rand) error {
	i := r.IntN(soakKeys)
	return s.pool.WithConn(ctx, func(c *conn.Conn) error {
		for _, cmd := range []resp.Command{resp.NewCommand("WATCH", soakKey(i)), resp.NewCommand("GET", soakKey(i)), resp.NewCommand("UNWATCH")} {
			reply, err := c.Do(ctx, cmd)
			if err != nil {
				return err
			}
			if cmd.Name() == "GET" {
				s.check(t, i, reply.Value)
			}
			reply.Release()
		}
		return nil
	})
}

func (s *soak) block(ctx context.Context, t *testing.T, r *rand.Rand) error {
	cmd := resp.NewCommand("BLPOP", resp.String("nothing"), resp.Float(0.01)).WithTimeout(10 * time.Millisecond)
	reply, err := s.pool.Do(ctx, cmd)
	if err != nil {
		return err
	}
	defer reply.Release()
	if !reply.IsNull() {
		t.Errorf("BLPOP: %v", reply.Value)
	}
	return nil
}
