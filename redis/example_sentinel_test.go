package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/redis"
)

func ExampleSentinelMaster() {
	ctx := context.Background()
	group, err := testgroup.Start(testgroup.Options{})
	if err != nil {
		panic(err)
	}
	defer group.Close()
	sentinel, err := conn.Dial(ctx, conn.Options{Addr: group.SentinelAddrs()[0], Sentinel: true})
	if err != nil {
		panic(err)
	}
	defer sentinel.Close()

	m, _ := redis.SentinelMaster("mymaster").Do(ctx, sentinel)
	replicas, _ := redis.SentinelReplicas("mymaster").Do(ctx, sentinel)
	fmt.Println(m.Name, m.Has("o_down"), len(replicas))

	_, err = redis.SentinelMasterAddr("nobody").Do(ctx, sentinel)
	fmt.Println(errors.Is(err, redis.ErrNil))
	// Output:
	// mymaster false 2
	// true
}

// What a sentinel watches. Commands of this kind go to a connection to a sentinel.
func ExampleSentinelMasters() {
	list := func(ctx context.Context, sentinel redis.Doer) error {
		masters, err := redis.SentinelMasters().Do(ctx, sentinel)
		for _, m := range masters {
			fmt.Println(m.Name, m.Addr(), m.Quorum, "of", m.Sentinels+1, m.Has("s_down"))
		}
		return err
	}
	_ = list
}

// Would a failover succeed?
func ExampleSentinelCkQuorum() {
	ready := func(ctx context.Context, sentinel redis.Doer, master string) error {
		if _, err := redis.SentinelCkQuorum(master).Do(ctx, sentinel); err != nil {
			return err // NOQUORUM, in words
		}
		others, err := redis.SentinelSentinels(master).Do(ctx, sentinel)
		if err != nil {
			return err
		}
		for _, s := range others {
			if s.Has("disconnected") {
				fmt.Println(s.Addr(), "does not answer")
			}
		}
		return nil
	}
	_ = ready
}

// A failover by hand, and the address of the new master.
func ExampleSentinelFailover() {
	failover := func(ctx context.Context, sentinel redis.Doer, master string) (string, error) {
		before, err := redis.SentinelMasterAddr(master).Do(ctx, sentinel)
		if err != nil {
			return "", err
		}
		if err := redis.SentinelFailover(master).Do(ctx, sentinel); err != nil {
			return "", err
		}
		for {
			addr, err := redis.SentinelMasterAddr(master).Do(ctx, sentinel)
			if err != nil || addr != before {
				return addr, err
			}
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	_ = failover

	// The master hands over by itself, and no write is lost. Valkey 9.
	fmt.Println(redis.Redacted(redis.SentinelFailoverCoordinated("mymaster").Command))
	// Output: SENTINEL FAILOVER "mymaster" "COORDINATED"
}

// A sentinel is told of a master, with its password.
func ExampleSentinelMonitor() {
	watch := func(ctx context.Context, sentinel redis.Doer) error {
		if err := redis.SentinelMonitor("orders", "10.0.0.1", 6379, 2).Do(ctx, sentinel); err != nil {
			return err
		}
		err := redis.SentinelSet("orders", "down-after-milliseconds", "5000", "auth-pass", "secret").Do(ctx, sentinel)
		if err != nil {
			return err
		}
		return redis.SentinelFlushConfig().Do(ctx, sentinel) // to its file
	}
	forget := func(ctx context.Context, sentinel redis.Doer) error {
		return redis.SentinelRemove("orders").Do(ctx, sentinel)
	}
	_, _ = watch, forget
}

// Replicas and sentinels that are gone for good are forgotten.
func ExampleSentinelReset() {
	reset := func(ctx context.Context, sentinel redis.Doer) (masters int64, err error) {
		return redis.SentinelReset("orders*").Do(ctx, sentinel)
	}
	_ = reset
}

// The parameters of the sentinel itself.
func ExampleSentinelConfigSet() {
	announce := func(ctx context.Context, sentinel redis.Doer, ip string) error {
		now, err := redis.SentinelConfigGet("announce-ip").Do(ctx, sentinel)
		if err != nil || now["announce-ip"] == ip {
			return err
		}
		return redis.SentinelConfigSet("announce-ip", ip).Do(ctx, sentinel)
	}
	_ = announce
}

// What a sentinel takes for down, and what it has heard from the servers.
func ExampleSentinelIsMasterDown() {
	look := func(ctx context.Context, sentinel redis.Doer) error {
		id, err := redis.SentinelMyID().Do(ctx, sentinel)
		if err != nil {
			return err
		}
		m, err := redis.SentinelIsMasterDown("10.0.0.1", 6379, 0, "").Do(ctx, sentinel) // without a vote
		if err != nil {
			return err
		}
		heard, err := redis.SentinelInfoCache("orders").Do(ctx, sentinel)
		for _, i := range heard["orders"] {
			fmt.Println(id, m.Down, i.Info["role"], i.Age)
		}
		return err
	}
	_ = look
}

// Notification scripts that have not ended.
func ExampleSentinelPendingScripts() {
	list := func(ctx context.Context, sentinel redis.Doer) error {
		scripts, err := redis.SentinelPendingScripts().Do(ctx, sentinel)
		for _, s := range scripts {
			if s.Running && s.Time > time.Minute {
				fmt.Println(s.PID, s.Args, s.Retries)
			}
		}
		return err
	}
	_ = list
}

// For tests of what a program does in a failover: fast sentinels, and one that crashes in
// the middle. Redis 7.0.
func ExampleSentinelSimulateFailure() {
	prepare := func(ctx context.Context, sentinel redis.Doer) error {
		periods, err := redis.SentinelDebugGet().Do(ctx, sentinel)
		if err != nil {
			return err
		}
		fmt.Println("PING every", periods["PING-PERIOD"])
		if err := redis.SentinelDebugSet("ping-period", 100*time.Millisecond).Do(ctx, sentinel); err != nil {
			return err
		}
		return redis.SentinelSimulateFailure(redis.CrashAfterElection, redis.CrashAfterPromotion).Do(ctx, sentinel)
	}
	_ = prepare
}
