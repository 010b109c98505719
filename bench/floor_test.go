package bench

import (
	"fmt"
	"testing"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// BenchmarkHash is what it takes to make a map of the reply of HGETALL, and what of that
// is the map itself: filled with strings that are there already.
func BenchmarkHash(b *testing.B) {
	const n = 1000
	v := resp.AppendMap(nil, n)
	keys, values := make([]string, n), make([]string, n)
	for i := range n {
		keys[i], values[i] = fmt.Sprintf("field:%04d", i), fmt.Sprintf("value:%04d", i)
		v = resp.AppendBulk(resp.AppendBulk(v, keys[i]), values[i])
	}
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if m, err := redis.TextMap(v); len(m) != n || err != nil {
				b.Fatal(len(m), err)
			}
		}
	})
	b.Run("map alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := make(map[string]string, n)
			for i := range n {
				m[keys[i]] = values[i]
			}
			if len(m) != n {
				b.Fatal(len(m))
			}
		}
	})
	b.Run("strings alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if l, err := redis.Texts(v); len(l) != 2*n || err != nil {
				b.Fatal(len(l), err)
			}
		}
	})
}
