package resp

import (
	"encoding/binary"
	"math"
)

// This file reads eight bytes at a time. It is for the runs of short strings and
// integers that large replies consist of. Whatever else it meets it leaves to the
// careful code, which says what is wrong with it.

const (
	// wordBytes is how many bytes a word has. The first of them is its lowest.
	wordBytes = 8
	// maxDigits is how many digits always fit 64 bits without a sign.
	maxDigits = 19
	// intRoom is how much must be left to read an integer by words: a header, a sign,
	// and the words of maxDigits.
	intRoom = len("$20\r\n-") + (maxDigits+wordBytes-1)/wordBytes*wordBytes

	ones  = 0x01_01_01_01_01_01_01_01 // a byte times ones is a word of that byte
	high  = 0x80 * ones
	zeros = '0' * ones
)

// What a word begins with at a bulk string whose length has one digit, or two.
const (
	header1, mask1 = '$' | '\r'<<16 | '\n'<<24, 0xff_ff_00_ff
	header2, mask2 = '$' | '\r'<<24 | '\n'<<32, 0xff_ff_00_00_ff
)

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// isCRLF reports whether b, which has two bytes at least, starts with CRLF.
func isCRLF(b []byte) bool { return binary.LittleEndian.Uint16(b) == '\r'|'\n'<<8 }

// shortHeader is the first line of a bulk string shorter than 100 bytes.
type shortHeader struct {
	mask, line uint64 // of a word, and the bytes under it
	start, n   int    // where the text begins, and its length
}

// shortHeaderOf returns the header that w begins with, and false if it is none.
func shortHeaderOf(w uint64) (h shortHeader, ok bool) {
	first, second := uint8(w>>8)-'0', uint8(w>>16)-'0'
	if w&mask1 == header1 && first <= 9 {
		return shortHeader{1<<32 - 1, w & (1<<32 - 1), 4, int(first)}, true
	}
	if w&mask2 == header2 && first <= 9 && second <= 9 {
		return shortHeader{1<<40 - 1, w & (1<<40 - 1), 5, 10*int(first) + int(second)}, true
	}
	return h, false
}

// shortText returns where the text lies of the bulk string that b starts with, if that
// is shorter than 100 bytes, complete and well formed; else end is 0. A few that are
// at the end of b are left to the careful code, as they have less than a word.
func shortText(b []byte) (start, end int) {
	if len(b) < wordBytes {
		return 0, 0
	}
	w := word(b)
	start = len("$00\r\n")
	n := 10*uint(uint8(w>>8)) + uint(uint8(w>>16)) - 11*'0'
	if n >= uint(len(lengths)) || w<<24 != lengths[n]<<24 {
		start = len("$0\r\n")
		if n = uint(uint8(w>>8)) - '0'; n > 9 || uint32(w) != uint32(lengths[n]) {
			return 0, 0
		}
	}
	end = start + int(n)
	if end+1 >= len(b) || b[end] != '\r' || b[end+1] != '\n' {
		return 0, 0
	}
	return start, end
}

// wholeText is shortText for b that holds the string and nothing else: the size of b says
// which header it must have.
func wholeText(b []byte) (start, end int) {
	end = len(b) - len("\r\n")
	n := uint(len(b) - len("$00\r\n\r\n"))
	switch {
	case n-10 < 90:
		if start = len("$00\r\n"); word(b)<<24 != lengths[n]<<24 {
			return 0, 0
		}
	case n+1 < 10:
		if start = len("$0\r\n"); binary.LittleEndian.Uint32(b) != uint32(lengths[n+1]) {
			return 0, 0
		}
	default:
		return 0, 0
	}
	if !isCRLF(b[end:]) {
		return 0, 0
	}
	return start, end
}

// size is that of a whole string.
func (h *shortHeader) size() int { return h.start + h.n + len("\r\n") }

// fit returns how many strings with this header may be in so many bytes, of which a word
// can be read at the beginning of each.
func (h *shortHeader) fit(bytes int) int {
	size := h.size()
	if bytes < max(size, wordBytes) {
		return 0
	}
	return 1 + (bytes-max(size, wordBytes))/size
}

