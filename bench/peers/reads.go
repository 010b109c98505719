package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/kermes-redis/kermes/resp"
)

// What programs read besides single values, and what is larger than most.
const (
	elements   = 1000 // of each of them
	textsKey   = "texts"
	scoredKey  = "scored"
	streamKey  = "stream"
	membersKey = "members"
	mixedCount = 512
	mixedSets  = 8 // every so manyth of the mixed operations is a SET
	hugeKey    = "huge"
	hugeSetKey = "huge:set"
	hugeBytes  = 16 << 20
)

// reader is a worker that reads whole lists and the like, each into what the client
// has for it.
type reader interface {
	texts(ctx context.Context) error    // LRANGE of short strings
	scored(ctx context.Context) error   // ZRANGE WITHSCORES
	halfNull(ctx context.Context) error // MGET where every second key is missing
	stream(ctx context.Context) error   // XRANGE
	members(ctx context.Context) error  // SMEMBERS into a set
	// mixed gets keys and values of many sizes, and sets some.
	mixed(ctx context.Context, i int) error
	hugeGet(ctx context.Context) error
	hugeSet(ctx context.Context) error
}

var hugeValue = sync.OnceValue(func() string { return strings.Repeat(shared().big, hugeBytes/bigBytes) })

// nullKeys are those of MGET.
var nullKeys = sync.OnceValue(func() (keys []string) {
	for i := range elements {
		key := shared().keys[i]
		if i%2 == 0 {
			key = fmt.Sprintf("none:%012d", i)
		}
		keys = append(keys, key)
	}
	return keys
})

// mixes are keys of 8 to 200 bytes with values of 1 to 4,000.
type mixes struct{ keys, values []string }

var mixture = sync.OnceValue(func() *mixes {
	m := &mixes{}
	keyBytes := []int{8, 12, 20, 36, 64, 90, 200}
	valueBytes := []int{1, 8, 24, 64, 64, 150, 400, 1000, 4000, 20, 64}
	for i := range mixedCount {
		key := fmt.Sprintf("m:%d:", i)
		m.keys = append(m.keys, key+strings.Repeat("k", max(0, keyBytes[i%len(keyBytes)]-len(key))))
		m.values = append(m.values, strings.Repeat(string(rune('a'+i%26)), valueBytes[i%len(valueBytes)]))
	}
	return m
})

func entryID(i int) string { return strconv.Itoa(i+1) + "-1" }

func score(i int) float64 { return float64(i) + 0.5 }

func wrong(what string, got any) error { return fmt.Errorf("%w: %s: %.80v", errWrong, what, got) }

func checkTexts(l []string) error {
	if len(l) != elements {
		return wrong("elements", len(l))
	}
	for i := 0; i < elements; i += 111 {
		if l[i] != shared().texts[i] {
			return wrong("element", l[i])
		}
	}
	return nil
}

func checkScored(n int, at func(i int) (member string, score float64)) error {
	if n != elements {
		return wrong("members", n)
	}
	for i := 0; i < elements; i += 111 {
		if m, s := at(i); m != shared().fields[i] || s != score(i) {
			return wrong("member", m)
		}
	}
	return nil
}

// checkHalf is for MGET: at says whether there is a value, and which.
func checkHalf(n int, at func(i int) (string, bool)) error {
	if n != elements {
		return wrong("values", n)
	}
	for i := 0; i < elements; i += 111 {
		s, ok := at(i)
		if ok != (i%2 != 0) || ok && s != shared().values[i] {
			return wrong("value", s)
		}
	}
	return nil
}

func checkStream(n int, at func(i int) (id, value string)) error {
	if n != elements {
		return wrong("entries", n)
	}
	for i := 0; i < elements; i += 111 {
		if id, value := at(i); id != entryID(i) || value != shared().texts[i] {
			return wrong("entry", id)
		}
	}
	return nil
}

func checkMembers(m map[string]struct{}) error {
	if len(m) != elements {
		return wrong("members", len(m))
	}
	for i := 0; i < elements; i += 111 {
		if _, ok := m[shared().fields[i]]; !ok {
			return wrong("no member", shared().fields[i])
		}
	}
	return nil
}

func checkHuge(n int, at func(i int) byte) error {
	if n != hugeBytes {
		return wrong("bytes", n)
	}
	for i := 7; i < n; i += 1<<20 + 8 {
		if at(i) != shared().big[i%bigBytes] {
			return wrong("byte", i)
		}
	}
	return nil
}

