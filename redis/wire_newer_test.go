package redis

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// answered is a row of the table for what redis-server 7.0 does not know, with the
// replies that the documentation of newer servers promises and what they mean.
type answered struct {
	wireCase
	resp2, resp3 string
	check        func(ctx context.Context, d Doer) error
}

// answer makes such a row. An empty resp3 is the same as resp2.
func answer[T any](since, fn string, c Cmd[T], flags, words, resp2, resp3 string, want T) answered {
	if resp3 == "" {
		resp3 = resp2
	}
	r := row(fn, c, flags, words)
	r.since = since
	return answered{r, resp2, resp3, func(ctx context.Context, d Doer) error {
		got, err := c.Do(ctx, d)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	}}
}

func answerOK(since, fn string, s Status, flags, words string) answered {
	return answer(since, fn, s.Cmd(), flags, words, "+OK\r\n", "", struct{}{})
}

// Replies as bytes. Those with 2 in their name are of RESP2, with 3 of RESP3.
const (
	nullBulk2  = "$-1\r\n"
	nullArray2 = "*-1\r\n"
	null3      = "_\r\n"
	true3      = "#t\r\n"
)

func array(parts ...string) string {
	return fmt.Sprintf("*%d\r\n%s", len(parts), strings.Join(parts, ""))
}
func dict3(parts ...string) string {
	return fmt.Sprintf("%%%d\r\n%s", len(parts)/2, strings.Join(parts, ""))
}
func integer(n int64) string    { return ":" + strconv.FormatInt(n, 10) + "\r\n" }
func double3(f string) string   { return "," + f + "\r\n" }
func verbatim3(s string) string { return fmt.Sprintf("=%d\r\ntxt:%s\r\n", len(s)+4, s) }

// array1 is an array of strings.
func array1(s ...string) string {
	for i := range s {
		s[i] = bulk(s[i])
	}
	return array(s...)
}

func integers(n ...int64) string {
	out := make([]string, len(n))
	for i := range n {
		out[i] = integer(n[i])
	}
	return array(out...)
}

func newerCases() []answered {
	return slices.Concat(newerStrings(), newerHashes(), newerCollections(), newerStreams(), vectorCases(), arrayCases(), newerServers())
}

func newerStrings() []answered {
	window := IncrExOptions[int64]{Max: Some[int64](100), Expire: ExpireOptions{TTL: time.Minute}, ExpireOnce: true}
	return []answered{
		answer("8.4", "SetWith", SetWith("str", "v", SetOptions{If: IfEqual("w")}), "", "SET str v IFEQ w", "+OK\r\n", "", true),
		answer("8.4", "SetWith", SetWith("str", "v", SetOptions{If: IfEqual("")}), "", "SET str v IFEQ ''", nullBulk2, null3, false),
		answer("8.4", "SetWith", SetWith("str", "v", SetOptions{If: IfNotEqual("w")}), "", "SET str v IFNE w", nullBulk2, null3, false),
		answer("8.4", "SetWith", SetWith("str", "v", SetOptions{If: IfDigest("00ff00ff00ff00ff"), TTL: time.Second}), "", "SET str v PX 1000 IFDEQ 00ff00ff00ff00ff", "+OK\r\n", "", true),
		answer("8.4", "SetGet", SetGet("str", "v", SetOptions{If: IfNotDigest("00ff00ff00ff00ff")}), "", "SET str v IFDNE 00ff00ff00ff00ff GET", bulk("old"), "", "old"),
		answer("8.4", "MSetEx", MSetEx(SetOptions{TTL: time.Second, If: IfAbsent}, "str", "1", "str2", "2"), "", "MSETEX 2 str 1 str2 2 NX PX 1000", integer(1), "", true),
		answer("8.4", "MSetEx", MSetEx(SetOptions{KeepTTL: true}, "str", "1"), "", "MSETEX 1 str 1 KEEPTTL", integer(0), "", false),
		answer("8.4", "DelIf", DelIf("str", IfEqual("v w")), "", "DELEX str IFEQ v·w", integer(1), "", true),
		answer("8.4", "DelIf", DelIf("str", IfNotDigest("00ff00ff00ff00ff")), "", "DELEX str IFDNE 00ff00ff00ff00ff", integer(0), "", false),
		answer("8.4", "Digest", Digest("str"), "r", "DIGEST str", bulk("b6acb9d84a38ff74"), "", "b6acb9d84a38ff74"),
		answer("Valkey 9", "DelIfEq", DelIfEq("str", "v"), "", "DELIFEQ str v", integer(1), "", true),
		answer("8.8", "IncrEx", IncrEx("num", 5, window), "", "INCREX num BYINT 5 UBOUND 100 PX 60000 ENX", integers(9, 5), "", Increment[int64]{9, 5}),
		answer("8.8", "IncrEx", IncrEx("num", -1, IncrExOptions[int64]{Min: Some[int64](0), Saturate: true, Expire: ExpireOptions{Persist: true}}), "",
			"INCREX num BYINT -1 LBOUND 0 SATURATE PERSIST", integers(0, 0), "", Increment[int64]{0, 0}),
		answer("Valkey 9.2", "IncrEx", IncrEx("num", 5, IncrExOptions[int64]{}), "", "INCREX num BYINT 5", integer(9), "", Increment[int64]{9, 5}),
		answer("Valkey 9.2", "IncrExFloat", IncrExFloat("num", 0.25, IncrExOptions[float64]{}), "", "INCREX num BYFLOAT 0.25", bulk("1.75"), double3("1.75"), Increment[float64]{1.75, 0.25}),
		answer("8.8", "IncrExFloat", IncrExFloat("num", 0.25, IncrExOptions[float64]{Max: Some(2.5)}), "", "INCREX num BYFLOAT 0.25 UBOUND 2.5",
			array1("1.75", "0.25"), array(double3("1.75"), double3("0.25")), Increment[float64]{1.75, 0.25}),
		answer("7.2", "WaitAOF", WaitAOF(1, 2, time.Second), "bn", "WAITAOF 1 2 1000", integers(1, 2), "", Synced{1, 2}),
		answer("7.2", "WaitAOF", WaitAOF(0, 0, Forever), "bn", "WAITAOF 0 0 0", integers(0, 0), "", Synced{}),
	}
}

