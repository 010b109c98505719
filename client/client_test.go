package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

func open(t *testing.T, addrs []string, o client.Options) *client.Client {
	t.Helper()
	if o.Master == "" {
		o.Master = "mymaster"
	}
	o.Group.Sentinels = addrs
	c, err := client.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAClientFollowsAPlannedFailoverWithoutLosingAWrite(t *testing.T) {
	leak.Check(t)
	// As with real sentinels there is a while between announcement and promotion.
	e := testgroup.New(t, testgroup.Options{Timing: testgroup.RealTiming().Scale(1.0 / 2)})
	c := open(t, e.SentinelAddrs(), client.Options{})
	old := c.Master()
	stop := make(chan struct{})
	var acked atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := redis.Incr("n").Do(t.Context(), c); err != nil {
					if conn.ClassOf(err) != conn.ClassMaybeExecuted {
						t.Errorf("write: %v", err)
						return
					}
					continue
				}
				acked.Add(1)
			}
		})
	}
	linked(t, c)
	leak.Eventually(t, patience, "some writes", func() bool { return acked.Load() > 100 })
	if err := e.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, 10*time.Second, "the switch", func() bool { return c.Master() == e.MasterAddr() && c.Master() != old })
	before := acked.Load()
	leak.Eventually(t, 10*time.Second, "writes on the new master", func() bool { return acked.Load() > before+100 })
	close(stop)
	wg.Wait()
	n, err := redis.As(redis.Get("n"), redis.Int).Do(t.Context(), c)
	if err != nil || n < acked.Load() {
		t.Errorf("%d acknowledged, %d there, %v", acked.Load(), n, err)
	}
	if c.Generation() != 2 {
		t.Errorf("generation %d, want 2", c.Generation())
	}
}

func TestAHungSentinelDelaysNothing(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	e.Sentinels[0].Hang()
	began := time.Now()
	c := open(t, e.SentinelAddrs(), client.Options{})
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Logf("first command after %v", time.Since(began))
}

func TestUnknownMasterAndUnreachableSentinelsAreDifferentErrors(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	_, err := client.Open(t.Context(), client.Options{Master: "nobody", Group: sentinel.GroupOptions{Sentinels: e.SentinelAddrs()}})
	var resolve *sentinel.ResolveError
	if !errors.Is(err, sentinel.ErrMasterUnknown) || errors.Is(err, sentinel.ErrNoSentinel) || !errors.As(err, &resolve) || len(resolve.Attempts) < 3 {
		t.Errorf("unknown master: %v", err)
	}
	_, err = client.Open(t.Context(), client.Options{Master: "m", Group: sentinel.GroupOptions{Sentinels: []string{"127.0.0.1:1", "127.0.0.1:2"}}})
	if !errors.Is(err, sentinel.ErrNoSentinel) || errors.Is(err, sentinel.ErrMasterUnknown) {
		t.Errorf("no sentinel: %v", err)
	}
}

func TestBypassTalksToOneServer(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c, err := kermes.Open(t.Context(), "redis://"+s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, err := redis.Get("k").Do(t.Context(), c); got != "v" || err != nil {
		t.Errorf("GET = %q, %v", got, err)
	}
	if err := c.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	c.Invalidate()
	if s := c.Status(); s.Addr != c.Master() || s.Group != "" || s.Master != "" {
		t.Errorf("status %+v", s)
	}
	_ = c.Close()
	if err := c.Verify(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Verify after Close: %v", err)
	}
	if _, err := c.GracefulFailover(t.Context(), client.GracefulOptions{}); err == nil {
		t.Error("a failover without sentinels")
	}
}

func TestWithAllSentinelsGoneTheClientWorksOn(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{Pool: pool.Options{SoloConns: 1}})
	for _, s := range e.Sentinels {
		s.Stop()
	}
	e.Master().CloseAll()
	for i := range 20 {
		if err := redis.Set(fmt.Sprint("k", i), "v").Do(t.Context(), c); err != nil && conn.ClassOf(err) != conn.ClassMaybeExecuted {
			t.Fatal(err)
		}
	}
}

func TestAStaleSentinelDoesNotMoveAClientBack(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{Group: sentinel.GroupOptions{PollInterval: 20 * time.Millisecond}})
	old := c.Master()
	e.Sentinels[2].Freeze(true)
	stale := make(chan struct{}, 1)
	if err := e.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, 10*time.Second, "the switch", func() bool { return c.Master() != old })
	e.Sentinels[2].Publish("+switch-master", "mymaster 127.0.0.1 1 127.0.0.1 2")
	select {
	case stale <- struct{}{}:
	default:
	}
	for range 50 {
		if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if c.Master() == old {
			t.Fatal("moved back")
		}
	}
}

func TestALeaseBreaksWithTheSwitch(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{})
	leased := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- c.WithConn(t.Context(), func(cn *conn.Conn) error {
			close(leased)
			<-cn.Done()
			return cn.Err()
		})
	}()
	<-leased
	own, err := c.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, client.ErrSwitched) && err == nil {
		t.Errorf("lease: %v", err)
	}
	<-own.Done()
}

func TestKillingTheMasterUnderEightWriters(t *testing.T) {
	testredis.Require(t)
	leak.Check(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{})
	rec := testredis.NewRecorder(t, top)
	c := open(t, top.SentinelAddrs(), client.Options{})
	master, err := top.CurrentMaster("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	type ack struct {
		writer, seq int
		at          time.Time
	}
	var mu sync.Mutex
	var acks []ack
	stop := make(chan struct{})
	var wg sync.WaitGroup
	lastAck := make([]atomic.Int64, 8)
	for w := range 8 {
		wg.Go(func() {
			for seq := 0; ; seq++ {
				select {
				case <-stop:
					return
				default:
				}
				err := redis.Set(fmt.Sprintf("w%d:%d", w, seq), "x").Do(ctx, c)
				if err != nil {
					continue
				}
				now := time.Now()
				lastAck[w].Store(now.UnixNano())
				mu.Lock()
				acks = append(acks, ack{w, seq, now})
				mu.Unlock()
			}
		})
	}
	leak.Eventually(t, 10*time.Second, "writers at work", func() bool { mu.Lock(); defer mu.Unlock(); return len(acks) > 1000 })
	master.Kill()
	killed := time.Now()
	first, err := rec.Switch(ctx, "", killed)
	if err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, 10*time.Second, "every writer on the new master", func() bool {
		for w := range lastAck {
			if lastAck[w].Load() < first.At.UnixNano() {
				return false
			}
		}
		return true
	})
	var firstAfter time.Time
	mu.Lock()
	for _, a := range acks {
		if a.at.After(first.At) && (firstAfter.IsZero() || a.at.Before(firstAfter)) {
			firstAfter = a.at
		}
	}
	mu.Unlock()
	t.Logf("+switch-master %v after the kill, first success %v after it", first.At.Sub(killed), firstAfter.Sub(first.At))
	close(stop)
	wg.Wait()
	lost, lostAfterKill := 0, 0
	for _, a := range acks {
		n, err := redis.Exists(fmt.Sprintf("w%d:%d", a.writer, a.seq)).Do(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			lost++
			if a.at.After(killed.Add(500 * time.Millisecond)) {
				lostAfterKill++
			}
		}
	}
	t.Logf("%d acknowledged, %d lost", len(acks), lost)
	if lostAfterKill > 0 || lost > 100 {
		t.Errorf("%d acknowledged writes are lost, %d of them acknowledged after the kill", lost, lostAfterKill)
	}
}
