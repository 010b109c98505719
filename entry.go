package redis

import (
	"errors"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Entry is an entry of a stream.
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
	out := make([]Entry, 0, n)
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		if e.IsNull() {
			continue
		}
		x, err := entry(e)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// entry decodes [id, fields], or [id, fields, idle, deliveries] when claimed.
func entry(v resp.Value) (e Entry, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return e, err
	}
	e.ID = next(&c, Text, &err)
	e.Fields = next(&c, entryFields, &err)
	if v.Len() >= 4 {
		e.Idle = next(&c, Millis, &err)
		e.Deliveries = next(&c, Int, &err)
	}
	return e, err
}

func entryFields(v resp.Value) ([]FieldValue, error) { return orZero(fieldValues(v)) }

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