func newerHashes() []answered {
	return []answered{
		answer("7.4", "HExpire", HExpire("hash", time.Second, "", "f", "none"), "", "HPEXPIRE hash 1000 FIELDS 2 f none", integers(1, -2), "", []FieldTTL{FieldSet, FieldMissing}),
		answer("7.4", "HExpire", HExpire("hash", time.Second, IfTTL, "f"), "", "HPEXPIRE hash 1000 XX FIELDS 1 f", integers(0), "", []FieldTTL{FieldUnchanged}),
		answer("7.4", "HExpireAt", HExpireAt("hash", later, IfEarlier, "f"), "", "HPEXPIREAT hash "+laterMS+" LT FIELDS 1 f", integers(2), "", []FieldTTL{FieldDeleted}),
		answer("7.4", "HTTL", HTTL("hash", "f", "g", "none"), "r", "HPTTL hash FIELDS 3 f g none", integers(1500, -1, -2), "",
			[]Opt[time.Duration]{Some(1500 * time.Millisecond), Some(NoExpiry), {}}),
		answer("7.4", "HExpireTime", HExpireTime("hash", "f", "g", "none"), "r", "HPEXPIRETIME hash FIELDS 3 f g none", integers(later.UnixMilli(), -1, -2), "",
			[]Opt[time.Time]{Some(later), Some(time.Time{}), {}}),
		answer("7.4", "HPersist", HPersist("hash", "f", "g"), "", "HPERSIST hash FIELDS 2 f g", integers(1, -1), "", []FieldTTL{FieldSet, FieldNoTTL}),
		answer("8.0", "HGetEx", HGetEx("hash", ExpireOptions{TTL: time.Second}, "f", "none"), "", "HGETEX hash PX 1000 FIELDS 2 f none",
			array(bulk("v"), nullBulk2), array(bulk("v"), null3), []Opt[string]{Some("v"), {}}),
		answer("8.0", "HGetEx", HGetEx("hash", ExpireOptions{Persist: true}, "f"), "", "HGETEX hash PERSIST FIELDS 1 f", array1("v"), "", []Opt[string]{Some("v")}),
		answer("8.0", "HGetDel", HGetDel("hash", "f", "g"), "", "HGETDEL hash FIELDS 2 f g", array(bulk("v"), nullBulk2), array(bulk("v"), null3), []Opt[string]{Some("v"), {}}),
		answer("8.0", "HSetEx", HSetEx("hash", HSetExOptions{TTL: time.Second, If: IfNoField}, "f", "v", "g", "w"), "", "HSETEX hash FNX PX 1000 FIELDS 2 f v g w", integer(1), "", true),
		answer("8.0", "HSetEx", HSetEx("hash", HSetExOptions{KeepTTL: true, If: IfAllField}, "f", "v"), "", "HSETEX hash FXX KEEPTTL FIELDS 1 f v", integer(0), "", false),
		answer("Valkey 9.1", "HSetEx", HSetEx("hash", HSetExOptions{At: later, IfKey: IfPresent}, "f", "v"), "", "HSETEX hash XX PXAT "+laterMS+" FIELDS 1 f v", integer(1), "", true),
		answer("Valkey 8.0", "ZScanMembersPage", ZScanMembersPage("zset", 7, ScanOptions{Match: "a*"}), "r", "ZSCAN zset 7 MATCH a* NOSCORES",
			array(bulk("9"), array1("a", "ab")), "", Page[string]{9, []string{"a", "ab"}}),
		answer("Valkey 9.1", "ClusterScanPage", ClusterScanPage("0", ScanOptions{Match: "a*", Type: "hash"}, Some[int64](7)), "r", "CLUSTERSCAN 0 MATCH a* TYPE hash SLOT 7",
			array(bulk("3-{ab}-1"), array1("a")), "", ClusterPage{"3-{ab}-1", []string{"a"}}),
		answerOK("Valkey 9", "SentinelFailoverCoordinated", SentinelFailoverCoordinated("m"), "n", "SENTINEL FAILOVER m COORDINATED"),
		answerOK("Valkey 9", "Shutdown", Shutdown(ShutdownOptions{Safe: true, Failover: true}), "n", "SHUTDOWN SAFE FAILOVER"),
		answer("7.4", "HScanFieldsPage", HScanFieldsPage("hash", 18446744073709551615, ScanOptions{}), "r", "HSCAN hash 18446744073709551615 NOVALUES",
			array(bulk("0"), array1("f", "g")), "", Page[string]{0, []string{"f", "g"}}),
	}
}

