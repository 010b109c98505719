package resp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What the fast paths of a cursor do not know they leave where it is.
func TestACursorTakesNothingForWhatItIsNot(t *testing.T) {
	for element, want := range map[string]struct{ null, number bool }{
		":-1\r\n":            {number: true},
		"$-1\r\n":            {null: true},
		"_\r\n":              {null: true},
		"$2\r\n-1\r\n":       {number: true},
		":12x\r\n":           {},
		"+-1\r\n":            {},
		"$4\r\n12\r\n\r\n":   {},
		"$5\r\n12\r\nx\r\n":  {},
		"$3\r\n12x\r\n":      {},
		"=6\r\ntxt:-1\r\n":   {},
		"*-1\r\n":            {},
		"(-1\r\n":            {},
		"$1\r\n-\r\n":        {},
		"$2\r\n+1\r\n":       {},
		":\r\n":              {},
		"#t\r\n":             {},
		"$0\r\n\r\n":         {},
		"$-2\r\n":            {},
		"$3\r\n\r\n1\r\n":    {},
		"$6\r\n:-1\r\n1\r\n": {},
	} {
		v := Value("*2\r\n" + element + ":7\r\n")
		c := v.Cursor()
		if got := c.NextNull(); got != want.null || c.Left() != 2 && !got {
			t.Errorf("%q: null %v, %d left", element, got, c.Left())
		}
		c = v.Cursor()
		if n, got := c.NextInt(); got != want.number || got && n != -1 || c.Left() != 2 && !got {
			t.Errorf("%q: number %d, %v, %d left", element, n, got, c.Left())
		}
	}
}

// A reply may be as long as its limit, and a string that would make it longer is refused
// by its header, before any of it has come.
func TestAStringThatWouldPassTheLimitOfItsReplyIsNotWaitedFor(t *testing.T) {
	const most = 2000
	for _, first := range []string{"", "*2\r\n$600\r\n" + strings.Repeat("x", 600) + "\r\n", "*3\r\n:1\r\n:2\r\n"} {
		n := most - len(first) - len("$1000\r\n\r\n")
		reply := fmt.Sprintf("%s$%d\r\n%s\r\n", first, n, strings.Repeat("y", n))
		s := NewScanner(Limits{Reply: most, Bulk: most})
		if got, err := s.Scan([]byte(reply)); err != nil || got != most {
			t.Errorf("%.10q: %d of %d, %v", first, got, most, err)
		}
		for _, more := range []int{1, 2, 3, 10} {
			s = NewScanner(Limits{Reply: most, Bulk: most})
			if got, err := s.Scan(fmt.Appendf(nil, "%s$%d\r\n", first, n+more)); !errors.Is(err, ErrLimit) {
				t.Errorf("%.10q: a string %d bytes beyond the limit: %d, %v", first, more, got, err)
			}
		}
	}
}
