package client_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// With MaxHold without effect (the timer of beginHold) the writers wait for
// ever, and this fails. A client that adopts whoever says ROLE master would
// write to the orphan.
func TestA16AnOrphanedPromotionHoldsForAWhileAndGetsNothing(t *testing.T) {
	s := accept(t, "A16", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{})
	heard := &events{}
	c := s.client(top, client.Options{Group: sentinel.GroupOptions{OnEvent: heard.add}})
	old := s.master(top)
	w := s.startWriters(c, writerCount, callTimeout)
	top.Sentinels[0].MustDo(s, "SENTINEL", "SIMULATE-FAILURE", "crash-after-promotion")
	began := time.Now()
	s.must(top.SentinelFailover(0))
	s.until("the hold and its end", func() bool { return len(heard.of(sentinel.EventRelease)) > 0 })
	hold, release := heard.of(sentinel.EventHold)[0].Time, heard.of(sentinel.EventRelease)[0].Time
	s.within("writes are held (MaxHold 3 s)", release.Sub(hold), client.DefaultMaxHold+50*time.Millisecond)
	s.until("every writer back", func() bool { return w.allBack(release) })

	chosen, err := rec.Wait(s.ctx, func(e testredis.Event) bool { return e.Name == "+selected-slave" })
	s.must(err)
	orphan, err := top.NodeAt(strings.Fields(chosen.Payload)[1])
	s.must(err)
	if !orphan.IsMaster() {
		s.Fatal("nobody was promoted: the scenario shows nothing")
	}
	before, err := orphan.CommandCalls("rpush")
	s.must(err)
	astray, writes := 0, 0
	s.until("the orphan's demotion", func() bool {
		if c.Master() != old.Addr() {
			astray++
		}
		calls, err := orphan.CommandCalls("rpush")
		if !orphan.IsMaster() { // it replicates again
			return true
		}
		if err == nil {
			writes = calls - before
		}
		return !strict && time.Since(began) > 6*time.Second
	})
	s.Logf("A16: watched %v of two masters", time.Since(s.promotion(orphan)).Round(time.Millisecond))
	s.atMost("writes to the orphan", writes, 0)
	s.atMost("seen elsewhere than on the configured master", astray, 0)
	s.steady("generations", int(c.Generation()), 1)
	w.stop()
	a := s.audit(w, old)
	s.checkAlways(a)
	s.atMost("acknowledged writes lost", len(a.lost), 0)
}

// push is a message of a sentinel as it stands on the wire.
func push(channel, payload string) []byte {
	return []byte(testserver.Push(testserver.Bulk("message"), testserver.Bulk(channel), testserver.Bulk(payload)))
}

func TestA17ThereAndBackAgainWithALateDuplicateEvent(t *testing.T) {
	s := accept(t, "A17", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Replicas: 1, ProxySentinels: true, Fast: true})
	heard := &events{}
	c := s.client(top, client.Options{Group: sentinel.GroupOptions{OnEvent: heard.add}})
	w := s.startWriters(c, writerCount, callTimeout)
	home := s.master(top)
	s.must(top.SentinelFailover(0))
	away := s.settled(top, home)
	s.must(top.WaitSettled(s.ctx)) // before, there is nobody to promote
	s.until("a second failover", func() bool { return top.SentinelFailover(1) == nil })
	again := time.Now()
	first := s.switched(rec, again)
	s.settled(top, away)
	s.until("the client back home", func() bool { return c.Master() == home.Addr() })

	payload := fmt.Sprintf("%s %s %s %s %s", top.Names[0], home.Host(), port(home), away.Host(), port(away))
	injected := 0
	for _, p := range top.Sentinels[2].Proxy().Conns() {
		if !p.Internal() {
			p.Inject(testproxy.Down, push("+switch-master", payload))
			injected++
		}
	}
	if injected == 0 {
		s.Fatal("no connection of the client to inject into")
	}
	isDuplicate := func(e sentinel.Event) bool { return e.Message.Payload == payload && e.Time.After(first.At) }
	s.until("the duplicate", func() bool { return slices.ContainsFunc(heard.of(sentinel.EventMessage), isDuplicate) })
	flaps, since := 0, time.Now()
	s.until("a while", func() bool {
		if c.Master() != home.Addr() {
			flaps++
		}
		return time.Since(since) > time.Second
	})
	s.atMost("seen elsewhere after the duplicate", flaps, 0)
	s.steady("generations", int(c.Generation()), 3)
	var last int64
	for _, e := range heard.of(sentinel.EventSwitched) {
		if e.Epoch <= last {
			s.Errorf("epoch %d after %d", e.Epoch, last)
		}
		last = e.Epoch
	}
	s.until("every writer back", func() bool { return w.allBack(first.At) })
	w.stop()
	a := s.audit(w, home)
	s.checkAlways(a)
	s.losesNothing("acknowledged writes lost", a, top, rec)
}