func newerCollections() []answered {
	triangle := GeoArea{Polygon: []Point{{0, 0}, {10, 0}, {5, 8.5}}}
	return []answered{
		answer("8.10", "LMoveM", LMoveM("list", "list2", Left, Right, Moving{}), "", "LMOVEM list list2 LEFT RIGHT COUNT 1 OBO", array1("a"), "", []string{"a"}),
		answer("8.10", "LMoveM", LMoveM("list", "list2", Left, Left, Moving{Count: 5, Exactly: true, Bulk: true}), "", "LMOVEM list list2 LEFT LEFT EXACTLY 5 BULK", nullArray2, null3, nil),
		answer("8.10", "BLMoveM", BLMoveM(time.Second, "list", "list2", Right, Left, Moving{Count: 2}), "b", "BLMOVEM list list2 RIGHT LEFT 1 COUNT 2 OBO", array1("b", "a"), "", []string{"b", "a"}),
		answer("8.10", "SUnionCard", SUnionCard(0, false, "set", "set2"), "r", "SUNIONCARD 2 set set2", integer(5), "", 5),
		answer("8.10", "SUnionCard", SUnionCard(3, true, "set"), "r", "SUNIONCARD 1 set APPROX LIMIT 3", integer(3), "", 3),
		answer("8.10", "SDiffCard", SDiffCard(2, "set", "set2"), "r", "SDIFFCARD 2 set set2 LIMIT 2", integer(2), "", 2),
		answer("7.2", "ZRankWithScore", ZRankWithScore("zset", "a"), "r", "ZRANK zset a WITHSCORE", array(integer(3), bulk("1.5")), array(integer(3), double3("1.5")), Rank{3, 1.5}),
		answer("7.2", "ZRevRankWithScore", ZRevRankWithScore("zset", "a"), "r", "ZREVRANK zset a WITHSCORE", array(integer(3), bulk("inf")), array(integer(3), double3("inf")), Rank{3, math.Inf(1)}),
		answer("8.8", "ZUnionWithScores", ZUnionWithScores(CombineOptions{Aggregate: Count}, "zset", "zset2"), "r", "ZUNION 2 zset zset2 AGGREGATE COUNT WITHSCORES",
			array1("a", "2", "b", "1"), array(array(bulk("a"), double3("2")), array(bulk("b"), double3("1"))), []Z{{"a", 2}, {"b", 1}}),
		answer("Valkey 9", "GeoSearch", GeoSearch("geo", triangle, GeoOptions{Count: 2}), "r", "GEOSEARCH geo BYPOLYGON 3 0 0 10 0 5 8.5 COUNT 2", array1("x"), "", []string{"x"}),
		answer("Valkey 9", "GeoSearchStore", GeoSearchStore("geoto", "geo", triangle, GeoOptions{}, false), "", "GEOSEARCHSTORE geoto geo BYPOLYGON 3 0 0 10 0 5 8.5", integer(1), "", 1),
		answer("8.2", "BitOp", BitOp(BitDiff, "bitsto", "bits", "bits2"), "", "BITOP DIFF bitsto bits bits2", integer(3), "", 3),
		answer("8.2", "BitOp", BitOp(BitDiff1, "bitsto", "bits", "bits2"), "", "BITOP DIFF1 bitsto bits bits2", integer(3), "", 3),
		answer("8.2", "BitOp", BitOp(BitAndOr, "bitsto", "bits", "bits2"), "", "BITOP ANDOR bitsto bits bits2", integer(3), "", 3),
		answer("8.2", "BitOp", BitOp(BitOne, "bitsto", "bits", "bits2"), "", "BITOP ONE bitsto bits bits2", integer(3), "", 3),
	}
}

