package redis

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// incomplete are calls of all functions with a list of arguments that their command
// cannot do without, without them.
var incomplete = map[string]interface{ Invalid() error }{
	"ACLDelUser": ACLDelUser(), "ACLDryRun": ACLDryRun("u"),
	"ARSet": ARSet[string]("k", 1), "ARMSet": ARMSet("k"), "ARMGet": ARMGet("k"), "ARGrep": ARGrep("k", ARGrepOptions{}),
	"ARGrepItems": ARGrepItems("k", ARGrepOptions{}), "ARDel": ARDel("k"), "ARDelRange": ARDelRange("k"),
	"ARInsert": ARInsert[string]("k"), "ARRing": ARRing[string]("k", 1),
	"BitOp": BitOp(BitAnd, "to"), "BitField": BitField("k"), "BitFieldRO": BitFieldRO("k"),
	"CommandGetKeys": CommandGetKeys(), "CommandGetKeysAndFlags": CommandGetKeysAndFlags(),
	"GeoAdd": GeoAdd("k"), "GeoAddWith": GeoAddWith("k", GeoAddOptions{}), "GeoHash": GeoHash("k"), "GeoPos": GeoPos("k"),
	"HSet": HSet("k"), "HMGet": HMGet("k"), "HDel": HDel("k"), "HSetEx": HSetEx("k", HSetExOptions{}),
	"HExpire": HExpire("k", time.Second, ""), "HExpireAt": HExpireAt("k", time.Now(), ""), "HTTL": HTTL("k"),
	"HExpireTime": HExpireTime("k"), "HPersist": HPersist("k"), "HGetEx": HGetEx("k", ExpireOptions{}), "HGetDel": HGetDel("k"),
	"PFCount": PFCount(), "Del": Del(), "Unlink": Unlink(), "Exists": Exists(), "Touch": Touch(),
	"Migrate": Migrate("h", 1, MigrateOptions{}),
	"LPush":   LPush[string]("k"), "LPushX": LPushX[string]("k"), "RPush": RPush[string]("k"), "RPushX": RPushX[string]("k"),
	"LMPop": LMPop(Left, 1), "BLPop": BLPop(0), "BRPop": BRPop(0), "BLMPop": BLMPop(0, Left, 1),
	"ScriptExists": ScriptExists(), "SentinelInfoCache": SentinelInfoCache(), "SentinelSet": SentinelSet("m"),
	"SentinelConfigGet": SentinelConfigGet(), "SentinelConfigSet": SentinelConfigSet(), "SentinelSimulateFailure": SentinelSimulateFailure(),
	"ConfigGet": ConfigGet(), "ConfigSet": ConfigSet(),
	"SAdd": SAdd[string]("k"), "SRem": SRem[string]("k"), "SMIsMember": SMIsMember("k"), "SDiff": SDiff(), "SDiffStore": SDiffStore("to"),
	"SInter": SInter(), "SInterCard": SInterCard(0), "SUnionCard": SUnionCard(0, false), "SDiffCard": SDiffCard(0),
	"SInterStore": SInterStore("to"), "SUnion": SUnion(), "SUnionStore": SUnionStore("to"),
	"XAdd": XAdd("k", XAddOptions{}), "XAddMap": XAddMap[int]("k", XAddOptions{}, nil), "XDel": XDel("k"), "XDelEx": XDelEx("k", ""), "XAckDel": XAckDel("k", "g", ""),
	"XRead": XRead(XReadOptions{}), "XReadGroup": XReadGroup("g", "c", XReadGroupOptions{}), "XAck": XAck("k", "g"),
	"XNack": XNack("k", "g", NackFail, XNackOptions{}), "XClaim": XClaim("k", "g", "c", 0, XClaimOptions{}),
	"XClaimJustID": XClaimJustID("k", "g", "c", 0, XClaimOptions{}),
	"MGet":         MGet(), "MSet": MSet(), "MSetMap": MSetMap[int](nil), "MSetNX": MSetNX(), "MSetEx": MSetEx(SetOptions{}),
	"ZAdd": ZAdd("k"), "ZAddWith": ZAddWith("k", ZAddOptions{}), "ZRem": ZRem("k"), "ZMScore": ZMScore("k"),
	"BZPopMin": BZPopMin(0), "BZPopMax": BZPopMax(0), "ZMPop": ZMPop(Lowest, 1), "BZMPop": BZMPop(0, Lowest, 1),
	"ZDiff": ZDiff(), "ZDiffWithScores": ZDiffWithScores(), "ZDiffStore": ZDiffStore("to"), "ZInter": ZInter(CombineOptions{}),
	"ZInterWithScores": ZInterWithScores(CombineOptions{}), "ZInterStore": ZInterStore("to", CombineOptions{}), "ZInterCard": ZInterCard(0),
	"ZUnion": ZUnion(CombineOptions{}), "ZUnionWithScores": ZUnionWithScores(CombineOptions{}), "ZUnionStore": ZUnionStore("to", CombineOptions{}),
}

