package client_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/sentinel"
)

// bubbled is what happens in a bubble.
type bubbled func(t *testing.T, e *testgroup.Group, c *client.Client, seen *eventLog)

// bubble runs f with a client of an embedded group without sockets, in the time
// of a bubble, which passes only while everybody waits.
func bubble(t *testing.T, f bubbled) {
	t.Helper()
	bubbleWith(t, testgroup.Timing{}, client.Options{}, f)
}

func bubbleWith(t *testing.T, timing testgroup.Timing, o client.Options, f bubbled) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := testgroup.New(t, testgroup.Options{InMemory: true, Timing: timing})
		o.Master, o.Group.Sentinels = "mymaster", e.SentinelAddrs()
		o.Group.Conn.Dial, o.Pool.Conn.Dial = e.Dial, e.Dial
		seen := &eventLog{}
		o.Group.OnEvent = seen.add
		c, err := client.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		linked(t, c)
		f(t, e, c, seen)
	})
}

func TestAWipedConfigurationIsBelievedAfterItsGrace(t *testing.T) {
	bubble(t, func(t *testing.T, e *testgroup.Group, c *client.Client, seen *eventLog) {
		old := c.Master()
		if err := e.Failover(t.Context()); err != nil {
			t.Fatal(err)
		}
		leak.Eventually(t, time.Minute, "the switch", func() bool { return c.Master() != old && c.Epoch() == 1 })
		began := time.Now()
		for _, s := range e.Sentinels {
			s.Freeze(true)
			s.SetView("mymaster", old, 0)
		}
		leak.Eventually(t, time.Minute, "the way back", func() bool { return c.Master() == old })
		if took := time.Since(began); took < sentinel.DefaultRegressionGrace || took > sentinel.DefaultRegressionGrace+3*time.Second {
			t.Errorf("believed after %v", took)
		}
		ev := seen.first(t, sentinel.EventEpochReset)
		if ev.Epoch != 0 || ev.Addr != old || c.Epoch() != 0 {
			t.Errorf("event %+v", ev)
		}
	})
}

func TestASentinelThatHangsIsFoundByItsPings(t *testing.T) {
	bubble(t, func(t *testing.T, e *testgroup.Group, c *client.Client, seen *eventLog) {
		began := time.Now()
		e.Sentinels[1].Hang()
		ev := seen.first(t, sentinel.EventSentinelDown)
		most := sentinel.DefaultPingInterval + sentinel.DefaultPongTimeout + 2*sentinel.DefaultQueryTimeout
		if took := time.Since(began); ev.Sentinel != e.Sentinels[1].Addr() || took > most {
			t.Errorf("%s was given up after %v", ev.Sentinel, took)
		}
		if s := c.Group().Status(); s.Alone || s.Sentinels[0].Up != true {
			t.Errorf("status %+v", s)
		}
	})
}

func TestAHealthyGroupIsAskedRarely(t *testing.T) {
	bubble(t, func(t *testing.T, e *testgroup.Group, c *client.Client, _ *eventLog) {
		before := c.Group().Stats().Queries
		time.Sleep(time.Minute) // of the bubble
		synctest.Wait()
		asked := c.Group().Stats().Queries - before
		if perSentinel := asked / 3; perSentinel < 20 || perSentinel > 45 {
			t.Errorf("%d questions to each sentinel in a minute", perSentinel)
		}
		if n := c.Stats().Verified; n < 9 || n > 18 {
			t.Errorf("the master was verified %d times in a minute", n)
		}
	})
}
