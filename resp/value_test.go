package resp_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// outcome says what an accessor returned, in a word if it was an error.
func outcome[T any](x T, err error) string {
	if err == nil {
		if b, ok := any(x).([]byte); ok {
			return fmt.Sprintf("%q", b)
		}
		return fmt.Sprint(x)
	}
	switch {
	case errors.Is(err, resp.ErrNull):
		return "null"
	case errors.Is(err, resp.ErrProtocol):
		return "syntax"
	}
	if e, ok := errors.AsType[*resp.ValueError](err); ok {
		return "no " + e.Want + ": " + e.Kind.String()
	}
	if e, ok := errors.AsType[*resp.Error](err); ok {
		return "reply: " + e.Error()
	}
	return err.Error()
}

func TestAccessorsOfEachKindOfReply(t *testing.T) {
	for _, c := range []struct {
		wire, kind, bytes, integer, float, boolean, print string
	}{
		{"+OK\r\n", "text", `"OK"`, "no integer: text", "no number: text", "no boolean: text", "OK"},
		{"+1\r\n", "text", `"1"`, "1", "1", "true", "1"},
		{"-ERR x\r\n", "error", "reply: ERR x", "reply: ERR x", "reply: ERR x", "reply: ERR x", "(error) ERR x"},
		{"!5\r\nERR x\r\n", "error", "reply: ERR x", "reply: ERR x", "reply: ERR x", "reply: ERR x", "(error) ERR x"},
		{":1\r\n", "integer", `"1"`, "1", "1", "true", "(integer) 1"},
		{":-5\r\n", "integer", `"-5"`, "-5", "-5", "no boolean: integer", "(integer) -5"},
		{":+0\r\n", "integer", `"+0"`, "0", "0", "false", "(integer) +0"},
		{":-9223372036854775808\r\n", "integer", `"-9223372036854775808"`, "-9223372036854775808", "-9.223372036854776e+18", "no boolean: integer", "(integer) -9223372036854775808"},
		{"$3\r\nabc\r\n", "bulk string", `"abc"`, "no integer: bulk string", "no number: bulk string", "no boolean: bulk string", `"abc"`},
		{"$0\r\n\r\n", "bulk string", `""`, "no integer: bulk string", "no number: bulk string", "no boolean: bulk string", `""`},
		{"$3\r\n1.5\r\n", "bulk string", `"1.5"`, "no integer: bulk string", "1.5", "no boolean: bulk string", `"1.5"`},
		{"$3\r\ninf\r\n", "bulk string", `"inf"`, "no integer: bulk string", "+Inf", "no boolean: bulk string", `"inf"`},
		{"$1\r\n0\r\n", "bulk string", `"0"`, "0", "0", "false", `"0"`},
		{"$19\r\n9223372036854775808\r\n", "bulk string", `"9223372036854775808"`, "no integer: bulk string", "9.223372036854776e+18", "no boolean: bulk string", `"9223372036854775808"`},
		{"$?\r\n;1\r\n1\r\n;1\r\n2\r\n;0\r\n", "bulk string", `"12"`, "12", "12", "no boolean: bulk string", `"12"`},
		{"$-1\r\n", "null", "null", "null", "null", "null", "(nil)"},
		{"*-1\r\n", "null", "null", "null", "null", "null", "(nil)"},
		{"_\r\n", "null", "null", "null", "null", "null", "(nil)"},
		{"#t\r\n", "boolean", "no string: boolean", "1", "no number: boolean", "true", "(true)"},
		{"#f\r\n", "boolean", "no string: boolean", "0", "no number: boolean", "false", "(false)"},
		{",1.5\r\n", "double", `"1.5"`, "no integer: double", "1.5", "no boolean: double", "(double) 1.5"},
		{",3\r\n", "double", `"3"`, "3", "3", "no boolean: double", "(double) 3"},
		{",-inf\r\n", "double", `"-inf"`, "no integer: double", "-Inf", "no boolean: double", "(double) -inf"},
		{",nan\r\n", "double", `"nan"`, "no integer: double", "NaN", "no boolean: double", "(double) nan"},
		{"(99999999999999999999\r\n", "big number", `"99999999999999999999"`, "no integer: big number", "1e+20", "no boolean: big number", "(big number) 99999999999999999999"},
		{"(12\r\n", "big number", `"12"`, "12", "12", "no boolean: big number", "(big number) 12"},
		{"(1 2\r\n", "big number", "no big number: big number", "no big number: big number", "no big number: big number", "no boolean: big number", "(big number) 1 2"},
		{"=6\r\ntxt:ab\r\n", "verbatim string", `"ab"`, "no integer: verbatim string", "no number: verbatim string", "no boolean: verbatim string", `"ab"`},
		{"=5\r\ntxt:7\r\n", "verbatim string", `"7"`, "7", "7", "no boolean: verbatim string", `"7"`},
		{"*1\r\n:1\r\n", "array", "no string: array", "no integer: array", "no number: array", "no boolean: array", "[(integer) 1]"},
		{"*0\r\n", "array", "no string: array", "no integer: array", "no number: array", "no boolean: array", "[]"},
		{"~1\r\n:1\r\n", "set", "no string: set", "no integer: set", "no number: set", "no boolean: set", "~[(integer) 1]"},
		{">1\r\n+x\r\n", "push", "no string: push", "no integer: push", "no number: push", "no boolean: push", ">[x]"},
		{"%1\r\n+a\r\n:1\r\n", "map", "no string: map", "no integer: map", "no number: map", "no boolean: map", "{a => (integer) 1}"},
		{"|1\r\n+a\r\n:1\r\n:7\r\n", "integer", `"7"`, "7", "7", "no boolean: integer", "(integer) 7"},
		{"|1\r\n+a\r\n:1\r\n*-1\r\n", "null", "null", "null", "null", "null", "(nil)"},
	} {
		v := resp.Value(c.wire)
		for _, x := range []struct{ what, got, want string }{
			{"Kind", v.Kind().String(), c.kind},
			{"Bytes", outcome(v.Bytes()), c.bytes},
			{"Int", outcome(v.Int()), c.integer},
			{"Float", outcome(v.Float()), c.float},
			{"Bool", outcome(v.Bool()), c.boolean},
			{"String", v.String(), c.print},
			{"Clone", string(v.Clone()), c.wire},
			{"IsNull", fmt.Sprint(v.IsNull()), fmt.Sprint(c.kind == "null")},
			{"Err", fmt.Sprint(v.Err() != nil), fmt.Sprint(c.kind == "error")},
		} {
			if x.got != x.want {
				t.Errorf("%q: %s is %s, want %s", c.wire, x.what, x.got, x.want)
			}
		}
	}
}

