package conn_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestALargeReplyMayBeKeptAndASmallOneNot(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{})
	var kept, wants [][]byte
	for i, size := range []int{10, 1 << 20, 1000, 1 << 20, 100 << 10, 3 << 20, 1 << 20} {
		want := strings.Repeat(string(rune('a'+i)), size)
		r, err := c.Do(t.Context(), resp.NewCommand("ECHO", resp.String(want)))
		if err != nil {
			t.Fatal(err)
		}
		v := r.Value
		switch ok := r.Keep(); {
		case ok != (size >= 100<<10):
			t.Fatalf("%d bytes: kept is %v", size, ok)
		case ok:
			kept, wants = append(kept, v), append(wants, resp.AppendBulk(nil, want))
		default:
			r.Release()
		}
	}
	for i := range kept {
		if !bytes.Equal(kept[i], wants[i]) {
			t.Errorf("reply %d has changed", i)
		}
	}
}

func TestAReplyInABufferMuchLargerThanItIsNotKept(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{ReadTimeout: -1})   // a tick that drops buffers is far
	for _, size := range []int{2 << 20, 100 << 10} { // the second one in the buffer of the first
		r, err := c.Do(t.Context(), resp.NewCommand("ECHO", resp.String(strings.Repeat("x", size))))
		if err != nil {
			t.Fatal(err)
		}
		if size == 100<<10 && r.Keep() {
			t.Fatal("100 KiB keep 2 MiB")
		}
		r.Release()
	}
}
