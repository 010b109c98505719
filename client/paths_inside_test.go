package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestABlockingWriteWaitsInAHoldAndABlockingReadDoesNot(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, s *testserver.Server, c *Client) {
		s.Reply("BLPOP", "*2\r\n$1\r\nq\r\n$1\r\nv\r\n")
		s.Reply("XREAD", "*-1\r\n")
		c.beginHold("s1")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := redis.BLPop(time.Second, "q").Do(ctx, c); !errors.Is(err, ErrHeld) || s.Count("BLPOP") != 0 {
			t.Errorf("a write: %v, sent %d times", err, s.Count("BLPOP"))
		}
		read := resp.NewCommand("XREAD", resp.String("BLOCK"), resp.String("10"), resp.String("STREAMS"), resp.String("s"), resp.String("$")).WithFlags(resp.ReadOnly | resp.Blocking)
		if r, err := c.Do(t.Context(), read); err != nil || s.Count("XREAD") != 1 {
			t.Errorf("a read: %v, sent %d times", err, s.Count("XREAD"))
		} else {
			r.Release()
		}
	})
}

func TestOnlyReplicasThatAreAnnouncedAreCandidates(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
		replica := e.Replicas()[0].Addr()
		for name, test := range map[string]struct {
			m    sentinel.Message
			want bool
		}{
			"a replica":    {sentinel.Message{Type: "slave", Addr: replica}, true},
			"the master":   {sentinel.Message{Type: "slave", Addr: c.Master()}, false},
			"of a master":  {sentinel.Message{Type: "master", Addr: replica}, false},
			"no address":   {sentinel.Message{Type: "slave"}, false},
			"one unlisted": {sentinel.Message{Type: "slave", Addr: "x:1"}, false},
		} {
			c.watchCandidate("s1", test.m)
			c.mu.Lock()
			s := c.candidate
			c.mu.Unlock()
			if (s != nil) != test.want {
				t.Errorf("%s: %+v", name, s)
			}
			if s == nil {
				continue
			}
			c.expireCandidate(&candidate{})
			c.watchCandidate("s2", test.m)
			if c.candidate != s {
				t.Errorf("%s: another watch over the same", name)
			}
			c.watchCandidate("s2", sentinel.Message{Type: "slave", Addr: e.Replicas()[1].Addr()})
			if c.candidate == s || s.ctx.Err() == nil {
				t.Errorf("%s: the watch goes on beside another", name)
			}
			s = c.candidate
			c.expireCandidate(s)
			if c.candidate != nil || s.ctx.Err() == nil {
				t.Errorf("%s: the watch goes on", name)
			}
		}
		c.closed = true
		c.watchCandidate("s1", sentinel.Message{Type: "slave", Addr: replica})
		c.closed = false
		if c.candidate != nil {
			t.Error("a candidate after the end")
		}
		if c.hasSubscriptions() {
			t.Error("subscriptions that nobody has made")
		}
		c.Subscriptions()
		if !c.hasSubscriptions() {
			t.Error("no subscriptions")
		}
	})
}

func TestACandidateIsTakenForItsAddressAlone(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		take := func(addr string) *pool.Pool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.takeCandidateLocked(addr)
		}
		if take("b:1") != nil {
			t.Error("there was none")
		}
		s := c.announced("b:1", "s1")
		s.pool = pool.New(c.masterPool("b:1"))
		other := s.pool
		if take("c:1") != nil || c.candidate != nil || s.ctx.Err() == nil {
			t.Error("another one was taken")
		}
		synctest.Wait()
		if _, err := redis.Get("k").Do(t.Context(), other); !errors.Is(err, ErrSwitched) {
			t.Errorf("its connections: %v", err)
		}
		s = c.announced("b:1", "s1")
		s.pool = pool.New(c.masterPool("b:1"))
		if p := take("b:1"); p == nil || c.candidate != nil || s.ctx.Err() == nil || s.pool != nil {
			t.Error("it was not taken")
		} else {
			_ = p.Close()
		}
	})
}

