package bench

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

// guard is what a call may allocate, all layers and the result included.
type guard struct {
	name string
	most float64
	run  func(ctx context.Context, d redis.Doer) error
}

// guards lists them; a batch of a hundred commands may allocate so much as a whole.
func guards(batch float64) []guard {
	buf := make([]byte, 0, 2*len(value))
	var p redis.Pipeline
	return []guard{
		{"GET into a string", 1, func(ctx context.Context, d redis.Doer) error {
			_, err := redis.Get(key).Do(ctx, d)
			return err
		}},
		{"GET into a buffer", 0, func(ctx context.Context, d redis.Doer) error {
			_, err := redis.GetInto(key, buf[:0]).Do(ctx, d)
			return err
		}},
		{"SET", 0, func(ctx context.Context, d redis.Doer) error { return redis.Set(key, value).Do(ctx, d) }},
		{"INCR", 0, func(ctx context.Context, d redis.Doer) error {
			_, err := redis.Incr("hits").Do(ctx, d)
			return err
		}},
		{"EXPIRE", 0, func(ctx context.Context, d redis.Doer) error {
			_, err := redis.Expire(key, time.Hour).Do(ctx, d)
			return err
		}},
		{"pipeline of 100 INCR", batch, func(ctx context.Context, d redis.Doer) error {
			p.Reset()
			for range 100 {
				redis.Incr("hits").Queue(&p)
			}
			return p.Do(ctx, d)
		}},
		{"LRANGE of 1000 as integers", 4, func(ctx context.Context, d redis.Doer) error {
			_, err := redis.As(redis.LRange("list", 0, -1), redis.Ints).Do(ctx, d)
			return err
		}},
		// The read buffer of a large reply serves the next one.
		{"LRANGE of 10,000 as integers", 1, func(ctx context.Context, d redis.Doer) error {
			_, err := redis.As(redis.LRange("long list", 0, -1), redis.Ints).Do(ctx, d)
			return err
		}},
	}
}

// checkGuards counts on a real server. What runs beside (timers, the collector)
// allocates too, so the least of some tries counts.
func checkGuards(t *testing.T, d redis.Doer, batch float64) {
	t.Helper()
	cancellable, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": cancellable} {
		for _, g := range guards(batch) {
			if err := redis.Set(key, value).Do(ctx, d); err != nil {
				t.Fatal(err)
			}
			got := g.most + 1
			for try := 0; try < 5 && got >= g.most+1; try++ {
				got = min(got, testing.AllocsPerRun(100, func() {
					if err := g.run(ctx, d); err != nil {
						t.Fatal(err)
					}
				}))
			}
			if got >= g.most+1 {
				t.Errorf("%s, %s context: %v allocations, at most %v allowed", g.name, name, got, g.most)
			}
		}
	}
}

func guarded(t *testing.T) *testredis.Node {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	node := testredis.New(t)
	var p redis.Pipeline
	for i := range 1000 {
		redis.RPush("list", strconv.Itoa(i)).Queue(&p)
	}
	for i := range 10_000 {
		redis.RPush("long list", strconv.Itoa(i)).Queue(&p)
	}
	c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := p.Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return node
}

func TestAConnectionAllocatesNothingButResults(t *testing.T) {
	c, err := conn.Dial(t.Context(), conn.Options{Addr: guarded(t).Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	checkGuards(t, c, 0)
}

func TestAPoolAllocatesNothingButResults(t *testing.T) {
	p := pool.New(pool.Options{Conn: conn.Options{Addr: guarded(t).Addr()}})
	defer p.Close()
	checkGuards(t, p, 0)
}

func TestAClientAllocatesNothingButResults(t *testing.T) {
	c, err := client.Open(t.Context(), client.Options{Pool: pool.Options{Conn: conn.Options{Addr: guarded(t).Addr()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	checkGuards(t, c, 3) // its retries have state
}
