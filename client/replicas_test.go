package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// serving waits until n replicas serve.
func serving(t *testing.T, r *client.Replicas, n int) {
	t.Helper()
	leak.Eventually(t, patience, "the replicas to serve", func() bool { return len(r.Nodes()) == n })
}

func readOptions(o client.ReplicaOptions) client.Options {
	if o.ProbeInterval == 0 {
		o.ProbeInterval = 50 * time.Millisecond
	}
	options := client.Options{Replicas: o, Group: sentinel.GroupOptions{PollInterval: 50 * time.Millisecond}}
	options.Pool.Conn.ReadTimeout = patience // no replica hangs here: one that is late has had no turn
	return options
}

func TestReadsGoToReplicasAndWritesAreRefusedThere(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{}))
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r := c.Replicas()
	serving(t, r, 2)
	reads := func() (at []int) {
		for _, n := range append(e.Replicas(), e.Master()) {
			at = append(at, len(n.CallsOf("GET")))
		}
		return at
	}
	leak.Eventually(t, patience, "ten reads, five at each replica", func() bool { // a busy machine may have one left out for a while
		before := reads()
		for range 10 {
			if v, err := redis.Get("k").Do(t.Context(), r); v != "v" || err != nil {
				t.Fatalf("GET = %q, %v", v, err)
			}
		}
		after := reads()
		return after[0] == before[0]+5 && after[1] == before[1]+5 && after[2] == before[2]
	})
	err := redis.Set("k", "w").Do(t.Context(), r)
	if !errors.Is(err, client.ErrNotReadOnly) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("a write: %v, class %v", err, conn.ClassOf(err))
	}
	get := resp.NewCommand("GET", resp.String("k")).WithFlags(resp.ReadOnly)
	if err := r.DoBatch(t.Context(), []resp.Command{get, resp.NewCommand("DEL", resp.String("k"))}, nil); !errors.Is(err, client.ErrNotReadOnly) {
		t.Errorf("a batch with a write: %v", err)
	}
	n := 0
	if err := r.DoBatch(t.Context(), []resp.Command{get, get, get}, func(int, resp.Value) { n++ }); err != nil || n != 3 {
		t.Errorf("a batch: %d replies, %v", n, err)
	}
	err = r.WithConn(t.Context(), func(cn *conn.Conn) error {
		if cn.Addr() == c.Master() {
			t.Error("leased from the master")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAReadThatFailsOnAReplicaGoesToAnother(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	e.StopDetection(true) // the sentinels are no help
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{Policy: client.ReplicaOnly}))
	r := c.Replicas()
	serving(t, r, 2)
	first := e.Replicas()[0]
	for name, fault := range map[string]func() error{"crash": first.Crash, "hang": first.Hang} {
		if err := fault(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if _, err := redis.Get("k").Do(t.Context(), r); !errors.Is(err, redis.ErrNil) {
				t.Errorf("%s: %v", name, err)
			}
		}
		serving(t, r, 1)
		if r.Nodes()[0].Addr == first.Addr() {
			t.Errorf("%s: the wrong one was excluded", name)
		}
		restore := first.Restart
		if name == "hang" {
			restore = first.Resume
		}
		if err := restore(); err != nil {
			t.Fatal(err)
		}
		serving(t, r, 2)
	}
	// LOADING on one of them.
	for range 4 {
		first.ReplyOnce("GET", testserver.Error("LOADING Redis is loading the dataset in memory"))
	}
	for range 8 {
		if _, err := redis.Get("k").Do(t.Context(), r); !errors.Is(err, redis.ErrNil) {
			t.Errorf("loading: %v", err)
		}
	}
	if c.Stats().Rereads == 0 {
		t.Error("nothing was read again")
	}
}

func TestWithoutReplicasThePolicyDecides(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{Replicas: -1})
	only := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{Policy: client.ReplicaOnly})).Replicas()
	if _, err := redis.Get("k").Do(t.Context(), only); !errors.Is(err, client.ErrNoReplica) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("ReplicaOnly: %v", err)
	}
	prefer := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{})).Replicas()
	if _, err := redis.Get("k").Do(t.Context(), prefer); !errors.Is(err, redis.ErrNil) {
		t.Errorf("PreferReplica: %v", err)
	}
	anyNode := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{Policy: client.AnyNode})).Replicas()
	if _, err := redis.Get("k").Do(t.Context(), anyNode); !errors.Is(err, redis.ErrNil) {
		t.Errorf("AnyNode: %v", err)
	}
	s := testserver.New(t)
	direct, err := kermes.Open(t.Context(), "redis://"+s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	s.SetKey("k", "v")
	if v, err := redis.Get("k").Do(t.Context(), direct.Replicas()); v != "v" || err != nil {
		t.Errorf("bypass: %q, %v", v, err)
	}
}