// A Value may be anything. Every prefix, every changed byte, and everything cut
// at the front must be taken without a panic, and loops must end.
func TestNoAccessorPanicsOnAnyBytes(t *testing.T) {
	for _, v := range loadVectors(t) {
		if len(v.input) > 300 {
			continue
		}
		for i := range len(v.input) {
			touch([]byte(v.input[:i]))
			touch([]byte(v.input[i:]))
			for _, c := range []byte("\r\n?-09$*|%.;:\x00\xff") {
				b := []byte(v.input)
				b[i] = c
				touch(b)
			}
		}
	}
}

// touch calls all that a Value has.
func touch(b []byte) {
	v := resp.Value(b)
	_, _ = v.Bytes()
	_, _ = v.Int()
	_, _ = v.Float()
	_, _ = v.Bool()
	_, _, _, _, _, _ = v.Kind(), v.IsNull(), v.Err(), v.Format(), v.String(), v.Clone()
	if n := v.Len(); n > len(v)/3 {
		panic("Len is more than a third of the bytes")
	}
	walk(v, 5)
}

func walk(v resp.Value, depth int) {
	if depth == 0 {
		return
	}
	for e := range v.Elems() {
		walk(e, depth-1)
	}
	for k, e := range v.Pairs() {
		_, _ = k.Bytes()
		_, _ = e.Int()
	}
	for k, e := range v.Attrs() {
		walk(k, depth-1)
		walk(e, depth-1)
	}
	c := v.Cursor()
	for _, ok := c.Next(); ok; _, ok = c.Next() {
	}
	if _, ok := c.Next(); ok {
		panic("an element after the end")
	}
	_ = c.Err()
}

