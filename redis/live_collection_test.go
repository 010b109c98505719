package redis

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

func sorted(ss []string) []string {
	slices.Sort(ss)
	return ss
}

func TestHashCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		fails(t, c, HGet("h", "f"), ErrNil)
		want(t, c, HGetAll("h"), map[string]string{})
		want(t, c, HSet("h", "f", "v", "g", "w"), 2)
		want(t, c, HSetOne("h", "f", []byte("x")), false)
		want(t, c, HSetMap("h", map[string]string{"n": "3"}), 1)
		want(t, c, HSetNX("h", "f", "no"), false)
		want(t, c, HGet("h", "f"), "x")
		want(t, c, HMGet("h", "f", "none", "n"), []Opt[string]{Some("x"), {}, Some("3")})
		want(t, c, HGetAll("h"), map[string]string{"f": "x", "g": "w", "n": "3"})
		want(t, c, Map(HKeys("h"), func(s []string) ([]string, error) { return sorted(s), nil }), []string{"f", "g", "n"})
		want(t, c, Map(HVals("h"), func(s []string) ([]string, error) { return sorted(s), nil }), []string{"3", "w", "x"})
		want(t, c, HLen("h"), 3)
		want(t, c, HStrLen("h", "g"), 1)
		want(t, c, HExists("h", "g"), true)
		want(t, c, HDel("h", "g", "none"), 1)
		want(t, c, HExists("h", "g"), false)
		want(t, c, HIncrBy("h", "n", 4), 7)
		want(t, c, HIncrByFloat("h", "n", 0.5), 7.5)
		refused(t, c, HIncrBy("h", "f", 1), "not an integer")
		check(t, "a field", slices.Contains([]string{"f", "n"}, get(t, c, HRandField("h"))))
		fails(t, c, HRandField("none"), ErrNil)
		want(t, c, HRandFields("none", 3), []string{})
		check(t, "three fields", len(get(t, c, HRandFields("h", -3))) == 3)
		for _, f := range get(t, c, HRandFieldsWithValues("h", 9)) {
			check(t, "field and value", f == FieldValue{"f", "x"} || f == FieldValue{"n", "7.5"})
		}
		if since(t, c, "7.4", "9.0") {
			check(t, "no time to live", len(get(t, c, HTTL("h", "f"))) == 1)
		} else {
			refused(t, c, HTTL("h", "f"), "unknown command")
		}
	})
}

func TestListCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		want(t, c, RPush("l", "c", "d"), 2)
		want(t, c, LPush("l", "b", "a"), 4)
		want(t, c, LPushX("none", "x"), 0)
		want(t, c, RPushX("l", []byte("e")), 5)
		want(t, c, LRange("l", 0, -1), []string{"a", "b", "c", "d", "e"})
		want(t, c, LRange("none", 0, -1), []string{})
		want(t, c, LLen("l"), 5)
		want(t, c, LIndex("l", -1), "e")
		fails(t, c, LIndex("l", 9), ErrNil)
		ok(t, c, LSet("l", 0, "A"))
		refused(t, c, LSet("l", 99, "x").Cmd(), "index out of range")
		refused(t, c, LSet("none", 0, "x").Cmd(), "no such key")
		want(t, c, LInsertBefore("l", "c", "b2"), 6)
		want(t, c, LInsertAfter("l", "none", "x"), -1)
		want(t, c, LPos("l", "c", LPosOptions{}), 3)
		fails(t, c, LPos("l", "none", LPosOptions{}), ErrNil)
		want(t, c, LPosN("l", "c", 0, LPosOptions{Rank: -1, MaxLen: 10}), []int64{3})
		want(t, c, LRem("l", 0, "b2"), 1)
		ok(t, c, LTrim("l", 0, 2))
		want(t, c, LMove("l", "m", Left, Right), "A")
		fails(t, c, LMove("none", "m", Left, Right), ErrNil)
		want(t, c, LPop("l"), "b")
		want(t, c, RPop("l"), "c")
		fails(t, c, LPop("l"), ErrNil)
		fails(t, c, RPop("l"), ErrNil)
		want(t, c, LPopN("l", 2), nil)
		want(t, c, RPopN("l", 2), nil)
		get(t, c, RPush("l", "1", "2", "3", "4", "5", "6"))
		want(t, c, LPopN("l", 2), []string{"1", "2"})
		want(t, c, RPopN("l", 2), []string{"6", "5"})
		want(t, c, LMPop(Right, 1, "none", "l"), Popped{"l", []string{"4"}})
		fails(t, c, LMPop(Left, 1, "none"), ErrNil)
	})
}

func TestBlockingCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ms := 5 * time.Millisecond
		fails(t, c, BLPop(ms, "l", "m"), ErrNil)
		fails(t, c, BRPop(ms, "l"), ErrNil)
		fails(t, c, BLMove(ms, "l", "m", Left, Right), ErrNil)
		fails(t, c, BLMPop(ms, Left, 1, "l"), ErrNil)
		fails(t, c, BZPopMin(ms, "z"), ErrNil)
		fails(t, c, BZPopMax(ms, "z"), ErrNil)
		fails(t, c, BZMPop(ms, Lowest, 1, "z"), ErrNil)
		want(t, c, XRead(XReadOptions{Block: ms}, StreamID{"s", LastID}), nil)

		get(t, c, RPush("l", "1", "2", "3", "4"))
		want(t, c, BLPop(0, "none", "l"), Pop{"l", "1"})
		want(t, c, BRPop(Forever, "l"), Pop{"l", "4"})
		want(t, c, BLMove(ms, "l", "m", Left, Right), "2")
		want(t, c, BLMPop(0, Left, 5, "l"), Popped{"l", []string{"3"}})
		get(t, c, ZAdd("z", Z{"a", 1}, Z{"b", 2}, Z{"c", 3}))
		want(t, c, BZPopMin(ms, "z"), ZPop{"z", Z{"a", 1}})
		want(t, c, BZPopMax(ms, "z"), ZPop{"z", Z{"c", 3}})
		want(t, c, BZMPop(0, Lowest, 5, "z"), ZPopped{"z", []Z{{"b", 2}}})

		other := dial(t, 3)
		go func() {
			<-time.After(20 * time.Millisecond)
			_, _ = LPush("late", "x").Do(t.Context(), other)
		}()
		want(t, c, BLPop(10*time.Second, "late"), Pop{"late", "x"})
	})
}

func TestSetCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		want(t, c, SAdd("s", "a", "b", "c"), 3)
		want(t, c, SAdd("s", []byte("a")), 0)
		want(t, c, SAdd("u", "b", "z"), 2)
		want(t, c, SRem("s", "c", "none"), 1)
		want(t, c, As(SMembers("s"), sortedTexts), []string{"a", "b"})
		want(t, c, SCard("s"), 2)
		want(t, c, SIsMember("s", "a"), true)
		want(t, c, SMIsMember("s", "a", "z"), []bool{true, false})
		want(t, c, SDiff("s", "u"), []string{"a"})
		want(t, c, SInter("s", "u"), []string{"b"})
		want(t, c, SInterCard(0, "s", "u"), 1)
		want(t, c, As(SUnion("s", "u"), sortedTexts), []string{"a", "b", "z"})
		want(t, c, SDiffStore("to", "s", "u"), 1)
		want(t, c, SInterStore("to", "s", "u"), 1)
		want(t, c, SUnionStore("to", "s", "u"), 3)
		want(t, c, SMove("s", "u", "a"), true)
		want(t, c, SMove("s", "u", "none"), false)
		want(t, c, SRandMember("s"), "b")
		fails(t, c, SRandMember("none"), ErrNil)
		want(t, c, SRandMembers("s", -3), []string{"b", "b", "b"})
		want(t, c, SPop("s"), "b")
		fails(t, c, SPop("s"), ErrNil)
		want(t, c, As(SPopN("u", 9), sortedTexts), []string{"a", "b", "z"})
		want(t, c, SPopN("u", 9), []string{})
	})
}

func TestSortedSetCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		want(t, c, ZAdd("z", Z{"a", 1}, Z{"b", 2.5}, Z{"c", 3}), 3)
		want(t, c, ZAddWith("z", ZAddOptions{If: IfPresent, Update: IfGreater, Changed: true}, Z{"a", 2}, Z{"x", 9}), 1)
		want(t, c, ZAddIncr("z", ZAddOptions{}, Z{"a", -1}), 1)
		fails(t, c, ZAddIncr("z", ZAddOptions{If: IfAbsent}, Z{"a", 1}), ErrNil)
		want(t, c, ZIncrBy("z", 1, "c"), 4)
		refused(t, c, ZAddWith("z", ZAddOptions{If: IfAbsent, Update: IfLess}, Z{"a", 1}), "not compatible")
		want(t, c, ZCard("z"), 3)
		want(t, c, ZScore("z", "b"), 2.5)
		fails(t, c, ZScore("z", "none"), ErrNil)
		want(t, c, ZMScore("z", "a", "none"), []Opt[float64]{Some(1.0), {}})
		want(t, c, ZRank("z", "c"), 2)
		want(t, c, ZRevRank("z", "c"), 0)
		fails(t, c, ZRank("z", "none"), ErrNil)
		want(t, c, ZCount("z", Excl(1), MaxScore), 2)
		refused(t, c, ZCount("z", "x", "y"), "not a float")
		want(t, c, ZRange("z", 0, -1), []string{"a", "b", "c"})
		want(t, c, ZRangeWithScores("z", 0, 1), []Z{{"a", 1}, {"b", 2.5}})
		want(t, c, ZRevRange("z", 0, 0), []string{"c"})
		want(t, c, ZRevRangeWithScores("z", 0, 0), []Z{{"c", 4}})
		want(t, c, ZRangeByScore("z", Incl(1), Excl(4), RangeOptions{}), []string{"a", "b"})
		want(t, c, ZRangeByScoreWithScores("z", MinScore, MaxScore, RangeOptions{Rev: true, Offset: 1, Count: 1}), []Z{{"b", 2.5}})
		want(t, c, ZRangeStore("to", "z", 0, 1), 2)
		want(t, c, ZRevRangeStore("to2", "z", 0, 0), 1)
		want(t, c, ZRangeStoreByScore("to", "z", MinScore, Incl(2.5), RangeOptions{Count: 1}), 1)

		get(t, c, ZAdd("lex", Z{"a", 0}, Z{"b", 0}, Z{"c", 0}))
		want(t, c, ZLexCount("lex", LexIncl("b"), MaxLex), 2)
		want(t, c, ZRangeByLex("lex", MinLex, LexExcl("c"), RangeOptions{Rev: true}), []string{"b", "a"})
		want(t, c, ZRangeStoreByLex("to", "lex", MinLex, MaxLex, RangeOptions{}), 3)
		want(t, c, ZRemRangeByLex("lex", LexIncl("a"), LexIncl("a")), 1)

		get(t, c, ZAdd("y", Z{"b", 1}, Z{"d", 2}))
		want(t, c, ZDiff("z", "y"), []string{"a", "c"})
		want(t, c, ZDiffWithScores("z", "y"), []Z{{"a", 1}, {"c", 4}})
		want(t, c, ZDiffStore("to", "z", "y"), 2)
		want(t, c, ZInter(CombineOptions{}, "z", "y"), []string{"b"})
		want(t, c, ZInterWithScores(CombineOptions{Weights: []float64{2, 1}}, "z", "y"), []Z{{"b", 6}})
		want(t, c, ZInterStore("to", CombineOptions{Aggregate: Minimum}, "z", "y"), 1)
		want(t, c, ZInterCard(0, "z", "y"), 1)
		want(t, c, ZUnion(CombineOptions{}, "z", "y"), []string{"a", "d", "b", "c"})
		want(t, c, ZUnionWithScores(CombineOptions{Aggregate: Maximum}, "z", "y"), []Z{{"a", 1}, {"d", 2}, {"b", 2.5}, {"c", 4}})
		want(t, c, ZUnionStore("to", CombineOptions{}, "z", "y"), 4)

		check(t, "a member", len(get(t, c, ZRandMember("z"))) == 1)
		check(t, "members", len(get(t, c, ZRandMembers("z", -5))) == 5)
		check(t, "with scores", get(t, c, ZRandMembersWithScores("lex", 2))[0].Score == 0)
		want(t, c, ZPopMin("z", 1), []Z{{"a", 1}})
		want(t, c, ZPopMax("z", 5), []Z{{"c", 4}, {"b", 2.5}})
		want(t, c, ZPopMin("z", 1), []Z{})
		want(t, c, ZMPop(Highest, 1, "z", "y"), ZPopped{"y", []Z{{"d", 2}}})
		fails(t, c, ZMPop(Highest, 1, "z"), ErrNil)
		want(t, c, ZRem("y", "b", "none"), 1)
		get(t, c, ZAdd("r", Z{"a", 1}, Z{"b", 2}, Z{"c", 3}))
		want(t, c, ZRemRangeByRank("r", 0, 0), 1)
		want(t, c, ZRemRangeByScore("r", Excl(2), MaxScore), 1)
	})
}

func TestScanPagesOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		get(t, c, HSet("h", "f", "v"))
		get(t, c, SAdd("s", "m"))
		get(t, c, ZAdd("z", Z{"m", 1.5}))
		want(t, c, ScanPage(0, ScanOptions{Type: "hash", Count: 100}), Page[string]{Items: []string{"h"}})
		want(t, c, HScanPage("h", 0, ScanOptions{}), Page[FieldValue]{Items: []FieldValue{{"f", "v"}}})
		want(t, c, SScanPage("s", 0, ScanOptions{Match: "m*"}), Page[string]{Items: []string{"m"}})
		want(t, c, ZScanPage("z", 0, ScanOptions{}), Page[Z]{Items: []Z{{"m", 1.5}}})
		if since(t, c, "", "8.0") {
			want(t, c, ZScanMembersPage("z", 0, ScanOptions{}), Page[string]{Items: []string{"m"}})
		}
		if since(t, c, "7.4", "8.0") {
			want(t, c, HScanFieldsPage("h", 0, ScanOptions{}), Page[string]{Items: []string{"f"}})
		} else {
			refused(t, c, HScanFieldsPage("h", 0, ScanOptions{}), "syntax error")
		}
		want(t, c, As(HGetAll("h"), MapOf(Text, Text)), map[string]string{"f": "v"})
		check(t, "maps", maps.Equal(get(t, c, As(HGetAll("h"), TextMap)), map[string]string{"f": "v"}))
	})
}
