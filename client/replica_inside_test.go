package client

import (
	"context"
	"errors"
	"io"
	"slices"
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

func TestTheLatencyOfAReplicaIsAMovingAverageAndItsLagBounded(t *testing.T) {
	ofOne(t, Options{Replicas: ReplicaOptions{MaxLag: 100}}, func(t *testing.T, _ *testserver.Server, c *Client) {
		r := c.Replicas()
		n := newReplica(r, sentinel.Replica{Addr: "r:1"})
		if n.nodeLocked().Lag != -1 {
			t.Error("a lag, before there was a probe")
		}
		for _, test := range []struct {
			rtt            time.Duration
			master, offset int64
			latency        time.Duration
			lag            int64
			fails          bool
		}{
			{8 * time.Millisecond, -1, 50, 8 * time.Millisecond, -1, false},
			{16 * time.Millisecond, 150, 50, 10 * time.Millisecond, 100, false},
			{2 * time.Millisecond, 151, 50, 8 * time.Millisecond, 101, true},
			{8 * time.Millisecond, 40, 50, 8 * time.Millisecond, 0, false},
			{8 * time.Millisecond, 0, 0, 8 * time.Millisecond, 0, false},
			{8 * time.Millisecond, -1, 500, 8 * time.Millisecond, 0, false},
		} {
			err := n.measured(test.rtt, test.master, test.offset)
			if node := n.nodeLocked(); node.Latency != test.latency || node.Lag != test.lag || errors.Is(err, errLags) != test.fails {
				t.Errorf("%+v: %+v, %v", test, node, err)
			}
		}
		before := r.snapshot.Load()
		_ = n.measured(1, -1, 0)
		if r.snapshot.Load() != before {
			t.Error("a snapshot, although it does not serve")
		}
		r.nodes["r:1"] = n
		n.serving = &serving{addr: "r:1", replica: n}
		_ = n.measured(time.Second, -1, 0)
		if got := r.Nodes(); len(got) != 1 || got[0].Latency != n.latency {
			t.Errorf("%+v", got)
		}
		delete(r.nodes, "r:1")
		r.opts.MaxLag = 0
		n.lag = 1 << 40
		if err := n.measured(1, -1, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestChoosersChoose(t *testing.T) {
	nodes := []Node{{Addr: "a", Latency: 5}, {Addr: "b", Latency: 3}, {Addr: "c", Latency: 3}, {Addr: "d", Latency: 4}}
	if i := LowestLatency().Choose(nodes); i != 1 {
		t.Errorf("the first of the nearest is %d", i)
	}
	r := &Replicas{}
	for i, want := range map[int]int{-1: 0, 0: 0, 3: 3, 4: 0, 5: 0} {
		r.opts.Choose = ChooserFunc(func([]Node) int { return i })
		if got := r.choose(nodes); got != want {
			t.Errorf("%d: %d, want %d", i, got, want)
		}
	}
}

func TestProbesComeInTheirTime(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		wait := func(d time.Duration, failed bool, wakeAfter time.Duration) time.Duration {
			n := newReplica(c.Replicas(), sentinel.Replica{Addr: "r:1"})
			defer n.cancel()
			time.AfterFunc(wakeAfter, n.doubt)
			began := time.Now()
			n.awaitProbe(d, failed)
			took := time.Since(began)
			time.Sleep(time.Minute)
			return took
		}
		for _, test := range []struct {
			d      time.Duration
			failed bool
			wake   time.Duration
			want   time.Duration
		}{
			{time.Second, false, time.Hour, time.Second},
			{time.Second, false, 10 * time.Millisecond, 10 * time.Millisecond},
			{time.Second, true, time.Hour, time.Second},
			{time.Second, true, 10 * time.Millisecond, minProbeBackoff},
			{time.Second, true, 70 * time.Millisecond, 70 * time.Millisecond},
			{20 * time.Millisecond, true, time.Hour, 20 * time.Millisecond},
		} {
			if got := wait(test.d, test.failed, test.wake); got != test.want {
				t.Errorf("%+v: %v", test, got)
			}
		}
	})
}

func TestAReplicaThatIsTakenOutOfUseIsToldOnce(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, seen *told) {
		r := c.Replicas()
		time.Sleep(5 * time.Second)
		if len(r.Nodes()) != 2 || len(seen.take(sentinel.EventReplicaUp)) != 2 {
			t.Fatalf("%+v", r.Nodes())
		}
		n := newReplica(r, sentinel.Replica{Addr: "x:1"})
		down := func() int { return len(seen.take(sentinel.EventReplicaDown)) }
		n.withdraw(nil)
		if down() != 0 {
			t.Error("one that never served is gone")
		}
		n.said = false
		n.withdraw(io.EOF)
		n.withdraw(io.EOF)
		if got := down(); got != 1 || !errors.Is(n.err, io.EOF) || n.aborted {
			t.Errorf("told %d times, %v", got, n.err)
		}
		p := pool.New(n.options())
		n.serve(p)
		if n.serving != nil {
			t.Error("one that the sentinels do not list serves")
		}
		r.mu.Lock()
		r.nodes["x:1"] = n
		r.mu.Unlock()
		n.serve(p)
		s := n.serving
		n.serve(pool.New(n.options()))
		if s == nil || n.serving != s || n.said || n.err != nil || len(r.Nodes()) != 3 || len(seen.take(sentinel.EventReplicaUp)) != 1 {
			t.Errorf("%+v, %d nodes", n.serving, len(r.Nodes()))
		}
		n.exclude(&serving{}, io.EOF)
		if n.serving != s || down() != 0 {
			t.Error("excluded for what another pool of it has done")
		}
		n.exclude(s, io.EOF)
		if n.serving != nil || !n.aborted || len(r.Nodes()) != 2 || down() != 1 || len(n.wake) != 1 {
			t.Error("not excluded")
		}
		if _, err := redis.Get("k").Do(t.Context(), p); !errors.Is(err, io.EOF) {
			t.Errorf("the pool of one that is excluded: %v", err)
		}
		again := n.renew(p)
		if again == p || n.aborted || n.renew(again) != again {
			t.Error("the pool of one that was excluded is used on")
		}
		n.serve(again)
		n.withdraw(nil)
		if !n.aborted || len(r.Nodes()) != 2 || down() != 1 {
			t.Error("one that is gone")
		}
		again.Abort(io.EOF)
		_ = again.Close()
		n.cancel()
		n.serve(again)
		if n.serving != nil {
			t.Error("serves after its end")
		}
		r.mu.Lock()
		delete(r.nodes, "x:1")
		r.mu.Unlock()
	})
}

func TestAllAreProbedWhenEachHasServedOrFailed(t *testing.T) {
	r := &Replicas{nodes: map[string]*replica{}}
	if !r.allProbedLocked() {
		t.Error("none is left to be probed")
	}
	r.nodes["a"], r.nodes["b"] = &replica{serving: &serving{}}, &replica{err: io.EOF}
	if !r.allProbedLocked() {
		t.Error("one serves, one has failed")
	}
	r.nodes["c"] = &replica{}
	if r.allProbedLocked() {
		t.Error("one has not been probed")
	}
}

func TestAReplicaIsDoubtedWhenItsFitnessChanges(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		fit := sentinel.Replica{Addr: "r:1", Flags: "slave", LinkUp: true}
		n := newReplica(c.Replicas(), fit)
		defer n.cancel()
		fit.Offset = 7
		n.learnLocked(fit)
		if len(n.wake) != 0 || n.info.Offset != 7 {
			t.Error("probed for an offset")
		}
		fit.LinkUp = false
		n.learnLocked(fit)
		if len(n.wake) != 1 {
			t.Error("not probed, although it has lost its link")
		}
	})
}