func TestMalformedValuesAreSyntaxErrorsOrNothing(t *testing.T) {
	for _, s := range []string{
		"", "x", "+", "+OK", "+OK\r", "+OK\r\nx", ":\r\n", ":1a\r\n", ":-\r\n", ":\n\r\n", "$", "$3\r\nab", "$3\r\nabcXY", "$3\r\nabcd\r\n",
		"$-2\r\n", "$-", "$-1", "$-1\r\nx", "*-2\r\n", "$99999999999999999999\r\n", "$?\r\n;5\r\nab\r\n", "$?\r\n", "#", "#x\r\n", "_x\r\n",
		",x\r\n", "(\r\n", "=3\r\ntxt\r\n", "=4\r\ntxtx\r\n", "|1\r\n", "|1\r\n+a\r\n:1\r\n", "|9999999999\r\n", ".\r\n", ";1\r\na\r\n", "!5\r\nERR",
	} {
		v := resp.Value(s)
		for what, got := range map[string]string{
			"Bytes": outcome(v.Bytes()), "Int": outcome(v.Int()), "Float": outcome(v.Float()), "Bool": outcome(v.Bool()),
		} {
			if got != "syntax" {
				t.Errorf("%q: %s is %s", s, what, got)
			}
		}
		if v.String() != "(malformed)" || v.Err() != nil || v.Len() != 0 || v.Format() != "" {
			t.Errorf("%q: %s, %v, %d, %q", s, v.String(), v.Err(), v.Len(), v.Format())
		}
	}
}

func TestCursorSaysWhatIsLeftAndWhetherItMetGarbage(t *testing.T) {
	for _, c := range []struct {
		wire        string
		left, elems int
		bad         bool
	}{
		{"*2\r\n:1\r\n:2\r\n", 2, 2, false},
		{"%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n", 4, 4, false},
		{"*?\r\n:1\r\n.\r\n", -1, 1, false},
		{"*?\r\n:1\r\n.x", -1, 1, true},
		{"*?\r\n:1\r\n", -1, 1, true},
		{"*2\r\n:1\r\n:x\r\n", 2, 1, true},
		{"*3\r\n:1\r\n", 0, 0, true},
		{"*1000000000000000000\r\n", 0, 0, true},
		{"*-1\r\n", 0, 0, false},
		{"*x\r\n", 0, 0, true},
		{":1\r\n", 0, 0, false},
		{"", 0, 0, false},
	} {
		cur := resp.Value(c.wire).Cursor()
		if cur.Left() != c.left {
			t.Errorf("%q: %d left, want %d", c.wire, cur.Left(), c.left)
		}
		n := 0
		for _, ok := cur.Next(); ok; _, ok = cur.Next() {
			n++
		}
		if n != c.elems || cur.Left() != 0 || (cur.Err() != nil) != c.bad {
			t.Errorf("%q: %d elements, %d left, %v", c.wire, n, cur.Left(), cur.Err())
		}
	}
}

func TestIterationStopsWhenItIsToldTo(t *testing.T) {
	v := resp.Value("|2\r\n+a\r\n:1\r\n+b\r\n:2\r\n*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n")
	n := 0
	for range v.Elems() {
		n++
		break
	}
	for range v.Pairs() {
		n++
		break
	}
	for range v.Attrs() {
		n++
		break
	}
	if n != 3 {
		t.Error(n)
	}
}

