package resp

// fullLine is how much of a line is kept until its end has come: most end before it. Of
// a longer one Skip drops what there is.
const fullLine = 64

// Skip is Scan for a reply that nobody wants, and that need not be kept until its end
// has come: it returns how many bytes at the start of b can be dropped, and reports
// whether the reply ends with them. If it does not, Skip is to be called again, with
// what follows them in front and more behind it. It may take over after a Scan that
// returned 0, with the same bytes; Scan must not take over before the end. Limits and
// errors are those of Scan, but for the offset in an error.
func (s *Scanner) Skip(b []byte) (n int, whole bool, err error) {
	if s.lim.Line == 0 {
		s.limit(s.lim)
	}
	for {
		took, ended, err := s.skipStep(b[n:])
		if err != nil {
			return n, false, err
		}
		n += took
		if s.skipped += took; s.skipped > s.lim.Reply {
			return n, false, s.beyond("reply", s.lim.Reply, "Reply")
		}
		if ended == incomplete {
			return n, false, nil
		}
		if ended == part {
			continue
		}
		if whole, err = s.valueEnded(); whole || err != nil {
			s.Reset()
			return n, whole, err
		}
	}
}

// skipStep drops the next piece of a reply, or as much of it as there is.
func (s *Scanner) skipStep(b []byte) (n int, ended extent, err error) {
	switch {
	case s.bodyLeft > 0:
		return s.skipBody(b)
	case s.inLine:
		return s.skipLine(b)
	case len(b) == 0:
		return 0, incomplete, nil
	}
	if s.run(b); s.pos > 0 { // or Scan has accepted something before
		n, s.pos, s.seen = s.pos, 0, 0
		return n, part, nil
	}
	if ended, err = s.step(b); err != nil {
		return 0, 0, err
	}
	if ended == incomplete {
		return s.beginLong(b)
	}
	n, s.pos, s.seen = s.pos, 0, 0
	return n, ended, nil
}

// beginLong drops the beginning of a string or line of which the end has not come.
func (s *Scanner) beginLong(b []byte) (n int, ended extent, err error) {
	switch k := Kind(b[0]); {
	case k == KindBulk || k == KindBulkError || k == KindVerbatim || s.chunked:
		return s.beginBody(b, k)
	case (k == KindText || k == KindError || k == KindBig) && len(b) > fullLine:
		s.inLine, s.lineLeft, s.seen = true, s.lim.Line, 0
		return 1, part, nil
	}
	return 0, incomplete, nil
}

// beginBody drops the header of a string or chunk whose body has not come as a whole.
func (s *Scanner) beginBody(b []byte, k Kind) (n int, ended extent, err error) {
	n = lineBreak(b) + len("\r\n")
	if n < len("\r\n") || n > len(b) {
		return 0, incomplete, nil // of a header, which is short
	}
	if k == KindVerbatim { // its format is looked at, but not dropped
		const format = "txt:"
		if len(b) < n+len(format) {
			return 0, incomplete, nil
		}
		if b[n+len(format)-1] != ':' {
			return 0, 0, s.bad(noFormat)
		}
	}
	s.bodyLeft, s.seen = s.need+len(b)-n, 0
	if s.chunked {
		s.sum += s.bodyLeft - len("\r\n")
	}
	return n, part, nil
}

// skipBody drops the rest of a string with its end.
func (s *Scanner) skipBody(b []byte) (n int, ended extent, err error) {
	const end = "\r\n"
	if s.bodyLeft > len(end) {
		n = min(s.bodyLeft-len(end), len(b))
		if s.bodyLeft -= n; s.bodyLeft > len(end) {
			return n, incomplete, nil
		}
		return n, part, nil
	}
	if len(b) < len(end) {
		return 0, incomplete, nil
	}
	if string(b[:len(end)]) != end {
		return 0, 0, s.bad(wrongEnd)
	}
	s.bodyLeft = 0
	if s.chunked {
		return len(end), part, nil
	}
	return len(end), value, nil
}

// skipLine drops the rest of a line with its end.
func (s *Scanner) skipLine(b []byte) (n int, ended extent, err error) {
	i := lineBreak(b)
	n = i
	if i < 0 {
		n = len(b)
	}
	if n > s.lineLeft {
		return 0, 0, s.beyondLine(s.lim.Line)
	}
	switch {
	case i < 0 || b[i] == '\r' && i+1 == len(b):
		s.lineLeft -= n
		return n, incomplete, nil
	case b[i] == '\n':
		return 0, 0, s.bad(noCR)
	case b[i+1] != '\n':
		return 0, 0, s.bad(strayCR)
	}
	s.inLine = false
	return i + len("\r\n"), value, nil
}
