package resp_test

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/kermes-redis/kermes/resp"
)

func seeds(f *testing.F, add func(s string)) {
	f.Helper()
	for _, v := range loadVectors(f) {
		if len(v.input) < 4096 {
			add(v.input)
		}
	}
}

// FuzzReadersAgree feeds the same bytes whole, one by one, and in pieces.
func FuzzReadersAgree(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s), uint8(3)) })
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		whole := frames(bytes.NewReader(b))
		if got := frames(iotest.OneByteReader(bytes.NewReader(b))); got != whole {
			t.Errorf("%q byte by byte\n%s\nwhole\n%s", b, got, whole)
		}
		if got := frames(&chunked{b, 1 + int(size)}); got != whole {
			t.Errorf("%q by %d\n%s\nwhole\n%s", b, size, got, whole)
		}
	})
}

// frames returns all replies as they were cut, and the error.
func frames(r io.Reader) string {
	rd := resp.NewReader(r, resp.Limits{Bulk: 1 << 16, Line: 100, Depth: 10})
	var out strings.Builder
	for {
		v, err := rd.ReadValue()
		if err != nil {
			return out.String() + err.Error()
		}
		out.WriteString(strconv.Quote(string(v)) + "\n")
	}
}

// FuzzSkipDropsWhatScanFinds has the second half of each reply dropped, in pieces, and
// compares where that ends, or what is wrong, with a Scan of the whole.
func FuzzSkipDropsWhatScanFinds(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s), uint8(3), uint8(2)) })
	long := strings.Repeat("x", 90)
	for _, s := range []string{"+" + long + "\r\n", "=94\r\ntxt:" + long + "\r\n", "*2\r\n$?\r\n;90\r\n" + long + "\r\n;0\r\n-" + long} {
		f.Add([]byte(s), uint8(70), uint8(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, first, size uint8) {
		limits := resp.Limits{Bulk: 1 << 10, Line: 100, Depth: 10}
		s, skip := resp.NewScanner(limits), resp.NewScanner(limits)
		want, failed := s.Scan(b)
		have := min(len(b), int(first))
		if n, err := skip.Scan(b[:have]); n > 0 || err != nil {
			return
		}
		dropped := 0
		for {
			n, whole, err := skip.Skip(b[dropped:have])
			dropped += n
			switch {
			case err != nil || whole || have == len(b):
				if want == 0 && failed == nil && err != nil && strings.Contains(err.Error(), "verbatim") {
					return // Scan would say so when all of it is there
				}
				if (err == nil) != (failed == nil) || whole != (want > 0) || whole && dropped != want {
					t.Fatalf("%q after %d, by %d: %d, %v, %v; Scan: %d, %v", b, first, size, dropped, whole, err, want, failed)
				}
				return
			}
			have = min(len(b), have+1+int(size))
		}
	})
}

// FuzzAccessorsNeverPanic takes any bytes as a Value. What the Scanner finds
// sound, the accessors must not call malformed.
func FuzzAccessorsNeverPanic(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s)) })
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		touch(b)
		if !bytes.Equal(b, before) {
			t.Fatal("an accessor wrote")
		}
		v, err := resp.NewReader(bytes.NewReader(b), resp.Limits{}).ReadValue()
		if err != nil {
			return
		}
		touch(v)
		sound(t, v)
	})
}

func sound(t *testing.T, v resp.Value) {
	t.Helper()
	if v.Kind() == 0 || v.String() == "(malformed)" || outcome(v.Bytes()) == "syntax" || outcome(v.Int()) == "syntax" {
		t.Fatalf("%q is called malformed", []byte(v))
	}
	c := v.Cursor()
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		sound(t, e)
	}
	if c.Err() != nil {
		t.Fatalf("%q: %v", []byte(v), c.Err())
	}
}

func FuzzParseError(f *testing.F) {
	for _, s := range []string{"", "ERR", "ERR x", "ERR  x", "MOVED 1 a:1", "no code", "A1_B x", "1A x", "ERR\r\nx", "EXECABORT x because of: READONLY y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := resp.ParseError(s)
		if e.Error() != s && e.Error()+" " != s {
			t.Errorf("%q became %q", s, e.Error())
		}
		if e.Rejected() && !e.Refused() {
			t.Errorf("%q is rejected but not refused", s)
		}
		_ = e.IsReadOnly()
		if strings.ContainsAny(e.Code, " \r\n") {
			t.Errorf("code %q", e.Code)
		}
	})
}

