package testredis

import (
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
	first, err := rec.Switch(ctx, "", killed)
	if err != nil {
		t.Fatal(err)
	}
	if took := first.At.Sub(killed); took >= CalmDownAfter {
		t.Errorf("the failover took %v: nobody was in a hurry", took)
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
	if n := rec.Failovers(""); n != 2 {
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
