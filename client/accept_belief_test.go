package client_test

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// A43: failovers follow each other as in a rolling upgrade, so that a sentinel may
// not have asked the promoted server since it was a master before, and makes it a
// replica again until it has heard of the new epoch.
func TestA43FailoversInARowLoseNothing(t *testing.T) {
	for name, slow := range map[string]bool{"as they are": false, "one sentinel is slow": true} {
		t.Run(name, func(t *testing.T) {
			s := accept(t, "A43", 5*time.Minute)
			top, rec := s.topology(testredis.TopologyOptions{})
			c := s.client(top, client.Options{})
			if slow {
				s.slow(top.Sentinels[2])
			}
			w := s.startWriters(c, writerCount, callTimeout)
			failovers := failoversInARow()
			for i := range failovers {
				old, began := s.master(top), time.Now()
				s.until("a failover", func() bool { return top.SentinelFailover(i%2) == nil })
				s.settled(top, old)
				if i < failovers-1 {
					s.pass(time.Until(began.Add(11 * time.Second)))
				}
			}
			s.until("every writer back", func() bool { return w.allBack(time.Now().Add(-time.Second)) })
			w.stop()
			a := s.audit(w, s.final(top))
			s.checkAlways(a)
			s.Logf("A43: %s: %d writes acknowledged, longest pause %v", name, a.acked, a.gap())
			s.losesNothing("acknowledged writes lost, "+name, a, top, rec)
			// An announced failover of the sentinels takes about a second, and the rest
			// of them a quarter of one; what follows belongs to the servers.
			s.within("longest pause, "+name, a.gap(), 2*time.Second)
		})
	}
}

func failoversInARow() int {
	if strict {
		return 10
	}
	return 2
}

// slow stops a sentinel for 100 ms again and again, so that what it does comes
// late by as much.
func (s *scenario) slow(n *testredis.Node) {
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			_ = n.Stop()
			time.Sleep(100 * time.Millisecond)
			_ = n.Cont()
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	s.Cleanup(func() {
		close(stop)
		work.Wait()
	})
}

// One of three sentinels claims the last of all epochs, and that a server of its
// own is the master, which says so too. It names thousands of others, and replicas.
func TestOneSentinelTakesNobodyAway(t *testing.T) {
	leak.Check(t)
	ctx := t.Context()
	e := testgroup.New(t, testgroup.Options{})
	thief := testserver.New(t)
	thief.Reply("ROLE", testserver.Array(testserver.Bulk("master"), ":0\r\n", "*0\r\n"))
	host, port, _ := net.SplitHostPort(thief.Addr())
	var others []string
	for i := range 2000 {
		others = append(others, testserver.Bulks("name", fmt.Sprint(i), "ip", "127.0.0.2", "port", fmt.Sprint(20000+i), "runid", fmt.Sprint("r", i), "flags", "sentinel"))
	}
	liar := testserver.NewWith(t, testserver.Options{Mode: "sentinel"})
	var lies atomic.Bool // not before the client knows its master: a slow machine may have reached nobody else
	lie := func(args []string) string {
		host, port, epoch := host, port, "9223372036854775807"
		if !lies.Load() {
			host, port, _ = net.SplitHostPort(e.MasterAddr())
			epoch = "0"
		}
		switch args[1] {
		case "get-master-addr-by-name":
			return testserver.Bulks(host, port)
		case "master":
			return testserver.Bulks("name", "mymaster", "flags", "master", "config-epoch", epoch,
				"num-other-sentinels", "2", "quorum", "2", "runid", "x", "ip", host, "port", port)
		case "sentinels":
			if !lies.Load() {
				return testserver.Array()
			}
			return testserver.Array(others...)
		case "replicas", "slaves":
			return testserver.Array(testserver.Bulks("ip", host, "port", port, "flags", "slave", "master-link-status", "ok", "runid", "x"))
		}
		return testserver.OK
	}
	liar.Handle("SENTINEL", func(p *testserver.Peer, args []string) { p.Write(lie(args)) })
	c, err := client.Open(ctx, client.Options{Master: testgroup.DefaultMaster, Group: sentinel.GroupOptions{
		Sentinels: append(e.SentinelAddrs()[:2], liar.Addr()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	linked(t, c)
	lies.Store(true)
	asked := len(liar.CallsOf("SENTINEL"))
	for range 50 {
		liar.Publish("+selected-slave", "slave "+thief.Addr()+" "+host+" "+port+" @ mymaster 127.0.0.1 1")
		if err := redis.Set("k", "v").Do(ctx, c); err != nil {
			t.Fatal(err)
		}
		_, _ = redis.Get("k").Do(ctx, c.Replicas())
	}
	leak.Eventually(t, patience, "the liar to be asked", func() bool { return len(liar.CallsOf("SENTINEL")) > asked+3 })
	if c.Generation() != 1 {
		t.Errorf("generation %d, master %s", c.Generation(), c.Master())
	}
	if n := len(c.Group().Sentinels()); n > 3+16+1 {
		t.Errorf("%d sentinels are watched", n)
	}
	if calls := thief.Calls(); len(calls) > 0 {
		t.Errorf("the liar's server was sent %v", calls)
	}
}
