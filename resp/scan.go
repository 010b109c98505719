package resp

import "strconv"

// inlineLevels is how deep replies may nest before a Scanner allocates. The
// replies of Redis rarely go deeper than four.
const inlineLevels = 6

// Scanner finds where a reply ends, and checks it on the way. It reads nothing
// and keeps no bytes: it is given a growing slice and goes on where it stopped,
// so that its work is proportional to the bytes of the reply, however small the
// pieces they come in. It allocates only for replies deeper than six levels.
//
// The zero Scanner has the default [Limits]. A Scanner may be copied before its
// first use. It is not safe for concurrent use.
type Scanner struct {
	lim  Limits
	lone int // how long a string may be that is the whole reply

	pos  int // where the next header or line begins; all before is accepted
	seen int // how far the line at pos has been searched for its end
	need int // see Need

	depth int   // open aggregates
	cur   level // the innermost of them
	attrs int   // attributes met in the reply
	bare  bool  // an attribute has ended; its value must follow

	chunked bool // within a streamed string
	sum     int  // of the lengths of its chunks

	// Of a reply that Skip drops:
	skipped  int  // bytes
	bodyLeft int  // bytes of a string, with its end, that are still to come
	inLine   bool // a line has begun
	lineLeft int  // bytes that it may still have

	inline [inlineLevels]level // the outer aggregates
	deep   []level             // those beyond inline
}

// level is an aggregate that has begun and not ended.
type level struct {
	left int // elements to come; of a streamed one, those that have come
	kind Kind
	open bool // streamed: ends with a dot
}

// NewScanner returns a Scanner with the given limits.
func NewScanner(l Limits) (s Scanner) {
	s.limit(l)
	return s
}

func (s *Scanner) limit(l Limits) {
	s.lim = l.withDefaults()
	s.lone = min(s.lim.Bulk, s.lim.Reply-framing)
}

// framing is at most how much longer than its text the reply with a string is that
// leaf knows: "$", nine digits, and two ends of lines.
const framing = 1 + 9 + 2 + 2

// What more than one place finds wrong.
const (
	noCR     = "a line ends without CR"
	strayCR  = "a CR within a line"
	wrongEnd = "a string does not end where its length says"
	noFormat = "a verbatim string without a format"
)

// Reset makes s ready for a new reply, whatever it was given before.
func (s *Scanner) Reset() {
	s.pos, s.seen, s.need, s.depth, s.attrs = 0, 0, 0, 0, 0
	s.bare, s.chunked, s.sum = false, false, 0
	s.skipped, s.bodyLeft, s.inLine = 0, 0, false
}

// Need returns how many bytes at least must be added for a Scan that returned 0
// to get on, one or more. Within the body of a string it is all that is missing
// of that string. It is a claim of the peer, up to [Limits.Bulk]: do not allocate
// that much before bytes have arrived.
func (s *Scanner) Need() int { return max(s.need, 1) }

// Scan returns the length of the reply at the start of b, attributes in front
// of it included, or 0 if b does not hold all of it. Then it is to be called
// again with more bytes after the same ones (they may have moved). When it has
// returned a length it is ready for the next reply.
//
// An error is a *[SyntaxError]. It matches [ErrProtocol] if b is not RESP, and
// [ErrLimit] if the reply is beyond the limits. Where the next reply begins is
// unknown then; only [Scanner.Reset] makes s usable again.
func (s *Scanner) Scan(b []byte) (n int, err error) {
	if s.pos == 0 {
		if start, end := shortText(b); end > 0 && end-start <= s.lone { // as most are
			s.seen = 0
			return end + 2, nil
		}
		if n := first(b, s.lone); n > 0 {
			s.seen = 0
			return n, nil
		}
		if len(b) > 0 && b[0] == '*' {
			if n := flat(b, s.lone, s.lim.Elems, min(flatLevels, s.lim.Depth)); n > 0 && n <= s.lim.Reply {
				s.seen = 0
				return n, nil
			}
		}
	}
	return s.scan(b)
}

func (s *Scanner) scan(b []byte) (int, error) {
	if s.lim.Line == 0 {
		s.limit(s.lim)
	}
	for s.pos < len(b) {
		if s.run(b); s.pos == len(b) {
			break
		}
		ended, err := s.step(b)
		if err != nil {
			return 0, err
		}
		if s.pos > s.lim.Reply || ended == incomplete && len(b) > s.lim.Reply {
			return 0, s.beyond("reply", s.lim.Reply, "Reply")
		}
		if ended == incomplete {
			return 0, nil
		}
		s.seen = 0
		if ended == part {
			continue
		}
		whole, err := s.valueEnded()
		if err != nil {
			return 0, err
		}
		if whole {
			n := s.pos
			s.Reset()
			return n, nil
		}
	}
	if s.pos > s.lim.Reply {
		return 0, s.beyond("reply", s.lim.Reply, "Reply")
	}
	s.need = 1
	return 0, nil
}

