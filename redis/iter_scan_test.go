package redis

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

func TestScansReturnAllAndMayBeLeftAtAnyTime(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		const n = 3000
		var p Pipeline
		for i := range n {
			k := fmt.Sprint(i)
			Set("key:"+k, k).Queue(&p)
			HSetOne("h", k, k).Queue(&p)
			SAdd("s", k).Queue(&p)
			ZAdd("z", Z{k, float64(i)}).Queue(&p)
		}
		if err := p.Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		o := ScanOptions{Count: 100, Dedup: true}
		check(t, "Scan", counted(t, Scan(t.Context(), c, ScanOptions{Match: "key:*", Dedup: true, Type: "string"}), -1) == n)
		check(t, "HScan", counted(t, HScan(t.Context(), c, "h", o), -1) == n)
		check(t, "SScan", counted(t, SScan(t.Context(), c, "s", o), -1) == n)
		check(t, "ZScan", counted(t, ZScan(t.Context(), c, "z", o), -1) == n)
		check(t, "left", counted(t, SScan(t.Context(), c, "s", o), 5) == 5)
		check(t, "nothing", counted(t, SScan(t.Context(), c, "none", o), -1) == 0)
		for _, err := range SScan(t.Context(), c, "h", o) {
			check(t, "an error ends it", errors.Is(err, ErrWrongType))
		}
		for key, err := range Scan(t.Context(), c, o) { // the loop may use the connection
			if err != nil {
				t.Fatal(err)
			}
			get(t, c, Del(key))
		}
		want(t, c, DBSize(), 0)
	})
}

// counted counts the elements of a scan, and leaves it after some; -1 never.
func counted[T any](t *testing.T, all iter.Seq2[T, error], some int) (n int) {
	t.Helper()
	for _, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == some {
			break
		}
	}
	return n
}

// paging answers SCAN with pages, and then with an error.
type paging struct {
	canned
	pages []string
}

func (p *paging) Do(context.Context, resp.Command) (resp.Reply, error) {
	if len(p.pages) == 0 {
		return resp.Reply{}, errLost
	}
	r := resp.NewReply(resp.Value(p.pages[0]), nil)
	p.pages = p.pages[1:]
	return r, nil
}

func TestAScanLeavesOutDuplicatesWhenAsked(t *testing.T) {
	for _, dedup := range []bool{false, true} {
		d := &paging{pages: []string{
			"*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
			"*2\r\n$20\r\n18446744073709551615\r\n*0\r\n",
			"*2\r\n$1\r\n5\r\n*2\r\n$1\r\nb\r\n$1\r\nc\r\n",
		}}
		var got []string
		var last error
		for key, err := range Scan(t.Context(), d, ScanOptions{Dedup: dedup}) {
			if last = err; err == nil {
				got = append(got, key)
			}
		}
		check(t, "all pages, the empty one too, and then the error", errors.Is(last, errLost))
		check(t, fmt.Sprint(got), len(got) == map[bool]int{false: 4, true: 3}[dedup])
	}
}
