package redis

import (
	"math"
	"strconv"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Z is a member of a sorted set with its score.
type Z struct {
	Member string
	Score  float64
}

func zs(v resp.Value) ([]Z, error) {
	p, n, err := pairsOf(v)
	if err != nil {
		return nil, err
	}
	a := arena{left: len(v)}
	out := make([]Z, 0, n)
	for {
		if m, score, ok := p.scored(); ok {
			out = append(out, Z{a.add(m), score})
			continue
		}
		if !p.next() {
			return out, p.err
		}
		m, err := view(p.key)
		if err != nil {
			return nil, err
		}
		score, err := Float(p.value)
		if err != nil {
			return nil, err
		}
		out = append(out, Z{a.add(m), score})
	}
}

// scored returns the next member and its score where both are ordinary, by themselves
// or as a pair. If not, p stays where it is.
func (p *pairs) scored() (member []byte, score float64, ok bool) {
	c := p.c
	if n, paired := c.Enter(); paired && n != 2 {
		return nil, 0, false
	}
	if member, ok = c.NextBulk(); !ok {
		return nil, 0, false
	}
	if score, ok = c.NextFloat(); !ok {
		return nil, 0, false
	}
	p.c = c
	return member, score, true
}

// ZAdd sets the scores of members and returns how many members are new.
//
// See https://redis.io/commands/zadd.
func ZAdd(key string, members ...Z) Cmd[int64] {
	return ZAddWith(key, ZAddOptions{}, members...)
}

// ZAddOptions are options of [ZAddWith]. The zero value adds and updates.
type ZAddOptions struct {
	If      Condition    // IfAbsent adds only, IfPresent updates only
	Update  ScoreCompare // updates a score only if the new one compares so
	Changed bool         // count updated members too
}

// ScoreCompare says when [ZAddWith] updates a score.
type ScoreCompare string

// The comparisons of [ZAddOptions].
const (
	IfGreater ScoreCompare = "GT"
	IfLess    ScoreCompare = "LT"
)

func (o ZAddOptions) add(w words) words {
	w = o.If.add(w)
	w = w.flag(o.Update != "", string(o.Update))
	w = w.flag(o.Changed, "CH")
	return w
}

// ZAddWith is [ZAdd] with options.
//
// See https://redis.io/commands/zadd.
func ZAddWith(key string, o ZAddOptions, members ...Z) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key)
	w = o.add(w)
	for _, m := range members {
		w = w.float(m.Score)
		w = w.str(m.Member)
	}
	return write(Int, "ZADD", w.args...).check(w.bad).check(some(len(members), noMembers))
}

// ZAddIncr adds the score of m to that of its member and returns the sum, or
// [ErrNil] if the options forbid it.
//
// See https://redis.io/commands/zadd.
func ZAddIncr(key string, o ZAddOptions, m Z) Cmd[float64] {
	w := words{args: few()}
	w = w.str(key)
	w = o.add(w)
	w = w.str("INCR")
	w = w.float(m.Score)
	w = w.str(m.Member)
	return write(Float, "ZADD", w.args...).check(w.bad)
}

// ZIncrBy adds n to the score of member and returns the sum.
//
// See https://redis.io/commands/zincrby.
func ZIncrBy(key string, n float64, member string) Cmd[float64] {
	return write(Float, "ZINCRBY", resp.String(key), resp.Float(n), resp.String(member))
}

// ZRem removes members and returns how many there were.
//
// See https://redis.io/commands/zrem.
func ZRem(key string, members ...string) Cmd[int64] {
	return write(Int, "ZREM", strs(key, members)...).check(some(len(members), noMembers))
}

// ZCard returns the number of members.
//
// See https://redis.io/commands/zcard.
func ZCard(key string) Cmd[int64] { return read(Int, "ZCARD", resp.String(key)) }

// ZScore returns the score of member, or [ErrNil].
//
// See https://redis.io/commands/zscore.
func ZScore(key, member string) Cmd[float64] {
	return read(Float, "ZSCORE", resp.String(key), resp.String(member))
}