func TestAProbeOfAReplicaEndsInItsTime(t *testing.T) {
	for name, test := range map[string]struct {
		interval, read, want time.Duration
	}{
		"half of the interval":     {2 * time.Second, 5 * time.Second, time.Second},
		"no longer than a read":    {10 * time.Second, 300 * time.Millisecond, 300 * time.Millisecond},
		"the least":                {10 * time.Millisecond, 5 * time.Second, minProbe},
		"without a bound of reads": {3 * time.Second, -1, 1500 * time.Millisecond},
	} {
		o := Options{Replicas: ReplicaOptions{ProbeInterval: test.interval, Pool: &pool.Options{}}}
		o.Replicas.Pool.Conn.ReadTimeout = test.read
		ofOne(t, o, func(t *testing.T, s *testserver.Server, c *Client) {
			s.Configure(func(o *testserver.Options) { o.Role, o.LinkState = "slave", "connected" })
			n := newReplica(c.Replicas(), sentinel.Replica{Addr: "r:1", Flags: "slave", LinkUp: true})
			defer n.cancel()
			po := n.options()
			po.Conn.Dial, po.Conn.ReadTimeout = s.PipeDial, -1
			p := pool.New(po)
			defer p.Close()
			if err := n.probe(p); err != nil || n.nodeLocked().Lag != -1 {
				t.Errorf("%s: %v, a lag of %d", name, err, n.nodeLocked().Lag)
			}
			s.Reply("ROLE", "")
			began := time.Now()
			if err := n.probe(p); err == nil {
				t.Errorf("%s: one that hangs is fit", name)
			}
			if took := time.Since(began); took < test.want || took > test.want+20*time.Millisecond {
				t.Errorf("%s: %v, want %v", name, took, test.want)
			}
		})
	}
}

func TestAReadThatEveryReplicaRefusesFailsWithTheirWord(t *testing.T) {
	ofGroup(t, Options{Replicas: ReplicaOptions{Policy: ReplicaOnly}}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
		r := c.Replicas()
		time.Sleep(time.Second)
		for _, n := range e.Replicas() {
			n.Reply("GET", "-LOADING Redis is loading the dataset in memory\r\n")
		}
		for name, d := range map[string]redis.Doer{"a read": r, "one that is pinned": r.Pin()} {
			before := e.Replicas()[0].Count("GET") + e.Replicas()[1].Count("GET")
			_, err := redis.Get("k").Do(t.Context(), d)
			if n := e.Replicas()[0].Count("GET") + e.Replicas()[1].Count("GET") - before; n < 10 || n > 60 {
				t.Errorf("%s: sent %d times within a second", name, n)
			}
			if refusal, ok := errors.AsType[*resp.Error](err); !ok || refusal.Code != "LOADING" || !errors.Is(err, ErrNoReplica) {
				t.Errorf("%s: %v", name, err)
			}
		}
		each := func(int, resp.Value) {}
		err := r.DoBatch(t.Context(), []resp.Command{redis.Get("k").Command, redis.Set("k", "v").Command}, each)
		if !errors.Is(err, ErrNotReadOnly) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("a batch with a write: %v", err)
		}
		e.Replicas()[0].Handle("GET", nil)
		e.Replicas()[1].Handle("GET", nil)
		given := 0
		err = r.DoBatch(t.Context(), []resp.Command{redis.Get("k").Command, redis.Get("l").Command}, func(i int, _ resp.Value) {
			if i != given {
				t.Errorf("reply %d came as number %d", i, given)
			}
			given++
		})
		if err != nil || given != 2 {
			t.Errorf("a batch of reads: %v, %d replies", err, given)
		}
	})
}

func TestNewsThatChangesNothingLeavesTheTarget(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		was := c.target.Load()
		c.follow()
		if c.target.Load() != was {
			t.Error("another target for the same view")
		}
		moved := c.Moved(was.generation)
		isMoved := func() bool {
			select {
			case <-moved:
				return true
			default:
				return false
			}
		}
		c.beginHold("s1")
		c.mu.Lock()
		c.releaseLocked()
		c.mu.Unlock()
		if isMoved() {
			t.Error("a hold is a move")
		}
		former := *was
		if err := c.switchCause(&former); !errors.Is(err, ErrNotMaster) {
			t.Errorf("the same server: %v", err)
		}
		c.Invalidate()
		if !isMoved() || c.Generation() != was.generation+1 {
			t.Error("new connections are no move")
		}
		former.addr = "x:1"
		if err := c.switchCause(&former); !errors.Is(err, ErrSwitched) || errors.Is(err, ErrNotMaster) {
			t.Errorf("another server: %v", err)
		}
		former.addr, former.epoch = was.addr, was.epoch+1
		if err := c.switchCause(&former); !errors.Is(err, ErrSwitched) || errors.Is(err, ErrNotMaster) {
			t.Errorf("another epoch: %v", err)
		}
	})
}

