package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Info returns what the server tells of itself, as field and value: of all
// default sections, or of those named: "server", "replication", "everything". More
// than one can be named since Redis 7.0. The values of a field that is repeated are
// joined by [InfoRepeated]: strings.Split takes them apart.
//
// See https://redis.io/commands/info.
func Info(sections ...string) Cmd[map[string]string] {
	return query(infoFields, "INFO", addStrs(few(), sections)...)
}

// InfoRepeated separates the values of a field that comes several times in one section
// of [Info], as "module" does: module:name=a,ver=1 and module:name=b,ver=2.
const InfoRepeated = "\n"

// InfoSections is [Info] by section, whose names are in lower case:
//
//	info["keyspace"]["db0"] // "keys=2,expires=0,avg_ttl=0", see InfoValue
//
// See https://redis.io/commands/info.
func InfoSections(sections ...string) Cmd[map[string]map[string]string] {
	return query(infoSections, "INFO", addStrs(few(), sections)...)
}

// InfoValue takes a value of [Info] apart that has parts: "ip=::1,port=6379".
func InfoValue(value string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(value, ",") {
		if name, v, ok := strings.Cut(part, "="); ok {
			out[name] = v
		}
	}
	return out
}

func infoFields(v resp.Value) (map[string]string, error) {
	out := map[string]string{}
	err := infoLines(v, func(_, name, value string) { addField(out, name, value) })
	return out, err
}

func infoSections(v resp.Value) (map[string]map[string]string, error) {
	out := map[string]map[string]string{}
	err := infoLines(v, func(section, name, value string) {
		if out[section] == nil {
			out[section] = map[string]string{}
		}
		addField(out[section], name, value)
	})
	return out, err
}

func addField(out map[string]string, name, value string) {
	if before, ok := out[name]; ok {
		value = before + InfoRepeated + value
	}
	out[name] = value
}

// infoLines reads "# Section" and "name:value".
func infoLines(v resp.Value, line func(section, name, value string)) error {
	text, err := Text(v)
	if err != nil {
		return err
	}
	section := ""
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		if s, ok := strings.CutPrefix(l, "#"); ok {
			section = strings.ToLower(strings.TrimSpace(s))
			continue
		}
		if name, value, ok := strings.Cut(l, ":"); ok {
			line(section, name, value)
		}
	}
	return nil
}

// DBSize returns the number of keys in the database.
//
// See https://redis.io/commands/dbsize.
func DBSize() Cmd[int64] { return read(Int, "DBSIZE") }

// FlushDB deletes all keys of the database, in the background if async is set.
//
// See https://redis.io/commands/flushdb.
func FlushDB(async bool) Status { return status("FLUSHDB", flushMode(async)) }

// FlushAll deletes all keys of all databases, in the background if async is set.
//
// See https://redis.io/commands/flushall.
func FlushAll(async bool) Status { return status("FLUSHALL", flushMode(async)) }

// SwapDB swaps two databases for all clients.
//
// See https://redis.io/commands/swapdb.
func SwapDB(a, b int64) Status { return status("SWAPDB", resp.Int(a), resp.Int(b)) }

// Time returns the clock of the server, to the microsecond.
//
// See https://redis.io/commands/time.
func Time() Cmd[time.Time] { return query(clock, "TIME") }

func clock(v resp.Value) (t time.Time, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return t, err
	}
	s := next(&c, Int, &err)
	us := next(&c, Int, &err)
	return time.Unix(s, us*1000), err
}

// LastSave returns when the data was saved last, to the second.
//
// See https://redis.io/commands/lastsave.
func LastSave() Cmd[time.Time] { return query(UnixSeconds, "LASTSAVE") }

// Save saves the data now. It blocks the server; [BGSave] does not.
//
// See https://redis.io/commands/save.
func Save() Status { return status("SAVE") }

// BGSave saves the data in the background and returns what the server says to
// it. With schedule it waits for a running AOF rewrite.
//
// See https://redis.io/commands/bgsave.
func BGSave(schedule bool) Cmd[string] {
	w := words{args: few()}
	w = w.flag(schedule, "SCHEDULE")
	return write(Text, "BGSAVE", w.args...)
}

