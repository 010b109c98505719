package resp_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// FuzzFastElementsAreTheSlowOnes compares NextBulk, NextInt and the runs with Next
// at every element of a reply.
func FuzzFastElementsAreTheSlowOnes(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s)) })
	for _, s := range []string{
		"*5\r\n$1\r\n7\r\n:-12\r\n$3\r\nabc\r\n$-1\r\n$0\r\n\r\n", "*?\r\n:1\r\n$2\r\n10\r\n.\r\n",
		"*3\r\n$2\r\n+5\r\n$2\r\n-0\r\n:+3\r\n", "*2\r\n$19\r\n1234567890123456789\r\n:999999999999999999\r\n",
		"*3\r\n$4\r\nabcd\r\n$4\r\nabcdef$1\r\n1\r\n", "*3\r\n$12\r\nabcdefghijkl\r\n$2\r\nababcd$12\r\n",
		"*2\r\n$02\r\nab\r\n$2\r\n1x\r\n", "%1\r\n$1\r\na\r\n|1\r\n+a\r\n+b\r\n$1\r\n1\r\n",
	} {
		f.Add([]byte(s))
	}
	for _, s := range nearlyInts {
		f.Add(amongInts(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		compareFast(t, resp.Value(b).Cursor())
	})
}

func compareFast(t *testing.T, c resp.Cursor) {
	t.Helper()
	for {
		before, bulk, number := c, c, c
		text, isText := bulk.NextBulk()
		n, isInt := number.NextInt()
		e, ok := c.Next()
		if !ok {
			if isText || isInt {
				t.Fatalf("an element after the last: %q, %d", text, n)
			}
			return
		}
		compareAppendInts(t, before, isInt)
		compareNextBulks(t, before)
		compareOthers(t, before, e, c)
		if want, err := e.Bytes(); isText && (err != nil || !bytes.Equal(text, want) || bulk.Left() != c.Left()) {
			t.Fatalf("%q is %q, %v; NextBulk says %q", []byte(e), want, err, text)
		}
		if want, err := e.Int(); isInt && (err != nil || n != want || number.Left() != c.Left()) {
			t.Fatalf("%q is %d, %v; NextInt says %d", []byte(e), want, err, n)
		}
		if e.Kind() == resp.KindArray {
			compareFast(t, e.Cursor())
		}
	}
}

// compareAppendInts checks that what AppendInts appends is what Next says is there,
// and that it appends something where NextInt does.
func compareAppendInts(t *testing.T, c resp.Cursor, some bool) {
	t.Helper()
	for _, room := range []int{0, 2, 100} {
		after, slow := c, c
		got := after.AppendInts(append(make([]int64, 0, 1+room), 7))
		if got[0] != 7 || some && len(got) == 1 {
			t.Fatalf("room for %d: %d", room, got)
		}
		for _, n := range got[1:] {
			e, ok := slow.Next()
			if want, err := e.Int(); !ok || err != nil || n != want {
				t.Fatalf("%q is %d, %v; AppendInts says %d", []byte(e), want, err, n)
			}
		}
		a, _ := after.Next()
		b, _ := slow.Next()
		if !bytes.Equal(a, b) || after.Left() != slow.Left() {
			t.Fatalf("AppendInts is at %q, %d to come; Next is at %q, %d to come", []byte(a), after.Left(), []byte(b), slow.Left())
		}
	}
}

func compareNextBulks(t *testing.T, c resp.Cursor) {
	t.Helper()
	var texts [7][]byte
	for room := range texts {
		after, slow := c, c
		for i, text := range texts[:after.NextBulks(texts[:room])] {
			e, ok := slow.Next()
			if want, err := e.Bytes(); !ok || err != nil || e.Kind() != resp.KindBulk || !bytes.Equal(text, want) || cap(text) != len(text) {
				t.Fatalf("%d: %q is %q, %v; NextBulks says %q", i, []byte(e), want, err, text)
			}
		}
		a, _ := after.Next()
		b, _ := slow.Next()
		if !bytes.Equal(a, b) || after.Left() != slow.Left() {
			t.Fatalf("NextBulks is at %q, %d to come; Next is at %q, %d to come", []byte(a), after.Left(), []byte(b), slow.Left())
		}
	}
}

func TestNextBulksTakesShortStringsOfAnyLengthsInARow(t *testing.T) {
	wire := resp.AppendArray(nil, 102)
	for i := range 101 {
		wire = resp.AppendBulk(wire, strings.Repeat("x", i/4*i%100))
	}
	c := resp.Value(resp.AppendInt(wire, 1)).Cursor()
	var out [200][]byte
	if n := c.NextBulks(out[:]); n != 101 || c.Left() != 1 {
		t.Fatalf("%d, %d to come", n, c.Left())
	}
}