// mayBeBare are the functions whose list may be empty.
const mayBeBare = " Info InfoSections Commands CommandDocs LatencyReset LatencyHistogram PubSubNumSub PubSubShardNumSub " +
	"ACLSetUser ModuleLoad PFAdd PFMerge Eval EvalRO EvalSha EvalShaRO FCall FCallRO New CopyFrom SetFrom LolWutVersion "

func TestCommandsWithoutWhatTheyNeedAreRefused(t *testing.T) {
	for _, name := range functionsWithLists(t) {
		c, ok := incomplete[name]
		switch bare := strings.Contains(mayBeBare, " "+name+" "); {
		case !ok && !bare:
			t.Errorf("%s: not in the table", name)
		case ok:
			refusedBeforeIO(t, name, c)
		}
	}
}

func refusedBeforeIO(t *testing.T, name string, c interface{ Invalid() error }) {
	t.Helper()
	var arg *ArgError
	if err := c.Invalid(); !errors.As(err, &arg) || arg.Command == "" || arg.Reason == "" || ClassOf(err) != ClassNotSent {
		t.Errorf("%s: %v", name, err)
	}
}

// functionsWithLists returns the names of the exported functions that make a command of
// any number of arguments.
func functionsWithLists(t *testing.T) (names []string) {
	files, err := filepath.Glob("cmd_*.go")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() {
				continue
			}
			if ps := fn.Type.Params.List; len(ps) > 0 {
				if _, list := ps[len(ps)-1].Type.(*ast.Ellipsis); list {
					names = append(names, fn.Name.Name)
				}
			}
		}
	}
	return names
}