// BGSaveCancel ends a [BGSave] that runs or is scheduled and returns what the
// server says to it. Valkey 8.1.
//
// See https://valkey.io/commands/bgsave.
func BGSaveCancel() Cmd[string] { return write(Text, "BGSAVE", resp.String("CANCEL")) }

// BGRewriteAOF rewrites the append-only file in the background and returns what
// the server says to it.
//
// See https://redis.io/commands/bgrewriteaof.
func BGRewriteAOF() Cmd[string] { return write(Text, "BGREWRITEAOF") }

// ShutdownOptions are options of [Shutdown]. The zero value saves if the server
// is configured to.
type ShutdownOptions struct {
	Save     Opt[bool] // whether to save
	Now      bool      // do not wait for replicas. Redis 7.0
	Force    bool      // also if it cannot save. Redis 7.0
	Safe     bool      // only where it is no master of slots of a cluster. Valkey 9
	Failover bool      // a node of a cluster hands its slots to a replica first. Valkey 9
	Cancel   bool      // cancel a shutdown that waits. Redis 7.0
}

// Shutdown stops the server. When it does, the connection ends without a reply:
// then the error is [ClassMaybeExecuted]. It is never repeated: it would stop
// another server.
//
// See https://redis.io/commands/shutdown.
func Shutdown(o ShutdownOptions) Status {
	w := words{args: few()}
	w = w.flag(o.Save.OK && o.Save.Value, "SAVE")
	w = w.flag(o.Save.OK && !o.Save.Value, "NOSAVE")
	w = w.flag(o.Now, "NOW")
	w = w.flag(o.Force, "FORCE")
	w = w.flag(o.Safe, "SAFE")
	w = w.flag(o.Failover, "FAILOVER")
	w = w.flag(o.Cancel, "ABORT")
	return status("SHUTDOWN", w.args...).With(resp.NoRetry)
}

// ConfigGet returns the parameters that match any of the glob patterns; one pattern at
// a time before Redis 7.0.
//
// See https://redis.io/commands/config-get.
func ConfigGet(patterns ...string) Cmd[map[string]string] {
	return query(TextMap, "CONFIG GET", addStrs(few(), patterns)...).check(some(len(patterns), noPatterns))
}

// ConfigSet sets parameters to values, given in turn: all of them or, with an
// error, none; one at a time before Redis 7.0.
//
// See https://redis.io/commands/config-set.
func ConfigSet(pairs ...string) Status {
	w := words{args: few()}
	w = w.pairs(pairs)
	return status("CONFIG SET", w.args...).check(w.bad)
}

// ConfigResetStat resets the counters of [Info].
//
// See https://redis.io/commands/config-resetstat.
func ConfigResetStat() Status { return status("CONFIG RESETSTAT") }

// ConfigRewrite writes the parameters to the configuration file.
//
// See https://redis.io/commands/config-rewrite.
func ConfigRewrite() Status { return status("CONFIG REWRITE") }

// LolWut returns a picture and the version of the server.
//
// See https://redis.io/commands/lolwut.
func LolWut() Cmd[string] { return read(Text, "LOLWUT") }

// LolWutVersion is [LolWut] with the picture of another version, from 5 on, and the
// numbers that it takes: columns, squares and so on.
//
// See https://redis.io/commands/lolwut.
func LolWutVersion(version int64, args ...int64) Cmd[string] {
	w := words{args: append(few(), resp.String("VERSION"), resp.Int(version))}
	for _, n := range args {
		w = w.int(n)
	}
	return read(Text, "LOLWUT", w.args...)
}

// SlowCommand is an entry of the slow log.
type SlowCommand struct {
	ID       int64
	Time     time.Time // when it began, to the second
	Duration time.Duration
	Size     int64    // of the request or reply in bytes; see [CommandLogGet]
	Args     []string // shortened by the server
	Addr     string   // of the client
	Name     string   // of the client
}

// SlowLogGet returns the latest n entries of the slow log, all if n is negative.
//
// See https://redis.io/commands/slowlog-get.
func SlowLogGet(n int64) Cmd[[]SlowCommand] {
	return query(slowCommands, "SLOWLOG GET", resp.Int(max(n, -1)))
}

func slowCommands(v resp.Value) ([]SlowCommand, error) { return list(v, slowCommand) }

