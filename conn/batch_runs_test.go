package conn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// taken notes how replies are given out.
type taken struct {
	each, runs int
	replies    []string
}

func (r *taken) Receive(i int, v resp.Value) {
	r.each++
	r.add(i, string(v))
}

func (r *taken) ReceiveRun(first int, buf []byte, ends []int) {
	r.runs++
	start := 0
	for i, end := range ends {
		r.add(first+i, string(buf[start:end]))
		start = end
	}
}

// add keeps the reply to command i, if it comes in its turn.
func (r *taken) add(i int, v string) {
	if i == len(r.replies) {
		r.replies = append(r.replies, v)
	}
}

func TestRepliesAreGivenOutTogetherUnlessOneIsAnError(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Handle("INCR", func(p *testserver.Peer, _ []string) { p.Error("ERR no") })
	c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	echo := func(text string) resp.Command { return resp.NewCommand("ECHO", resp.String(text)) }
	long := strings.Repeat("x", 40<<10)
	fail := resp.NewCommand("INCR", resp.String("n"))
	for name, row := range map[string]struct {
		cmds       []resp.Command
		each, runs int
	}{
		"plain":         {[]resp.Command{echo("a"), echo("b"), echo("c")}, 0, 1},
		"with an error": {[]resp.Command{echo("a"), fail, echo("c")}, 3, 0},
		"two parts":     {[]resp.Command{echo(long), echo("b"), fail}, 2, 1},
	} {
		b := &resp.Batch{}
		var want []string
		for i := range row.cmds {
			b.Add(&row.cmds[i])
			r, err := c.Do(t.Context(), row.cmds[i])
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, string(r.Value))
			r.Release()
		}
		got := &taken{}
		if err := c.DoEncoded(t.Context(), b, 0, got); err != nil {
			t.Fatal(err)
		}
		if got.each != row.each || got.runs != row.runs || !slices.Equal(got.replies, want) {
			t.Errorf("%s: %d by one, %d runs, %.80q", name, got.each, got.runs, got.replies)
		}
		b.Free()
	}
}