func TestWhyNoReplicaServesIsSaid(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		r := c.Replicas()
		time.Sleep(time.Second)
		r.mu.Lock()
		kept := r.nodes
		r.nodes = map[string]*replica{}
		r.mu.Unlock()
		last := errors.New("last")
		for i, test := range []struct {
			nodes map[string]*replica
			last  error
			want  string
		}{
			{map[string]*replica{}, last, "client: no replica can serve the read: the sentinels list none"},
			{map[string]*replica{"a": {err: io.EOF}, "b": {err: io.ErrClosedPipe}}, last, "client: no replica can serve the read; a: EOF; b: io: read/write on closed pipe"},
			{map[string]*replica{"a": {serving: &serving{}, err: io.EOF}, "b": {}}, last, "client: no replica can serve the read: last"},
			{map[string]*replica{"a": {serving: &serving{}}}, nil, "client: no replica can serve the read"},
		} {
			r.mu.Lock()
			r.nodes = test.nodes
			r.mu.Unlock()
			err := r.none(test.last)
			text := ErrNoReplica.Error() + test.want[len("client: no replica can serve the read"):]
			if err.Error() != text || !errors.Is(err, ErrNoReplica) {
				t.Errorf("%d: %v, want %s", i, err, text)
			}
		}
		r.mu.Lock()
		r.nodes = kept
		r.mu.Unlock()
	})
}

