package resp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// What is frequent must not fall off its fast path: nobody would notice but by the time.
// It is taken when it is whole and not before, whatever follows it.

func bulkOf(n int) string { return fmt.Sprintf("$%d\r\n%s\r\n", n, strings.Repeat("x", n)) }

// bulkSizes are sizes at each change of their number of digits.
var bulkSizes = []int{0, 1, 8, 9, 10, 11, 98, 99, 100, 101, 998, 999, 1000, 9998, 9999, 10_000}

func TestAFrequentValueIsALeaf(t *testing.T) {
	values := []string{
		":0\r\n", ":9\r\n", ":-1\r\n", ":-90\r\n", ":42\r\n", ":1234567890\r\n", ":" + strings.Repeat("9", 18) + "\r\n", ":-" + strings.Repeat("9", 18) + "\r\n",
		"+OK\r\n", "+\r\n", "+" + strings.Repeat("x", shortLine-2) + "\r\n", "$-1\r\n", "_\r\n", "#t\r\n", "#f\r\n",
		",1\r\n", ",-1\r\n", ",1.5\r\n", ",-0.25\r\n", ",90.09\r\n", ",1.\r\n", ",.5\r\n", "," + strings.Repeat("1", shortLine-2) + "\r\n",
		"$00000003\r\nabc\r\n", bulkOf(12_345_678),
	}
	for _, n := range bulkSizes {
		values = append(values, bulkOf(n))
	}
	for _, v := range values {
		for _, behind := range []string{"", "$", "+OK\r\n"} {
			if got := leaf([]byte(v+behind), maxLimit); got != len(v) && len(v+behind) > 3 {
				t.Errorf("%.20q: %d of %d", v+behind, got, len(v))
			}
		}
		b := []byte(v)
		for cut := range min(len(b), 100) {
			if first, last := leaf(b[:cut], maxLimit), leaf(b[:len(b)-1-cut], maxLimit); first != 0 || last != 0 {
				t.Errorf("%.20q cut at %d: %d; without %d: %d", v, cut, first, 1+cut, last)
			}
		}
	}
}

func TestARareValueIsNoLeaf(t *testing.T) {
	for _, v := range []string{
		":" + strings.Repeat("9", 19) + "\r\n", ":-\r\n", ":\r\n", ":+1\r\n", ":1/\r\n", ":1:\r\n", "+" + strings.Repeat("x", shortLine-1) + "\r\n",
		"," + strings.Repeat("1", shortLine-1) + "\r\n", ",1e5\r\n", ",.\r\n", ",-\r\n", ",1.2.3\r\n", ",/\r\n", ",:\r\n", "$000000003\r\nabc\r\n",
		"#x\r\n", "#tt\r\n", "_x\r\n", "$-2\r\n", "$/\r\n\r\n", "$:\r\n0123456789\r\n", "+a\nb\r\n", "*0\r\n", "(1\r\n",
	} {
		if got := leaf([]byte(v+"+OK\r\n"), maxLimit); got != 0 {
			t.Errorf("%q: %d", v, got)
		}
	}
	for _, n := range bulkSizes[1:] {
		if leaf([]byte(bulkOf(n)), n) == 0 || leaf([]byte(bulkOf(n)), n-1) != 0 {
			t.Errorf("a string of %d bytes passes its limit, or less", n)
		}
	}
}

