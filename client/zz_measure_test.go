package client_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/redistest"
	"github.com/kermes-redis/kermes/redis"
)

func TestZZMeasure(t *testing.T) {
	master := redistest.NewRedis(t)
	replica := redistest.NewRedis(t, "replicaof 127.0.0.1 "+master.Addr()[strings.LastIndex(master.Addr(), ":")+1:])
	for _, n := range []int{1, 50} {
		o, _ := client.ParseURL("redis://" + replica.Addr())
		o.RetryTime = 10 * time.Second
		c, err := client.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		d := map[int]time.Duration{1: 10 * time.Second, 50: 2 * time.Second}[n]
		ctx, cancel := context.WithTimeout(t.Context(), d)
		var wg sync.WaitGroup
		var last error
		var mu sync.Mutex
		for range n {
			wg.Go(func() {
				err := redis.Set("k", "v").Do(ctx, c)
				mu.Lock()
				last = err
				mu.Unlock()
			})
		}
		wg.Wait()
		cancel()
		raw, _ := redis.Info("commandstats").Do(t.Context(), c)
		for _, l := range strings.Split(fmt.Sprint(raw), " ") {
			if strings.Contains(l, "cmdstat_set:") || strings.Contains(l, "set:") {
				t.Log(l)
			}
		}
		t.Logf("%d callers, %v: %+v, %v", n, d, c.Status().Stats, last)
		_ = redis.ConfigResetStat().Do(t.Context(), c)
		_ = c.Close()
	}
}
