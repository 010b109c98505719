package redis_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// dialTo returns a connection that is closed when the test ends.
func dialTo(t *testing.T, addr string) *conn.Conn {
	t.Helper()
	c, err := conn.Dial(t.Context(), conn.Options{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestIntoAppendsToTheBufferWhateverItsSize(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr()}})
	defer p.Close()
	for _, size := range []int{0, 100, 20 << 10, 1 << 20, 3 << 20} {
		value := strings.Repeat("v", size)
		for _, held := range []string{"", "held: "} {
			for _, room := range []int{0, 10, max(size-1, 0), size, size + 1, 4 << 20} {
				whole := bytes.Repeat([]byte{'.'}, len(held)+room+50)
				copy(whole, held)
				dst := whole[: len(held) : len(whole)-50]
				got, err := redis.Into(redis.New(redis.Text, "ECHO", value), dst).Do(t.Context(), p)
				if err != nil || string(got) != held+value {
					t.Fatalf("%d bytes into %d: %d bytes, %v", size, room, len(got), err)
				}
				if inPlace := len(got) == 0 || &whole[0] == &got[0]; inPlace != (room >= size) {
					t.Errorf("%d bytes into %d: in place is %v", size, room, inPlace)
				}
				used := len(held)
				if room >= size {
					used += size
				}
				if strings.Trim(string(whole[used:]), ".") != "" {
					t.Errorf("%d bytes into %d: bytes beyond the value have changed", size, room)
				}
			}
		}
	}
}

func TestABufferThatWasTooSmallIsLargeEnoughNextTime(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dialTo(t, s.Addr())
	echo := redis.New(redis.Text, "ECHO", strings.Repeat("v", 1<<20))
	first, err := redis.Into(echo, nil).Do(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := redis.Into(echo, first[:0]).Do(t.Context(), c)
	if err != nil || &first[0] != &second[0] {
		t.Errorf("another buffer, %v", err)
	}
}

func TestIntoReturnsTheBufferAsItWasWithAnError(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Reply("LONG", "-ERR "+strings.Repeat("x", 60<<10)+"\r\n")
	s.Reply("NULL", "$-1\r\n")
	s.Handle("CUT", func(p *testserver.Peer, _ []string) { p.Write("$100000\r\n" + strings.Repeat("x", 60<<10)); p.Close() })
	c := dialTo(t, s.Addr())
	dst := append(make([]byte, 0, 1<<20), "held"...)
	for _, row := range []struct {
		name string
		want error
	}{{"LONG", &resp.Error{Code: "ERR"}}, {"NULL", redis.ErrNil}, {"CUT", nil}} {
		got, err := redis.Into(redis.New(redis.Text, row.name), dst).Do(t.Context(), c)
		if err == nil || row.want != nil && !errors.Is(err, row.want) || string(got) != "held" || &got[0] != &dst[0] {
			t.Errorf("%s: %.20q, %.60v", row.name, got, err)
		}
	}
}

func TestIntoThroughADoerThatKnowsNoRoomCopies(t *testing.T) {
	value := strings.Repeat("v", 100<<10)
	l := &lender{reply: resp.AppendBulk(nil, value)}
	got, err := redis.GetInto("k", make([]byte, 0, 1<<20)).Do(t.Context(), l)
	if err != nil || string(got) != value || l.released+l.kept != 1 {
		t.Errorf("%d bytes, %v, released %d times", len(got), err, l.released)
	}
}