func TestAPromotedReplicaIsNoneAnyMore(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	o := readOptions(client.ReplicaOptions{Policy: client.ReplicaOnly})
	o.RetryTime = patience // both may be left out for a while on a busy machine
	c := open(t, e.SentinelAddrs(), o)
	r := c.Replicas()
	serving(t, r, 2)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := redis.Get("k").Do(t.Context(), r); !errors.Is(err, redis.ErrNil) {
					t.Errorf("a read in a failover: %v", err)
					return
				}
			}
		})
	}
	if err := e.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, patience, "the new master to serve no reads", func() bool {
		return !slices.ContainsFunc(r.Nodes(), func(n client.Node) bool { return n.Addr == e.MasterAddr() })
	})
	close(stop)
	wg.Wait()
	serving(t, r, 2) // the old master has become one
}

func TestAReplicaThatLagsServesNothing(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{Replicas: 1})
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{Policy: client.ReplicaOnly, MaxLag: 100}))
	r := c.Replicas()
	serving(t, r, 1)
	behind := testserver.Array(testserver.Bulk("slave"), testserver.Bulk("h"), testserver.Int(1), testserver.Bulk("connected"), testserver.Int(-500))
	e.Replicas()[0].Reply("ROLE", behind)
	serving(t, r, 0)
	if s := r.Status(); len(s) != 1 || s[0].Serving || s[0].Lag < 500 || s[0].Err == "" {
		t.Errorf("status %+v", s)
	}
}

func TestChoosersChoose(t *testing.T) {
	nodes := []client.Node{{Addr: "a", Latency: 3}, {Addr: "b", Latency: 1}, {Addr: "c", Latency: 2}}
	if i := client.First().Choose(nodes); i != 0 {
		t.Errorf("First: %d", i)
	}
	if i := client.LowestLatency().Choose(nodes); i != 1 {
		t.Errorf("LowestLatency: %d", i)
	}
	robin, random := client.RoundRobin(), client.Random()
	var turns [3]int
	for range 9 {
		turns[robin.Choose(nodes)]++
		if i := random.Choose(nodes); i < 0 || i > 2 {
			t.Errorf("Random: %d", i)
		}
	}
	if turns != [3]int{3, 3, 3} {
		t.Errorf("RoundRobin: %v", turns)
	}
}

func TestACustomChooserSeesTheMasterUnderAnyNode(t *testing.T) {
	e := testgroup.New(t, testgroup.Options{})
	wild := client.ChooserFunc(func(nodes []client.Node) int {
		if i := slices.IndexFunc(nodes, func(n client.Node) bool { return n.Master }); i >= 0 {
			return i
		}
		return 99
	})
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{Policy: client.AnyNode, Choose: wild}))
	r := c.Replicas()
	serving(t, r, 3)
	if _, err := redis.Get("k").Do(t.Context(), r); !errors.Is(err, redis.ErrNil) {
		t.Fatal(err)
	}
	if len(e.Master().CallsOf("GET")) != 1 {
		t.Error("the read did not go where the chooser said")
	}
}

func TestACallerWhoseContextEndsIsNotKept(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{Replicas: 1})
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{Policy: client.ReplicaOnly}))
	r := c.Replicas()
	serving(t, r, 1)
	e.StopDetection(true)
	if err := e.Replicas()[0].Hang(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := redis.Get("k").Do(ctx, r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("GET = %v", err)
	}
	if err := e.Replicas()[0].Resume(); err != nil {
		t.Fatal(err)
	}
}

// A replica that was given to another master, and of which the sentinels know nothing
// yet, has other data.
func TestAReplicaOfAnotherMasterIsNotReadFrom(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{}))
	r := c.Replicas()
	serving(t, r, 2)
	strayed := e.Replicas()[0]
	strayed.Reply("INFO", testserver.Bulk("# Replication\r\nrole:slave\r\nmaster_replid:other\r\nmaster_replid2:0000\r\n"))
	serving(t, r, 1)
	if r.Nodes()[0].Addr == strayed.Addr() {
		t.Error("the replica of another master serves")
	}
	text := ""
	for _, s := range r.Status() {
		text += s.Err
	}
	if !strings.Contains(text, "replicates another master than "+c.Master()) {
		t.Errorf("the status says %q", text)
	}
	strayed.Reply("INFO", testserver.Error("NOPERM no")) // who cannot know does not refuse
	serving(t, r, 2)
}
