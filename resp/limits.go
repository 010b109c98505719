package resp

import (
	"math"
	"strconv"
)

// The defaults of [Limits].
const (
	// DefaultMaxLine is that of a string: scripts make errors, and MONITOR lines, of any
	// length. The server's own limit of 64 KiB is one of requests.
	DefaultMaxLine = DefaultMaxBulk
	// DefaultMaxBulk is the server's proto-max-bulk-len, in bytes.
	DefaultMaxBulk = 512 << 20
	// DefaultMaxReply is how many bytes a whole reply may have.
	DefaultMaxReply = 1 << 30
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
	// maxShortLine is how long the line of a length or a number may be, in bytes.
	maxShortLine = 64 << 10
	// maxLimit keeps sums of limits and positions from overflowing.
	maxLimit = math.MaxInt / 4
)

// Limits bound what a reply may claim. A reply beyond them is an error that
// matches [ErrLimit]; the connection cannot be read on. In each field zero and
// negative values mean the default.
//
// Except for Reply, Limits do not bound what is allocated: that is proportional to the
// bytes that have really arrived, whatever a header claims.
type Limits struct {
	// Line is how long a line may be, in bytes, without its first byte and
	// its end: texts, errors and big numbers. All others are at most 64 KiB long.
	// Default: [DefaultMaxLine]. Values below 64 count as 64.
	Line int
	// Reply is how many bytes a whole reply may have, which is what is kept of it at a
	// time. A string that is streamed to a writer does not count. Default:
	// [DefaultMaxReply]; strings and lines are never longer.
	Reply int
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
	line, bulk := max(minLine, limit(l.Line, DefaultMaxLine)), limit(l.Bulk, DefaultMaxBulk)
	if l.Reply > 0 {
		line, bulk = max(minLine, min(line, l.Reply)), min(bulk, l.Reply)
	}
	return Limits{
		Line:  line,
		Bulk:  bulk,
		Reply: max(limit(l.Reply, DefaultMaxReply), minLine),
		Elems: limit(l.Elems, DefaultMaxElems),
		Depth: limit(l.Depth, DefaultMaxDepth),
		Attrs: limit(l.Attrs, DefaultMaxAttrs),
	}
}

// fieldOr returns the field that allows no more than most: Reply, where that bounds the
// given one.
func (l *Limits) fieldOr(field string, most int) string {
	if most == l.Reply {
		return "Reply"
	}
	return field
}

func limit(n, byDefault int) int {
	if n <= 0 {
		n = byDefault
	}
	return min(n, maxLimit)
}

// unlimited is for walking bytes that have passed a Scanner already.
var unlimited = Limits{Line: maxLimit, Reply: maxLimit, Bulk: maxLimit, Elems: maxLimit, Depth: maxLimit, Attrs: maxLimit}

// beyond is the error of what is more than a limit, which is that field of Limits.
func (s *Scanner) beyond(what string, most int, field string) error {
	msg := what + " beyond the limit of " + strconv.Itoa(most)
	if field != "" {
		msg += " (Limits." + field + ")"
	}
	return &SyntaxError{Offset: int64(s.pos), Msg: msg, Limit: true}
}

// beyondLine is that of a line. For one of a length or a number no field may allow more.
func (s *Scanner) beyondLine(most int) error {
	field := ""
	if most == s.lim.Line {
		field = s.lim.fieldOr("Line", most)
	}
	return s.beyond("line", most, field)
}

// beyondLength is that of a string or an aggregate.
func (s *Scanner) beyondLength(k Kind, most int) error {
	field := "Elems"
	if k == KindBulk || k == KindVerbatim || k == KindBulkError {
		field = s.lim.fieldOr("Bulk", s.lim.Bulk)
	}
	return s.beyond("length of "+k.String(), most, field)
}
