package resp_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/kermes-redis/kermes/resp"
)

func TestRandomRepliesInARowAreReadOneByOne(t *testing.T) {
	for seed := range uint64(300) {
		g := newGen(seed)
		var wire []byte
		var want []string
		for range 1 + g.IntN(20) {
			var text string
			wire, text = g.reply(wire)
			want = append(want, text)
		}
		all := strings.Join(want, "; ")
		for how, r := range map[string]io.Reader{
			"whole":        strings.NewReader(string(wire)),
			"byte by byte": iotest.OneByteReader(strings.NewReader(string(wire))),
			"in pieces":    &chunked{wire, 1 + g.IntN(100)},
		} {
			if got := readAll(r); got != all {
				t.Fatalf("seed %d %s: %.300q\n got %.500s\nwant %.500s", seed, how, wire, got, all)
			}
		}
	}
}

func TestACutReplyIsAnUnexpectedEOFAtEveryByte(t *testing.T) {
	for seed := range uint64(60) {
		wire, _ := newGen(seed).reply(nil)
		for i := 1; i < min(len(wire), 500); i++ {
			if got := readAll(strings.NewReader(string(wire[:i]))); got != "EUnexpectedEOF" {
				t.Fatalf("%.200q cut at %d: %s", wire, i, got)
			}
		}
	}
}

func TestEachLimitHoldsAtItsValueAndBreaksOneBeyond(t *testing.T) {
	for _, c := range []struct {
		name         string
		limits       resp.Limits
		fits, beyond string
	}{
		{"line", resp.Limits{Line: 64}, "+" + strings.Repeat("x", 64) + "\r\n", "+" + strings.Repeat("x", 65) + "\r\n"},
		{"error", resp.Limits{Line: 1}, "-" + strings.Repeat("x", 64) + "\r\n", "-" + strings.Repeat("x", 65) + "\r\n"},
		{"bulk", resp.Limits{Bulk: 3}, "$3\r\nabc\r\n", "$4\r\nabcd\r\n"},
		{"bulk error", resp.Limits{Bulk: 3}, "!3\r\nabc\r\n", "!4\r\nabcd\r\n"},
		{"verbatim", resp.Limits{Bulk: 5}, "=5\r\ntxt:a\r\n", "=6\r\ntxt:ab\r\n"},
		{"chunks", resp.Limits{Bulk: 3}, "$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n", "$?\r\n;2\r\nab\r\n;2\r\ncd\r\n;0\r\n"},
		{"elements", resp.Limits{Elems: 2}, "*2\r\n:1\r\n:2\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n"},
		{"set", resp.Limits{Elems: 2}, "~2\r\n:1\r\n:2\r\n", "~3\r\n:1\r\n:2\r\n:3\r\n"},
		{"push", resp.Limits{Elems: 2}, ">2\r\n:1\r\n:2\r\n", ">3\r\n:1\r\n:2\r\n:3\r\n"},
		{"pairs", resp.Limits{Elems: 2}, "%1\r\n:1\r\n:2\r\n", "%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n"},
		{"streamed", resp.Limits{Elems: 2}, "*?\r\n:1\r\n:2\r\n.\r\n", "*?\r\n:1\r\n:2\r\n:3\r\n.\r\n"},
		{"depth", resp.Limits{Depth: 2}, "*1\r\n%1\r\n:1\r\n:2\r\n", "*1\r\n%1\r\n~1\r\n:1\r\n:2\r\n"},
		{"attributes", resp.Limits{Attrs: 1}, "|0\r\n:1\r\n", "*2\r\n|0\r\n:1\r\n|0\r\n:1\r\n"},
	} {
		for how, feed := range map[string]func(io.Reader) io.Reader{"whole": same, "byte by byte": iotest.OneByteReader} {
			r := resp.NewReader(feed(strings.NewReader(c.fits+c.fits)), c.limits)
			for range 2 {
				if v, err := r.ReadValue(); err != nil || string(v) != c.fits {
					t.Errorf("%s %s: %q, %v", c.name, how, v, err)
				}
			}
			r = resp.NewReader(feed(strings.NewReader(c.beyond)), c.limits)
			_, err := r.ReadValue()
			if !errors.Is(err, resp.ErrLimit) || errors.Is(err, resp.ErrProtocol) {
				t.Errorf("%s beyond, %s: %v", c.name, how, err)
			}
		}
	}
}

func same(r io.Reader) io.Reader { return r }

