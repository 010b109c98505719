package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// row is one thing that programs do.
type row struct {
	name    string
	ops     int // how many are counted
	callers int // zero is one
	context func() (context.Context, context.CancelFunc)
	reply   func() []byte // of the one command of the row; nil for the usual ones
	op      func(ctx context.Context, d redis.Leaser) error
	// socket counts reads and writes too, of a real server.
	socket bool
	// follows has a client that follows its master through three sentinels.
	follows bool
}

const (
	key      = "key:000000000042"
	crowd    = 64
	elements = 1000
)

var value = strings.Repeat("v", 64)

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Hour)
}

func cancellable() (context.Context, context.CancelFunc) {
	return context.WithCancel(context.Background())
}

// do is the op that runs a command and drops its value.
func do[T any](of func() redis.Cmd[T]) func(context.Context, redis.Leaser) error {
	return func(ctx context.Context, d redis.Leaser) error {
		_, err := of().Do(ctx, d.(redis.Doer))
		return err
	}
}

func get(ctx context.Context, d redis.Leaser) error {
	s, err := redis.Get(key).Do(ctx, d.(redis.Doer))
	if err == nil && len(s) != len(value) {
		err = fmt.Errorf("got %q", s)
	}
	return err
}

func set(ctx context.Context, d redis.Leaser) error {
	return redis.Set(key, value).Do(ctx, d.(redis.Doer))
}

// getsOf is a pipeline made for the purpose, as a function of a program does.
func getsOf(n int) func(context.Context, redis.Leaser) error {
	var values [100]redis.Future[string]
	return func(ctx context.Context, d redis.Leaser) error {
		var p redis.Pipeline
		for i := range n {
			values[i] = redis.Get(key).Queue(&p)
		}
		if err := p.Do(ctx, d.(redis.Doer)); err != nil {
			return err
		}
		for i := range n {
			if _, err := values[i].Value(); err != nil {
				return err
			}
		}
		return nil
	}
}

func setsOf(n int) func(context.Context, redis.Leaser) error {
	return func(ctx context.Context, d redis.Leaser) error {
		var p redis.Pipeline
		for range n {
			redis.Set(key, value).Queue(&p)
		}
		return p.Do(ctx, d.(redis.Doer))
	}
}

func transact(ctx context.Context, d redis.Leaser) error {
	return redis.Transact(ctx, d, redis.TxOptions{}, func(ctx context.Context, tx *redis.Tx) error {
		redis.Set(key, value).Queue(&tx.Pipeline)
		redis.Get(key).Queue(&tx.Pipeline)
		redis.Incr("hits").Queue(&tx.Pipeline)
		return nil
	})
}

func execute(ctx context.Context, d redis.Leaser) error {
	var p redis.Pipeline
	redis.Set(key, value).Queue(&p)
	redis.Get(key).Queue(&p)
	redis.Incr("hits").Queue(&p)
	return p.Exec(ctx, d)
}

func checkAndSet(ctx context.Context, d redis.Leaser) error {
	return redis.Transact(ctx, d, redis.TxOptions{Watch: keys1}, func(ctx context.Context, tx *redis.Tx) error {
		s, err := redis.Get(key).Do(ctx, tx)
		redis.Set(key, s).Queue(&tx.Pipeline)
		return err
	})
}

// scripts runs one by its hash three times.
func scripts() func(context.Context, redis.Leaser) error {
	one := redis.NewScript("return 1", redis.Int)
	keys := []string{key}
	return func(ctx context.Context, d redis.Leaser) error {
		var p redis.Pipeline
		for range 3 {
			one.QueueArgs(&p, keys)
		}
		return p.Do(ctx, d.(redis.Doer))
	}
}

// keys1 are the keys of WATCH, and keys10 those of MGET.
var keys1 = []string{key}

var keys10 = strings.Fields(strings.Repeat(key+" ", 10))

