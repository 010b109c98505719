package redis_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// lender gives the same reply to all, and counts what becomes of it.
type lender struct {
	redis.Doer
	reply          []byte
	stays          bool // replies can't be kept
	kept, released int
}

func (l *lender) Do(context.Context, resp.Command) (resp.Reply, error) {
	return resp.NewReply(l.reply, l), nil
}

func (l *lender) ReleaseReply() { l.released++ }

func (l *lender) KeepReply() bool {
	if !l.stays {
		l.kept++
	}
	return !l.stays
}

func TestALargeStringIsTheReplyItselfWhereThatCanBeKept(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	upper := func(v resp.Value) (string, error) {
		s, err := redis.Text(v)
		return strings.ToUpper(s), err
	}
	bulk := func(s string) []byte { return resp.AppendBulk(nil, s) }
	attributes := resp.AppendBulk(resp.AppendBulk([]byte("|1\r\n"), "note"), strings.Repeat("a", 16<<10))
	for _, tt := range []struct {
		name   string
		reply  []byte
		decode redis.Decoder[string]
		stays  bool
		want   string
		kept   int
	}{
		{"bulk", bulk(long), redis.Text, false, long, 1},
		{"verbatim", append(append([]byte("=20484\r\ntxt:"), long...), "\r\n"...), redis.Text, false, long, 1},
		{"small", bulk("small"), redis.Text, false, "small", 0},
		{"owner needs it", bulk(long), redis.Text, true, long, 0},
		{"another decoder", bulk(long), upper, false, strings.ToUpper(long), 0},
		{"large attributes", append(attributes, bulk(long)...), redis.Text, false, long, 0},
	} {
		l := &lender{reply: tt.reply, stays: tt.stays}
		got, err := redis.As(redis.Get("k"), tt.decode).Do(t.Context(), l)
		if err != nil || got != tt.want {
			t.Errorf("%s: %.20q, %v", tt.name, got, err)
		}
		if l.kept != tt.kept || l.released != 1-tt.kept {
			t.Errorf("%s: kept %d times, released %d times", tt.name, l.kept, l.released)
		}
	}
}

// A string may have an eighth of its size beside it where it is kept with its reply.
func TestAStringKeepsLittleBesideIt(t *testing.T) {
	const size = 80 << 10
	for note, kept := range map[int]int{100: 1, 10_211: 1, 10_212: 1, 10_213: 0, 20_000: 0} {
		reply := resp.AppendBulk(append(resp.AppendAttribute(nil, 1), "+a\r\n"...), strings.Repeat("n", note))
		l := &lender{reply: resp.AppendBulk(reply, strings.Repeat("x", size))}
		if note == 10_212 && len(l.reply) != size+size/8 {
			t.Fatal(len(l.reply))
		}
		if got, err := redis.Get("k").Do(t.Context(), l); err != nil || len(got) != size || l.kept != kept {
			t.Errorf("%d bytes beside: %d bytes, %v, kept %d times", note, len(got), err, l.kept)
		}
	}
}

func TestALargeReplyThatIsNoStringIsReleased(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	list := resp.AppendBulk(resp.AppendArray(nil, 1), long)
	for _, reply := range [][]byte{[]byte("-ERR " + long + "\r\n"), []byte("!20484\r\nERR " + long + "\r\n"), list} {
		l := &lender{reply: reply}
		if _, err := redis.Get("k").Do(t.Context(), l); err == nil || l.released != 1 || l.kept != 0 {
			t.Errorf("%.8q: %.40v, released %d times, kept %d times", reply, err, l.released, l.kept)
		}
	}
	l := &lender{reply: []byte("-ERR " + long + "\r\n")}
	if _, err := redis.Get("k").Do(t.Context(), l); !errors.Is(err, &resp.Error{Code: "ERR"}) {
		t.Errorf("%.40v", err)
	}
}

func TestABufferThatIsNoneBecomesTheReply(t *testing.T) {
	const large = 16 << 10
	for _, c := range []struct {
		size, held, room int
		kept             bool
	}{
		{large + 1, 0, 0, true}, {large - 100, 0, 0, false}, {20 << 10, 0, 1 << 10, true}, {20 << 10, 0, 20 << 10, true}, {20 << 10, 0, 21 << 10, false}, {20 << 10, 1, 1 << 10, false},
	} {
		l := &lender{reply: resp.AppendBulk(nil, strings.Repeat("x", c.size))}
		got, err := redis.Into(redis.Get("k"), make([]byte, c.held, c.held+c.room)).Do(t.Context(), l)
		if err != nil || len(got) != c.held+c.size || (l.kept == 1) != c.kept || l.kept+l.released != 1 {
			t.Errorf("%+v: %d bytes, %v, kept %d times, released %d times", c, len(got), err, l.kept, l.released)
		}
	}
}

func TestLargeBytesMayGrowAndAreTheCallers(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	l := &lender{reply: resp.AppendBulk(nil, long)}
	got, err := redis.GetBytes("k").Do(t.Context(), l)
	if err != nil || string(got) != long || cap(got) != len(got) || l.kept != 1 || l.released != 0 {
		t.Errorf("%.20q of %d, %v, kept %d times, released %d times", got, cap(got), err, l.kept, l.released)
	}
}

func TestAStringTakenOverNeverChanges(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dialTo(t, s.Addr())
	echo := func(want string) redis.Cmd[string] { return redis.New(redis.Text, "ECHO", want) }
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			var texts []string
			var slices [][]byte
			var wants []string
			for i := range 24 {
				want := strings.Repeat(string(rune('a'+(g*24+i)%26)), (17+64*(i%8)+g)<<10)
				text, err := echo(want).Do(t.Context(), c)
				if err != nil {
					t.Error(err)
					return
				}
				p, err := redis.As(echo(want), redis.Bytes).Do(t.Context(), c)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := redis.Into(echo(want), []byte("copied behind: ")).Do(t.Context(), c); err != nil {
					t.Error(err)
				}
				texts, slices, wants = append(texts, text), append(slices, p), append(wants, want)
			}
			for i, want := range wants {
				if texts[i] != want || !bytes.Equal(slices[i], []byte(want)) {
					t.Errorf("caller %d: string %d has changed", g, i)
				}
			}
		})
	}
	wg.Wait()
}
