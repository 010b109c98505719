package redis

import "github.com/kermes-redis/kermes/resp"

// SAdd adds members and returns how many are new.
//
// See https://redis.io/commands/sadd.
func SAdd[V Blob](key string, members ...V) Cmd[int64] {
	return write(Int, "SADD", blobs(append(few(), resp.String(key)), members)...).check(some(len(members), noMembers))
}

// SRem removes members and returns how many there were.
//
// See https://redis.io/commands/srem.
func SRem[V Blob](key string, members ...V) Cmd[int64] {
	return write(Int, "SREM", blobs(append(few(), resp.String(key)), members)...).check(some(len(members), noMembers))
}

// SMembers returns all members, in no order.
//
// See https://redis.io/commands/smembers.
func SMembers(key string) Cmd[[]string] { return read(Texts, "SMEMBERS", resp.String(key)) }

// SCard returns the number of members.
//
// See https://redis.io/commands/scard.
func SCard(key string) Cmd[int64] { return read(Int, "SCARD", resp.String(key)) }

// SIsMember reports whether member is in the set.
//
// See https://redis.io/commands/sismember.
func SIsMember[V Blob](key string, member V) Cmd[bool] {
	return read(Bool, "SISMEMBER", resp.String(key), blob(member))
}

// SMIsMember reports of each member whether it is in the set.
//
// See https://redis.io/commands/smismember.
func SMIsMember(key string, members ...string) Cmd[[]bool] {
	return read(Bools, "SMISMEMBER", strs(key, members)...).check(some(len(members), noMembers))
}

// SMove moves member to another set and reports whether it was there.
//
// See https://redis.io/commands/smove.
func SMove[V Blob](key, to string, member V) Cmd[bool] {
	return write(Bool, "SMOVE", resp.String(key), resp.String(to), blob(member))
}

// SPop removes and returns a random member, or [ErrNil].
//
// See https://redis.io/commands/spop.
func SPop(key string) Cmd[string] { return write(Text, "SPOP", resp.String(key)) }

// SPopN removes and returns up to n random members.
//
// See https://redis.io/commands/spop.
func SPopN(key string, n int64) Cmd[[]string] {
	return write(Texts, "SPOP", resp.String(key), resp.Int(n)).check(notNegative(n))
}

// SRandMember returns a random member, or [ErrNil].
//
// See https://redis.io/commands/srandmember.
func SRandMember(key string) Cmd[string] { return read(Text, "SRANDMEMBER", resp.String(key)) }

// SRandMembers returns n different random members, or -n that may repeat if n is
// negative.
//
// See https://redis.io/commands/srandmember.
func SRandMembers(key string, n int64) Cmd[[]string] {
	return read(Texts, "SRANDMEMBER", resp.String(key), resp.Int(n))
}

// SDiff returns the members of the first set that are in none of the others.
//
// See https://redis.io/commands/sdiff.
func SDiff(keys ...string) Cmd[[]string] {
	return read(Texts, "SDIFF", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// SDiffStore stores [SDiff] at to and returns its size.
//
// See https://redis.io/commands/sdiffstore.
func SDiffStore(to string, keys ...string) Cmd[int64] {
	return write(Int, "SDIFFSTORE", strs(to, keys)...).check(some(len(keys), noKeys))
}

// SInter returns the members that are in all sets.
//
// See https://redis.io/commands/sinter.
func SInter(keys ...string) Cmd[[]string] {
	return read(Texts, "SINTER", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// SInterCard returns how many members are in all sets. It stops counting at limit
// unless that is 0. Redis 7.0.
//
// See https://redis.io/commands/sintercard.
func SInterCard(limit int64, keys ...string) Cmd[int64] {
	w := words{args: few()}
	w = w.keys(keys)
	w = w.count("LIMIT", limit)
	return read(Int, "SINTERCARD", w.args...).check(w.bad)
}

// SUnionCard returns how many members are in any of the sets. It stops counting at
// limit unless that is 0. With approx it estimates, off by 0.81 % in the mean, with
// far less work. Redis 8.10.
//
// See https://redis.io/commands/sunioncard.
func SUnionCard(limit int64, approx bool, keys ...string) Cmd[int64] {
	w := words{args: few()}
	w = w.keys(keys)
	w = w.flag(approx, "APPROX")
	w = w.count("LIMIT", limit)
	return read(Int, "SUNIONCARD", w.args...).check(w.bad)
}

// SDiffCard returns how many members of the first set are in none of the others.
// It stops counting at limit unless that is 0. Redis 8.10.
//
// See https://redis.io/commands/sdiffcard.
func SDiffCard(limit int64, keys ...string) Cmd[int64] {
	w := words{args: few()}
	w = w.keys(keys)
	w = w.count("LIMIT", limit)
	return read(Int, "SDIFFCARD", w.args...).check(w.bad)
}

// SInterStore stores [SInter] at to and returns its size.
//
// See https://redis.io/commands/sinterstore.
func SInterStore(to string, keys ...string) Cmd[int64] {
	return write(Int, "SINTERSTORE", strs(to, keys)...).check(some(len(keys), noKeys))
}

// SUnion returns the members that are in any of the sets.
//
// See https://redis.io/commands/sunion.
func SUnion(keys ...string) Cmd[[]string] {
	return read(Texts, "SUNION", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// SUnionStore stores [SUnion] at to and returns its size.
//
// See https://redis.io/commands/sunionstore.
func SUnionStore(to string, keys ...string) Cmd[int64] {
	return write(Int, "SUNIONSTORE", strs(to, keys)...).check(some(len(keys), noKeys))
}
