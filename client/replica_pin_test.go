package client_test

import (
	"errors"
	"testing"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

func TestAScanOfReplicasStaysWithOne(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{}))
	r := c.Replicas()
	serving(t, r, 2)
	for _, n := range e.Replicas() {
		n.ReplyOnce("SCAN", "*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nb\r\n")
	}
	keys := ""
	for key, err := range redis.Scan(t.Context(), redis.Intercept(r), redis.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys += key
	}
	a, b := len(e.Replicas()[0].CallsOf("SCAN")), len(e.Replicas()[1].CallsOf("SCAN"))
	if keys != "ab" || a+b != 2 || a != 0 && b != 0 {
		t.Errorf("keys %q in %d and %d pages", keys, a, b)
	}
}

func TestAPinnedReplicaThatIsGoneIsNotReplaced(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	e.StopDetection(true)
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{}))
	r := c.Replicas()
	serving(t, r, 2)
	p := r.Pin()
	if _, err := redis.Exists("k").Do(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	at := e.Replicas()[0]
	if len(at.CallsOf("EXISTS")) == 0 {
		at = e.Replicas()[1]
	}
	get := resp.NewCommand("GET", resp.String("k")).WithFlags(resp.ReadOnly)
	leak.Eventually(t, patience, "a batch at the pinned replica", func() bool { // a busy machine may have it left out for a while
		n, before := 0, len(at.CallsOf("GET"))
		err := p.DoBatch(t.Context(), []resp.Command{get, get}, func(int, resp.Value) { n++ })
		return err == nil && n == 2 && len(at.CallsOf("GET")) == before+2
	})
	if err := redis.Set("k", "v").Do(t.Context(), p); !errors.Is(err, client.ErrNotReadOnly) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("a write: %v", err)
	}
	if err := at.Crash(); err != nil {
		t.Fatal(err)
	}
	if _, err := redis.Exists("k").Do(t.Context(), p); err == nil {
		t.Error("another server has answered")
	}
	if _, err := redis.Exists("k").Do(t.Context(), r); err != nil {
		t.Errorf("the other replica: %v", err)
	}
}

func TestABatchMayChooseThePinnedReplica(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), readOptions(client.ReplicaOptions{}))
	serving(t, c.Replicas(), 2)
	p := c.Replicas().Pin()
	get := resp.NewCommand("GET", resp.String("k")).WithFlags(resp.ReadOnly)
	for range 4 {
		if err := p.DoBatch(t.Context(), []resp.Command{get}, func(int, resp.Value) {}); err != nil {
			t.Fatal(err)
		}
	}
	a, b := len(e.Replicas()[0].CallsOf("GET")), len(e.Replicas()[1].CallsOf("GET"))
	if a+b != 4 || a != 0 && b != 0 {
		t.Errorf("%d and %d batches", a, b)
	}
}
