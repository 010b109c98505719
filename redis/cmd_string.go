package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Get returns the value of key, or [ErrNil]. See [GetBytes] for values that need not
// be strings, [GetInto] for large ones that a buffer can be used for again, and
// [GetTo] for those that need not be in memory as a whole.
//
// See https://redis.io/commands/get.
func Get(key string) (c Cmd[string]) {
	c.Decode = Text
	c.Command.Init("GET", resp.ReadOnly, resp.String(key)) // in place, as it is called so often
	return                                                 //nolint:nakedret // with c it is more than the compiler inlines
}

// GetBytes is [Get] for bytes.
//
// See https://redis.io/commands/get.
func GetBytes(key string) Cmd[[]byte] { return read(Bytes, "GET", resp.String(key)) }

// GetInto is [Get] into a buffer of the caller: the value is appended to
// dst[:len(dst)]. Nothing is allocated when it fits, and a value of more than 16 KiB
// is then read from the socket straight into the buffer. It is for large values
// that are read often: the string of a Get of 1 MiB is a fresh megabyte each time,
// which the collector must clear away. See [Into].
//
// See https://redis.io/commands/get.
func GetInto(key string, dst []byte) Buffered { return Into(Get(key), dst) }

// Set sets key to value, bytes or a number, and removes its time to live. Another
// type is set by [SetAs]; a condition or a time to live by [SetWith].
//
// See https://redis.io/commands/set.
func Set[V Blob](key string, value V) (s Status) {
	s.Command.Init("SET", 0, resp.String(key), blob(value))
	return s
}

// Condition says when a value is set. It is written as Redis takes it.
type Condition string

// The conditions without a value.
const (
	IfAbsent  Condition = "NX" // the key does not exist
	IfPresent Condition = "XX" // the key exists
)

// IfEqual is the condition that the key holds value. Redis 8.4, Valkey 8.1.
func IfEqual(value string) Condition { return Condition("IFEQ " + value) }

// IfNotEqual is the condition that the key holds another value, or does not
// exist. Redis 8.4.
func IfNotEqual(value string) Condition { return Condition("IFNE " + value) }

// IfDigest is the condition that the value of the key has this [Digest]. What is not
// 16 hexadecimal digits is an [ArgError]. Redis 8.4.
func IfDigest(digest string) Condition { return Condition("IFDEQ " + digest) }

// IfNotDigest is the condition that the value of the key has another [Digest], or
// the key does not exist. Redis 8.4.
func IfNotDigest(digest string) Condition { return Condition("IFDNE " + digest) }

func (c Condition) add(w words) words {
	word, value, ok := strings.Cut(string(c), " ")
	w = w.flag(word != "", word)
	if ok {
		w = w.str(value)
	}
	if strings.HasPrefix(word, "IFD") && !isDigest(value) {
		w = w.fail(badDigest)
	}
	return w
}

// isDigest reports whether s is what DIGEST answers. Redis 8.4 to 8.6 answer anything
// of another length twice, which shifts the replies of everybody on the connection.
func isDigest(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return len(s) == digestLen
}

// digestLen is the length of what DIGEST answers.
const digestLen = 16

// checkDigest finds a bad digest in the arguments of a command that is made by name.
func checkDigest(c *resp.Command) reason {
	var i int
	switch strings.ToUpper(c.Name()) {
	case "SET":
		i = 2
	case "DELEX":
		i = 1
	case "MSETEX":
		if c.NArgs() == 0 {
			return fine
		}
		n, err := strconv.Atoi(c.Arg(0).String())
		if err != nil || n < 0 || n > c.NArgs() {
			return fine // the server refuses it
		}
		i = 1 + 2*n
	default:
		return fine
	}
	for ; i < c.NArgs(); i++ {
		switch strings.ToUpper(c.Arg(i).String()) {
		case "IFEQ", "IFNE":
			i++ // a value, which may be any word
		case "IFDEQ", "IFDNE":
			if i++; i >= c.NArgs() || !isDigest(c.Arg(i).String()) {
				return badDigest
			}
		}
	}
	return fine
}