func newerStreams() []answered {
	claimed := []Stream{{"stream", []Entry{{ID: "1-1", Fields: fv("f", "v"), Idle: 1500 * time.Millisecond, Deliveries: 2}, {ID: "1-2", Fields: fv("f", "w")}}}}
	entry1 := array(bulk("1-1"), array1("f", "v"), integer(1500), integer(2))
	entry2 := array(bulk("1-2"), array1("f", "w"))
	entries := array(entry1, entry2)
	one := []Stream{{"stream", []Entry{{ID: "1-2", Fields: fv("f", "w")}}}}
	return []answered{
		answer("8.2", "XAdd", XAdd("stream", XAddOptions{Trim: TrimOptions{MinID: "5", Refs: DeleteRefs}}, "f", "v"), "", "XADD stream DELREF MINID = 5 * f v", bulk("9-1"), "", "9-1"),
		answer("8.6", "XAdd", XAdd("stream", XAddOptions{Producer: "p", Message: "m"}, "f", "v"), "i", "XADD stream IDMP p m * f v", bulk("9-1"), "", "9-1"),
		answer("8.6", "XAdd", XAdd("stream", XAddOptions{NoMkStream: true, Producer: "p", Trim: TrimOptions{MaxLen: Some[int64](9), Refs: IfAllAcked}}, "f", "v"), "i",
			"XADD stream NOMKSTREAM ACKED IDMPAUTO p MAXLEN = 9 * f v", bulk("9-1"), "", "9-1"),
		answer("8.2", "XTrim", XTrim("stream", TrimOptions{MaxLen: Some[int64](9), Approx: true, Limit: 7, Refs: IfAllAcked}), "", "XTRIM stream MAXLEN ~ 9 LIMIT 7 ACKED", integer(3), "", 3),
		answer("8.2", "XDelEx", XDelEx("stream", IfAllAcked, "1-1", "1-2", "1-3"), "", "XDELEX stream ACKED IDS 3 1-1 1-2 1-3", integers(1, 2, -1), "", []Removal{Removed, KeptByGroups, NotFound}),
		answer("8.2", "XDelEx", XDelEx("stream", "", "1-1"), "", "XDELEX stream IDS 1 1-1", integers(1), "", []Removal{Removed}),
		answer("8.2", "XAckDel", XAckDel("stream", "group", DeleteRefs, "1-1", "1-2"), "", "XACKDEL stream group DELREF IDS 2 1-1 1-2", integers(1, -1), "", []Removal{Removed, NotFound}),
		answer("8.8", "XNack", XNack("stream", "group", NackFail, XNackOptions{}, "1-1", "1-2"), "", "XNACK stream group FAIL IDS 2 1-1 1-2", integer(2), "", 2),
		answer("8.8", "XNack", XNack("stream", "group", NackSilent, XNackOptions{Deliveries: Some[int64](0), Force: true}, "1-1"), "", "XNACK stream group SILENT IDS 1 1-1 RETRYCOUNT 0 FORCE", integer(0), "", 0),
		answerOK("8.6", "XCfgSet", XCfgSet("stream", XCfgSetOptions{Duration: 1500 * time.Millisecond, MaxSize: 500}), "", "XCFGSET stream IDMP-DURATION 2 IDMP-MAXSIZE 500"),
		answer("8.4", "XReadGroup", XReadGroup("group", "carl", XReadGroupOptions{Claim: time.Minute, NoAck: true}, StreamID{"stream", FreshID}), "",
			"XREADGROUP GROUP group carl CLAIM 60000 NOACK STREAMS stream >", array(array(bulk("stream"), entries)), dict3(bulk("stream"), entries), claimed),
		answer("8.10", "XReadGroup", XReadGroup("group", "carl", XReadGroupOptions{Count: 3, MaxCount: 5, MaxSize: 1000, Block: time.Second}, StreamID{"stream", FreshID}), "b",
			"XREADGROUP GROUP group carl COUNT 3 MAXCOUNT 5 MAXSIZE 1000 BLOCK 1000 STREAMS stream >", nullArray2, null3, nil),
		answer("8.10", "XRead", XRead(XReadOptions{MaxCount: 5, MaxSize: 1000}, StreamID{"stream", "0"}), "r", "XREAD MAXCOUNT 5 MAXSIZE 1000 STREAMS stream 0",
			array(array(bulk("stream"), array(entry2))), dict3(bulk("stream"), array(entry2)), one),
		answer("7.4", "XRead", XRead(XReadOptions{}, StreamID{"stream", MaxID}), "r", "XREAD STREAMS stream +",
			array(array(bulk("stream"), array(entry2))), dict3(bulk("stream"), array(entry2)), one),
		answer("8.8", "XPendingRange", XPendingRange("stream", "group", 9, XPendingOptions{}), "r", "XPENDING stream group - + 9",
			array(array(bulk("1-1"), bulk(""), integer(-1), integer(1))), "", []Pending{{ID: "1-1", Idle: NoExpiry, Deliveries: 1}}),
		answer("8.6", "XInfoStream", XInfoStream("stream"), "r", "XINFO STREAM stream",
			array(bulk("length"), integer(2), bulk("idmp-duration"), integer(100), bulk("idmp-maxsize"), integer(50), bulk("pids-tracked"), integer(1), bulk("iids-tracked"), integer(2), bulk("iids-added"), integer(3), bulk("iids-duplicates"), integer(4)),
			dict3(bulk("length"), integer(2), bulk("idmp-duration"), integer(100), bulk("idmp-maxsize"), integer(50), bulk("pids-tracked"), integer(1), bulk("iids-tracked"), integer(2), bulk("iids-added"), integer(3), bulk("iids-duplicates"), integer(4)),
			StreamInfo{Length: 2, IDMPDuration: 100 * time.Second, IDMPMaxSize: 50, Producers: 1, Messages: 2, Added: 3, Repeated: 4}),
	}
}