func TestAServerWithoutSentinelsIsDistrustedOnceAnInterval(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		seen := &told{}
		defer c.Listen(seen.add)()
		refuse := func(want int) {
			t.Helper()
			c.alone.refused("a:1", readOnlyError)
			if n := len(seen.take(sentinel.EventDistrusted)); n != want {
				t.Errorf("told %d times", n)
			}
		}
		refuse(1)
		refuse(0)
		time.Sleep(distrustInterval - 1)
		refuse(0)
		time.Sleep(time.Nanosecond)
		refuse(1)
		for _, test := range []struct {
			err  error
			want int
		}{{nil, 1}, {nil, 0}, {errors.New("x"), 1}, {errors.New("x"), 0}, {nil, 1}} {
			c.alone.dialled("a:1", test.err)
			if n := len(seen.take(sentinel.EventServerUp, sentinel.EventServerDown)); n != test.want {
				t.Errorf("%v: told %d times", test.err, n)
			}
		}
	})
}

func TestAnAttemptOfABatchIsAsLargeAsItsRest(t *testing.T) {
	cmds := resp.BatchOf([]resp.Command{redis.Get("a").Command, redis.Get("b").Command, redis.Get("c").Command})
	r := &run{cmds: &cmds, first: 1}
	if r.size() != 2 {
		t.Errorf("%d", r.size())
	}
}

func TestKeptRepliesOfABatchAreGivenWhereTheyAreGood(t *testing.T) {
	refusal, fine := resp.Value("-READONLY You can't write against a read only replica.\r\n"), resp.Value("+OK\r\n")
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		write := redis.Set("k", "v").Command
		cmds := resp.BatchOf([]resp.Command{write, write, write})
		for name, test := range map[string]struct {
			kept        []resp.Value
			stale       bool
			given, left int
			mixed       bool
		}{
			"good":                      {[]resp.Value{fine, fine}, false, 2, 0, false},
			"of a master that was":      {[]resp.Value{fine, fine}, true, 0, 0, false},
			"up to a refused one":       {[]resp.Value{fine, refusal, refusal}, false, 1, 2, false},
			"and one executed after it": {[]resp.Value{refusal, fine}, false, 0, 2, true},
			"none":                      {nil, false, 0, 0, false},
		} {
			var got []int
			r := &run{client: c, cmds: &cmds, writes: true, target: c.target.Load(), kept: test.kept, to: resp.ReceiverFunc(func(i int, _ resp.Value) { got = append(got, i) })}
			if test.stale {
				former := *r.target
				former.generation = 9
				r.target = &former
			}
			r.dropVoid()
			if len(got) != test.given || r.given != test.given || len(r.kept) != test.left || r.mixed != test.mixed {
				t.Errorf("%s: gave %v, kept %d, mixed %v", name, got, len(r.kept), r.mixed)
			}
		}
	})
}

func TestAnAdoptedMasterIsNotAdoptedAgain(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		adopt := func(addr string, want bool) {
			t.Helper()
			was := c.target.Load()
			c.mu.Lock()
			c.adoptLocked(&candidate{addr: addr})
			c.mu.Unlock()
			if got := c.target.Load() != was; got != want {
				t.Errorf("%s: %v", addr, got)
			}
		}
		adopt(c.Master(), false)
		adopt("x:1", true)
		adopt("y:1", false)
	})
}

