package pubsub

import (
	"bytes"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

var deliveries = []string{
	">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n",
	"*3\r\n$7\r\nmessage\r\n$0\r\n\r\n$0\r\n\r\n",
	">4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$2\r\nab\r\n$4\r\n\r\n\r\n\r\n",
	"*4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$2\r\nab\r\n$2\r\nhi\r\n",
	">3\r\n$8\r\nsmessage\r\n$1\r\ns\r\n$12\r\nhello world!\r\n",
}

var others = []string{
	"", "+PONG\r\n", "$2\r\nhi\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n",
	">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
	">3\r\n$7\r\nmessage\r\n$1\r\na\r\n:5\r\n",
	">3\r\n$7\r\nmessage\r\n$-1\r\n$1\r\na\r\n",
	">4\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n",
	">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nab\r\n",
	">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$9999999999\r\nab\r\n",
	">3\r\n$7\r\nmessage\r\n$?\r\n;1\r\na\r\n;0\r\n$1\r\nb\r\n",
	"|1\r\n+k\r\n+v\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
	">2\r\n$10\r\ninvalidate\r\n_\r\n",
	">3\r\n$8\r\nxmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
	">3\r\n$8\r\npmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
	">4\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
	">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nbX\n",
	">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\rX",
	">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1X\nb\r\n",
	">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\rXb\r\n",
	">3\r\n$7\r\nmessage\r\n$1\r\naX\n$1\r\nb\r\n",
}

// fields takes a delivery apart with the general reader.
func fields(v resp.Value) (parts []string) {
	for e := range v.Elems() {
		b, _ := e.Bytes()
		parts = append(parts, string(b))
	}
	return parts
}

func checkDelivery(t *testing.T, b []byte) int {
	t.Helper()
	d, n := parseDelivery(b)
	if n == 0 {
		return 0
	}
	var scan resp.Scanner
	length, err := scan.Scan(b)
	if err != nil || length != n {
		t.Fatalf("%q: %d bytes, the scanner says %d, %v", b, n, length, err)
	}
	parts := fields(resp.Value(b[:n]))
	want := []string{map[Kind]string{Channel: "message", Pattern: "pmessage", Shard: "smessage"}[d.kind]}
	if d.kind == Pattern {
		want = append(want, string(d.name))
	} else if !bytes.Equal(d.name, d.channel) {
		t.Fatalf("%q: name %q, channel %q", b, d.name, d.channel)
	}
	want = append(want, string(d.channel), string(d.payload))
	if len(parts) != len(want) {
		t.Fatalf("%q: %q, want %q", b, parts, want)
	}
	for i := range want {
		if parts[i] != want[i] {
			t.Fatalf("%q: %q, want %q", b, parts, want)
		}
	}
	return n
}

func TestTheFastParserAgreesWithTheGeneralOne(t *testing.T) {
	for _, s := range deliveries {
		if n := checkDelivery(t, []byte(s+"rest")); n != len(s) {
			t.Errorf("%q: took %d bytes of %d", s, n, len(s))
		}
		for i := range s {
			if _, n := parseDelivery([]byte(s[:i])); n != 0 {
				t.Errorf("%q: took %d bytes of an incomplete message", s[:i], n)
			}
		}
	}
	for _, s := range others {
		if n := checkDelivery(t, []byte(s)); n != 0 {
			t.Errorf("%q: took %d bytes of what is no message", s, n)
		}
	}
}

func FuzzDelivery(f *testing.F) {
	for _, s := range append(deliveries, others...) {
		f.Add([]byte(s))
		f.Add([]byte(s + s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			n := checkDelivery(t, b)
			if n == 0 {
				return
			}
			b = b[n:]
		}
	})
}
