package redis

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
)

// untyped are the commands of Redis and Valkey without a function here, by the
// reason. All can be sent by New.
var untyped = map[string][]string{
	"deprecated": {"SLAVEOF", "CLUSTER SLAVES", "CLUSTER SLOTS", "SENTINEL SLAVES"},
	"older words of Redis, which Valkey 9.1 does not deprecate; the same by other words is typed, see older": slices.Sorted(maps.Keys(older)),
	"the same in milliseconds is typed": {"EXPIRE", "EXPIREAT", "EXPIRETIME", "TTL", "HEXPIRE", "HEXPIREAT", "HEXPIRETIME", "HTTL"},
	"the same by another name is typed": {
		"SENTINEL GET-PRIMARY-ADDR-BY-NAME", "SENTINEL IS-PRIMARY-DOWN-BY-ADDR", "SENTINEL PRIMARIES", "SENTINEL PRIMARY",
	},
	"ends the connection: Close": {"QUIT"},
	"state of the connection: conn.Options, or New on a leased connection": {
		"AUTH", "HELLO", "SELECT", "RESET", "CLIENT SETNAME", "CLIENT SETINFO", "CLIENT REPLY", "CLIENT CACHING",
		"CLIENT TRACKING", "CLIENT NO-EVICT", "CLIENT NO-TOUCH", "CLIENT CAPA", "CLIENT IMPORT-SOURCE",
		"HIMPORT PREPARE", "HIMPORT SET", "HIMPORT DISCARD", "HIMPORT DISCARDALL",
	},
	"Watch, Transact and Pipeline.Exec": {"MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"},
	"package pubsub":                    {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"},
	"the iterator Monitor":              {"MONITOR"},
	"internal to the replication":       {"SYNC", "PSYNC", "REPLCONF", "RESTORE-ASKING", "XIDMPRECORD", "CLUSTER SYNCSLOTS", "TRIMSLOTS"},
	"for developers of the server":      {"DEBUG", "PFDEBUG", "PFSELFTEST", "SCRIPT DEBUG"},
	"Redis Cluster is not a goal; what reads is typed": {
		"ASKING", "READONLY", "READWRITE", "CLUSTER ADDSLOTS", "CLUSTER ADDSLOTSRANGE", "CLUSTER BUMPEPOCH",
		"CLUSTER DELSLOTS", "CLUSTER DELSLOTSRANGE", "CLUSTER FAILOVER", "CLUSTER FLUSHSLOTS", "CLUSTER FORGET",
		"CLUSTER MEET", "CLUSTER MIGRATION", "CLUSTER REPLICATE", "CLUSTER RESET", "CLUSTER SAVECONFIG",
		"CLUSTER SET-CONFIG-EPOCH", "CLUSTER SETSLOT", "CLUSTER FLUSHSLOT", "CLUSTER MIGRATESLOTS",
		"CLUSTER GETSLOTMIGRATIONS", "CLUSTER CANCELSLOTMIGRATIONS",
	},
}

// older are the functions here that do what older words of Redis do.
var older = map[string]string{
	"BRPOPLPUSH": "BLMove", "GEORADIUS": "GeoSearch, GeoSearchStore", "GEORADIUSBYMEMBER": "GeoSearch, GeoSearchStore",
	"GEORADIUSBYMEMBER_RO": "GeoSearch", "GEORADIUS_RO": "GeoSearch", "GETSET": "SetGet", "HMSET": "HSet", "PSETEX": "SetEx", "RPOPLPUSH": "LMove",
	"SETEX": "SetEx", "SETNX": "SetNX", "SUBSTR": "GetRange", "ZRANGEBYLEX": "ZRangeByLex", "ZRANGEBYSCORE": "ZRangeByScore", "ZREVRANGE": "ZRevRange",
	"ZREVRANGEBYLEX": "ZRangeByLex", "ZREVRANGEBYSCORE": "ZRangeByScore",
}

func TestOlderWordsHaveAFunctionThatDoesTheSame(t *testing.T) {
	here := map[string]bool{}
	for _, fn := range commandFunctions(t) {
		here[fn.Name.Name] = true
	}
	for word, names := range older {
		for name := range strings.SplitSeq(names, ", ") {
			if !here[name] {
				t.Errorf("%s is said to be %s, which is no function", word, name)
			}
		}
	}
}

// containers have subcommands only; COMMAND works alone too.
var containers = []string{"ACL", "BACKUP", "CLIENT", "CLUSTER", "COMMANDLOG", "CONFIG", "FUNCTION", "HIMPORT", "HOTKEYS", "LATENCY", "MEMORY",
	"MODULE", "OBJECT", "PUBSUB", "SCRIPT", "SENTINEL", "SLOWLOG", "XGROUP", "XINFO"}

func TestEveryCommandOfTheServerIsTypedOrListedWithAReason(t *testing.T) {
	c := dial(t, 3)
	coverage(t, "redis-server", c)
}

func TestEveryCommandOfASentinelIsTypedOrListedWithAReason(t *testing.T) {
	top := sentinels.Topology(t)
	c, err := conn.Dial(t.Context(), conn.Options{Addr: top.Sentinels[0].Addr(), Sentinel: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	coverage(t, "redis-sentinel", c)
}

// sentinels is the topology of the tests of sentinel commands.
var sentinels = testredis.SharedTopology{Options: testredis.TopologyOptions{Replicas: 1, Sentinels: 2, Quorum: 1, Fast: true}}

// coverage asks a server for its commands. What a newer one knows more is logged:
// it is to be read, not to fail on.
func coverage(t *testing.T, what string, c *conn.Conn) {
	t.Helper()
	typed, listed := typedAndListed(t)
	counts := map[string]int{}
	var unknown []string
	names := serverCommands(get(t, c, CommandList(CommandFilter{})))
	for _, name := range names {
		switch {
		case typed[name]:
			counts["typed"]++
		case strings.HasSuffix(name, " HELP"):
			counts["help texts"]++
		case listed[name] != "":
			counts["listed"]++
			counts["  "+listed[name]]++
		default:
			unknown = append(unknown, name)
		}
	}
	version := get(t, c, Info("server"))["redis_version"]
	t.Logf("%s %s: %d commands: %d typed, %d listed with a reason, %d help texts, %d unknown; %d commands typed altogether",
		what, version, len(names), counts["typed"], counts["listed"], counts["help texts"], len(unknown), len(typed))
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if strings.HasPrefix(k, "  ") {
			t.Logf("%s: %d", k, counts[k])
		}
	}
	if len(unknown) > 0 {
		t.Logf("NEW COMMANDS, neither typed nor listed: %s", strings.Join(unknown, ", "))
	}
	if strings.HasPrefix(version, "7.0.") && len(unknown) > 0 {
		t.Errorf("neither typed nor listed: %v", unknown)
	}
}

func typedAndListed(t *testing.T) (typed map[string]bool, listed map[string]string) {
	t.Helper()
	typed, listed = map[string]bool{}, map[string]string{}
	for _, row := range allCases() {
		typed[row.name()] = true
	}
	for reason, names := range untyped {
		for _, n := range names {
			if listed[n] != "" {
				t.Errorf("%s is listed twice", n)
			}
			if typed[n] {
				t.Errorf("%s is typed and listed", n)
			}
			listed[n] = reason
		}
	}
	return typed, listed
}

// serverCommands makes names of COMMAND LIST, which has "config|get".
func serverCommands(list []string) []string {
	var out []string
	for _, n := range list {
		name := strings.ToUpper(strings.ReplaceAll(n, "|", " "))
		if !slices.Contains(containers, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
