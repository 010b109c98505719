// Package bench measures the layers of the client and guards their
// allocations.
package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

const key = "key:000000000042"

var (
	value    = strings.Repeat("v", 64)
	getWire  = wire(redis.Get(key).Command)
	setWire  = wire(redis.Set(key, value).Command)
	incrWire = wire(redis.Incr(key).Command)
	bulk     = fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
)

func wire(c resp.Command) string { return string(c.AppendTo(nil)) }

// quiet are options under which a connection sends nothing by itself, so that
// a canned server, which knows one command, can serve it.
func quiet(c *canned) conn.Options {
	return conn.Options{Protocol: 2, NoClientInfo: true, Dial: c.dialer}
}

func overConn(tb testing.TB, command, reply string) redis.Doer {
	tb.Helper()
	c, err := conn.Dial(context.Background(), quiet(newCanned(command, reply)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func overPool(tb testing.TB, command, reply string) redis.Doer {
	tb.Helper()
	p := pool.New(pool.Options{Conn: quiet(newCanned(command, reply))})
	tb.Cleanup(func() { _ = p.Close() })
	return p
}

func BenchmarkEncode(b *testing.B) {
	for name, cmd := range map[string]resp.Command{
		"GET": redis.Get(key).Command, "SET": redis.Set(key, value).Command, "INCRBY": redis.IncrBy(key, 12345).Command,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = cmd.AppendTo(buf[:0])
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	list := resp.AppendArray(nil, 100)
	for i := range 100 {
		list = resp.AppendInt(list, int64(i))
	}
	for name, reply := range map[string]string{"OK": "+OK\r\n", "int": ":1234\r\n", "bulk64": bulk, "100ints": string(list)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s := resp.NewScanner(resp.Limits{})
			frame := []byte(reply)
			for b.Loop() {
				if n, err := s.Scan(frame); n != len(frame) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func benchmarkDo(b *testing.B, over func(testing.TB, string, string) redis.Doer) {
	contexts := map[string]context.Context{"background": context.Background()}
	cancellable, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	contexts["cancellable"] = cancellable
	for name, ctx := range contexts {
		b.Run("GET/"+name, func(b *testing.B) {
			d := over(b, getWire, bulk)
			b.ReportAllocs()
			for b.Loop() {
				if s, err := redis.Get(key).Do(ctx, d); err != nil || len(s) != len(value) {
					b.Fatal(s, err)
				}
			}
		})
		b.Run("SET/"+name, func(b *testing.B) {
			d := over(b, setWire, "+OK\r\n")
			b.ReportAllocs()
			for b.Loop() {
				if err := redis.Set(key, value).Do(ctx, d); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("INCR/"+name, func(b *testing.B) {
			d := over(b, incrWire, ":43\r\n")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := redis.Incr(key).Do(ctx, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkConnCanned(b *testing.B) { benchmarkDo(b, overConn) }
func BenchmarkPoolCanned(b *testing.B) { benchmarkDo(b, overPool) }

// BenchmarkRawCanned is the floor of the two above: the same bytes through the
// canned server and nothing else.
func BenchmarkRawCanned(b *testing.B) {
	for _, w := range []struct{ name, command, reply string }{{"GET", getWire, bulk}, {"SET", setWire, "+OK\r\n"}} {
		b.Run(w.name, func(b *testing.B) {
			c := newCanned(w.command, w.reply)
			out, in := []byte(w.command), make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.Write(out)
				if n, _ := c.Read(in); n != len(w.reply) {
					b.Fatal(n)
				}
			}
		})
	}
}

func BenchmarkPipelineCanned(b *testing.B) {
	d := overConn(b, incrWire, ":43\r\n")
	b.Run("100xINCR", func(b *testing.B) { pipeline(b, d) })
}

func pipeline(b *testing.B, d redis.Doer) {
	b.Helper()
	var p redis.Pipeline
	b.ReportAllocs()
	for b.Loop() {
		p.Reset()
		for range 100 {
			redis.Incr(key).Queue(&p)
		}
		if err := p.Do(context.Background(), d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRedis is the same over a real server.
func BenchmarkRedis(b *testing.B) {
	node := testredis.New(b)
	p := pool.New(pool.Options{Conn: conn.Options{Addr: node.Addr()}})
	b.Cleanup(func() { _ = p.Close() })
	ctx := context.Background()
	if err := redis.Set(key, value).Do(ctx, p); err != nil {
		b.Fatal(err)
	}
	b.Run("GET", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := redis.Get(key).Do(ctx, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("SET", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := redis.Set(key, value).Do(ctx, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("INCR", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := redis.Incr("n").Do(ctx, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("100xINCR", func(b *testing.B) { pipeline(b, p) })
	for _, callers := range []int{8, 64, 512} {
		b.Run(fmt.Sprintf("GET/callers=%d", callers), func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(callers / 2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := redis.Get(key).Do(ctx, p); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
