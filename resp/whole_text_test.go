package resp

import (
	"strconv"
	"strings"
	"testing"
)

func TestAWholeTextIsKnownByItsSize(t *testing.T) {
	for n := range 110 {
		text := strings.Repeat("x", n)
		v := "$" + strconv.Itoa(n) + "\r\n" + text + "\r\n"
		start, end := wholeText([]byte(v))
		if n < 100 && (end == 0 || v[start:end] != text) || n >= 100 && end > 0 {
			t.Errorf("%q: %d to %d", v, start, end)
		}
		for _, bad := range []string{
			v + "x", v[:len(v)-1], "+" + v[1:], v[:len(v)-2] + "\n\n", "$0" + v[1:], "$-" + v[1:],
			"$" + strconv.Itoa(n+1) + "\r\n" + text + "\r\n", "$" + strconv.Itoa(n) + "\n\n" + text + "\r\n",
		} {
			if start, end := wholeText([]byte(bad)); end > 0 {
				t.Errorf("%q: %d to %d", bad, start, end)
			}
		}
	}
	for _, bad := range []string{"", "$", "$-1\r\n", "_\r\n", "$?\r\n;1\r\nx\r\n;0\r\n"} {
		if start, end := wholeText([]byte(bad)); end > 0 {
			t.Errorf("%q: %d to %d", bad, start, end)
		}
	}
}
