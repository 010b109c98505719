package resp

import "math"

// The defaults of [Limits].
const (
	// DefaultMaxLine is the server's own limit for a line, in bytes.
	DefaultMaxLine = 64 << 10
	// DefaultMaxBulk is the server's proto-max-bulk-len, in bytes.
	DefaultMaxBulk = 512 << 20
	// DefaultMaxElems is as many elements as an int counts on any platform.
	DefaultMaxElems = math.MaxInt32
	// DefaultMaxDepth is far beyond the replies of Redis, which are at most
	// about eight levels deep; Lua scripts nest deeper.
	DefaultMaxDepth = 128
	// DefaultMaxAttrs is how many attributes one reply may carry.
	DefaultMaxAttrs = 16
)

const (
	// minLine keeps room for any header or number in a line.
	minLine = 64
	// maxLimit keeps sums of limits and positions from overflowing.
	maxLimit = math.MaxInt / 4
)

// Limits bound what a reply may claim. A reply beyond them is an error that
// matches [ErrLimit]; the connection cannot be read on. In each field zero and
// negative values mean the default.
//
// Limits do not bound what is allocated: that is proportional to the bytes that
// have really arrived, whatever a header claims.
type Limits struct {
	// Line is how long a line may be, in bytes, without its first byte and
	// its end: texts, errors and big numbers. Default: [DefaultMaxLine].
	// Values below 64 count as 64.
	Line int
	// Bulk is how long a string may be, in bytes, in all its chunks if it is
	// streamed. Default: [DefaultMaxBulk].
	Bulk int
	// Elems is how many elements one aggregate may have. A pair of a map
	// counts as two. Default: [DefaultMaxElems].
	Elems int
	// Depth is how deep aggregates may nest. Default: [DefaultMaxDepth].
	Depth int
	// Attrs is how many attributes one reply may have, at all levels
	// together. Default: [DefaultMaxAttrs].
	Attrs int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Line:  max(minLine, limit(l.Line, DefaultMaxLine)),
		Bulk:  limit(l.Bulk, DefaultMaxBulk),
		Elems: limit(l.Elems, DefaultMaxElems),
		Depth: limit(l.Depth, DefaultMaxDepth),
		Attrs: limit(l.Attrs, DefaultMaxAttrs),
	}
}

func limit(n, byDefault int) int {
	if n <= 0 {
		n = byDefault
	}
	return min(n, maxLimit)
}

// unlimited is for walking bytes that have passed a Scanner already.
var unlimited = Limits{Line: maxLimit, Bulk: maxLimit, Elems: maxLimit, Depth: maxLimit, Attrs: maxLimit}