func TestASmallArrayIsTakenAsAWhole(t *testing.T) {
	ints := func(n int) string { return fmt.Sprintf("*%d\r\n", n) + strings.Repeat(":1\r\n", n) }
	nested := "*2\r\n" + ints(3) + "*1\r\n" + bulkOf(5)
	for _, v := range []string{ints(0), ints(1), ints(9), ints(10), ints(11), ints(flatElems), nested, "*2\r\n*0\r\n*0\r\n", "*05\r\n" + ints(5)[4:]} {
		for _, behind := range []string{"", ":1\r\n"} {
			if got := flat([]byte(v+behind), maxLimit, maxLimit, flatLevels); got != len(v) {
				t.Errorf("%q: %d of %d", v+behind, got, len(v))
			}
		}
		for cut := range len(v) {
			if got := flat([]byte(v[:cut]), maxLimit, maxLimit, flatLevels); got != 0 {
				t.Errorf("%q cut at %d: %d", v, cut, got)
			}
		}
	}
	for _, v := range []string{ints(flatElems + 1), "*1\r\n" + nested, "*-1\r\n", "*/\r\n", "*:\r\n", "*1/\r\n:1\r\n", "*1:\r\n:1\r\n"} {
		if got := flat([]byte(v), maxLimit, maxLimit, flatLevels); got != 0 {
			t.Errorf("%q: %d", v, got)
		}
	}
	for _, levels := range []int{0, 1} {
		if flat([]byte(nested), maxLimit, maxLimit, levels) != 0 || (flat([]byte(ints(3)), maxLimit, maxLimit, levels) != 0) != (levels == 1) {
			t.Errorf("arrays deeper than %d levels are taken, or others not", levels)
		}
	}
	if flat([]byte(ints(5)), maxLimit, 5, 1) == 0 || flat([]byte(ints(5)), maxLimit, 4, 1) != 0 {
		t.Error("the limit of elements is another one")
	}
}

// A word is read at the beginning of each string, so that one that is shorter than a
// word is not taken at the end.
func TestARunOfShortStringsIsTakenAtOnce(t *testing.T) {
	const behind = ":1234567\r\n"
	for size := range 100 {
		one := bulkOf(size)
		run := []byte(strings.Repeat(one, 5))
		for _, next := range []string{behind, bulkOf((size+1)%100) + behind} {
			all, want := append(bytes.Clone(run), next...), 5
			if next != behind {
				want = 6
			}
			length := len(all) - len(behind)
			if n, got := shortRun(all, 100, maxLimit); n != want || got != length {
				t.Errorf("size %d: %d of %d strings, %d of %d bytes", size, n, want, got, length)
			}
			if n, got := shortBulks(make([][]byte, 100), all); n != want || got != length {
				t.Errorf("size %d: texts of %d of %d strings, %d of %d bytes", size, n, want, got, length)
			}
		}
		last := 5
		if len(one) < wordBytes {
			last = 4
		}
		if n, got := shortRun(run, 100, maxLimit); n != last || got != n*len(one) {
			t.Errorf("size %d: %d strings at the end, want %d", size, n, last)
		}
		if n, got := shortRun(run, 3, size); n != 3 || got != 3*len(one) {
			t.Errorf("size %d: %d of 3 strings, %d bytes", size, n, got)
		}
		if n, _ := shortRun(run, 5, size-1); n != 0 {
			t.Errorf("size %d: %d strings that are too long", size, n)
		}
		if n, got := equalBulks(make([][]byte, 3), run); n != 3 || got != 3*len(one) {
			t.Errorf("size %d: texts of %d of 3 strings, %d bytes", size, n, got)
		}
	}
}

func TestARunOfIntegersIsTakenAtOnce(t *testing.T) {
	var list []byte
	var want []int64
	for i, n := 0, int64(1); i < 18; i, n = i+1, n*10 {
		for _, x := range []int64{n, -n, n * 9, -n * 9} {
			want = append(want, x)
			list = AppendBulk(list, fmt.Sprint(x))
		}
	}
	// What is left must hold the longest integer, however short the last one is.
	end := bytes.Repeat([]byte("+"), intRoom)
	for _, n := range []int{1, 7, len(want), len(want) + 5} {
		out := make([]int64, n)
		got, size := wordInts(out, append(bytes.Clone(list), end...))
		if n = min(n, len(want)); got != n || n == len(want) && size != len(list) {
			t.Errorf("%d of %d integers, %d of %d bytes", got, n, size, len(list))
		}
	}
	one := []byte("$1\r\n5\r\n")
	for room := intRoom - 1; room <= intRoom; room++ {
		b := append(bytes.Clone(one), bytes.Repeat([]byte("+"), room-len(one))...)
		if n, _ := wordInts(make([]int64, 1), b); (n == 1) != (room == intRoom) {
			t.Errorf("with %d bytes: %d integers", room, n)
		}
	}
}