// run accepts simple elements of the innermost aggregate, but never its last.
func (s *Scanner) run(b []byte) {
	if s.depth == 0 || s.cur.open || s.bare || s.chunked {
		return
	}
	pos, left := s.pos, s.cur.left
	for left > 1 && pos < len(b) {
		n, size := 0, 0
		switch b[pos] {
		case '$':
			n, size = shortRun(b[pos:], left-1, s.lim.Bulk)
		case '*':
			n, size = 1, flat(b[pos:], s.lim.Bulk, s.lim.Elems, min(flatLevels, s.lim.Depth-s.depth))
		}
		if n == 0 {
			n, size = 1, leaf(b[pos:], s.lim.Bulk)
		}
		if size == 0 {
			break
		}
		pos += size
		left -= n
	}
	if pos > s.pos {
		s.pos, s.cur.left, s.seen = pos, left, 0
	}
}

// extent is how much of the input a step of the Scanner has accepted.
type extent int

const (
	incomplete extent = iota // nothing: bytes are missing
	part                     // a header, or a chunk of a string
	value                    // the rest of a value
)

// step accepts the next header or scalar.
func (s *Scanner) step(b []byte) (extent, error) {
	if s.chunked {
		return s.chunk(b)
	}
	if n := leaf(b[s.pos:], s.lim.Bulk); n > 0 {
		s.pos += n
		return value, nil
	}
	c := b[s.pos]
	if c == '.' {
		return s.stop(b)
	}
	if !begins(c) {
		return 0, s.bad("no reply begins with " + strconv.QuoteRuneToASCII(rune(c)))
	}
	end, err := s.line(b)
	if end == 0 || err != nil {
		return incomplete, err
	}
	text, next := b[s.pos+1:end-2], end
	switch k := Kind(c); k {
	case KindBulk, KindBulkError, KindVerbatim:
		return s.bulk(b, k, text, next)
	case KindArray, KindMap, KindSet, KindAttribute, KindPush:
		return s.aggregate(k, text, next)
	default:
		if !validLine(k, text) {
			return 0, s.bad("malformed " + k.String())
		}
		s.pos = next
		return value, nil
	}
}

// validLine reports whether text is what a line of kind k may hold. A bad big
// number is taken: Lua scripts can make one, and it does no harm to framing.
func validLine(k Kind, text []byte) bool {
	switch k {
	case KindInt:
		_, ok := parseInt(text)
		return ok
	case KindNull:
		return len(text) == 0
	case KindBool:
		return len(text) == 1 && (text[0] == 't' || text[0] == 'f')
	case KindDouble:
		return validFloat(text)
	case KindBig:
		return len(text) > 0
	}
	return true
}

// line returns where the line at pos ends, after its CRLF, or 0 if that has not
// arrived.
func (s *Scanner) line(b []byte) (end int, err error) {
	from := max(s.pos+1, s.seen)
	most := s.lim.Line
	if k := Kind(b[s.pos]); k != KindText && k != KindError && k != KindBig {
		most = min(most, maxShortLine)
	}
	last := s.pos + 1 + most // where its CR may stand at the latest
	i := -1
	if from <= last {
		i = lineBreak(b[min(from, len(b)):min(len(b), last+1)])
	}
	if i < 0 {
		if len(b) > last {
			return 0, s.beyondLine(most)
		}
		s.seen, s.need = len(b), 1
		return 0, nil
	}
	i += from
	if b[i] == '\n' {
		return 0, s.bad(noCR)
	}
	if i+1 == len(b) {
		s.seen, s.need = i, 1
		return 0, nil
	}
	if b[i+1] != '\n' {
		return 0, s.bad(strayCR)
	}
	return i + 2, nil
}

// bulk accepts a string with its body, or the header of a streamed one.
func (s *Scanner) bulk(b []byte, k Kind, text []byte, next int) (extent, error) {
	if k == KindBulk {
		if string(text) == "-1" {
			s.pos = next
			return value, nil
		}
		if string(text) == "?" {
			s.pos, s.chunked, s.sum = next, true, 0
			return part, nil
		}
	}
	n, err := s.length(k, text, s.lim.Bulk)
	if err != nil {
		return 0, err
	}
	if k == KindVerbatim && n < 4 {
		return 0, s.bad(noFormat)
	}
	end, err := s.body(b, next, n)
	if end == 0 || err != nil {
		return incomplete, err
	}
	if k == KindVerbatim && b[next+3] != ':' {
		return 0, s.bad(noFormat)
	}
	s.pos = end
	return value, nil
}

