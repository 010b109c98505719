package mq

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// formatVersion is the newest version of what is stored. A queue in which nothing of
// version 2 is stored says 1: see head.lua.
const formatVersion = 2

// recordVersion is that of records.
const recordVersion = 1

// record is a message as it is stored: one byte of version, the fields that are
// not zero, and the payload, which is the rest.
type record struct {
	enqueued    time.Time // by the producer's clock
	kind        string
	maxAttempts int
	window      time.Duration // the id stays taken that long after the message is done
	timeout     time.Duration // of the handler
	headers     map[string]string
	payload     []byte
}

// The bits that say which fields follow.
const (
	hasKind = 1 << iota
	hasMaxAttempts
	hasWindow
	hasTimeout
	hasHeaders
	knownFields = 1<<iota - 1
)

var errRecord = errors.New("mq: malformed record")

func (r *record) append(b []byte) []byte {
	var fields byte
	for i, has := range []bool{r.kind != "", r.maxAttempts != 0, r.window != 0, r.timeout != 0, len(r.headers) > 0} {
		if has {
			fields |= 1 << i
		}
	}
	b = append(b, recordVersion, fields)
	b = binary.AppendUvarint(b, uint64(max(r.enqueued.UnixMilli(), 0)))
	if fields&hasKind != 0 {
		b = appendText(b, r.kind)
	}
	if fields&hasMaxAttempts != 0 {
		b = binary.AppendUvarint(b, uint64(r.maxAttempts))
	}
	if fields&hasWindow != 0 {
		b = binary.AppendUvarint(b, uint64(r.window/time.Millisecond))
	}
	if fields&hasTimeout != 0 {
		b = binary.AppendUvarint(b, uint64(r.timeout/time.Millisecond))
	}
	if fields&hasHeaders != 0 {
		b = binary.AppendUvarint(b, uint64(len(r.headers)))
		for _, k := range slices.Sorted(maps.Keys(r.headers)) {
			b = appendText(appendText(b, k), r.headers[k])
		}
	}
	return append(b, r.payload...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// record reads a record of the queue.
func (c *core) record(b []byte) (record, error) {
	r, err := parseRecord(b)
	if f, ok := errors.AsType[*FormatError](err); ok {
		f.Queue = c.name
	}
	return r, err
}

// parseRecord reads a record. The payload aliases b. A newer version, and a field that
// is not known, is a *[FormatError].
func parseRecord(b []byte) (r record, err error) {
	if len(b) < 2 {
		return r, errRecord
	}
	if b[0] > recordVersion {
		return r, &FormatError{Record: true, Found: fmt.Sprint(b[0]), Known: recordVersion}
	}
	if b[1] > knownFields {
		return r, &FormatError{Record: true, Found: fmt.Sprint(b[0]), Known: recordVersion, Fields: b[1] &^ knownFields}
	}
	p := parser{b: b[2:]}
	r.enqueued = time.UnixMilli(int64(p.uint()))
	fields := b[1]
	if fields&hasKind != 0 {
		r.kind = p.text()
	}
	if fields&hasMaxAttempts != 0 {
		r.maxAttempts = int(p.uint())
	}
	if fields&hasWindow != 0 {
		r.window = p.duration()
	}
	if fields&hasTimeout != 0 {
		r.timeout = p.duration()
	}
	if fields&hasHeaders != 0 {
		r.headers = p.headers()
	}
	r.payload = p.b
	if p.bad {
		return record{}, errRecord
	}
	return r, nil
}

// parser reads fields from the front of b.
type parser struct {
	b   []byte
	bad bool
}

func (p *parser) uint() uint64 {
	n, size := binary.Uvarint(p.b)
	if size <= 0 || n > 1<<53 {
		p.bad, p.b = true, nil
		return 0
	}
	p.b = p.b[size:]
	return n
}

// duration reads milliseconds.
func (p *parser) duration() time.Duration {
	n := p.uint()
	if n > math.MaxInt64/uint64(time.Millisecond) {
		p.bad, p.b = true, nil
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

func (p *parser) text() string {
	n := p.uint()
	if n > uint64(len(p.b)) {
		p.bad, p.b = true, nil
		return ""
	}
	s := string(p.b[:n])
	p.b = p.b[n:]
	return s
}

func (p *parser) headers() map[string]string {
	n := p.uint()
	if n > uint64(len(p.b)/2) { // a pair takes two bytes at least
		p.bad, p.b = true, nil
		return nil
	}
	h := make(map[string]string, n)
	for range n {
		k := p.text()
		h[k] = p.text()
	}
	return h
}
