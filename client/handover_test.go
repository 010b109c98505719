package client_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// In a coordinated failover the servers change places, and no sentinel says so for
// most of a second. Both servers do.
func TestACoordinatedFailoverIsFollowedAtOnce(t *testing.T) {
	bubbleWith(t, slow(), client.Options{}, func(t *testing.T, e *testgroup.Group, c *client.Client, seen *eventLog) {
		candidate := e.Replicas()[0].Addr()
		failed := make(chan error, 1)
		go func() { failed <- e.CoordinatedFailover(context.WithoutCancel(t.Context())) }()
		longest, written := time.Duration(0), 0
		for provisional := false; !provisional || c.Status().Provisional; {
			began := time.Now()
			if _, err := redis.RPush("k", strconv.Itoa(written)).Do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			written++
			longest = max(longest, time.Since(began))
			provisional = provisional || c.Status().Provisional
			time.Sleep(time.Millisecond)
		}
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		if c.Master() != candidate || c.Epoch() != 1 || c.Stats().Switches != 1 {
			t.Errorf("master %s, epoch %d, %+v", c.Master(), c.Epoch(), c.Stats())
		}
		if n, err := redis.LLen("k").Do(t.Context(), c); err != nil || int(n) != written {
			t.Errorf("%d of %d writes, %v", n, written, err)
		}
		if longest > 200*time.Millisecond { // by the clock of the bubble; a sentinel names it after 700
			t.Errorf("a write took %v", longest)
		}
		seen.first(t, sentinel.EventAdopted)
	})
}

// A coordinated failover that was, and one that is none.
func TestTheNextFailoverIsHeldAgain(t *testing.T) {
	bubbleWith(t, slow(), client.Options{}, func(t *testing.T, e *testgroup.Group, c *client.Client, _ *eventLog) {
		if err := e.CoordinatedFailover(t.Context()); err != nil {
			t.Fatal(err)
		}
		leak.Eventually(t, patience, "the switch", func() bool { return c.Epoch() == 1 })
		adopted := c.Stats().Adopted
		if err := e.Failover(t.Context()); err != nil {
			t.Fatal(err)
		}
		leak.Eventually(t, patience, "the switch", func() bool { return c.Epoch() == 2 })
		if s := c.Stats(); s.Holds != 2 || s.Adopted != adopted {
			t.Errorf("%+v", s)
		}
	})
}
