package resp

import (
	"bytes"
	"strings"
	"testing"
)

func TestAShortCommandIsEncodedAsAnyOther(t *testing.T) {
	for _, name := range []string{"", "A", "GE", "GET", "INCR", "LPUSH", "EXISTS", "FLUSHDB", "SMEMBERS", "SISMEMBER", "A B", "ACL CAT", "ACL LIST"} {
		for n := range 130 {
			text := String(strings.Repeat("x", n))
			for _, args := range [][]Arg{
				{}, {text}, {text, text}, {text, Bytes(nil), text, text}, {text, text, text, text, text},
				{text, Int(-7)}, {Uint(3), text}, {Float(1.5)},
			} {
				c := NewCommand(name, args...)
				want := c.AppendSized([]byte("before"), c.Size())
				room := make([]byte, 0, 7+n) // mostly too little
				got, ok := c.AppendShort(append(room, "before"...))
				if !ok {
					got = c.AppendTo(append(room, "before"...))
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%q, not %q", got, want)
				}
				if short := len(args) < 2 && n < 100 && (name == "GET" || name == "SMEMBERS"); short && !ok && (len(args) == 0 || !args[0].isNumber()) {
					t.Errorf("%q is not taken for short", got)
				}
			}
		}
	}
}

func TestANameIsSplitAtItsFirstSpace(t *testing.T) {
	for name, want := range map[string]uint16{
		"": 0, "A": 0, "GET": 0, " B": 0, "A B": 1, "AB C": 2, "A BC": 1, "ACL CAT": 3, "ACL LIST": 3, "SMEMBERS": 0,
		"A B C D": 1, "ABCDEF G": 6, "ABCDEFG ": 7, "XINFO STREAM": 5, "SISMEMBER": 0,
	} {
		if got := split(name); got != want {
			t.Errorf("%q is split at %d, not %d", name, got, want)
		}
	}
}