func TestPairsAreOfAMapAndOfAFlatArray(t *testing.T) {
	for wire, want := range map[string]string{
		"%1\r\n+a\r\n:1\r\n":                   "a=1 ",
		"*4\r\n+a\r\n:1\r\n+b\r\n:2\r\n":       "a=1 b=2 ",
		"*3\r\n+a\r\n:1\r\n+b\r\n":             "a=1 ",
		"%?\r\n+a\r\n:1\r\n.\r\n":              "a=1 ",
		"$1\r\na\r\n":                          "",
		"%1\r\n|1\r\n+x\r\n:9\r\n+a\r\n:1\r\n": "a=1 ",
	} {
		got := ""
		for k, e := range resp.Value(wire).Pairs() {
			b, _ := k.Bytes()
			n, _ := e.Int()
			got += fmt.Sprintf("%s=%d ", b, n)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", wire, got, want)
		}
	}
}

func TestBytesAliasTheValueAndDoNotReachBeyond(t *testing.T) {
	v := resp.Value("$3\r\nabc\r\n")
	b, err := v.Bytes()
	if err != nil || cap(b) != 3 {
		t.Fatal(cap(b), err)
	}
	b[0] = 'x'
	if string(v) != "$3\r\nxbc\r\n" {
		t.Errorf("%q", v)
	}
	c := v.Clone()
	v[4] = 'y'
	if !bytes.Contains(c, []byte("xbc")) || resp.Value(nil).Clone() != nil {
		t.Errorf("the clone changed: %q", c)
	}
}

func TestWhatAccessorsAllocate(t *testing.T) {
	bulk, list := resp.Value("$3\r\n123\r\n"), resp.Value("*3\r\n:1\r\n$1\r\na\r\n%1\r\n+a\r\n:1\r\n")
	if n := testing.AllocsPerRun(100, func() {
		_, _ = bulk.Bytes()
		_, _ = bulk.Int()
		_, _ = bulk.Float()
		_, _, _ = list.Kind(), list.Err(), list.Len()
		for range list.Elems() {
		}
		for c := list.Cursor(); ; {
			if _, ok := c.Next(); !ok {
				break
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStringIsShort(t *testing.T) {
	for wire, want := range map[string]string{
		"$100\r\n" + strings.Repeat("x", 100) + "\r\n":                     `"` + strings.Repeat("x", 64) + `"... and 36 bytes`,
		"*10\r\n" + strings.Repeat(":1\r\n", 10):                           "[" + strings.Repeat("(integer) 1, ", 8) + "...]",
		"*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n":                                   "[[[[...]]]]",
		"+a\x00\xff\r\n":                                                   `a\x00\xff`,
		"%2\r\n+a\r\n:1\r\n_\r\n#t\r\n":                                    "{a => (integer) 1, (nil) => (true)}",
		"*2\r\n+a\r\n:x\r\n":                                               "[a]",
		">2\r\n+message\r\n$1\r\nc\r\n":                                    `>[message, "c"]`,
		"*8\r\n" + strings.Repeat("*8\r\n"+strings.Repeat("+x\r\n", 8), 8): "",
	} {
		got := resp.Value(wire).String()
		if want != "" && got != want || len(got) > 2000 {
			t.Errorf("%.60q: %s, want %s", wire, got, want)
		}
	}
}

func TestFloatsSurviveTheAppendFunctions(t *testing.T) {
	for _, f := range []float64{0, math.Copysign(0, -1), 1.5, -1e300, 5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1), 1e21, 1e-7} {
		got, err := resp.Value(resp.AppendDouble(nil, f)).Float()
		if err != nil || got != f || math.Signbit(got) != math.Signbit(f) {
			t.Errorf("%v: %v, %v", f, got, err)
		}
	}
	if got, err := resp.Value(resp.AppendDouble(nil, math.NaN())).Float(); err != nil || !math.IsNaN(got) {
		t.Errorf("%v, %v", got, err)
	}
}
