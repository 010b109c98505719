package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// patience bounds what should come soon.
const patience = 10 * time.Second

// slow is a timing with a second between a promotion and the first word of it,
// as with real sentinels.
func slow() testgroup.Timing {
	t := testgroup.RealTiming().Scale(1.0 / 20)
	t.Confirm = 700 * time.Millisecond
	return t
}

// linked waits until the client listens to all sentinels.
func linked(t *testing.T, c *client.Client) {
	t.Helper()
	leak.Eventually(t, patience, "links to all sentinels", func() bool {
		all := c.Group().Status().Sentinels
		return !slices.ContainsFunc(all, func(s sentinel.SentinelStatus) bool { return !s.Subscribed })
	})
}

// announce has a sentinel say that it is about to promote the first replica.
func announce(t *testing.T, e *testgroup.Group, c *client.Client, s *testgroup.Sentinel) {
	t.Helper()
	linked(t, c)
	s.Publish("+failover-state-send-slaveof-noone", instance(e, e.Replicas()[0].Addr()))
}

func instance(e *testgroup.Group, addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	mhost, mport, _ := net.SplitHostPort(e.MasterAddr())
	return fmt.Sprintf("slave %s %s %s @ mymaster %s %s", addr, host, port, mhost, mport)
}

func abort(e *testgroup.Group, s *testgroup.Sentinel) {
	s.Publish("-failover-abort-slave-timeout", "master mymaster "+strings.Replace(e.MasterAddr(), ":", " ", 1))
}

func held(t *testing.T, c *client.Client, want bool) {
	t.Helper()
	leak.Eventually(t, patience, fmt.Sprintf("held: %v", want), func() bool { return c.Held() == want })
}

func TestWritesWaitForAnAnnouncedFailoverAndReadsDoNot(t *testing.T) {
	bubble(t, func(t *testing.T, e *testgroup.Group, c *client.Client, _ *eventLog) {
		leader := e.Sentinels[1]
		announce(t, e, c, leader)
		held(t, c, true)
		before := len(e.Master().CallsOf("SET"))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := redis.Set("k", "v").Do(ctx, c)
		if !errors.Is(err, client.ErrHeld) || !errors.Is(err, context.DeadlineExceeded) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("a write during the hold: %v, class %v", err, conn.ClassOf(err))
		}
		if err := c.WithConn(ctx, func(*conn.Conn) error { t.Error("leased during the hold"); return nil }); !errors.Is(err, client.ErrHeld) {
			t.Errorf("a lease during the hold: %v", err)
		}
		if _, err := redis.Get("k").Do(t.Context(), c); !errors.Is(err, redis.ErrNil) {
			t.Errorf("a read during the hold: %v", err)
		}
		abort(e, e.Sentinels[0]) // not the one that has announced it
		done := make(chan error, 1)
		go func() { done <- redis.Set("k", "v").Do(t.Context(), c) }()
		abort(e, leader)
		if err := <-done; err != nil {
			t.Errorf("a write after the hold: %v", err)
		}
		held(t, c, false)
		if n := len(e.Master().CallsOf("SET")); n != before+1 {
			t.Errorf("%d writes reached the master, want 1", n-before)
		}
		if s := c.Stats(); s.Holds != 1 || s.HoldTime <= 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestAHoldEndsByItself(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{MaxHold: 100 * time.Millisecond})
	var seen eventLog
	defer c.Listen(seen.add)()
	announce(t, e, c, e.Sentinels[0])
	seen.first(t, sentinel.EventHold)
	if ev := seen.first(t, sentinel.EventRelease); ev.Duration < 100*time.Millisecond {
		t.Errorf("event %+v", ev)
	}
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if c.Held() || c.Generation() != 1 {
		t.Errorf("held %v, generation %d", c.Held(), c.Generation())
	}
}

func TestWithNoHoldWritesGoOn(t *testing.T) {
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{NoHold: true})
	heard := make(chan struct{})
	defer c.Listen(func(ev sentinel.Event) {
		if ev.Message.Name == "+failover-state-send-slaveof-noone" {
			close(heard)
		}
	})()
	announce(t, e, c, e.Sentinels[0])
	<-heard
	if c.Held() {
		t.Error("held")
	}
}

// blockWrite has the master answer INCR only when release is called.
func blockWrite(e *testgroup.Group) (entered <-chan struct{}, release func()) {
	in, out := make(chan struct{}), make(chan struct{})
	first := true
	e.Master().Handle("INCR", func(p *testserver.Peer, args []string) {
		if first {
			first = false
			close(in)
			select {
			case <-out:
			case <-p.Done():
			}
		}
		p.Int(1)
	})
	return in, func() { close(out) }
}

func TestAReplyDuringTheHoldWaitsForTheOutcome(t *testing.T) {
	for _, kind := range []string{"command", "batch", "lease"} {
		for _, switched := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, switched %v", kind, switched), func(t *testing.T) {
				bubbleWith(t, slow(), client.Options{RetryTime: -1}, func(t *testing.T, e *testgroup.Group, c *client.Client, _ *eventLog) {
					holdsReply(t, e, c, kind, switched)
				})
			})
		}
	}
}

