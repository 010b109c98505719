package redis

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/resp"
)

// shared is the server of all live tests; they flush it and do not run in parallel.
var shared testredis.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Close()
	sentinels.Close()
	os.Exit(code)
}

// inBothProtocols runs fn on a connection with RESP2 and on one with RESP3, to an
// empty server.
func inBothProtocols(t *testing.T, fn func(t *testing.T, c *conn.Conn)) {
	t.Helper()
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) { fn(t, dial(t, proto)) })
	}
}

func dial(t *testing.T, proto int) *conn.Conn {
	t.Helper()
	c, err := conn.Dial(t.Context(), conn.Options{Addr: shared.Node(t).Addr(), Protocol: proto})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ok(t, c, FlushAll(false))
	ok(t, c, FunctionFlush(false))
	return c
}

// want runs c and compares its value.
func want[T any](t *testing.T, d Doer, c Cmd[T], value T) {
	t.Helper()
	got, err := c.Do(t.Context(), d)
	if err != nil {
		t.Errorf("%s: %v", Redacted(c.Command), err)
		return
	}
	if diff := cmp.Diff(value, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", Redacted(c.Command), diff)
	}
}

// get runs c and returns its value.
func get[T any](t *testing.T, d Doer, c Cmd[T]) T {
	t.Helper()
	got, err := c.Do(t.Context(), d)
	if err != nil {
		t.Fatalf("%s: %v", Redacted(c.Command), err)
	}
	return got
}

// fails runs c and wants an error that is target.
func fails[T any](t *testing.T, d Doer, c Cmd[T], target error) {
	t.Helper()
	if _, err := c.Do(t.Context(), d); !errors.Is(err, target) {
		t.Errorf("%s: error %v, want %v", Redacted(c.Command), err, target)
	}
}

// refused runs c and wants an error reply with that text.
func refused[T any](t *testing.T, d Doer, c Cmd[T], text string) {
	t.Helper()
	_, err := c.Do(t.Context(), d)
	if server := (*resp.Error)(nil); !errors.As(err, &server) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: error %v, want an error reply with %q", Redacted(c.Command), err, text)
	}
}

func ok(t *testing.T, d Doer, s Status) {
	t.Helper()
	if err := s.Do(t.Context(), d); err != nil {
		t.Fatalf("%s: %v", Redacted(s.Command), err)
	}
}

func check(t *testing.T, what string, ok bool) {
	t.Helper()
	if !ok {
		t.Error(what)
	}
}

// populate makes a key of each name that the table of commands uses.
func populate(t *testing.T, d Doer) {
	t.Helper()
	ok(t, d, FlushAll(false))
	ok(t, d, MSet("str", "hello", "str2", "yellow", "num", "7", "num2", "9", "bits", "abc", "bits2", "xyz", "ren1", "r", "moved", "m", "gone", "g"))
	get(t, d, HSet("hash", "f", "v", "g", "w", "n", "3", "gone", "x"))
	get(t, d, RPush("list", "1", "2", "3", "x", "5", "6"))
	get(t, d, RPush("list2", "1", "2"))
	get(t, d, SAdd("set", "a", "b", "c", "d", "e", "f", "gone"))
	get(t, d, SAdd("set2", "a", "z"))
	get(t, d, ZAdd("zset", Z{"a", 1}, Z{"b", 2}, Z{"c", 3}, Z{"d", 4}, Z{"e", 5}, Z{"f", 6}, Z{"g", 7}, Z{"gone", 8}))
	get(t, d, ZAdd("zset2", Z{"a", 1}, Z{"z", 2}))
	get(t, d, GeoAdd("geo", Place{"Rome", Point{12.5, 41.9}}, Place{"Oslo", Point{10.75, 59.91}}))
	get(t, d, PFAdd("hll", "a", "b"))
	get(t, d, PFAdd("hll2", "a", "c"))
	for _, id := range []string{"1-1", "1-2", "1-3"} {
		get(t, d, XAdd("stream", XAddOptions{ID: id}, "f", "v"))
	}
	get(t, d, XAdd("stream2", XAddOptions{ID: "6-1"}, "f", "v"))
	ok(t, d, XGroupCreate("stream", "group", "0", XGroupOptions{}))
	get(t, d, XReadGroup("group", "otto", XReadGroupOptions{Count: 2}, StreamID{"stream", FreshID}))
}

// populateWrongly makes a key of each name of a type that its commands refuse.
func populateWrongly(t *testing.T, d Doer) {
	t.Helper()
	ok(t, d, FlushAll(false))
	for _, k := range []string{"str", "str2", "num", "num2", "bits", "bits2", "hash", "set", "set2", "zset", "zset2", "geo", "hll", "hll2", "stream", "stream2"} {
		get(t, d, RPush(k, "x"))
	}
	ok(t, d, MSet("list", "x", "list2", "x"))
}

// disruptive commands end or change the server; they have tests of their own.
var disruptive = []string{"SHUTDOWN", "REPLICAOF", "FAILOVER", "BGSAVE", "BGREWRITEAOF", "SAVE", "ACL SETUSER", "CONFIG SET"}

