package client

import (
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestAQuorumThatComesAndGoesIsToldOnce(t *testing.T) {
	ofGroup(t, Options{RequireQuorum: true, QuorumTTL: 2 * time.Second}, func(t *testing.T, e *testgroup.Group, c *Client, seen *told) {
		kinds := []sentinel.EventKind{sentinel.EventQuorumFound, sentinel.EventQuorumLost}
		expect := func(when string, want ...sentinel.EventKind) {
			t.Helper()
			got := seen.take(kinds...)
			if len(got) != len(want) || len(want) > 0 && got[0].Kind != want[0] {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		expect("at the beginning", sentinel.EventQuorumFound)
		time.Sleep(10 * time.Second)
		expect("while it lasts")
		for _, s := range e.Sentinels[:2] {
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		expect("one of three", sentinel.EventQuorumLost)
		if n := c.Stats().QuorumLost; n != 1 {
			t.Errorf("lost %d times", n)
		}
		if err := e.Sentinels[0].Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		expect("two of three", sentinel.EventQuorumFound)
		kept := c.target.Load()
		c.set(func(now *target) { now.pool, now.addr = nil, "" })
		c.tellQuorum()
		expect("without a master")
		c.target.Store(kept)
	})
}

func TestInvalidateLeavesAClientWithoutAMaster(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		kept := c.target.Load()
		none := c.set(func(now *target) { now.pool = nil })
		if c.Invalidate(); c.target.Load() != none {
			t.Error("connections to a master that is not known")
		}
		c.target.Store(kept)
		if c.Invalidate(); c.Generation() != kept.generation+1 {
			t.Error("the connections stay")
		}
	})
}

func TestAReadWithoutSentinelsWaitsForNoProbe(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		began := time.Now()
		if _, err := redis.Get("k").Do(t.Context(), c.Replicas()); !errors.Is(err, redis.ErrNil) || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
