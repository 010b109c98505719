package redis

import (
	"errors"

	"github.com/kermes-redis/kermes/resp"
)

// ListOf decodes the elements of an array or set by d. A null element is
// whatever d makes of it: [ErrNil] for most; use [OptOf] where there may be some.
func ListOf[T any](d Decoder[T]) Decoder[[]T] {
	return func(v resp.Value) ([]T, error) { return list(v, d) }
}

// MapOf decodes a map, or an array of keys and values in turn or in pairs.
func MapOf[K comparable, V any](key Decoder[K], value Decoder[V]) Decoder[map[K]V] {
	return func(v resp.Value) (map[K]V, error) {
		p, n, err := pairsOf(v)
		if err != nil {
			return nil, err
		}
		out := make(map[K]V, n)
		for p.next() {
			k, err := key(p.key)
			if err != nil {
				return nil, err
			}
			if out[k], err = value(p.value); err != nil {
				return nil, err
			}
		}
		return out, p.err
	}
}

// Texts decodes a list of strings. Short strings share memory, at most 8 KiB
// together: clone one that outlives the others by far.
func Texts(v resp.Value) ([]string, error) {
	c, n, err := elems(v)
	if err != nil {
		return nil, err
	}
	a := arena{left: len(v)}
	out := make([]string, 0, n)
	var run [bulkRun][]byte
	for {
		some := c.NextBulks(run[:])
		for _, p := range run[:some] {
			out = append(out, a.add(p))
		}
		if some > bulkRun/2 {
			continue
		}
		for range bulkRun { // one by one, before a run is tried again
			p, ok := c.NextBulk()
			if !ok {
				if p, ok, err = nextView(&c); err != nil {
					return nil, err
				}
				if !ok {
					return out, nil
				}
			}
			out = append(out, a.add(p))
		}
	}
}

// bulkRun is how many strings are taken from a list at a time, where it has many
// short ones in a row.
const bulkRun = 32

// nextView is what Cursor.NextBulk is not for: the bytes of any other element.
func nextView(c *resp.Cursor) (p []byte, ok bool, err error) {
	e, ok := c.Next()
	if ok {
		p, err = view(e)
	}
	return p, ok, err
}

// OptTexts decodes a list of strings of which some may be null. See [Texts].
func OptTexts(v resp.Value) ([]Opt[string], error) {
	c, n, err := elems(v)
	if err != nil {
		return nil, err
	}
	a := arena{left: len(v)}
	out := make([]Opt[string], 0, n)
	for {
		if p, ok := c.NextBulk(); ok {
			out = append(out, Some(a.add(p)))
			continue
		}
		if c.NextNull() {
			out = append(out, Opt[string]{})
			continue
		}
		e, ok := c.Next()
		if !ok {
			return out, nil
		}
		p, err := view(e)
		if errors.Is(err, ErrNil) {
			out = append(out, Opt[string]{})
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Some(a.add(p)))
	}
}

// TextMap decodes a map of strings. See [Texts] about memory.
func TextMap(v resp.Value) (map[string]string, error) {
	p, n, err := pairsOf(v)
	if err != nil {
		return nil, err
	}
	a := arena{left: len(v)}
	out := make(map[string]string, n)
	var run [bulkRun][]byte
	for {
		some := p.bulks(run[:])
		for i := 0; i < some; i += 2 {
			// The key first: it is what the caller reads first.
			key := a.add(run[i])
			out[key] = a.add(run[i+1])
		}
		if some > bulkRun/2 {
			continue
		}
		for range bulkRun / 2 { // one by one, before a run is tried again
			k, val, ok, err := p.views()
			if err != nil {
				return nil, err
			}
			if !ok {
				return out, nil
			}
			key := a.add(k)
			out[key] = a.add(val)
		}
	}
}

// TextSet decodes a list of strings as a set: As(SMembers(key), TextSet). See [Texts]
// about memory.
func TextSet(v resp.Value) (map[string]struct{}, error) {
	c, n, err := elems(v)
	if err != nil {
		return nil, err
	}
	a := arena{left: len(v)}
	out := make(map[string]struct{}, n)
	for {
		p, ok := c.NextBulk()
		if !ok {
			if p, ok, err = nextView(&c); err != nil {
				return nil, err
			}
			if !ok {
				return out, nil
			}
		}
		out[a.add(p)] = struct{}{}
	}
}

