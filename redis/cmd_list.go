package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// End is an end of a list.
type End string

// The ends of a list. Left is index 0.
const (
	Left  End = "LEFT"
	Right End = "RIGHT"
)

// LPush puts values before the first element, the last of them first, and
// returns the new length.
//
// See https://redis.io/commands/lpush.
func LPush[V Blob](key string, values ...V) Cmd[int64] {
	return write(Int, "LPUSH", blobs(append(few(), resp.String(key)), values)...).check(some(len(values), noValues))
}

// LPushX is [LPush] to a list that exists; otherwise it returns 0.
//
// See https://redis.io/commands/lpushx.
func LPushX[V Blob](key string, values ...V) Cmd[int64] {
	return write(Int, "LPUSHX", blobs(append(few(), resp.String(key)), values)...).check(some(len(values), noValues))
}

// RPush puts values after the last element and returns the new length.
//
// See https://redis.io/commands/rpush.
func RPush[V Blob](key string, values ...V) Cmd[int64] {
	return write(Int, "RPUSH", blobs(append(few(), resp.String(key)), values)...).check(some(len(values), noValues))
}

// RPushX is [RPush] to a list that exists; otherwise it returns 0.
//
// See https://redis.io/commands/rpushx.
func RPushX[V Blob](key string, values ...V) Cmd[int64] {
	return write(Int, "RPUSHX", blobs(append(few(), resp.String(key)), values)...).check(some(len(values), noValues))
}

// LPop removes and returns the first element, or [ErrNil].
//
// See https://redis.io/commands/lpop.
func LPop(key string) Cmd[string] { return write(Text, "LPOP", resp.String(key)) }

// LPopN removes and returns up to n first elements; none if there is no list.
//
// See https://redis.io/commands/lpop.
func LPopN(key string, n int64) Cmd[[]string] {
	return write(textsOrNone, "LPOP", resp.String(key), resp.Int(n)).check(notNegative(n))
}

// textsOrNone takes a null for an empty list.
func textsOrNone(v resp.Value) ([]string, error) { return orZero(Texts(v)) }

// RPop removes and returns the last element, or [ErrNil].
//
// See https://redis.io/commands/rpop.
func RPop(key string) Cmd[string] { return write(Text, "RPOP", resp.String(key)) }

// RPopN removes and returns up to n last elements, the last first; none if there
// is no list.
//
// See https://redis.io/commands/rpop.
func RPopN(key string, n int64) Cmd[[]string] {
	return write(textsOrNone, "RPOP", resp.String(key), resp.Int(n)).check(notNegative(n))
}

// LRange returns elements start to stop, both inclusive, negative ones from the
// end.
//
// See https://redis.io/commands/lrange.
func LRange(key string, start, stop int64) Cmd[[]string] {
	return read(Texts, "LRANGE", resp.String(key), resp.Int(start), resp.Int(stop))
}

// LLen returns the number of elements.
//
// See https://redis.io/commands/llen.
func LLen(key string) Cmd[int64] { return read(Int, "LLEN", resp.String(key)) }

// LIndex returns element i, a negative one from the end, or [ErrNil].
//
// See https://redis.io/commands/lindex.
func LIndex(key string, i int64) Cmd[string] {
	return read(Text, "LINDEX", resp.String(key), resp.Int(i))
}

// LSet replaces element i. An index out of range is an error.
//
// See https://redis.io/commands/lset.
func LSet[V Blob](key string, i int64, value V) Status {
	return status("LSET", resp.String(key), resp.Int(i), blob(value))
}

// LInsertBefore inserts value before the first element equal to pivot and returns
// the new length; -1 if there is no pivot, 0 if there is no list.
//
// See https://redis.io/commands/linsert.
func LInsertBefore[V Blob](key, pivot string, value V) Cmd[int64] {
	return write(Int, "LINSERT", resp.String(key), resp.String("BEFORE"), resp.String(pivot), blob(value))
}

// LInsertAfter is [LInsertBefore] on the other side.
//
// See https://redis.io/commands/linsert.
func LInsertAfter[V Blob](key, pivot string, value V) Cmd[int64] {
	return write(Int, "LINSERT", resp.String(key), resp.String("AFTER"), resp.String(pivot), blob(value))
}

// LRem removes elements equal to value and returns how many: the first n, the
// last -n if n is negative, all if it is 0.
//
// See https://redis.io/commands/lrem.
func LRem[V Blob](key string, n int64, value V) Cmd[int64] {
	return write(Int, "LREM", resp.String(key), resp.Int(n), blob(value))
}

// LTrim keeps elements start to stop, both inclusive, and removes the rest.
//
// See https://redis.io/commands/ltrim.
func LTrim(key string, start, stop int64) Status {
	return status("LTRIM", resp.String(key), resp.Int(start), resp.Int(stop))
}

// LPosOptions are options of [LPos] and [LPosN].
type LPosOptions struct {
	Rank   int64 // which match comes first: 2 is the second, -1 the last; zero is the first
	MaxLen int64 // how many elements to look at; zero is all
}

func (o LPosOptions) add(w words) words {
	if o.Rank != 0 {
		w = w.str("RANK")
		w = w.int(o.Rank)
	}
	w = w.count("MAXLEN", o.MaxLen)
	return w
}

