package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// group opens a group and a client of it.
func (s *scenario) group(top *testredis.Topology, o client.Options) (*sentinel.Group, *client.Client) {
	s.Helper()
	o = options(top, o)
	g, err := sentinel.NewGroup(o.Group)
	s.must(err)
	s.Cleanup(func() { _ = g.Close() })
	c, err := client.OpenIn(s.ctx, g, o)
	s.must(err)
	s.Cleanup(func() { _ = c.Close() })
	return g, c
}

// A client that replaces its list of sentinels by what one of them says (as
// radix does) would be left with one: lists are empty for a while after RESET.
func TestA26ResetOfAllSentinelsIsNotNoticed(t *testing.T) {
	s := accept(t, "A26", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{ProxyData: true})
	g, c := s.group(top, client.Options{Group: sentinel.GroupOptions{PollInterval: 200 * time.Millisecond}})
	w := s.startWriters(c, writerCount, callTimeout)
	master := s.master(top)
	before := dialled(master)
	for _, n := range top.Sentinels {
		n.MustDo(s, "SENTINEL", "RESET", top.Names[0])
	}
	began, fewest := time.Now(), len(top.Sentinels)
	s.until("lists that are full again", func() bool {
		fewest = min(fewest, len(g.Sentinels()))
		return time.Since(began) > span(8*time.Second, 3*time.Second)
	})
	w.stop()
	s.atMost("sentinels missing from the set", len(top.Sentinels)-fewest, 0)
	s.atMost("failed writes", len(w.failed()), 0)
	s.atMost("connections lost", missing(before, dialled(master)), 0)
	s.steady("generations", int(c.Generation()), 1)
}

// dialled returns the connections of the client under test through a node's
// proxy.
func dialled(n *testredis.Node) []int64 {
	var ids []int64
	for _, c := range n.Proxy().Conns() {
		if strings.Contains(string(c.Head()), clientName) {
			ids = append(ids, c.ID())
		}
	}
	return ids
}

// missing counts the connections of before that are not there any more.
func missing(before, now []int64) int {
	n := 0
	for _, id := range before {
		if !slices.Contains(now, id) {
			n++
		}
	}
	return n
}

// Without the exception from the rule of epochs (view.regress answering stale
// for ever) the client is fenced out, and this fails.
func TestA27AConfigurationThatBeganAnewIsAccepted(t *testing.T) {
	s := accept(t, "A27", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{Fast: true})
	heard := &events{}
	c := s.client(top, client.Options{Group: sentinel.GroupOptions{OnEvent: heard.add}})
	first := s.master(top)
	_, err := top.Failover(s.ctx)
	s.must(err)
	s.must(top.WaitSettled(s.ctx))
	if c.Epoch() == 0 {
		s.Fatal("the epoch is 0 before: the scenario shows nothing")
	}
	for _, n := range top.Sentinels {
		n.MustDo(s, "SENTINEL", "REMOVE", top.Names[0])
	}
	first.MustDo(s, "REPLICAOF", "NO", "ONE")
	for _, n := range top.Data {
		if n != first {
			n.MustDo(s, "REPLICAOF", first.Host(), port(first))
		}
	}
	for _, n := range top.Sentinels {
		n.MustDo(s, "SENTINEL", "MONITOR", top.Names[0], first.Host(), port(first), "2")
	}
	wiped := time.Now()
	moved := s.until("the new beginning", func() bool { return c.Master() == first.Addr() && c.Epoch() == 0 })
	s.within("accepted", moved.Sub(wiped), 6*time.Second)
	s.must(redis.Set("k", "v").Do(s.ctx, c))
	s.until("EventEpochReset", func() bool { return len(heard.of(sentinel.EventEpochReset)) == 1 })
}

// dials counts who was dialled when.
type dials struct {
	mu sync.Mutex
	at map[string][]time.Time
}

func (d *dials) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d.mu.Lock()
	if d.at == nil {
		d.at = map[string][]time.Time{}
	}
	d.at[addr] = append(d.at[addr], time.Now())
	d.mu.Unlock()
	var nd net.Dialer
	return nd.DialContext(ctx, network, addr)
}

