package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// What a server says of the cluster that it is part of. Commands are not routed
// by slot: this is for looking at a cluster, not for using it.

// ClusterInfo returns the state of the cluster as field and value:
// "cluster_state", "cluster_slots_ok". A server without cluster support answers
// all of these commands with an error, but [ClusterKeySlot] on Valkey 9.1.
//
// See https://redis.io/commands/cluster-info.
func ClusterInfo() Cmd[map[string]string] { return query(infoFields, "CLUSTER INFO") }

// ClusterPage is a part of a scan of a cluster.
type ClusterPage struct {
	Cursor string // of the next page; "0" after the last
	Keys   []string
}

// ClusterScanPage returns some keys of a cluster from a cursor, at first "0", all of
// one slot if that is given. Valkey 9.1.
//
// See https://valkey.io/commands/clusterscan.
func ClusterScanPage(cursor string, o ScanOptions, slot Opt[int64]) Cmd[ClusterPage] {
	w := words{args: append(few(), resp.String(cursor))}
	w = o.add(w)
	if slot.OK {
		w = w.str("SLOT")
		w = w.int(slot.Value)
	}
	return read(clusterPage, "CLUSTERSCAN", w.args...).check(w.bad)
}

func clusterPage(v resp.Value) (p ClusterPage, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return p, err
	}
	p.Cursor = next(&c, Text, &err)
	p.Keys = next(&c, Texts, &err)
	return p, err
}

// ClusterKeySlot returns the hash slot of key.
//
// See https://redis.io/commands/cluster-keyslot.
func ClusterKeySlot(key string) Cmd[int64] {
	return query(Int, "CLUSTER KEYSLOT", resp.String(key))
}

// ClusterCountKeysInSlot returns how many keys of slot the server has.
//
// See https://redis.io/commands/cluster-countkeysinslot.
func ClusterCountKeysInSlot(slot int64) Cmd[int64] {
	return query(Int, "CLUSTER COUNTKEYSINSLOT", resp.Int(slot))
}

// ClusterGetKeysInSlot returns up to n keys of slot that the server has.
//
// See https://redis.io/commands/cluster-getkeysinslot.
func ClusterGetKeysInSlot(slot, n int64) Cmd[[]string] {
	return query(Texts, "CLUSTER GETKEYSINSLOT", resp.Int(slot), resp.Int(n)).check(notNegative(slot)).check(notNegative(n))
}

// ClusterMyID returns the ID of the server.
//
// See https://redis.io/commands/cluster-myid.
func ClusterMyID() Cmd[string] { return query(Text, "CLUSTER MYID") }

// ClusterMyShardID returns the ID of the shard that the server is part of. Redis
// 7.2.
//
// See https://redis.io/commands/cluster-myshardid.
func ClusterMyShardID() Cmd[string] { return query(Text, "CLUSTER MYSHARDID") }

// ClusterCountFailureReports returns how many servers say that the one with this
// ID fails.
//
// See https://redis.io/commands/cluster-count-failure-reports.
func ClusterCountFailureReports(id string) Cmd[int64] {
	return query(Int, "CLUSTER COUNT-FAILURE-REPORTS", resp.String(id))
}

// SlotRange is a range of hash slots, both inclusive.
type SlotRange struct{ Start, End int64 }

// ClusterNode is a server as another one of the cluster sees it.
type ClusterNode struct {
	ID          string
	Addr        string   // "host:port"
	BusPort     int64    // of the cluster bus
	Hostname    string   // empty if none is announced. Redis 7.0
	Flags       []string // "myself", "master", "slave", "fail", ...
	Master      string   // ID of its master; empty if it is one
	PingSent    time.Time
	PongGot     time.Time
	ConfigEpoch int64
	Connected   bool
	Slots       []SlotRange // it moves none of them
}

// ClusterNodes returns the servers of the cluster. Slots that are being moved are
// not in it.
//
// See https://redis.io/commands/cluster-nodes.
func ClusterNodes() Cmd[[]ClusterNode] { return query(clusterNodeLines, "CLUSTER NODES") }

