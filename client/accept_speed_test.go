package client_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

// A42: what the client costs beyond a pool to the same server. Speeds are
// compared in make acceptance only, in short turns one after the other.
func TestA42FollowingSentinelsCostsNothingPerCommand(t *testing.T) {
	s := accept(t, "A42", 2*time.Minute)
	s.onlyStrict("a measurement")
	top, _ := s.topology(testredis.TopologyOptions{})
	c := s.client(top, client.Options{})
	o := pool.Options{}
	o.Conn.Addr = c.Master()
	direct := pool.New(o)
	defer direct.Close()
	s.must(redis.Set("k", "v").Do(s.ctx, c))
	allocs := func(d redis.Doer) float64 {
		ctx := context.Background()
		return testing.AllocsPerRun(2000, func() {
			if err := redis.Set("k", "v").Do(ctx, d); err != nil {
				s.Fatal(err)
			}
		})
	}
	s.atMost("allocations added per command", int(allocs(c)-allocs(direct)), 0)
	var ratios []float64
	for range 60 {
		a, b := perCommand(s, direct), perCommand(s, c)
		b2, a2 := perCommand(s, c), perCommand(s, direct)
		ratios = append(ratios, float64(b+b2)/float64(a+a2))
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	s.Logf("A42: median of %d ratios %.4f, quartiles %.4f and %.4f", len(ratios), median, ratios[len(ratios)/4], ratios[3*len(ratios)/4])
	s.record("time per command against a pool, in percent", "", 100*median, 102)
	if median > 1.02 {
		s.Errorf("%.2f %% slower than a pool", 100*median-100)
	}
}

// perCommand times commands of one caller for a moment.
func perCommand(s *scenario, d redis.Doer) time.Duration {
	const n = 1000
	ctx := context.Background()
	began := time.Now()
	for range n {
		if err := redis.Set("k", "v").Do(ctx, d); err != nil {
			s.Fatal(err)
		}
	}
	return time.Since(began) / n
}