func (d *dials) since(addr string, t time.Time) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, at := range d.at[addr] {
		if at.After(t) {
			n++
		}
	}
	return n
}

func TestA28ANewSentinelIsUsedAndADeadOneIsLeftInPeace(t *testing.T) {
	s := accept(t, "A28", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{})
	heard, counter := &events{}, &dials{}
	o := client.Options{Group: sentinel.GroupOptions{OnEvent: heard.add}}
	o.Group.Conn.Dial = counter.dial
	g, c := s.group(top, o)
	s.must(redis.Set("k", "v").Do(s.ctx, c))
	fourth, err := top.AddSentinel()
	s.must(err)
	known := time.Now()
	used := s.until("a link to it", func() bool {
		return slices.ContainsFunc(heard.of(sentinel.EventSentinelUp), func(e sentinel.Event) bool { return e.Sentinel == fourth.Addr() })
	})
	s.within("the new sentinel is watched", used.Sub(known), 5*time.Second)

	dead := top.Sentinels[0]
	dead.Kill()
	s.until("the loss", func() bool { return len(heard.of(sentinel.EventSentinelDown)) > 0 })
	s.pass(span(10*time.Second, 5*time.Second)) // the back-off grows
	routines, since, window := runtime.NumGoroutine(), time.Now(), span(10*time.Second, 3*time.Second)
	s.pass(window)
	allowed := 3
	if !strict { // the back-off has not grown yet
		allowed = 15
	}
	s.atMost("dials of the dead one per 10 s", counter.since(dead.Addr(), since)*int(10*time.Second/window), allowed)
	more := 0
	s.until("goroutines of this moment to end", func() bool {
		more = runtime.NumGoroutine() - routines
		return more <= 2 || time.Since(since) > window+2*time.Second
	})
	s.atMost("more goroutines", more, 2)
	if !slices.Contains(g.Sentinels(), dead.Addr()) {
		s.Error("a configured sentinel was forgotten")
	}
	s.must(redis.Set("k", "v").Do(s.ctx, c))
}

func TestA34FiftyMastersShareOneLinkToEachSentinel(t *testing.T) {
	for _, protocol := range []int{3, 2} {
		t.Run(fmt.Sprint("RESP", protocol), func(t *testing.T) { fiftyMasters(t, protocol) })
	}
}

// fiftyMasters: one master fails over, and 49 names stand for another server.
func fiftyMasters(t *testing.T, protocol int) {
	s := accept(t, "A34", 5*time.Minute) // a hundred and fifty times a sentinel writes its configuration
	top, rec := s.topology(testredis.TopologyOptions{
		Masters: []string{"moving", "quiet"}, MasterReplicas: map[string]int{"quiet": -1}, ProxySentinels: true, ProxyData: true,
	})
	quiet := top.Of("quiet")[0]
	// Every sentinel says hello of each master to its server, which is the same for 49 of
	// them: ten thousand messages a second, more than a slow machine can carry. What is new
	// is said at once all the same. Sentinels before 7.0 cannot be told.
	for _, n := range top.Sentinels {
		_, _ = n.Do("SENTINEL", "DEBUG", "PUBLISH-PERIOD", "60000")
	}
	names := []string{"quiet"}
	for i := range 48 {
		name := fmt.Sprint("quiet-", i)
		names = append(names, name)
		for _, n := range top.Sentinels {
			n.MustDo(s, "SENTINEL", "MONITOR", name, quiet.Host(), port(quiet), "2")
		}
	}
	o := options(top, client.Options{})
	// Sentinels that have just been given fifty masters are slow to answer: each time
	// they have written their configuration to the disk.
	o.Group.QueryTimeout, o.Group.Conn.DialTimeout = patience, patience
	o.RetryTime, o.Pool.Conn.DialTimeout, o.Pool.Conn.ReadTimeout = 3*patience, patience, patience
	o.Group.Conn.Protocol = protocol
	o.Group.Conn.ClientName = clientName
	g, err := sentinel.NewGroup(o.Group)
	s.must(err)
	s.Cleanup(func() { _ = g.Close() })
	clients := map[string]*client.Client{}
	for _, name := range append(names, "moving") {
		o.Master = name
		c, err := client.OpenIn(s.ctx, g, o)
		s.must(err)
		s.Cleanup(func() { _ = c.Close() })
		clients[name] = c
		s.must(redis.Set("k", "v").Do(s.ctx, c))
	}
	links := 0
	for _, n := range top.Sentinels {
		links += len(dialled(n))
	}
	s.atMost(fmt.Sprintf("connections to sentinels, RESP%d", protocol), links, map[int]int{3: 3, 2: 6}[protocol])
	before := dialled(quiet)
	old, err := top.CurrentMaster("moving")
	s.must(err)
	began := time.Now()
	s.must(top.SentinelFailoverOf(0, "moving"))
	first, err := rec.Switch(s.ctx, "moving", began)
	s.must(err)
	moved := s.until("the switch", func() bool { return clients["moving"].Master() != old.Addr() })
	second, err := rec.Wait(s.ctx, func(e testredis.Event) bool {
		return e.Name == "+switch-master" && e.Master() == "moving" && e.At.After(began) && e.Sentinel != first.Sentinel
	})
	s.must(err)
	// When sentinels that watch fifty masters tell each other is their affair. From the
	// moment a second one says so, the client may wait a quarter of a second for the rest,
	// which are asked every 50 ms.
	s.within("switch after a second sentinel's T", moved.Sub(second.At), 400*time.Millisecond)
	for _, name := range names {
		s.must(redis.Set("k", "v").Do(s.ctx, clients[name]))
		if clients[name].Generation() != 1 {
			s.Errorf("%s has moved", name)
		}
	}
	s.atMost("reconnects of the others", missing(before, dialled(quiet)), 0)
}

