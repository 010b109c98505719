package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// FieldTTL is what happened to the time to live of one field of a hash.
type FieldTTL int64

// The outcomes of [HExpire] and its relatives.
const (
	FieldMissing   FieldTTL = -2 // no such field, or no such key
	FieldNoTTL     FieldTTL = -1 // HPersist: it had none
	FieldUnchanged FieldTTL = 0  // the condition did not hold
	FieldSet       FieldTTL = 1  // set, or removed by HPersist
	FieldDeleted   FieldTTL = 2  // the time had passed
)

func fieldTTLs(v resp.Value) ([]FieldTTL, error) {
	return list(v, func(v resp.Value) (FieldTTL, error) {
		n, err := Int(v)
		return FieldTTL(n), err
	})
}

// fields appends FIELDS, their number and the names.
func (w words) fields(names []string) words {
	if len(names) == 0 {
		w = w.fail(noFields)
	}
	w = w.str("FIELDS")
	w = w.int(int64(len(names)))
	w = w.str(names...)
	return w
}

// HExpire lets fields expire after d, under condition c if it is not empty, and
// says of each in its order what happened. d is at least a millisecond, rounded up
// to whole ones. Redis 7.4, Valkey 9.
//
// See https://redis.io/commands/hpexpire.
func HExpire(key string, d time.Duration, c ExpireCondition, fields ...string) Cmd[[]FieldTTL] {
	w := words{args: few()}
	w = w.str(key)
	w = w.ms(d)
	w = w.flag(c != "", string(c))
	w = w.fields(fields)
	return write(fieldTTLs, "HPEXPIRE", w.args...).check(w.bad)
}

// HExpireAt lets fields expire at t, to the millisecond, under condition c if it
// is not empty, and says of each in its order what happened. A time that has
// passed deletes them. Redis 7.4, Valkey 9.
//
// See https://redis.io/commands/hpexpireat.
func HExpireAt(key string, t time.Time, c ExpireCondition, fields ...string) Cmd[[]FieldTTL] {
	w := words{args: few()}
	w = w.str(key)
	w = w.int(t.UnixMilli())
	w = w.flag(c != "", string(c))
	w = w.fields(fields)
	return write(fieldTTLs, "HPEXPIREAT", w.args...).check(w.bad)
}

// HTTL returns how long fields have to live: [NoExpiry] if for ever, empty if
// there is no such field. Redis 7.4, Valkey 9.
//
// See https://redis.io/commands/hpttl.
func HTTL(key string, fields ...string) Cmd[[]Opt[time.Duration]] {
	w := words{args: few()}
	w = w.str(key)
	w = w.fields(fields)
	return read(optMillis, "HPTTL", w.args...).check(w.bad)
}

// HExpireTime returns when fields expire: the zero time if never, empty if there
// is no such field. Redis 7.4, Valkey 9.
//
// See https://redis.io/commands/hpexpiretime.
func HExpireTime(key string, fields ...string) Cmd[[]Opt[time.Time]] {
	w := words{args: few()}
	w = w.str(key)
	w = w.fields(fields)
	return read(optTimes, "HPEXPIRETIME", w.args...).check(w.bad)
}

func optMillis(v resp.Value) ([]Opt[time.Duration], error) { return list(v, OptOf(Millis)) }
func optTimes(v resp.Value) ([]Opt[time.Time], error)      { return list(v, OptOf(UnixMillis)) }

// HPersist removes the time to live of fields and says of each in its order what
// happened. Redis 7.4, Valkey 9.
//
// See https://redis.io/commands/hpersist.
func HPersist(key string, fields ...string) Cmd[[]FieldTTL] {
	w := words{args: few()}
	w = w.str(key)
	w = w.fields(fields)
	return write(fieldTTLs, "HPERSIST", w.args...).check(w.bad)
}

// HGetEx returns the values of fields in their order and changes their time to
// live. It writes, so a replica refuses it. Redis 8.0, Valkey 9.
//
// See https://redis.io/commands/hgetex.
func HGetEx(key string, o ExpireOptions, fields ...string) Cmd[[]Opt[string]] {
	w := words{args: few()}
	w = w.str(key)
	w = o.add(w)
	w = w.fields(fields)
	return write(OptTexts, "HGETEX", w.args...).check(w.bad)
}

// HGetDel returns the values of fields in their order and deletes them. Redis 8.0,
// Valkey 9.1.
//
// See https://redis.io/commands/hgetdel.
func HGetDel(key string, fields ...string) Cmd[[]Opt[string]] {
	w := words{args: few()}
	w = w.str(key)
	w = w.fields(fields)
	return write(OptTexts, "HGETDEL", w.args...).check(w.bad)
}

// HSetExOptions are options of [HSetEx]. The zero value sets fields that do not
// expire. Set at most one of TTL, At and KeepTTL.
type HSetExOptions struct {
	TTL     time.Duration // at least a millisecond, rounded up; zero sets none
	At      time.Time     // when they expire, to the millisecond; the zero time sets none
	KeepTTL bool          // keep the time to live that the fields have
	If      HashCondition // set them only then
	IfKey   Condition     // and only if the key exists, or does not. Valkey 9.1
}

// HashCondition says when [HSetEx] sets fields.
type HashCondition string

// The conditions of [HSetEx].
const (
	IfNoField  HashCondition = "FNX" // none of the fields exists
	IfAllField HashCondition = "FXX" // all of them exist
)

// HSetEx sets fields to values, given in turn, with a time to live, and reports
// whether it has. Redis 8.0, Valkey 9.
//
// See https://redis.io/commands/hsetex.
func HSetEx(key string, o HSetExOptions, pairs ...string) Cmd[bool] {
	w := words{args: few()}
	w = w.str(key)
	w = o.IfKey.add(w)
	w = w.flag(o.If != "", string(o.If))
	w = w.oneLife(o.TTL, o.At, o.KeepTTL)
	w = w.ttl("PX", o.TTL)
	w = w.at("PXAT", o.At)
	w = w.flag(o.KeepTTL, "KEEPTTL")
	w = w.str("FIELDS")
	w = w.int(int64(len(pairs) / 2))
	w = w.pairs(pairs)
	return write(Bool, "HSETEX", w.args...).check(w.bad)
}
