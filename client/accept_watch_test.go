package client_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// outside matches the connections of clients, not those of sentinels and
// replicas.
func outside(c *testproxy.Conn) bool { return c.External() }

// A client that takes the address from SENTINEL MASTER (as radix, lettuce and
// redis-py do) would move back while the leader is late.
func TestA12ALateLeaderMovesNobodyBack(t *testing.T) {
	s := accept(t, "A12", time.Minute)
	late := span(8*time.Second, 4*time.Second)
	top, rec := s.topology(testredis.TopologyOptions{Password: "pw", FailoverTimeout: late, Fast: true})
	o := client.Options{}
	o.Pool.Conn.Password = "pw"
	c := s.client(top, o)
	w := s.startWriters(c, writerCount, callTimeout)
	old := s.master(top)
	s.must(top.BreakSync(top.Data[2]))
	s.until("sentinels that would not promote it", func() bool { return brokenLink(top, top.Data[2]) && !brokenLink(top, top.Data[1]) })
	began := time.Now()
	s.must(top.SentinelFailover(0))
	first := s.switched(rec, began)
	moved := s.until("the switch", func() bool { return c.Master() != old.Addr() })
	s.within("switch after the observer's T", moved.Sub(first.At), 100*time.Millisecond)
	leader, stale, back := false, 0, 0
	s.until("the leader's own switch", func() bool {
		if c.Master() == old.Addr() {
			back++
		}
		if m, err := top.Sentinels[0].Do("SENTINEL", "MASTER", top.Names[0]); err == nil && m.Map()["port"].Str == port(old) {
			stale++
		}
		leader = slices.ContainsFunc(rec.Events(), func(e testredis.Event) bool { return e.Sentinel == 0 && e.Name == "+switch-master" })
		return leader
	})
	end := time.Now()
	s.Logf("A12: the leader was %v late, and answered the old address %d times meanwhile", end.Sub(first.At), stale)
	if stale == 0 {
		s.Error("the leader was not late: the scenario shows nothing")
	}
	s.atMost("seen back on the old master", back, 0)
	s.steady("generations", int(c.Generation()), 2)
	s.until("every writer back", func() bool { return w.allBack(first.At) })
	w.stop()
	a := s.audit(w, s.final(top))
	s.checkAlways(a)
	s.losesNothing("acknowledged writes lost", a, top, rec)
}

// brokenLink says whether every sentinel knows that a replica has no link to
// its master.
func brokenLink(top *testredis.Topology, n *testredis.Node) bool {
	broken := 0
	for _, from := range top.Sentinels {
		r, err := from.Do("SENTINEL", "REPLICAS", top.Names[0])
		if err != nil {
			return false
		}
		for _, e := range r.Elems {
			if f := e.Map(); f["port"].Str == port(n) && f["master-link-status"].Str == "err" {
				broken++
			}
		}
	}
	return broken == len(top.Sentinels)
}

func TestA13TheLeaderAloneIsBelievedSoonEnough(t *testing.T) {
	for name, rule := range map[string]struct {
		believe sentinel.Belief
		bound   time.Duration
	}{"BelieveFirst": {sentinel.BelieveFirst, time.Second}, "BelieveMajority": {sentinel.BelieveMajority, 2 * time.Second}} {
		t.Run(name, func(t *testing.T) { leaderAlone(t, rule.believe, rule.bound) })
	}
}

