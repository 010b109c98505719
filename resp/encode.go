package resp

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

// maxHeader is how many bytes a header takes at most: its mark, 20 digits and an
// end of line. Each bulk string has a further end of line.
const maxHeader = 1 + 20 + 2

// Size returns an upper bound of the encoded length in bytes. It is a few bytes
// an argument above it.
func (c *Command) Size() int {
	n := maxHeader + 2*(maxHeader+2) + len(c.name)
	for i := range c.args[:c.inline] {
		n += maxHeader + 2 + c.args[i].size()
	}
	if c.extra > 0 {
		n += sizeOf(c.rest())
	}
	return n
}

func sizeOf(args []Arg) int {
	n := 0
	for i := range args {
		n += maxHeader + 2 + args[i].size()
	}
	return n
}

// AppendTo appends the command as RESP to dst: an array of bulk strings. It
// allocates nothing if dst has room for [Command.Size] more bytes. A few bytes of that
// room behind what it returns may be overwritten.
//
// It makes room once and then writes by index: appending piece by piece would
// check for room a dozen times a command.
func (c *Command) AppendTo(dst []byte) []byte {
	if out, ok := c.AppendShort(dst); ok {
		return out
	}
	return c.AppendSized(dst, c.Size())
}

// AppendSized is [Command.AppendTo] for a caller that knows [Command.Size] already.
func (c *Command) AppendSized(dst []byte, size int) []byte {
	start := len(dst)
	dst = slices.Grow(dst, size)
	b := dst[:cap(dst)]
	i := c.putStart(b, start)
	i = putArgs(b, i, c.args[:c.inline])
	if c.extra > 0 {
		i = putArgs(b, i, c.rest())
	}
	return b[:i]
}

// putStart writes the header and the name.
func (c *Command) putStart(b []byte, i int) int {
	words := 1 + c.NArgs()
	if c.space > 0 {
		i = putHeader(b, i, '*', words+1)
		i = putBulk(b, i, c.name[:c.space])
		return putBulk(b, i, c.name[c.space+1:])
	}
	if words >= 10 || len(c.name) >= 10 {
		i = putHeader(b, i, '*', words)
		return putBulk(b, i, c.name)
	}
	const blank = '*' | '0'<<8 | '\r'<<16 | '\n'<<24 | '$'<<32 | '0'<<40 | '\r'<<48 | '\n'<<56
	binary.LittleEndian.PutUint64(b[i:], blank+uint64(words)<<8+uint64(len(c.name))<<40)
	i += 8
	i += copy(b[i:], c.name)
	return putEnd(b, i)
}

// putArgs writes args as bulk strings at b[i] and returns where they end. It may
// write three bytes more.
func putArgs(b []byte, i int, args []Arg) int {
	for j := range args {
		a := &args[j]
		if a.isNumber() {
			i = a.putNumber(b, i)
			continue
		}
		if n := int(a.n); n < len(lengths) {
			binary.LittleEndian.PutUint64(b[i:], lengths[n])
			i += int(lengths[n] >> 56)
		} else {
			i = putHeader(b, i, '$', n)
		}
		i += copy(b[i:], a.text())
		i = putEnd(b, i)
	}
	return i
}

func (a *Arg) putNumber(b []byte, i int) int {
	if a.p == &tags[tagFloat] {
		var text [maxNumber]byte
		return putBulk(b, i, viewString(a.appendNumber(text[:0])))
	}
	return putInt(b, i, a.n, a.p == &tags[tagInt] && int64(a.n) < 0)
}

// putHeader writes a mark, a number and an end of line at b[i]. Numbers of one
// and two digits are nearly all there are.
func putHeader(b []byte, i int, mark byte, n int) int {
	switch {
	case uint(n) < 10:
		binary.LittleEndian.PutUint32(b[i:], uint32(mark)|uint32('0'+n)<<8|'\r'<<16|'\n'<<24)
		return i + 4
	case uint(n) < 100:
		binary.LittleEndian.PutUint32(b[i:], uint32(mark)|uint32('0'+n/10)<<8|uint32('0'+n%10)<<16|'\r'<<24)
		b[i+4] = '\n'
		return i + 5
	}
	b[i] = mark
	i = len(strconv.AppendInt(b[:i+1], int64(n), 10))
	return putEnd(b, i)
}

func putEnd(b []byte, i int) int {
	binary.LittleEndian.PutUint16(b[i:], '\r'|'\n'<<8)
	return i + 2
}

func putBulk(b []byte, i int, s string) int {
	i = putHeader(b, i, '$', len(s))
	i += copy(b[i:], s)
	return putEnd(b, i)
}

// lengths are the headers of short bulk strings, each with its own length in the
// last byte.
var lengths = func() (t [100]uint64) {
	for n := range t {
		var b [8]byte
		b[7] = byte(putHeader(b[:], 0, '$', n))
		t[n] = binary.LittleEndian.Uint64(b[:])
	}
	return t
}()

// putInt writes an integer, given by its bits, as a bulk string.
func putInt(b []byte, i int, n uint64, negative bool) int {
	if n < 10 {
		binary.LittleEndian.PutUint32(b[i:], '$'|'1'<<8|'\r'<<16|'\n'<<24)
		b[i+4] = byte('0' + n)
		return putEnd(b, i+5)
	}
	sign := 0
	if negative {
		n, sign = -n, 1
	}
	length := sign + digits(n)
	i = putHeader(b, i, '$', length)
	b[i] = '-'
	for j := i + length - 1; j >= i+sign; j-- {
		b[j] = byte('0' + n%10)
		n /= 10
	}
	return putEnd(b, i+length)
}

// digits returns the number of decimal digits of n.
func digits(n uint64) int {
	guess := bits.Len64(n) * 1233 >> 12 // log10(2) is 1233/4096, just below
	if n < powers[guess] {
		return max(guess, 1)
	}
	return guess + 1
}

var powers = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}
