package redis

import (
	"slices"
	"strings"
	"testing"
)

// untyped are the commands of Redis without a function here, by the reason. All
// can be sent by New.
var untyped = map[string][]string{
	"deprecated": {
		"BRPOPLPUSH", "GEORADIUS", "GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO", "GETSET", "HMSET",
		"PSETEX", "QUIT", "RPOPLPUSH", "SETEX", "SETNX", "SLAVEOF", "SUBSTR", "ZRANGEBYLEX", "ZRANGEBYSCORE",
		"ZREVRANGE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE", "CLUSTER SLAVES", "CLUSTER SLOTS",
	},
	"the same in milliseconds is typed": {"EXPIRE", "EXPIREAT", "EXPIRETIME", "TTL"},
	"state of the connection: conn.Options, or New on a leased connection": {
		"AUTH", "HELLO", "SELECT", "RESET", "CLIENT SETNAME", "CLIENT SETINFO", "CLIENT REPLY", "CLIENT CACHING",
		"CLIENT TRACKING", "CLIENT NO-EVICT", "CLIENT NO-TOUCH",
	},
	"Watch, Transact and Pipeline.Exec": {"MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"},
	"package pubsub":                    {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"},
	"the iterator Monitor":              {"MONITOR"},
	"internal to the replication":       {"SYNC", "PSYNC", "REPLCONF", "RESTORE-ASKING"},
	"for developers of the server":      {"DEBUG", "PFDEBUG", "PFSELFTEST", "SCRIPT DEBUG"},
	"arguments of modules are open":     {"MODULE LOADEX"},
	"Redis Cluster is not a goal": {
		"ASKING", "READONLY", "READWRITE", "CLUSTER ADDSLOTS", "CLUSTER ADDSLOTSRANGE", "CLUSTER BUMPEPOCH",
		"CLUSTER COUNT-FAILURE-REPORTS", "CLUSTER COUNTKEYSINSLOT", "CLUSTER DELSLOTS", "CLUSTER DELSLOTSRANGE",
		"CLUSTER FAILOVER", "CLUSTER FLUSHSLOTS", "CLUSTER FORGET", "CLUSTER GETKEYSINSLOT", "CLUSTER INFO",
		"CLUSTER KEYSLOT", "CLUSTER LINKS", "CLUSTER MEET", "CLUSTER MYID", "CLUSTER NODES", "CLUSTER REPLICAS",
		"CLUSTER REPLICATE", "CLUSTER RESET", "CLUSTER SAVECONFIG", "CLUSTER SET-CONFIG-EPOCH", "CLUSTER SETSLOT",
		"CLUSTER SHARDS",
	},
}

// containers have subcommands only; COMMAND works alone too.
var containers = []string{"ACL", "CLIENT", "CLUSTER", "COMMANDLOG", "CONFIG", "FUNCTION", "LATENCY", "MEMORY", "MODULE", "OBJECT",
	"PUBSUB", "SCRIPT", "SENTINEL", "SLOWLOG", "XGROUP", "XINFO"}

func TestEveryCommandOfTheServerIsTypedOrListedWithAReason(t *testing.T) {
	c := dial(t, 3)
	typed := map[string]bool{}
	for _, row := range allCases() {
		typed[row.name()] = true
	}
	listed := map[string]string{}
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

	counts := map[string]int{}
	var unknown []string
	for _, name := range serverCommands(get(t, c, CommandList(CommandFilter{}))) {
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
	t.Logf("redis-server %s: %d typed, %d listed with a reason, %d help texts, %d unknown; %d commands typed altogether",
		version, counts["typed"], counts["listed"], counts["help texts"], len(unknown), len(typed))
	for k, n := range counts {
		if strings.HasPrefix(k, "  ") {
			t.Logf("%s: %d", k, n)
		}
	}
	// A newer server knows more: that is to be read, not to fail on.
	t.Logf("unknown: %s", strings.Join(unknown, ", "))
	if strings.HasPrefix(version, "7.0.") && len(unknown) > 0 {
		t.Errorf("neither typed nor listed: %v", unknown)
	}
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
