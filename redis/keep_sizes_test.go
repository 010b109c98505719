package redis

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
)

func sized(n int, seed string) string { return strings.Repeat(seed+"-", n/len(seed)+1)[:n] }

func TestALargeValueStaysAsItIs(t *testing.T) {
	leak.Check(t)
	node := testredis.New(t)
	for _, proto := range []int{2, 3} {
		c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr(), Protocol: proto})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		sizes := []int{
			1, largeText - 20, largeText - 1, largeText, largeText + 1, 20_000, 50_000, 64 << 10, 65_600,
			100_000, 1 << 20, 1<<20 + 4096, 3 << 20,
		}
		texts, raws := make([]string, len(sizes)), make([][]byte, len(sizes))
		for round := range 2 {
			for i, n := range sizes {
				key := fmt.Sprint("k", i)
				want := sized(n, fmt.Sprintf("%d.%d", round, i))
				if err := Set(key, want).Do(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				text, err := Get(key).Do(t.Context(), c)
				if err != nil || text != want {
					t.Fatalf("%d bytes come as %d: %v", n, len(text), err)
				}
				raw, err := GetBytes(key).Do(t.Context(), c)
				if err != nil || string(raw) != want {
					t.Fatalf("%d bytes come as %d: %v", n, len(raw), err)
				}
				if round == 0 {
					texts[i], raws[i] = text, raw
				}
				clear(raw) // it is ours
				_ = append(raw, "more"...)
			}
		}
		for i, n := range sizes {
			if texts[i] != sized(n, fmt.Sprintf("0.%d", i)) {
				t.Errorf("a string of %d bytes has changed", n)
			}
			if strings.Trim(string(raws[i]), "\x00") != "" {
				t.Errorf("a slice of %d bytes has changed", n)
			}
		}
	}
}

func TestLargeValuesOfManyCallersAreTheirOwn(t *testing.T) {
	leak.Check(t)
	node := testredis.New(t)
	p := pool.New(pool.Options{Conn: conn.Options{Addr: node.Addr()}})
	defer p.Close()
	var work sync.WaitGroup
	for i := range 16 {
		work.Go(func() {
			want := sized(30_000+i*40_000, fmt.Sprint("value", i))
			key := fmt.Sprint("k", i)
			if err := Set(key, want).Do(t.Context(), p); err != nil {
				t.Error(err)
				return
			}
			var kept []string
			for range 20 {
				got, err := Get(key).Do(t.Context(), p)
				if err != nil {
					t.Error(err)
					return
				}
				kept = append(kept, got)
			}
			for _, got := range kept {
				if got != want {
					t.Errorf("caller %d has another's bytes", i)
				}
			}
		})
	}
	work.Wait()
}

func TestLargeRepliesThatAreNoStringsAreDecodedAsEver(t *testing.T) {
	long := sized(40_000, "x")
	for name, row := range map[string]struct{ reply, want string }{
		"verbatim":  {fmt.Sprintf("=%d\r\ntxt:%s\r\n", len(long)+4, long), long},
		"streamed":  {fmt.Sprintf("$?\r\n;%d\r\n%s\r\n;1\r\ny\r\n;0\r\n", len(long), long), long + "y"},
		"attribute": {fmt.Sprintf("|1\r\n+a\r\n+b\r\n$%d\r\n%s\r\n", len(long), long), long},
	} {
		s := testserver.New(t)
		s.Handle("GET", func(p *testserver.Peer, _ []string) { p.Write(row.reply) })
		c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 3 {
			if got, err := Get("k").Do(t.Context(), c); err != nil || got != row.want {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
		_ = s.Close()
	}
}
