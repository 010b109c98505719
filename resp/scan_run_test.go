package resp

import (
	"strings"
	"testing"
)

func TestARunIsOfWholeRepliesThatAreNoErrors(t *testing.T) {
	short, long := "$3\r\nabc\r\n", "$120\r\n"+strings.Repeat("x", 120)+"\r\n"
	for _, test := range []struct {
		in   string
		want int
	}{
		{"", 0},
		{short, 1},
		{short + short + short[:8], 2},
		{strings.Repeat(short, 9), 9},
		{strings.Repeat(short, 11), 10}, // as many as there is room for
		{short + "$4\r\nabcd\r\n" + long + short, 4},
		{"+OK\r\n+OK\r\n+OK\r\n" + short, 4},
		{short + "+OK\r\n", 1}, // less than a word
		{":1\r\n:-22\r\n,1.5\r\n_\r\n#t\r\n+PONG\r\n$-1\r\n" + short, 8},
		{"+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+OK\r\n" + short, 5},
		{"+QUEUED\r\n+QUEUED\r\r" + short, 1},
		{short + "+QUEUED\r", 1},
		{short + "-ERR no\r\n" + short, 1},
		{short + "!6\r\nERR no\r\n" + short, 1},
		{short + "|1\r\n+a\r\n+b\r\n" + short, 1},
		{short + ">1\r\n+abcdef\r\n" + short, 1},
		{short + "*1\r\n" + short, 1},
		{short + short[:7] + "\n\n" + short, 1},
		{"+OK\r\n+OK\n\n" + short, 1},
		{short + "$130\r\n" + strings.Repeat("x", 130) + "\r\n" + short, 1}, // beyond the limit
	} {
		s := NewScanner(Limits{Bulk: 125})
		var ends [10]int
		if n := s.ScanRun([]byte(test.in), 0, ends[:]); n != test.want {
			t.Errorf("%q: %d, not %d", test.in, n, test.want)
		}
	}
}

func TestARunDoesNotBeginWithinAReply(t *testing.T) {
	s := NewScanner(Limits{})
	b := []byte("*2\r\n$3\r\nabc\r\n")
	if n, err := s.Scan(b); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	b = append(b, "$3\r\ndef\r\n"...)
	if n := s.ScanRun(b, 13, make([]int, 3)); n != 0 {
		t.Error(n)
	}
	if n, err := s.Scan(b); n != len(b) || err != nil {
		t.Error(n, err)
	}
}
