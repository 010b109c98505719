package resp

import "math"

const (
	DefaultMaxLine  = 64 << 10
	DefaultMaxBulk  = 512 << 20
	DefaultMaxElems = math.MaxInt32
	DefaultMaxDepth = 128
	DefaultMaxAttrs = 16
)

// Limits bound what a reply may claim.
type Limits struct{ Line, Bulk, Elems, Depth, Attrs int }

func (l Limits) withDefaults() Limits {
	or := func(n, d int) int {
		if n <= 0 {
			return d
		}
		return n
	}
	return Limits{or(l.Line, DefaultMaxLine), or(l.Bulk, DefaultMaxBulk), or(l.Elems, DefaultMaxElems), or(l.Depth, DefaultMaxDepth), or(l.Attrs, DefaultMaxAttrs)}
}

// Scanner finds where a reply ends.
type Scanner struct {
	lim   Limits
	pos   int // bytes accepted of the frame
	need  int
	left  int64 // elements left at this level
	stack []int64
	attrs int
}

func NewScanner(l Limits) Scanner { return Scanner{lim: l.withDefaults(), left: 1} }

func (s *Scanner) Reset() { s.pos, s.left, s.stack, s.attrs = 0, 1, s.stack[:0], 0 }

func (s *Scanner) Need() int { return max(s.need, 1) }

func (s *Scanner) bad(msg string, limit bool) error {
	return &SyntaxError{Offset: int64(s.pos), Msg: msg, Limit: limit}
}

func (s *Scanner) Scan(b []byte) (int, error) {
	for {
		if s.pos >= len(b) {
			s.need = 1
			return 0, nil
		}
		start := s.pos
		if !known(b[start]) {
			return 0, s.bad("kind", false)
		}
		end := line(b, start, s.lim.Line)
		if end == -1 {
			s.need = 1
			return 0, nil
		}
		if end < 0 {
			return 0, s.bad("line", end == -3)
		}
		body := b[start+1 : end-2]
		s.need = 0
		switch k := Kind(b[start]); k {
		case KindText, KindError, KindBig, KindDouble, KindBool, KindNull, KindInt:
			s.pos = end
		case KindBulk, KindBulkError, KindVerbatim:
			if len(body) == 2 && body[0] == '-' && body[1] == '1' && k == KindBulk {
				s.pos = end
				break
			}
			n, ok := digits(body)
			if !ok {
				return 0, s.bad("length", false)
			}
			if n > int64(s.lim.Bulk) {
				return 0, s.bad("bulk", true)
			}
			total := end + int(n) + 2
			if total > len(b) {
				s.need = total - len(b)
				return 0, nil
			}
			if b[total-2] != '\r' || b[total-1] != '\n' {
				return 0, s.bad("terminator", false)
			}
			s.pos = total
		case KindArray, KindMap, KindSet, KindPush, KindAttribute:
			if len(body) == 2 && body[0] == '-' && body[1] == '1' && k == KindArray {
				s.pos = end
				break
			}
			n, ok := digits(body)
			if !ok {
				return 0, s.bad("length", false)
			}
			if k == KindMap || k == KindAttribute {
				n *= 2
			}
			s.pos = end
			if k == KindAttribute {
				n++
			}
			if n > 0 {
				if len(s.stack) >= s.lim.Depth {
					return 0, s.bad("depth", true)
				}
				s.stack = append(s.stack, s.left-1)
				s.left = n
				continue
			}
		default:
			return 0, s.bad("kind", false)
		}
		s.left--
		for s.left == 0 {
			if len(s.stack) == 0 {
				n := s.pos
				s.Reset()
				return n, nil
			}
			s.left = s.stack[len(s.stack)-1]
			s.stack = s.stack[:len(s.stack)-1]
		}
	}
}

// line returns the end of the line after CRLF, -1 for incomplete.
func line(b []byte, i, limit int) int {
	for j := i; j < len(b); j++ {
		if b[j] == '\r' {
			if j+1 == len(b) {
				return -1
			}
			if b[j+1] != '\n' {
				return -2
			}
			return j + 2
		}
		if b[j] == '\n' {
			return -2
		}
		if j-i > limit {
			return -3
		}
	}
	return -1
}

func digits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func known(b byte) bool {
	switch Kind(b) {
	case KindText, KindError, KindInt, KindBulk, KindArray, KindNull, KindBool, KindDouble, KindBig, KindBulkError,
		KindVerbatim, KindMap, KindSet, KindAttribute, KindPush:
		return true
	}
	return false
}
