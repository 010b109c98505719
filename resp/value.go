package resp

import (
	"bytes"
	"iter"
)

// Value is one complete reply as it came: its bytes, with the attributes that
// stand in front of it. There is no tree: accessors and cursors read the bytes,
// and what they return aliases them, so it lives as long as they do.
//
// A Value that a [Scanner] or [Reader] has found is well formed. The methods
// take any other bytes as well: they never panic, and return a *[SyntaxError] or
// nothing for what is no reply. They do not change v; a Value whose bytes nobody
// changes is safe for concurrent use.
type Value []byte

// Kind returns the kind of the reply; attributes in front of it are skipped. It
// is [KindNull] for all nulls, and 0 if v is empty or malformed. It looks at the
// header only.
func (v Value) Kind() Kind {
	if len(v) > 0 && v[0] == '|' {
		v = v.bare()
	}
	if len(v) == 0 || !begins(v[0]) {
		return 0
	}
	k := Kind(v[0])
	if (k == KindBulk || k == KindArray) && len(v) > 1 && v[1] == '-' {
		return KindNull
	}
	return k
}

// IsNull reports whether the reply is a null, of RESP2 or RESP3.
func (v Value) IsNull() bool { return v.Kind() == KindNull }

// Err returns the *[Error] that the reply is, or nil. It does not look into
// aggregates: an error within the reply of EXEC is the Err of that element. The
// error owns its strings.
func (v Value) Err() error {
	if !v.MayBeError() {
		return nil
	}
	return v.asError()
}

// MayBeError reports whether v, a reply, is an error, or has an attribute in front of it,
// behind which one may stand. It looks at one byte, without a call.
func (v Value) MayBeError() bool {
	return len(v) > 0 && (v[0] == '-' || v[0] == '!' || v[0] == '|')
}

func (v Value) asError() error {
	k, text, err := v.scalar()
	if err != nil || k != KindError && k != KindBulkError {
		return nil //nolint:nilerr // what is malformed is found by whoever reads the value
	}
	return ParseError(string(text))
}

// Bytes returns the bytes of a string: a text, a bulk string, a verbatim string
// without its format, or the digits of a number. It returns [ErrNull] for a
// null, the *[Error] for an error reply, and a *[ValueError] for booleans and
// aggregates and for a big number that is none.
//
// The slice aliases v, but for a streamed string, whose chunks are joined in a
// new one.
func (v Value) Bytes() ([]byte, error) {
	if start, end := wholeText(v); end > 0 {
		return v[start:end:end], nil
	}
	if len(v) > 0 && v[0] == '$' {
		if n, i := header(v); i > 0 && n >= 0 && n == len(v)-i-2 && v[i+n] == '\r' && v[i+n+1] == '\n' {
			return v[i : i+n : i+n], nil
		}
	}
	return v.text("string")
}

// text returns the bytes of a scalar that has some.
func (v Value) text(want string) ([]byte, error) {
	k, text, err := v.scalar()
	if err != nil {
		return nil, err
	}
	switch k {
	case KindNull:
		return nil, ErrNull
	case KindError, KindBulkError:
		return nil, ParseError(string(text))
	case KindVerbatim:
		return text[4:], nil
	case KindBig:
		if !validBig(text) {
			return nil, &ValueError{Want: "big number", Kind: k}
		}
	case KindText, KindBulk, KindInt, KindDouble:
	default:
		return nil, &ValueError{Want: want, Kind: k}
	}
	return text, nil
}

// Format returns the format of a verbatim string, three bytes such as "txt" or
// "mkd", and "" for anything else.
func (v Value) Format() string {
	k, text, err := v.scalar()
	if err != nil || k != KindVerbatim {
		return ""
	}
	return string(text[:3])
}

