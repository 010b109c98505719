package resp

import (
	"bytes"
	"math"
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
		"": 0, "A": 0, "GET": 0, " B": 0, "A B": 1, "AB ": 2, "A ": 1, " ": 0, " A ": 0, "  ": 0, "AB C": 2, "A BC": 1, "ACL CAT": 3, "ACL LIST": 3, "SMEMBERS": 0,
		"A B C D": 1, "ABCDEF G": 6, "ABCDEFG ": 7, "XINFO STREAM": 5, "SISMEMBER": 0,
	} {
		if got := split(name); got != want {
			t.Errorf("%q is split at %d, not %d", name, got, want)
		}
	}
}

func TestAShortCommandFitsTheRoomThatItAsksFor(t *testing.T) {
	text := String(strings.Repeat("x", 99))
	c := NewCommand("ABCDEFGH", text, text, Int(math.MinInt64), text)
	b := make([]byte, 3, 3+shortRoom)
	got, ok := c.AppendShort(b)
	if want := c.AppendSized([]byte{0, 0, 0}, c.Size()); !ok || &got[0] != &b[0] || !bytes.Equal(got, want) {
		t.Errorf("%v, %q", ok, got)
	}
	// Less is enough for one that is shorter, as Size says.
	c = NewCommand("GET", String("key"))
	b = make([]byte, 3, 3+c.Size())
	if got, ok = c.AppendShort(b); !ok || &got[0] != &b[0] {
		t.Error("moved", ok)
	}
}
