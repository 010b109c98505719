package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

// readTimeout of the readers' connections.
const readTimeout = 500 * time.Millisecond

// readers read one key, again and again, each through a client of its own
// way to choose.
type readers struct {
	stopc   chan struct{}
	wg      sync.WaitGroup
	clients map[string]*client.Client

	mu  sync.Mutex
	all []write
}

var strategies = map[string]client.Chooser{
	"first": client.First(), "random": client.Random(), "round robin": client.RoundRobin(), "lowest latency": client.LowestLatency(),
}

// startReaders has n readers for each strategy.
func (s *scenario) startReaders(top *testredis.Topology, n int, o client.Options) *readers {
	s.Helper()
	r := &readers{stopc: make(chan struct{}), clients: map[string]*client.Client{}}
	ctx, cancel := context.WithCancel(s.ctx)
	s.Cleanup(func() { cancel(); r.wg.Wait() })
	for name, choose := range strategies {
		o.Replicas.Choose = choose
		o.Pool.Conn.ReadTimeout = readTimeout
		c := s.client(top, o)
		r.clients[name] = c
		for range n {
			r.wg.Go(func() { r.work(ctx, c.Replicas()) })
		}
	}
	s.until("readers at work", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.all) > 20*len(strategies)*n })
	return r
}

func (r *readers) work(ctx context.Context, d redis.Doer) {
	for {
		x := write{begun: time.Now()}
		_, x.err = redis.Get("key").Do(ctx, d)
		x.at = time.Now()
		r.mu.Lock()
		r.all = append(r.all, x)
		r.mu.Unlock()
		select {
		case <-r.stopc:
			return
		case <-ctx.Done():
			return
		case <-time.After(writeGap):
		}
	}
}

func (r *readers) stop() {
	close(r.stopc)
	r.wg.Wait()
}

// longest returns the duration of the slowest read that ended after t.
func (r *readers) longest(t time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var d time.Duration
	for _, x := range r.all {
		if x.at.After(t) {
			d = max(d, x.at.Sub(x.begun))
		}
	}
	return d
}

// failures returns how many reads failed, and says what the first said.
func (r *readers) failures(s *scenario) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, x := range r.all {
		if x.err == nil {
			continue
		}
		if n == 0 {
			s.Logf("%s: a read failed: %v", s.id, x.err)
		}
		n++
	}
	return n
}

// serves says whether a client reads from a node.
func serves(c *client.Client, n *testredis.Node) bool {
	return slices.ContainsFunc(c.Replicas().Nodes(), func(m client.Node) bool { return m.Addr == n.Addr() })
}

// all says whether something holds for all clients.
func (r *readers) every(is func(c *client.Client) bool) bool {
	for _, c := range r.clients {
		if !is(c) {
			return false
		}
	}
	return true
}

func TestA29ReadsGoOnWhateverReplicasDo(t *testing.T) {
	s := accept(t, "A29", 2*time.Minute)
	// The master stays: no three sentinels are four that think it down, on
	// whatever machine.
	top, rec := s.topology(testredis.TopologyOptions{Replicas: 3, Quorum: 4, Password: "pw", Fast: true})
	s.master(top).MustDo(s, "SET", "key", "value")
	o := client.Options{}
	o.Pool.Conn.Password = "pw"
	r := s.startReaders(top, 4, o)
	hung, broken, killed := top.Data[1], top.Data[2], top.Data[3]

	// One that cannot follow its master.
	s.must(top.BreakSync(broken))
	s.until("it is left out", func() bool { return r.every(func(c *client.Client) bool { return !serves(c, broken) }) })

	// One that hangs.
	stopped := time.Now()
	s.must(hung.Stop())
	out := s.until("it is left out", func() bool { return r.every(func(c *client.Client) bool { return !serves(c, hung) }) })
	s.within("a hung replica is left out (read timeout + 1 s)", out.Sub(stopped), readTimeout+time.Second)
	s.pass(time.Until(stopped.Add(1500 * time.Millisecond)))
	s.within("longest read with a hung replica (read timeout + 100 ms)", r.longest(stopped), readTimeout+100*time.Millisecond)
	s.until("+sdown", func() bool { return slices.ContainsFunc(rec.Events(), about("+sdown", hung)) })
	s.must(hung.Cont())
	up, err := rec.Wait(s.ctx, about("-sdown", hung))
	s.must(err)
	in := s.until("it is back", func() bool { return r.every(func(c *client.Client) bool { return serves(c, hung) }) })
	s.within("it is back after -sdown", in.Sub(up.At), 5*time.Second)

	// One that dies.
	dead := time.Now()
	killed.Kill()
	s.pass(span(2*time.Second, time.Second))
	s.within("longest read with a killed replica", r.longest(dead), 100*time.Millisecond)

	// All of them.
	gone := time.Now()
	hung.Kill()
	broken.Kill()
	s.pass(time.Second)
	s.within("longest read without replicas", r.longest(gone), 100*time.Millisecond)
	r.stop()
	s.atMost("failed reads", r.failures(s), 0)

	o.Replicas.Policy = client.ReplicaOnly
	o.RetryTime = 500 * time.Millisecond
	c := s.client(top, o)
	if _, err := redis.Get("key").Do(s.ctx, c.Replicas()); !errors.Is(err, client.ErrNoReplica) {
		s.Errorf("ReplicaOnly without a replica: %v", err)
	}
}

// about matches an event of a node.
func about(name string, n *testredis.Node) func(e testredis.Event) bool {
	return func(e testredis.Event) bool {
		return e.Name == name && strings.HasPrefix(e.Payload, "slave ") && strings.Contains(e.Payload, " "+port(n)+" ")
	}
}

func TestA29ALaggingReplicaIsLeftOut(t *testing.T) {
	s := accept(t, "A29", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{ProxyData: true})
	master, late, other := s.master(top), top.Data[1], top.Data[2]
	c := s.client(top, client.Options{Replicas: client.ReplicaOptions{MaxLag: 100_000}})
	s.until("both replicas", func() bool { return serves(c, late) && serves(c, other) })
	// What the master sends to the one is kept on the way: its link stays up.
	master.Proxy().SetFor(testproxy.Hold, func(p *testproxy.Conn) bool {
		head := string(p.Head())
		return strings.Contains(head, "listening-port") && strings.Contains(head, "\r\n"+port(late)+"\r\n")
	})
	master.MustDo(s, "SET", "big", strings.Repeat("x", 200_000))
	s.until("the late one left out", func() bool { return !serves(c, late) })
	if !serves(c, other) {
		s.Error("the other one is left out too")
	}
	master.Proxy().SetFor(testproxy.Pass, nil)
	s.until("it is back", func() bool { return serves(c, late) })
}

func TestA30AReplicaThatIsPromotedIsLeftWithoutAFailedRead(t *testing.T) {
	s := accept(t, "A30", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Fast: true})
	old := s.master(top)
	old.MustDo(s, "SET", "key", "value")
	r := s.startReaders(top, 4, client.Options{})
	began := time.Now()
	s.must(top.SentinelFailover(0))
	first := s.switched(rec, began)
	next := s.settled(top, old)
	s.until("readers on the others", func() bool {
		return r.every(func(c *client.Client) bool {
			return c.Master() == next.Addr() && !serves(c, next) && len(c.Replicas().Nodes()) == 2
		})
	})
	r.stop()
	s.atMost("failed reads", r.failures(s), 0)
	s.within("longest read", r.longest(first.At.Add(-time.Hour)), 200*time.Millisecond)
}