// Int returns an integer: an integer reply, or a number or string that consists
// of a sign and digits; the boolean true is 1 and false is 0. The errors are
// those of [Value.Bytes], and a *[ValueError] for what is no integer or does not
// fit 64 bits.
func (v Value) Int() (int64, error) {
	if len(v) > 3 && v[0] == ':' {
		if n, ok := shortInt(v); ok {
			return n, nil
		}
	}
	k, text, err := v.scalar()
	if err == nil && k == KindBool {
		return int64(text[0]>>4) & 1, nil // 't' is 0x74, 'f' is 0x66
	}
	text, err = v.text("integer")
	if err != nil {
		return 0, err
	}
	n, ok := parseInt(text)
	if !ok {
		return 0, &ValueError{Want: "integer", Kind: k}
	}
	return n, nil
}

// shortInt is Int for an integer reply of at most 18 digits.
func shortInt(v Value) (int64, bool) {
	i, negative := 1, false
	if v[1] == '-' {
		i, negative = 2, true
	}
	end := len(v) - 2
	if end-i > 18 || end == i || v[end] != '\r' || v[end+1] != '\n' {
		return 0, false
	}
	var n int64
	for _, c := range v[i:end] {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// Float returns a number: a double, an integer or big number, or a string that
// reads as a double of RESP does. The errors are those of [Value.Bytes], and a
// *[ValueError] for what is no number or is beyond 64 bits.
func (v Value) Float() (float64, error) {
	text, err := v.text("number")
	if err != nil {
		return 0, err
	}
	f, ok := parseFloat(text)
	if !ok {
		return 0, &ValueError{Want: "number", Kind: v.Kind()}
	}
	return f, nil
}

// Bool returns a boolean: a boolean reply, or 0 or 1 as an integer or string.
// The errors are those of [Value.Bytes], and a *[ValueError] for anything else,
// OK included.
func (v Value) Bool() (bool, error) {
	n, err := v.Int()
	if e, ok := err.(*ValueError); ok {
		e.Want = "boolean"
		return false, e
	}
	if err != nil {
		return false, err
	}
	if n != 0 && n != 1 {
		return false, &ValueError{Want: "boolean", Kind: v.Kind()}
	}
	return n == 1, nil
}

// Len returns how many elements Elems yields: 4 for a map of 2 pairs, and 0 for
// what is no aggregate. It is never more than a third of the bytes of v, so it
// may be used to allocate. A streamed aggregate is walked to count.
func (v Value) Len() int {
	c := v.Cursor()
	if c.left >= 0 {
		return c.left
	}
	n := 0
	for _, ok := c.Next(); ok; _, ok = c.Next() {
		n++
	}
	return n
}

// Cursor returns a cursor at the first element of the aggregate. It is at its
// end at once for a null, and for anything that is no aggregate.
func (v Value) Cursor() Cursor {
	if len(v) > 0 && v[0] == '|' {
		v = v.bare()
	}
	if len(v) == 0 || !Kind(v[0]).aggregate() {
		return Cursor{}
	}
	n, i := header(v)
	if i == 0 || n == headerNull {
		return Cursor{bad: i == 0}
	}
	rest := v[i:]
	if n == headerStreamed {
		return Cursor{rest: rest, left: -1}
	}
	// An element takes three bytes at least.
	if n > len(rest)/3 || v[0] == '%' && n > len(rest)/6 {
		return Cursor{bad: true}
	}
	if v[0] == '%' {
		n *= 2
	}
	return Cursor{rest: rest, left: n}
}

// Elems returns an iterator over the elements of an array, set or push, and over
// the keys and values of a map in turn.
func (v Value) Elems() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		c := v.Cursor()
		for e, ok := c.Next(); ok && yield(e); e, ok = c.Next() {
		}
	}
}

// Pairs returns an iterator over the pairs of a map, or of a flat array of keys
// and values, which is how RESP2 sends one. A key without a value is left out.
func (v Value) Pairs() iter.Seq2[Value, Value] {
	return func(yield func(key, value Value) bool) {
		c := v.Cursor()
		for k, e, ok := c.pair(); ok && yield(k, e); k, e, ok = c.pair() {
		}
	}
}

