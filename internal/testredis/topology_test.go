package testredis

import (
	"context"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// patience is enough for some failovers of a loaded machine: sentinels begin anew
// 16 s after one that did not succeed.
const patience = 100 * time.Second

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestTopologyStartsFailsOverAndRecords(t *testing.T) {
	leak.Check(t)
	leak.CheckFiles(t)
	start := time.Now()
	topo := NewTopology(t, TopologyOptions{Fast: true})
	t.Logf("ready after %v", time.Since(start))
	rec := NewRecorder(t, topo)
	ctx := within(t, patience)
	old, err := topo.CurrentMaster("")
	if err != nil || old != topo.Data[0] || !old.IsMaster() {
		t.Fatalf("master %v, %v", old, err)
	}
	old.MustDo(t, "SET", "k", "v")
	start = time.Now()
	if err := topo.SentinelFailover(1); err != nil {
		t.Fatal(err)
	}
	first, err := rec.Switch(ctx, "mymaster", start)
	if err != nil {
		t.Fatal(err)
	}
	now, err := topo.WaitSwitch(ctx, "", old)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("first +switch-master by sentinel %d after %v", first.Sentinel, first.At.Sub(start))
	if n, err := topo.NodeAt(first.To()); err != nil || n != now || now == old {
		t.Errorf("event %v, master %s", first, now.Name)
	}
	if got := now.MustDo(t, "GET", "k").Str; got != "v" {
		t.Errorf("got %q", got)
	}
	if err := topo.WaitReplica(ctx, old); err != nil {
		t.Error(err)
	}
	t.Logf("old master demoted after %v", time.Since(start))
	for i := range topo.Sentinels {
		if e, err := topo.Epoch(i, ""); err != nil || e != 1 {
			t.Errorf("sentinel %d: epoch %d, %v", i, e, err)
		}
	}
	if err := topo.WaitSettled(ctx); err != nil {
		t.Error(err)
	}
	// And the other way: kill it, and bring it back on the same port.
	start = time.Now()
	now.Kill()
	if now.Running() {
		t.Error("killed, but running")
	}
	next, err := topo.WaitSwitch(ctx, "", now)
	if err != nil {
		t.Fatal(err)
	}
	addr := now.Direct()
	if err := now.Restart(); err != nil {
		t.Fatal(err)
	}
	if now.Direct() != addr || next == now {
		t.Errorf("restarted at %s, was at %s", now.Direct(), addr)
	}
	if err := topo.WaitReplica(ctx, now); err != nil {
		t.Error(err)
	}
	t.Logf("killed, failed over, restarted, demoted after %v", time.Since(start))
}