func TestAnEndedContextIsJoinedOnce(t *testing.T) {
	own := &conn.Error{Err: context.Canceled}
	for name, test := range map[string]struct {
		ctx       context.Context
		err, want error
	}{
		"no error":        {endedContext(), nil, nil},
		"no end":          {context.Background(), io.EOF, io.EOF},
		"its own already": {endedContext(), own, own},
	} {
		if got := ended(test.ctx, test.err); !errors.Is(got, test.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if err := ended(endedContext(), io.EOF); !errors.Is(err, io.EOF) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAReplicaOfAnotherHistoryIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		master, replica string
		want            bool
	}{
		"the same":                       {"master_replid:a\r\nmaster_replid2:b\r\n", "master_replid:a\r\n", true},
		"the one before":                 {"master_replid:a\r\nmaster_replid2:b\r\n", "master_replid:b\r\n", true},
		"another":                        {"master_replid:a\r\nmaster_replid2:b\r\n", "master_replid:c\r\n", false},
		"it does not tell":               {"master_replid:a\r\nmaster_replid2:b\r\n", "", true},
		"the master does not tell":       {"", "master_replid:c\r\n", true},
		"the one that it has had before": {"master_replid:a\r\nmaster_replid2:b\r\n", "master_replid:c\r\nmaster_replid2:a\r\n", false},
	} {
		ofOne(t, Options{}, func(t *testing.T, s *testserver.Server, c *Client) {
			r := c.Replicas()
			n := newReplica(r, sentinel.Replica{Addr: "r:1"})
			defer n.cancel()
			s.Reply("INFO", testserver.Bulk(test.master))
			asked := 0
			replica := doer(func(cmd resp.Command) string {
				asked++
				return testserver.Bulk(test.replica)
			})
			for range 2 {
				if err := n.checkOrigin(replica, time.Second); (err == nil) != test.want {
					t.Errorf("%s: %v", name, err)
				}
			}
			n1 := s.Count("INFO")
			if again := name == "another" || name == "the one that it has had before" || name == "the master does not tell"; asked != 2 || again && n1 != 2 || name == "the same" && n1 != 1 || name == "it does not tell" && n1 != 0 {
				t.Errorf("%s: the master was asked %d times, the replica %d times", name, n1, asked)
			}
			c.set(func(now *target) { now.generation++ })
			if got := r.origin(c.target.Load()); got != (history{}) {
				t.Errorf("%s: the history of the master before: %+v", name, got)
			}
			kept := c.target.Load()
			c.set(func(now *target) { now.pool = nil })
			if err := n.checkOrigin(replica, time.Second); err != nil {
				t.Errorf("%s: without a master: %v", name, err)
			}
			c.target.Store(kept)
		})
	}
}

// doer answers commands by a function.
type doer func(cmd resp.Command) string

func (d doer) Do(_ context.Context, cmd resp.Command) (resp.Reply, error) {
	return resp.NewReply(resp.Value(d(cmd)), nil), nil
}

func (d doer) DoBatch(context.Context, []resp.Command, func(int, resp.Value)) error { return nil }

func TestSubscriptionsFollowOnlyWhatIsNew(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		ahead := pool.New(c.masterPool("b:1"))
		defer ahead.Close()
		s := c.announced("b:1", "s1")
		s.pool = ahead
		subs := c.Subscriptions()
		if p, _, closed := subs.now(); p != ahead || closed != nil {
			t.Error("not at the candidate")
		}
		_, changed, _ := subs.now()
		subs.follow(ahead)
		if _, same, _ := subs.now(); same != changed || subs.Generation() != 0 {
			t.Error("moved to where it is")
		}
		c.mu.Lock()
		c.candidate = nil
		c.mu.Unlock()
		subs.follow(c.target.Load().pool)
		if _, same, _ := subs.now(); same == changed || subs.Generation() != 1 {
			t.Errorf("moved %d times", subs.Generation())
		}
		one, err := subs.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dials := 0
		dial := func(ctx context.Context) (*conn.Conn, error) { dials++; return c.target.Load().pool.Dial(ctx) }
		if err := subs.renew(t.Context(), ErrReauth, func(context.Context) (*conn.Conn, error) { return nil, io.EOF }); !errors.Is(err, io.EOF) || one.Err() != nil {
			t.Errorf("renewed, although there is nothing new: %v, %v", err, one.Err())
		}
		err = subs.renew(t.Context(), ErrReauth, dial)
		synctest.Wait()
		if err != nil || dials != 1 || !errors.Is(one.Err(), ErrReauth) || subs.Generation() != 1 {
			t.Errorf("%v, %d dials, %v, generation %d", err, dials, one.Err(), subs.Generation())
		}
		if err := subs.renew(t.Context(), ErrSwitched, dial); err != nil || dials != 1 || subs.Generation() != 1 {
			t.Errorf("with no connection: %v, %d dials", err, dials)
		}
		if _, err = subs.Dial(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := subs.renew(t.Context(), ErrSwitched, dial); err != nil || subs.Generation() != 2 {
			t.Errorf("%v, generation %d", err, subs.Generation())
		}
		if _, err = subs.Dial(t.Context()); err != nil {
			t.Fatal(err)
		}
		moves := func(ctx context.Context) (*conn.Conn, error) {
			subs.follow(ahead)
			return dial(ctx)
		}
		if err := subs.renew(t.Context(), ErrSwitched, moves); err != nil || subs.Generation() != 3 {
			t.Errorf("a move meanwhile: %v, generation %d", err, subs.Generation())
		}
		subs.abort(ErrClosed)
		subs.follow(c.target.Load().pool)
		if _, _, closed := subs.now(); !errors.Is(closed, ErrClosed) || subs.Generation() != 3 {
			t.Errorf("after the end: %v, generation %d", closed, subs.Generation())
		}
		if _, err := subs.Dial(t.Context()); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		_ = c.announced("b:1", "s1") // it is no master yet
		subs := c.Subscriptions()
		if p, _, _ := subs.now(); p != c.target.Load().pool {
			t.Error("not at the master")
		}
		if subs.deny() != true || subs.deny() != false {
			t.Error("a server that denies has one goroutine look after its name")
		}
		for _, test := range []struct {
			moved bool
			after time.Duration
			ends  bool
		}{{false, reviveTime - 1, false}, {false, reviveTime, true}, {true, 0, true}} {
			subs.deny()
			time.Sleep(test.after)
			if got := subs.endProbing(test.moved); got != test.ends || subs.probing == test.ends {
				t.Errorf("%+v: %v", test, got)
			}
		}
		c.mu.Lock()
		c.candidate = nil
		c.mu.Unlock()
	})
}