// senseless are commands with arguments that cannot be meant.
func senseless() map[string]interface{ Invalid() error } {
	now := time.Now()
	return map[string]interface{ Invalid() error }{
		"TTL and KeepTTL":          SetWith("k", "v", SetOptions{TTL: time.Second, KeepTTL: true}),
		"At and KeepTTL":           SetWith("k", "v", SetOptions{At: now, KeepTTL: true}),
		"TTL and At":               SetGet("k", "v", SetOptions{TTL: time.Second, At: now}),
		"TTL and KeepTTL of many":  MSetEx(SetOptions{TTL: time.Second, KeepTTL: true}, "k", "v"),
		"TTL and KeepTTL, coded":   SetAs(plain{}, "k", "v", SetOptions{TTL: time.Second, KeepTTL: true}),
		"TTL and Persist":          GetEx("k", ExpireOptions{TTL: time.Second, Persist: true}),
		"fields' TTL and Persist":  HGetEx("k", ExpireOptions{TTL: time.Second, Persist: true}, "f"),
		"fields' TTL and KeepTTL":  HSetEx("k", HSetExOptions{TTL: time.Second, KeepTTL: true}, "f", "v"),
		"a counter's TTL, Persist": IncrEx("k", 1, IncrExOptions[int64]{Expire: ExpireOptions{TTL: time.Second, Persist: true}}),
		"60 without a unit":        Expire("k", 60),
		"TTL 60":                   SetWith("k", "v", SetOptions{TTL: 60}),
		"a negative TTL":           SetWith("k", "v", SetOptions{TTL: -time.Second}),
		"a negative count":         LPopN("k", -1),
		"a negative count, last":   RPopN("k", -1),
		"a negative count of set":  SPopN("k", -1),
		"a negative count, lowest": ZPopMin("k", -1),
		"a negative count, high":   ZPopMax("k", -1),
		"a negative COUNT":         LMPop(Left, -1, "k"),
		"a negative LIMIT":         SInterCard(-1, "k"),
		"a negative MAXLEN":        XTrim("k", TrimOptions{MaxLen: Some[int64](-1)}),
		"an exact LIMIT":           XTrim("k", TrimOptions{MaxLen: Some[int64](1), Limit: 10}),
		"a LIMIT of two":           XTrim("k", TrimOptions{MaxLen: Some[int64](1), Approx: true, Limit: 10, All: true}),
		"trimming by nothing":      XTrim("k", TrimOptions{}),
		"NaN":                      ZAdd("k", Z{Score: math.NaN(), Member: "m"}),
		"a field without a value":  HSet("k", "f"),
		"a short digest":           SetGet("k", "v", SetOptions{If: IfDigest("abc")}),
		"a long digest":            SetWith("k", "v", SetOptions{If: IfNotDigest(strings.Repeat("a", 17))}),
		"no hexadecimal digest":    DelIf("k", IfDigest("0123456789abcdeg")),
		"an empty digest":          DelIf("k", IfNotDigest("")),
		"a digest by name":         New(Text, "set", "k", "v", "ifdeq", "abc", "GET"),
		"a digest by name, DELEX":  New(Text, "DELEX", "k", "IFDNE", "abc"),
		"a digest behind a value":  New(Text, "SET", "k", "v", "IFEQ", "IFDEQ", "IFDEQ", "abc"),
		"a digest by name, MSETEX": New(Text, "MSETEX", 1, "k", "v", "IFDEQ", "abc"),
		"no digest by name":        New(Text, "SET", "k", "v", "IFDEQ"),
		"a negative wait":          BLPop(-time.Second, "k"),
		"replicas to wait for":     Wait(-1, 0),
		"an area without a size":   GeoSearch("k", GeoArea{Center: Point{15, 37}, Unit: Kilometers}, GeoOptions{}),
		"a box without a height":   GeoSearchHits("k", GeoArea{Member: "m", Width: 10}, GeoOptions{}),
		"a box without a width":    GeoSearchStore("to", "k", GeoArea{Member: "m", Height: 10}, GeoOptions{}, false),
	}
}

func TestArgumentsThatCannotBeMeantAreRefused(t *testing.T) {
	for name, c := range senseless() {
		refusedBeforeIO(t, name, c)
	}
	for name, c := range map[string]interface{ Invalid() error }{
		"a digest":               SetGet("k", "v", SetOptions{If: IfDigest("0123456789abcdEF")}),
		"a digest by name":       New(Text, "SET", "k", "IFDEQ", "IFDNE", "0123456789abcdef", "GET"),
		"a value like IFDEQ":     New(Text, "SET", "k", "IFDEQ"),
		"compared with IFDEQ":    New(Text, "SET", "k", "v", "IFEQ", "IFDEQ", "GET"),
		"deleted if it is IFDNE": New(Text, "DELEX", "k", "ifeq", "ifdne"),
		"many, a key IFDEQ":      New(Text, "MSETEX", 2, "IFDEQ", "v", "k", "IFDNE", "KEEPTTL"),
		"LIMIT 0":                XTrim("k", TrimOptions{MaxLen: Some[int64](1), Approx: true, All: true}),
	} {
		if err := c.Invalid(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	check(t, "the duration is named", strings.Contains(Expire("k", 60).Invalid().Error(), "PEXPIRE: a duration of 60ns, which is below a millisecond"))
	check(t, "so is a negative one", strings.Contains(Expire("k", -time.Hour).Invalid().Error(), "-1h0m0s, which is negative"))
}

func TestXTrimAndXAddSendLimitZero(t *testing.T) {
	trim := TrimOptions{MaxLen: Some[int64](1), Approx: true, All: true}
	for _, c := range []resp.Command{XTrim("k", trim).Command, XAdd("k", XAddOptions{Trim: trim}, "f", "v").Command} {
		if text := Redacted(c); !strings.Contains(text, `"MAXLEN" "~" "1" "LIMIT" "0"`) {
			t.Error(text)
		}
	}
}

// plain is a codec of strings.
type plain struct{}

func (plain) Encode(v any) ([]byte, error) { return []byte(v.(string)), nil }
func (plain) Decode(b []byte, v any) error { *v.(*string) = string(b); return nil }
