package main

import (
	"context"
	"fmt"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testredis"
)

// deployment is a master with two replicas and three sentinels, and what will
// happen to it.
type deployment struct {
	what      string
	master    string
	sentinels []string
	faults    []fault
	close     func() error
}

// fault is something that makes another server the master.
type fault struct {
	name, what string
	lossless   bool // no acknowledged write may be lost
	do         func(ctx context.Context) error
	settle     func(ctx context.Context) error // waits until the next fault may come
}

// startEmbedded runs the deployment in this process, on miniredis.
func startEmbedded() (*deployment, error) {
	timing := testgroup.RealTiming().Scale(1.0 / 4)
	timing.Promote = testgroup.RealTiming().Promote // the time that there is to hold writes
	e, err := testgroup.Start(testgroup.Options{Timing: timing})
	if err != nil {
		return nil, err
	}
	return &deployment{
		what:      "one master, two replicas, three sentinels, embedded in this process",
		master:    testgroup.DefaultMaster,
		sentinels: e.SentinelAddrs(),
		faults: []fault{
			{name: "planned", what: "planned failover (SENTINEL FAILOVER)", lossless: true, do: e.Failover},
			// An embedded replica has what its master had, so a crash loses nothing.
			{name: "crash", what: "the master crashes", lossless: true, do: func(context.Context) error {
				_, err := e.CrashMaster()
				return err
			}},
		},
		close: e.Close,
	}, nil
}

// startReal runs it as processes of its own.
func startReal() (*deployment, error) {
	t, err := testredis.StartTopology(testredis.TopologyOptions{Fast: true})
	if err != nil {
		return nil, err
	}
	return &deployment{
		what:      fmt.Sprintf("one master, two replicas, three sentinels: %d processes of redis-server and redis-sentinel", len(t.Data)+len(t.Sentinels)),
		master:    testgroup.DefaultMaster,
		sentinels: t.SentinelAddrs(),
		faults: []fault{
			{
				name: "planned", what: "planned failover (SENTINEL FAILOVER)", lossless: true,
				do:     func(context.Context) error { return t.SentinelFailover(0) },
				settle: t.WaitSettled,
			},
			{name: "kill -9", what: "kill -9 of the master", do: func(context.Context) error {
				n, err := t.CurrentMaster("")
				if err == nil {
					n.Kill()
				}
				return err
			}},
		},
		close: t.Close,
	}, nil
}
