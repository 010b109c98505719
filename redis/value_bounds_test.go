package redis

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// sent returns what a command looks like, or why it cannot be sent.
func sent[T any](c Cmd[T]) string {
	if err := c.Invalid(); err != nil {
		return "refused"
	}
	words := []string{c.Command.Name()}
	for i := range c.Command.NArgs() {
		words = append(words, c.Command.Arg(i).String())
	}
	if d, ok := c.Command.Timeout(); ok {
		words = append(words, "("+d.String()+")")
	}
	return strings.Join(words, " ")
}

// A millisecond is the shortest time that Redis knows. What is finer is rounded up.
func TestDurationsAreTakenFromAMillisecondOn(t *testing.T) {
	const ms = time.Millisecond
	for i, c := range []struct{ got, want string }{
		{sent(SetWith("k", "v", SetOptions{TTL: ms})), "SET k v PX 1"}, {sent(SetWith("k", "v", SetOptions{TTL: ms - 1})), "refused"},
		{sent(SetWith("k", "v", SetOptions{TTL: ms + 1})), "SET k v PX 2"}, {sent(SetWith("k", "v", SetOptions{})), "SET k v"},
		{sent(SetEx("k", "v", ms).Cmd()), "SET k v PX 1"}, {sent(Expire("k", ms)), "PEXPIRE k 1"}, {sent(Expire("k", ms-1)), "refused"}, {sent(Expire("k", 2*ms-1)), "PEXPIRE k 2"},
		{sent(HExpire("k", ms, "", "f")), "HPEXPIRE k 1 FIELDS 1 f"},
		{sent(BLPop(ms, "k")), "BLPOP k 0.001 (1ms)"}, {sent(BLPop(ms+1, "k")), "BLPOP k 0.002 (2ms)"}, {sent(BLPop(0, "k")), "BLPOP k 0 (0s)"},
		{sent(BLPop(1500*ms, "k")), "BLPOP k 1.5 (1.5s)"}, {sent(BLPop(ms-1, "k")), "refused"}, {sent(BLPop(Forever, "k")), "BLPOP k 0 (0s)"},
		{sent(Wait(1, ms)), "WAIT 1 1 (1ms)"}, {sent(Wait(1, ms+1)), "WAIT 1 2 (2ms)"}, {sent(Wait(0, Forever)), "WAIT 0 0 (0s)"}, {sent(Wait(-1, ms)), "refused"},
		{sent(XCfgSet("s", XCfgSetOptions{Duration: ms}).Cmd()), "XCFGSET s IDMP-DURATION 1"}, {sent(XCfgSet("s", XCfgSetOptions{Duration: time.Second}).Cmd()), "XCFGSET s IDMP-DURATION 1"},
		{sent(XCfgSet("s", XCfgSetOptions{Duration: time.Second + 1}).Cmd()), "XCFGSET s IDMP-DURATION 2"}, {sent(XCfgSet("s", XCfgSetOptions{Duration: ms - 1}).Cmd()), "refused"},
		{sent(XAutoClaim("s", "g", "c", 0, "0", 0)), "XAUTOCLAIM s g c 0 0"}, {sent(XAutoClaim("s", "g", "c", ms, "0", 1)), "XAUTOCLAIM s g c 1 0 COUNT 1"},
		{sent(ScanPage(0, ScanOptions{Count: 1})), "SCAN 0 COUNT 1"}, {sent(ScanPage(0, ScanOptions{})), "SCAN 0"},
		{sent(XPendingRange("s", "g", 0, XPendingOptions{})), "XPENDING s g - + 0"}, {sent(XPendingRange("s", "g", -1, XPendingOptions{})), "refused"},
		{sent(ZPopMax("k", 0)), "ZPOPMAX k 0"}, {sent(ZPopMax("k", -1)), "refused"},
		{sent(MSet("a", "b").Cmd()), "MSET a b"}, {sent(HSet("h", "a", "b", "c")), "refused"},
		{sent(LMPop(Left, 0, "k")), "LMPOP 1 k LEFT"}, {sent(Expire("k", math.MaxInt64)), "PEXPIRE k 9223372036855"},
	} {
		if c.got != c.want {
			t.Errorf("%d: %s, want %s", i, c.got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{
		60: "60ns, which is below a millisecond", ms - 1: "999.999µs, which is below", 0: "0s, which is below", -1: "-1ns, which is negative", -time.Hour: "-1h0m0s, which is negative",
		math.MinInt64: ", which is negative",
	} {
		if err := Expire("k", d).Invalid(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", d, err)
		}
	}
}

func TestOnlyOneLifeIsTaken(t *testing.T) {
	at := time.UnixMilli(1)
	for i, c := range []struct {
		o    SetOptions
		want string
	}{
		{SetOptions{TTL: time.Second}, "SET k v PX 1000"}, {SetOptions{At: at}, "SET k v PXAT 1"}, {SetOptions{KeepTTL: true}, "SET k v KEEPTTL"},
		{SetOptions{TTL: time.Second, At: at}, "refused"}, {SetOptions{TTL: time.Second, KeepTTL: true}, "refused"}, {SetOptions{At: at, KeepTTL: true}, "refused"},
		{SetOptions{TTL: time.Second, At: at, KeepTTL: true}, "refused"},
	} {
		if got := sent(SetWith("k", "v", c.o)); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}

func TestWhatAServerRepeatsOfASecretIsNotShown(t *testing.T) {
	get, auth := resp.NewCommand("GET", resp.String("s3cret")), resp.NewCommand("AUTH", resp.String("me"), resp.String("s3cret"))
	short := resp.NewCommand("AUTH", resp.String("ab"))
	config := resp.NewCommand("CONFIG", resp.String("SET"), resp.String("maxmemory"), resp.String("1gb"), resp.String("requirepass"), resp.String("s3cret"))
	for _, c := range []struct {
		cmd       *resp.Command
		text, out string
	}{
		{&auth, "unknown command 'AUTH', with args beginning with: 'me' 's3cret' ", "unknown command 'AUTH', with args beginning with: ***"},
		{&auth, "unknown command 'AUTH', with args beginning with: 'me' 's3cr", "unknown command 'AUTH', with args beginning with: ***"},
		{&auth, "no s3cret today", "no *** today"},
		{&auth, "nothing of it", "nothing of it"},
		{&get, "unknown command 'GET', with args beginning with: 's3cret' ", "unknown command 'GET', with args beginning with: 's3cret' "},
		{&short, "able: 'ab'", "able: ***"},
		{&config, "CONFIG SET failed (1gb, 's3cret')", "CONFIG SET failed (1gb, '***')"},
	} {
		err := answerTo(c.cmd, &resp.Error{Code: "ERR", Message: c.text})
		if err.Error() != "ERR "+c.out {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

func TestACommandIsShownCutShort(t *testing.T) {
	long := strings.Repeat("x", redactedBytes)
	for i, c := range []struct {
		cmd  resp.Command
		want string
	}{
		{New(Raw, "SET", "k", long).Command, `SET "k" "` + long + `"`},
		{New(Raw, "SET", "k", long+"y").Command, `SET "k" "` + long + `"...33B`},
		{Del("1", "2", "3", "4", "5", "6", "7", "8").Command, `DEL "1" "2" "3" "4" "5" "6" "7" "8"`},
		{Del("1", "2", "3", "4", "5", "6", "7", "8", "9").Command, `DEL "1" "2" "3" "4" "5" "6" "7" "8" (1 more)`},
		{Del("1", "2", "3", "4", "5", "6", "7", "8", "9", "a").Command, `DEL "1" "2" "3" "4" "5" "6" "7" "8" (2 more)`},
		{New(Raw, "config", "set", "maxmemory", "1", "masterauth", "p", "x", "y").Command, `config "set" "maxmemory" "1" "masterauth" *** *** ***`},
		{New(Raw, "CONFIG", "SET", "maxmemory", "auth").Command, `CONFIG "SET" "maxmemory" "auth"`},
		{New(Raw, "CONFIG").Command, `CONFIG`}, {New(Raw, "AUTH", "p").Command, `AUTH ***`}, {New(Raw, "AUTH").Command, `AUTH`},
		{New(Raw, "ACL", "SETUSER", "u", ">p").Command, `ACL "SETUSER" "u" ***`}, {New(Raw, "ACL SETUSER", "u", ">p").Command, `ACL SETUSER "u" ***`},
		{New(Raw, "SENTINEL", "SET", "m", "auth-pass", "p").Command, `SENTINEL "SET" "m" "auth-pass" ***`},
		{New(Raw, "SENTINEL", "CONFIG", "SET", "sentinel-pass", "p").Command, `SENTINEL "CONFIG" "SET" "sentinel-pass" ***`},
		{New(Raw, "SENTINEL CONFIG", "SET", "sentinel-pass", "p").Command, `SENTINEL CONFIG "SET" "sentinel-pass" ***`},
		{New(Raw, "HELLO", 3, "AUTH", "u", "p").Command, `HELLO "3" "AUTH" *** ***`}, {New(Raw, "HELLO", 3).Command, `HELLO "3"`},
		{New(Raw, "MIGRATE", "h", 1, "k", 0, 5, "auth2", "u", "p").Command, `MIGRATE "h" "1" "k" "0" "5" "auth2" *** ***`},
		{New(Raw, "ACL", "DRYRUN", "u", "AUTH", "p").Command, `ACL "DRYRUN" "u" "AUTH" ***`}, {New(Raw, "ACL", "DRYRUN", "u").Command, `ACL "DRYRUN" "u"`},
		{New(Raw, "ACL DRYRUN", "u", "GET", "k").Command, `ACL DRYRUN "u" "GET" "k"`},
		{New(Raw, "MODULE", "LOADEX", "path", "CONFIG", "a", "b").Command, `MODULE "LOADEX" "path" *** *** ***`}, {New(Raw, "MODULE LOAD", "path", "x").Command, `MODULE LOAD "path" ***`},
	} {
		if got := Redacted(c.cmd); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}

func TestANameInAScriptEndsWhereAWordDoes(t *testing.T) {
	for after, ends := range map[string]bool{
		"": true, " ": true, "/2": true, ":2": true, "@": true, "[1]": true, "`": true, "{": true, "-1": true, "^": true,
		"0": false, "9": false, "A": false, "Z": false, "a": false, "z": false, "_": false,
	} {
		l := NewLua("return _:key"+after, []string{"key"}, nil, Text)
		if (l.Invalid() == nil) != ends {
			t.Errorf("%q: %v", after, l.Invalid())
		}
		if src := l.Script().Source(); ends && src != "return KEYS[1]"+after {
			t.Errorf("%q: %s", after, src)
		}
	}
	l := NewLua("_:a _:ab _:a-b _:b", []string{"a", "ab"}, []string{"a-b", "b"}, Text)
	if src := l.Script().Source(); src != "KEYS[1] KEYS[2] ARGV[1] ARGV[2]" || l.Invalid() != nil {
		t.Errorf("%s, %v", src, l.Invalid())
	}
}

func TestALineOfMonitorIsReadInFull(t *testing.T) {
	m := parseMonitor(`1795330166.052446 [15 127.0.0.1:47612] "SET" "\n\r\t\a\b\"\\" "\x00\xff" "\xzz" "\x1"`)
	if !m.Time.Equal(time.Unix(1795330166, 52_446_000)) || m.DB != 15 || m.Addr != "127.0.0.1:47612" ||
		!slices.Equal(m.Args, []string{"SET", "\n\r\t\a\b\"\\", "\x00\xff", "xzz", "x1"}) {
		t.Errorf("%v %d %s %q", m.Time, m.DB, m.Addr, m.Args)
	}
	for _, s := range []string{"", "x [0 a] \"A\"", "1.x [0 a] \"A\"", "1.5 [x a] \"A\"", "1.5 [0] \"A\"", "1.5 [0 a \"A\"", "1.5"} {
		if m := parseMonitor(s); m.Text != s || m.Args != nil || !m.Time.IsZero() || m.Addr != "" {
			t.Errorf("%q: %+v", s, m)
		}
	}
}

func TestLogSaysNothingOfErrorsWhereThereAreNone(t *testing.T) {
	for _, c := range []struct {
		reply string
		n     int
		want  []string
	}{
		{okReply, 1, nil}, {okReply, 2, []string{"commands=2"}}, {"-WRONGTYPE no\r\n", 1, []string{"error=", "class="}},
		{"-WRONGTYPE no\r\n", 3, []string{"commands=3", "errors=3", "error=", "class="}},
	} {
		var out bytes.Buffer
		debug := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		d := Intercept(&canned{reply: resp.Value(c.reply)}, Log(debug, LogOptions{}))
		if c.n == 1 {
			_ = Set("k", "v").Do(t.Context(), d)
		} else {
			var p Pipeline
			for range c.n {
				Set("k", "v").Queue(&p)
			}
			_ = p.Do(t.Context(), d)
		}
		for _, part := range []string{"commands=", "errors=", "error=", "class=", "attempts=", "text="} {
			if want := slices.ContainsFunc(c.want, func(w string) bool { return strings.HasPrefix(w, part) }); strings.Contains(out.String(), part) != want {
				t.Errorf("%d of %q: %s in %s", c.n, c.reply, part, out.String())
			}
		}
		for _, part := range c.want {
			check(t, part+" in "+out.String(), strings.Contains(out.String(), part))
		}
	}
}

func TestAnUnknownScriptIsNormalOnlyByItself(t *testing.T) {
	unknown := resp.ParseError("NOSCRIPT No matching script. Please use EVAL.")
	for _, c := range []struct {
		out  Outcome
		want bool
	}{
		{Outcome{Err: unknown, Errors: 1}, true}, {Outcome{Err: unknown}, true}, {Outcome{Err: unknown, Errors: 2}, false},
		{Outcome{Err: resp.ParseError("NOSCRIPT mine"), Errors: 1}, false}, {Outcome{Err: errLost, Errors: 1}, false},
		{Outcome{Err: context.Canceled, Errors: 5}, true}, {Outcome{Err: context.DeadlineExceeded}, false}, {Outcome{Err: errLost, Callback: true}, true},
	} {
		if got := normal(c.out); got != c.want {
			t.Errorf("%v, %d errors: %v", c.out.Err, c.out.Errors, got)
		}
	}
}

func TestStringsOfAnySizeAreCopiedOutOfAReply(t *testing.T) {
	sizes := []int{0, 1, arenaChunk/4 - 1, arenaChunk / 4, arenaChunk/4 + 1, arenaChunk - 1, arenaChunk, arenaChunk + 1, 3 * arenaChunk, 7, 0, 2000, 2000, 2000, 2000, 2000, 3}
	var want []string
	reply := resp.AppendArray(nil, len(sizes))
	for i, n := range sizes {
		want = append(want, sized(n, string(rune('a'+i))))
		reply = resp.AppendBulk(reply, want[i])
	}
	got, err := Texts(reply)
	clear(reply) // they are no part of it
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v", err)
	}
}

// A group that has been removed with its stream is made again, and its entries begin
// anew, with whatever IDs.
func TestConsumeBeginsAnewWhereAStreamIsNew(t *testing.T) {
	d := &replying{replies: []string{
		okReply,
		wire(l{"s", l{l{"5-5", l{"a", "b"}}}}),
		"-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n",
		okReply,
		wire(l{"s", l{l{"1-1", l{"a", "b"}}}}),
	}}
	var ids []string
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for e, err := range Consume(ctx, d, "s", ConsumeOptions{Group: "g", Consumer: "c", Retry: time.Nanosecond}) {
		if err != nil {
			check(t, "the group is gone", errors.Is(err, ErrNoGroup))
			continue
		}
		if ids = append(ids, e.ID); len(ids) == 2 {
			break
		}
	}
	want := []string{
		"XGROUP CREATE s g 0 MKSTREAM", "XREADGROUP GROUP g c COUNT 64 STREAMS s 0", "XREADGROUP GROUP g c COUNT 64 STREAMS s 5-5",
		"XGROUP CREATE s g 0 MKSTREAM", "XREADGROUP GROUP g c COUNT 64 STREAMS s 0",
	}
	if !slices.Equal(ids, []string{"5-5", "1-1"}) || !slices.Equal(d.asked, want) {
		t.Errorf("%q: asked %q", ids, d.asked)
	}
}
