package redis

import (
	"errors"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Entry is an entry of a stream. Entries of one reply share memory: clone what
// outlives the others by far.
type Entry struct {
	ID     string
	Fields []FieldValue // in their order; nil if the entry has been removed

	// Of entries that were claimed by [XReadGroup]; else zero.
	Idle       time.Duration // since the last delivery
	Deliveries int64         // how often it was delivered before
}

// Get returns the value of the first field of that name, or "".
func (e Entry) Get(field string) string {
	s, _ := e.Lookup(field)
	return s
}

// Lookup returns the value of the first field of that name and whether there is
// one.
func (e Entry) Lookup(field string) (string, bool) {
	for _, f := range e.Fields {
		if f.Field == field {
			return f.Value, true
		}
	}
	return "", false
}

// Map returns the fields as a map. Of fields with one name the last one stays.
func (e Entry) Map() map[string]string {
	m := make(map[string]string, len(e.Fields))
	for _, f := range e.Fields {
		m[f.Field] = f.Value
	}
	return m
}

// Stream is some entries of one stream.
type Stream struct {
	Key     string
	Entries []Entry
}

// entries skips nulls: servers before 7.0 sent them for removed entries.
func entries(v resp.Value) ([]Entry, error) {
	c, n, err := elems(v)
	if err != nil {
		return nil, err
	}
	r := entryReader{arena: arena{left: len(v)}, left: n}
	out := make([]Entry, 0, n)
	for {
		if x, ok := r.ordinary(&c); ok {
			out = append(out, x)
			continue
		}
		e, ok := c.Next()
		if !ok {
			return out, nil
		}
		if e.IsNull() {
			continue
		}
		x, err := r.entry(e)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
}

func entry(v resp.Value) (Entry, error) {
	r := entryReader{arena: arena{left: len(v)}, left: 1}
	return r.entry(v)
}

// slabFields bounds how many fields one kept entry can hold on to.
const slabFields = 128

// entryReader decodes entries whose strings share an [arena], and whose fields
// share slabs of memory likewise.
type entryReader struct {
	arena arena
	slab  []FieldValue // what is behind len is free
	left  int          // entries not yet read
}

// ordinary decodes the next entry if it is one as nearly all are: [id, fields], of bulk
// strings. If not, c stays where it is.
func (r *entryReader) ordinary(c *resp.Cursor) (e Entry, ok bool) {
	in := *c
	if n, _ := in.Enter(); n != 2 {
		return e, false
	}
	id, ok := in.NextBulk()
	if !ok {
		return e, false
	}
	n, ok := in.Enter()
	if !ok || n == 0 || n%2 != 0 || n > in.Left() {
		return e, false
	}
	e.ID = r.arena.add(id)
	r.makeRoom(n / 2)
	start := len(r.slab)
	for range n / 2 {
		field, ok := in.NextBulk()
		if !ok {
			r.slab = r.slab[:start]
			return e, false
		}
		val, ok := in.NextBulk()
		if !ok {
			r.slab = r.slab[:start]
			return e, false
		}
		name := r.arena.add(field)
		r.slab = append(r.slab, FieldValue{name, r.arena.add(val)})
	}
	// With no capacity to spare, so that an append of the caller copies.
	e.Fields = r.slab[start:len(r.slab):len(r.slab)]
	r.left--
	*c = in
	return e, true
}

// makeRoom makes room for n fields in the slab.
func (r *entryReader) makeRoom(n int) {
	if cap(r.slab)-len(r.slab) < n {
		r.slab = make([]FieldValue, 0, max(n, min(n*r.left, slabFields)))
	}
}

// entry decodes [id, fields], or [id, fields, idle, deliveries] when claimed.
func (r *entryReader) entry(v resp.Value) (e Entry, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return e, err
	}
	id, _ := c.Next()
	p, err := view(id)
	if err != nil {
		return e, err
	}
	e.ID = r.arena.add(p)
	fields, _ := c.Next()
	if e.Fields, err = orZero(r.fields(fields)); err != nil {
		return e, err
	}
	if v.Len() >= 4 {
		e.Idle = next(&c, Millis, &err)
		e.Deliveries = next(&c, Int, &err)
	}
	r.left--
	return e, err
}

func (r *entryReader) fields(v resp.Value) ([]FieldValue, error) {
	p, n, err := pairsOf(v)
	if err != nil {
		return nil, err
	}
	r.makeRoom(n)
	start := len(r.slab)
	for p.next() {
		f, err := view(p.key)
		if err != nil {
			return nil, err
		}
		val, err := view(p.value)
		if err != nil {
			return nil, err
		}
		field := r.arena.add(f)
		r.slab = append(r.slab, FieldValue{field, r.arena.add(val)})
	}
	// With no capacity to spare, so that an append of the caller copies.
	return r.slab[start:len(r.slab):len(r.slab)], p.err
}

// streams decodes a map of keys and entries, or an array of pairs. A null means
// that there are none.
func streams(v resp.Value) ([]Stream, error) {
	p, n, err := pairsOf(v)
	if errors.Is(err, ErrNil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make([]Stream, 0, n)
	for p.next() {
		var s Stream
		if s.Key, err = Text(p.key); err != nil {
			return nil, err
		}
		if s.Entries, err = entries(p.value); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, p.err
}
