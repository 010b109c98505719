package resp_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// vector is a line of testdata: bytes from a server, and what they are.
type vector struct {
	id, input, want string
}

// loose are the vectors of vectors.tsv whose expectation is in words there.
var loose = map[string]string{
	"E07": `err "" "ERR\r\nx"`, // a code ends at a space or at the end
	"B17": `nil; int 7`,
	"A04": `[err ERR "value is not an integer or out of range" nil {}]`,
	"A13": `[int 1 int 2]`,
	"G01": `big 3492890328409238509324850943850943825024385`,
	"G02": `big -5`,
	"M01": `{simple "first": int 1, simple "second": int 2}`,
	"M08": `{simple "a": int 1}`,
	"M10": `{nil: int 2}`,
	"X01": `~[int 0 int 1 int 2]`,
	"Q01": `attr{bulk "key-popularity": [bulk "key:123" int 90]} bulk "Some real reply following the attribute"`,
	"Q02": `[int 1 attr{simple "ttl": int 3600} int 2]`,
	"P01": `>[bulk "server-cpu-usage" int 42]; bulk "Some real reply following the push reply"`,
	"P02": `simple "OK"; >[bulk "invalidate" [bulk "trk"]]; bulk "1"`,
	"P07": `>[bulk "unsubscribe" nil int 0]`,
	"S51": `simple "` + strings.Repeat("x", 65536) + `"; int 7`,
	"B70": `bulk "` + strings.Repeat("x", 10000) + `"; int 7`,
	"A60": strings.Repeat("[", 128) + "int 1" + strings.Repeat("]", 128) + "; int 7",
	"G55": "big " + strings.Repeat("9", 1000),
	"Q70": strings.TrimSuffix(strings.Repeat("attr{} int 1; ", 40), "; "),
}

// loadVectors reads testdata.
func loadVectors(tb testing.TB) []vector {
	tb.Helper()
	var out []vector
	for _, name := range []string{"testdata/vectors.tsv", "testdata/more.tsv"} {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if strings.HasPrefix(line, "#") {
				continue
			}
			if len(fields) < 3 {
				tb.Fatalf("%s: %q has no three columns", name, line)
			}
			v := vector{fields[0], unquote(tb, fields[1]), fields[2]}
			if exact, ok := loose[v.id]; ok {
				v.want = exact
			}
			out = append(out, v)
		}
	}
	return out
}

// unquote evaluates "unit" x 3 + "rest".
func unquote(tb testing.TB, expr string) string {
	tb.Helper()
	var out strings.Builder
	for rest := expr; rest != ""; rest = strings.TrimPrefix(rest, " + ") {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			tb.Fatalf("%s: %v", expr, err)
		}
		rest = rest[len(quoted):]
		unit, _ := strconv.Unquote(quoted)
		times := 1
		if number, ok := strings.CutPrefix(rest, " x "); ok {
			number, _, _ = strings.Cut(number, " ")
			if times, err = strconv.Atoi(number); err != nil {
				tb.Fatalf("%s: %v", expr, err)
			}
			rest = rest[len(" x ")+len(number):]
		}
		out.WriteString(strings.Repeat(unit, times))
	}
	return out.String()
}

// check compares with what is wanted; alternatives are separated by a bar.
func (v vector) check(t *testing.T, how, got string) {
	t.Helper()
	if got != v.want && !(strings.HasPrefix(v.want, "E") && slices.Contains(strings.Split(v.want, "|"), got)) {
		t.Errorf("%s %s: %.200q\n got %.300s\nwant %.300s", v.id, how, v.input, got, v.want)
	}
}

func eachVector(t *testing.T, f func(*testing.T, vector)) {
	t.Helper()
	vectors := loadVectors(t)
	if len(vectors) < 360 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.id, func(t *testing.T) { f(t, v) })
	}
}

func TestVectorsAreReadAsTheProtocolSays(t *testing.T) {
	eachVector(t, func(t *testing.T, v vector) {
		v.check(t, "whole", readAll(strings.NewReader(v.input)))
	})
}

func TestVectorsAreReadTheSameOneByteAtATime(t *testing.T) {
	eachVector(t, func(t *testing.T, v vector) {
		v.check(t, "byte by byte", readAll(iotest.OneByteReader(strings.NewReader(v.input))))
		v.check(t, "with the error in the last read", readAll(iotest.DataErrReader(strings.NewReader(v.input))))
	})
}

func TestVectorsAreReadTheSameInTwoPieces(t *testing.T) {
	eachVector(t, func(t *testing.T, v vector) {
		step := 1 + len(v.input)/300
		for i := 0; i <= len(v.input); i += step {
			v.check(t, fmt.Sprintf("split at %d", i), readAll(pieces(v.input[:i], v.input[i:])))
		}
	})
}

// pieces returns a reader that returns one piece a call.
func pieces(parts ...string) io.Reader {
	var readers []io.Reader
	for _, p := range parts {
		if p != "" {
			readers = append(readers, strings.NewReader(p))
		}
	}
	return io.MultiReader(readers...)
}

// Buffers end where an end of line, or any other byte of the vector, begins: a
// reply in front of it moves it there.
func TestVectorsAreReadTheSameAcrossTheEndOfABuffer(t *testing.T) {
	eachVector(t, func(t *testing.T, v vector) {
		for _, size := range []int{16, 4096, 8192, 16384} {
			for _, at := range cuts(v.input) {
				for delta := -1; delta <= 1; delta++ {
					pad, ok := padding(size + delta - at)
					if !ok {
						continue
					}
					got := readAll(&chunked{data: []byte(pad + v.input), size: size})
					how := fmt.Sprintf("byte %d at %d%+d", at, size, delta)
					first, rest, more := strings.Cut(got, "; ")
					switch {
					case !strings.HasPrefix(first, "simple"):
						t.Fatalf("%s: the padding is %.100s", how, first)
					case !more: // EOF, which readAll does not show after a reply
						rest = "EOF"
					}
					v.check(t, how, rest)
				}
			}
		}
	})
}

// cuts returns the places of interest: every CR, or everywhere if the input is short.
func cuts(input string) (at []int) {
	for i := range len(input) {
		if len(input) < 40 || input[i] == '\r' {
			at = append(at, i)
		}
		if len(at) == 20 {
			break
		}
	}
	return at
}

// padding returns a text reply of n bytes.
func padding(n int) (string, bool) {
	if n < 3 {
		return "", false
	}
	return "+" + strings.Repeat("p", n-3) + "\r\n", true
}

// chunked returns size bytes a call, as a read from a full buffer does.
type chunked struct {
	data []byte
	size int
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.data)
	c.data = c.data[n:]
	return n, nil
}

// What is wrong, and where, does not depend on how the bytes come.
func TestErrorsAreTheSameHoweverTheBytesCome(t *testing.T) {
	eachVector(t, func(t *testing.T, v vector) {
		if len(v.input) > 100_000 {
			t.Skip("its error comes early")
		}
		whole := lastError(strings.NewReader(v.input))
		if bytewise := lastError(iotest.OneByteReader(strings.NewReader(v.input))); bytewise != whole {
			t.Errorf("%.200q: %q byte by byte, %q at once", v.input, bytewise, whole)
		}
		if halves := lastError(iotest.HalfReader(bytes.NewReader([]byte(v.input)))); halves != whole {
			t.Errorf("%.200q: %q in halves, %q at once", v.input, halves, whole)
		}
	})
}
