package redis

import "time"

func hashCases() []wireCase {
	return []wireCase{
		row("HGet", HGet("hash", "f"), "r", "HGET hash f"),
		row("HSet", HSet("hash", "f", "v", "g", "w"), "", "HSET hash f v g w"),
		row("HSetOne", HSetOne("hash", "f", []byte("v")), "", "HSET hash f v"),
		row("HSetMap", HSetMap("hash", map[string]string{"f": "v"}), "", "HSET hash f v"),
		row("HSetNX", HSetNX("hash", "f", "v"), "", "HSETNX hash f v"),
		row("HMGet", HMGet("hash", "f", "none"), "r", "HMGET hash f none"),
		row("HGetAll", HGetAll("hash"), "r", "HGETALL hash"),
		row("HKeys", HKeys("hash"), "r", "HKEYS hash"),
		row("HVals", HVals("hash"), "r", "HVALS hash"),
		row("HLen", HLen("hash"), "r", "HLEN hash"),
		row("HStrLen", HStrLen("hash", "f"), "r", "HSTRLEN hash f"),
		row("HExists", HExists("hash", "f"), "r", "HEXISTS hash f"),
		row("HDel", HDel("hash", "gone", "gone2"), "", "HDEL hash gone gone2"),
		row("HIncrBy", HIncrBy("hash", "n", 2), "", "HINCRBY hash n 2"),
		row("HIncrByFloat", HIncrByFloat("hash", "n", 0.25), "", "HINCRBYFLOAT hash n 0.25"),
		row("HRandField", HRandField("hash"), "r", "HRANDFIELD hash"),
		row("HRandFields", HRandFields("hash", -3), "r", "HRANDFIELD hash -3"),
		row("HRandFieldsWithValues", HRandFieldsWithValues("hash", 3), "r", "HRANDFIELD hash 3 WITHVALUES"),
	}
}

func listCases() []wireCase {
	return []wireCase{
		row("LPush", LPush("list", "a", "b"), "", "LPUSH list a b"),
		row("LPushX", LPushX("list", "a"), "", "LPUSHX list a"),
		row("RPush", RPush("list", "a", "b", "c", "d", "e", "f"), "", "RPUSH list a b c d e f"),
		row("RPushX", RPushX("list", []byte("a")), "", "RPUSHX list a"),
		row("LPop", LPop("list"), "", "LPOP list"),
		row("LPopN", LPopN("list", 2), "", "LPOP list 2"),
		row("RPop", RPop("list"), "", "RPOP list"),
		row("RPopN", RPopN("list", 2), "", "RPOP list 2"),
		row("LRange", LRange("list", 0, -1), "r", "LRANGE list 0 -1"),
		row("LLen", LLen("list"), "r", "LLEN list"),
		row("LIndex", LIndex("list", -1), "r", "LINDEX list -1"),
		srow("LSet", LSet("list", 0, "x"), "LSET list 0 x"),
		row("LInsertBefore", LInsertBefore("list", "x", "y"), "", "LINSERT list BEFORE x y"),
		row("LInsertAfter", LInsertAfter("list", "x", "y"), "", "LINSERT list AFTER x y"),
		row("LRem", LRem("list", -1, "y"), "", "LREM list -1 y"),
		srow("LTrim", LTrim("list", 0, 99), "LTRIM list 0 99"),
		row("LPos", LPos("list", "x", LPosOptions{}), "r", "LPOS list x"),
		row("LPosN", LPosN("list", "x", 0, LPosOptions{Rank: -1, MaxLen: 10}), "r", "LPOS list x RANK -1 MAXLEN 10 COUNT 0"),
		row("LMove", LMove("list", "list2", Left, Right), "", "LMOVE list list2 LEFT RIGHT"),
		row("LMPop", LMPop(Left, 0, "list", "list2"), "", "LMPOP 2 list list2 LEFT"),
		row("LMPop", LMPop(Right, 2, "list"), "", "LMPOP 1 list RIGHT COUNT 2"),
		row("BLPop", BLPop(1500*time.Microsecond, "list", "list2"), "b", "BLPOP list list2 0.002"),
		row("BRPop", BRPop(time.Second, "list"), "b", "BRPOP list 1"),
		row("BLMove", BLMove(time.Second, "list", "list2", Right, Left), "b", "BLMOVE list list2 RIGHT LEFT 1"),
		row("BLMPop", BLMPop(20*time.Millisecond, Right, 3, "list"), "b", "BLMPOP 0.02 1 list RIGHT COUNT 3"),
	}
}