// LPos returns the index of the first element equal to value, or [ErrNil].
//
// See https://redis.io/commands/lpos.
func LPos(key, value string, o LPosOptions) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key, value)
	w = o.add(w)
	return read(Int, "LPOS", w.args...).check(w.bad)
}

// LPosN returns the indexes of up to n elements equal to value, of all if n is 0.
//
// See https://redis.io/commands/lpos.
func LPosN(key, value string, n int64, o LPosOptions) Cmd[[]int64] {
	w := words{args: few()}
	w = w.str(key, value)
	w = o.add(w)
	w = w.str("COUNT")
	w = w.int(n)
	return read(Ints, "LPOS", w.args...).check(w.bad)
}

// LMove moves an element from an end of one list to an end of another, or of the
// same, and returns it; [ErrNil] if there is none.
//
// See https://redis.io/commands/lmove.
func LMove(key, to string, from, at End) Cmd[string] {
	return write(Text, "LMOVE", resp.String(key), resp.String(to),
		resp.String(string(from)), resp.String(string(at)))
}

// Moving says how many elements [LMoveM] and [BLMoveM] move, and in which order
// they arrive. The zero value moves one.
type Moving struct {
	Count   int64 // up to so many; zero is one
	Exactly bool  // Count elements, or none if there are not so many
	Bulk    bool  // as a block, in their order; not set, one by one
}

func (m Moving) add(w words) words {
	if m.Count == 0 {
		m.Count = 1
	}
	word, order := "COUNT", "OBO"
	if m.Exactly {
		word = "EXACTLY"
	}
	if m.Bulk {
		order = "BULK"
	}
	w = w.count(word, m.Count)
	w = w.str(order)
	return w
}

// LMoveM moves elements from an end of one list to an end of another, or of the
// same, and returns them as they lie there; none if there are none, or fewer than
// exactly those asked for. Redis 8.10.
//
// See https://redis.io/commands/lmovem.
func LMoveM(key, to string, from, at End, m Moving) Cmd[[]string] {
	w := words{args: few()}
	w = w.str(key, to, string(from), string(at))
	w = m.add(w)
	return write(textsOrNone, "LMOVEM", w.args...).check(w.bad)
}

// Popped are elements and the list they came from.
type Popped struct {
	Key    string
	Values []string
}

// LMPop removes and returns up to n elements of the first list that has any, one
// if n is 0; [ErrNil] if none has. Redis 7.0.
//
// See https://redis.io/commands/lmpop.
func LMPop(from End, n int64, keys ...string) Cmd[Popped] {
	w := words{args: few()}
	w = w.keys(keys)
	w = w.str(string(from))
	w = w.count("COUNT", n)
	return write(popped, "LMPOP", w.args...).check(w.bad)
}

func popped(v resp.Value) (p Popped, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return p, err
	}
	p.Key = next(&c, Text, &err)
	p.Values = next(&c, Texts, &err)
	return p, err
}

// Pop is an element and the list it came from.
type Pop struct{ Key, Value string }

func pop(v resp.Value) (p Pop, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return p, err
	}
	p.Key = next(&c, Text, &err)
	p.Value = next(&c, Text, &err)
	return p, err
}

// BLPop removes and returns the first element of the first list that has any. If
// none has, it waits for wait at most, zero for ever; then it returns [ErrNil].
//
// See https://redis.io/commands/blpop.
func BLPop(wait time.Duration, keys ...string) Cmd[Pop] {
	return bpop("BLPOP", wait, keys).check(some(len(keys), noKeys))
}

// BRPop is [BLPop] with the last element.
//
// See https://redis.io/commands/brpop.
func BRPop(wait time.Duration, keys ...string) Cmd[Pop] {
	return bpop("BRPOP", wait, keys).check(some(len(keys), noKeys))
}

func bpop(name string, wait time.Duration, keys []string) Cmd[Pop] {
	a := append(addStrs(few(), keys), blockSeconds(wait))
	return write(pop, name, a...).blockFor(wait)
}

// BLMove is [LMove] that waits for an element for wait at most, zero for ever.
//
// See https://redis.io/commands/blmove.
func BLMove(wait time.Duration, key, to string, from, at End) Cmd[string] {
	return write(Text, "BLMOVE", resp.String(key), resp.String(to),
		resp.String(string(from)), resp.String(string(at)), blockSeconds(wait)).blockFor(wait)
}

// BLMoveM is [LMoveM] that waits for the elements for wait at most, zero for ever.
// Redis 8.10.
//
// See https://redis.io/commands/blmovem.
func BLMoveM(wait time.Duration, key, to string, from, at End, m Moving) Cmd[[]string] {
	w := words{args: few()}
	w = w.str(key, to, string(from), string(at))
	w.args = append(w.args, blockSeconds(wait))
	w = m.add(w)
	return write(textsOrNone, "BLMOVEM", w.args...).check(w.bad).blockFor(wait)
}

// BLMPop is [LMPop] that waits for an element for wait at most, zero for ever.
// Redis 7.0.
//
// See https://redis.io/commands/blmpop.
func BLMPop(wait time.Duration, from End, n int64, keys ...string) Cmd[Popped] {
	w := words{args: append(few(), blockSeconds(wait))}
	w = w.keys(keys)
	w = w.str(string(from))
	w = w.count("COUNT", n)
	return write(popped, "BLMPOP", w.args...).check(w.bad).blockFor(wait)
}
