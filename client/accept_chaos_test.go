package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

// defaultSoak is how long the chaos lasts in `make test`; `make soak` sets
// KERMES_SOAK to ten minutes.
const defaultSoak = 30 * time.Second

// chaos is one accident. It returns when everything has been put right again,
// but for what the sentinels do by themselves. Its name says in the log what
// happened; crash says that what was acknowledged just before may be lost,
// because replication is asynchronous.
type chaos struct {
	name  string
	crash bool
	do    func(s *scenario, top *testredis.Topology, master *testredis.Node)
}

var accidents = []chaos{
	{"kill the master, restart it after the failover", true, func(s *scenario, top *testredis.Topology, master *testredis.Node) {
		master.Kill()
		s.settled(top, master)
		s.must(master.Restart())
	}},
	{"kill the master, restart it at once", true, func(s *scenario, _ *testredis.Topology, master *testredis.Node) {
		master.Kill()
		s.must(master.Restart())
	}},
	{"stop the master, let it go on after the failover", true, func(s *scenario, top *testredis.Topology, master *testredis.Node) {
		s.must(master.Stop())
		s.settled(top, master)
		s.must(master.Cont())
	}},
	{"stop the master for a moment", false, func(s *scenario, _ *testredis.Topology, master *testredis.Node) {
		s.must(master.Stop())
		s.pass(time.Duration(rand.Int64N(int64(400 * time.Millisecond))))
		s.must(master.Cont())
	}},
	{"planned failover", false, func(s *scenario, top *testredis.Topology, master *testredis.Node) {
		s.until("a failover", func() bool { return top.SentinelFailover(rand.IntN(len(top.Sentinels))) == nil })
		s.settled(top, master)
	}},
	{"planned failover while a sentinel restarts", false, func(s *scenario, top *testredis.Topology, master *testredis.Node) {
		i := rand.IntN(len(top.Sentinels))
		top.Sentinels[i].Kill()
		s.until("a failover", func() bool { return top.SentinelFailover((i+1)%len(top.Sentinels)) == nil })
		s.settled(top, master)
		s.must(top.Sentinels[i].Restart())
	}},
	{"black hole around the master", true, func(s *scenario, top *testredis.Topology, master *testredis.Node) {
		s.must(master.Proxy().Set(testproxy.BlackHole))
		top.Hasten()
		s.settled(top, master)
		s.must(master.Proxy().Set(testproxy.Pass))
	}},
	{"reset of all connections to the master", false, func(_ *scenario, _ *testredis.Topology, master *testredis.Node) {
		master.Proxy().Reset()
	}},
	{"restart of a sentinel", false, func(s *scenario, top *testredis.Topology, _ *testredis.Node) {
		s.must(top.Sentinels[rand.IntN(len(top.Sentinels))].Restart())
	}},
	{"no sentinel to be reached for a second", false, func(s *scenario, top *testredis.Topology, _ *testredis.Node) {
		for _, n := range top.Sentinels {
			n.Proxy().SetFor(testproxy.BlackHole, outside)
		}
		s.pass(time.Second)
		for _, n := range top.Sentinels {
			n.Proxy().SetFor(testproxy.Pass, nil)
		}
	}},
	{"kill a replica, restart it", false, func(s *scenario, top *testredis.Topology, _ *testredis.Node) {
		all, err := top.Replicas("")
		s.must(err)
		n := all[rand.IntN(len(all))]
		n.Kill()
		s.pass(time.Second)
		s.must(n.Restart())
	}},
}

// accident is one that has happened.
type accident struct {
	chaos
	began time.Time
	end   time.Time // everybody works again
}

func TestA41ChaosLosesNothingButWhatIsDocumented(t *testing.T) {
	soak := defaultSoak
	if text := os.Getenv("KERMES_SOAK"); text != "" {
		var err error
		if soak, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := accept(t, "A41", soak+3*time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Fast: true, Persist: true, ProxyData: true, ProxySentinels: true, MaxLife: soak + 5*time.Minute})
	c := s.client(top, client.Options{})
	w := s.startWriters(c, writerCount, callTimeout)
	sure := s.startSureWriter(c)
	var happened []accident
	start := time.Now()
	for order := rand.Perm(len(accidents)); time.Since(start) < soak; order = rand.Perm(len(accidents)) {
		for _, i := range order {
			if time.Since(start) > soak {
				break
			}
			happened = append(happened, s.happen(top, w, accidents[i]))
		}
	}
	w.stop()
	sure.stop()
	final := s.final(top)
	s.auditChaos(w, happened, final, top, rec)
	s.auditSure(sure, final)
}