// A25: two of three sentinels are gone. A client that requires a quorum stops writing,
// and goes on reading.
func TestA25WithAQuorumNobodyWritesWithoutAMajority(t *testing.T) {
	s := accept(t, "A25", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{})
	heard := &events{}
	c := s.client(top, client.Options{RequireQuorum: true, RetryTime: 300 * time.Millisecond, Group: sentinel.GroupOptions{OnEvent: heard.add}})
	w := s.startWriters(c, writerCount, callTimeout)
	if !c.Status().QuorumFresh {
		s.Error("no quorum while all is well")
	}
	gone := time.Now()
	top.Sentinels[1].Kill()
	top.Sentinels[2].Kill()
	s.until("EventQuorumLost", func() bool { return len(heard.of(sentinel.EventQuorumLost)) > 0 })
	s.until("a refused write", func() bool {
		return slices.ContainsFunc(w.failed(), func(x write) bool { return errors.Is(x.err, client.ErrNoQuorum) })
	})
	s.within("the last acknowledgement (QuorumTTL)", w.lastAck().Sub(gone), client.DefaultQuorumTTL)
	if c.Status().QuorumFresh {
		s.Error("the status says that there is a quorum")
	}
	if _, err := redis.Get("k").Do(s.ctx, c); err != nil && !errors.Is(err, redis.ErrNil) {
		s.Errorf("a read: %v", err)
	}
	s.must(top.Sentinels[1].Restart())
	back := time.Now()
	s.until("every writer back", func() bool { return w.allBack(back) })
	w.stop()
	s.checkAlways(s.audit(w, s.master(top)))
}

// A24 with the lease: the client is cut off together with the old master, and
// stops before there can be a new one.
func TestA24WithAQuorumNothingIsWrittenToAMasterThatIsCutOff(t *testing.T) {
	s := accept(t, "A24", time.Minute)
	// The lease is shorter than what the sentinels were told from the beginning.
	top, rec := s.topology(testredis.TopologyOptions{DownAfter: testredis.DefaultDownAfter, ProxyData: true, ProxySentinels: true})
	c := s.client(top, client.Options{RequireQuorum: true})
	w := s.startWriters(c, writerCount, callTimeout)
	old := s.master(top)
	cut := time.Now()
	old.Proxy().SetFor(testproxy.BlackHole, (*testproxy.Conn).Internal)
	for _, n := range top.Sentinels {
		n.Proxy().SetFor(testproxy.BlackHole, outside)
	}
	first := s.switched(rec, cut)
	next := s.settled(top, old)
	promoted := s.promotion(next)
	s.pass(time.Until(first.At.Add(500 * time.Millisecond)))
	s.within("the last acknowledgement (QuorumTTL)", w.lastAck().Sub(cut), client.DefaultQuorumTTL)
	s.atMost("acknowledged by the old master after the promotion", ackedAfter(w.all(), promoted), 0)
	for _, n := range top.Sentinels {
		n.Proxy().SetFor(testproxy.Pass, nil)
	}
	s.until("the client on the new master", func() bool { return c.Master() != old.Addr() })
	healed := time.Now()
	s.until("every writer back", func() bool { return w.allBack(healed) })
	w.stop()
	a := s.audit(w, s.final(top))
	s.checkAlways(a)
	s.atMost("acknowledged after the promotion and lost", ackedAfter(a.lost, promoted), 0)
	s.Logf("A24: promotion %v after the cut; %d writes were acknowledged between the cut and the end of the quorum, and are lost", promoted.Sub(cut), len(a.lost))
}