func slowCommand(v resp.Value) (s SlowCommand, err error) {
	c, err := tuple(v, 4)
	if err != nil {
		return s, err
	}
	s.ID = next(&c, Int, &err)
	s.Time = next(&c, UnixSeconds, &err)
	s.Duration = time.Duration(next(&c, Int, &err)) * time.Microsecond
	s.Args = next(&c, Texts, &err)
	if v.Len() >= 6 {
		s.Addr = next(&c, Text, &err)
		s.Name = next(&c, Text, &err)
	}
	return s, err
}

// SlowLogLen returns the number of entries of the slow log.
//
// See https://redis.io/commands/slowlog-len.
func SlowLogLen() Cmd[int64] { return query(Int, "SLOWLOG LEN") }

// SlowLogReset empties the slow log.
//
// See https://redis.io/commands/slowlog-reset.
func SlowLogReset() Status { return status("SLOWLOG RESET") }

// CommandLog is one of the logs of Valkey.
type CommandLog string

// The logs of [CommandLogGet].
const (
	SlowLog       CommandLog = "slow"
	LargeRequests CommandLog = "large-request"
	LargeReplies  CommandLog = "large-reply"
)

// CommandLogGet returns the latest n entries of a log, all if n is negative. Those
// of [SlowLog] have a Duration, the others a Size. Valkey 8.1.
//
// See https://valkey.io/commands/commandlog-get.
func CommandLogGet(l CommandLog, n int64) Cmd[[]SlowCommand] {
	decode := largeCommands
	if l == SlowLog {
		decode = slowCommands
	}
	return query(decode, "COMMANDLOG GET", resp.Int(max(n, -1)), resp.String(string(l)))
}

// largeCommands is slowCommands of a log that has bytes where that has microseconds.
func largeCommands(v resp.Value) ([]SlowCommand, error) {
	out, err := slowCommands(v)
	for i := range out {
		out[i].Size, out[i].Duration = out[i].Duration.Microseconds(), 0
	}
	return out, err
}

// CommandLogLen returns the number of entries of a log. Valkey 8.1.
//
// See https://valkey.io/commands/commandlog-len.
func CommandLogLen(l CommandLog) Cmd[int64] {
	return query(Int, "COMMANDLOG LEN", resp.String(string(l)))
}

// CommandLogReset empties a log. Valkey 8.1.
//
// See https://valkey.io/commands/commandlog-reset.
func CommandLogReset(l CommandLog) Status {
	return status("COMMANDLOG RESET", resp.String(string(l)))
}

// ReplicaOf makes the server a replica of the one at host and port. It is never
// repeated: it is meant for one server.
//
// See https://redis.io/commands/replicaof.
func ReplicaOf(host string, port int) Status {
	return status("REPLICAOF", resp.String(host), resp.String(strconv.Itoa(port))).With(resp.NoRetry)
}

// ReplicaOfNoOne makes the server a master. It is never repeated.
//
// See https://redis.io/commands/replicaof.
func ReplicaOfNoOne() Status {
	return status("REPLICAOF", resp.String("NO"), resp.String("ONE")).With(resp.NoRetry)
}

// FailoverOptions are options of [Failover]. The zero value lets any replica take
// over and waits for it without end.
type FailoverOptions struct {
	Host    string // the replica that takes over; empty is any
	Port    int
	Force   bool          // after Timeout, even if the replica has not caught up
	Timeout time.Duration // how long to wait for the replica; zero is without end
}

// Failover lets a replica take over from this master. It answers at once; [Info]
// tells the state. It is never repeated: the new master would fail over, too.
//
// See https://redis.io/commands/failover.
func Failover(o FailoverOptions) Status {
	w := words{args: few()}
	if o.Host != "" {
		w = w.str("TO", o.Host, strconv.Itoa(o.Port))
		w = w.flag(o.Force, "FORCE")
	}
	w = w.ttl("TIMEOUT", o.Timeout)
	return status("FAILOVER", w.args...).check(w.bad).With(resp.NoRetry)
}

// FailoverAbort cancels a [Failover] that has not ended.
//
// See https://redis.io/commands/failover.
func FailoverAbort() Status { return status("FAILOVER", resp.String("ABORT")).With(resp.NoRetry) }