func TestZeroAndNegativeLimitsAreTheDefaults(t *testing.T) {
	for _, l := range []resp.Limits{{}, {Line: -1, Reply: -1, Bulk: -1, Elems: -1, Depth: -1, Attrs: -1}} {
		s := resp.NewScanner(l)
		for _, fits := range []string{"+" + strings.Repeat("x", 1<<20) + "\r\n", "$536870912\r\n", "*2147483647\r\n"} {
			if _, err := s.Scan([]byte(fits)); err != nil {
				t.Error(err)
			}
			s.Reset()
		}
		for _, beyond := range []string{":" + strings.Repeat("1", 64<<10+1) + "\r\n", "$536870913\r\n", "*2147483648\r\n"} {
			if _, err := s.Scan([]byte(beyond)); !errors.Is(err, resp.ErrLimit) {
				t.Error(err)
			}
			s.Reset()
		}
	}
	var zero resp.Scanner
	if n, err := zero.Scan([]byte("*1\r\n:1\r\n")); n != 8 || err != nil {
		t.Errorf("the zero Scanner: %d, %v", n, err)
	}
}

// What a header claims must not be allocated. Growing a buffer by doubling
// allocates four times what it ends up with, at most.
func TestMemoryFollowsTheBytesThatHaveCome(t *testing.T) {
	for _, input := range []string{
		"$536870912\r\n0123456789",
		"*2147483647\r\n",
		"%1073741823\r\n",
		strings.Repeat("*1000000\r\n", 60),
		strings.Repeat("*1\r\n", 100_000),
		strings.Repeat("|0\r\n", 100_000),
		"$?\r\n;536870912\r\nabc",
		"=536870912\r\ntxt:",
		"!536870912\r\nERR",
		"+" + strings.Repeat("x", 60_000),
		"$536870912\r\n" + strings.Repeat("x", 300_000),
		"*2147483647\r\n" + strings.Repeat(":1\r\n", 100_000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = lastError(strings.NewReader(input))
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(256<<10+8*len(input)); got > most {
			t.Errorf("%.30q, %d bytes: %d bytes allocated, want at most %d", input, len(input), got, most)
		}
	}
}

// Were the work quadratic, each of these would take minutes.
func TestALargeReplyByteByByteIsLinearWork(t *testing.T) {
	const n = 1 << 20
	for name, wire := range map[string]string{
		"array":           "*262144\r\n" + strings.Repeat(":1\r\n", n/4),
		"bulk":            "$1048576\r\n" + strings.Repeat("x", n) + "\r\n",
		"nested":          "*10000\r\n" + strings.Repeat("*2\r\n*2\r\n$3\r\nabc\r\n:1\r\n+x\r\n", 10_000),
		"streamed string": "$?\r\n" + strings.Repeat(";1\r\nx\r\n", n/7) + ";0\r\n",
		"streamed array":  "*?\r\n" + strings.Repeat("_\r\n", n/3) + ".\r\n",
		"map":             "%43690\r\n" + strings.Repeat("$6\r\nabcdef\r\n,1.25\r\n", 43_690),
	} {
		s := resp.NewScanner(resp.Limits{})
		b := []byte(wire)
		for i := 1; i <= len(b); i++ {
			n, err := s.Scan(b[:i])
			if err != nil || (n > 0) != (i == len(b)) {
				t.Fatalf("%s: Scan of %d of %d bytes: %d, %v", name, i, len(b), n, err)
			}
		}
	}
	// Long lines, in a row.
	text := "+" + strings.Repeat("x", 64<<10) + "\r\n"
	if got := lastError(iotest.OneByteReader(strings.NewReader(strings.Repeat(text, 16)))); got != io.EOF.Error() {
		t.Error(got)
	}
}

func TestNeedIsWhatIsMissingOfAString(t *testing.T) {
	s := resp.NewScanner(resp.Limits{})
	for _, c := range []struct {
		bytes string
		need  int
	}{{"", 1}, {"$", 1}, {"$10\r\n", 12}, {"$10\r\nabc", 9}, {"$10\r\n0123456789\r", 1}} {
		if n, err := s.Scan([]byte(c.bytes)); n != 0 || err != nil || s.Need() != c.need {
			t.Errorf("%q: %d, %v, need %d, want %d", c.bytes, n, err, s.Need(), c.need)
		}
	}
}

func TestAScannerAllocatesNothingForRepliesOfRedis(t *testing.T) {
	s := resp.NewScanner(resp.Limits{})
	wire := []byte("*2\r\n*2\r\n%1\r\n+k\r\n~1\r\n*1\r\n:1\r\n$-1\r\n|1\r\n+a\r\n:1\r\n,1.5\r\n")
	if n := testing.AllocsPerRun(100, func() {
		if n, err := s.Scan(wire); n != len(wire) || err != nil {
			t.Error(n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