func vectorCases() []answered {
	v := []float32{1, -2}
	blob := "\x00\x00\x80?\x00\x00\x00\xc0"
	return []answered{
		answer("8.0", "VAdd", VAdd("vec", "e", v, VAddOptions{}), "", "VADD vec FP32 "+blob+" e", integer(1), true3, true),
		answer("8.0", "VAdd", VAdd("vec", "e", v, VAddOptions{Reduce: 1, Quant: QuantBit, EF: 300, Links: 32, Attributes: `{"y":1}`, CAS: true}), "",
			"VADD vec REDUCE 1 FP32 "+blob+` e CAS BIN EF 300 SETATTR {"y":1} M 32`, integer(0), "#f\r\n", false),
		answer("8.0", "VSim", VSim("vec", VQuery{Element: "e"}), "r", "VSIM vec ELE e", array1("e", "f"), "", []string{"e", "f"}),
		answer("8.0", "VSim", VSim("vec", VQuery{Vector: v, Count: 3, Epsilon: 0.5, EF: 100, Filter: ".y>1", FilterEF: 50, Exact: true, NoThread: true}), "r",
			"VSIM vec FP32 "+blob+" COUNT 3 EPSILON 0.5 EF 100 FILTER .y>1 FILTER-EF 50 TRUTH NOTHREAD", array(), "", []string{}),
		answer("8.0", "VSimWithScores", VSimWithScores("vec", VQuery{Element: "e"}), "r", "VSIM vec ELE e WITHSCORES",
			array1("e", "1", "f", "0.5"), dict3(bulk("e"), double3("1"), bulk("f"), double3("0.5")), []Z{{"e", 1}, {"f", 0.5}}),
		answer("8.2", "VSimWithAttributes", VSimWithAttributes("vec", VQuery{Element: "e"}), "r", "VSIM vec ELE e WITHSCORES WITHATTRIBS",
			array(bulk("e"), bulk("1"), bulk("{}"), bulk("f"), bulk("0.5"), nullBulk2),
			dict3(bulk("e"), array(double3("1"), bulk("{}")), bulk("f"), array(double3("0.5"), null3)), []VMatch{{"e", 1, Some("{}")}, {"f", 0.5, Opt[string]{}}}),
		answer("8.0", "VRem", VRem("vec", "e"), "", "VREM vec e", integer(1), true3, true),
		answer("8.0", "VCard", VCard("vec"), "r", "VCARD vec", integer(2), "", 2),
		answer("8.0", "VDim", VDim("vec"), "r", "VDIM vec", integer(300), "", 300),
		answer("8.2", "VIsMember", VIsMember("vec", "e"), "r", "VISMEMBER vec e", integer(1), true3, true),
		answer("8.0", "VEmb", VEmb("vec", "e"), "r", "VEMB vec e", array1("0.5", "-2"), array(double3("0.5"), double3("-2")), []float64{0.5, -2}),
		answer("8.0", "VEmbRaw", VEmbRaw("vec", "e"), "r", "VEMB vec e RAW", array("+int8\r\n", bulk("\x01\xff"), bulk("3.5"), bulk("0.25")),
			array("+int8\r\n", bulk("\x01\xff"), double3("3.5"), double3("0.25")), VRaw{"int8", []byte("\x01\xff"), 3.5, 0.25}),
		answer("8.0", "VGetAttr", VGetAttr("vec", "e"), "r", "VGETATTR vec e", bulk("{}"), "", "{}"),
		answer("8.0", "VSetAttr", VSetAttr("vec", "e", ""), "", "VSETATTR vec e ''", integer(1), true3, true),
		answer("8.0", "VInfo", VInfo("vec"), "r", "VINFO vec",
			array("+quant-type\r\n", "+int8\r\n", "+hnsw-m\r\n", integer(16), "+vector-dim\r\n", integer(300), "+size\r\n", integer(9), "+max-level\r\n", integer(4), "+new\r\n", integer(0)),
			dict3("+quant-type\r\n", "+int8\r\n", "+hnsw-m\r\n", integer(16), "+vector-dim\r\n", integer(300), "+size\r\n", integer(9), "+max-level\r\n", integer(4), "+new\r\n", integer(0)),
			VectorInfo{Quant: "int8", Dimensions: 300, Size: 9, MaxLevel: 4, Links: 16}),
		answer("8.0", "VLinks", VLinks("vec", "e"), "r", "VLINKS vec e", array(array1("f"), array1("g", "h")), "", [][]string{{"f"}, {"g", "h"}}),
		answer("8.0", "VLinksWithScores", VLinksWithScores("vec", "e"), "r", "VLINKS vec e WITHSCORES",
			array(array1("f", "0.5"), array()), array(dict3(bulk("f"), double3("0.5")), dict3()), [][]Z{{{"f", 0.5}}, {}}),
		answer("8.0", "VRandMember", VRandMember("vec"), "r", "VRANDMEMBER vec", bulk("e"), "", "e"),
		answer("8.0", "VRandMembers", VRandMembers("vec", -2), "r", "VRANDMEMBER vec -2", array1("e", "e"), "", []string{"e", "e"}),
		answer("8.4", "VRange", VRange("vec", LexExcl("a"), MaxLex, 10), "r", "VRANGE vec (a + 10", array1("b"), "", []string{"b"}),
		answer("8.4", "VRange", VRange("vec", MinLex, MaxLex, 0), "r", "VRANGE vec - +", array(), "", []string{}),
	}
}

