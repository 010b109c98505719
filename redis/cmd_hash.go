package redis

import (
	"github.com/kermes-redis/kermes/resp"
)

// HGet returns the value of field, or [ErrNil].
//
// See https://redis.io/commands/hget.
func HGet(key, field string) Cmd[string] {
	return read(Text, "HGET", resp.String(key), resp.String(field))
}

// HSet sets fields to values, given in turn, and returns how many fields are new. A
// number is made a string by [Str]. [HSetMap] takes a map, [HSetOne] a field and a
// value of any kind, and codec.HSet a struct.
//
// See https://redis.io/commands/hset.
func HSet(key string, pairs ...string) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key)
	w = w.pairs(pairs)
	return write(Int, "HSET", w.args...).check(w.bad)
}

// HSetOne sets one field to a value, bytes or a number, and reports whether the
// field is new.
//
// See https://redis.io/commands/hset.
func HSetOne[V Blob](key, field string, value V) Cmd[bool] {
	return write(Bool, "HSET", resp.String(key), resp.String(field), blob(value))
}

// HSetMap is [HSet] with the fields of a map, whose values are of one type.
//
// See https://redis.io/commands/hset.
func HSetMap[V Blob](key string, fields map[string]V) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key)
	for f, v := range fields {
		w.args = append(w.args, resp.String(f), blob(v))
	}
	if len(fields) == 0 {
		w = w.fail(noFields)
	}
	return write(Int, "HSET", w.args...).check(w.bad)
}

// HSetNX sets field if it does not exist and reports whether it has.
//
// See https://redis.io/commands/hsetnx.
func HSetNX[V Blob](key, field string, value V) Cmd[bool] {
	return write(Bool, "HSETNX", resp.String(key), resp.String(field), blob(value))
}

// HMGet returns the values of fields in their order.
//
// See https://redis.io/commands/hmget.
func HMGet(key string, fields ...string) Cmd[[]Opt[string]] {
	return read(OptTexts, "HMGET", strs(key, fields)...).check(some(len(fields), noFields))
}

// HGetAll returns all fields with their values; none if key does not exist.
//
// See https://redis.io/commands/hgetall.
func HGetAll(key string) Cmd[map[string]string] {
	return read(TextMap, "HGETALL", resp.String(key))
}

// HKeys returns all fields.
//
// See https://redis.io/commands/hkeys.
func HKeys(key string) Cmd[[]string] { return read(Texts, "HKEYS", resp.String(key)) }

// HVals returns all values.
//
// See https://redis.io/commands/hvals.
func HVals(key string) Cmd[[]string] { return read(Texts, "HVALS", resp.String(key)) }

// HLen returns the number of fields.
//
// See https://redis.io/commands/hlen.
func HLen(key string) Cmd[int64] { return read(Int, "HLEN", resp.String(key)) }

// HStrLen returns the length of the value of field in bytes; 0 if there is none.
//
// See https://redis.io/commands/hstrlen.
func HStrLen(key, field string) Cmd[int64] {
	return read(Int, "HSTRLEN", resp.String(key), resp.String(field))
}

// HExists reports whether field exists.
//
// See https://redis.io/commands/hexists.
func HExists(key, field string) Cmd[bool] {
	return read(Bool, "HEXISTS", resp.String(key), resp.String(field))
}

// HDel deletes fields and returns how many there were.
//
// See https://redis.io/commands/hdel.
func HDel(key string, fields ...string) Cmd[int64] {
	return write(Int, "HDEL", strs(key, fields)...).check(some(len(fields), noFields))
}

// HIncrBy adds n to the integer in field and returns the sum. A missing field is 0;
// a value that is no integer, or a sum beyond 64 bits, is an error reply.
//
// See https://redis.io/commands/hincrby.
func HIncrBy(key, field string, n int64) Cmd[int64] {
	return write(Int, "HINCRBY", resp.String(key), resp.String(field), resp.Int(n))
}

// HIncrByFloat adds f to the number in field and returns the sum. A missing field
// is 0.
//
// See https://redis.io/commands/hincrbyfloat.
func HIncrByFloat(key, field string, f float64) Cmd[float64] {
	return write(Float, "HINCRBYFLOAT", resp.String(key), resp.String(field), resp.Float(f))
}

// HRandField returns a random field, or [ErrNil] if key does not exist.
//
// See https://redis.io/commands/hrandfield.
func HRandField(key string) Cmd[string] { return read(Text, "HRANDFIELD", resp.String(key)) }

// HRandFields returns n different random fields, or -n fields that may repeat if
// n is negative.
//
// See https://redis.io/commands/hrandfield.
func HRandFields(key string, n int64) Cmd[[]string] {
	return read(Texts, "HRANDFIELD", resp.String(key), resp.Int(n))
}

// FieldValue is a field of a hash or of a stream entry.
type FieldValue struct{ Field, Value string }

// HRandFieldsWithValues is [HRandFields] with the values.
//
// See https://redis.io/commands/hrandfield.
func HRandFieldsWithValues(key string, n int64) Cmd[[]FieldValue] {
	return read(fieldValues, "HRANDFIELD", resp.String(key), resp.Int(n), resp.String("WITHVALUES"))
}

func fieldValues(v resp.Value) ([]FieldValue, error) {
	p, n, err := pairsOf(v)
	if err != nil {
		return nil, err
	}
	a := arena{left: len(v)}
	out := make([]FieldValue, 0, n)
	for p.next() {
		f, err := view(p.key)
		if err != nil {
			return nil, err
		}
		val, err := view(p.value)
		if err != nil {
			return nil, err
		}
		field := a.add(f)
		out = append(out, FieldValue{field, a.add(val)})
	}
	return out, p.err
}