func setCases() []wireCase {
	return []wireCase{
		row("SAdd", SAdd("set", "a", "b"), "", "SADD set a b"),
		row("SRem", SRem("set", "gone"), "", "SREM set gone"),
		row("SMembers", SMembers("set"), "r", "SMEMBERS set"),
		row("SCard", SCard("set"), "r", "SCARD set"),
		row("SIsMember", SIsMember("set", "a"), "r", "SISMEMBER set a"),
		row("SMIsMember", SMIsMember("set", "a", "z"), "r", "SMISMEMBER set a z"),
		row("SMove", SMove("set", "set2", "a"), "", "SMOVE set set2 a"),
		row("SPop", SPop("set"), "", "SPOP set"),
		row("SPopN", SPopN("set", 2), "", "SPOP set 2"),
		row("SRandMember", SRandMember("set"), "r", "SRANDMEMBER set"),
		row("SRandMembers", SRandMembers("set", -2), "r", "SRANDMEMBER set -2"),
		row("SDiff", SDiff("set", "set2"), "r", "SDIFF set set2"),
		row("SDiffStore", SDiffStore("to", "set", "set2"), "", "SDIFFSTORE to set set2"),
		row("SInter", SInter("set", "set2"), "r", "SINTER set set2"),
		row("SInterCard", SInterCard(3, "set", "set2"), "r", "SINTERCARD 2 set set2 LIMIT 3"),
		row("SInterStore", SInterStore("to", "set", "set2"), "", "SINTERSTORE to set set2"),
		row("SUnion", SUnion("set", "set2"), "r", "SUNION set set2"),
		row("SUnionStore", SUnionStore("to", "set", "set2"), "", "SUNIONSTORE to set set2"),
	}
}