func TestThePaceOfDialsIsThatOfTheLastOnes(t *testing.T) {
	ofOne(t, Options{RetryTime: 10 * time.Second}, func(t *testing.T, s *testserver.Server, c *Client) {
		p := &c.pace
		here := c.target.Load().pool
		begin := func() (budget, error) {
			b := c.newDialBudget()
			err := p.begin(&b, here)
			return b, err
		}
		b, err := begin()
		if err != nil || b.wait != minRetryBackoff {
			t.Errorf("the first: %v, %v", err, b.wait)
		}
		b.wait, b.resume = 64*time.Millisecond, time.Now().Add(50*time.Millisecond)
		p.failed(&b, nil, io.EOF)
		if _, err := begin(); err != nil {
			t.Errorf("the failure of another pool: %v", err)
		}
		p.failed(&b, here, io.EOF)
		time.Sleep(10 * time.Millisecond)
		next, err := begin()
		e, ok := err.(*earlierError)
		if !ok || !errors.Is(err, io.EOF) || e.ago != 10*time.Millisecond || e.left != 40*time.Millisecond || next.wait != 64*time.Millisecond || next.vain != 0 {
			t.Errorf("%v, %+v", err, next)
		}
		hurried := c.newDialBudget()
		hurried.until = time.Now().Add(20 * time.Millisecond)
		if err := p.begin(&hurried, here); err == nil || time.Until(hurried.resume) != 10*time.Millisecond {
			t.Errorf("no more than half of its time: %v", time.Until(hurried.resume))
		}
		late := c.newDialBudget()
		late.until = time.Now()
		if err := p.begin(&late, here); err != nil {
			t.Errorf("it has no time at all: %v", err)
		}
		time.Sleep(40 * time.Millisecond)
		if _, err := begin(); err != nil {
			t.Errorf("the back-off has passed: %v", err)
		}
		p.failed(&b, here, io.EOF)
		other := c.newDialBudget()
		if err := p.begin(&other, pool.New(c.masterPool("b:1"))); err != nil || other.wait != minRetryBackoff {
			t.Errorf("another pool: %v, %v", err, other.wait)
		}
		// A connection that is cut while it is young.
		cut := func(lives time.Duration) (budget, error) {
			t.Helper()
			p.pool = nil
			b, err := begin()
			if err != nil {
				t.Fatal(err)
			}
			cn, err := here.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer cn.Close()
			b.wait = 32 * time.Millisecond
			p.made(&b, here, cn)
			if _, err := begin(); err != nil {
				t.Errorf("it lives: %v", err)
			}
			time.Sleep(lives)
			s.CloseAll()
			synctest.Wait()
			if _, err := redis.Ping().Do(t.Context(), cn); err == nil {
				t.Error("not cut")
			}
			return begin()
		}
		if b, err := cut(time.Millisecond); err == nil || !err.(*earlierError).cut || b.vain != maxVain || b.wait != 64*time.Millisecond {
			t.Errorf("young: %v, %+v", err, b)
		}
		if b, err := cut(shortLived); err != nil || b.wait != minRetryBackoff {
			t.Errorf("old: %v, %v", err, b.wait)
		}
		p.pool = nil
		b, _ = begin()
		cn, err := here.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.wait = 128 * time.Millisecond
		p.made(&b, pool.New(c.masterPool("c:1")), cn)
		if p.wait != minRetryBackoff {
			t.Errorf("another pool begins with %v", p.wait)
		}
		_ = cn.Close()
		p.judgeLocked()
		if p.last != nil || p.cause != nil {
			t.Errorf("its owner has closed it: %v", p.cause)
		}
	})
}