// leaderAlone has a client that hears only the sentinel that leads.
func leaderAlone(t *testing.T, believe sentinel.Belief, bound time.Duration) {
	s := accept(t, "A13", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{ProxySentinels: true})
	c := s.client(top, client.Options{Group: sentinel.GroupOptions{Believe: believe}})
	for _, n := range top.Sentinels[1:] {
		n.Proxy().SetFor(testproxy.BlackHole, outside)
	}
	old := s.master(top)
	w := s.startWriters(c, writerCount, callTimeout)
	began := time.Now()
	s.must(top.SentinelFailover(0))
	promoted, err := rec.Wait(s.ctx, func(e testredis.Event) bool { return e.Name == "+promoted-slave" && e.At.After(began) })
	s.must(err)
	moved := s.until("the switch", func() bool { return c.Master() != old.Addr() })
	s.within("switch after +promoted-slave", moved.Sub(promoted.At), bound)
	s.until("every writer back", func() bool { return w.allBack(moved) })
	w.stop()
	a := s.audit(w, s.final(top))
	s.checkAlways(a)
	s.losesNothing("acknowledged writes lost", a, top, rec)
}

// With the rules of epochs switched off (view.see answering switched for every
// other address) the stale sentinel moves clients back, and this fails.
func TestA15AStaleSentinelMovesNobody(t *testing.T) {
	s := accept(t, "A15", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{ProxySentinels: true, ProxyData: true})
	heard := &events{}
	running := s.client(top, client.Options{Group: sentinel.GroupOptions{OnEvent: heard.add}})
	old := s.master(top)
	stale := top.Sentinels[2]
	id := stale.MustDo(s, "SENTINEL", "MYID").Str
	stale.Kill()
	killed := time.Now()
	old.Kill()
	s.switched(rec, killed)
	s.settled(top, old)

	// The stale sentinel comes back with the configuration of before, and is
	// kept from hearing the truth: the race of a real restart, made wide.
	fromStale := func(c *testproxy.Conn) bool { return strings.Contains(string(c.Head()), "sentinel-"+id[:8]) }
	for _, n := range top.Data {
		n.Proxy().SetFor(testproxy.BlackHole, fromStale)
	}
	for _, n := range top.Sentinels[:2] {
		n.Proxy().SetFor(testproxy.BlackHole, fromStale)
	}
	stale.Proxy().SetFor(testproxy.BlackHole, (*testproxy.Conn).Internal)
	s.must(old.Restart())
	s.must(stale.Restart())
	addrs := top.SentinelAddrs()
	slices.Reverse(addrs)
	wrong := 0
	for range 5 {
		fresh := s.client(top, client.Options{Group: sentinel.GroupOptions{Sentinels: addrs}})
		if fresh.Master() == old.Addr() {
			wrong++
		}
		s.must(redis.Set("fresh", "v").Do(s.ctx, fresh))
		s.must(redis.Set("running", "v").Do(s.ctx, running))
		if running.Master() == old.Addr() {
			wrong++
		}
		s.must(fresh.Close())
	}
	r := stale.MustDo(s, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", top.Names[0])
	if r.Elems[1].Str != port(old) {
		s.Errorf("the stale sentinel is not stale: %v", r)
	}
	s.atMost("clients on the old master", wrong, 0)
	s.steady("generations of the running client", int(running.Generation()), 2)
	s.until("EventSentinelStale", func() bool { return len(heard.of(sentinel.EventSentinelStale)) > 0 })
	if calls, err := old.CommandCalls("set"); err != nil || calls > 0 {
		s.Errorf("the old master executed %d SETs, %v", calls, err)
	}
}

func TestA14ARestartedOldMasterGetsNothing(t *testing.T) {
	s := accept(t, "A14", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{})
	c := s.client(top, client.Options{})
	w := s.startWriters(c, writerCount, callTimeout)
	old := s.master(top)
	killed := time.Now()
	old.Kill()
	first := s.switched(rec, killed)
	s.settled(top, old)
	s.must(old.Restart())
	back := time.Now()
	if !old.IsMaster() {
		s.Error("the old master does not call itself one: the scenario shows nothing")
	}
	wrong := 0
	s.until("some time with two masters", func() bool {
		d := s.client(top, client.Options{})
		if d.Master() == old.Addr() || c.Master() == old.Addr() {
			wrong++
		}
		s.must(redis.Set("restarted", "v").Do(s.ctx, d))
		s.must(d.Close())
		return time.Since(back) > span(8*time.Second, 2*time.Second)
	})
	s.atMost("connections to the old master", connections(old), 0)
	s.atMost("clients that chose it", wrong, 0)
	sent := 0
	for _, name := range []string{"rpush", "set"} {
		n, err := old.CommandCalls(name)
		s.must(err)
		sent += n
	}
	s.atMost("commands sent to it", sent, 0)
	s.until("every writer back", func() bool { return w.allBack(first.At) })
	w.stop()
	s.checkAlways(s.audit(w, s.final(top)))
}

func TestA19AHalfOpenLinkToASentinelIsFoundAndCostsNothing(t *testing.T) {
	s := accept(t, "A19", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{ProxySentinels: true})
	heard := &events{}
	o := client.Options{Group: sentinel.GroupOptions{Sentinels: top.SentinelAddrs()[:1], OnEvent: heard.add}}
	c := s.client(top, o)
	up := func() bool { return len(heard.of(sentinel.EventSentinelUp)) == 3 }
	s.until("links to the sentinels that the only configured one knows", up)
	w := s.startWriters(c, writerCount, callTimeout)
	old := s.master(top)
	cut := time.Now()
	top.Sentinels[0].Proxy().SetFor(testproxy.BlackHole, outside)
	s.must(top.SentinelFailover(1))
	first := s.switched(rec, cut)
	moved := s.until("the switch", func() bool { return c.Master() != old.Addr() })
	s.within("switch after T", moved.Sub(first.At), 100*time.Millisecond)
	s.until("EventSentinelDown", func() bool { return len(heard.of(sentinel.EventSentinelDown)) > 0 })
	down := heard.of(sentinel.EventSentinelDown)[0]
	if down.Sentinel != top.SentinelAddrs()[0] {
		s.Errorf("down is %s", down.Sentinel)
	}
	s.within("the silent link is found", down.Time.Sub(cut), 2500*time.Millisecond)
	s.until("every writer back", func() bool { return w.allBack(first.At) })
	w.stop()
	a := s.audit(w, s.final(top))
	s.checkAlways(a)
	s.losesNothing("acknowledged writes lost", a, top, rec)
}

func TestA20AFailoverThatNoSentinelCouldTellIsFoundWhenTheyAreBack(t *testing.T) {
	s := accept(t, "A20", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{ProxySentinels: true})
	c := s.client(top, client.Options{})
	old := s.master(top)
	w := s.startWriters(c, writerCount, callTimeout)
	for _, n := range top.Sentinels {
		n.Kill()
	}
	gone := time.Now()
	s.pass(time.Second)
	for _, n := range top.Sentinels {
		s.must(n.Proxy().Set(testproxy.Pass))
		n.Proxy().SetFor(testproxy.BlackHole, outside)
		s.must(n.Restart())
	}
	s.until("sentinels that know each other", func() bool {
		r, err := top.Sentinels[0].Do("SENTINEL", "CKQUORUM", top.Names[0])
		return err == nil && strings.HasPrefix(r.Str, "OK 3")
	})
	s.until("a failover", func() bool { return top.SentinelFailover(0) == nil })
	s.settled(top, old)
	for _, n := range top.Sentinels {
		n.Proxy().SetFor(testproxy.Pass, nil)
	}
	back := time.Now()
	moved := s.until("the switch", func() bool { return c.Master() != old.Addr() })
	s.within("switch when sentinels are back", moved.Sub(back), time.Second)
	s.until("every writer back", func() bool { return w.allBack(moved) })
	w.stop()
	a := s.audit(w, s.final(top))
	s.checkAlways(a)
	longest := time.Duration(0)
	for _, x := range a.records {
		if x.begun.After(gone) && x.at.Before(back) {
			longest = max(longest, x.at.Sub(x.begun))
		}
	}
	s.within("slowest write while no sentinel was there", longest, 250*time.Millisecond)
}