// A25: two of three sentinels are gone.
func TestA25WithoutAMajorityOfSentinelsWorkGoesOn(t *testing.T) {
	s := accept(t, "A25", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{})
	c := s.client(top, client.Options{})
	w := s.startWriters(c, writerCount, callTimeout)
	top.Sentinels[1].Kill()
	top.Sentinels[2].Kill()
	gone := time.Now()
	s.pass(span(6*time.Second, 2*time.Second))
	end := time.Now()
	s.until("every writer back", func() bool { return w.allBack(end) })
	w.stop()
	s.atMost("failed writes", len(w.failed()), 0)
	s.steady("generations", int(c.Generation()), 1)
	for _, e := range rec.Events() {
		if e.Name == "+switch-master" && e.At.After(gone) {
			s.Errorf("a failover: %v", e)
		}
	}
	a := s.audit(w, s.master(top))
	s.checkAlways(a)
	s.atMost("acknowledged writes lost", len(a.lost), 0)
}

// A24 without the lease: what min-replicas-to-write does, and that it is told.
func TestA24AMasterThatIsCutOffRefusesWritesByItself(t *testing.T) {
	s := accept(t, "A24", time.Minute)
	const lag = 2 * time.Second
	top, rec := s.topology(testredis.TopologyOptions{
		MinReplicas: 1, MinReplicasMaxLag: int(lag / time.Second), ProxyData: true, ProxySentinels: true,
	})
	c := s.client(top, client.Options{RetryTime: 300 * time.Millisecond})
	w := s.startWriters(c, writerCount, callTimeout)
	old := s.master(top)
	// One side: the old master and the client. The other: everybody else.
	cut := time.Now()
	old.Proxy().SetFor(testproxy.BlackHole, (*testproxy.Conn).Internal)
	top.Hasten()
	for _, n := range top.Sentinels {
		n.Proxy().SetFor(testproxy.BlackHole, outside)
	}
	first := s.switched(rec, cut)
	refused := func() bool {
		return slices.ContainsFunc(w.failed(), func(x write) bool { return errors.Is(x.err, redis.ErrNoReplicas) })
	}
	s.until("NOREPLICAS", refused)
	s.pass(time.Until(cut.Add(lag + 3*time.Second)))
	last := w.lastAck()
	// The server counts whole seconds, and looks once a second.
	s.within("the last acknowledgement after the cut (max-lag + 2 s)", last.Sub(cut), lag+2*time.Second)
	for _, n := range top.Sentinels {
		n.Proxy().SetFor(testproxy.Pass, nil)
	}
	s.settled(top, old)
	healed := s.until("the client on the new master", func() bool { return c.Master() != old.Addr() })
	s.until("every writer back", func() bool { return w.allBack(healed) })
	w.stop()
	a := s.audit(w, s.final(top))
	s.checkAlways(a)
	for _, x := range w.failed() {
		if class := conn.ClassOf(x.err); class != conn.ClassRejected && class != conn.ClassNotSent && class != conn.ClassMaybeExecuted {
			s.Errorf("a failure without a class: %v", x.err)
			break
		}
	}
	s.Logf("A24: T %v after the cut, last acknowledgement %v, %d of %d acknowledged lost", first.At.Sub(cut), last.Sub(cut), len(a.lost), a.acked)
}
