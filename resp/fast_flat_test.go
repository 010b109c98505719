package resp_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// FuzzSmallArraysAreFoundLikeAnyOthers compares a Scanner that is given a reply at once,
// and takes small arrays as a whole, with one that is given it byte by byte.
func FuzzSmallArraysAreFoundLikeAnyOthers(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(nested(seed), 9, 5, 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, bulk, elems, depth int) { compareNested(t, b, bulk, elems, depth) })
}

func TestSmallArraysAreFoundLikeAnyOthers(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 5))
		b := nested(seed)
		if r.IntN(2) == 0 && len(b) > 0 { // something is wrong with it
			b[r.IntN(len(b))] = "$*:,_-\r\n0123456789x"[r.IntN(19)]
		}
		compareNested(t, b, r.IntN(40), r.IntN(40), r.IntN(6))
	}
}

// nested is an array of arrays, with something else between them.
func nested(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 4))
	n := r.IntN(20)
	b := resp.AppendArray(nil, n)
	for range n {
		b = append(b, nestedElement(r, 0)...)
	}
	return b
}

func nestedElement(r *rand.Rand, depth int) string {
	simple := []string{"$3\r\nabc\r\n", ":12\r\n", ",1.5\r\n", "_\r\n", "$-1\r\n", "+OK\r\n", "$0\r\n\r\n", "#t\r\n", "*0\r\n", "*-1\r\n"}
	unusual := []string{"(12\r\n", "-ERR no\r\n", "=5\r\ntxt:a\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n:1\r\n", "|1\r\n+a\r\n+b\r\n:1\r\n",
		"*?\r\n:1\r\n.\r\n", "$?\r\n;1\r\na\r\n;0\r\n", ",1e5\r\n", "$12\r\nabcdefghijkl\r\n"}
	switch k := r.IntN(20); {
	case k < 10 && depth < 4:
		n := r.IntN(5) * r.IntN(5)
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", n)
		for range n {
			b.WriteString(nestedElement(r, depth+1))
		}
		return b.String()
	case k < 19:
		return simple[r.IntN(len(simple))]
	}
	return unusual[r.IntN(len(unusual))]
}

func compareNested(t *testing.T, b []byte, bulk, elems, depth int) {
	t.Helper()
	limits := resp.Limits{Bulk: 1 + bulk&0x3f, Elems: 1 + elems&0x3f, Depth: 1 + depth&7}
	whole, careful := resp.NewScanner(limits), resp.NewScanner(limits)
	n, err := whole.Scan(b)
	m, slow := 0, error(nil)
	for have := 1; have <= len(b) && m == 0 && slow == nil; have++ {
		m, slow = careful.Scan(b[:have:have])
	}
	if n != m || fmt.Sprint(err) != fmt.Sprint(slow) {
		t.Fatalf("%q, %+v: at once %d, %v; byte by byte %d, %v", b, limits, n, err, m, slow)
	}
	if n == 0 || b[0] != '*' {
		return
	}
	c, size := resp.Value(b[:n]).Cursor(), 0
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		s := resp.NewScanner(limits)
		if k, err := s.Scan(e); k != len(e) || err != nil {
			t.Fatalf("%q: the element %q is found as %d bytes, %v", b, []byte(e), k, err)
		}
		size += len(e)
	}
	if c.Err() != nil || size > n {
		t.Fatalf("%q: %d bytes of elements, %v", b, size, c.Err())
	}
}

// compareOthers checks Enter, NextNull and NextFloat against e, what Next says is next,
// and after, where it is then.
func compareOthers(t *testing.T, c resp.Cursor, e resp.Value, after resp.Cursor) {
	t.Helper()
	null, number, in := c, c, c
	if null.NextNull() && (!e.IsNull() || null.Left() != after.Left()) {
		t.Fatalf("%q is taken for a null", []byte(e))
	}
	if f, ok := number.NextFloat(); ok {
		want, err := e.Float()
		if err != nil || math.Float64bits(f) != math.Float64bits(want) || number.Left() != after.Left() {
			t.Fatalf("%q is %v, %v; NextFloat says %v", []byte(e), want, err, f)
		}
	}
	n, ok := in.Enter()
	if !ok {
		return
	}
	if e.Kind() != resp.KindArray || e.Len() != n || in.Left() != after.Left()+n {
		t.Fatalf("%q is entered as %d elements, %d to come", []byte(e), n, in.Left())
	}
	for want := range e.Elems() {
		if got, _ := in.Next(); string(got) != string(want) {
			t.Fatalf("%q within %q; after Enter %q", []byte(want), []byte(e), []byte(got))
		}
	}
	if in.Left() != after.Left() {
		t.Fatalf("%q: %d to come after it, and not %d", []byte(e), in.Left(), after.Left())
	}
}

func TestNextFloatIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		digits := r.Uint64N(1e15)
		text := fmt.Sprintf("%.*f", r.IntN(16), float64(digits)/math.Pow(10, float64(r.IntN(16))))
		if r.IntN(2) == 0 {
			text = "-" + text
		}
		for _, e := range []string{"," + text + "\r\n", string(resp.AppendBulk(nil, text))} {
			c := resp.Value("*1\r\n" + e).Cursor()
			want, err := resp.Value(e).Float()
			if got, ok := c.NextFloat(); ok && (err != nil || math.Float64bits(got) != math.Float64bits(want)) {
				t.Fatalf("%s: %v, want %v, %v", text, got, want, err)
			}
		}
	}
}

func TestNextFloatTakesWhatScoresUsuallyAre(t *testing.T) {
	for _, text := range []string{"0", "-0", "1", "1.5", "-12.25", "1700000000.123", "123456789012345"} {
		for _, e := range []string{"," + text + "\r\n", string(resp.AppendBulk(nil, text))} {
			c := resp.Value("*1\r\n" + e).Cursor()
			if _, ok := c.NextFloat(); !ok || c.Left() != 0 {
				t.Errorf("%q is not taken", e)
			}
		}
	}
	for _, text := range []string{"inf", "1e5", ".5", "5.", "--1", "1234567890123456", "", "1.2.3", "+1"} {
		c := resp.Value("*1\r\n," + text + "\r\n").Cursor()
		if f, ok := c.NextFloat(); ok {
			t.Errorf("%q is taken for %v", text, f)
		}
	}
}

func ExampleCursor_Enter() {
	c := resp.Value("*2\r\n*2\r\n$1\r\na\r\n,1.5\r\n*2\r\n$1\r\nb\r\n,2\r\n").Cursor()
	for n, ok := c.Enter(); ok && n == 2; n, ok = c.Enter() {
		member, _ := c.NextBulk()
		score, _ := c.NextFloat()
		fmt.Println(string(member), score)
	}
	// Output:
	// a 1.5
	// b 2
}

func ExampleCursor_NextFloat() {
	c := resp.Value("*2\r\n,1.5\r\n$2\r\n-4\r\n").Cursor()
	for f, ok := c.NextFloat(); ok; f, ok = c.NextFloat() {
		fmt.Println(f)
	}
	// Output:
	// 1.5
	// -4
}

func ExampleCursor_NextNull() {
	c := resp.Value("*3\r\n$1\r\na\r\n_\r\n$1\r\nb\r\n").Cursor()
	for c.Left() > 0 {
		if c.NextNull() {
			fmt.Println("nothing")
			continue
		}
		text, _ := c.NextBulk()
		fmt.Println(string(text))
	}
	// Output:
	// a
	// nothing
	// b
}