func TestTheEndOfAHoldSaysWhoIsMaster(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, seen *told) {
		old := c.Master()
		c.beginHold("s1")
		c.mu.Lock()
		c.releaseLocked()
		c.mu.Unlock()
		if got := seen.take(sentinel.EventRelease); len(got) != 1 || got[0].Addr != old || got[0].OldAddr != old {
			t.Errorf("%+v", got)
		}
		c.beginHold("s1")
		if err := e.Failover(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if got := seen.take(sentinel.EventRelease); len(got) != 1 || got[0].Addr != c.Master() || got[0].OldAddr != old || c.Master() == old {
			t.Errorf("%+v", got)
		}
	})
}

func TestAGracefulFailoverNeedsSentinelsAndAnOpenClient(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		if _, err := c.GracefulFailover(t.Context(), GracefulOptions{}); !errors.Is(err, errNoMaster) {
			t.Error(err)
		}
	})
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		_ = c.Close()
		if _, err := c.GracefulFailover(t.Context(), GracefulOptions{}); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

func TestTheConnectionsOfAReplicaThatFailsItsProbeBreak(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		r := c.Replicas()
		n := newReplica(r, sentinel.Replica{Addr: "r:1"})
		defer n.cancel()
		for _, cause := range []error{errLags, nil} {
			p := pool.New(n.options())
			r.mu.Lock()
			r.nodes["r:1"] = n
			r.mu.Unlock()
			n.serve(p)
			n.withdraw(cause)
			if _, err := redis.Get("k").Do(t.Context(), p); errors.Is(err, errLags) != (cause != nil) {
				t.Errorf("%v: %v", cause, err)
			}
			_ = p.Close()
		}
		r.mu.Lock()
		delete(r.nodes, "r:1")
		r.mu.Unlock()
	})
}

func TestReauthPassesTheMasterAmongTheNodes(t *testing.T) {
	ofGroup(t, Options{Replicas: ReplicaOptions{Policy: AnyNode}}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		r := c.Replicas()
		time.Sleep(time.Second)
		if len(r.Nodes()) != 3 {
			t.Fatalf("%+v", r.Nodes())
		}
		if err := c.Reauth(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestALeaseOfAReplicaIsCalledOnce(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		r := c.Replicas()
		time.Sleep(time.Second)
		for _, want := range []error{nil, errors.New("its own")} {
			calls := 0
			err := r.WithConn(t.Context(), func(cn *conn.Conn) error {
				calls++
				if cn.Addr() == c.Master() {
					t.Error("a connection to the master")
				}
				return want
			})
			if !errors.Is(err, want) || calls != 1 {
				t.Errorf("%v, %d calls", err, calls)
			}
		}
	})
}

func TestARefusalThatDoesNotPassIsTriedAFewTimes(t *testing.T) {
	ofOne(t, Options{MaxRetries: 2}, func(t *testing.T, _ *testserver.Server, c *Client) {
		for counted, done := range map[int]bool{1: false, 2: true} {
			b := c.newBudget("SET", 0)
			b.counted = counted
			out := outcome{target: c.target.Load(), reply: resp.NewReply(resp.Value("-ODD x\r\n"), nil)}
			_, err, ended := c.concludeRefused(t.Context(), cmdOf("SET"), &resp.Error{Code: "ODD", Message: "x"}, out, &b)
			if ended != done || err != nil || b.counted != 2 {
				t.Errorf("after %d: ended %v, %v, counted %d", counted, ended, err, b.counted)
			}
		}
	})
}

func TestABatchThatIsGivenUpHasItsOwnRefusals(t *testing.T) {
	cmds := resp.BatchOf([]resp.Command{redis.Get("a").Command, redis.Get("b").Command, redis.Get("c").Command})
	for kept, whole := range map[int]bool{2: true, 1: false} {
		var got []int
		r := &run{client: &Client{}, target: &target{}, cmds: &cmds, first: 0, given: 1, kept: make([]resp.Value, kept), to: resp.ReceiverFunc(func(i int, _ resp.Value) { got = append(got, i) })}
		err := r.giveUp(loadingError)
		if (err == nil) != whole || len(got) != kept || got[0] != 1 || r.given != 1+kept {
			t.Errorf("%d kept: %v, gave %v", kept, err, got)
		}
		if e, ok := err.(*conn.Error); !whole && (!ok || e.Class != conn.ClassMaybeExecuted || e.Sent != 3) {
			t.Errorf("%v", err)
		}
	}
}
