package bench

import (
	"context"
	"testing"

	"github.com/kermes-redis/kermes/redis"
)

// BenchmarkFreshPipeline is a pipeline that is made for the purpose, as a function of a
// program does, with its futures read.
func BenchmarkFreshPipeline(b *testing.B) {
	ctx := context.Background()
	b.Run("100xGET", func(b *testing.B) {
		d := overPool(b, getWire, bulk)
		var values [100]redis.Future[string]
		b.ReportAllocs()
		for b.Loop() {
			var p redis.Pipeline
			for i := range values {
				values[i] = redis.Get(key).Queue(&p)
			}
			if err := p.Do(ctx, d); err != nil {
				b.Fatal(err)
			}
			for i := range values {
				if s, err := values[i].Value(); err != nil || len(s) != len(value) {
					b.Fatal(s, err)
				}
			}
		}
	})
	b.Run("100xSET", func(b *testing.B) {
		d := overPool(b, setWire, "+OK\r\n")
		var answers [100]redis.Future[struct{}]
		b.ReportAllocs()
		for b.Loop() {
			var p redis.Pipeline
			for i := range answers {
				answers[i] = redis.Set(key, value).Queue(&p)
			}
			if err := p.Do(ctx, d); err != nil {
				b.Fatal(err)
			}
			for i := range answers {
				if err := answers[i].Err(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
