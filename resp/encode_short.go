package resp

import (
	"encoding/binary"
	"slices"
)

// Most commands are a short word and a few short strings. This file encodes them in one
// go: nothing is measured before. What it does not know it leaves to AppendTo.

// maxWord is how long a word may be that is read as two halves, which overlap.
const maxWord = 8

// first2 returns the first two bytes of a longer string.
func first2(s string) uint16 { return uint16(s[0]) | uint16(s[1])<<8 }

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
	if len(s) >= 2 {
		binary.LittleEndian.PutUint16(b[i:], first2(s))
		binary.LittleEndian.PutUint16(b[end-2:], first2(s[len(s)-2:]))
		return end
	}
	if len(s) == 1 {
		b[i] = s[0]
	}
	return end
}

// shortRoom is how many bytes AppendShort writes at most.
const shortRoom = wordBytes + maxWord + 2 + inlineArgs*(len("$00\r\n\r\n")+99) + wordBytes

// AppendShort is [Command.AppendTo] for a command of one word and up to four arguments, all
// of them short. It reports false for any other.
func (c *Command) AppendShort(dst []byte) (out []byte, ok bool) {
	if c.space > 0 || c.extra > 0 || len(c.name) > maxWord {
		return dst, false
	}
	i := len(dst)
	if cap(dst)-i < shortRoom {
		if dst, ok = c.makeRoom(dst); !ok {
			return dst, false
		}
	}
	b := dst[:cap(dst)]
	const blank = '*' | '0'<<8 | '\r'<<16 | '\n'<<24 | '$'<<32 | '0'<<40 | '\r'<<48 | '\n'<<56
	binary.LittleEndian.PutUint64(b[i:], blank+uint64(c.inline+1)<<8+uint64(len(c.name))<<40)
	i = putEnd(b, putWord(b, i+wordBytes, c.name))
	for j := range c.args[:c.inline] {
		a := &c.args[j]
		if a.n >= uint64(len(lengths)) || a.isNumber() {
			if !a.isNumber() {
				return dst, false
			}
			i = a.putNumber(b, i)
			continue
		}
		line := lengths[a.n]
		binary.LittleEndian.PutUint64(b[i:], line)
		i += int(line >> 56)
		i = putEnd(b, i+copy(b[i:], a.text()))
	}
	return b[:i], true
}

// makeRoom is for AppendShort where there is less than shortRoom: that may be enough. It
// reports false if the command is none of those.
func (c *Command) makeRoom(dst []byte) ([]byte, bool) {
	size := wordBytes + maxWord + 2 + wordBytes
	for i := range c.args[:c.inline] {
		n := c.args[i].size()
		if n >= len(lengths) {
			return dst, false
		}
		size += len("$00\r\n\r\n") + n
	}
	if size > cap(dst)-len(dst) {
		dst = slices.Grow(dst, shortRoom)
	}
	return dst, true
}
