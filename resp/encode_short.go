package resp

import (
	"encoding/binary"
	"slices"
)

// Most commands are a short word and a few short strings. This file encodes them in one
// go: nothing is measured before. What it does not know it leaves to AppendTo.

// maxWord is how long a word may be that is read as two halves, which overlap.
const maxWord = 8

// first4 returns the first four bytes of a longer string.
func first4(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// hasSpace reports whether there is a space in a word of four to maxWord bytes.
func hasSpace(s string) bool {
	w := (uint64(first4(s)) | uint64(first4(s[len(s)-4:]))<<32) ^ ' '*ones
	return (w-ones)&^w&high != 0
}

// putWord writes a word of at most maxWord bytes at b[i], and returns where it ends.
func putWord(b []byte, i int, s string) int {
	end := i + len(s)
	if len(s) >= 4 {
		binary.LittleEndian.PutUint32(b[i:], first4(s))
		binary.LittleEndian.PutUint32(b[end-4:], first4(s[len(s)-4:]))
		return end
	}
	for j := range len(s) {
		b[i+j] = s[j]
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