func TestAStatusIsThatOfTheClient(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
		s := c.Status()
		if s.Closed || s.Held || !s.HeldSince.IsZero() || s.Candidate != "" || s.Replicas != nil || !s.QuorumFresh || s.Addr != e.MasterAddr() || s.Master != "mymaster" {
			t.Errorf("%+v", s)
		}
		c.announced("b:1", "s1")
		began := time.Now()
		c.beginHold("s1")
		c.Replicas()
		time.Sleep(time.Second)
		s = c.Status()
		if !s.Held || !s.HeldSince.Equal(began) || s.Candidate != "b:1" || len(s.Replicas) != 2 || !slices.IsSortedFunc(s.Replicas, func(a, b ReplicaStatus) int {
			if a.Addr < b.Addr {
				return -1
			}
			return 1
		}) {
			t.Errorf("%+v", s)
		}
		for _, r := range s.Replicas {
			if !r.Serving || r.Err != "" || r.Pool.Open == 0 {
				t.Errorf("%+v", r)
			}
		}
		if err := e.Replicas()[0].Crash(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		failed := 0
		for _, r := range c.Status().Replicas {
			if !r.Serving {
				failed++
				if r.Err == "" || r.Pool.Open != 0 {
					t.Errorf("%+v", r)
				}
			}
		}
		if failed != 1 {
			t.Errorf("%d do not serve", failed)
		}
		c.set(func(now *target) { now.addr = "other:1" })
		if c.Status().QuorumFresh {
			t.Error("fresh, of another master")
		}
		c.mu.Lock()
		c.candidate = nil
		c.mu.Unlock()
	})
}

func TestATargetThatDeniesIsDialledAnewOnceASecond(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, seen *told) {
		deny := func(by *target, want bool, when string) {
			t.Helper()
			was := c.target.Load()
			c.distrust(by, io.EOF)
			if now := c.target.Load(); (now != was) != want || want && (now.generation != was.generation+1 || now.pool == was.pool || now.addr != was.addr) {
				t.Errorf("%s: %+v", when, now)
			}
			if n := len(seen.take(sentinel.EventDistrusted)); (n == 1) != want {
				t.Errorf("%s: told %d times", when, n)
			}
		}
		first := c.target.Load()
		former := *first
		former.generation = 0
		deny(&former, false, "another one")
		deny(first, true, "the first time")
		deny(first, false, "of connections that are gone")
		deny(c.target.Load(), false, "at once")
		time.Sleep(distrustInterval - 1)
		deny(c.target.Load(), false, "just before a second has passed")
		time.Sleep(1 * time.Nanosecond)
		deny(c.target.Load(), true, "after a second")
		c.denied.addr = "x:1"
		deny(c.target.Load(), true, "after another server")
		c.closed = true
		time.Sleep(time.Minute)
		deny(c.target.Load(), false, "after the end")
		c.closed = false
	})
}
