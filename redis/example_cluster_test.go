package redis_test

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/kermes-redis/kermes/redis"
)

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

// Is a cluster whole? Commands are not routed by slot: this looks at a cluster.
func ExampleClusterInfo() {
	whole := func(ctx context.Context, node redis.Doer) (bool, error) {
		info, err := redis.ClusterInfo().Do(ctx, node)
		return info["cluster_state"] == "ok" && info["cluster_slots_ok"] == "16384", err
	}
	_ = whole
}

// The shards with the addresses of their masters. Redis 7.0.
func ExampleClusterShards() {
	addr := func(n redis.ShardNode) string { return net.JoinHostPort(n.Endpoint, strconv.FormatInt(n.Port, 10)) }
	has := func(s redis.Shard, slot int64) bool {
		for _, r := range s.Slots {
			if r.Start <= slot && slot <= r.End {
				return true
			}
		}
		return false
	}
	masterOf := func(ctx context.Context, node redis.Doer, key string) (string, error) {
		slot, err := redis.ClusterKeySlot(key).Do(ctx, node)
		if err != nil {
			return "", err
		}
		shards, err := redis.ClusterShards().Do(ctx, node)
		for _, s := range shards {
			for _, n := range s.Nodes {
				if has(s, slot) && n.Role == "master" {
					return addr(n), nil
				}
			}
		}
		return "", err
	}
	_ = masterOf
}

// Keys of a slot, as whoever moves it needs them.
func ExampleClusterGetKeysInSlot() {
	some := func(ctx context.Context, node redis.Doer, slot int64) ([]string, error) {
		n, err := redis.ClusterCountKeysInSlot(slot).Do(ctx, node)
		if err != nil || n == 0 {
			return nil, err
		}
		return redis.ClusterGetKeysInSlot(slot, min(n, 100)).Do(ctx, node)
	}
	_ = some
}

// A server of a cluster and its replicas.
func ExampleClusterReplicas() {
	replicas := func(ctx context.Context, node redis.Doer) (addrs []string, err error) {
		id, err := redis.ClusterMyID().Do(ctx, node)
		if err != nil {
			return nil, err
		}
		nodes, err := redis.ClusterReplicas(id).Do(ctx, node)
		for _, n := range nodes {
			if n.Connected {
				addrs = append(addrs, n.Addr)
			}
		}
		return addrs, err
	}
	_ = replicas
}

// How a server stands to the others.
func ExampleClusterLinks() {
	look := func(ctx context.Context, node redis.Doer) error {
		shard, err := redis.ClusterMyShardID().Do(ctx, node) // Redis 7.2
		if err != nil {
			return err
		}
		links, err := redis.ClusterLinks().Do(ctx, node) // Redis 7.0
		if err != nil {
			return err
		}
		for _, l := range links {
			if l.Used < 1<<20 {
				continue // it reads what it is sent
			}
			reports, err := redis.ClusterCountFailureReports(l.Node).Do(ctx, node)
			if err != nil {
				return err
			}
			fmt.Println(shard, "cannot reach", l.Node, "which fails for", reports, "servers")
		}
		return nil
	}
	_ = look
}

// The slots that cost most. Redis 8.2, Valkey 8.
func ExampleClusterTopSlots() {
	metrics := []redis.SlotMetric{redis.SlotKeys, redis.SlotCPU, redis.SlotBytesIn, redis.SlotBytesOut, redis.SlotMemory}
	look := func(ctx context.Context, node redis.Doer) error {
		for _, m := range metrics {
			top, err := redis.ClusterTopSlots(m, 3).Do(ctx, node)
			if err != nil {
				return err
			}
			for _, s := range top {
				fmt.Println(s.Slot, s.Keys, s.CPU, s.BytesIn, s.BytesOut, s.MemoryBytes)
			}
		}
		return nil
	}
	_ = look
	fmt.Println(redis.Redacted(redis.ClusterSlotStats(redis.SlotRange{Start: 0, End: 99}).Command))
	// Output: CLUSTER SLOT-STATS "SLOTSRANGE" "0" "99"
}

// All keys of a cluster, page by page. Valkey 9.1.
func ExampleClusterScanPage() {
	keys := func(ctx context.Context, node redis.Doer, slot redis.Opt[int64]) (all []string, err error) {
		for cursor := "0"; ; {
			page, err := redis.ClusterScanPage(cursor, redis.ScanOptions{Match: "user:*"}, slot).Do(ctx, node)
			if err != nil {
				return nil, err
			}
			all = append(all, page.Keys...)
			if cursor = page.Cursor; cursor == "0" {
				return all, nil
			}
		}
	}
	_ = keys
}