// ZMScore returns the scores of members in their order.
//
// See https://redis.io/commands/zmscore.
func ZMScore(key string, members ...string) Cmd[[]Opt[float64]] {
	return read(OptFloats, "ZMSCORE", strs(key, members)...).check(some(len(members), noMembers))
}

// ZRank returns the index of member by ascending score, or [ErrNil].
//
// See https://redis.io/commands/zrank.
func ZRank(key, member string) Cmd[int64] {
	return read(Int, "ZRANK", resp.String(key), resp.String(member))
}

// ZRevRank returns the index of member by descending score, or [ErrNil].
//
// See https://redis.io/commands/zrevrank.
func ZRevRank(key, member string) Cmd[int64] {
	return read(Int, "ZREVRANK", resp.String(key), resp.String(member))
}

// Rank is the index and the score of a member.
type Rank struct {
	Rank  int64
	Score float64
}

// ZRankWithScore is [ZRank] with the score. Redis 7.2.
//
// See https://redis.io/commands/zrank.
func ZRankWithScore(key, member string) Cmd[Rank] {
	return read(rank, "ZRANK", resp.String(key), resp.String(member), resp.String("WITHSCORE"))
}

// ZRevRankWithScore is [ZRevRank] with the score. Redis 7.2.
//
// See https://redis.io/commands/zrevrank.
func ZRevRankWithScore(key, member string) Cmd[Rank] {
	return read(rank, "ZREVRANK", resp.String(key), resp.String(member), resp.String("WITHSCORE"))
}

func rank(v resp.Value) (r Rank, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return r, err
	}
	r.Rank = next(&c, Int, &err)
	r.Score = next(&c, Float, &err)
	return r, err
}

// Bounds of scores and of members without end.
const (
	MinScore = "-inf"
	MaxScore = "+inf"
	MinLex   = "-"
	MaxLex   = "+"
)

// Incl is a bound of a range of scores that includes score, as [Str] makes it.
func Incl(score float64) string { return formatScore(score) }

// Excl is a bound of a range of scores that excludes score.
func Excl(score float64) string { return "(" + formatScore(score) }

// LexIncl is a bound of a range of members that includes member.
func LexIncl(member string) string { return "[" + member }

// LexExcl is a bound of a range of members that excludes member.
func LexExcl(member string) string { return "(" + member }

