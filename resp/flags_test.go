package resp_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// stateful is the list of DESIGN.md, and what came with later versions.
var stateful = []string{
	"SELECT", "AUTH", "HELLO", "RESET", "QUIT", "MONITOR", "SYNC", "PSYNC", "REPLCONF",
	"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
	"WATCH", "UNWATCH", "MULTI", "EXEC", "DISCARD",
	"CLIENT REPLY", "CLIENT TRACKING", "CLIENT CACHING", "CLIENT NO-EVICT", "CLIENT NO-TOUCH",
	"CLIENT CAPA", "CLIENT IMPORT-SOURCE", "SCRIPT DEBUG",
	"READONLY", "READWRITE", "ASKING",
	"HIMPORT",
}

func isStateful(name string, args ...resp.Arg) bool {
	c := resp.NewCommand(name, args...)
	return c.Stateful()
}

func TestStatefulCommandsAreKnownInAnyCase(t *testing.T) {
	for _, name := range stateful {
		for _, n := range []string{name, strings.ToLower(name), name[:1] + strings.ToLower(name[1:])} {
			if !resp.IsStateful(n) || !isStateful(n) {
				t.Errorf("%s is not stateful", n)
			}
		}
	}
}

func TestStatefulCommandsAreKnownHoweverTheirWordsAreGiven(t *testing.T) {
	for _, name := range stateful {
		word, sub, two := strings.Cut(name, " ")
		if two {
			for _, a := range []resp.Arg{resp.String(sub), resp.Bytes([]byte(strings.ToLower(sub)))} {
				if !isStateful(word, a, resp.String("x")) {
					t.Errorf("%s with %s is not stateful", word, a.String())
				}
			}
			if resp.IsStateful(word) || isStateful(word) {
				t.Errorf("%s alone is stateful", word)
			}
			continue
		}
		// Sent as two words, the first of which is the command.
		if n := name + " x"; !resp.IsStateful(n) || !isStateful(n) {
			t.Errorf("%q is not stateful", n)
		}
	}
}

func TestOtherCommandsAreNotStateful(t *testing.T) {
	for _, name := range []string{
		"", "A", "GET", "SET", "SADD", "EXECS", "EXE", "MULT", "WATCHED", "CLIENT", "CLIENT LIST", "CLIENT REPLYX",
		"CLIENT SETNAME", "CLIENT SETINFO", "CLIENT ID", "CLIENT KILL", "SCRIPT", "SCRIPT LOAD", "SHUTDOWN", "WAIT",
		"CONFIG GET", "PUBLISH", "EVAL", "SELECTED", "READ", " SELECT", "HELL\xcf", "\u017fELECT", "MON\x49TO\x12",
	} {
		if resp.IsStateful(name) || isStateful(name, resp.String("LIST"), resp.String("REPLY")) {
			t.Errorf("%q is stateful", name)
		}
	}
	for _, c := range []resp.Command{
		resp.NewCommand("CLIENT", resp.Int(5)), resp.NewCommand("GET", resp.String("REPLY")),
		resp.NewCommand("SCRIPT", resp.String("")), resp.NewCommand("CLIENT ", resp.String("REPLY")), {},
	} {
		if c.Stateful() {
			t.Errorf("%s is stateful", c.AppendTo(nil))
		}
	}
}

// The room for a reply is no argument, whatever is in it.
func TestTheRoomOfACommandIsNoSecondWord(t *testing.T) {
	c := resp.NewCommand("CLIENT")
	c.SetRoom([]byte("REPLY"))
	if c.Stateful() {
		t.Error("CLIENT alone is stateful")
	}
	o := resp.NewCommand("CONFIG")
	o.SetRoom([]byte("GET"))
	if o = o.Flagged(); o.Flags() != 0 {
		t.Errorf("CONFIG alone has flags %b", o.Flags())
	}
}

