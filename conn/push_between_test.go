package conn_test

import (
	"slices"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestAPushBetweenRepliesComesInItsTurn(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Handle("GET", func(p *testserver.Peer, words []string) {
		switch words[1] {
		case "3": // all that there is to say is one write
			p.Write("+1\r\n>1\r\n+a\r\n$1\r\n2\r\n$1\r\n3\r\n|1\r\n+k\r\n+v\r\n>1\r\n+b\r\n>1\r\n+c\r\n:4\r\n>1\r\n+d\r\n")
		default:
		}
	})
	var pushes []string
	c := dial(t, s, conn.Options{OnPush: func(v resp.Value) { pushes = append(pushes, v.String()) }})
	defer c.Close()
	b := &resp.Batch{}
	defer b.Free()
	for _, key := range []string{"0", "1", "2", "3"} {
		cmd := resp.NewCommand("GET", resp.String(key))
		b.Add(&cmd)
	}
	got := &taken{}
	if err := c.DoEncoded(t.Context(), b, 0, got); err != nil {
		t.Fatal(err)
	}
	want := []string{"+1\r\n", "$1\r\n2\r\n", "$1\r\n3\r\n", ":4\r\n"}
	if !slices.Equal(got.replies, want) || got.runs != 1 || len(pushes) != 4 {
		t.Errorf("%q in %d runs, pushes %q", got.replies, got.runs, pushes)
	}
}
