package redis

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Commands for a sentinel, not for a server: run them on a connection to one. The
// client of package client follows masters by itself; these are for whoever
// administers a group. A master that a sentinel does not watch is an error reply:
// "No such master with that name".

// SentinelMasterAddr returns the address of the master, "host:port", or [ErrNil] if
// the sentinel does not watch it. During a failover it is that of the replica that
// takes over.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelMasterAddr(master string) Cmd[string] {
	return query(hostPort, "SENTINEL GET-MASTER-ADDR-BY-NAME", resp.String(master))
}

func hostPort(v resp.Value) (string, error) {
	c, err := tuple(v, 2)
	if err != nil {
		return "", err
	}
	host := next(&c, Text, &err)
	port := next(&c, Text, &err)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, port), nil
}

// SentinelNode is a master, a replica or another sentinel as a sentinel sees it.
type SentinelNode struct {
	Name      string // of a master; of others their address or ID
	Host      string
	Port      int64
	RunID     string
	Flags     []string      // "master", "slave", "sentinel", "s_down", "o_down", "disconnected", ...
	DownAfter time.Duration // without an answer for so long it counts as down
	LastOK    time.Duration // since its last good answer to PING
	InfoAge   time.Duration // since its last answer to INFO

	// Of masters.
	ConfigEpoch     int64
	Replicas        int64
	Sentinels       int64 // others than the one asked
	Quorum          int64
	FailoverTimeout time.Duration
	ParallelSyncs   int64

	// Of replicas.
	MasterAddr string // whose replica it is, "host:port"
	MasterLink string // "ok" or "err"
	LinkDown   time.Duration
	Priority   int64
	Offset     int64 // of the replication

	// Fields has all of the reply, also what this client does not know.
	Fields map[string]string
}

// Addr returns "host:port".
func (n SentinelNode) Addr() string { return net.JoinHostPort(n.Host, strconv.FormatInt(n.Port, 10)) }

// Has reports whether flag is set: n.Has("o_down").
func (n SentinelNode) Has(flag string) bool {
	for _, f := range n.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

func sentinelNode(v resp.Value) (SentinelNode, error) {
	fields, err := TextMap(v)
	if err != nil {
		return SentinelNode{}, err
	}
	n := SentinelNode{Fields: fields}
	ms := func(name string) time.Duration { return time.Duration(digits(fields[name])) * time.Millisecond }
	n.Name, n.Host, n.Port, n.RunID = fields["name"], fields["ip"], digits(fields["port"]), fields["runid"]
	n.Flags = strings.Split(fields["flags"], ",")
	n.DownAfter, n.LastOK, n.InfoAge = ms("down-after-milliseconds"), ms("last-ok-ping-reply"), ms("info-refresh")
	n.ConfigEpoch, n.Quorum = digits(fields["config-epoch"]), digits(fields["quorum"])
	n.Replicas, n.Sentinels = digits(fields["num-slaves"]), digits(fields["num-other-sentinels"])
	n.FailoverTimeout, n.ParallelSyncs = ms("failover-timeout"), digits(fields["parallel-syncs"])
	if host := fields["master-host"]; host != "" && host != "?" {
		n.MasterAddr = net.JoinHostPort(host, fields["master-port"])
	}
	n.MasterLink, n.LinkDown = fields["master-link-status"], ms("master-link-down-time")
	n.Priority, n.Offset = digits(fields["slave-priority"]), digits(fields["slave-repl-offset"])
	return n, nil
}

func sentinelNodes(v resp.Value) ([]SentinelNode, error) { return list(v, sentinelNode) }

// SentinelMasters returns the masters that the sentinel watches.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelMasters() Cmd[[]SentinelNode] { return query(sentinelNodes, "SENTINEL MASTERS") }

// SentinelMaster returns what the sentinel knows of the master.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelMaster(master string) Cmd[SentinelNode] {
	return query(sentinelNode, "SENTINEL MASTER", resp.String(master))
}

// SentinelReplicas returns the replicas of the master.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelReplicas(master string) Cmd[[]SentinelNode] {
	return query(sentinelNodes, "SENTINEL REPLICAS", resp.String(master))
}

// SentinelSentinels returns the other sentinels that watch the master.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelSentinels(master string) Cmd[[]SentinelNode] {
	return query(sentinelNodes, "SENTINEL SENTINELS", resp.String(master))
}

// SentinelMyID returns the ID of the sentinel.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelMyID() Cmd[string] { return query(Text, "SENTINEL MYID") }

// SentinelCkQuorum returns, in words, that enough sentinels are reachable to
// declare the master down and to fail over; the error reply NOQUORUM, if not.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelCkQuorum(master string) Cmd[string] {
	return query(Text, "SENTINEL CKQUORUM", resp.String(master))
}

// MasterDown is the reply of [SentinelIsMasterDown].
type MasterDown struct {
	Down   bool   // as the sentinel sees it
	Leader string // run ID that it votes for; "*" if none was asked for
	Epoch  int64  // of that vote
}

// SentinelIsMasterDown asks whether the sentinel takes the master at host and port
// for down. With a run ID it also asks for its vote in epoch; that is what
// sentinels do among each other: leave it empty.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelIsMasterDown(host string, port int, epoch int64, runID string) Cmd[MasterDown] {
	if runID == "" {
		runID = "*"
	}
	c := write(masterDown, "SENTINEL IS-MASTER-DOWN-BY-ADDR", resp.String(host), resp.Int(int64(port)), resp.Int(epoch), resp.String(runID))
	if runID == "*" {
		c = c.Idempotent()
	}
	return c
}

