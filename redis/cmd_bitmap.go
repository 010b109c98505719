package redis

import (
	"strconv"

	"github.com/kermes-redis/kermes/resp"
)

// GetBit returns the bit at offset; not set after the end of the value.
//
// See https://redis.io/commands/getbit.
func GetBit(key string, offset int64) Cmd[bool] {
	return read(Bool, "GETBIT", resp.String(key), resp.Int(offset))
}

// SetBit sets the bit at offset and returns what it was. The value grows as far as
// it must; an offset of 2^32 or more is an error reply.
//
// See https://redis.io/commands/setbit.
func SetBit(key string, offset int64, bit bool) Cmd[bool] {
	return write(Bool, "SETBIT", resp.String(key), resp.Int(offset), bitArg(bit))
}

func bitArg(bit bool) resp.Arg {
	if bit {
		return resp.Int(1)
	}
	return resp.Int(0)
}

// BitRange is a part of a value: from Start to End, both inclusive, negative ones
// from the end. The zero value is all of it.
type BitRange struct {
	Start int64
	End   Opt[int64] // missing is the end of the value
	Bits  bool       // Start and End count bits, not bytes. Redis 7.0
}

func (w words) bitRange(r BitRange) words {
	if r == (BitRange{}) {
		return w
	}
	w = w.int(r.Start)
	w = w.int(r.End.Or(-1))
	w = w.flag(r.Bits, "BIT")
	return w
}

// BitCount returns how many bits are set.
//
// See https://redis.io/commands/bitcount.
func BitCount(key string, r BitRange) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key)
	w = w.bitRange(r)
	return read(Int, "BITCOUNT", w.args...)
}

// BitPos returns the offset of the first bit of that kind, or -1. A clear bit is
// found after the value too, unless r has an End.
//
// See https://redis.io/commands/bitpos.
func BitPos(key string, bit bool, r BitRange) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key)
	w.args = append(w.args, bitArg(bit))
	if r.End.OK || r.Bits {
		w = w.bitRange(r)
	} else if r.Start != 0 {
		w = w.int(r.Start)
	}
	return read(Int, "BITPOS", w.args...)
}

// BitOperation combines values bit by bit.
type BitOperation string

// The operations of [BitOp].
const (
	BitAnd   BitOperation = "AND"
	BitOr    BitOperation = "OR"
	BitXor   BitOperation = "XOR"
	BitNot   BitOperation = "NOT"   // of one key
	BitDiff  BitOperation = "DIFF"  // in the first and in none of the others. Redis 8.2
	BitDiff1 BitOperation = "DIFF1" // in any of the others and not in the first. Redis 8.2
	BitAndOr BitOperation = "ANDOR" // in the first and in any of the others. Redis 8.2
	BitOne   BitOperation = "ONE"   // in exactly one. Redis 8.2
)

// BitOp stores the combination of keys at to and returns its length in bytes.
//
// See https://redis.io/commands/bitop.
func BitOp(op BitOperation, to string, keys ...string) Cmd[int64] {
	return write(Int, "BITOP", append([]resp.Arg{resp.String(string(op))}, strs(to, keys)...)...).check(some(len(keys), noKeys))
}

// BitType is the type of an integer in a [BitField]: "u8", "i16", at most "i64"
// and "u63".
type BitType string

// BitOverflow says what becomes of a sum that does not fit.
type BitOverflow string

// The ways to treat an overflow. The empty one is WrapAround.
const (
	WrapAround BitOverflow = "WRAP"
	Saturate   BitOverflow = "SAT"
	Refuse     BitOverflow = "FAIL" // the reply is empty
)

// BitStep is one operation of [BitField]. See [BitGet], [BitSet] and [BitIncr].
type BitStep struct {
	verb     string
	typ      BitType
	offset   string
	value    int64
	overflow BitOverflow
}

// BitGet reads the integer at a bit offset.
func BitGet(t BitType, offset int64) BitStep {
	return BitStep{verb: "GET", typ: t, offset: strconv.FormatInt(offset, 10)}
}

// BitSet sets the integer at a bit offset; its reply is what it was.
func BitSet(t BitType, offset, value int64) BitStep {
	return BitStep{verb: "SET", typ: t, offset: strconv.FormatInt(offset, 10), value: value}
}

// BitIncr adds n to the integer at a bit offset; its reply is the sum.
func BitIncr(t BitType, offset, n int64, o BitOverflow) BitStep {
	return BitStep{"INCRBY", t, strconv.FormatInt(offset, 10), n, o}
}

// Nth returns the step with its offset counted in integers of its type.
func (s BitStep) Nth() BitStep {
	s.offset = "#" + s.offset
	return s
}

// BitField runs steps on the integers in a value and returns a reply for each,
// empty where an overflow was refused.
//
// See https://redis.io/commands/bitfield.
func BitField(key string, steps ...BitStep) Cmd[[]Opt[int64]] {
	w := words{args: make([]resp.Arg, 0, 1+6*len(steps))}
	w = w.str(key)
	var overflow BitOverflow // OVERFLOW holds for the steps after it
	for _, s := range steps {
		if s.verb != "GET" && s.overflow != overflow {
			overflow = s.overflow
			w = w.str("OVERFLOW", string(orWrap(overflow)))
		}
		w = w.str(s.verb, string(s.typ), s.offset)
		if s.verb != "GET" {
			w = w.int(s.value)
		}
	}
	return write(OptInts, "BITFIELD", w.args...).check(some(len(steps), noSteps))
}

func orWrap(o BitOverflow) BitOverflow {
	if o == "" {
		return WrapAround
	}
	return o
}

// BitFieldRO is [BitField] with steps of [BitGet] only; it may run on a replica.
//
// See https://redis.io/commands/bitfield_ro.
func BitFieldRO(key string, steps ...BitStep) Cmd[[]int64] {
	w := words{args: few()}
	w = w.str(key)
	for _, s := range steps {
		if s.verb != "GET" {
			w = w.fail(stepWrites)
		}
		w = w.str(s.verb, string(s.typ), s.offset)
	}
	return read(Ints, "BITFIELD_RO", w.args...).check(w.bad).check(some(len(steps), noSteps))
}