// SetOptions are options of [SetWith], [SetGet] and [MSetEx]. The zero value is a
// plain SET. Set at most one of TTL, At and KeepTTL: two are an [ArgError].
type SetOptions struct {
	TTL     time.Duration // at least a millisecond, rounded up; zero sets none
	At      time.Time     // when it expires, to the millisecond; the zero time sets none
	KeepTTL bool          // keep the time to live that the key has
	If      Condition     // set it only then
}

func (o SetOptions) add(w words) words {
	w = w.oneLife(o.TTL, o.At, o.KeepTTL)
	w = w.ttl("PX", o.TTL)
	w = w.at("PXAT", o.At)
	w = w.flag(o.KeepTTL, "KEEPTTL")
	w = o.If.add(w)
	return w
}

// SetWith sets key to value and reports whether it has: false if the condition
// did not hold.
//
// See https://redis.io/commands/set.
func SetWith[V Blob](key string, value V, o SetOptions) Cmd[bool] {
	w := words{args: append(few(), resp.String(key), blob(value))}
	w = o.add(w)
	return write(applied, "SET", w.args...).check(w.bad)
}

// SetNX sets key to value if it does not exist, and reports whether it has. With a time
// to live it is [SetWith] and [IfAbsent].
//
// See https://redis.io/commands/set.
func SetNX[V Blob](key string, value V) Cmd[bool] {
	return write(applied, "SET", resp.String(key), blob(value), resp.String("NX"))
}

// SetEx sets key to value with a time to live. See [SetWith] for more.
//
// See https://redis.io/commands/set.
func SetEx[V Blob](key string, value V, ttl time.Duration) Status {
	return status("SET", resp.String(key), blob(value), resp.String("PX"), ceilMillis(ttl)).check(checkTTL(ttl))
}

// SetGet sets key to value and returns the value of before, or [ErrNil] if there
// was none. It returns the same whether or not a condition held: with [IfAbsent]
// (since Redis 7.0) ErrNil means that it was set, a value that it was not. It
// returns [ErrWrongType], and sets nothing, if key holds no string.
//
// See https://redis.io/commands/set.
func SetGet[V Blob](key string, value V, o SetOptions) Cmd[string] {
	w := words{args: append(few(), resp.String(key), blob(value))}
	w = o.add(w)
	w = w.str("GET")
	return write(Text, "SET", w.args...).check(w.bad)
}

// ExpireOptions set, change or remove a time to live. The zero value leaves it.
type ExpireOptions struct {
	TTL     time.Duration // at least a millisecond, rounded up; zero leaves it
	At      time.Time     // when it expires, to the millisecond; the zero time leaves it
	Persist bool          // remove the time to live
}

func (o ExpireOptions) add(w words) words {
	w = w.oneLife(o.TTL, o.At, o.Persist)
	w = w.ttl("PX", o.TTL)
	w = w.at("PXAT", o.At)
	w = w.flag(o.Persist, "PERSIST")
	return w
}

// GetEx returns the value of key and changes its time to live. It writes, so a
// replica refuses it. A missing key is [ErrNil].
//
// See https://redis.io/commands/getex.
func GetEx(key string, o ExpireOptions) Cmd[string] {
	w := words{args: append(few(), resp.String(key))}
	w = o.add(w)
	return write(Text, "GETEX", w.args...).check(w.bad)
}

// GetDel returns the value of key, or [ErrNil], and deletes it.
//
// See https://redis.io/commands/getdel.
func GetDel(key string) Cmd[string] { return write(Text, "GETDEL", resp.String(key)) }

// Number is what counters count in.
type Number interface{ int64 | float64 }

// Increment is the reply of [IncrEx] and [IncrExFloat].
type Increment[N Number] struct {
	Value   N // of the key now
	Applied N // what was added; 0 if a bound forbade it
}