func masterDown(v resp.Value) (m MasterDown, err error) {
	c, err := tuple(v, 3)
	if err != nil {
		return m, err
	}
	m.Down = next(&c, Bool, &err)
	m.Leader = next(&c, Text, &err)
	m.Epoch = next(&c, Int, &err)
	return m, err
}

// InfoCache is what a server has told a sentinel by [Info].
type InfoCache struct {
	Age  time.Duration // of the answer
	Info map[string]string
}

// SentinelInfoCache returns what masters and their replicas have told the sentinel,
// of all masters if none is named. The master comes first.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelInfoCache(masters ...string) Cmd[map[string][]InfoCache] {
	return query(MapOf(Text, ListOf(infoCache)), "SENTINEL INFO-CACHE", addStrs(few(), masters)...).check(some(len(masters), noMasters))
}

func infoCache(v resp.Value) (i InfoCache, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return i, err
	}
	i.Age = next(&c, Millis, &err)
	i.Info = next(&c, OptOf(infoFields), &err).Value
	return i, err
}

// PendingScript is a notification script that runs or waits.
type PendingScript struct {
	Args    []string
	Running bool
	PID     int64
	Time    time.Duration // it has run for, or until it runs
	Retries int64
}

// SentinelPendingScripts returns the notification scripts that run or wait.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelPendingScripts() Cmd[[]PendingScript] {
	return query(pendingScripts, "SENTINEL PENDING-SCRIPTS")
}

func pendingScripts(v resp.Value) ([]PendingScript, error) { return list(v, pendingScript) }

func pendingScript(v resp.Value) (s PendingScript, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "argv":
			s.Args, err = Texts(v)
		case "flags":
			word, werr := Text(v)
			s.Running, err = word == "running", werr
		case "pid":
			s.PID, err = Int(v)
		case "run-time", "run-delay":
			s.Time, err = Millis(v)
		case "retry-num":
			s.Retries, err = Int(v)
		}
		return err
	})
	return s, err
}

// SentinelFailover makes the sentinel fail over, without the agreement of others.
// It answers at once; the error replies INPROG and NOGOODSLAVE say why it does not.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelFailover(master string) Status {
	return status("SENTINEL FAILOVER", resp.String(master)).With(resp.NoRetry)
}

// SentinelFailoverCoordinated is [SentinelFailover] by the FAILOVER of the master
// itself, which hands its role over when the replica has everything. Valkey 9.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelFailoverCoordinated(master string) Status {
	return status("SENTINEL FAILOVER", resp.String(master), resp.String("COORDINATED")).With(resp.NoRetry)
}

// SentinelReset makes the sentinel forget all about the masters that match the glob
// pattern, but their address: replicas, sentinels, a failover in progress. It
// returns how many.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelReset(pattern string) Cmd[int64] {
	return write(Int, "SENTINEL RESET", resp.String(pattern)).With(resp.NoRetry)
}

// SentinelMonitor makes the sentinel watch the master at host and port. quorum is
// how many sentinels must take it for down.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelMonitor(master, host string, port, quorum int) Status {
	return status("SENTINEL MONITOR", resp.String(master), resp.String(host), resp.Int(int64(port)), resp.Int(int64(quorum)))
}

// SentinelRemove makes the sentinel stop watching the master.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelRemove(master string) Status { return status("SENTINEL REMOVE", resp.String(master)) }

// SentinelSet sets parameters of the master to values, given in turn: "quorum",
// "down-after-milliseconds", "failover-timeout", "auth-pass", ...
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelSet(master string, pairs ...string) Status {
	w := words{args: append(few(), resp.String(master))}
	w = w.pairs(pairs)
	return status("SENTINEL SET", w.args...).check(w.bad)
}

// SentinelConfigGet returns the parameters of the sentinel itself that match the
// glob patterns; one at a time before Redis 7.2.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelConfigGet(patterns ...string) Cmd[map[string]string] {
	return query(TextMap, "SENTINEL CONFIG", strs("GET", patterns)...).check(some(len(patterns), noPatterns))
}

// SentinelConfigSet sets parameters of the sentinel itself to values, given in
// turn; one at a time before Redis 7.2.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelConfigSet(pairs ...string) Status {
	w := words{args: append(few(), resp.String("SET"))}
	w = w.pairs(pairs)
	return status("SENTINEL CONFIG", w.args...).check(w.bad)
}

// SentinelFlushConfig makes the sentinel write its configuration file.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelFlushConfig() Status { return status("SENTINEL FLUSHCONFIG") }

// SentinelDebugGet returns the periods of the sentinel: "INFO-PERIOD",
// "PING-PERIOD", ... Redis 7.0.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelDebugGet() Cmd[map[string]time.Duration] {
	return query(MapOf(Text, Millis), "SENTINEL DEBUG")
}

// SentinelDebugSet sets a period of the sentinel, for tests. d is at least a
// millisecond, rounded up to whole ones. Redis 7.0.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelDebugSet(period string, d time.Duration) Status {
	return status("SENTINEL DEBUG", resp.String(period), ceilMillis(d)).check(checkTTL(d))
}

// The points of a failover at which [SentinelSimulateFailure] ends the sentinel.
const (
	CrashAfterElection  = "crash-after-election"
	CrashAfterPromotion = "crash-after-promotion"
)

// SentinelSimulateFailure makes the sentinel crash at points of a failover, for
// tests. They replace those of an earlier call.
//
// See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel.
func SentinelSimulateFailure(points ...string) Status {
	return status("SENTINEL SIMULATE-FAILURE", addStrs(few(), points)...).With(resp.NoRetry).check(some(len(points), noNames))
}
