package resp_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// FuzzFastElementsAreTheSlowOnes compares NextBulk and NextInt with Next at every
// element of a reply.
func FuzzFastElementsAreTheSlowOnes(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s)) })
	for _, s := range []string{
		"*5\r\n$1\r\n7\r\n:-12\r\n$3\r\nabc\r\n$-1\r\n$0\r\n\r\n", "*?\r\n:1\r\n$2\r\n10\r\n.\r\n",
		"*3\r\n$2\r\n+5\r\n$2\r\n-0\r\n:+3\r\n", "*2\r\n$19\r\n1234567890123456789\r\n:999999999999999999\r\n",
		"*2\r\n$02\r\nab\r\n$2\r\n1x\r\n", "%1\r\n$1\r\na\r\n|1\r\n+a\r\n+b\r\n$1\r\n1\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		compareFast(t, resp.Value(b).Cursor())
	})
}

func compareFast(t *testing.T, c resp.Cursor) {
	t.Helper()
	for {
		bulk, number := c, c
		text, isText := bulk.NextBulk()
		n, isInt := number.NextInt()
		e, ok := c.Next()
		if !ok {
			if isText || isInt {
				t.Fatalf("an element after the last: %q, %d", text, n)
			}
			return
		}
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

func ExampleCursor_NextBulk() {
	c := resp.Value("*2\r\n$5\r\nhello\r\n$5\r\nworld\r\n").Cursor()
	for p, ok := c.NextBulk(); ok; p, ok = c.NextBulk() {
		fmt.Println(string(p))
	}
	// Output:
	// hello
	// world
}