// shortRun returns how many bulk strings shorter than 100 bytes b starts with, at
// most so many, and their size. They are complete, well formed, and not longer than
// maxBulk.
//
// Strings in a row often have the same length. Those that do are walked apart: the
// processor need not read a length to know where the next one begins, and works on
// many at a time.
func shortRun(b []byte, most, maxBulk int) (n, size int) {
	for n < most && len(b)-size >= wordBytes {
		h, ok := shortHeaderOf(word(b[size:]))
		if !ok || h.n > maxBulk {
			break
		}
		run := h.count(b[size:], most-n)
		if run == 0 {
			break
		}
		n += run
		size += run * h.size()
	}
	return n, size
}

// count returns how many strings with this header b starts with, at most so many.
func (h *shortHeader) count(b []byte, most int) (n int) {
	mask, line, end, size := h.mask, h.line, h.start+h.n, h.size()
	for range min(most, h.fit(len(b))) {
		if word(b)&mask != line || !isCRLF(b[end:]) {
			break
		}
		b = b[size:]
		n++
	}
	return n
}

// shortBulks puts the texts of the bulk strings at the start of b into out that are
// shorter than 100 bytes. It returns how many those are, and their size.
func shortBulks(out [][]byte, b []byte) (n, size int) {
	n, size = equalBulks(out, b)
	rest := b[size:]
	for n < len(out) && len(rest) >= wordBytes {
		h, ok := shortHeaderOf(word(rest))
		end := h.start + h.n
		if !ok || end+2 > len(rest) || !isCRLF(rest[end:]) {
			break
		}
		out[n] = rest[h.start:end:end]
		rest = rest[end+2:]
		n++
	}
	return n, len(b) - len(rest)
}

// equalBulks is shortBulks for those that have the same header as the first. See
// shortRun.
func equalBulks(out [][]byte, b []byte) (n, size int) {
	if len(b) < wordBytes {
		return 0, 0
	}
	h, ok := shortHeaderOf(word(b))
	if !ok {
		return 0, 0
	}
	n = h.count(b, len(out))
	out = out[:n]
	for i, size := 0, h.size(); i < len(out); i++ {
		text := b[i*size+h.start:]
		out[i] = text[:h.n:h.n]
	}
	return n, n * h.size()
}

// wordInts parses the bulk strings at the start of b that consist of a sign and at
// most maxDigits digits, as many as out holds. It returns how many those are, and
// their size. The last ones in b are none of them.
func wordInts(out []int64, b []byte) (n, size int) {
	rest := b
	for n < len(out) && len(rest) >= intRoom {
		w := word(rest)
		start, length := 4, int(uint8(w>>8))-'0'
		short := w&mask1 == header1 && uint(length-1) < wordBytes
		if !short {
			h, ok := shortHeaderOf(w)
			if !ok {
				break
			}
			start, length = h.start, h.n
		}
		text := rest[start:]
		var v uint64
		ok := false
		if short {
			v, ok = wordDigits(word(text), length)
		}
		if !ok {
			if v, ok = signedDigits(text, length); !ok {
				break
			}
		}
		if !isCRLF(text[length:]) {
			break
		}
		out[n] = int64(v)
		n++
		rest = text[length+2:]
	}
	return n, len(b) - len(rest)
}

// wordDigits parses the first n bytes of w, 1 to 8, as digits.
func wordDigits(w uint64, n int) (uint64, bool) {
	// The last digit goes to the top, and zeros come in front of the first.
	w = (w ^ zeros) << (uint(64-8*n) & 63)
	bad := (w | (w + (0x80-10)*ones)) & high
	// Digits become pairs, pairs fours, and fours the eight.
	const pair = 0xff | 0xff<<32
	w = w*10 + w>>8
	w = ((w&pair)*(100+1e6<<32) + (w>>16&pair)*(1+1e4<<32)) >> 32
	return w, bad == 0
}

// signedDigits parses the first n bytes of b as a minus sign, or none, and digits
// that fit an int64. b has room for a sign and the words of maxDigits.
func signedDigits(b []byte, n int) (v uint64, ok bool) {
	negative := b[0] == '-'
	if negative {
		b = b[1:]
		n--
	}
	if n < 1 || n > maxDigits {
		return 0, false
	}
	first := (n-1)%wordBytes + 1
	v, ok = wordDigits(word(b), first)
	for i := first; i < n; i += wordBytes {
		lower, all := wordDigits(word(b[i:]), wordBytes)
		v = v*1e8 + lower
		ok = ok && all
	}
	ok = ok && v <= math.MaxInt64
	if negative {
		v = -v
	}
	return v, ok
}
