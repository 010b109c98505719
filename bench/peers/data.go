package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// What the server holds, and what every client must answer with.
const (
	keyCount   = 1000
	batchSize  = 100 // commands of the largest pipeline
	bigKey     = "big"
	bigSetKey  = "big:set"
	bigBytes   = 1 << 20
	hashKey    = "hash"
	hashFields = 1000
	listKey    = "list"
	listLength = 10_000
	listFirst  = 1_000_000
	channel    = "news"
	topics     = 1000 // messages of the publisher's cycle
)

// pipeSizes are how many commands the pipelines have.
var pipeSizes = []int{1, 3, 10, batchSize}

// data is made once in every process; all clients use the same strings.
type data struct {
	keys, values  []string
	big           string
	fields, texts []string
	messages      []string
}

// shared is a table: it is built on first use and never written again.
var shared = sync.OnceValue(func() *data {
	d := &data{}
	for i := range keyCount {
		d.keys = append(d.keys, fmt.Sprintf("key:%012d", i))
		d.values = append(d.values, fmt.Sprintf("%064d", i))
	}
	var b strings.Builder
	for i := 0; b.Len() < bigBytes; i += 8 {
		fmt.Fprintf(&b, "%08d", i)
	}
	d.big = b.String()
	for i := range hashFields {
		d.fields = append(d.fields, fmt.Sprintf("field:%06d", i))
		d.texts = append(d.texts, fmt.Sprintf("value:%06d", i))
	}
	for i := range topics {
		d.messages = append(d.messages, fmt.Sprintf("%064d", i))
	}
	return d
})

var errWrong = errors.New("wrong reply")

func checkBig(n int, at func(i int) byte) error {
	d := shared()
	if n != bigBytes {
		return fmt.Errorf("%w: %d bytes of %d", errWrong, n, bigBytes)
	}
	for i := 7; i < n; i += 64<<10 + 8 {
		if at(i) != d.big[i] {
			return fmt.Errorf("%w: byte %d", errWrong, i)
		}
	}
	return nil
}

func checkHash(m map[string]string) error {
	d := shared()
	if len(m) != hashFields {
		return fmt.Errorf("%w: %d fields", errWrong, len(m))
	}
	for i := 0; i < hashFields; i += 333 {
		if m[d.fields[i]] != d.texts[i] {
			return fmt.Errorf("%w: %s is %q", errWrong, d.fields[i], m[d.fields[i]])
		}
	}
	return nil
}

func checkList(l []int64) error {
	if len(l) != listLength {
		return fmt.Errorf("%w: %d elements", errWrong, len(l))
	}
	for i := 0; i < listLength; i += 1111 {
		if l[i] != int64(listFirst+i) {
			return fmt.Errorf("%w: element %d is %d", errWrong, i, l[i])
		}
	}
	return nil
}

// wires are the bytes that the raw loop sends and expects.
type wires struct {
	get, set           [][]byte // by key
	gotten             [][]byte
	pipes              map[int]pipeWires // by size
	bigGet, bigSet     []byte
	hash, list         []byte
	hashSize, listSize int // of the replies, protocol 2
}

// pipeWires are those of pipelines of one size, by first key / batchSize.
type pipeWires struct{ get, set, gotten [][]byte }

func (w *wires) pipesOf(n int) (p pipeWires) {
	for i := 0; i < keyCount; i += batchSize {
		p.get = append(p.get, join(w.get[i:i+n]))
		p.set = append(p.set, join(w.set[i:i+n]))
		p.gotten = append(p.gotten, join(w.gotten[i:i+n]))
	}
	return p
}

var rawWires = sync.OnceValue(func() *wires {
	d, w := shared(), &wires{}
	for i, key := range d.keys {
		get := redis.Get(key).Command
		set := redis.Set(key, d.values[i]).Command
		w.get = append(w.get, get.AppendTo(nil))
		w.set = append(w.set, set.AppendTo(nil))
		w.gotten = append(w.gotten, resp.AppendBulk(nil, d.values[i]))
	}
	w.pipes = make(map[int]pipeWires)
	for _, n := range pipeSizes {
		w.pipes[n] = w.pipesOf(n)
	}
	w.bigGet = encode("GET", bigKey)
	w.bigSet = encode("SET", bigSetKey, d.big)
	w.hash = encode("HGETALL", hashKey)
	w.list = encode("LRANGE", listKey, "0", "-1")
	w.hashSize = len(hashReply(false))
	reply := resp.AppendArray(nil, listLength)
	for i := range listLength {
		reply = resp.AppendBulk(reply, strconv.Itoa(listFirst+i))
	}
	w.listSize = len(reply)
	return w
})

// hashReply is what HGETALL is answered with, by protocol 3 or 2.
func hashReply(third bool) []byte {
	d, reply := shared(), resp.AppendArray(nil, 2*hashFields)
	if third {
		reply = resp.AppendMap(nil, hashFields)
	}
	for i := range hashFields {
		reply = resp.AppendBulk(resp.AppendBulk(reply, d.fields[i]), d.texts[i])
	}
	return reply
}

func encode(words ...string) []byte {
	b := resp.AppendArray(nil, len(words))
	for _, word := range words {
		b = resp.AppendBulk(b, word)
	}
	return b
}

func join(parts [][]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
