package client

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/sentinel"
)

// ofOne runs a test with a client of one server, in a bubble.
func ofOne(t *testing.T, o Options, f func(t *testing.T, s *testserver.Server, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := testserver.Start(testserver.Options{Network: "none"})
		if err != nil {
			t.Fatal(err)
		}
		o.Pool.Conn.Dial = s.PipeDial
		c, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = c.Close()
			_ = s.Close()
		}()
		f(t, s, c)
	})
}

// ofGroup runs a test with a client of a group, in a bubble.
func ofGroup(t *testing.T, o Options, f func(t *testing.T, e *testgroup.Group, c *Client, told *told)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := testgroup.New(t, testgroup.Options{InMemory: true})
		o.Master, o.Group.Sentinels = testgroup.DefaultMaster, e.SentinelAddrs()
		o.Group.Conn.Dial, o.Pool.Conn.Dial = e.Dial, e.Dial
		seen := &told{}
		o.Group.OnEvent = seen.add
		c, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		time.Sleep(5 * time.Second)
		f(t, e, c, seen)
	})
}

// told is the events that were told.
type told struct {
	mu     sync.Mutex
	events []sentinel.Event
}

func (s *told) add(e sentinel.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// take returns those of some kinds since it was called last.
func (s *told) take(kinds ...sentinel.EventKind) []sentinel.Event {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := slices.DeleteFunc(s.events, func(e sentinel.Event) bool { return !slices.Contains(kinds, e.Kind) })
	s.events = nil
	return got
}

// set changes the target of a client, and nothing else.
func (c *Client) set(change func(t *target)) *target {
	now := *c.target.Load()
	change(&now)
	c.target.Store(&now)
	return &now
}

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
