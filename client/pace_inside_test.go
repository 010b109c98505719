package client

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestReplicasAreProbedOnceAnInterval(t *testing.T) {
	const interval = 4 * time.Second
	ofGroup(t, Options{Replicas: ReplicaOptions{ProbeInterval: interval}}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
		c.Replicas()
		node := e.Replicas()[0]
		before := node.Count("ROLE")
		time.Sleep(15 * interval)
		if n := node.Count("ROLE") - before; n < 15 || n > 15*5/3+1 { // it may be early by a quarter and a fifth of the rest
			t.Errorf("probed %d times in 15 intervals", n)
		}
	})
}

func TestAMasterWithoutReplicasIsSuspectedOnlyIfTheyFollowAnother(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, seen *told) {
		e.Master().Reply("ROLE", "*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n")
		seen.take()
		if err := c.Verify(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := seen.take(sentinel.EventDistrusted, sentinel.EventHold); len(got) != 0 || c.Held() {
			t.Errorf("%+v", got)
		}
	})
}

func TestOnlyTheCandidateThatIsWatchedHasAPool(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(c *Client)
		want    bool
	}{
		"it is watched":        {func(*Client) {}, true},
		"another one is":       {func(c *Client) { c.candidate = &candidate{} }, false},
		"the client is closed": {func(c *Client) { c.closed = true }, false},
	} {
		ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
			s := c.announced("b:1", "s1")
			test.prepare(c)
			c.promoted(s)
			c.mu.Lock()
			if (s.pool != nil) != test.want {
				t.Errorf("%s: it has a pool is %v", name, s.pool != nil)
			}
			c.closed, c.candidate = false, nil
			c.mu.Unlock()
			if s.pool != nil {
				_ = s.pool.Close()
			}
		})
	}
}

func TestABatchThatMayNotBeRepeatedIsSentOnce(t *testing.T) {
	for name, test := range map[string]struct {
		flags resp.Flags
		spoil func(p *testserver.Peer)
		once  bool
	}{
		"refused, which passes":  {0, func(p *testserver.Peer) { p.Error("LOADING Redis is loading the dataset in memory") }, false},
		"refused, and not to be": {resp.NoRetry, func(p *testserver.Peer) { p.Error("LOADING Redis is loading the dataset in memory") }, true},
		"it may have been done":  {0, func(p *testserver.Peer) { p.Kill() }, true},
		"it may be done again":   {resp.Idempotent, func(p *testserver.Peer) { p.Kill() }, false},
		"and yet is not to be":   {resp.Idempotent | resp.NoRetry, func(p *testserver.Peer) { p.Kill() }, true},
	} {
		ofOne(t, Options{}, func(t *testing.T, s *testserver.Server, c *Client) {
			n := 0
			s.Handle("INCR", func(p *testserver.Peer, _ []string) {
				if n++; n == 1 {
					test.spoil(p)
					return
				}
				p.Int(1)
			})
			incr := redis.Incr("n").Command
			err := c.DoBatch(t.Context(), []resp.Command{incr.WithFlags(incr.Flags() | test.flags)}, func(_ int, v resp.Value) {
				if test.flags&resp.NoRetry == 0 && string(v) != ":1\r\n" {
					t.Errorf("%s: %q", name, v)
				}
			})
			if sent := s.Count("INCR"); (sent == 1) != test.once || sent > 2 || !test.once && err != nil {
				t.Errorf("%s: sent %d times, %v", name, sent, err)
			}
		})
	}
}

func TestOfTwoFirstCommandsTheFasterOnePins(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		one, other := pool.New(c.masterPool("a:1")), pool.New(c.masterPool("b:1"))
		defer one.Close()
		defer other.Close()
		p := &pinned{r: c.Replicas()}
		for _, step := range []struct {
			to   redis.EncodedDoer
			err  error
			want redis.EncodedDoer
		}{{one, io.EOF, nil}, {one, nil, one}, {other, nil, one}, {other, io.EOF, one}} {
			p.choose(step.to, nil, step.err)
			if got, _ := p.chosen(); got != step.want {
				t.Errorf("%+v: %v", step, got)
			}
		}
	})
}

func TestADialForASubscriptionThatIsGivenUpSaysHowOftenItWasTried(t *testing.T) {
	ofOne(t, Options{RetryTime: time.Second}, func(t *testing.T, s *testserver.Server, c *Client) {
		_ = s.Close()
		_, err := c.Subscriptions().Dial(t.Context())
		if e, ok := errors.AsType[*RetryError](err); !ok || e.Attempts < 2 {
			t.Errorf("%v", err)
		}
	})
}

