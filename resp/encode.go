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

func (c *Command) size() int {
	n := maxHeader + 2*(maxHeader+2) + len(c.name)
	for i := range c.args[:c.inline] {
		n += maxHeader + 2 + c.args[i].size()
	}
	for i := range c.more {
		n += maxHeader + 2 + c.more[i].size()
	}
	return n
}

// appendTo makes room once and then writes by index: appending piece by piece
// would check for room a dozen times a command.
func (c *Command) appendTo(dst []byte) []byte {
	start := len(dst)
	dst = slices.Grow(dst, c.size())
	b := dst[:cap(dst)]
	words := 1
	if c.space > 0 {
		words = 2
	}
	i := putHeader(b, start, '*', words+int(c.inline)+len(c.more))
	if c.space > 0 {
		i = putBulk(b, i, c.name[:c.space])
		i = putBulk(b, i, c.name[c.space+1:])
	} else {
		i = putBulk(b, i, c.name)
	}
	for j := range c.args[:c.inline] {
		i = c.args[j].put(b, i)
	}
	for j := range c.more {
		i = c.more[j].put(b, i)
	}
	return b[:i]
}

// put writes the argument as a bulk string at b[i] and returns where it ends.
func (a Arg) put(b []byte, i int) int {
	if !a.isNumber() {
		return putBulk(b, i, a.text())
	}
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
