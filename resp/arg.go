package resp

import (
	"math"
	"strconv"
	"unsafe"
)

// Arg is one argument of a command. It is 16 bytes and refers to no heap memory
// of its own: numbers are kept as they are and formatted when the command is
// encoded. The zero Arg is the empty string. An Arg is safe for concurrent use
// as long as nobody changes the bytes it was made of.
type Arg struct {
	// p points to the bytes, of which there are n, or to one of tags: then n
	// holds the bits of a number.
	p *byte
	n uint64
}

// tags mark Args that hold a number. They are told apart by their addresses.
var tags [3]byte

const (
	tagInt = iota
	tagUint
	tagFloat
)

// maxNumber is how many bytes a number takes at most, as text.
const maxNumber = 32

// String returns an argument that consists of the bytes of s.
func String(s string) Arg { return Arg{unsafe.StringData(s), uint64(len(s))} }

// Bytes returns an argument that consists of the bytes of b. They are not
// copied: b must not change until the reply has come.
func Bytes(b []byte) Arg { return Arg{unsafe.SliceData(b), uint64(len(b))} }

// Int returns an argument that consists of the digits of n.
func Int(n int64) Arg { return Arg{&tags[tagInt], uint64(n)} }

// Uint returns an argument that consists of the digits of n.
func Uint(n uint64) Arg { return Arg{&tags[tagUint], n} }

// Float returns an argument that consists of the shortest text that f can be
// read back from, with an exponent only below 1e-6 and from 1e21; infinities are
// "inf" and "-inf", what is not a number is "nan".
func Float(f float64) Arg { return Arg{&tags[tagFloat], math.Float64bits(f)} }

// AppendTo appends the argument's bytes to dst, without the header of RESP.
func (a Arg) AppendTo(dst []byte) []byte {
	if a.isNumber() {
		return a.appendNumber(dst)
	}
	return append(dst, a.text()...)
}

// String returns a copy of the argument's bytes.
func (a Arg) String() string {
	if a.isNumber() {
		return string(a.appendNumber(nil))
	}
	return string(unsafe.Slice(a.p, a.n))
}

// size returns how many bytes the argument has at most.
func (a Arg) size() int {
	if a.isNumber() {
		return maxNumber
	}
	return int(a.n)
}

func (a Arg) isNumber() bool {
	return uintptr(unsafe.Pointer(a.p))-uintptr(unsafe.Pointer(&tags)) < uintptr(len(tags))
}

// rest returns the arguments beyond the inline ones. They are never written to in
// place, and have no room for more.
func (c *Command) rest() []Arg { return unsafe.Slice(c.more, c.extra) }

func (c *Command) setRest(args []Arg) {
	c.more, c.extra = unsafe.SliceData(args), uint32(len(args))
}

// view returns the bytes of an Arg that is no number. They must not be changed.
func (a Arg) view() []byte { return unsafe.Slice(a.p, a.n) }

// text returns the bytes of an Arg that is no number, without copying them.
func (a Arg) text() string { return unsafe.String(a.p, a.n) }

func (a Arg) appendNumber(dst []byte) []byte {
	switch a.p {
	case &tags[tagInt]:
		return strconv.AppendInt(dst, int64(a.n), 10)
	case &tags[tagUint]:
		return strconv.AppendUint(dst, a.n, 10)
	}
	return appendFloat(dst, math.Float64frombits(a.n))
}

// appendFloat appends f as Redis reads it, and as people do.
func appendFloat(dst []byte, f float64) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// viewString returns b as a string without copying it, for calls that do not
// keep it.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