// FuzzCommandsAreReadBack encodes a command and reads it as a reply.
func FuzzCommandsAreReadBack(f *testing.F) {
	f.Add("GET", "k", []byte("v"), int64(1), uint64(2), 1.5)
	f.Add("  ", "0", []byte("0"), int64(0), uint64(0), 0.0)
	f.Add("CONFIG GET", "", []byte("\x00\r\n\xff"), int64(-1<<63), uint64(1<<64-1), -1e-300)
	f.Fuzz(func(t *testing.T, name, s string, b []byte, n int64, u uint64, x float64) {
		c := resp.NewCommand(name, resp.String(s), resp.Bytes(b), resp.Int(n)).With(resp.Uint(u), resp.Float(x), resp.String(s))
		wire := c.AppendTo(nil)
		if len(wire) > c.Size() {
			t.Fatalf("%d bytes, Size said %d", len(wire), c.Size())
		}
		want := []string{name}
		if word, sub, two := strings.Cut(name, " "); two && word != "" {
			want = []string{word, sub}
		}
		for i := range c.NArgs() {
			want = append(want, c.Arg(i).String())
		}
		v, err := resp.NewReader(bytes.NewReader(wire), resp.Limits{}).ReadValue()
		if err != nil || v.Len() != len(want) || len(v) != len(wire) {
			t.Fatalf("%q: %v", wire, err)
		}
		i := 0
		for e := range v.Elems() {
			if got, err := e.Bytes(); err != nil || string(got) != want[i] {
				t.Errorf("%d: %q, %v, want %q", i, got, err, want[i])
			}
			i++
		}
		if got := bytes.Join(c.AppendPieces(nil, 3), nil); !bytes.Equal(got, wire) {
			t.Errorf("in pieces %q, at once %q", got, wire)
		}
		_, _ = c.Stateful(), c.Flagged()
	})
}

// FuzzNumbersAreReadBack compares with strconv.
func FuzzNumbersAreReadBack(f *testing.F) {
	for _, s := range []string{"0", "-0", "+5", "05", "1e5", "9223372036854775808", "-9223372036854775808", "inf", "0x1", "1_0", ".5", "5.", "nan"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := resp.Value(resp.AppendBulk(nil, s))
		n, err := v.Int()
		want, wantErr := strconv.ParseInt(s, 10, 64)
		if (err == nil) != (wantErr == nil) || err == nil && n != want {
			t.Errorf("Int of %q: %d, %v; strconv %d, %v", s, n, err, want, wantErr)
		}
		x, err := v.Float()
		if err != nil {
			return
		}
		if y, err := strconv.ParseFloat(s, 64); err != nil && s != "-nan" || x != y && x == x {
			t.Errorf("Float of %q: %v, strconv %v, %v", s, x, y, err)
		}
		if back, err := resp.Value(resp.AppendDouble(nil, x)).Float(); err != nil || back != x && x == x {
			t.Errorf("%v came back as %v, %v", x, back, err)
		}
	})
}

// FuzzScanRunFindsWhatScanFinds frames the same bytes in runs and one by one, as much of
// them as is there.
func FuzzScanRunFindsWhatScanFinds(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s+s+s), uint8(255), uint8(2)) })
	for _, s := range []string{
		"$3\r\nabc\r\n", "$3\r\nabcd\n", "+OK\r\n", "+OK\n\n", ":12\r\n", "$-1\r\n", "_\r\n", "$12\r\n123456789012\r\n",
		"$00\r\n\r\n", "-ERR\r\n", ">1\r\n:1\r\n", "*1\r\n:1\r\n", "|1\r\n:1\r\n:2\r\n:3\r\n", "$200\r\n" + strings.Repeat("x", 200) + "\r\n",
	} {
		f.Add([]byte(strings.Repeat(s, 5)+"+OK\r\n:1\r\n"+s), uint8(255), uint8(8))
	}
	f.Fuzz(func(t *testing.T, b []byte, have, most uint8) {
		b = b[:min(len(b), int(have))]
		limits := resp.Limits{Bulk: 150, Line: 100, Depth: 10}
		runs, each := resp.NewScanner(limits), resp.NewScanner(limits)
		for at := 0; at < len(b); {
			ends := make([]int, 1+most%8)
			n := runs.ScanRun(b, at, ends)
			for _, end := range ends[:n] {
				size, err := each.Scan(b[at:])
				if err != nil || at+size != end || resp.Value(b[at:end]).MayBeError() || b[at] == '>' {
					t.Fatalf("%q at %d: ScanRun has %d, Scan has %d, %v", b, at, end-at, size, err)
				}
				at = end
			}
			want, failed := each.Scan(b[at:])
			size, err := runs.Scan(b[at:])
			if size != want || (err == nil) != (failed == nil) {
				t.Fatalf("%q at %d: %d, %v after a run; %d, %v", b, at, size, err, want, failed)
			}
			if size == 0 {
				if n := runs.ScanRun(b, at, ends); runs.Need() > 1 && n > 0 {
					t.Fatalf("%q at %d: ScanRun has %d within a reply", b, at, n)
				}
				return
			}
			at += size
		}
	})
}
