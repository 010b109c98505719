package testredis

import (
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
)

// patient waits until all sentinels have some patience.
func patient(t *testing.T, topo *Topology, when string, want time.Duration) {
	t.Helper()
	leak.Eventually(t, 0, when+": down-after of "+want.String(), func() bool {
		for _, s := range topo.Sentinels {
			m, err := s.Do("SENTINEL", "MASTER", topo.Names[0])
			if err != nil || m.Map()["down-after-milliseconds"].Str != decimal(want.Milliseconds()) {
				return false
			}
		}
		return true
	})
}

func TestSentinelsAreInAHurryOnlyWhileAServerIsDown(t *testing.T) {
	leak.Check(t)
	topo := NewTopology(t, TopologyOptions{ProxyData: true})
	rec := NewRecorder(t, topo)
	ctx := within(t, patience)
	old := topo.Data[0]
	patient(t, topo, "at first", CalmDownAfter)
	if err := topo.Data[1].Stop(); err != nil {
		t.Fatal(err)
	}
	patient(t, topo, "while a replica is stopped", DefaultDownAfter)
	if err := topo.Data[1].Cont(); err != nil {
		t.Fatal(err)
	}
	patient(t, topo, "when it goes on", CalmDownAfter)

	// Each becomes patient when it has moved, whether or not the old master is back.
	killed := time.Now()
	old.Kill()
	// An election that nobody wins at the first try costs two failover-timeouts; when the
	// server is found to be down tells of the haste alone.
	down, err := rec.Wait(ctx, func(e Event) bool {
		return e.Name == "+sdown" && strings.HasPrefix(e.Payload, "master ") && !e.At.Before(killed)
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := down.At.Sub(killed); took >= CalmDownAfter {
		t.Errorf("down after %v: nobody was in a hurry", took)
	}
	if _, err := rec.Switch(ctx, "", killed); err != nil {
		t.Fatal(err)
	}
	next, err := topo.WaitSwitch(ctx, "", old)
	if err != nil {
		t.Fatal(err)
	}
	patient(t, topo, "after the switch", CalmDownAfter)
	if err := old.Restart(); err != nil {
		t.Fatal(err)
	}

	cut := time.Now()
	if err := next.Proxy().Set(testproxy.BlackHole); err != nil {
		t.Fatal(err)
	}
	topo.Hasten()
	patient(t, topo, "while the master is cut off", DefaultDownAfter)
	if _, err := rec.Switch(ctx, "", cut); err != nil {
		t.Fatal(err)
	}
	if n := rec.Failovers(""); n < 2 { // a busy machine may have one more
		t.Errorf("%d failovers", n)
	}
}

func TestADownAfterThatWasGivenStays(t *testing.T) {
	leak.Check(t)
	topo := NewTopology(t, TopologyOptions{Replicas: 1, DownAfter: 5 * time.Second})
	if err := topo.Data[1].Restart(); err != nil {
		t.Fatal(err)
	}
	topo.Data[1].Kill()
	topo.Hasten()
	topo.closeTemper() // nobody is at work any more
	patient(t, topo, "whatever happens", 5*time.Second)
}
