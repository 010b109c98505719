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

// Scalar is what [ArgOf] makes an argument of: bytes, or a number. Other named types
// of numbers are left out, time.Duration for one: nobody can tell their unit.
type Scalar interface {
	~string | ~[]byte | bool |
		int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// ArgOf returns an argument of v, by [String], [Bytes], [Int], [Uint] or [Float]. A
// bool is 1 or 0. It allocates nothing.
//
// The compiler makes one function for strings of all types and one for all slices of
// bytes. In these the sizes are constants, and little is left of this one.
func ArgOf[V Scalar](v V) Arg {
	if unsafe.Sizeof(v) > maxNumberSize {
		h := (*stringHeader)(unsafe.Pointer(&v))
		return Arg{h.p, uint64(h.n)}
	}
	return wordOf(v)
}

// stringHeader is what strings and slices have in common.
type stringHeader struct {
	p *byte
	n int
}

// maxNumberSize is the size of the largest number. Where a string is no larger, on
// machines of 32 bits, wordOf tells them apart.
const maxNumberSize = 8

func wordOf[V Scalar](v V) Arg {
	switch x := any(v).(type) {
	case string:
		return String(x)
	case int:
		return Int(int64(x))
	case int8:
		return Int(int64(x))
	case int16:
		return Int(int64(x))
	case int32:
		return Int(int64(x))
	case int64:
		return Int(x)
	case bool:
		return boolArg(x)
	case float32:
		return float32Arg(x)
	case float64:
		return Float(x)
	}
	return unsignedOf(v)
}

func unsignedOf[V Scalar](v V) Arg {
	switch x := any(v).(type) {
	case uint:
		return Uint(uint64(x))
	case uint8:
		return Uint(uint64(x))
	case uint16:
		return Uint(uint64(x))
	case uint32:
		return Uint(uint64(x))
	case uint64:
		return Uint(x)
	}
	return String(*(*string)(unsafe.Pointer(&v))) // of a named type, in 32 bits
}

func boolArg(b bool) Arg {
	if b {
		return Int(1)
	}
	return Int(0)
}

// float32Arg is the shortest text that f can be read back from as a float32.
func float32Arg(f float32) Arg {
	short, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		return Float(float64(f)) // infinite, or not a number
	}
	return Float(short)
}

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