func arrayCases() []answered {
	const top = 18446744073709551614 // the highest index
	items := []ARItem{{2, "a"}, {top, "b"}}
	// Pairs are nested in both protocols.
	nested2 := array(array(integer(2), bulk("a")), array(bulk("18446744073709551614"), bulk("b")))
	nested3 := array(array(integer(2), bulk("a")), array("(18446744073709551614\r\n", bulk("b")))
	return []answered{
		answer("8.8", "ARSet", ARSet("arr", 7, "a", "b"), "", "ARSET arr 7 a b", integer(2), "", 2),
		answer("8.8", "ARMSet", ARMSet("arr", items...), "", "ARMSET arr 2 a 18446744073709551614 b", integer(2), "", 2),
		answer("8.8", "ARGet", ARGet("arr", top), "r", "ARGET arr 18446744073709551614", bulk("b"), "", "b"),
		answer("8.8", "ARMGet", ARMGet("arr", 2, 3), "r", "ARMGET arr 2 3", array(bulk("a"), nullBulk2), array(bulk("a"), null3), []Opt[string]{Some("a"), {}}),
		answer("8.8", "ARGetRange", ARGetRange("arr", 3, 2), "r", "ARGETRANGE arr 3 2", array(nullBulk2, bulk("a")), array(null3, bulk("a")), []Opt[string]{{}, Some("a")}),
		answer("8.8", "ARScan", ARScan("arr", 0, top, 0), "r", "ARSCAN arr 0 18446744073709551614", nested2, nested3, items),
		answer("8.8", "ARScan", ARScan("arr", 0, 9, 5), "r", "ARSCAN arr 0 9 LIMIT 5", array(), "", []ARItem{}),
		answer("8.8", "ARGrep", ARGrep("arr", ARGrepOptions{}, ARContains("x")), "r", "ARGREP arr - + MATCH x", integers(2, 4), "", []uint64{2, 4}),
		answer("8.8", "ARGrep", ARGrep("arr", ARGrepOptions{Start: Some[uint64](5), End: Some[uint64](0), All: true, IgnoreCase: true, Limit: 1}, ARExact("x"), ARGlob("x*"), ARRegexp("^x")), "r",
			"ARGREP arr 5 0 EXACT x GLOB x* RE ^x AND LIMIT 1 NOCASE", array(), "", []uint64{}),
		answer("8.8", "ARGrepItems", ARGrepItems("arr", ARGrepOptions{}, ARContains("x")), "r", "ARGREP arr - + MATCH x WITHVALUES", nested2, nested3, items),
		answer("8.8", "ARAggregate", ARAggregate("arr", 0, 9, Sum), "r", "AROP arr 0 9 SUM", bulk("6.5"), "", 6.5),
		answer("8.8", "ARBitOp", ARBitOp("arr", 0, 9, BitXor), "r", "AROP arr 0 9 XOR", integer(-3), "", -3),
		answer("8.8", "ARUsed", ARUsed("arr", 0, 9), "r", "AROP arr 0 9 USED", integer(2), "", 2),
		answer("8.8", "ARCountEqual", ARCountEqual("arr", 0, 9, []byte("a")), "r", "AROP arr 0 9 MATCH a", integer(1), "", 1),
		answer("8.8", "ARLen", ARLen("arr"), "r", "ARLEN arr", bulk("18446744073709551615"), "(18446744073709551615\r\n", 18446744073709551615),
		answer("8.8", "ARCount", ARCount("arr"), "r", "ARCOUNT arr", integer(2), "", 2),
		answer("8.8", "ARDel", ARDel("arr", 2, 3), "", "ARDEL arr 2 3", integer(1), "", 1),
		answer("8.8", "ARDelRange", ARDelRange("arr", ARRange{0, 4}, ARRange{9, 7}), "", "ARDELRANGE arr 0 4 9 7", integer(1), "", 1),
		answer("8.8", "ARInsert", ARInsert("arr", "a", "b"), "", "ARINSERT arr a b", integer(1), "", 1),
		answer("8.8", "ARRing", ARRing("arr", 3, "a"), "", "ARRING arr 3 a", integer(0), "", 0),
		answer("8.8", "ARNext", ARNext("arr"), "r", "ARNEXT arr", integer(11), "", 11),
		answer("8.8", "ARSeek", ARSeek("arr", 10), "", "ARSEEK arr 10", integer(1), "", true),
		answer("8.8", "ARLastItems", ARLastItems("arr", 2, true), "r", "ARLASTITEMS arr 2 REV", array(bulk("c"), nullBulk2), array(bulk("c"), null3), []Opt[string]{Some("c"), {}}),
		answer("8.8", "ARInfo", ARInfo("arr", false), "r", "ARINFO arr", array(bulk("count"), integer(2), bulk("len"), integer(9), bulk("slices"), integer(1)),
			dict3(bulk("count"), integer(2), bulk("len"), integer(9), bulk("slices"), integer(1)), ArrayInfo{Count: 2, Len: 9, Slices: 1}),
		answer("8.8", "ARInfo", ARInfo("arr", true), "r", "ARINFO arr FULL",
			array(bulk("next-insert-index"), integer(3), bulk("slice-size"), integer(4096), bulk("directory-size"), integer(8), bulk("super-dir-entries"), integer(0), bulk("dense-slices"), integer(1), bulk("sparse-slices"), integer(2), bulk("avg-dense-fill"), bulk("0.5"), bulk("avg-dense-size"), bulk("64"), bulk("avg-sparse-size"), bulk("8.5")),
			dict3(bulk("next-insert-index"), integer(3), bulk("slice-size"), integer(4096), bulk("directory-size"), integer(8), bulk("super-dir-entries"), integer(0), bulk("dense-slices"), integer(1), bulk("sparse-slices"), integer(2), bulk("avg-dense-fill"), double3("0.5"), bulk("avg-dense-size"), double3("64"), bulk("avg-sparse-size"), double3("8.5")),
			ArrayInfo{NextInsert: 3, SliceSize: 4096, DirectorySize: 8, DenseSlices: 1, SparseSlices: 2, DenseFill: 0.5, DenseSize: 64, SparseSize: 8.5}),
	}
}

