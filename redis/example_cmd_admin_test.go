package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

func ExampleEval() {
	ctx, client := exampleClient()

	sum, err := redis.Eval(redis.Int, `return ARGV[1] + ARGV[2]`, nil, resp.Int(3), resp.Int(4)).Do(ctx, client)
	fmt.Println(sum, err)
	// Output: 7 <nil>
}

func ExampleFCall() {
	// A library of functions stays on the server, unlike a script. Redis 7.0.
	const library = `#!lua name=counters
redis.register_function('bump', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)`
	bump := func(ctx context.Context, client redis.Doer) (int64, error) {
		if _, err := redis.FunctionLoad(library, true).Do(ctx, client); err != nil {
			return 0, err
		}
		return redis.FCall(redis.Int, "bump", []string{"hits"}, resp.Int(5)).Do(ctx, client)
	}
	_ = bump
}

func ExamplePublish() {
	ctx, client := exampleClient()

	got, _ := redis.Publish("news", "hello").Do(ctx, client)
	fmt.Println(got, "subscribers")
	// Output: 0 subscribers
}

func ExamplePing() {
	ctx, client := exampleClient()

	answer, err := redis.Ping().Do(ctx, client)
	fmt.Println(answer, err)
	// Output: PONG <nil>
}

func ExampleClientKill() {
	// End the connections of a user that are older than a day.
	kill := redis.ClientKill(redis.ClientFilter{User: "batch", MinAge: 24 * time.Hour})
	fmt.Println(redis.Redacted(kill.Command))

	// A filter that would fit everybody is refused.
	fmt.Println(redis.ClientKill(redis.ClientFilter{}).Invalid())
	// Output:
	// CLIENT KILL "USER" "batch" "MAXAGE" "86400"
	// redis: CLIENT KILL: an empty filter
}

func ExampleTime() {
	ctx, client := exampleClient()

	now, _ := redis.Time().Do(ctx, client)
	fmt.Println(now.UTC().Format(time.DateOnly))
	// Output: 2026-01-01
}

func ExampleInfoSections() {
	lag := func(ctx context.Context, client redis.Doer) (map[string]string, error) {
		info, err := redis.InfoSections("replication").Do(ctx, client)
		if err != nil {
			return nil, err
		}
		return redis.InfoValue(info["replication"]["slave0"]), nil // ip, port, offset, lag
	}
	_ = lag

	fmt.Println(redis.InfoValue("ip=::1,port=6379,state=online")["state"])
	// Output: online
}

func ExampleACLSetUser() {
	add := redis.ACLSetUser("reader", "on", ">secret", "~app:*", "+@read")
	fmt.Println(redis.Redacted(add.Command)) // what logs and traces show
	// Output: ACL SETUSER "reader" *** *** *** ***
}

func ExampleCommandDocs() {
	since := func(ctx context.Context, client redis.Doer, name string) (string, error) {
		docs, err := redis.CommandDocs(name).Do(ctx, client)
		return docs[name].Since, err
	}
	_ = since
}

func ExampleLatencyHistogram() {
	slow := func(ctx context.Context, client redis.Doer) (int64, error) {
		h, err := redis.LatencyHistogram("get").Do(ctx, client)
		return h["get"].Calls, err
	}
	_ = slow
}

func ExampleHotKeysStart() {
	// Who is using the server? Redis 8.6.
	find := func(ctx context.Context, client redis.Doer) ([]redis.HotKey, error) {
		if err := redis.HotKeysStart(redis.HotKeysOptions{CPU: true, Count: 10, Duration: time.Minute}).Do(ctx, client); err != nil {
			return nil, err
		}
		time.Sleep(time.Minute)
		hot, err := redis.HotKeysGet().Do(ctx, client)
		return hot.CPU, err
	}
	_ = find
}

func ExampleBackupStart() {
	// Redis 8.10.
	backup := func(ctx context.Context, client redis.Doer) ([]string, error) {
		if err := redis.BackupStart().Do(ctx, client); err != nil {
			return nil, err
		}
		for {
			s, err := redis.BackupStatus().Do(ctx, client)
			if err != nil || s.State == "failed" {
				return nil, fmt.Errorf("backup: %s %w", s.Error, err)
			}
			if s.State == "incrementing" {
				break
			}
			time.Sleep(time.Second)
		}
		if err := redis.BackupSeal().Do(ctx, client); err != nil {
			return nil, err
		}
		return redis.BackupList().Do(ctx, client)
	}
	_ = backup
}

func ExampleClusterNodes() {
	masters := func(ctx context.Context, client redis.Doer) (addrs []string, err error) {
		nodes, err := redis.ClusterNodes().Do(ctx, client)
		for _, n := range nodes {
			if n.Master == "" && n.Connected {
				addrs = append(addrs, n.Addr)
			}
		}
		return addrs, err
	}
	_ = masters
}

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

func ExampleVSimWithScores() {
	// Redis 8.0.
	similar := func(ctx context.Context, client redis.Doer, embedding []float32) ([]redis.Z, error) {
		return redis.VSimWithScores("films", redis.VQuery{Vector: embedding, Count: 5, Filter: ".year >= 1980"}).Do(ctx, client)
	}
	_ = similar
}

func ExampleARRing() {
	// The last hundred readings of a sensor. Redis 8.8.
	last := func(ctx context.Context, client redis.Doer, reading string) (float64, error) {
		if _, err := redis.ARRing("sensor:7", 100, reading).Do(ctx, client); err != nil {
			return 0, err
		}
		return redis.ARAggregate("sensor:7", 0, 99, redis.Maximum).Do(ctx, client)
	}
	_ = last
}