func TestEveryCommandDecodesWhatTheServerAnswers(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		executed, newer := 0, 0
		for _, row := range allCases() {
			if slices.Contains(disruptive, row.name()) || row.run == nil || ofSentinel(row) {
				continue
			}
			populate(t, c)
			err := row.run(t.Context(), c)
			if server := (*resp.Error)(nil); err != nil && !errors.Is(err, ErrNil) && !errors.As(err, &server) {
				t.Errorf("%s (%s): %v", row.fn, row.words, err)
			}
			if row.since == "" && isSyntax(err) {
				t.Errorf("%s (%s): %v; is it newer than this server?", row.fn, row.words, err)
			}
			if isSyntax(err) {
				newer++
				continue
			}
			executed++
		}
		t.Logf("%d rows executed, %d are newer than the server", executed, newer)
	})
}

// anyType are commands with keys that work on a key of any type, or that do not
// look at its value before something else fails.
var anyType = []string{"DEL", "UNLINK", "EXISTS", "TOUCH", "TYPE", "PEXPIRE", "PEXPIREAT", "PERSIST", "PTTL", "PEXPIRETIME", "RENAME", "RENAMENX",
	"COPY", "MOVE", "DUMP", "RESTORE", "OBJECT ENCODING", "OBJECT FREQ", "OBJECT IDLETIME", "OBJECT REFCOUNT", "MEMORY USAGE",
	"SET", "MSET", "MSETNX", "MGET", "MIGRATE", "XGROUP CREATE", "XSETID"}

func TestEveryCommandOnAKeyReportsAKeyOfTheWrongType(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		checked := 0
		keyed := keyedCommands(t, c)
		for _, row := range allCases() {
			if row.run == nil || row.since != "" || !keyed[row.name()] || slices.Contains(anyType, row.name()) {
				continue
			}
			if strings.Contains(row.words, " GET") && row.name() == "SET" || strings.Contains(row.words, "WITHSCORE ") {
				continue
			}
			populateWrongly(t, c)
			err := row.run(t.Context(), c)
			if !errors.Is(err, ErrWrongType) && row.name() != "LCS" { // it says so in other words
				t.Errorf("%s (%s): %v", row.fn, row.words, err)
			}
			checked++
		}
		check(t, "hardly any command was checked", checked > 140)
		t.Logf("%d commands checked", checked)
	})
}

// isSyntax says whether the server did not understand the command.
func isSyntax(err error) bool {
	if err == nil {
		return false
	}
	for _, text := range []string{"syntax error", "unknown command", "unknown subcommand", "wrong number of arguments", "Invalid stream ID"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// ofSentinel says whether the command is for a sentinel.
func ofSentinel(c wireCase) bool { return strings.HasPrefix(c.name(), "SENTINEL ") }

// keyedCommands are the commands of the server that have keys, in capitals.
func keyedCommands(t *testing.T, d Doer) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, i := range get(t, d, Commands()) {
		out[strings.ToUpper(i.Value.Name)] = i.Value.FirstKey > 0 || slices.Contains(i.Value.Flags, "movablekeys")
		for _, s := range i.Value.Subcommands {
			out[strings.ToUpper(strings.ReplaceAll(s.Name, "|", " "))] = s.FirstKey > 0
		}
	}
	for _, k := range []string{"EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO", "FCALL", "FCALL_RO", "SPUBLISH", "PUBSUB SHARDNUMSUB"} {
		out[k] = false // the keys are the script's, or no keys
	}
	return out
}

// conditional are commands whose flag blocking depends on an option.
// WAIT has it since 7.2.
var conditional = []string{"XREAD", "XREADGROUP", "WAIT"}

func TestFlagsOfCommandsAgreeWithTheServer(t *testing.T) {
	c := dial(t, 3)
	flags := map[string][]string{}
	for _, i := range get(t, c, Commands()) {
		flags[i.Value.Name] = i.Value.Flags
		for _, s := range i.Value.Subcommands {
			flags[strings.ReplaceAll(s.Name, "|", " ")] = s.Flags
		}
	}
	// Their replies are of one server, but do not depend on the role of it.
	for _, row := range allCases() {
		have, known := flags[strings.ToLower(row.cmd.Name())]
		if !known {
			continue
		}
		f := row.cmd.Flags()
		readonly, blocking := slices.Contains(have, "readonly"), slices.Contains(have, "blocking")
		if got := f&resp.ReadOnly != 0; got != readonly && !(got && slices.Contains(readsWithoutFlag, row.name())) {
			t.Errorf("%s (%s): read-only %v, the server says %v", row.fn, row.words, got, readonly)
		}
		if got := f&resp.Blocking != 0; got != blocking && !slices.Contains(conditional, row.name()) {
			t.Errorf("%s (%s): blocking %v, the server says %v", row.fn, row.words, got, blocking)
		}
		if slices.Contains(have, "write") && f&resp.Idempotent != 0 && !strings.Contains(row.words, "IDMP") {
			t.Errorf("%s (%s): idempotent, but it writes", row.fn, row.words)
		}
	}
}

// readsWithoutFlag only read and may run on replicas, though the server does not
// call them readonly: what a script does is its own affair.
var readsWithoutFlag = []string{"EVAL_RO", "EVALSHA_RO", "FCALL_RO"}

// since reports whether the server is Redis from one version on, or Valkey from
// another; empty is none of it.
func since(t *testing.T, c *conn.Conn, redis, valkey string) bool {
	t.Helper()
	info := get(t, c, Info("server"))
	version, least := info["redis_version"], redis
	if v := info["valkey_version"]; v != "" {
		version, least = v, valkey
	}
	return least != "" && slices.Compare(numbers(version), numbers(least)) >= 0
}

// numbers are those of a version, "9.1.0".
func numbers(version string) (out []int) {
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(part)
		out = append(out, n)
	}
	return out
}