func formatScore(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return MaxScore
	case math.IsInf(f, -1):
		return MinScore
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// ZCount returns how many members have a score from min to max. See [Incl] and
// [Excl] for bounds.
//
// See https://redis.io/commands/zcount.
func ZCount(key, min, max string) Cmd[int64] {
	return read(Int, "ZCOUNT", resp.String(key), resp.String(min), resp.String(max))
}

// ZLexCount returns how many members are from min to max, in a set whose scores
// are all equal. See [LexIncl] and [LexExcl] for bounds.
//
// See https://redis.io/commands/zlexcount.
func ZLexCount(key, min, max string) Cmd[int64] {
	return read(Int, "ZLEXCOUNT", resp.String(key), resp.String(min), resp.String(max))
}

// ZRemRangeByRank removes members start to stop, both inclusive, negative ones
// from the end, and returns how many.
//
// See https://redis.io/commands/zremrangebyrank.
func ZRemRangeByRank(key string, start, stop int64) Cmd[int64] {
	return write(Int, "ZREMRANGEBYRANK", resp.String(key), resp.Int(start), resp.Int(stop))
}

// ZRemRangeByScore removes members with a score from min to max.
//
// See https://redis.io/commands/zremrangebyscore.
func ZRemRangeByScore(key, min, max string) Cmd[int64] {
	return write(Int, "ZREMRANGEBYSCORE", resp.String(key), resp.String(min), resp.String(max))
}

// ZRemRangeByLex removes members from min to max, in a set whose scores are all
// equal.
//
// See https://redis.io/commands/zremrangebylex.
func ZRemRangeByLex(key, min, max string) Cmd[int64] {
	return write(Int, "ZREMRANGEBYLEX", resp.String(key), resp.String(min), resp.String(max))
}

// ZPopMin removes and returns up to n members with the lowest scores.
//
// See https://redis.io/commands/zpopmin.
func ZPopMin(key string, n int64) Cmd[[]Z] {
	return write(zs, "ZPOPMIN", resp.String(key), resp.Int(n)).check(notNegative(n))
}

// ZPopMax removes and returns up to n members with the highest scores.
//
// See https://redis.io/commands/zpopmax.
func ZPopMax(key string, n int64) Cmd[[]Z] {
	return write(zs, "ZPOPMAX", resp.String(key), resp.Int(n)).check(notNegative(n))
}

// ZPop is a member with its score and the set it came from.
type ZPop struct {
	Key string
	Z
}

func zpop(v resp.Value) (p ZPop, err error) {
	c, err := tuple(v, 3)
	if err != nil {
		return p, err
	}
	p.Key = next(&c, Text, &err)
	p.Member = next(&c, Text, &err)
	p.Score = next(&c, Float, &err)
	return p, err
}

// BZPopMin removes and returns the member with the lowest score of the first set
// that has any. If none has, it waits for wait at most, zero for ever; then it
// returns [ErrNil].
//
// See https://redis.io/commands/bzpopmin.
func BZPopMin(wait time.Duration, keys ...string) Cmd[ZPop] {
	return bzpop("BZPOPMIN", wait, keys).check(some(len(keys), noKeys))
}

// BZPopMax is [BZPopMin] with the highest score.
//
// See https://redis.io/commands/bzpopmax.
func BZPopMax(wait time.Duration, keys ...string) Cmd[ZPop] {
	return bzpop("BZPOPMAX", wait, keys).check(some(len(keys), noKeys))
}

func bzpop(name string, wait time.Duration, keys []string) Cmd[ZPop] {
	a := append(addStrs(few(), keys), blockSeconds(wait))
	return write(zpop, name, a...).blockFor(wait)
}

// Extreme is an end of a sorted set.
type Extreme string

// The ends of a sorted set.
const (
	Lowest  Extreme = "MIN"
	Highest Extreme = "MAX"
)

// ZPopped are members with scores and the set they came from.
type ZPopped struct {
	Key     string
	Members []Z
}

func zpopped(v resp.Value) (p ZPopped, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return p, err
	}
	p.Key = next(&c, Text, &err)
	p.Members = next(&c, zs, &err)
	return p, err
}

// ZMPop removes and returns up to n members of the first set that has any, one
// if n is 0; [ErrNil] if none has. Redis 7.0.
//
// See https://redis.io/commands/zmpop.
func ZMPop(from Extreme, n int64, keys ...string) Cmd[ZPopped] {
	w := words{args: few()}
	w = w.keys(keys)
	w = w.str(string(from))
	w = w.count("COUNT", n)
	return write(zpopped, "ZMPOP", w.args...).check(w.bad)
}

// BZMPop is [ZMPop] that waits for a member for wait at most, zero for ever.
// Redis 7.0.
//
// See https://redis.io/commands/bzmpop.
func BZMPop(wait time.Duration, from Extreme, n int64, keys ...string) Cmd[ZPopped] {
	w := words{args: append(few(), blockSeconds(wait))}
	w = w.keys(keys)
	w = w.str(string(from))
	w = w.count("COUNT", n)
	return write(zpopped, "BZMPOP", w.args...).check(w.bad).blockFor(wait)
}

// ZRandMember returns a random member, or [ErrNil].
//
// See https://redis.io/commands/zrandmember.
func ZRandMember(key string) Cmd[string] { return read(Text, "ZRANDMEMBER", resp.String(key)) }

// ZRandMembers returns n different random members, or -n that may repeat if n is
// negative.
//
// See https://redis.io/commands/zrandmember.
func ZRandMembers(key string, n int64) Cmd[[]string] {
	return read(Texts, "ZRANDMEMBER", resp.String(key), resp.Int(n))
}

// ZRandMembersWithScores is [ZRandMembers] with the scores.
//
// See https://redis.io/commands/zrandmember.
func ZRandMembersWithScores(key string, n int64) Cmd[[]Z] {
	return read(zs, "ZRANDMEMBER", resp.String(key), resp.Int(n), resp.String("WITHSCORES"))
}
