package redis

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// sizesOfReplies are those around which a store treats replies in another way.
var sizesOfReplies = []int{0, 1, 1, 2, 9, 10, 64, 64, 64, 99, 100, 500, longReply - 10, longReply - 8, longReply, replyBlock, 20_000}

// replyOf is OK, or a string of some size that no other one equals.
func replyOf(i int) string {
	size := sizesOfReplies[rand.N(len(sizesOfReplies))]
	if size == 0 {
		return okReply
	}
	text := fmt.Sprint(i)
	return string(resp.AppendBulk(nil, text+strings.Repeat("x", max(size-len(text), 0))))
}

func TestAStoreReturnsEachReplyAsItWasPut(t *testing.T) {
	var s replyStore
	for range 300 {
		n := rand.N(300)
		var want []string
		for len(want) < n { // in flushes of runs, some of one reply
			flush := 1 + rand.N(n-len(want))
			s.extend(flush)
			for end := len(want) + flush; len(want) < end; {
				first, run := len(want), 1+rand.N(end-len(want))
				var buf []byte
				var ends []int
				for range run {
					want = append(want, replyOf(len(want)))
					buf = append(buf, want[len(want)-1]...)
					ends = append(ends, len(buf))
				}
				if run == 1 {
					s.put(first, buf)
				} else {
					s.putRun(first, buf, ends)
				}
				clear(buf)
			}
		}
		for i, w := range want {
			if got := string(s.at(i)); got != w {
				t.Fatalf("reply %d of %d: %.80q, not %.80q", i, n, got, w)
			}
		}
		if s.at(n) != nil {
			t.Fatal("a reply that was not put")
		}
		s.reset(rand.N(2) == 0)
		s.extend(1)
		if s.at(0) != nil {
			t.Fatal("a reply of before the reset")
		}
		s.reset(false)
	}
}

func TestAStringKeepsNoMoreThanABlock(t *testing.T) {
	var s replyStore
	const n = 1000
	s.extend(n)
	var buf []byte
	var ends []int
	for range n {
		buf = resp.AppendBulk(buf, strings.Repeat("x", 90))
		ends = append(ends, len(buf))
	}
	s.putRun(0, buf, ends)
	for _, b := range s.blocks {
		if len(b) > replyBlock {
			t.Errorf("a block of %d bytes", len(b))
		}
	}
	if most := len(buf)/replyBlock + 2; len(s.blocks) > most {
		t.Errorf("%d blocks for %d bytes", len(s.blocks), len(buf))
	}
}

func TestAReplyThatIsPutAgainTakesThePlaceOfTheFirst(t *testing.T) {
	var s replyStore
	s.extend(3)
	s.putRun(0, []byte(":1\r\n:2\r\n:3\r\n"), []int{4, 8, 12})
	s.put(1, resp.Value(":20\r\n"))
	for i, want := range []string{":1\r\n", ":20\r\n", ":3\r\n"} {
		if got := string(s.at(i)); got != want {
			t.Errorf("%d: %q", i, got)
		}
	}
}
