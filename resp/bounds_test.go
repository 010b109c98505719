package resp

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestTheCodeOfAnErrorIsOfCapitalsDigitsAndUnderscores(t *testing.T) {
	for text, code := range map[string]string{
		"A x": "A", "Z x": "Z", "AZ x": "AZ", "A0 x": "A0", "A9 x": "A9", "A_ x": "A_", "A_Z9 x": "A_Z9", "ERR": "ERR",
		"@ x": "", "[ x": "", "a x": "", "z x": "", "A@ x": "", "A[ x": "", "A/ x": "", "A: x": "", "Aa x": "", "A` x": "",
		"0A x": "", "9 x": "", "_A x": "", " A": "", "A-B x": "",
	} {
		e := ParseError(text)
		want := strings.TrimPrefix(strings.TrimPrefix(text, code), " ")
		if code == "" {
			want = text
		}
		if e.Code != code || e.Message != want || e.Error() != text {
			t.Errorf("%q: code %q, message %q", text, e.Code, e.Message)
		}
	}
}

func TestNumbersAreTakenUpToTheirLimits(t *testing.T) {
	for text, want := range map[string]struct{ int, uint, length bool }{
		"0": {true, true, true}, "9": {true, true, true}, "007": {true, true, true},
		"9223372036854775807":   {true, true, true},
		"9223372036854775808":   {false, true, false},
		"9999999999999999999":   {false, true, false},
		"18446744073709551609":  {false, true, false},
		"18446744073709551615":  {false, true, false},
		"18446744073709551616":  {},
		"18446744073709551620":  {},
		"18446744073709551625":  {},
		"18446744073709551700":  {},
		"99999999999999999999":  {},
		"-9223372036854775808":  {int: true},
		"-9223372036854775809":  {},
		"-18446744073709551615": {},
		"+9223372036854775807":  {int: true},
		"+9223372036854775808":  {},
		"0000000000000000001":   {true, true, true},
		"00000000000000000001":  {int: true, uint: true},
		"000000000000000000000": {int: true, uint: true},
		"-":                     {}, "+": {}, "": {}, "--1": {}, "+-1": {}, "1/": {}, "1:": {}, "/1": {}, ":1": {}, "1 ": {},
	} {
		n, isInt := parseInt([]byte(text))
		u, isUint := parseUint([]byte(text))
		_, isLength := parseLength([]byte(text))
		if isInt != want.int || isUint != want.uint || isLength != want.length {
			t.Errorf("%q: integer %v, unsigned %v, length %v", text, isInt, isUint, isLength)
		}
		digits := strings.TrimLeft(strings.TrimPrefix(text, "+"), "0")
		if isInt && fmt.Sprint(n) != digits && n != 0 || isUint && fmt.Sprint(u) != digits && u != 0 {
			t.Errorf("%q: %d, %d", text, n, u)
		}
	}
}

func TestDoublesAreTakenUpToTheirLimits(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("0", n) }
	for text, want := range map[string]bool{
		"0": true, "9": true, "-1": true, "+1": true, "1.": true, ".5": true, "-.5": true, "1.5": true, "1e5": true, "1E5": true, "1e-5": true, "1e+5": true,
		"1.e5": true, ".5e5": true, "inf": true, "-inf": true, "nan": true, "-nan": true, "1e308": true, "1e-400": true,
		"1e309": false, "-1e309": false, "1" + zeros(308): true, "1" + zeros(309): false, "9" + zeros(308): false, "0" + zeros(400): true,
		"1" + zeros(298): true, "1" + zeros(299): true, "1." + zeros(400): true,
		"": false, ".": false, "-": false, "+": false, "-.": false, "e5": false, ".e5": false, "1e": false, "1e-": false, "1e+": false, "1e5.5": false, "1e5x": false,
		"1..5": false, "1.5.5": false, "--1": false, "1-": false, "/": false, ":": false, "1/": false, "1:": false, "0x1": false, "1_0": false, "Inf": false, "infinity": false,
		"+inf": false, "NaN": false, "1f5": false, "1d5": false,
	} {
		f, ok := parseFloat([]byte(text))
		if ok != want || validFloat([]byte(text)) != want || ok && math.IsInf(f, 0) != strings.HasSuffix(text, "inf") {
			t.Errorf("%.20q: %v, %v", text, f, ok)
		}
	}
}

func TestWhatIsShownOfAValueIsCutWhereItSays(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	for _, n := range []int{0, 1, printBytes - 1, printBytes, printBytes + 1, printBytes + 2, 1000} {
		want := text(min(n, printBytes))
		more := ""
		if n > printBytes {
			more = fmt.Sprintf("... and %d bytes", n-printBytes)
		}
		for wire, shown := range map[string]string{
			bulkOf(n): `"` + want + `"` + more, "+" + text(n) + "\r\n": want + more, "-" + text(n) + "\r\n": "(error) " + want + more,
			string(AppendVerbatim(nil, "txt", text(n))): `"` + want + `"` + more,
			string(AppendBulkError(nil, text(n))):       "(error) " + want + more,
		} {
			if got := Value(wire).String(); got != shown {
				t.Errorf("%d bytes: %s, want %s", n, got, shown)
			}
		}
	}
	for n := range printElems + 3 {
		elems := strings.TrimSuffix(strings.Repeat("a, ", min(n, printElems)), ", ")
		if n > printElems {
			elems += ", ..."
		}
		wire := string(AppendArray(nil, n)) + strings.Repeat("+a\r\n", n)
		if got := Value(wire).String(); got != "["+elems+"]" {
			t.Errorf("%d elements: %s", n, got)
		}
	}
	for depth := range printDepth + 3 {
		wire := strings.Repeat("*1\r\n", depth) + "+a\r\n"
		want := strings.Repeat("[", depth) + "a" + strings.Repeat("]", depth)
		if depth > printDepth {
			want = "[[[[...]]]]"
		}
		if got := Value(wire).String(); got != want {
			t.Errorf("%d levels: %s", depth, got)
		}
	}
	if got := Value("%2\r\n+a\r\n+b\r\n+c\r\n+d\r\n").String(); got != "{a => b, c => d}" {
		t.Error(got)
	}
}

// No element is begun after a KiB, so that the longest text has that and one element.
func TestWhatIsShownOfAValueIsAKiBOrLittleMore(t *testing.T) {
	row := AppendArray(nil, 4)
	for range 4 {
		row = AppendBulk(row, strings.Repeat("x", 61)) // 63 with its quotes, 65 with the comma
	}
	wire := AppendArray(nil, 8)
	for range 8 {
		wire = append(wire, row...)
	}
	got := Value(wire).String()
	if len(got) <= printTotal || len(got) > printTotal+300 || !strings.HasSuffix(got, "...]") || strings.Count(got, "[") != 5 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