// seedReads is what seed adds for them.
func seedReads(add func(words ...string)) {
	d := shared()
	add("DEL", textsKey, scoredKey, streamKey, membersKey)
	for i := range elements {
		add("RPUSH", textsKey, d.texts[i])
		add("ZADD", scoredKey, strconv.FormatFloat(score(i), 'g', -1, 64), d.fields[i])
		add("XADD", streamKey, entryID(i), "field", d.texts[i])
		add("SADD", membersKey, d.fields[i])
	}
	m := mixture()
	for i := range m.keys {
		add("SET", m.keys[i], m.values[i])
	}
	add("SET", hugeKey, hugeValue())
}

// readWires are what raw sends and expects for them, made when first needed: the
// large ones would else be live memory beside all other measurements.
type readWires struct {
	out  []byte
	size int // of the reply, protocol 2
}

var (
	textsWires = sync.OnceValue(func() readWires {
		b := resp.AppendArray(nil, elements)
		for i := range elements {
			b = resp.AppendBulk(b, shared().texts[i])
		}
		return readWires{encode("LRANGE", textsKey, "0", "-1"), len(b)}
	})
	scoredWires = sync.OnceValue(func() readWires {
		b := resp.AppendArray(nil, 2*elements)
		for i := range elements {
			b = resp.AppendBulk(resp.AppendBulk(b, shared().fields[i]), strconv.FormatFloat(score(i), 'g', -1, 64))
		}
		return readWires{encode("ZRANGE", scoredKey, "0", "-1", "WITHSCORES"), len(b)}
	})
	halfWires = sync.OnceValue(func() readWires {
		b := resp.AppendArray(nil, elements)
		for i := range elements {
			if i%2 == 0 {
				b = resp.AppendNullBulk(b)
			} else {
				b = resp.AppendBulk(b, shared().values[i])
			}
		}
		return readWires{encode(append([]string{"MGET"}, nullKeys()...)...), len(b)}
	})
	streamWires = sync.OnceValue(func() readWires {
		b := resp.AppendArray(nil, elements)
		for i := range elements {
			b = resp.AppendBulk(resp.AppendArray(b, 2), entryID(i))
			b = resp.AppendBulk(resp.AppendBulk(resp.AppendArray(b, 2), "field"), shared().texts[i])
		}
		return readWires{encode("XRANGE", streamKey, "-", "+"), len(b)}
	})
	membersWires = sync.OnceValue(func() readWires {
		b := resp.AppendArray(nil, elements)
		for i := range elements {
			b = resp.AppendBulk(b, shared().fields[i])
		}
		return readWires{encode("SMEMBERS", membersKey), len(b)}
	})
	mixedWires = sync.OnceValue(func() (w struct{ get, set, gotten [][]byte }) {
		m := mixture()
		for i := range m.keys {
			w.get = append(w.get, encode("GET", m.keys[i]))
			w.set = append(w.set, encode("SET", m.keys[i], m.values[i]))
			w.gotten = append(w.gotten, resp.AppendBulk(nil, m.values[i]))
		}
		return w
	})
	hugeWires = sync.OnceValue(func() readWires {
		return readWires{encode("GET", hugeKey), len(fmt.Sprintf("$%d\r\n", hugeBytes)) + hugeBytes + 2}
	})
	hugeSetWires = sync.OnceValue(func() []byte { return encode("SET", hugeSetKey, hugeValue()) })
)

func (r *rawWorker) read(w readWires) error         { return r.whole(w.out, w.size) }
func (r *rawWorker) texts(context.Context) error    { return r.read(textsWires()) }
func (r *rawWorker) scored(context.Context) error   { return r.read(scoredWires()) }
func (r *rawWorker) halfNull(context.Context) error { return r.read(halfWires()) }
func (r *rawWorker) stream(context.Context) error   { return r.read(streamWires()) }
func (r *rawWorker) members(context.Context) error  { return r.read(membersWires()) }

func (r *rawWorker) mixed(_ context.Context, i int) error {
	w := mixedWires()
	k := i % mixedCount
	if i%mixedSets == 0 {
		return r.expect(w.set[k], rawOK)
	}
	return r.expect(w.get[k], w.gotten[k])
}

func (r *rawWorker) hugeGet(context.Context) error {
	w := hugeWires()
	b, err := r.exchange(w.out, w.size)
	if err != nil {
		return err
	}
	head := w.size - hugeBytes - 2
	return checkHuge(len(b)-head-2, func(i int) byte { return b[head+i] })
}

func (r *rawWorker) hugeSet(context.Context) error { return r.expect(hugeSetWires(), rawOK) }
