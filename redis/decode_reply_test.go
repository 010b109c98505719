package redis

import (
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// wire makes an array of strings, integers, nulls (nil) and arrays.
func wire(parts ...any) string { return string(appendWire(nil, parts)) }

func appendWire(b []byte, part any) []byte {
	switch x := part.(type) {
	case string:
		return resp.AppendBulk(b, x)
	case int:
		return resp.AppendInt(b, int64(x))
	case []any:
		b = resp.AppendArray(b, len(x))
		for _, p := range x {
			b = appendWire(b, p)
		}
		return b
	}
	return resp.AppendNull(b)
}

type l = []any

var (
	at1     = time.Unix(1_700_000_000, 0)
	at1ms   = time.UnixMilli(1_700_000_000_123)
	unix, m = 1_700_000_000, 1_700_000_000_123
)

// Each decoder with a reply as servers give it: an older server's too, which ends
// earlier, and the longest there is.
func TestRepliesAreReadInFull(t *testing.T) {
	node := wire("name", "m", "ip", "1.2.3.4", "port", "6379", "runid", "r", "flags", "master,o_down", "down-after-milliseconds", "5000",
		"last-ok-ping-reply", "7", "info-refresh", "8", "config-epoch", "9", "quorum", "2", "num-slaves", "3", "num-other-sentinels", "4",
		"failover-timeout", "60000", "parallel-syncs", "1", "master-host", "?", "master-port", "0")
	replica := wire("name", "r", "ip", "::1", "port", "1", "flags", "slave", "master-host", "h", "master-port", "2", "master-link-status", "ok",
		"master-link-down-time", "11", "slave-priority", "100", "slave-repl-offset", "12")
	for _, s := range []shape{
		decodes("geo", geoHits, wire(l{"a", "1.5", 7, l{"2.5", "3.5"}}), []GeoHit{{Member: "a", Distance: 1.5, Hash: 7, Point: Point{Longitude: 2.5, Latitude: 3.5}}}),
		decodes("points", optPoints, wire(l{"1", "2"}, nil), []Opt[Point]{Some(Point{1, 2}), {}}),
		decodes("claimed, Redis 6", autoClaimed, wire("1-1", l{l{"2-2", l{"f", "v"}}}),
			AutoClaimed{Next: "1-1", Entries: []Entry{{ID: "2-2", Fields: fv("f", "v")}}}),
		decodes("claimed", autoClaimed, wire("1-1", l{}, l{"3-3"}), AutoClaimed{Next: "1-1", Entries: []Entry{}, Deleted: []string{"3-3"}}),
		decodes("claimed IDs, Redis 6", autoClaimedIDs, wire("1-1", l{"2-2"}), AutoClaimed{Next: "1-1", IDs: []string{"2-2"}}),
		decodes("claimed IDs", autoClaimedIDs, wire("1-1", l{"2-2"}, l{"3-3"}), AutoClaimed{Next: "1-1", IDs: []string{"2-2"}, Deleted: []string{"3-3"}}),
		decodes("entry of XREADGROUP CLAIM", entries, wire(l{"1-1", l{"a", "b"}, 1500, 3}),
			[]Entry{{ID: "1-1", Fields: fv("a", "b"), Idle: 1500 * time.Millisecond, Deliveries: 3}}),
		decodes("summary of what is pending", pendingSummary, wire(3, "1-1", "2-2", l{l{"c", "3"}}), PendingSummary{3, "1-1", "2-2", map[string]int64{"c": 3}}),
		decodes("nothing pending", pendingSummary, wire(0, nil, nil, nil), PendingSummary{}),
		decodes("pending", pendings, wire(l{"1-1", "c", 20, 4}), []Pending{{ID: "1-1", Consumer: "c", Idle: 20 * time.Millisecond, Deliveries: 4}}),
		decodes("pending of a group", groupPending, wire("1-1", "c", m, 4), Pending{ID: "1-1", Consumer: "c", DeliveredAt: at1ms, Deliveries: 4}),
		decodes("pending of a consumer", ownPending, wire("1-1", m, 4), Pending{ID: "1-1", DeliveredAt: at1ms, Deliveries: 4}),
		decodes("command, Redis 5", commandInfos, wire(l{"get", 2, l{"readonly"}, 1, -1, 3}, nil),
			[]Opt[CommandInfo]{Some(CommandInfo{Name: "get", Arity: 2, Flags: []string{"readonly"}, FirstKey: 1, LastKey: -1, KeyStep: 3}), {}}),
		decodes("command, Redis 6", commandInfo, wire("get", 2, l{}, 0, 0, 0, l{"@read"}), CommandInfo{Name: "get", Arity: 2, Flags: []string{}, Categories: []string{"@read"}}),
		decodes("command", commandInfo, wire("get", 2, l{}, 0, 0, 0, l{}, l{"tip"}, l{}, l{l{"get|x", 1, l{}, 0, 0, 0}}),
			CommandInfo{Name: "get", Arity: 2, Flags: []string{}, Categories: []string{}, Tips: []string{"tip"}, Subcommands: []CommandInfo{{Name: "get|x", Arity: 1, Flags: []string{}}}}),
		decodes("keys of a command", keysFlags, wire(l{"k", l{"RW"}}), []KeyFlags{{"k", []string{"RW"}}}),
		decodes("memory", memoryStats, wire("peak", 5, "share", "1.5", "none", "text", "db.0", l{"tables", 7, "deep", l{"x", 1}}, "map", nil),
			map[string]float64{"peak": 5, "share": 1.5, "db.0.tables": 7}),
		decodes("memory in maps", memoryStats, dict3(bulk("peak"), integer(5), bulk("db.0"), dict3(bulk("tables"), integer(7), bulk("deep"), dict3(bulk("x"), integer(1))), bulk("end"), integer(1)),
			map[string]float64{"peak": 5, "db.0.tables": 7, "end": 1}),
		decodes("latency", latencyEvents, wire(l{"fork", unix, 15, 20}), []LatencyEvent{{"fork", at1, 15 * time.Millisecond, 20 * time.Millisecond}}),
		decodes("latency samples", latencySamples, wire(l{unix, 15}), []LatencySample{{at1, 15 * time.Millisecond}}),
		decodes("histograms", histograms, wire("get", l{"calls", 3, "histogram_usec", l{1, 2, 4, 3}}),
			map[string]Histogram{"get": {3, map[time.Duration]int64{time.Microsecond: 2, 4 * time.Microsecond: 3}}}),
		decodes("clock", clock, wire("1700000000", "123456"), time.Unix(1_700_000_000, 123_456_000)),
		decodes("slow commands, Redis 3", slowCommands, wire(l{1, unix, 15, l{"GET", "k"}}), []SlowCommand{{ID: 1, Time: at1, Duration: 15 * time.Microsecond, Args: []string{"GET", "k"}}}),
		decodes("slow commands", slowCommands, wire(l{1, unix, 15, l{}, "a:1", "me"}), []SlowCommand{{ID: 1, Time: at1, Duration: 15 * time.Microsecond, Args: []string{}, Addr: "a:1", Name: "me"}}),
		decodes("large commands", largeCommands, wire(l{1, unix, 15_000_000, l{}, "", ""}), []SlowCommand{{ID: 1, Time: at1, Size: 15_000_000, Args: []string{}}}),
		decodes("information", infoSections, bulk("# Server\r\na:1\r\nno line\r\n\r\n# Modules\r\nm:x=1\r\nm:x=2,y:3\r\n"),
			map[string]map[string]string{"server": {"a": "1"}, "modules": {"m": "x=1" + InfoRepeated + "x=2,y:3"}}),
		decodes("cluster nodes", clusterNodeLines, bulk("id h:1@2,host,shard-id=x myself,master - 0 1700000000123 5 connected 0-9 11 [12->-x]\nid2 h:2 slave id 1700000000123 0 0 disconnected\n"),
			[]ClusterNode{
				{ID: "id", Addr: "h:1", BusPort: 2, Hostname: "host", Flags: []string{"myself", "master"}, PongGot: at1ms, ConfigEpoch: 5, Connected: true, Slots: []SlotRange{{0, 9}, {11, 11}}},
				{ID: "id2", Addr: "h:2", Flags: []string{"slave"}, Master: "id", PingSent: at1ms},
			}),
		decodes("replicas", clusterNodeList, wire("id2 h:2 slave id 1700000000123 0 0 connected"), []ClusterNode{{ID: "id2", Addr: "h:2", Flags: []string{"slave"}, Master: "id", PingSent: at1ms, Connected: true}}),
		decodes("shards", shards, wire(l{"slots", l{0, 5, 7, 9}, "nodes", l{l{"id", "i", "endpoint", nil, "ip", "p", "hostname", "h", "port", 1, "tls-port", 2, "role", "master", "replication-offset", 3, "health", "online"}}}),
			[]Shard{{Slots: []SlotRange{{0, 5}, {7, 9}}, Nodes: []ShardNode{{ID: "i", IP: "p", Hostname: "h", Port: 1, TLSPort: 2, Role: "master", Offset: 3, Health: "online"}}}}),
		decodes("links", clusterLinks, wire(l{"direction", "to", "node", "n", "create-time", m, "events", "rw", "send-buffer-allocated", 1, "send-buffer-used", 2}), []ClusterLink{{"to", "n", at1ms, "rw", 1, 2}}),
		decodes("slots", slotStats, wire(l{7, l{"key-count", 1, "cpu-usec", 2, "network-bytes-in", 3, "network-bytes-out", 4, "memory-bytes", 5}}), []SlotStats{{7, 1, 2 * time.Microsecond, 3, 4, 5}}),
		decodes("page of a cluster", clusterPage, wire("c", l{"k"}), ClusterPage{Cursor: "c", Keys: []string{"k"}}),
		decodes("subsequence", common, wire("matches", l{l{l{1, 2}, l{3, 4}, 5}}, "len", 6), Common{[]Match{{Span{1, 2}, Span{3, 4}, 5}}, 6}),
		decodes("synced", synced, wire(1, 2), Synced{1, 2}),
		decodes("popped values", popped, wire("k", l{"v"}), Popped{"k", []string{"v"}}),
		decodes("popped members", zpopped, wire("k", l{l{"m", "1"}}), ZPopped{"k", []Z{{"m", 1}}}),
		decodes("popped member", zpop, wire("k", "m", "1"), ZPop{"k", Z{"m", 1}}),
		decodes("rank", rank, wire(3, "1.5"), Rank{3, 1.5}),
		decodes("fields", fieldValues, wire("a", "1", "b", "2"), fv("a", "1", "b", "2")),
		decodes("address", hostPort, wire("::1", "1"), "[::1]:1"),
		decodes("vote", masterDown, wire(1, "*", 5), MasterDown{true, "*", 5}),
		decodes("cached information", infoCache, wire(7, "a:1\r\n"), InfoCache{7 * time.Millisecond, map[string]string{"a": "1"}}),
		decodes("no cached information", infoCache, wire(7, nil), InfoCache{Age: 7 * time.Millisecond}),
		decodes("pending scripts", pendingScripts, wire(l{"argv", l{"a"}, "flags", "running", "pid", 1, "run-time", 2, "retry-num", 3}), []PendingScript{{[]string{"a"}, true, 1, 2 * time.Millisecond, 3}}),
		decodes("scheduled scripts", pendingScripts, wire(l{"argv", l{"a"}, "flags", "scheduled", "run-delay", 2}), []PendingScript{{Args: []string{"a"}, Time: 2 * time.Millisecond}}),
		decodes("a master's name, address and times", known(func(n SentinelNode) []any {
			return l{n.Addr(), n.Name, n.RunID, n.Has("o_down"), n.Has("s_down"), n.DownAfter, n.LastOK, n.InfoAge, n.ConfigEpoch, n.Quorum, n.Replicas, n.Sentinels, n.FailoverTimeout, n.ParallelSyncs, n.MasterAddr}
		}), node, l{"1.2.3.4:6379", "m", "r", true, false, 5 * time.Second, 7 * time.Millisecond, 8 * time.Millisecond, int64(9), int64(2), int64(3), int64(4), time.Minute, int64(1), ""}),
		decodes("a replica's master and link", known(func(n SentinelNode) []any {
			return l{n.Addr(), n.MasterAddr, n.MasterLink, n.LinkDown, n.Priority, n.Offset}
		}), replica, l{"[::1]:1", "h:2", "ok", 11 * time.Millisecond, int64(100), int64(12)}),
		decodes("user", aclUser, wire("flags", l{"on"}, "passwords", l{"p"}, "commands", "+@all", "keys", "~*", "channels", "&*", "selectors", l{l{"commands", "c", "keys", "k", "channels", "h"}}),
			ACLUser{[]string{"on"}, []string{"p"}, ACLSelector{"+@all", "~*", "&*"}, []ACLSelector{{"c", "k", "h"}}}),
		decodes("denials", aclEvents, wire(l{"count", 1, "reason", "key", "context", "multi", "object", "o", "username", "u", "age-seconds", "1.5", "client-info", "c", "entry-id", 2, "timestamp-created", m, "timestamp-last-updated", m}),
			[]ACLEvent{{1, "key", "multi", "o", "u", 1500 * time.Millisecond, "c", 2, at1ms, at1ms}}),
		decodes("a page of members", zPage, wire("17", l{"a", "1"}), Page[Z]{17, []Z{{"a", 1}}}),
	} {
		if err := s.check(); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// known decodes a node, and what of it is asked for.
func known(ask func(SentinelNode) []any) Decoder[[]any] {
	return func(v resp.Value) ([]any, error) {
		n, err := sentinelNode(v)
		return ask(n), err
	}
}

// What is frequent must not fall off its fast path: nobody would notice but by the time.
func TestOrdinaryElementsAreDecodedWithoutALookAtEach(t *testing.T) {
	for _, c := range []struct {
		entry    string
		ordinary bool
	}{
		{wire("1-1", l{"a", "b"}), true}, {wire("1-1", l{"a", "b", "c", "d"}), true}, {wire("1-1", l{}), false}, {wire("1-1", l{"a"}), false},
		{wire("1-1", l{"a", "b", "c"}), false}, {wire("1-1", l{"a", 1}), false}, {wire("1-1", l{1, "b"}), false}, {wire(1, l{"a", "b"}), false},
		{wire("1-1", nil), false}, {wire("1-1", l{"a", "b"}, 1, 1), false}, {wire("1-1"), false}, {"*2\r\n$3\r\n1-1\r\n*4\r\n$1\r\na\r\n", false},
	} {
		v := resp.Value("*2\r\n" + c.entry + ":7\r\n")
		cur := v.Cursor()
		r := entryReader{arena: arena{left: len(v)}, left: 1}
		e, ok := r.ordinary(&cur)
		next, _ := cur.Next()
		if after := string(next) == ":7\r\n"; ok != c.ordinary || ok != (e.Fields != nil) || ok != after {
			t.Errorf("%q: %v, %+v, then %q", c.entry, ok, e, []byte(next))
		}
	}
	for reply, ordinary := range map[string]bool{
		wire("m", "1.5"): true, wire(l{"m", "1.5"}): true, "*1\r\n*2\r\n$1\r\nm\r\n,1.5\r\n": true, wire(l{"m", "1", "x"}): false, wire("m", "1e5"): false, wire(1, "1"): false, wire("m"): false,
	} {
		p, _, err := pairsOf(resp.Value(reply))
		if m, score, ok := p.scored(); err != nil || ok != ordinary || ok && (string(m) != "m" || score != 1.5) {
			t.Errorf("%q: %v, %q, %v", reply, ok, m, score)
		}
	}
}
