package resp

import (
	"encoding/binary"
	"slices"
)

// Most commands are a short word and a few short strings. This file encodes them in one
// go: nothing is measured before. What it does not know it leaves to AppendTo.

// maxWord is how long a word may be that is read as two halves, which overlap.
const maxWord = 8

// halves returns the first and the last bytes of a word of at most maxWord bytes: four
// each, of a shorter one two, or one.
func halves(s string) (first, last uint32) {
	switch n := len(s); {
	case n >= 4:
		t := s[n-4:]
		return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24,
			uint32(t[0]) | uint32(t[1])<<8 | uint32(t[2])<<16 | uint32(t[3])<<24
	case n >= 2:
		return uint32(s[0]) | uint32(s[1])<<8, uint32(s[n-2]) | uint32(s[n-1])<<8
	case n == 1:
		return uint32(s[0]), uint32(s[0])
	}
	return 0, 0
}

// hasSpace reports whether there is a space in a word of at most maxWord bytes.
func hasSpace(s string) bool {
	first, last := halves(s)
	w := (uint64(first) | uint64(last)<<32) ^ ' '*ones
	return (w-ones)&^w&high != 0
}

// putWord writes a word of at most maxWord bytes at b[i], and returns where it ends.
func putWord(b []byte, i int, s string) int {
	first, last := halves(s)
	end := i + len(s)
	switch {
	case len(s) >= 4:
		binary.LittleEndian.PutUint32(b[i:], first)
		binary.LittleEndian.PutUint32(b[end-4:], last)
	case len(s) >= 2:
		binary.LittleEndian.PutUint16(b[i:], uint16(first))
		binary.LittleEndian.PutUint16(b[end-2:], uint16(last))
	case len(s) == 1:
		b[i] = byte(first)
	}
	return end
}

// AppendShort is [Command.AppendTo] for a command of one word and up to four strings, all
// of them short. It reports false for any other.
func (c *Command) AppendShort(dst []byte) (out []byte, ok bool) {
	if c.space > 0 || c.extra > 0 || len(c.name) > maxWord {
		return dst, false
	}
	args := c.args[:c.inline]
	size := wordBytes + maxWord + 2 + wordBytes // as a header may be written beyond its end
	for i := range args {
		if a := &args[i]; a.isNumber() || a.n >= uint64(len(lengths)) {
			return dst, false
		}
		size += len("$00\r\n\r\n") + int(args[i].n)
	}
	i := len(dst)
	if size > cap(dst)-i {
		dst = slices.Grow(dst, size)
	}
	b := dst[:cap(dst)]
	const blank = '*' | '0'<<8 | '\r'<<16 | '\n'<<24 | '$'<<32 | '0'<<40 | '\r'<<48 | '\n'<<56
	binary.LittleEndian.PutUint64(b[i:], blank+uint64(len(args)+1)<<8+uint64(len(c.name))<<40)
	i = putEnd(b, putWord(b, i+wordBytes, c.name))
	for j := range args {
		text := args[j].text()
		line := lengths[len(text)]
		binary.LittleEndian.PutUint64(b[i:], line)
		i += int(line >> 56)
		i = putEnd(b, i+copy(b[i:], text))
	}
	return b[:i], true
}
