package redis

import "github.com/kermes-redis/kermes/resp"

// ZRange returns members start to stop by ascending score, both inclusive,
// negative ones from the end.
//
// See https://redis.io/commands/zrange.
func ZRange(key string, start, stop int64) Cmd[[]string] {
	return read(Texts, "ZRANGE", resp.String(key), resp.Int(start), resp.Int(stop))
}

// ZRangeWithScores is [ZRange] with the scores.
//
// See https://redis.io/commands/zrange.
func ZRangeWithScores(key string, start, stop int64) Cmd[[]Z] {
	return read(zs, "ZRANGE", resp.String(key), resp.Int(start), resp.Int(stop), resp.String("WITHSCORES"))
}

// ZRevRange is [ZRange] by descending score.
//
// See https://redis.io/commands/zrange.
func ZRevRange(key string, start, stop int64) Cmd[[]string] {
	return read(Texts, "ZRANGE", resp.String(key), resp.Int(start), resp.Int(stop), resp.String("REV"))
}

// ZRevRangeWithScores is [ZRevRange] with the scores.
//
// See https://redis.io/commands/zrange.
func ZRevRangeWithScores(key string, start, stop int64) Cmd[[]Z] {
	return read(zs, "ZRANGE", resp.String(key), resp.Int(start), resp.Int(stop),
		resp.String("REV"), resp.String("WITHSCORES"))
}

// RangeOptions are options of ranges by score and by member. The zero value is
// all, in ascending order.
type RangeOptions struct {
	Rev    bool  // descending order; min and max stay what they are
	Offset int64 // how many to skip
	Count  int64 // how many at most; zero is all
}

func zrangeBy(name, first, second, min, max, by string, o RangeOptions) words {
	w := words{args: few()}
	w = w.flag(first != "", first)
	w = w.str(second)
	if o.Rev {
		min, max = max, min
	}
	w = w.str(min, max, by)
	w = w.flag(o.Rev, "REV")
	if o.Offset < 0 || o.Count < 0 {
		w = w.fail(negative)
	}
	if o.Offset != 0 || o.Count != 0 {
		n := o.Count
		if n == 0 {
			n = -1
		}
		w = w.str("LIMIT")
		w = w.int(o.Offset)
		w = w.int(n)
	}
	return w
}

// ZRangeByScore returns members with a score from min to max. See [Incl] and
// [Excl] for bounds, [MinScore] and [MaxScore] for none.
//
// See https://redis.io/commands/zrange.
func ZRangeByScore(key, min, max string, o RangeOptions) Cmd[[]string] {
	w := zrangeBy("ZRANGE", "", key, min, max, "BYSCORE", o)
	return read(Texts, "ZRANGE", w.args...).check(w.bad)
}

// ZRangeByScoreWithScores is [ZRangeByScore] with the scores.
//
// See https://redis.io/commands/zrange.
func ZRangeByScoreWithScores(key, min, max string, o RangeOptions) Cmd[[]Z] {
	w := zrangeBy("ZRANGE", "", key, min, max, "BYSCORE", o)
	w = w.str("WITHSCORES")
	return read(zs, "ZRANGE", w.args...).check(w.bad)
}

// ZRangeByLex returns members from min to max, of a set whose scores are all
// equal. See [LexIncl] and [LexExcl] for bounds, [MinLex] and [MaxLex] for none.
//
// See https://redis.io/commands/zrange.
func ZRangeByLex(key, min, max string, o RangeOptions) Cmd[[]string] {
	w := zrangeBy("ZRANGE", "", key, min, max, "BYLEX", o)
	return read(Texts, "ZRANGE", w.args...).check(w.bad)
}

// ZRangeStore stores members start to stop of key at to and returns their number.
//
// See https://redis.io/commands/zrangestore.
func ZRangeStore(to, key string, start, stop int64) Cmd[int64] {
	return write(Int, "ZRANGESTORE", resp.String(to), resp.String(key), resp.Int(start), resp.Int(stop))
}

// ZRevRangeStore stores members start to stop of key by descending score at to and
// returns their number.
//
// See https://redis.io/commands/zrangestore.
func ZRevRangeStore(to, key string, start, stop int64) Cmd[int64] {
	return write(Int, "ZRANGESTORE", resp.String(to), resp.String(key), resp.Int(start), resp.Int(stop), resp.String("REV"))
}

// ZRangeStoreByScore stores [ZRangeByScore] at to and returns its size.
//
// See https://redis.io/commands/zrangestore.
func ZRangeStoreByScore(to, key, min, max string, o RangeOptions) Cmd[int64] {
	w := zrangeBy("ZRANGESTORE", to, key, min, max, "BYSCORE", o)
	return write(Int, "ZRANGESTORE", w.args...).check(w.bad)
}

