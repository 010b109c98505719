package redis

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
)

func TestClusterCommandsOnARealServer(t *testing.T) {
	node := testredis.New(t, "cluster-enabled yes")
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr(), Protocol: proto, AllowCluster: true})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if proto == 2 {
				get(t, c, New(OK, "CLUSTER ADDSLOTSRANGE", 0, 16383))
			}
			leak.Eventually(t, leak.DefaultWait, "the cluster is up", func() bool {
				return get(t, c, ClusterInfo())["cluster_state"] == "ok"
			})
			all := []SlotRange{{0, 16383}}
			want(t, c, ClusterKeySlot("foo"), 12182)
			ok(t, c, Set("foo", "v"))
			want(t, c, ClusterCountKeysInSlot(12182), 1)
			want(t, c, ClusterGetKeysInSlot(12182, 10), []string{"foo"})
			if since(t, c, "", "9.1") {
				var keys []string
				for cursor := "start"; cursor != "0"; {
					p := get(t, c, ClusterScanPage(strings.Replace(cursor, "start", "0", 1), ScanOptions{Count: 100}, Some[int64](12182)))
					cursor, keys = p.Cursor, append(keys, p.Keys...)
				}
				check(t, "the key of a slot", slices.Equal(keys, []string{"foo"}))
			}
			refused(t, c, ClusterCountKeysInSlot(-1), "Invalid slot")
			id := get(t, c, ClusterMyID())
			want(t, c, ClusterCountFailureReports(id), 0)
			refused(t, c, ClusterCountFailureReports("none"), "Unknown node")
			nodes := get(t, c, ClusterNodes())
			check(t, "one node", len(nodes) == 1 && nodes[0].ID == id && slices.Equal(nodes[0].Flags, []string{"myself", "master"}) && nodes[0].Master == "" &&
				nodes[0].Connected && nodes[0].BusPort > 0 && nodes[0].PingSent.IsZero() && slices.Equal(nodes[0].Slots, all))
			want(t, c, ClusterReplicas(id), []ClusterNode{})
			shards := get(t, c, ClusterShards())
			check(t, "one shard", len(shards) == 1 && slices.Equal(shards[0].Slots, all) && len(shards[0].Nodes) == 1 && shards[0].Nodes[0].ID == id &&
				shards[0].Nodes[0].Role == "master" && shards[0].Nodes[0].Port == int64(node.Port()) && shards[0].Nodes[0].Health == "online")
			want(t, c, ClusterLinks(), []ClusterLink{})
		})
	}
}

func TestALineOfAClusterNodeIsRead(t *testing.T) {
	line := "07c3 127.0.0.1:30004@31004,host4,shard-id=x slave,fail? e7d1 0 1426238317239 4 disconnected 5 7-9 [93-<-2926]"
	n, err := parseClusterNode('$', line)
	check(t, "read", err == nil && n.ID == "07c3" && n.Addr == "127.0.0.1:30004" && n.BusPort == 31004 && n.Hostname == "host4" &&
		slices.Equal(n.Flags, []string{"slave", "fail?"}) && n.Master == "e7d1" && n.PongGot.UnixMilli() == 1426238317239 && n.ConfigEpoch == 4 &&
		!n.Connected && slices.Equal(n.Slots, []SlotRange{{5, 5}, {7, 9}}))
	_, err = parseClusterNode('$', "07c3 127.0.0.1:30004@31004")
	check(t, "a short line is an error", err != nil)
}