// Ints decodes a list of integers.
func Ints(v resp.Value) ([]int64, error) {
	c, n, err := elems(v)
	if err != nil {
		return nil, err
	}
	out := make([]int64, 0, n)
	for {
		out = c.AppendInts(out)
		e, more := c.Next()
		if !more {
			return out, nil
		}
		i, err := Int(e)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
}

// Floats decodes a list of numbers.
func Floats(v resp.Value) ([]float64, error) { return list(v, Float) }

// Bools decodes a list of booleans, or of 0 and 1.
func Bools(v resp.Value) ([]bool, error) { return list(v, Bool) }

// OptInts decodes a list of integers of which some may be null.
func OptInts(v resp.Value) ([]Opt[int64], error) { return list(v, optInt) }

// OptFloats decodes a list of numbers of which some may be null.
func OptFloats(v resp.Value) ([]Opt[float64], error) { return list(v, optFloat) }

func optInt(v resp.Value) (Opt[int64], error)     { return opt(v, Int) }
func optFloat(v resp.Value) (Opt[float64], error) { return opt(v, Float) }

func list[T any](v resp.Value, d Decoder[T]) ([]T, error) {
	c, n, err := elems(v)
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, n)
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		t, err := d(e)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// elems returns a cursor over the elements of an aggregate and their number, as
// far as the bytes can hold so many: a header alone reserves nothing.
func elems(v resp.Value) (resp.Cursor, int, error) {
	switch v.Kind() {
	case resp.KindArray, resp.KindSet, resp.KindPush, resp.KindMap:
		// The shortest element, a RESP3 null, takes three bytes.
		return v.Cursor(), min(max(v.Len(), 0), len(v)/3), nil
	case resp.KindNull:
		return resp.Cursor{}, 0, ErrNil
	}
	if err := v.Err(); err != nil {
		return resp.Cursor{}, 0, err
	}
	return resp.Cursor{}, 0, &DecodeError{Want: "list", Got: v.Kind()}
}

// pairs walks keys with values: a map, a flat array, or an array of pairs as
// RESP3 has for sorted sets.
type pairs struct {
	c          resp.Cursor
	key, value resp.Value
	err        error
}

// pairsOf returns the pairs of v and their number, as elems does.
func pairsOf(v resp.Value) (pairs, int, error) {
	c, n, err := elems(v)
	first := c
	if _, paired := first.Enter(); !paired {
		n = (n + 1) / 2
	}
	return pairs{c: c}, n, err
}

// bulks puts the keys and values of the next pairs into out, which has an even
// length, as long as both are short and ordinary. It returns how many strings it has
// put there.
func (p *pairs) bulks(out [][]byte) int {
	before := p.c
	n := p.c.NextBulks(out)
	if n%2 != 0 { // a key whose value is something else
		p.c = before
		n = p.c.NextBulks(out[:n-1])
	}
	return n
}

// views returns the strings of the next pair, or false at the end.
func (p *pairs) views() (key, value []byte, ok bool, err error) {
	c := p.c
	if key, ok = c.NextBulk(); ok {
		if value, ok = c.NextBulk(); ok {
			p.c = c
			return key, value, true, nil
		}
	}
	if !p.next() {
		return nil, nil, false, p.err
	}
	if key, err = view(p.key); err == nil {
		value, err = view(p.value)
	}
	return key, value, true, err
}

func (p *pairs) next() bool {
	e, ok := p.c.Next()
	if !ok {
		return false
	}
	p.key = e
	if e.Kind() == resp.KindArray {
		inner := e.Cursor()
		p.key, _ = inner.Next()
		p.value, ok = inner.Next()
		if _, more := inner.Next(); more {
			ok = false
		}
	} else {
		p.value, ok = p.c.Next()
	}
	if !ok {
		p.err = &DecodeError{Want: "pairs", Got: e.Kind()}
	}
	return ok
}

// tuple returns a cursor over an array of at least n elements.
func tuple(v resp.Value, n int) (resp.Cursor, error) {
	c, _, err := elems(v)
	if err == nil && v.Len() < n && v.Len() >= 0 {
		err = &DecodeError{Want: "tuple", Got: v.Kind()}
	}
	return c, err
}

// next decodes the next element of c unless an earlier one has failed.
func next[T any](c *resp.Cursor, d Decoder[T], err *error) (t T) {
	if *err != nil {
		return t
	}
	v, ok := c.Next()
	if !ok {
		*err = &DecodeError{Want: "another element", Got: v.Kind()}
		return t
	}
	t, *err = d(v)
	return t
}

// named calls field with the entries of a map whose keys are names. Names that
// it does not know are for it to ignore: servers add new ones.
func named(v resp.Value, field func(name string, v resp.Value) error) error {
	p, _, err := pairsOf(v)
	if err != nil {
		return err
	}
	for p.next() {
		name, err := view(p.key)
		if err != nil {
			return err
		}
		if err := field(string(name), p.value); err != nil {
			return err
		}
	}
	return p.err
}

// orZero takes a null for the zero value.
func orZero[T any](t T, err error) (T, error) {
	if errors.Is(err, ErrNil) {
		err = nil
	}
	return t, err
}