// ClusterReplicas returns the replicas of the master with this ID.
//
// See https://redis.io/commands/cluster-replicas.
func ClusterReplicas(id string) Cmd[[]ClusterNode] {
	return query(clusterNodeList, "CLUSTER REPLICAS", resp.String(id))
}

func clusterNodeLines(v resp.Value) ([]ClusterNode, error) {
	text, err := Text(v)
	if err != nil {
		return nil, err
	}
	var out []ClusterNode
	for line := range strings.Lines(text) {
		n, err := parseClusterNode(v.Kind(), line)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func clusterNodeList(v resp.Value) ([]ClusterNode, error) {
	return list(v, func(v resp.Value) (ClusterNode, error) {
		line, err := Text(v)
		if err != nil {
			return ClusterNode{}, err
		}
		return parseClusterNode(v.Kind(), line)
	})
}

// parseClusterNode reads "id host:port@bus,name flags master ping pong epoch link
// slots...". Slots in brackets are being moved.
func parseClusterNode(k resp.Kind, line string) (n ClusterNode, err error) {
	f := strings.Fields(line)
	if len(f) < 8 {
		return n, &DecodeError{Want: "line of a cluster node", Got: k}
	}
	n.ID, n.Flags, n.Connected = f[0], strings.Split(f[2], ","), f[7] == "connected"
	addr, name, _ := strings.Cut(f[1], ",")
	n.Hostname, _, _ = strings.Cut(name, ",") // auxiliary fields follow
	addr, bus, _ := strings.Cut(addr, "@")
	n.Addr = addr
	n.BusPort = digits(bus)
	if f[3] != "-" {
		n.Master = f[3]
	}
	n.PingSent, n.PongGot, n.ConfigEpoch = sinceEpoch(f[4]), sinceEpoch(f[5]), digits(f[6])
	for _, s := range f[8:] {
		if strings.HasPrefix(s, "[") {
			continue
		}
		start, end, ok := strings.Cut(s, "-")
		if !ok {
			end = start
		}
		n.Slots = append(n.Slots, SlotRange{digits(start), digits(end)})
	}
	return n, nil
}

// digits is the number in s, or 0: for texts whose fields have no other type.
func digits(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// sinceEpoch is a time in milliseconds; 0 is the zero time.
func sinceEpoch(s string) time.Time {
	if n := digits(s); n > 0 {
		return time.UnixMilli(n)
	}
	return time.Time{}
}

// Shard is a master with its replicas.
type Shard struct {
	Slots []SlotRange
	Nodes []ShardNode
}

// ShardNode is a server of a shard.
type ShardNode struct {
	ID       string
	Endpoint string // how it wants to be addressed
	IP       string
	Hostname string // empty if none is announced
	Port     int64  // 0 if it speaks TLS only
	TLSPort  int64  // 0 if it speaks no TLS
	Role     string // "master" or "replica"
	Offset   int64  // of the replication
	Health   string // "online", "failed", "loading"
}

// ClusterShards returns the shards of the cluster. Redis 7.0.
//
// See https://redis.io/commands/cluster-shards.
func ClusterShards() Cmd[[]Shard] { return query(shards, "CLUSTER SHARDS") }

func shards(v resp.Value) ([]Shard, error) { return list(v, shard) }

func shard(v resp.Value) (s Shard, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "slots":
			s.Slots, err = slotRanges(v)
		case "nodes":
			s.Nodes, err = list(v, shardNode)
		}
		return err
	})
	return s, err
}

func slotRanges(v resp.Value) ([]SlotRange, error) {
	p, n, err := pairsOf(v)
	if err != nil {
		return nil, err
	}
	out := make([]SlotRange, 0, n)
	for p.next() {
		start, err := Int(p.key)
		if err != nil {
			return nil, err
		}
		end, err := Int(p.value)
		if err != nil {
			return nil, err
		}
		out = append(out, SlotRange{start, end})
	}
	return out, p.err
}