// ZRangeStoreByLex stores [ZRangeByLex] at to and returns its size.
//
// See https://redis.io/commands/zrangestore.
func ZRangeStoreByLex(to, key, min, max string, o RangeOptions) Cmd[int64] {
	w := zrangeBy("ZRANGESTORE", to, key, min, max, "BYLEX", o)
	return write(Int, "ZRANGESTORE", w.args...).check(w.bad)
}

// Aggregate says which score a member has that is in several sets.
type Aggregate string

// The aggregates. The empty one is Sum.
const (
	Sum     Aggregate = "SUM"
	Minimum Aggregate = "MIN"
	Maximum Aggregate = "MAX"
	Count   Aggregate = "COUNT" // in how many sets it is, or the sum of their weights. Redis 8.8
)

// CombineOptions are options of unions and intersections of sorted sets. The zero
// value adds the scores up.
type CombineOptions struct {
	Weights   []float64 // by which the scores are multiplied, one for each key; none is 1
	Aggregate Aggregate
}

func combine(name, to string, keys []string, o CombineOptions) words {
	w := words{args: few()}
	w = w.flag(to != "", to)
	w = w.keys(keys)
	if len(o.Weights) > 0 {
		if len(o.Weights) != len(keys) {
			w = w.fail(badWeights)
		}
		w = w.str("WEIGHTS")
		for _, f := range o.Weights {
			w = w.float(f)
		}
	}
	w = w.opt("AGGREGATE", string(o.Aggregate))
	return w
}

// ZDiff returns the members of the first set that are in none of the others.
//
// See https://redis.io/commands/zdiff.
func ZDiff(keys ...string) Cmd[[]string] {
	w := combine("ZDIFF", "", keys, CombineOptions{})
	return read(Texts, "ZDIFF", w.args...).check(w.bad)
}

// ZDiffWithScores is [ZDiff] with the scores.
//
// See https://redis.io/commands/zdiff.
func ZDiffWithScores(keys ...string) Cmd[[]Z] {
	w := combine("ZDIFF", "", keys, CombineOptions{})
	w = w.str("WITHSCORES")
	return read(zs, "ZDIFF", w.args...).check(w.bad)
}

// ZDiffStore stores [ZDiff] at to and returns its size.
//
// See https://redis.io/commands/zdiffstore.
func ZDiffStore(to string, keys ...string) Cmd[int64] {
	w := combine("ZDIFFSTORE", to, keys, CombineOptions{})
	return write(Int, "ZDIFFSTORE", w.args...).check(w.bad)
}

// ZInter returns the members that are in all sets.
//
// See https://redis.io/commands/zinter.
func ZInter(o CombineOptions, keys ...string) Cmd[[]string] {
	w := combine("ZINTER", "", keys, o)
	return read(Texts, "ZINTER", w.args...).check(w.bad)
}

// ZInterWithScores is [ZInter] with the combined scores.
//
// See https://redis.io/commands/zinter.
func ZInterWithScores(o CombineOptions, keys ...string) Cmd[[]Z] {
	w := combine("ZINTER", "", keys, o)
	w = w.str("WITHSCORES")
	return read(zs, "ZINTER", w.args...).check(w.bad)
}

// ZInterStore stores [ZInter] at to and returns its size.
//
// See https://redis.io/commands/zinterstore.
func ZInterStore(to string, o CombineOptions, keys ...string) Cmd[int64] {
	w := combine("ZINTERSTORE", to, keys, o)
	return write(Int, "ZINTERSTORE", w.args...).check(w.bad)
}

// ZInterCard returns how many members are in all sets. It stops counting at limit
// unless that is 0. Redis 7.0.
//
// See https://redis.io/commands/zintercard.
func ZInterCard(limit int64, keys ...string) Cmd[int64] {
	w := combine("ZINTERCARD", "", keys, CombineOptions{})
	w = w.count("LIMIT", limit)
	return read(Int, "ZINTERCARD", w.args...).check(w.bad)
}

// ZUnion returns the members that are in any of the sets.
//
// See https://redis.io/commands/zunion.
func ZUnion(o CombineOptions, keys ...string) Cmd[[]string] {
	w := combine("ZUNION", "", keys, o)
	return read(Texts, "ZUNION", w.args...).check(w.bad)
}

// ZUnionWithScores is [ZUnion] with the combined scores.
//
// See https://redis.io/commands/zunion.
func ZUnionWithScores(o CombineOptions, keys ...string) Cmd[[]Z] {
	w := combine("ZUNION", "", keys, o)
	w = w.str("WITHSCORES")
	return read(zs, "ZUNION", w.args...).check(w.bad)
}

// ZUnionStore stores [ZUnion] at to and returns its size.
//
// See https://redis.io/commands/zunionstore.
func ZUnionStore(to string, o CombineOptions, keys ...string) Cmd[int64] {
	w := combine("ZUNIONSTORE", to, keys, o)
	return write(Int, "ZUNIONSTORE", w.args...).check(w.bad)
}
