package resp

// What a word begins with at the reply OK, and at QUEUED.
const (
	okWord = '+' | 'O'<<8 | 'K'<<16 | '\r'<<24 | '\n'<<32
	okMask = 0xff_ff_ff_ff_ff

	queuedWord = '+' | 'Q'<<8 | 'U'<<16 | 'E'<<24 | 'U'<<32 | 'E'<<40 | 'D'<<48 | '\r'<<56
	queuedMask = 1<<64 - 1
)

// ScanRun is Scan for many replies that lie one behind the other in b, from that index
// on. It notes in ends, which is as long as there may be, where in b each ends, and
// returns how many they are. They are strings, numbers and nulls: none is an error, a push
// or an aggregate, and none has an attribute. What comes next, and anything within a
// reply that a Scan has begun, is left to Scan.
func (s *Scanner) ScanRun(b []byte, from int, ends []int) (n int) {
	if s.pos > 0 {
		return 0
	}
	for n < len(ends) && len(b)-from >= wordBytes {
		run := s.equalReplies(b[from:], from, ends[n:])
		if run == 0 {
			size := leaf(b[from:], s.lone)
			if size == 0 {
				break
			}
			ends[n], run = from+size, 1
		}
		n += run
		from = ends[n-1]
	}
	if n > 0 {
		s.seen = 0
	}
	return n
}

// equalReplies is ScanRun for those that are OK or QUEUED like the first in b, or short
// strings with the same header. See [shortRun].
func (s *Scanner) equalReplies(b []byte, end int, ends []int) (n int) {
	w := word(b)
	h, ok := shortHeaderOf(w)
	switch {
	case w&okMask == okWord:
		h, ok = shortHeader{mask: okMask, line: okWord, start: len("+OK")}, true
	case w == queuedWord:
		h, ok = shortHeader{mask: queuedMask, line: queuedWord, start: len("+QUEUED")}, true
	}
	if !ok || h.n > s.lone {
		return 0
	}
	mask, line, text, size := h.mask, h.line, h.start+h.n, h.size()
	least := max(size, wordBytes)
	for n < len(ends) && len(b) >= least && word(b)&mask == line && isCRLF(b[text:]) {
		b = b[size:]
		end += size
		ends[n] = end
		n++
	}
	return n
}