func zsetCases() []wireCase {
	return []wireCase{
		row("ZAdd", ZAdd("zset", Z{"a", 1}, Z{"b", 2.5}), "", "ZADD zset 1 a 2.5 b"),
		row("ZAddWith", ZAddWith("zset", ZAddOptions{If: IfPresent, Update: IfGreater, Changed: true}, Z{"a", 3}), "", "ZADD zset XX GT CH 3 a"),
		row("ZAddIncr", ZAddIncr("zset", ZAddOptions{If: IfAbsent}, Z{"a", 3}), "", "ZADD zset NX INCR 3 a"),
		row("ZIncrBy", ZIncrBy("zset", 1.5, "a"), "", "ZINCRBY zset 1.5 a"),
		row("ZRem", ZRem("zset", "gone"), "", "ZREM zset gone"),
		row("ZCard", ZCard("zset"), "r", "ZCARD zset"),
		row("ZScore", ZScore("zset", "a"), "r", "ZSCORE zset a"),
		row("ZMScore", ZMScore("zset", "a", "none"), "r", "ZMSCORE zset a none"),
		row("ZRank", ZRank("zset", "a"), "r", "ZRANK zset a"),
		row("ZRevRank", ZRevRank("zset", "a"), "r", "ZREVRANK zset a"),
		row("ZCount", ZCount("zset", Excl(1), MaxScore), "r", "ZCOUNT zset (1 +inf"),
		row("ZLexCount", ZLexCount("zset", LexIncl("a"), MaxLex), "r", "ZLEXCOUNT zset [a +"),
		row("ZRemRangeByRank", ZRemRangeByRank("zset", 90, 99), "", "ZREMRANGEBYRANK zset 90 99"),
		row("ZRemRangeByScore", ZRemRangeByScore("zset", Incl(90), Excl(99.5)), "", "ZREMRANGEBYSCORE zset 90 (99.5"),
		row("ZRemRangeByLex", ZRemRangeByLex("zset", LexExcl("zz"), MaxLex), "", "ZREMRANGEBYLEX zset (zz +"),
		row("ZPopMin", ZPopMin("zset", 1), "", "ZPOPMIN zset 1"),
		row("ZPopMax", ZPopMax("zset", 2), "", "ZPOPMAX zset 2"),
		row("BZPopMin", BZPopMin(20*time.Millisecond, "zset", "zset2"), "b", "BZPOPMIN zset zset2 0.02"),
		row("BZPopMax", BZPopMax(20*time.Millisecond, "zset"), "b", "BZPOPMAX zset 0.02"),
		row("ZMPop", ZMPop(Lowest, 2, "zset", "zset2"), "", "ZMPOP 2 zset zset2 MIN COUNT 2"),
		row("BZMPop", BZMPop(20*time.Millisecond, Highest, 0, "zset"), "b", "BZMPOP 0.02 1 zset MAX"),
		row("ZRandMember", ZRandMember("zset"), "r", "ZRANDMEMBER zset"),
		row("ZRandMembers", ZRandMembers("zset", -2), "r", "ZRANDMEMBER zset -2"),
		row("ZRandMembersWithScores", ZRandMembersWithScores("zset", 2), "r", "ZRANDMEMBER zset 2 WITHSCORES"),
		row("ZRange", ZRange("zset", 0, -1), "r", "ZRANGE zset 0 -1"),
		row("ZRangeWithScores", ZRangeWithScores("zset", 0, -1), "r", "ZRANGE zset 0 -1 WITHSCORES"),
		row("ZRevRange", ZRevRange("zset", 0, 1), "r", "ZRANGE zset 0 1 REV"),
		row("ZRevRangeWithScores", ZRevRangeWithScores("zset", 0, 1), "r", "ZRANGE zset 0 1 REV WITHSCORES"),
		row("ZRangeByScore", ZRangeByScore("zset", Incl(1), MaxScore, RangeOptions{}), "r", "ZRANGE zset 1 +inf BYSCORE"),
		row("ZRangeByScoreWithScores", ZRangeByScoreWithScores("zset", MinScore, MaxScore, RangeOptions{Rev: true, Offset: 1, Count: 2}), "r",
			"ZRANGE zset +inf -inf BYSCORE REV LIMIT 1 2 WITHSCORES"),
		row("ZRangeByLex", ZRangeByLex("zset", MinLex, LexExcl("c"), RangeOptions{Offset: 1}), "r", "ZRANGE zset - (c BYLEX LIMIT 1 -1"),
		row("ZRangeStore", ZRangeStore("to", "zset", 0, 1), "", "ZRANGESTORE to zset 0 1"),
		row("ZRevRangeStore", ZRevRangeStore("to", "zset", 0, 1), "", "ZRANGESTORE to zset 0 1 REV"),
		row("ZRangeStoreByScore", ZRangeStoreByScore("to", "zset", MinScore, Incl(5), RangeOptions{Count: 2}), "", "ZRANGESTORE to zset -inf 5 BYSCORE LIMIT 0 2"),
		row("ZRangeStoreByLex", ZRangeStoreByLex("to", "zset", MinLex, MaxLex, RangeOptions{}), "", "ZRANGESTORE to zset - + BYLEX"),
		row("ZDiff", ZDiff("zset", "zset2"), "r", "ZDIFF 2 zset zset2"),
		row("ZDiffWithScores", ZDiffWithScores("zset", "zset2"), "r", "ZDIFF 2 zset zset2 WITHSCORES"),
		row("ZDiffStore", ZDiffStore("to", "zset", "zset2"), "", "ZDIFFSTORE to 2 zset zset2"),
		row("ZInter", ZInter(CombineOptions{}, "zset", "zset2"), "r", "ZINTER 2 zset zset2"),
		row("ZInterWithScores", ZInterWithScores(CombineOptions{Weights: []float64{2, 0.5}, Aggregate: Maximum}, "zset", "zset2"), "r",
			"ZINTER 2 zset zset2 WEIGHTS 2 0.5 AGGREGATE MAX WITHSCORES"),
		row("ZInterStore", ZInterStore("to", CombineOptions{Aggregate: Minimum}, "zset", "zset2"), "", "ZINTERSTORE to 2 zset zset2 AGGREGATE MIN"),
		row("ZInterCard", ZInterCard(4, "zset", "zset2"), "r", "ZINTERCARD 2 zset zset2 LIMIT 4"),
		row("ZUnion", ZUnion(CombineOptions{}, "zset", "zset2"), "r", "ZUNION 2 zset zset2"),
		row("ZUnionWithScores", ZUnionWithScores(CombineOptions{Aggregate: Sum}, "zset", "zset2"), "r", "ZUNION 2 zset zset2 AGGREGATE SUM WITHSCORES"),
		row("ZUnionStore", ZUnionStore("to", CombineOptions{}, "zset", "zset2"), "", "ZUNIONSTORE to 2 zset zset2"),
	}
}