func TestWhetherACommandIsStatefulCostsNoMemory(t *testing.T) {
	c := resp.NewCommand("client", resp.String("reply"))
	if n := testing.AllocsPerRun(100, func() {
		if !c.Stateful() || !resp.IsStateful("client reply") || resp.IsStateful("HGETALL") {
			t.Error("wrong answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFlagsTellReadsQueriesAndBlockingCommands(t *testing.T) {
	for name, want := range map[string]resp.Flags{
		"GET": resp.ReadOnly, "get": resp.ReadOnly, "Memory Usage": resp.ReadOnly, "XLEN": resp.ReadOnly,
		"ts.range": resp.ReadOnly, "VSIM": resp.ReadOnly, "HTTL": resp.ReadOnly, "DIGEST": resp.ReadOnly,
		"INFO": resp.Idempotent, "config get": resp.Idempotent, "SENTINEL MASTERS": resp.Idempotent,
		"BLPOP": resp.Blocking, "WAIT": resp.Blocking | resp.NoRetry, "XREADGROUP": resp.Blocking,
		"XREAD": resp.ReadOnly | resp.Blocking,
		// Writes, whatever they mean to their user.
		"SET": 0, "MSET": 0, "DEL": 0, "INCR": 0, "LPUSH": 0, "SPOP": 0, "GETDEL": 0, "GETEX": 0, "SORT": 0,
		"EVAL": 0, "FCALL": 0, "PUBLISH": 0, "CONFIG SET": 0, "FT.CURSOR READ": 0, "SHUTDOWN": resp.NoRetry, "client kill": resp.NoRetry,
		"": 0, "CONFIG": 0, "NOSUCH": 0, strings.Repeat("GET", 100): 0, "GET\x00": 0,
	} {
		if got := resp.FlagsOf(name); got != want {
			t.Errorf("%s: flags %b, want %b", name, got, want)
		}
	}
}

func TestFlaggedKnowsTheArguments(t *testing.T) {
	args := func(words ...string) (out []resp.Arg) {
		for _, w := range words {
			out = append(out, resp.String(w))
		}
		return out
	}
	const untimed = time.Duration(math.MinInt64)
	for _, c := range []struct {
		words string
		flags resp.Flags
		wait  time.Duration
	}{
		{"GET k", resp.ReadOnly, untimed},
		{"object encoding k", resp.ReadOnly, untimed},
		{"OBJECT", 0, untimed},
		{"OBJECT " + strings.Repeat("x", 100), 0, untimed},
		{"CONFIG GET x", resp.Idempotent, untimed},
		{"CONFIG SET x y", 0, untimed},
		{"COMMAND", resp.Idempotent, untimed},
		{"COMMAND NOSUCH", 0, untimed},
		{"BLPOP a b 1.5", resp.Blocking, 1500 * time.Millisecond},
		{"BRPOP a 0", resp.Blocking, 0},
		{"BZPOPMIN a 0.0000000001", resp.Blocking, 1},
		{"BLMOVE a b LEFT RIGHT 2", resp.Blocking, 2 * time.Second},
		{"BLMPOP 3 1 k LEFT", resp.Blocking, 3 * time.Second},
		{"BZMPOP 4 1 k MIN", resp.Blocking, 4 * time.Second},
		{"WAIT 1 250", resp.Blocking | resp.NoRetry, 250 * time.Millisecond},
		{"WAITAOF 1 1 250", resp.Blocking | resp.NoRetry, 250 * time.Millisecond},
		{"WAIT 1", resp.Blocking | resp.NoRetry, untimed},
		{"BLPOP", resp.Blocking, untimed},
		{"BLPOP a -1", resp.Blocking, untimed},
		{"BLPOP a nan", resp.Blocking, untimed},
		{"BLPOP a inf", resp.Blocking, untimed},
		{"BLPOP a 1e300", resp.Blocking, untimed},
		{"BLPOP a " + strings.Repeat("0", 60), resp.Blocking, untimed},
		{"XREAD COUNT 2 STREAMS s 0", resp.ReadOnly, untimed},
		{"XREAD COUNT 2 block 5 STREAMS s 0", resp.ReadOnly | resp.Blocking, 5 * time.Millisecond},
		{"XREAD STREAMS BLOCK 0", resp.ReadOnly, untimed},
		{"XREAD BLOCK", resp.ReadOnly | resp.Blocking, untimed},
		{"XREADGROUP GROUP BLOCK BLOCK STREAMS s >", 0, untimed},
		{"XREADGROUP GROUP g c BLOCK 0 STREAMS s >", resp.Blocking, 0},
		{strings.Repeat("x", 100), 0, untimed},
	} {
		words := strings.Fields(c.words)
		got := resp.NewCommand(words[0], args(words[1:]...)...).Flagged()
		wait, ok := got.Timeout()
		if !ok {
			wait = untimed
		}
		if got.Flags() != c.flags || wait != c.wait {
			t.Errorf("%.40s: flags %b and wait %v, want %b and %v", c.words, got.Flags(), wait, c.flags, c.wait)
		}
	}
	number := resp.NewCommand("BLPOP", resp.String("k"), resp.Float(0.25)).Flagged()
	if d, ok := number.Timeout(); d != time.Second/4 || !ok {
		t.Errorf("a number as timeout: %v, %v", d, ok)
	}
	two := resp.NewCommand("OBJECT ENCODING", resp.String("k")).WithFlags(resp.Idempotent).Flagged()
	if two.Flags() != resp.ReadOnly|resp.Idempotent {
		t.Errorf("two words, flagged before: %b", two.Flags())
	}
}

// The server says what it is. SORT and GEORADIUS write, with an option.
func TestFlagsAgreeWithTheServer(t *testing.T) {
	node := testredis.New(t)
	reply := node.MustDo(t, "COMMAND")
	if len(reply.Elems) < 200 {
		t.Fatalf("%d commands", len(reply.Elems))
	}
	for _, c := range reply.Elems {
		agree(t, c)
		if len(c.Elems) > 9 {
			for _, sub := range c.Elems[9].Elems {
				agree(t, sub)
			}
		}
	}
}

func agree(t *testing.T, c testserver.Reply) {
	t.Helper()
	name := strings.ToUpper(strings.Replace(c.Elems[0].Str, "|", " ", 1))
	have := map[string]bool{}
	for _, f := range c.Elems[2].Elems {
		have[f.Str] = true
	}
	f := resp.FlagsOf(name)
	if len(c.Elems) > 9 && len(c.Elems[9].Elems) > 0 {
		if f != 0 && name != "COMMAND" {
			t.Errorf("%s has subcommands and flags %b", name, f)
		}
		help := resp.NewCommand(name, resp.String("HELP")).Flagged()
		if help.Flags() != resp.Idempotent {
			t.Errorf("%s HELP is not known as a subcommand", name)
		}
		return
	}
	if got := f&resp.ReadOnly != 0; got != have["readonly"] {
		t.Errorf("%s: read-only %v, the server says %v", name, got, have["readonly"])
	}
	if got := f&resp.Blocking != 0; got != have["blocking"] && name != "WAIT" && name != "WAITAOF" {
		t.Errorf("%s: blocking %v, the server says %v", name, got, have["blocking"])
	}
	if have["write"] && f&(resp.ReadOnly|resp.Idempotent) != 0 {
		t.Errorf("%s: flags %b, but it writes", name, f)
	}
	if f&resp.ReadOnly != 0 && resp.IsStateful(name) {
		t.Errorf("%s reads and is stateful", name)
	}
	if strings.HasSuffix(name, "SUBSCRIBE") && !resp.IsStateful(name) {
		t.Errorf("%s is not stateful", name)
	}
}