func newerServers() []answered {
	client := "id=7 addr=1.2.3.4:5 laddr=1.2.3.4:6 name=n age=3 idle=1 flags=N db=2 cmd=get user=u lib-name=kermes lib-ver=1 resp=3\n"
	parsed := []ClientConn{{ID: 7, Addr: "1.2.3.4:5", LocalAddr: "1.2.3.4:6", Name: "n", User: "u", DB: 2, Protocol: 3, Age: 3 * time.Second, Idle: time.Second, Flags: "N",
		Command: "get", LibName: "kermes", LibVer: "1", Fields: map[string]string{"id": "7", "addr": "1.2.3.4:5", "laddr": "1.2.3.4:6", "name": "n", "age": "3", "idle": "1",
			"flags": "N", "db": "2", "cmd": "get", "user": "u", "lib-name": "kermes", "lib-ver": "1", "resp": "3"}}}
	all := ClientFilter{IDs: []int64{1, 2}, Type: ClientNormal, User: "u", Addr: "a:1", LocalAddr: "b:2", MinAge: time.Hour, Self: Some(false), Name: "n", Idle: 1500 * time.Millisecond,
		Flags: "N", LibName: "l", LibVer: "v", DB: Some[int64](0), Capa: "r", IP: "1.2.3.4"}
	not := all
	not.MinAge, not.Idle, not.Self, not.Type = 0, 0, Opt[bool]{}, ClientPubSub
	log := array(array(integer(3), integer(1700000000), integer(2500), array1("GET", "k"), bulk("1.2.3.4:5"), bulk("n")))
	logged := SlowCommand{ID: 3, Time: time.Unix(1700000000, 0), Args: []string{"GET", "k"}, Addr: "1.2.3.4:5", Name: "n"}
	slow, large := logged, logged
	slow.Duration, large.Size = 2500*time.Microsecond, 2500
	usage := []string{bulk("key-count"), integer(4), bulk("cpu-usec"), integer(1500), bulk("network-bytes-in"), integer(6), bulk("network-bytes-out"), integer(7), bulk("memory-bytes"), integer(8)}
	slots := []SlotStats{{Slot: 5, Keys: 4, CPU: 1500 * time.Microsecond, BytesIn: 6, BytesOut: 7, MemoryBytes: 8}}
	hot := []string{bulk("tracking-active"), integer(1), bulk("sample-ratio"), integer(1), bulk("selected-slots"), array(), bulk("all-commands-all-slots-us"), integer(220),
		bulk("collection-start-time-unix-ms"), integer(1700000000000), bulk("collection-duration-ms"), integer(6408), bulk("by-cpu-time-us"), array(bulk("x"), integer(104), bulk("y"), integer(98)),
		bulk("by-net-bytes"), array(bulk("z"), integer(9))}
	hotKeys := HotKeys{Active: true, Sample: 1, Start: time.UnixMilli(1700000000000), Duration: 6408 * time.Millisecond, CPU: []HotKey{{Key: "x", CPU: 104 * time.Microsecond}, {Key: "y", CPU: 98 * time.Microsecond}}, Net: []HotKey{{Key: "z", Bytes: 9}},
		Totals: map[string]int64{"all-commands-all-slots-us": 220}}
	backup := []string{bulk("state"), bulk("incrementing"), bulk("error"), bulk(""), bulk("start_time"), bulk("1700000000"), bulk("end_time"), bulk("0")}
	return []answered{
		answer("Valkey 8.1", "ClientList", ClientList(all), "i", "CLIENT LIST ID 1 2 TYPE normal USER u ADDR a:1 LADDR b:2 NAME n FLAGS N LIB-NAME l LIB-VER v DB 0 CAPA r IP 1.2.3.4 MAXAGE 3600 IDLE 2 SKIPME yes",
			bulk(client), verbatim3(client), parsed),
		answer("Valkey 9", "ClientList", ClientList(ClientFilter{Type: ClientNormal, Not: &not}), "i",
			"CLIENT LIST TYPE normal NOT-ID 1 2 NOT-TYPE pubsub NOT-USER u NOT-ADDR a:1 NOT-LADDR b:2 NOT-NAME n NOT-FLAGS N NOT-LIB-NAME l NOT-LIB-VER v NOT-DB 0 NOT-CAPA r NOT-IP 1.2.3.4",
			bulk(client), verbatim3(client), parsed),
		answer("Valkey 9", "ClientKill", ClientKill(ClientFilter{Not: &ClientFilter{User: "u"}}), "n", "CLIENT KILL NOT-USER u", integer(2), "", 2),
		answer("7.4", "ClientKill", ClientKill(ClientFilter{MinAge: time.Hour, Self: Some(true)}), "n", "CLIENT KILL MAXAGE 3600 SKIPME no", integer(2), "", 2),
		answer("Valkey 8", "ScriptShow", ScriptShow("00ff"), "i", "SCRIPT SHOW 00ff", bulk("return 1"), "", "return 1"),
		answer("Valkey 8.1", "BGSaveCancel", BGSaveCancel(), "", "BGSAVE CANCEL", "+Background saving cancelled\r\n", "", "Background saving cancelled"),
		answer("Valkey 8.1", "CommandLogGet", CommandLogGet(SlowLog, -3), "i", "COMMANDLOG GET -1 slow", log, "", []SlowCommand{slow}),
		answer("Valkey 8.1", "CommandLogGet", CommandLogGet(LargeReplies, 3), "i", "COMMANDLOG GET 3 large-reply", log, "", []SlowCommand{large}),
		answer("Valkey 8.1", "CommandLogLen", CommandLogLen(LargeRequests), "i", "COMMANDLOG LEN large-request", integer(4), "", 4),
		answerOK("Valkey 8.1", "CommandLogReset", CommandLogReset(SlowLog), "", "COMMANDLOG RESET slow"),
		answer("7.2", "ClusterMyShardID", ClusterMyShardID(), "i", "CLUSTER MYSHARDID", bulk("abc"), "", "abc"),
		answer("8.2", "ClusterSlotStats", ClusterSlotStats(SlotRange{0, 9}), "i", "CLUSTER SLOT-STATS SLOTSRANGE 0 9", array(array(integer(5), array(usage...))), array(array(integer(5), dict3(usage...))), slots),
		answer("8.2", "ClusterTopSlots", ClusterTopSlots(SlotCPU, 1), "i", "CLUSTER SLOT-STATS ORDERBY CPU-USEC LIMIT 1 DESC", array(array(integer(5), array(usage...))), array(array(integer(5), dict3(usage...))), slots),
		answerOK("8.6", "HotKeysStart", HotKeysStart(HotKeysOptions{CPU: true, Net: true, Count: 5, Duration: time.Minute, Sample: 10, Slots: []int64{0, 7}}), "",
			"HOTKEYS START METRICS 2 CPU NET COUNT 5 DURATION 60 SAMPLE 10 SLOTS 2 0 7"),
		answerOK("8.6", "HotKeysStart", HotKeysStart(HotKeysOptions{Net: true}), "", "HOTKEYS START METRICS 1 NET"),
		answerOK("8.6", "HotKeysStop", HotKeysStop(), "", "HOTKEYS STOP"),
		answerOK("8.6", "HotKeysReset", HotKeysReset(), "", "HOTKEYS RESET"),
		answer("8.6", "HotKeysGet", HotKeysGet(), "i", "HOTKEYS GET", array(hot...), array(dict3(hot...)), hotKeys),
		answerOK("8.10", "BackupStart", BackupStart(), "n", "BACKUP START"),
		answerOK("8.10", "BackupSeal", BackupSeal(), "n", "BACKUP SEAL"),
		answerOK("8.10", "BackupAbort", BackupAbort(), "n", "BACKUP ABORT"),
		answerOK("8.10", "BackupCleanup", BackupCleanup(), "n", "BACKUP CLEANUP"),
		answer("8.10", "BackupList", BackupList(), "i", "BACKUP LIST", array1("/b/base.rdb"), "", []string{"/b/base.rdb"}),
		answer("8.10", "BackupStatus", BackupStatus(), "i", "BACKUP STATUS", array(backup...), dict3(backup...), BackupInfo{State: "incrementing", Start: time.Unix(1700000000, 0)}),
	}
}

// fakeConn is a connection to a server that answers what reply says and keeps the
// last command.
func fakeConn(t *testing.T, proto int, reply, got *string) *conn.Conn {
	t.Helper()
	s := testserver.New(t)
	s.HandleAny(func(p *testserver.Peer, args []string) bool {
		if strings.EqualFold(args[0], "HELLO") {
			return false
		}
		*got = encodeArgs(args)
		p.Write(*reply)
		return true
	})
	c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), Protocol: proto, NoClientInfo: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestWhatNewerServersKnowIsByteExactBothWays(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			var reply, got string
			c := fakeConn(t, proto, &reply, &got)
			for _, a := range newerCases() {
				reply = a.resp2
				if proto == 3 {
					reply = a.resp3
				}
				if err := a.check(t.Context(), c); err != nil {
					t.Errorf("%s (%s): %v", a.fn, a.words, err)
				}
				if want := encode(a.words); got != want {
					t.Errorf("%s: sent %q, want %q", a.fn, got, want)
				}
			}
		})
	}
}