func TestOrdinaryStringsAreTakenByACursor(t *testing.T) {
	for _, n := range append([]int{50_000, 99_999}, bulkSizes...) {
		v := Value("*2\r\n" + bulkOf(n) + ":1\r\n")
		c := v.Cursor()
		if text, ok := c.NextBulk(); !ok || len(text) != n || c.Left() != 1 {
			t.Errorf("a string of %d bytes: %d, %v, %d to come", n, len(text), ok, c.Left())
		}
		for cut := 1; cut < min(n, 50)+6; cut++ {
			if start, end := bulkBody([]byte(bulkOf(n))[:len(bulkOf(n))-cut]); start != 0 || end != 0 {
				t.Errorf("a string of %d bytes without %d: %d to %d", n, cut, start, end)
			}
		}
	}
	c := Value("*1\r\n" + bulkOf(100_000)).Cursor()
	if _, ok := c.NextBulk(); ok || c.Left() != 1 {
		t.Error("a longer one is taken")
	}
}

func TestOrdinaryNumbersAreTakenByACursor(t *testing.T) {
	for digits := 1; digits <= 20; digits++ {
		for _, sign := range []string{"", "-"} {
			text := sign + "90123456789012345678"[:digits]
			for _, e := range []string{":" + text + "\r\n", fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)} {
				c := Value("*2\r\n" + e + ":1\r\n").Cursor()
				if n, ok := c.NextInt(); ok != (digits <= 18) || ok && fmt.Sprint(n) != text {
					t.Errorf("%q: %d, %v", e, n, ok)
				}
			}
			if len(text) < 19 {
				n, ok := shortInt(Value(":" + text + "\r\n"))
				if !ok || fmt.Sprint(n) != text {
					t.Errorf("%s: %d, %v", text, n, ok)
				}
			}
			for point := 0; point <= digits; point++ {
				f := sign + text[len(sign):][:point] + "." + text[len(sign):][point:]
				b := append([]byte(f), "\r\n"...)
				_, end := shortFloat(b, 0)
				if want := point > 0 && point < digits && digits <= exactDigits; (end == len(f)) != want {
					t.Errorf("%s: %d of %d", f, end, len(f))
				}
			}
		}
	}
}

// The last element is taken like any other, whatever is behind it, and nothing is taken
// of one that is not whole.
func TestTheLastElementIsTakenByACursor(t *testing.T) {
	for _, e := range []string{":5\r\n", ":-5\r\n", "$1\r\n5\r\n", ",5\r\n", ",1.5\r\n", "$0\r\n\r\n", "$3\r\nabc\r\n", "_\r\n", "$-1\r\n", "*0\r\n", "*1\r\n"} {
		for cut := range len(e) + 1 {
			v := e[:len(e)-cut]
			at := Cursor{rest: []byte(v), left: 1}
			integer, float, bulk, null, in := at, at, at, at, at
			_, isInt := integer.NextInt()
			_, isFloat := float.NextFloat()
			_, isBulk := bulk.NextBulk()
			isNull := null.NextNull()
			_, isArray := in.Enter()
			whole := cut == 0
			number := e[0] == '$' && e[4] == '5'
			for name, x := range map[string]struct{ got, want bool }{
				"NextInt": {isInt, e[0] == ':' || number}, "NextFloat": {isFloat, e[0] == ',' || number}, "NextBulk": {isBulk, e[0] == '$' && e[1] != '-'},
				"NextNull": {isNull, e[0] == '_' || e[1] == '-' && e[0] == '$'}, "Enter": {isArray, e[0] == '*'},
			} {
				if x.got != (x.want && whole) {
					t.Errorf("%s of %q: %v", name, v, x.got)
				}
			}
		}
	}
}

func TestALineEndsAtItsFirstCROrLF(t *testing.T) {
	for n := range 3 * shortLine {
		for _, end := range []string{"\r\n", "\n", "\r", "\n\r", "\r" + strings.Repeat("x", 40) + "\n", "\n" + strings.Repeat("x", 40) + "\r"} {
			b := []byte(strings.Repeat("x", n) + end)
			if got := lineBreak(b); got != n {
				t.Errorf("%q: %d", b, got)
			}
		}
		if got := lineBreak(bytes.Repeat([]byte("x"), n)); got != -1 {
			t.Errorf("%d bytes without an end: %d", n, got)
		}
	}
}