// IncrExOptions are options of [IncrEx] and [IncrExFloat]. The zero value only
// adds.
type IncrExOptions[N Number] struct {
	Min, Max   Opt[N]        // bounds of the sum; missing are those of the type
	Saturate   bool          // stop at a bound instead of adding nothing
	Expire     ExpireOptions // the time to live to set or remove; the zero value leaves it
	ExpireOnce bool          // set it only if the key has none
}

// IncrEx adds n to the integer at key within bounds, sets its time to live, and
// returns the sum and what was added. With Max, Expire.TTL and ExpireOnce it is a
// rate limiter: Applied is 0 when the window is full. A missing key is 0. Redis
// 8.8, Valkey 9.2, which answers the sum alone: Applied is then n.
//
// See https://redis.io/commands/increx.
func IncrEx(key string, n int64, o IncrExOptions[int64]) Cmd[Increment[int64]] {
	w := words{args: append(few(), resp.String(key), resp.String("BYINT"), resp.Int(n))}
	w = o.add(w, words.int)
	return write(increment(Int, n), "INCREX", w.args...).check(w.bad)
}

// IncrExFloat is [IncrEx] with a number.
//
// See https://redis.io/commands/increx.
func IncrExFloat(key string, f float64, o IncrExOptions[float64]) Cmd[Increment[float64]] {
	w := words{args: append(few(), resp.String(key), resp.String("BYFLOAT"))}
	w = w.float(f)
	w = o.add(w, words.float)
	return write(increment(Float, f), "INCREX", w.args...).check(w.bad)
}

func (o IncrExOptions[N]) add(w words, number func(words, N) words) words {
	if o.Min.OK {
		w = number(w.str("LBOUND"), o.Min.Value)
	}
	if o.Max.OK {
		w = number(w.str("UBOUND"), o.Max.Value)
	}
	w = w.flag(o.Saturate, "SATURATE")
	w = o.Expire.add(w)
	w = w.flag(o.ExpireOnce, "ENX")
	return w
}

func increment[N Number](number Decoder[N], asked N) Decoder[Increment[N]] {
	return func(v resp.Value) (i Increment[N], err error) {
		if v.Kind() != resp.KindArray {
			i.Value, err = number(v)
			i.Applied = asked
			return i, err
		}
		c, err := tuple(v, 2)
		if err != nil {
			return i, err
		}
		i.Value = next(&c, number, &err)
		i.Applied = next(&c, number, &err)
		return i, err
	}
}

// GetRange returns bytes start to end of the value, both inclusive, negative
// ones from its end; an empty string if there are none.
//
// See https://redis.io/commands/getrange.
func GetRange(key string, start, end int64) Cmd[string] {
	return read(Text, "GETRANGE", resp.String(key), resp.Int(start), resp.Int(end))
}

// SetRange overwrites the value from offset, filling up with zero bytes, and
// returns its new length in bytes. A negative offset, or more than 512 MiB, is an
// error reply.
//
// See https://redis.io/commands/setrange.
func SetRange[V Blob](key string, offset int64, value V) Cmd[int64] {
	return write(Int, "SETRANGE", resp.String(key), resp.Int(offset), blob(value))
}

// Append appends value to that of key and returns the new length in bytes.
//
// See https://redis.io/commands/append.
func Append[V Blob](key string, value V) Cmd[int64] {
	return write(Int, "APPEND", resp.String(key), blob(value))
}

// StrLen returns the length of the value in bytes; 0 if key does not exist.
//
// See https://redis.io/commands/strlen.
func StrLen(key string) Cmd[int64] { return read(Int, "STRLEN", resp.String(key)) }

// Incr adds 1 to the integer at key and returns the sum. A missing key is 0; a
// value that is no integer, or a sum beyond 64 bits, is an error reply.
//
// See https://redis.io/commands/incr.
func Incr(key string) Cmd[int64] { return write(Int, "INCR", resp.String(key)) }

