package mq

import (
	"bytes"
	"strconv"

	"github.com/kermes-redis/kermes/resp"
)

// claimed is a message as a script returns it. It owns its bytes.
type claimed struct {
	id       string
	record   []byte
	failures int
	crashes  int
	priority Priority
	attempts bool // there is an entry in "a"
	key      string
	keep     bool // the result is wanted
	token    string
}

// stepReply is the reply of the step script.
type stepReply struct {
	now     int64
	next    int64 // ms until something is due, or -1
	state   int64
	results string
	crashed int64
	claimed []claimed
}

// fields reads the elements of an array in turn.
type fields struct {
	c   resp.Cursor
	err error
}

func fieldsOf(v resp.Value) *fields { return &fields{c: v.Cursor()} }

func (f *fields) next() (resp.Value, bool) {
	v, ok := f.c.Next()
	if !ok && f.err == nil {
		f.err = errReply
	}
	return v, ok
}

func (f *fields) int() int64 {
	v, ok := f.next()
	if !ok {
		return 0
	}
	n, err := v.Int()
	if err != nil && f.err == nil {
		f.err = err
	}
	return n
}

// float reads a score, which may have come as "1e+15".
func (f *fields) float() int64 {
	v, ok := f.next()
	if !ok {
		return 0
	}
	n, err := v.Float()
	if err != nil && f.err == nil {
		f.err = err
	}
	return int64(n)
}

func (f *fields) bytes() []byte {
	v, ok := f.next()
	if !ok {
		return nil
	}
	b, err := v.Bytes()
	if err != nil && f.err == nil {
		f.err = err
	}
	return b
}

func (f *fields) text() string { return string(f.bytes()) }

func (f *fields) left() int { return f.c.Left() }

// claim reads one message. Its record is put behind the others in arena, which must
// have the room.
func (f *fields) claim(arena *[]byte) claimed {
	m := claimed{id: f.text()}
	start := len(*arena)
	*arena = append(*arena, f.bytes()...)
	m.record = (*arena)[start:len(*arena):len(*arena)]
	m.entry(f.bytes())
	return m
}

// entry reads "failures:crashes:band", behind which may stand the number of a group, for how
// long the result is kept, and a key.
func (m *claimed) entry(b []byte) {
	m.attempts = len(b) > 0
	m.failures, b = number(b)
	m.crashes, b = number(b)
	if len(b) > 0 && b[0] == '0' {
		m.priority = High
	} else if len(b) > 0 && b[0] == '2' {
		m.priority = Low
	}
	if len(b) < 2 {
		return
	}
	of, key, has := bytes.Cut(b[1:], []byte{'='})
	m.keep = bytes.IndexByte(of, '~') >= 0
	if has {
		m.key = readKey(string(key))
	}
}

// number reads digits up to a colon, and returns what is behind it.
func number(b []byte) (int, []byte) {
	for i, c := range b {
		if c == ':' {
			n, _ := strconv.Atoi(string(b[:i]))
			return n, b[i+1:]
		}
	}
	return 0, nil
}

func decodeStep(v resp.Value) (stepReply, error) {
	f := fieldsOf(v)
	r := stepReply{now: f.int(), next: f.int(), state: f.int(), results: f.text(), crashed: f.int()}
	n := f.left() / 3
	arena := make([]byte, 0, len(v))
	r.claimed = make([]claimed, 0, n)
	for range n {
		r.claimed = append(r.claimed, f.claim(&arena))
	}
	return r, f.err
}

// extended is the reply of the extend script.
type extended struct {
	now     int64
	results string
}

func decodeExtended(v resp.Value) (extended, error) {
	f := fieldsOf(v)
	return extended{f.int(), f.text()}, f.err
}

func decodeRecovered(v resp.Value) ([]claimed, error) {
	f := fieldsOf(v)
	f.int()
	arena := make([]byte, 0, len(v))
	var out []claimed
	for f.left() > 0 && f.err == nil {
		m := f.claim(&arena)
		m.token = f.text()
		out = append(out, m)
	}
	return out, f.err
}