func geoCases() []wireCase {
	rome := Place{"Rome", Point{12.5, 41.9}}
	return []wireCase{
		row("GeoAdd", GeoAdd("geo", rome), "", "GEOADD geo 12.5 41.9 Rome"),
		row("GeoAddWith", GeoAddWith("geo", GeoAddOptions{If: IfAbsent, Changed: true}, rome), "", "GEOADD geo NX CH 12.5 41.9 Rome"),
		row("GeoDist", GeoDist("geo", "Rome", "Oslo", Kilometers), "r", "GEODIST geo Rome Oslo km"),
		row("GeoHash", GeoHash("geo", "Rome", "none"), "r", "GEOHASH geo Rome none"),
		row("GeoPos", GeoPos("geo", "Rome", "none"), "r", "GEOPOS geo Rome none"),
		row("GeoSearch", GeoSearch("geo", GeoArea{Member: "Rome", Radius: 10}, GeoOptions{}), "r", "GEOSEARCH geo FROMMEMBER Rome BYRADIUS 10 m"),
		row("GeoSearchHits", GeoSearchHits("geo", GeoArea{Center: Point{12, 42}, Width: 200, Height: 100, Unit: Kilometers}, GeoOptions{Count: 2, Any: true, Order: Farthest}), "r",
			"GEOSEARCH geo FROMLONLAT 12 42 BYBOX 200 100 km DESC COUNT 2 ANY WITHCOORD WITHDIST WITHHASH"),
		row("GeoSearchStore", GeoSearchStore("to", "geo", GeoArea{Member: "Rome", Radius: 1, Unit: Miles}, GeoOptions{Order: Nearest}, true), "",
			"GEOSEARCHSTORE to geo FROMMEMBER Rome BYRADIUS 1 mi ASC STOREDIST"),
	}
}

func bitCases() []wireCase {
	return []wireCase{
		row("GetBit", GetBit("bits", 7), "r", "GETBIT bits 7"),
		row("SetBit", SetBit("bits", 7, true), "", "SETBIT bits 7 1"),
		row("BitCount", BitCount("bits", BitRange{}), "r", "BITCOUNT bits"),
		row("BitCount", BitCount("bits", BitRange{Start: 1, End: Some[int64](9), Bits: true}), "r", "BITCOUNT bits 1 9 BIT"),
		row("BitPos", BitPos("bits", true, BitRange{}), "r", "BITPOS bits 1"),
		row("BitPos", BitPos("bits", false, BitRange{Start: 1}), "r", "BITPOS bits 0 1"),
		row("BitPos", BitPos("bits", true, BitRange{End: Some[int64](-1)}), "r", "BITPOS bits 1 0 -1"),
		row("BitOp", BitOp(BitAnd, "bitsto", "bits", "bits2"), "", "BITOP AND bitsto bits bits2"),
		row("BitField", BitField("bits", BitGet("u8", 0), BitSet("i5", 100, -2), BitIncr("u2", 1, 3, Refuse).Nth(), BitIncr("u2", 1, 3, WrapAround)), "",
			"BITFIELD bits GET u8 0 SET i5 100 -2 OVERFLOW FAIL INCRBY u2 #1 3 OVERFLOW WRAP INCRBY u2 1 3"),
		row("BitFieldRO", BitFieldRO("bits", BitGet("u8", 0)), "r", "BITFIELD_RO bits GET u8 0"),
	}
}

func scanCases() []wireCase {
	o := ScanOptions{Match: "a*", Count: 50}
	return []wireCase{
		row("ScanPage", ScanPage(0, ScanOptions{Match: "s*", Count: 50, Type: "string"}), "r", "SCAN 0 MATCH s* COUNT 50 TYPE string"),
		row("HScanPage", HScanPage("hash", 0, o), "r", "HSCAN hash 0 MATCH a* COUNT 50"),
		row("SScanPage", SScanPage("set", 0, o), "r", "SSCAN set 0 MATCH a* COUNT 50"),
		row("ZScanPage", ZScanPage("zset", 0, o), "r", "ZSCAN zset 0 MATCH a* COUNT 50"),
	}
}