// holdsReply begins a write, announces a failover and has the write answered then.
func holdsReply(t *testing.T, e *testgroup.Group, c *client.Client, kind string, switched bool) {
	entered, release := blockWrite(e)
	done := make(chan error, 1)
	go func() { done <- incr(t.Context(), c, kind) }()
	<-entered
	leader := e.Sentinels[0]
	if switched {
		go e.FailoverBy(context.WithoutCancel(t.Context()), leader)
	} else {
		announce(t, e, c, leader)
	}
	held(t, c, true)
	// Longer than the grace in which the old master's word is still good.
	began := time.Now()
	leak.Eventually(t, patience, "the grace to pass", func() bool { return time.Since(began) > 60*time.Millisecond })
	release()
	leak.Eventually(t, patience, "the reply to be weighed", func() bool { return c.Stats().Unproved == 1 })
	select {
	case err := <-done:
		t.Fatalf("reported before the outcome is known: %v", err)
	default:
	}
	if !switched {
		abort(e, leader)
		if err := <-done; err != nil {
			t.Errorf("the failover did not take place: %v", err)
		}
		return
	}
	err := <-done
	if !errors.Is(err, client.ErrSwitched) || conn.ClassOf(err) != conn.ClassMaybeExecuted {
		t.Errorf("the failover took place: %v, class %v", err, conn.ClassOf(err))
	}
}

func incr(ctx context.Context, c *client.Client, kind string) error {
	cmd := resp.NewCommand("INCR", resp.String("n"))
	switch kind {
	case "batch":
		given := 0
		err := c.DoBatch(ctx, []resp.Command{cmd, cmd}, func(int, resp.Value) { given++ })
		if err == nil && given != 2 {
			err = fmt.Errorf("%d replies", given)
		}
		return err
	case "lease":
		return c.WithConn(ctx, func(cn *conn.Conn) error {
			r, err := cn.Do(ctx, cmd)
			r.Release()
			return err
		})
	}
	r, err := c.Do(ctx, cmd)
	r.Release()
	return err
}

func TestAReadOnlyMasterIsDistrustedUntilItIsOneAgain(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{})
	if err := redis.Set("k", "1").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	m := e.Master()
	m.ReplyOnce("SET", testserver.Error("READONLY You can't write against a read only replica."))
	m.ReplyOnce("ROLE", testserver.Array(testserver.Bulk("slave"), testserver.Bulk("h"), testserver.Int(1), testserver.Bulk("connect"), testserver.Int(0)))
	if err := redis.Set("k", "2").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Distrusted != 1 || s.ReadOnly != 1 || c.Generation() != 2 {
		t.Errorf("generation %d, %+v", c.Generation(), s)
	}
}

func TestVerifyFindsAMasterThatWasMadeAReplicaByHand(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{VerifyInterval: -1})
	if err := c.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.Master().ReplyOnce("ROLE", testserver.Array(testserver.Bulk("slave"), testserver.Bulk("h"), testserver.Int(1), testserver.Bulk("connect"), testserver.Int(0)))
	if err := c.Verify(t.Context()); !errors.Is(err, client.ErrNotMaster) {
		t.Errorf("Verify = %v", err)
	}
	if err := c.Verify(t.Context()); err != nil {
		t.Errorf("it is a master again: %v", err)
	}
	before := c.Generation()
	c.Invalidate()
	if c.Generation() != before+1 {
		t.Errorf("generation %d after %d", c.Generation(), before)
	}
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// The leading sentinel notices the promotion when the hold has just ended, or is about
// to: the others have not heard of it yet.
func TestAHoldOutlastsTheSpreadOfThePromotion(t *testing.T) {
	timing := testgroup.RealTiming().Scale(1.0 / 20)
	timing.Promote, timing.Confirm, timing.Observe = 80*time.Millisecond, 700*time.Millisecond, 250*time.Millisecond
	for name, maxHold := range map[string]time.Duration{"ended": 400 * time.Millisecond, "about to end": 900 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			bubbleWith(t, timing, client.Options{MaxHold: maxHold}, func(t *testing.T, e *testgroup.Group, c *client.Client, _ *eventLog) {
				old := c.Master()
				noticed := make(chan struct{}, 1)
				defer c.Listen(func(ev sentinel.Event) {
					if ev.Message.Name == "+promoted-slave" {
						noticed <- struct{}{}
					}
				})()
				failed := make(chan error, 1)
				go func() { failed <- e.Failover(context.WithoutCancel(t.Context())) }()
				<-noticed
				if _, err := redis.RPush("k", "v").Do(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				if c.Master() == old {
					t.Error("a write was acknowledged by the former master")
				}
				if err := <-failed; err != nil {
					t.Fatal(err)
				}
				if n, err := redis.LLen("k").Do(t.Context(), c); n != 1 || err != nil {
					t.Errorf("%d writes, %v", n, err)
				}
			})
		})
	}
}
