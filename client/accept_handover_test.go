package client_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testredis"
)

// A44: in a coordinated failover (Valkey 9) the servers change places by themselves.
// The master waits for its replica to acknowledge everything, which it does once a
// second; nothing else takes time, and nothing is in doubt.
func TestA44ACoordinatedFailoverLosesNothingAndLeavesNothingInDoubt(t *testing.T) {
	s := accept(t, "A44", 3*time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{})
	if info, err := top.Data[0].Info("server"); err != nil || !strings.HasPrefix(info["valkey_version"], "9.") {
		s.Skipf("A44: needs Valkey 9, this is %q %q: %v", info["valkey_version"], info["redis_version"], err)
	}
	c := s.client(top, client.Options{})
	failovers := max(2, runs(5))
	for i := range failovers {
		w := s.startWriters(c, writerCount, callTimeout)
		old, began := s.master(top), time.Now()
		s.until("a coordinated failover", func() bool {
			_, err := top.Sentinels[i%3].Do("SENTINEL", "FAILOVER", top.Names[0], "COORDINATED")
			return err == nil
		})
		next := s.settled(top, old)
		s.until("every writer back", func() bool { return w.allBack(time.Now().Add(-time.Second)) })
		w.stop()
		a := s.audit(w, next)
		s.checkAlways(a)
		s.within("longest pause", a.gap(), 1200*time.Millisecond)
		s.atMost("acknowledged writes lost", len(a.lost), 0)
		s.steady("writes in doubt", len(w.failed()), 0)
		for _, x := range w.failed() {
			s.Logf("A44: %v", x.err)
		}
		for i := range writerCount {
			next.MustDo(s, "DEL", write{writer: i}.key())
		}
		if i < failovers-1 {
			s.pass(time.Until(began.Add(11 * time.Second)))
		}
	}
	if got := int(c.Stats().Adopted); got != failovers {
		s.Errorf("%d of %d masters were adopted when they said so themselves", got, failovers)
	}
}
