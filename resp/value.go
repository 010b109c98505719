package resp

import (
	"iter"
	"strconv"
)

type Value []byte

func (v Value) header() (k Kind, body []byte, rest []byte) {
	for {
		if len(v) == 0 {
			return 0, nil, nil
		}
		e := line(v, 0, len(v))
		if e < 0 {
			return 0, nil, nil
		}
		k, body, rest = Kind(v[0]), v[1:e-2], v[e:]
		if k != KindAttribute {
			if string(body) == "-1" && (k == KindBulk || k == KindArray) {
				k = KindNull
			}
			return k, body, rest
		}
		n, _ := digits(body)
		for range 2 * n {
			s := NewScanner(Limits{})
			l, err := s.Scan(rest)
			if err != nil || l == 0 {
				return 0, nil, nil
			}
			rest = rest[l:]
		}
		v = Value(rest)
	}
}
func (v Value) Kind() Kind   { k, _, _ := v.header(); return k }
func (v Value) IsNull() bool { return v.Kind() == KindNull }
func (v Value) Err() error {
	if len(v) == 0 || v[0] != '-' && v[0] != '!' && v[0] != '|' {
		return nil
	}
	k, body, rest := v.header()
	switch k {
	case KindError:
		return parseError(string(body))
	case KindBulkError:
		return parseError(string(rest[:len(rest)-2]))
	}
	return nil
}
func (v Value) Bytes() ([]byte, error) {
	k, body, rest := v.header()
	switch k {
	case KindText, KindInt, KindDouble, KindBig:
		return body, nil
	case KindBulk:
		if len(rest) < 2 {
			return nil, ErrProtocol
		}
		return rest[:len(rest)-2], nil
	case KindVerbatim:
		return rest[4 : len(rest)-2], nil
	case KindNull:
		return nil, ErrNull
	case KindError, KindBulkError:
		return nil, v.Err()
	}
	return nil, ErrProtocol
}
func (v Value) Int() (int64, error) {
	b, err := v.Bytes()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(b), 10, 64)
}
func (v Value) Float() (float64, error) {
	b, err := v.Bytes()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(string(b), 64)
}
func (v Value) Bool() (bool, error) { n, err := v.Int(); return n != 0, err }
func (v Value) Len() int {
	k, body, _ := v.header()
	n, _ := digits(body)
	switch k {
	case KindMap:
		return int(2 * n)
	case KindArray, KindSet, KindPush:
		return int(n)
	}
	return 0
}
func (v Value) Elems() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		c := v.Cursor()
		for e, ok := c.Next(); ok; e, ok = c.Next() {
			if !yield(e) {
				return
			}
		}
	}
}
func (v Value) Pairs() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		c := v.Cursor()
		for {
			k, ok := c.Next()
			if !ok {
				return
			}
			e, ok := c.Next()
			if !ok || !yield(k, e) {
				return
			}
		}
	}
}
func (v Value) Attrs() iter.Seq2[Value, Value] { return func(func(Value, Value) bool) {} }
func (v Value) Clone() Value                   { return append(Value(nil), v...) }
func (v Value) String() string                 { return string(v) }

type Cursor struct {
	rest []byte
	n    int
}

func (v Value) Cursor() Cursor { _, _, rest := v.header(); return Cursor{rest, v.Len()} }
func (c *Cursor) Next() (Value, bool) {
	if c.n == 0 {
		return nil, false
	}
	s := NewScanner(Limits{})
	n, err := s.Scan(c.rest)
	if n == 0 || err != nil {
		return nil, false
	}
	v := Value(c.rest[:n])
	c.rest = c.rest[n:]
	c.n--
	return v, true
}