// nearlyInts are elements that are integers, or nearly.
var nearlyInts = []string{
	"$:\r\n1234567890\r\n", "$1/\r\n123456789\r\n", "$1:\r\n00000000000000000020\r\n", "$/\r\n", "$0\r\n\r\n", "$1\r\n-\r\n", "$2\r\n--\r\n", "$2\r\n-1\r\n", "$2\r\n+1\r\n",
	"$1\r\n/\r\n", "$1\r\n:\r\n", "$3\r\n1\x801\r\n", "$8\r\n1234567\xff\r\n", "$8\r\n\xb01234567\r\n",
	"$9\r\n12345678/\r\n", "$9\r\n1:3456789\r\n", "$08\r\n12345678\r\n", "$8\r\n12345678\r\r\n", "$7\r\n12345678\r\n",
	"$19\r\n9223372036854775807\r\n", "$19\r\n9223372036854775808\r\n", "$19\r\n9999999999999999999\r\n",
	"$20\r\n-9223372036854775807\r\n", "$20\r\n-9223372036854775808\r\n", "$20\r\n-9223372036854775809\r\n",
	"$20\r\n00000000000000000001\r\n", "$20\r\n12345678901234567890\r\n", "$21\r\n-12345678901234567890\r\n",
	"$-1\r\n", "_\r\n", ":12\r\n", ":-5\r\n", "#t\r\n", "$1\n\r5\r\n", "$12\r1234567890123\r\n", "$99\r\n" + strings.Repeat("1", 99) + "\r\n",
}

// amongInts is a list with s between integers.
func amongInts(s string) []byte {
	wire := resp.AppendBulk(resp.AppendArray(nil, 10), "1")
	wire = append(resp.AppendBulk(wire, "-22"), s...)
	for i := range 7 {
		wire = resp.AppendBulk(wire, strconv.Itoa(1000+i))
	}
	return wire
}

func TestAppendIntsIsExactAtTheEdgesOfEveryLength(t *testing.T) {
	var want []int64
	for n := int64(1); n > 0 && n <= math.MaxInt64/10; n *= 10 {
		want = append(want, n-1, n, n+1, -n, -n-1, 10*n-1, n/9*8)
	}
	want = append(want, math.MaxInt64, math.MinInt64+1, math.MaxInt64-1)
	for range 50 { // all of them in every place, those at the end included
		want = append(want[1:], want[0])
		wire := resp.AppendArray(nil, len(want))
		for _, n := range want {
			wire = resp.AppendBulk(wire, strconv.FormatInt(n, 10))
		}
		c := resp.Value(wire).Cursor()
		var got []int64
		for c.Left() > 0 {
			if got = c.AppendInts(got); c.Left() > 0 {
				e, _ := c.Next()
				n, err := e.Int()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, n)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %d\nwant %d", got, want)
		}
	}
}

func TestFastElementsStayWhereTheyAreAtOthers(t *testing.T) {
	c := resp.Value("*4\r\n$1\r\n7\r\n:8\r\n+text\r\n$3\r\nabc\r\n").Cursor()
	if n, ok := c.NextInt(); n != 7 || !ok {
		t.Fatal(n, ok)
	}
	if _, ok := c.NextBulk(); ok {
		t.Fatal("an integer is no bulk string")
	}
	if n, ok := c.NextInt(); n != 8 || !ok {
		t.Fatal(n, ok)
	}
	if _, ok := c.NextBulk(); ok {
		t.Fatal("a text is no bulk string")
	}
	if v, ok := c.Next(); string(v) != "+text\r\n" || !ok {
		t.Fatal(v, ok)
	}
	if _, ok := c.NextInt(); ok {
		t.Fatal("abc is no integer")
	}
	if p, ok := c.NextBulk(); string(p) != "abc" || !ok || c.Left() != 0 {
		t.Fatal(p, ok, c.Left())
	}
}

func ExampleCursor_NextInt() {
	sum := int64(0)
	c := resp.Value("*3\r\n:1\r\n$2\r\n20\r\n:300\r\n").Cursor()
	for n, ok := c.NextInt(); ok; n, ok = c.NextInt() {
		sum += n
	}
	fmt.Println(sum, c.Left())
	// Output: 321 0
}

func ExampleCursor_AppendInts() {
	c := resp.Value("*4\r\n:1\r\n$2\r\n20\r\n:300\r\n+more\r\n").Cursor()
	fmt.Println(c.AppendInts(nil), c.Left())
	// Output: [1 20 300] 1
}

func ExampleCursor_NextBulks() {
	c := resp.Value("*4\r\n$5\r\nhello\r\n$5\r\nworld\r\n:5\r\n+more\r\n").Cursor()
	var run [16][]byte
	n := c.NextBulks(run[:])
	fmt.Printf("%q %d\n", run[:n], c.Left())
	// Output: ["hello" "world"] 2
}

func ExampleCursor_NextBulk() {
	c := resp.Value("*2\r\n$5\r\nhello\r\n$5\r\nworld\r\n").Cursor()
	for p, ok := c.NextBulk(); ok; p, ok = c.NextBulk() {
		fmt.Println(string(p))
	}
	// Output:
	// hello
	// world
}
