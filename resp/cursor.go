package resp

// Cursor walks the elements of an aggregate: array, set or push, and the keys
// and values of a map in turn. It allocates nothing. The zero Cursor is at its
// end. It is not safe for concurrent use.
//
//	for c := v.Cursor(); ; {
//		e, ok := c.Next()
//		...
type Cursor struct {
	rest []byte
	left int // elements to come; -1 until the dot
	bad  bool
}

// Next returns the next element with its attributes. It reports false at the
// end, and where the bytes are no RESP; see [Cursor.Err].
func (c *Cursor) Next() (Value, bool) {
	if c.left == 0 {
		return nil, false
	}
	n := leaf(c.rest, maxLimit)
	if n == 0 {
		if n = c.next(); n == 0 {
			return nil, false
		}
	}
	v := Value(c.rest[:n:n])
	c.rest = c.rest[n:]
	if c.left > 0 {
		c.left--
	}
	return v, true
}

// next returns the length of the next element. At the end, or where the bytes
// are malformed, it stops the cursor and returns 0.
func (c *Cursor) next() int {
	if c.left < 0 && len(c.rest) > 0 && c.rest[0] == '.' {
		c.left = 0
		c.bad = lineEnd(c.rest, 1) == 0
		return 0
	}
	n := skip(c.rest)
	if n == 0 {
		c.left, c.bad = 0, true
	}
	return n
}

// pair returns the next two elements.
func (c *Cursor) pair() (key, value Value, ok bool) {
	if key, ok = c.Next(); !ok {
		return nil, nil, false
	}
	value, ok = c.Next()
	return key, value, ok
}

// Left returns how many elements are to come, or -1 if that is not known: the
// aggregate is streamed.
func (c *Cursor) Left() int { return c.left }

// Err returns a *[SyntaxError] if the cursor has met bytes that are no RESP, as
// cannot happen with what a [Scanner] or [Reader] has found.
func (c *Cursor) Err() error {
	if c.bad {
		return &SyntaxError{Msg: "malformed aggregate"}
	}
	return nil
}
