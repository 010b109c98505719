package resp

import "bytes"

// shortLine is how far leaf looks for the end of a line. It bounds what a call
// repeats when bytes come in small pieces.
const shortLine = 32

// first is leaf for a whole reply, which often is OK.
func first(b []byte, maxBulk int) int {
	if len(b) >= len(okLine) && string(b[:len(okLine)]) == okLine {
		return len(okLine)
	}
	return leaf(b, maxBulk)
}

const okLine = "+OK\r\n"

// leaf returns the length of the value at the start of b if that is one of the
// frequent and simple ones, complete and well formed, or 0: a [Scanner] then
// finds out what it is. It is the fast path of everything that walks replies.
func leaf(b []byte, maxBulk int) int {
	if len(b) < 4 {
		return 0
	}
	switch b[0] {
	case '$':
		return leafBulk(b, maxBulk)
	case ':':
		return leafInteger(b)
	case '+':
		return leafSimple(b)
	case ',':
		return leafDouble(b)
	case '_':
		return lineEnd(b, 1)
	case '#':
		if b[1] == 't' || b[1] == 'f' {
			return lineEnd(b, 2)
		}
	}
	return 0
}

func leafBulk(b []byte, maxBulk int) int {
	n := int(b[1] - '0')
	if n > 9 {
		return leafNull(b)
	}
	if len(b) >= wordBytes && word(b)&mask2 == header2 && b[2]-'0' <= 9 { // two digits, as most have
		n = 10*n + int(b[2]-'0')
		if n > maxBulk || n > len(b)-len("$00\r\n\r\n") {
			return 0
		}
		return lineEnd(b, len("$00\r\n")+n)
	}
	i := 2
	for i < len(b) && b[i]-'0' <= 9 {
		if i == 9 {
			return 0
		}
		n = n*10 + int(b[i]-'0')
		i++
	}
	if n > maxBulk || n > len(b)-i-4 || b[i] != '\r' || b[i+1] != '\n' {
		return 0
	}
	return lineEnd(b, i+2+n)
}

func leafNull(b []byte) int {
	if len(b) >= 5 && b[1] == '-' && b[2] == '1' {
		return lineEnd(b, 3)
	}
	return 0
}

func leafInteger(b []byte) int {
	i := 1
	if b[1] == '-' {
		i = 2
	}
	start := i
	for i < len(b) && b[i]-'0' <= 9 && i < shortLine {
		i++
	}
	// 18 digits cannot overflow.
	if digits := i - start; digits == 0 || digits > 18 {
		return 0
	}
	return lineEnd(b, i)
}

func leafSimple(b []byte) int {
	for i, c := range b[1:min(len(b), shortLine)] {
		if c == '\r' {
			return lineEnd(b, i+1)
		}
		if c == '\n' {
			return 0
		}
	}
	return 0
}

// leafDouble knows doubles without an exponent, short enough to be finite.
func leafDouble(b []byte) int {
	i := 1
	if b[1] == '-' {
		i = 2
	}
	digits, point := 0, false
	for ; i < len(b) && i < shortLine; i++ {
		switch c := b[i]; {
		case c-'0' <= 9:
			digits++
		case c == '.' && !point:
			point = true
		case c == '\r' && digits > 0:
			return lineEnd(b, i)
		default:
			return 0
		}
	}
	return 0
}

// lineEnd returns the index after the CRLF at b[i], or 0 if there is none.
func lineEnd(b []byte, i int) int {
	if i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
		return i + 2
	}
	return 0
}

// skip returns the length of the value at the start of b, attributes included,
// or 0 if it is malformed or not complete. Limits do not apply.
func skip(b []byte) int {
	if n := leaf(b, maxLimit); n > 0 {
		return n
	}
	if len(b) > 0 && b[0] == '*' {
		if n := flat(b, maxLimit, maxLimit, flatLevels); n > 0 {
			return n
		}
	}
	s := Scanner{lim: unlimited}
	n, err := s.scan(b)
	if err != nil {
		return 0
	}
	return n
}

// lineBreak returns the index of the first CR or LF in b, or -1.
func lineBreak(b []byte) int {
	for i, c := range b[:min(len(b), shortLine)] {
		if c == '\r' || c == '\n' {
			return i
		}
	}
	if len(b) <= shortLine {
		return -1
	}
	cr := bytes.IndexByte(b, '\r')
	before := b
	if cr >= 0 {
		before = b[:cr]
	}
	if lf := bytes.IndexByte(before, '\n'); lf >= 0 {
		return lf
	}
	return cr
}