// rows in the order of the table.
func rows() []row {
	return []row{
		{name: "GET", ops: 1000, op: get, socket: true},
		{name: "GET with a deadline", ops: 1000, op: get, context: deadline},
		{name: "GET with a context to cancel", ops: 1000, op: get, context: cancellable},
		{name: "GET behind sentinels", ops: 1000, op: get, follows: true},
		{name: "GET of 64 callers", ops: 3200, callers: crowd, op: get, socket: true},
		{name: "SET", ops: 1000, op: set, socket: true},
		{name: "SET of 64 callers", ops: 3200, callers: crowd, op: set, socket: true},
		{name: "MGET of 10", ops: 500, reply: func() []byte { return bulks('*', 10) }, op: do(func() redis.Cmd[[]redis.Opt[string]] { return redis.MGet(keys10...) })},
		{name: "MGET of 1000, half of them null", ops: 100, reply: halfNull, op: do(func() redis.Cmd[[]redis.Opt[string]] { return redis.MGet(key) })},
		{name: "HGETALL of 1000", ops: 50, reply: func() []byte { return bulks('%', elements) }, op: do(func() redis.Cmd[map[string]string] { return redis.HGetAll(key) })},
		{name: "LRANGE of 1000 strings", ops: 100, reply: func() []byte { return bulks('*', elements) }, op: do(func() redis.Cmd[[]string] { return redis.LRange(key, 0, -1) })},
		{name: "LRANGE of 10,000 as integers", ops: 20, reply: func() []byte { return integers(10_000) }, op: do(func() redis.Cmd[[]int64] {
			return redis.As(redis.LRange(key, 0, -1), redis.Ints)
		})},
		{name: "SMEMBERS of 1000", ops: 100, reply: func() []byte { return bulks('~', elements) }, op: do(func() redis.Cmd[[]string] { return redis.SMembers(key) })},
		{name: "ZRANGE of 1000 with scores", ops: 100, reply: scored, op: do(func() redis.Cmd[[]redis.Z] { return redis.ZRangeWithScores(key, 0, -1) })},
		{name: "XRANGE of 1000", ops: 50, reply: stream, op: do(func() redis.Cmd[[]redis.Entry] { return redis.XRange(key, "-", "+", 0) })},
		{name: "pipeline of 3 GET", ops: 500, op: getsOf(3), socket: true},
		{name: "pipeline of 3 SET", ops: 500, op: setsOf(3)},
		{name: "pipeline of 100 GET", ops: 50, op: getsOf(100), socket: true},
		{name: "pipeline of 100 SET", ops: 50, op: setsOf(100)},
		{name: "pipeline of 3 scripts", ops: 500, op: scripts()},
		{name: "Exec of 3", ops: 500, op: execute, socket: true},
		{name: "Transact of 3", ops: 500, op: transact, socket: true},
		{name: "check and set", ops: 500, op: checkAndSet, socket: true},
	}
}

func rowOf(name string) (*row, error) {
	for _, r := range rows() {
		if r.name == name {
			return &r, nil
		}
	}
	return nil, fmt.Errorf("no row %q", name)
}

func text(i int) string { return "value:" + strconv.Itoa(100_000+i) }

// bulks is an array, set or map of n short strings, or pairs of them.
func bulks(kind byte, n int) []byte {
	b := fmt.Appendf(nil, "%c%d\r\n", kind, n)
	if kind == '%' {
		n *= 2
	}
	for i := range n {
		b = resp.AppendBulk(b, text(i))
	}
	return b
}

func halfNull() []byte {
	b := resp.AppendArray(nil, elements)
	for i := range elements {
		if i%2 == 0 {
			b = resp.AppendNull(b)
		} else {
			b = resp.AppendBulk(b, text(i))
		}
	}
	return b
}

func integers(n int) []byte {
	b := resp.AppendArray(nil, n)
	for i := range n {
		b = resp.AppendBulk(b, strconv.Itoa(1_000_000+i))
	}
	return b
}

func scored() []byte {
	b := resp.AppendArray(nil, elements)
	for i := range elements {
		b = resp.AppendDouble(resp.AppendBulk(resp.AppendArray(b, 2), text(i)), float64(i)+0.5)
	}
	return b
}

func stream() []byte {
	b := resp.AppendArray(nil, elements)
	for i := range elements {
		b = resp.AppendBulk(resp.AppendArray(b, 2), fmt.Sprintf("1700000000000-%d", i))
		b = resp.AppendBulk(resp.AppendBulk(resp.AppendArray(b, 2), "field"), text(i))
	}
	return b
}
