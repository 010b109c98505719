package resp

// NextBulk is Next and [Value.Bytes] in one, for an element that is an ordinary
// bulk string, as nearly all are. It reports false, and stays where it is, if
// the next element is anything else: Next then tells what. The bytes are those
// of the reply.
func (c *Cursor) NextBulk() ([]byte, bool) {
	if c.left == 0 {
		return nil, false
	}
	start, end := bulkBody(c.rest)
	if start == 0 {
		return nil, false
	}
	text := c.rest[start:end:end]
	c.advance(end + 2)
	return text, true
}

// NextBulks puts the texts of the next elements into out, as long as they are
// ordinary bulk strings of less than 100 bytes, and returns how many it has put
// there. It may stop early, at the last one in particular, and stays in front of
// whatever it stops at. The bytes are those of the reply.
func (c *Cursor) NextBulks(out [][]byte) int {
	if c.left >= 0 && len(out) > c.left {
		out = out[:c.left]
	}
	n, size := shortBulks(out, c.rest)
	c.rest = c.rest[size:]
	c.left = max(c.left-n, -1)
	return n
}

// NextInt is Next and [Value.Int] in one, for an element that is an integer or an
// ordinary bulk string, of at most 18 digits. It reports false, and stays where
// it is, if the next element is anything else: Next then tells what.
func (c *Cursor) NextInt() (int64, bool) {
	if c.left == 0 || len(c.rest) < 4 {
		return 0, false
	}
	start, end := 1, 0 // the end of an integer is where its digits end
	if c.rest[0] != ':' {
		if start, end = bulkBody(c.rest); start == 0 {
			return 0, false
		}
	}
	n, after := shortDigits(c.rest, start)
	if after == 0 || end != 0 && end != after || lineEnd(c.rest, after) == 0 {
		return 0, false
	}
	c.advance(after + 2)
	return n, true
}

// AppendInts appends the integers of the next elements to dst, as many as there are
// in a row that are integers or ordinary bulk strings, and returns the extended
// slice. It stops in front of anything else, and may stop in front of an integer of
// more than 18 digits: Next then tells what it is.
func (c *Cursor) AppendInts(dst []int64) []int64 {
	for {
		if len(c.rest) > 0 && c.rest[0] == '$' {
			room := cap(dst) - len(dst)
			if c.left >= 0 {
				room = min(room, c.left)
			}
			n, size := wordInts(dst[len(dst):len(dst)+room], c.rest)
			dst, c.rest = dst[:len(dst)+n], c.rest[size:]
			c.left = max(c.left-n, -1)
		}
		n, ok := c.NextInt()
		if !ok {
			return dst
		}
		dst = append(dst, n)
	}
}

func (c *Cursor) advance(n int) {
	c.rest = c.rest[n:]
	if c.left > 0 {
		c.left--
	}
}

// bulkBody returns where the text of the bulk string at the start of b begins and
// ends, or zeros unless it is an ordinary one of less than 100,000 bytes.
func bulkBody(b []byte) (start, end int) {
	if len(b) < 6 || b[0] != '$' {
		return 0, 0
	}
	n := int(b[1] - '0')
	if n > 9 {
		return 0, 0
	}
	i := 2
	for b[i]-'0' <= 9 {
		n = n*10 + int(b[i]-'0')
		if i++; i > 6 || i == len(b) {
			return 0, 0
		}
	}
	start = i + 2
	end = start + n
	if end+2 > len(b) || b[i] != '\r' || b[i+1] != '\n' || b[end] != '\r' || b[end+1] != '\n' {
		return 0, 0
	}
	return start, end
}

// shortDigits parses a sign and 1 to 18 digits at b[i], which cannot overflow. It
// returns where they end, or zero if there is no such thing.
func shortDigits(b []byte, i int) (n int64, end int) {
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if i == start || i-start > 18 {
		return 0, 0
	}
	if negative {
		n = -n
	}
	return n, i
}