func TestAConnectionToWhereASubscriptionHasBeenIsNotUsed(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		subs := c.Subscriptions()
		p, changed, _ := subs.now()
		other := pool.New(c.masterPool("b:1"))
		defer other.Close()
		if cn, err := subs.dial(t.Context(), p, changed); err != nil {
			t.Error(err)
		} else {
			_ = cn.Close()
		}
		if _, err := subs.dial(t.Context(), other, changed); !errors.Is(err, ErrSwitched) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("to another server: %v", err)
		}
		if _, err := subs.dial(t.Context(), p, make(chan struct{})); !errors.Is(err, ErrSwitched) {
			t.Errorf("it has moved there and back: %v", err)
		}
		subs.closed = io.EOF
		if _, err := subs.dial(t.Context(), p, changed); !errors.Is(err, ErrSwitched) {
			t.Errorf("after the end: %v", err)
		}
		subs.closed = nil
	})
}

func TestOnlyAnAdoptedMasterThatIsStillTheTargetIsGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		change func(c *Client, now *target)
		want   bool
	}{
		"an orphan":            {func(*Client, *target) {}, true},
		"a confirmed one":      {func(_ *Client, now *target) { now.provisional = false }, false},
		"a later one":          {func(_ *Client, now *target) { now.generation++ }, false},
		"of a client that was": {func(c *Client, _ *target) { c.closed = true }, false},
	} {
		ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, seen *told) {
			old := c.Master()
			c.mu.Lock()
			c.adoptLocked(&candidate{addr: "x:1"})
			c.stopEagerLocked()
			adopted := c.target.Load()
			c.set(func(now *target) { test.change(c, now) })
			c.mu.Unlock()
			c.giveUpOrphan(adopted.generation)
			got := seen.take(sentinel.EventOrphan)
			if back := c.Master() == old; back != test.want || (len(got) == 1) != test.want || test.want && got[0].OldAddr != "x:1" {
				t.Errorf("%s: back %v, %+v", name, back, got)
			}
			c.mu.Lock()
			c.closed = false
			c.mu.Unlock()
		})
	}
}

func TestEveryStepOfAFailoverThatNamesItsCandidateHasItWatched(t *testing.T) {
	for name, want := range map[string]bool{
		"+selected-slave": true, "+failover-state-wait-promotion": true, "+failover-state-send-slaveof-noone": true,
		"+promoted-slave": true, "-failover-abort-not-elected": false, "+sdown": false,
	} {
		ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
			c.heard("s1", sentinel.Message{Name: name, Type: "slave", Addr: e.Replicas()[0].Addr()})
			c.mu.Lock()
			defer c.mu.Unlock()
			if got := c.candidate != nil; got != want {
				t.Errorf("%s: it is watched is %v", name, got)
			}
			c.dropCandidateLocked(ErrOrphan)
		})
	}
}

func TestASuspicionHoldsTheWritesToWhomItIsAbout(t *testing.T) {
	for name, test := range map[string]struct {
		o     Options
		stale bool
		want  bool
	}{
		"the master":              {want: true},
		"one that was":            {stale: true},
		"a client that is not to": {o: Options{NoHold: true}},
	} {
		ofGroup(t, test.o, func(t *testing.T, _ *testgroup.Group, c *Client, seen *told) {
			about := c.target.Load()
			if test.stale {
				former := *about
				about = &former
			}
			c.suspect(about)
			got := seen.take(sentinel.EventDistrusted)
			if c.Held() != test.want || (len(got) == 1) != test.want || test.want && !errors.Is(got[0].Err, errDeserted) {
				t.Errorf("%s: held %v, %+v", name, c.Held(), got)
			}
		})
	}
}

func TestALeaseThatAHoldOvertookIsNotBegun(t *testing.T) {
	for name, test := range map[string]struct{ stale, held, calls bool }{
		"nothing has changed":       {calls: true},
		"another target, no hold":   {stale: true, calls: true},
		"another target, in a hold": {stale: true, held: true},
		"it was admitted to a hold": {held: true, calls: true},
	} {
		ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
			before := *c.target.Load()
			if test.held {
				c.beginHold("s1")
			}
			l := &loan{client: c, target: c.target.Load(), fn: func(*conn.Conn) error { return io.EOF }}
			want := io.EOF
			if test.stale {
				l.target = &before
			}
			if !test.calls {
				want = ErrHeld
			}
			if err := l.call(nil); !errors.Is(err, want) || l.called != test.calls {
				t.Errorf("%s: called %v, %v", name, l.called, err)
			}
		})
	}
}

func TestAClientFollowsNobodyAfterItsEnd(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		kept := c.target.Load()
		for _, closed := range []bool{true, false} {
			behind := c.set(func(now *target) { now.moves-- })
			c.closed = closed
			if c.follow(); (c.target.Load() == behind) != closed {
				t.Errorf("closed %v: %+v", closed, c.target.Load())
			}
			c.closed = false
			c.target.Store(kept)
		}
	})
}