// Attrs returns an iterator over the pairs of the attributes in front of the
// reply.
func (v Value) Attrs() iter.Seq2[Value, Value] {
	return func(yield func(key, value Value) bool) {
		for len(v) > 0 && v[0] == '|' {
			c := attrCursor(v)
			for c.left > 0 {
				k, e, ok := c.pair()
				if !ok || !yield(k, e) {
					return
				}
			}
			v = c.rest
		}
	}
}

// Clone returns a copy of v that owns its bytes.
func (v Value) Clone() Value { return bytes.Clone(v) }

// attrCursor walks the pairs of the attribute at the start of v.
func attrCursor(v Value) Cursor {
	n, i := header(v)
	if i == 0 || n < 0 || n > len(v)/6 {
		return Cursor{bad: true}
	}
	return Cursor{rest: v[i:], left: 2 * n}
}

// bare returns v without its attributes, or nil if they are malformed.
func (v Value) bare() Value {
	for len(v) > 0 && v[0] == '|' {
		c := attrCursor(v)
		for c.left > 0 {
			if _, ok := c.Next(); !ok {
				return nil
			}
		}
		v = c.rest
	}
	return v
}

// What header returns instead of a length.
const (
	headerNull     = -1
	headerStreamed = -2
)

// header parses the length in the first line of b and returns it with the index
// after that line, which is 0 if the line is malformed.
func header(b []byte) (n, next int) {
	if len(b) < 4 {
		return 0, 0
	}
	if d := b[1] - '0'; d <= 9 {
		n = int(d)
		i := 2
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			if n > maxLimit/10-1 {
				return 0, 0
			}
			n = n*10 + int(b[i]-'0')
		}
		return n, lineEnd(b, i)
	}
	if b[1] == '?' {
		return headerStreamed, lineEnd(b, 2)
	}
	if b[1] == '-' && b[2] == '1' {
		return headerNull, lineEnd(b, 3)
	}
	return 0, 0
}

// scalar returns the kind of v and, unless it is an aggregate, its bytes. Those
// of a verbatim string include its format.
func (v Value) scalar() (k Kind, text []byte, err error) {
	if len(v) > 0 && v[0] == '|' {
		v = v.bare()
	}
	k = v.Kind()
	switch k {
	case KindBulk, KindBulkError, KindVerbatim:
		text, err = v.body()
	case KindArray, KindMap, KindSet, KindPush:
	case 0:
		err = errMalformed(k)
	case KindNull:
		if skip(v) != len(v) {
			err = errMalformed(k)
		}
	default:
		i := lineBreak(v)
		if i < 0 || lineEnd(v, i) != len(v) || !validLine(k, v[1:i]) {
			return k, nil, errMalformed(k)
		}
		text = v[1:i:i]
	}
	return k, text, err
}

// body returns the bytes of a string with a length, or of a streamed one.
func (v Value) body() ([]byte, error) {
	k := Kind(v[0])
	n, i := header(v)
	switch {
	case i > 0 && n == headerStreamed && k == KindBulk:
		return v.join(i)
	case i == 0 || n < 0 || n != len(v)-i-2 || lineEnd(v, i+n) == 0:
		return nil, errMalformed(k)
	case k == KindVerbatim && (n < 4 || v[i+3] != ':'):
		return nil, errMalformed(k)
	}
	return v[i : i+n : i+n], nil
}

// join returns the chunks of a streamed string, the first of which is at i, as
// one slice.
func (v Value) join(i int) ([]byte, error) {
	if skip(v) != len(v) {
		return nil, errMalformed(KindBulk)
	}
	text := make([]byte, 0, len(v)-i)
	for {
		n, next := header(v[i:])
		if n <= 0 || next == 0 {
			return text, nil
		}
		text = append(text, v[i+next:i+next+n]...)
		i += next + n + 2
	}
}

func errMalformed(k Kind) error { return &SyntaxError{Msg: "malformed " + k.String()} }
