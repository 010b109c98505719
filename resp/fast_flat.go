package resp

import "math"

// Small arrays within a reply: the members of a sorted set with their scores, the
// entries of a stream.

const (
	// flatLevels is how deep arrays are taken as a whole.
	flatLevels = 2
	// flatElems is how many elements such an array has at most. With flatLevels it bounds
	// what a Scan repeats when bytes come in small pieces.
	flatElems = 16
	// exactDigits is how many digits always fit a float64 exactly.
	exactDigits = 15
)

// flat returns the length of the array at the start of b, which begins with '*', if it
// is a small one of simple elements, or of such arrays, complete and well formed, no
// deeper than levels. Else it returns 0: a [Scanner] then finds out what it is.
func flat(b []byte, maxBulk, maxElems, levels int) int {
	if len(b) < 4 || levels < 1 {
		return 0
	}
	n := int(b[1] - '0')
	if n > 9 {
		return 0
	}
	i := 2
	if d := int(b[2] - '0'); d <= 9 {
		n, i = 10*n+d, 3
	}
	if i = lineEnd(b, i); i == 0 || n > min(flatElems, maxElems) {
		return 0
	}
	for range n {
		if i == len(b) {
			return 0
		}
		var size int
		if b[i] == '*' {
			size = flat(b[i:], maxBulk, maxElems, levels-1)
		} else {
			size = leaf(b[i:], maxBulk)
		}
		if size == 0 {
			return 0
		}
		i += size
	}
	return i
}

// Enter steps into the next element if it is an array, without attributes and of known
// length, within an aggregate of known length. It returns how many elements that array
// has: the cursor walks them, and then what comes after the array. It reports false,
// and stays where it is, if the next element is anything else.
func (c *Cursor) Enter() (n int, ok bool) {
	if c.left <= 0 || len(c.rest) < 4 || c.rest[0] != '*' {
		return 0, false
	}
	n, i := header(c.rest)
	if i == 0 || n < 0 {
		return 0, false
	}
	c.rest = c.rest[i:]
	c.left += n - 1
	return n, true
}

// NextNull reports whether the next element is a null, and passes it. If not, it stays
// where it is.
func (c *Cursor) NextNull() bool {
	b := c.rest
	switch {
	case c.left == 0:
		return false
	case len(b) >= 3 && b[0] == '_' && b[1] == '\r' && b[2] == '\n':
		c.advance(3)
		return true
	case len(b) >= 5 && b[0] == '$' && b[1] == '-' && b[2] == '1' && b[3] == '\r' && b[4] == '\n':
		c.advance(5)
		return true
	}
	return false
}

// NextFloat is Next and [Value.Float] in one, for an element that is a double, or an
// ordinary bulk string, of at most 15 digits and without an exponent. It reports false,
// and stays where it is, if the next element is anything else: Next then tells what.
func (c *Cursor) NextFloat() (float64, bool) {
	if c.left == 0 || len(c.rest) < 4 {
		return 0, false
	}
	start, end := 1, 0 // the end of a double is where its digits end
	if c.rest[0] != ',' {
		if start, end = bulkBody(c.rest); start == 0 {
			return 0, false
		}
	}
	f, after := shortFloat(c.rest, start)
	if after == 0 || end != 0 && end != after || lineEnd(c.rest, after) == 0 {
		return 0, false
	}
	c.advance(after + 2)
	return f, true
}

// shortFloat parses a sign, digits, and a point with digits at b[i]. It returns where
// they end, or zero if there is no such thing, or if it is too long to be exact.
func shortFloat(b []byte, i int) (f float64, end int) {
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	start, n := i, uint64(0)
	for i < len(b) && b[i]-'0' <= 9 {
		n = n*10 + uint64(b[i]-'0')
		i++
	}
	digits := i - start
	if digits == 0 || digits > exactDigits {
		return 0, 0
	}
	fraction := 0
	if i < len(b) && b[i] == '.' {
		i++
		start = i
		for i < len(b) && b[i]-'0' <= 9 {
			n = n*10 + uint64(b[i]-'0')
			i++
		}
		fraction = i - start
		if fraction == 0 || digits+fraction > exactDigits {
			return 0, 0
		}
	}
	// Both are exact, so that their quotient is the float64 next to the number.
	f = float64(n) / exactPowers[fraction]
	if negative {
		f = math.Copysign(f, -1)
	}
	return f, i
}

// exactPowers are powers of ten as a float64 holds them without an error.
var exactPowers = [exactDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}