// body returns where a body of n bytes at next ends, after its CRLF, or 0 if it
// is not all there.
func (s *Scanner) body(b []byte, next, n int) (end int, err error) {
	if n > s.lim.Reply-next-len("\r\n") {
		return 0, s.beyond("reply", s.lim.Reply, "Reply")
	}
	if missing := n + 2 - (len(b) - next); missing > 0 {
		s.need = missing
		return 0, nil
	}
	end = next + n
	if b[end] != '\r' || b[end+1] != '\n' {
		return 0, s.bad(wrongEnd)
	}
	return end + 2, nil
}

// chunk accepts a chunk of a streamed string. An empty one ends it.
func (s *Scanner) chunk(b []byte) (extent, error) {
	if b[s.pos] != ';' {
		return 0, s.bad("a streamed string goes on with something else")
	}
	next, err := s.line(b)
	if next == 0 || err != nil {
		return incomplete, err
	}
	n, err := s.length(KindBulk, b[s.pos+1:next-2], s.lim.Bulk-s.sum)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		s.pos, s.chunked = next, false
		return value, nil
	}
	end, err := s.body(b, next, n)
	if end == 0 || err != nil {
		return incomplete, err
	}
	s.pos = end
	s.sum += n
	return part, nil
}

// aggregate accepts the header of an aggregate.
func (s *Scanner) aggregate(k Kind, text []byte, next int) (extent, error) {
	if k == KindArray && string(text) == "-1" {
		s.pos = next
		return value, nil
	}
	if k == KindAttribute {
		if s.attrs++; s.attrs > s.lim.Attrs {
			return 0, s.beyond("number of attributes", s.lim.Attrs, "Attrs")
		}
	}
	if s.depth >= s.lim.Depth {
		return 0, s.beyond("depth", s.lim.Depth, "Depth")
	}
	if string(text) == "?" && (k == KindArray || k == KindSet || k == KindMap) {
		s.pos = next
		s.push(level{kind: k, open: true})
		return part, nil
	}
	return s.counted(k, text, next)
}

// counted accepts the header of an aggregate that says how long it is.
func (s *Scanner) counted(k Kind, text []byte, next int) (extent, error) {
	pairs := k == KindMap || k == KindAttribute
	most := s.lim.Elems
	if pairs {
		most /= 2
	}
	n, err := s.length(k, text, most)
	if err != nil {
		return 0, err
	}
	if n == 0 && k == KindPush {
		return 0, s.bad("an empty push")
	}
	s.pos = next
	if n == 0 {
		s.bare = k == KindAttribute
		if s.bare {
			return part, nil
		}
		return value, nil
	}
	if pairs {
		n *= 2
	}
	s.push(level{kind: k, left: n})
	return part, nil
}

// stop accepts the dot that ends a streamed aggregate.
func (s *Scanner) stop(b []byte) (extent, error) {
	switch {
	case s.depth == 0 || !s.cur.open:
		return 0, s.bad("a stray end of a streamed aggregate")
	case s.bare:
		return 0, s.bad("an attribute without a value")
	case s.cur.kind == KindMap && s.cur.left%2 != 0:
		return 0, s.bad("a streamed map ends after a key")
	}
	end, err := s.line(b)
	if end == 0 || err != nil {
		return incomplete, err
	}
	if end != s.pos+3 {
		return 0, s.bad("malformed end of a streamed aggregate")
	}
	s.pos = end
	s.pop()
	return value, nil
}

// length parses a length and checks it against a limit.
func (s *Scanner) length(k Kind, text []byte, most int) (int, error) {
	n, ok := parseLength(text)
	if !ok {
		return 0, s.bad("malformed length of " + k.String())
	}
	if n > int64(most) {
		return 0, s.beyondLength(k, most)
	}
	return int(n), nil
}

// valueEnded counts a value that has ended, and the aggregates that end with
// it. It reports whether the whole reply has.
func (s *Scanner) valueEnded() (whole bool, err error) {
	s.bare = false
	for s.depth > 0 {
		if s.cur.open {
			if s.cur.left++; s.cur.left > s.lim.Elems {
				return false, s.beyondLength(s.cur.kind, s.lim.Elems)
			}
			return false, nil
		}
		if s.cur.left--; s.cur.left > 0 {
			return false, nil
		}
		ended := s.cur.kind
		s.pop()
		if ended == KindAttribute {
			s.bare = true
			return false, nil
		}
	}
	return true, nil
}

// push opens a level. The outermost one has no outer level to keep.
func (s *Scanner) push(l level) {
	if i := s.depth; i < inlineLevels {
		s.inline[i] = s.cur
	} else {
		s.deep = append(s.deep[:i-inlineLevels], s.cur)
	}
	s.depth++
	s.cur, s.bare = l, false
}

func (s *Scanner) pop() {
	s.depth--
	if i := s.depth; i < inlineLevels {
		s.cur = s.inline[i]
	} else {
		s.cur = s.deep[i-inlineLevels]
	}
}

func (s *Scanner) bad(msg string) error {
	return &SyntaxError{Offset: int64(s.pos), Msg: msg}
}
