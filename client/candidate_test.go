package client_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// eventLog records the kinds of events in their order.
type eventLog struct {
	mu  sync.Mutex
	all []sentinel.Event
}

func (r *eventLog) add(e sentinel.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

// first returns the first event of a kind, which must come.
func (r *eventLog) first(t *testing.T, kind sentinel.EventKind) sentinel.Event {
	t.Helper()
	var found sentinel.Event
	leak.Eventually(t, patience, "event "+string(kind), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		i := slices.IndexFunc(r.all, func(e sentinel.Event) bool { return e.Kind == kind })
		if i >= 0 {
			found = r.all[i]
		}
		return i >= 0
	})
	return found
}

func TestAnEagerClientMovesBeforeAnySentinelNamesTheMaster(t *testing.T) {
	bubbleWith(t, slow(), client.Options{Adopt: client.AdoptEager}, func(t *testing.T, e *testgroup.Group, c *client.Client, seen *eventLog) {
		old, candidate := c.Master(), e.Replicas()[0].Addr()
		failed := make(chan error, 1)
		go func() { failed <- e.Failover(context.WithoutCancel(t.Context())) }()
		leak.Eventually(t, patience, "the adoption", func() bool { return c.Master() == candidate })
		if s := c.Status(); !s.Provisional || s.Epoch != 0 {
			t.Errorf("adopted after a sentinel had named it: %+v", s)
		}
		if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		adopted := c.Generation()
		leak.Eventually(t, patience, "the confirmation", func() bool { return !c.Status().Provisional })
		if c.Epoch() != 1 || c.Generation() != adopted {
			t.Errorf("epoch %d, generation %d, want 1 and %d", c.Epoch(), c.Generation(), adopted)
		}
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		if ev := seen.first(t, sentinel.EventAdopted); ev.Addr != candidate || ev.OldAddr != old || ev.Master != "mymaster" {
			t.Errorf("event %+v", ev)
		}
	})
}

func TestAnEagerClientLeavesAnOrphan(t *testing.T) {
	bubbleWith(t, slow(), client.Options{Adopt: client.AdoptEager, EagerBound: 200 * time.Millisecond}, func(t *testing.T, e *testgroup.Group, c *client.Client, seen *eventLog) {
		old, candidate := c.Master(), e.Replicas()[0].Addr()
		go e.OrphanPromotion(context.WithoutCancel(t.Context()))
		leak.Eventually(t, patience, "the adoption", func() bool { return c.Master() == candidate })
		leak.Eventually(t, patience, "the way back", func() bool { return c.Master() == old })
		if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if ev := seen.first(t, sentinel.EventOrphan); ev.Addr != old || ev.OldAddr != candidate || !errors.Is(ev.Err, client.ErrOrphan) {
			t.Errorf("event %+v", ev)
		}
		if s := c.Stats(); s.Adopted != 1 || s.Orphans != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestAConfirmingClientNeverGoesToAnOrphan(t *testing.T) {
	bubbleWith(t, testgroup.Timing{}, client.Options{MaxHold: 300 * time.Millisecond}, func(t *testing.T, e *testgroup.Group, c *client.Client, _ *eventLog) {
		old, candidate := c.Master(), e.Replicas()[0]
		go e.OrphanPromotion(context.WithoutCancel(t.Context()))
		held(t, c, true)
		held(t, c, false)
		if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if c.Master() != old || c.Generation() != 1 || len(candidate.CallsOf("SET")) > 0 {
			t.Errorf("master %s, generation %d, %d writes to the orphan", c.Master(), c.Generation(), len(candidate.CallsOf("SET")))
		}
	})
}

func TestSubscriptionsMoveToThePromotedCandidateAndStayThere(t *testing.T) {
	bubbleWith(t, slow(), client.Options{}, func(t *testing.T, e *testgroup.Group, c *client.Client, _ *eventLog) {
		old, candidate := c.Master(), e.Replicas()[0].Addr()
		source := c.Subscriptions()
		cn, err := source.Dial(t.Context())
		if err != nil || cn.Addr() != old {
			t.Fatalf("dialled %v, %v", cn, err)
		}
		failed := make(chan error, 1)
		go func() { failed <- e.Failover(context.WithoutCancel(t.Context())) }()
		<-cn.Done()
		if c.Master() != old {
			t.Error("the subscription was broken after the switch only")
		}
		if cn, err = source.Dial(t.Context()); err != nil || cn.Addr() != candidate {
			t.Fatalf("dialled again %v, %v", cn, err)
		}
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		leak.Eventually(t, patience, "the switch", func() bool { return c.Master() == candidate })
		if r, err := cn.Do(t.Context(), resp.NewCommand("PING")); err != nil {
			t.Errorf("the switch has broken it once more: %v", err)
		} else {
			r.Release()
		}
		_ = c.Close()
		<-cn.Done()
		if _, err := source.Dial(t.Context()); !errors.Is(err, client.ErrClosed) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("Dial after Close: %v", err)
		}
	})
}

func TestWritesNeedAQuorumWhereThatIsRequired(t *testing.T) {
	bubbleWith(t, testgroup.Timing{}, client.Options{RequireQuorum: true, QuorumTTL: 400 * time.Millisecond}, func(t *testing.T, e *testgroup.Group, c *client.Client, seen *eventLog) {
		if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if !c.Status().QuorumFresh {
			t.Error("no quorum with three sentinels")
		}
		e.Sentinels[0].Stop()
		if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
			t.Errorf("with two of three: %v", err)
		}
		e.Sentinels[1].Hang()
		leak.Eventually(t, patience, "the end of the quorum", func() bool { return !c.Status().QuorumFresh })
		writes := len(e.Master().CallsOf("SET"))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := redis.Set("k", "v").Do(ctx, c); !errors.Is(err, client.ErrNoQuorum) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("with one of three: %v, class %v", err, conn.ClassOf(err))
		}
		if n := len(e.Master().CallsOf("SET")); n != writes {
			t.Error("a write was sent without a quorum")
		}
		if _, err := redis.Get("k").Do(t.Context(), c); err != nil {
			t.Errorf("a read: %v", err)
		}
		seen.first(t, sentinel.EventQuorumLost)
		e.Sentinels[0].Start()
		if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
			t.Errorf("with two again: %v", err)
		}
		if _, err := client.Open(t.Context(), client.Options{RequireQuorum: true}); err == nil {
			t.Error("a quorum in bypass")
		}
	})
}