func TestA18TwoForcedFailoversAtOnceEndOnOneMaster(t *testing.T) {
	s := accept(t, "A18", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Fast: true})
	heard := &events{}
	c := s.client(top, client.Options{Group: sentinel.GroupOptions{OnEvent: heard.add}})
	w := s.startWriters(c, writerCount, callTimeout)
	old := s.master(top)
	began := time.Now()
	forced := make(chan error, 2)
	for i := range 2 {
		go func() { forced <- top.SentinelFailover(i) }()
	}
	for range 2 {
		if err := <-forced; err != nil {
			s.Logf("A18: one of the two was refused: %v", err)
		}
	}
	s.switched(rec, began)
	next := s.settled(top, old)
	s.until("the client there", func() bool { return c.Master() == next.Addr() })
	s.until("one master", func() bool { return top.WaitSettled(s.ctx) == nil })
	final := s.master(top)
	s.until("the client on the final one", func() bool { return c.Master() == final.Addr() })
	end := time.Now()
	s.until("every writer back", func() bool { return w.allBack(end) })
	w.stop()
	a := s.audit(w, final)
	s.checkAlways(a)
	s.atMost("acknowledged after the end and not on the final master", begunAfter(a.lost, end), 0)
	var left []string
	returns, busiest := 0, 0
	switches := heard.of(sentinel.EventSwitched)
	for i, e := range switches {
		if slices.Contains(left, e.Addr) {
			returns++
		}
		left = append(left, e.OldAddr)
		near := 0
		for _, other := range switches[i:] {
			if other.Time.Sub(e.Time) < time.Second {
				near++
			}
		}
		busiest = max(busiest, near)
	}
	// Two forced failovers may get the same epoch: then nobody can say which
	// of two masters it is until the sentinels have decided.
	if strict {
		s.atMost("returns to a master that was left", returns, 1)
		s.atMost("switches in one second", busiest, 2)
	}
	s.Logf("A18: %d switches, %d returns, %d conflicts reported, %d of %d acknowledged writes lost", len(switches), returns, len(heard.of(sentinel.EventConflict)), len(a.lost), a.acked)
}

// A21: somebody demotes the master by hand, and no sentinel has anything to
// say.
func TestA21AMasterDemotedByHandAcknowledgesNothing(t *testing.T) {
	s := accept(t, "A21", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{})
	c := s.client(top, client.Options{})
	w := s.startWriters(c, writerCount, callTimeout)
	master := s.master(top)
	master.MustDo(s, "REPLICAOF", "127.0.0.1", "1")
	demoted := time.Now()
	s.pass(span(3*time.Second, 1500*time.Millisecond))
	master.MustDo(s, "REPLICAOF", "NO", "ONE")
	restored := time.Now()
	back := s.until("every writer back", func() bool { return w.allBack(restored) })
	w.stop()
	s.within("every writer works again", back.Sub(restored), time.Second)
	a := s.audit(w, master)
	s.checkAlways(a)
	s.atMost("acknowledged writes lost", len(a.lost), 0)
	between, doubtful := 0, 0
	for _, x := range a.records {
		if x.err == nil && x.begun.After(demoted.Add(50*time.Millisecond)) && x.at.Before(restored) {
			between++
		}
		if x.err == nil {
			continue
		}
		// What the server had acknowledged when others were told that it is no
		// master is as doubtful as it gets: it is there as long as whoever demoted
		// it did not give it another master's data.
		doubtful++
		if conn.ClassOf(x.err) != conn.ClassMaybeExecuted || !errors.Is(x.err, client.ErrNotMaster) {
			s.Errorf("a write was not retried: %v", x.err)
			break
		}
	}
	s.atMost("acknowledged while nobody was a master", between, 0)
	if most := writerCount * int(c.Stats().Distrusted); doubtful > most {
		s.Errorf("%d writes are in doubt, which is more than the %d that can have been under way", doubtful, most)
	}
}