// happen lets an accident happen, and waits until all is well.
func (s *scenario) happen(top *testredis.Topology, w *writers, c chaos) accident {
	s.Helper()
	master := s.master(top)
	a := accident{chaos: c, began: time.Now()}
	c.do(s, top, master)
	s.must(top.WaitSettled(s.ctx))
	settled := time.Now()
	s.until("every writer back", func() bool { return w.allBack(settled) })
	a.end = time.Now()
	s.pass(time.Duration(rand.Int64N(int64(time.Second))))
	return a
}

// notElected reports whether an election among the sentinels has failed in an accident.
// They try again after twice their failover-timeout.
func notElected(heard []testredis.Event, a accident) bool {
	return slices.ContainsFunc(heard, func(e testredis.Event) bool {
		return e.Name == "-failover-abort-not-elected" && e.At.After(a.began) && e.At.Before(a.end)
	})
}

// auditChaos: what was lost was acknowledged within a moment of a crash, and
// no accident stopped everybody for longer than the sentinels need.
func (s *scenario) auditChaos(w *writers, happened []accident, final *testredis.Node, top *testredis.Topology, rec *testredis.Recorder) {
	s.Helper()
	a := s.audit(w, final)
	s.checkAlways(a)
	undocumented, lost := 0, s.inTime(a.lost, top, rec)
	late := len(a.lost) - len(lost) // the race that only a graceful failover closes
	for _, x := range lost {
		if !slices.ContainsFunc(happened, func(h accident) bool {
			return h.crash && x.at.After(h.began.Add(-asyncTail())) && x.at.Before(h.began.Add(asyncTail()))
		}) {
			undocumented++
			s.Logf("A41: lost: %+v", x)
		}
	}
	s.Logf("A41: %d accidents, %d writes acknowledged, %d lost in the asynchronous tail of a crash, %d by announcements that came with the promotion, %d failed",
		len(happened), a.acked, len(a.lost)-undocumented-late, late, len(w.failed()))
	s.atMost("acknowledged writes lost outside of documented windows", undocumented, 0)
	longest, during := time.Duration(0), ""
	for _, h := range happened {
		gap := a.gapWithin(h.began, h.end)
		s.Logf("A41: %-50s nobody had a success for %v", h.name, gap.Round(time.Millisecond))
		if notElected(rec.Events(), h) {
			s.Logf("A41: the sentinels could not elect a leader then: that pause is theirs")
			continue
		}
		if gap > longest {
			longest, during = gap, h.name
		}
	}
	s.Logf("A41: the longest gap was at: %s", during)
	s.within("longest gap of one accident (down-after + 3 s)", longest, 4*time.Second)
}

// gapWithin is gap between two points in time.
func (a audit) gapWithin(from, to time.Time) time.Duration {
	var part audit
	for _, x := range a.records {
		if x.at.After(from.Add(-time.Second)) && x.at.Before(to.Add(time.Second)) {
			part.records = append(part.records, x)
		}
	}
	return part.gap()
}

// sureWriter writes and waits until all replicas have it.
type sureWriter struct {
	*writers
}

// startSureWriter: an acknowledgement of it is RPUSH and WAIT for all replicas
// on one connection.
func (s *scenario) startSureWriter(c *client.Client) sureWriter {
	ctx, cancel := context.WithCancel(s.ctx)
	w := sureWriter{&writers{cancel: cancel, stopc: make(chan struct{}), done: make([][]write, 1)}}
	w.wg.Go(func() {
		for seq := 0; ctx.Err() == nil; seq++ {
			x := write{seq: seq, begun: time.Now()}
			x.err = c.WithConn(ctx, func(cn *conn.Conn) error {
				if _, err := redis.RPush("sure", strconv.Itoa(seq)).Do(ctx, cn); err != nil {
					return err
				}
				n, err := redis.Wait(testgroup.DefaultReplicas, 200*time.Millisecond).Do(ctx, cn)
				if err == nil && n < testgroup.DefaultReplicas {
					err = fmt.Errorf("only %d replicas have it", n)
				}
				return err
			})
			x.at = time.Now()
			w.mu.Lock()
			w.done[0] = append(w.done[0], x)
			w.mu.Unlock()
			select {
			case <-w.stopc:
				return
			case <-ctx.Done():
			case <-time.After(writeGap):
			}
		}
	})
	s.Cleanup(func() { cancel(); w.wg.Wait() })
	return w
}

func (s *scenario) auditSure(w sureWriter, final *testredis.Node) {
	s.Helper()
	there := map[string]bool{}
	for _, text := range final.MustDo(s, "LRANGE", "sure", "0", "-1").Strings() {
		there[text] = true
	}
	lost := 0
	for _, x := range w.acked() {
		if !there[strconv.Itoa(x.seq)] {
			lost++
			s.Logf("A41: lost although all replicas had it: %+v", x)
		}
	}
	s.Logf("A41: %d writes confirmed by all replicas", len(w.acked()))
	s.atMost("lost although confirmed by all replicas", lost, 0)
}