func shardNode(v resp.Value) (n ShardNode, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "id":
			n.ID, err = Text(v)
		case "endpoint":
			n.Endpoint, err = orZero(Text(v))
		case "ip":
			n.IP, err = Text(v)
		case "hostname":
			n.Hostname, err = Text(v)
		case "port":
			n.Port, err = Int(v)
		case "tls-port":
			n.TLSPort, err = Int(v)
		case "role":
			n.Role, err = Text(v)
		case "replication-offset":
			n.Offset, err = Int(v)
		case "health":
			n.Health, err = Text(v)
		}
		return err
	})
	return n, err
}

// ClusterLink is a connection of the cluster bus.
type ClusterLink struct {
	Direction string // "to" or "from"
	Node      string // ID of the other server
	Created   time.Time
	Events    string // "r", "w" or "rw"
	Allocated int64  // bytes of the send buffer
	Used      int64  // bytes of the send buffer
}

// ClusterLinks returns the connections of the server to the others. Redis 7.0.
//
// See https://redis.io/commands/cluster-links.
func ClusterLinks() Cmd[[]ClusterLink] { return query(clusterLinks, "CLUSTER LINKS") }

func clusterLinks(v resp.Value) ([]ClusterLink, error) { return list(v, clusterLink) }

func clusterLink(v resp.Value) (l ClusterLink, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "direction":
			l.Direction, err = Text(v)
		case "node":
			l.Node, err = Text(v)
		case "create-time":
			l.Created, err = UnixMillis(v)
		case "events":
			l.Events, err = Text(v)
		case "send-buffer-allocated":
			l.Allocated, err = Int(v)
		case "send-buffer-used":
			l.Used, err = Int(v)
		}
		return err
	})
	return l, err
}

// SlotStats is how much a hash slot is used.
type SlotStats struct {
	Slot        int64
	Keys        int64
	CPU         time.Duration // to the microsecond
	BytesIn     int64         // from clients
	BytesOut    int64         // to clients
	MemoryBytes int64         // Redis 8.4, if it is configured
}

// ClusterSlotStats returns the use of the slots of the server within r. Redis 8.2,
// Valkey 8.
//
// See https://redis.io/commands/cluster-slot-stats.
func ClusterSlotStats(r SlotRange) Cmd[[]SlotStats] {
	return query(slotStats, "CLUSTER SLOT-STATS", resp.String("SLOTSRANGE"), resp.Int(r.Start), resp.Int(r.End))
}

// SlotMetric is what [ClusterTopSlots] sorts by.
type SlotMetric string

// The metrics of slots.
const (
	SlotKeys     SlotMetric = "KEY-COUNT"
	SlotCPU      SlotMetric = "CPU-USEC"
	SlotBytesIn  SlotMetric = "NETWORK-BYTES-IN"
	SlotBytesOut SlotMetric = "NETWORK-BYTES-OUT"
	SlotMemory   SlotMetric = "MEMORY-BYTES"
)

// ClusterTopSlots returns the n slots of the server that use most, all if n is 0.
// Redis 8.2, Valkey 8.
//
// See https://redis.io/commands/cluster-slot-stats.
func ClusterTopSlots(by SlotMetric, n int64) Cmd[[]SlotStats] {
	w := words{args: few()}
	w = w.str("ORDERBY", string(by))
	w = w.count("LIMIT", n)
	w = w.str("DESC")
	return query(slotStats, "CLUSTER SLOT-STATS", w.args...).check(w.bad)
}

func slotStats(v resp.Value) ([]SlotStats, error) { return list(v, slotStat) }

func slotStat(v resp.Value) (s SlotStats, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return s, err
	}
	s.Slot = next(&c, Int, &err)
	usage, _ := c.Next()
	if err != nil {
		return s, err
	}
	err = named(usage, func(name string, v resp.Value) (err error) {
		switch name {
		case "key-count":
			s.Keys, err = Int(v)
		case "cpu-usec":
			s.CPU, err = micros(v)
		case "network-bytes-in":
			s.BytesIn, err = Int(v)
		case "network-bytes-out":
			s.BytesOut, err = Int(v)
		case "memory-bytes":
			s.MemoryBytes, err = Int(v)
		}
		return err
	})
	return s, err
}

// micros decodes a number of microseconds.
func micros(v resp.Value) (time.Duration, error) { return span(v, time.Microsecond) }