func TestA21WithoutRetriesTheRefusalIsTyped(t *testing.T) {
	s := accept(t, "A21", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{})
	c := s.client(top, client.Options{RetryTime: -1})
	s.master(top).MustDo(s, "REPLICAOF", "127.0.0.1", "1")
	err := redis.Set("k", "v").Do(s.ctx, c)
	if conn.ClassOf(err) != conn.ClassRejected && conn.ClassOf(err) != conn.ClassNotSent {
		s.Errorf("class %v of %v", conn.ClassOf(err), err)
	}
	if _, isRole := errors.AsType[*conn.RoleError](err); !errors.Is(err, redis.ErrReadOnly) && !isRole {
		s.Errorf("the error is %v", err)
	}
}

// A23: counters under mixed failovers. Retries are on; what may have been
// executed is not repeated.
func TestA23CountersCountEveryAcknowledgementOnce(t *testing.T) {
	s := accept(t, "A23", 3*time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Fast: true})
	c := s.client(top, client.Options{})
	type count struct{ acked, unknown, tail int }
	counts := make([]count, writerCount)
	var calls []write
	w := s.startWriters(c, 1, callTimeout) // keeps a record of lists meanwhile
	stop := make(chan struct{})
	done := make(chan int, writerCount)
	records := make([][]write, writerCount)
	for i := range writerCount {
		go func() {
			defer func() { done <- i }()
			tick := time.NewTicker(writeGap)
			defer tick.Stop()
			for {
				x := write{writer: i, begun: time.Now()}
				_, x.err = redis.Incr(fmt.Sprint("n", i)).Do(s.ctx, c)
				x.at = time.Now()
				records[i] = append(records[i], x)
				select {
				case <-stop:
					return
				case <-tick.C:
				}
			}
		}()
	}
	var kills []time.Time
	master := s.master(top)
	for i := range max(2, runs(4)) {
		old, began := master, time.Now()
		if i%2 == 0 {
			s.must(top.SentinelFailover(i % 3))
		} else {
			old.Kill()
			kills = append(kills, began)
		}
		s.switched(rec, began)
		s.settled(top, old)
		if !old.Running() {
			s.must(old.Restart())
		}
		s.must(top.WaitSettled(s.ctx))
		master = s.master(top) // loaded sentinels may have failed over once more
	}
	close(stop)
	for range writerCount {
		<-done
	}
	w.stop()
	s.checkAlways(s.audit(w, master))
	kills = append(kills, s.lateAnnouncements(top, rec)...)
	missing, extra := 0, 0
	for i := range counts {
		n := &counts[i]
		for _, x := range records[i] {
			switch class := conn.ClassOf(x.err); {
			case x.err == nil:
				n.acked++
				if slices.ContainsFunc(kills, func(k time.Time) bool { return x.at.After(k.Add(-asyncTail())) && x.at.Before(k.Add(asyncTail())) }) {
					n.tail++
				}
			case class != conn.ClassNotSent && class != conn.ClassRejected:
				n.unknown++
			}
		}
		calls = append(calls, records[i]...)
		got, err := strconv.Atoi(master.MustDo(s, "GET", fmt.Sprint("n", i)).Str)
		s.must(err)
		missing += max(0, n.acked-n.tail-got)
		extra += max(0, got-n.acked-n.unknown)
	}
	s.Logf("A23: %d calls, %d kills and announcements that came with the promotion", len(calls), len(kills))
	s.atMost("acknowledged and not counted", missing, 0)
	s.atMost("counted and neither acknowledged nor unknown", extra, 0)
}
