package redis

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kermes-redis/kermes/resp"
)

// FuzzRunsDecodeLikeElements compares the decoders that take many elements at a time
// with those that take one by one.
func FuzzRunsDecodeLikeElements(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(mixedReply(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) { compareRuns(t, b) })
}

func TestRunsDecodeLikeElements(t *testing.T) {
	for seed := range uint64(2000) {
		compareRuns(t, mixedReply(seed))
	}
}

func compareRuns(t *testing.T, b []byte) {
	t.Helper()
	compareDecoders(t, b, Texts, ListOf(Text))
	compareDecoders(t, b, Ints, ListOf(Int))
	compareDecoders(t, b, TextMap, MapOf(Text, Text))
	compareDecoders(t, b, OptTexts, ListOf(OptOf(Text)))
	compareDecoders(t, b, TextSet, slowSet)
	compareDecoders(t, b, zs, slowScores)
	compareDecoders(t, b, entries, slowEntries)
}

func slowSet(v resp.Value) (map[string]struct{}, error) {
	l, err := list(v, Text)
	if err != nil {
		return nil, err
	}
	m := make(map[string]struct{})
	for _, s := range l {
		m[s] = struct{}{}
	}
	return m, nil
}

func slowScores(v resp.Value) ([]Z, error) {
	p, _, err := pairsOf(v)
	if err != nil {
		return nil, err
	}
	l := []Z{}
	for p.next() {
		m, err := Text(p.key)
		if err != nil {
			return nil, err
		}
		f, err := Float(p.value)
		if err != nil {
			return nil, err
		}
		l = append(l, Z{m, f})
	}
	return l, p.err
}

func slowEntries(v resp.Value) ([]Entry, error) {
	c, _, err := elems(v)
	if err != nil {
		return nil, err
	}
	l := []Entry{}
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		if e.IsNull() {
			continue
		}
		one, err := entry(e)
		if err != nil {
			return nil, err
		}
		l = append(l, one)
	}
	return l, nil
}

func compareDecoders[T any](t *testing.T, b []byte, fast, slow Decoder[T]) {
	t.Helper()
	got, err := fast(b)
	want, wantErr := slow(b)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Fatalf("%.2000q: %v; element by element: %v", b, err, wantErr)
	}
	if err != nil {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%.2000q:\n%.2000s", b, diff)
	}
}

// mixedReply is a list or map of short strings, and now and then of something else.
func mixedReply(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	n := r.IntN(300)
	var b []byte
	if r.IntN(2) == 0 {
		b = resp.AppendArray(nil, n)
	} else {
		b = resp.AppendMap(nil, n/2)
		n = n / 2 * 2
	}
	others := []string{":12\r\n", "+34\r\n", ",5\r\n", "=5\r\ntxt:6\r\n", "|1\r\n+a\r\n+b\r\n$1\r\n7\r\n", "$?\r\n;1\r\n8\r\n;0\r\n",
		string(resp.AppendBulk(nil, strings.Repeat("9", 150))), string(resp.AppendBulk(nil, strings.Repeat("x", 5000)))}
	if r.IntN(3) == 0 {
		others = append(others, "$-1\r\n", "_\r\n", "-ERR inside\r\n", "*2\r\n+a\r\n+b\r\n", "*0\r\n", "#t\r\n", "$2\r\nx1\r\n")
	}
	rare, size := r.IntN(40), 1+r.IntN(18)
	pairs := r.IntN(4) == 0
	for range n {
		if r.IntN(3) == 0 {
			size = 1 + r.IntN(18)
		}
		if pairs {
			b = append(b, pairLike(r, size)...)
			continue
		}
		if r.IntN(400) < rare {
			b = append(b, others[r.IntN(len(others))]...)
			continue
		}
		b = resp.AppendBulk(b, fmt.Sprintf("%0*d", size, r.IntN(100000)-500))
	}
	return b
}

// pairLike is a member with its score, an entry of a stream, or something like them.
func pairLike(r *rand.Rand, size int) []byte {
	text := fmt.Sprintf("%0*d", size, r.IntN(100000))
	pair := resp.AppendBulk(resp.AppendArray(nil, 2), text)
	switch k := r.IntN(60); {
	case k < 25:
		return resp.AppendDouble(pair, float64(r.IntN(1000))/8)
	case k < 30:
		return resp.AppendBulk(pair, "-1.25")
	case k < 55:
		n := r.IntN(5)
		pair = resp.AppendArray(pair, n)
		for range n {
			pair = resp.AppendBulk(pair, text)
		}
		return pair
	case k == 55:
		return append(pair, "_\r\n"...)
	case k == 56:
		return append(pair, "-ERR no\r\n"...)
	case k == 57:
		return append(resp.AppendArray(nil, 4), "$3\r\n1-1\r\n*2\r\n+a\r\n+b\r\n:5\r\n:1\r\n"...)
	case k == 58:
		return append(pair, "%1\r\n+a\r\n+b\r\n"...)
	}
	return []byte("_\r\n")
}
