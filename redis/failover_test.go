package redis_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

func TestTransactionsAndScriptsCountOnceOverAFailover(t *testing.T) {
	g := redistest.NewGroup(t, redistest.GroupOptions{})
	c, err := client.Open(t.Context(), g.Options(""))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	incr := redis.NewScript(`return redis.call("INCR", KEYS[1])`, redis.Int)
	work := map[string]func(ctx context.Context) error{
		"tx": func(ctx context.Context) error {
			return redis.Transact(ctx, c, redis.TxOptions{Watch: []string{"tx"}, Attempts: -1}, func(ctx context.Context, tx *redis.Tx) error {
				if _, err := redis.Optional(redis.Get("tx")).Do(ctx, tx); err != nil {
					return err
				}
				redis.Incr("tx").Queue(&tx.Pipeline)
				return nil
			})
		},
		"script": func(ctx context.Context) error { _, err := incr.Do(ctx, c, []string{"script"}); return err },
		"pipeline": func(ctx context.Context) error {
			var p redis.Pipeline
			f := incr.Queue(&p, []string{"pipeline"})
			if err := p.Do(ctx, c); err != nil {
				return err
			}
			return f.Err()
		},
	}
	stop := make(chan struct{})
	type tally struct{ done, unknown atomic.Int64 }
	tallies := map[string]*tally{}
	var wg sync.WaitGroup
	for name, fn := range work {
		count := new(tally)
		tallies[name] = count
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					switch err := fn(t.Context()); {
					case err == nil:
						count.done.Add(1)
					case redis.ClassOf(err) == redis.ClassMaybeExecuted:
						count.unknown.Add(1)
					default:
						t.Errorf("%s: %v (%v)", name, err, redis.ClassOf(err))
						return
					}
					time.Sleep(time.Millisecond) // leave the machine to others
				}
			})
		}
	}
	if err := g.Failover(t.Context()); err != nil {
		t.Error(err)
	}
	before := tallies["tx"].done.Load()
	for tallies["tx"].done.Load() < before+5 && !t.Failed() {
		time.Sleep(time.Millisecond)
	}
	close(stop)
	wg.Wait()
	for name, count := range tallies {
		n, err := redis.As(redis.Get(name), redis.Int).Do(t.Context(), c)
		done, unknown := count.done.Load(), count.unknown.Load()
		t.Logf("%s: %d done, %d unknown, %d counted", name, done, unknown, n)
		if err != nil || n < done || n > done+unknown {
			t.Errorf("%s: %d done, %d unknown, %d counted, %v", name, done, unknown, n, err)
		}
	}
}