// IncrBy adds n to the integer at key and returns the sum. See [Incr].
//
// See https://redis.io/commands/incrby.
func IncrBy(key string, n int64) Cmd[int64] {
	return write(Int, "INCRBY", resp.String(key), resp.Int(n))
}

// IncrByFloat adds f to the number at key and returns the sum. A missing key is 0.
//
// See https://redis.io/commands/incrbyfloat.
func IncrByFloat(key string, f float64) Cmd[float64] {
	return write(Float, "INCRBYFLOAT", resp.String(key), resp.Float(f))
}

// Decr subtracts 1 from the integer at key and returns the difference. See [Incr].
//
// See https://redis.io/commands/decr.
func Decr(key string) Cmd[int64] { return write(Int, "DECR", resp.String(key)) }

// DecrBy subtracts n from the integer at key and returns the difference. See [Incr].
//
// See https://redis.io/commands/decrby.
func DecrBy(key string, n int64) Cmd[int64] {
	return write(Int, "DECRBY", resp.String(key), resp.Int(n))
}

// MGet returns the values of keys in their order.
//
// See https://redis.io/commands/mget.
func MGet(keys ...string) Cmd[[]Opt[string]] {
	return read(OptTexts, "MGET", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// MSet sets keys to values, given in turn: MSet("a", "text", "b", redis.Str(2)).
//
// See https://redis.io/commands/mset.
func MSet(pairs ...string) Status {
	w := words{args: few()}
	w = w.pairs(pairs)
	return status("MSET", w.args...).check(w.bad)
}

// MSetMap is [MSet] with the keys and values of a map.
//
// See https://redis.io/commands/mset.
func MSetMap[V Blob](values map[string]V) Status {
	a := few()
	for k, v := range values {
		a = append(a, resp.String(k), blob(v))
	}
	return status("MSET", a...).check(some(len(values), noKeys))
}

// MSetNX sets keys to values, given in turn, if none of the keys exists, and
// reports whether it has.
//
// See https://redis.io/commands/msetnx.
func MSetNX(pairs ...string) Cmd[bool] {
	w := words{args: few()}
	w = w.pairs(pairs)
	return write(Bool, "MSETNX", w.args...).check(w.bad)
}

// MSetEx sets keys to values, given in turn, with one time to live for all, and
// reports whether it has. Of the conditions it knows [IfAbsent] (none of the keys
// exists) and [IfPresent] (all do). Redis 8.4, Valkey 9.1.
//
// See https://redis.io/commands/msetex.
func MSetEx(o SetOptions, pairs ...string) Cmd[bool] {
	w := words{args: append(few(), resp.Int(int64(len(pairs)/2)))}
	w = w.pairs(pairs)
	w = o.If.add(w)
	w = w.oneLife(o.TTL, o.At, o.KeepTTL)
	w = w.ttl("PX", o.TTL)
	w = w.at("PXAT", o.At)
	w = w.flag(o.KeepTTL, "KEEPTTL")
	return write(Bool, "MSETEX", w.args...).check(w.bad)
}

// DelIf deletes key if the condition on its value holds: [IfEqual], [IfNotEqual],
// [IfDigest] or [IfNotDigest]; without one, always. It reports whether it has.
// Redis 8.4.
//
// See https://redis.io/commands/delex.
func DelIf(key string, c Condition) Cmd[bool] {
	w := words{args: append(few(), resp.String(key))}
	w = c.add(w)
	return write(Bool, "DELEX", w.args...).check(w.bad)
}

// DelIfEq deletes key if it holds value, and reports whether it has. Valkey 9.
//
// See https://valkey.io/commands/delifeq.
func DelIfEq(key, value string) Cmd[bool] {
	return write(Bool, "DELIFEQ", resp.String(key), resp.String(value))
}

// Digest returns a hash of the value of key, in hexadecimal, or [ErrNil]. Redis 8.4.
//
// See https://redis.io/commands/digest.
func Digest(key string) Cmd[string] { return read(Text, "DIGEST", resp.String(key)) }
