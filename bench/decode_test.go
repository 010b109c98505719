package bench

import (
	"strconv"
	"testing"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// BenchmarkDecode is a whole reply, found and decoded: what large replies cost
// beside the socket.
func BenchmarkDecode(b *testing.B) {
	list, hash := listReply(10_000), hashReply(1000)
	b.Run("LRANGE/10k/ints", func(b *testing.B) { decode(b, list, redis.Ints) })
	b.Run("LRANGE/10k/strings", func(b *testing.B) { decode(b, list, redis.Texts) })
	b.Run("HGETALL/1000", func(b *testing.B) { decode(b, hash, redis.TextMap) })
}

// BenchmarkFind is the first half of BenchmarkDecode: where the reply ends, and
// that it is well formed.
func BenchmarkFind(b *testing.B) {
	b.Run("LRANGE/10k", func(b *testing.B) { find(b, listReply(10_000)) })
	b.Run("HGETALL/1000", func(b *testing.B) { find(b, hashReply(1000)) })
}

func find(b *testing.B, reply []byte) {
	b.SetBytes(int64(len(reply)))
	s := resp.NewScanner(resp.Limits{})
	for b.Loop() {
		if n, err := s.Scan(reply); err != nil || n != len(reply) {
			b.Fatal(n, err)
		}
	}
}

func decode[T any](b *testing.B, reply []byte, d redis.Decoder[T]) {
	b.ReportAllocs()
	b.SetBytes(int64(len(reply)))
	s := resp.NewScanner(resp.Limits{})
	for b.Loop() {
		n, err := s.Scan(reply)
		if err != nil || n != len(reply) {
			b.Fatal(n, err)
		}
		if _, err := d(resp.Value(reply)); err != nil {
			b.Fatal(err)
		}
	}
}

func listReply(n int) []byte {
	b := resp.AppendArray(nil, n)
	for i := range n {
		b = resp.AppendBulk(b, strconv.Itoa(1_000_000+i))
	}
	return b
}

func hashReply(n int) []byte {
	b := resp.AppendMap(nil, n)
	for i := range n {
		b = resp.AppendBulk(b, "field:"+strconv.Itoa(100_000+i))
		b = resp.AppendBulk(b, "value:"+strconv.Itoa(100_000+i))
	}
	return b
}
