package resp

import (
	"errors"
	"strings"
	"testing"
)

// A string that does not end where its length says is refused on every path.
func TestAStringMustEndWithCRLF(t *testing.T) {
	for _, bad := range []string{"$3\r\nabcX\n", "$3\r\nabc\rX", "$3\r\nabc\n\r", "!3\r\nabcX\n", "=5\r\ntxt:aX\n", "$12\r\nabcdefghijklX\n"} {
		for _, reply := range []string{bad, "*2\r\n:1\r\n" + bad, "*3\r\n" + bad + ":1\r\n:2\r\n", "*9\r\n" + strings.Repeat("$3\r\nabc\r\n", 8) + bad} {
			s := NewScanner(Limits{})
			if n, err := s.Scan([]byte(reply + "+padding that follows\r\n")); n != 0 || !errors.Is(err, ErrProtocol) {
				t.Errorf("%q: %d, %v", reply, n, err)
			}
			if v := Value(bad); v.Kind() == KindBulk {
				if _, err := v.Bytes(); err == nil {
					t.Errorf("%q has bytes", v)
				}
			}
		}
	}
}

func TestAReplyHasALimitInWhateverItConsistsOf(t *testing.T) {
	const most = 10_000
	for _, endless := range []string{":1\r\n", "$3\r\nabc\r\n", "*2\r\n", "+x\r\n", "$600\r\n" + strings.Repeat("x", 600) + "\r\n"} {
		for _, head := range []string{"*1000000\r\n", "*?\r\n"} {
			b := []byte(head)
			for len(b) < 3*most {
				b = append(b, endless...)
			}
			s := NewScanner(Limits{Reply: most, Depth: most})
			var err error
			for i := 0; i < len(b) && err == nil; i += 100 {
				_, err = s.Scan(b[:min(i, len(b))])
			}
			if !errors.Is(err, ErrLimit) {
				t.Errorf("%q %.10q: %v", head, endless, err)
			}
		}
	}
}

func TestALineMayBeAsLongAsAString(t *testing.T) {
	for _, first := range []string{"+", "-", "("} {
		reply := first + strings.Repeat("1", 10<<20) + "\r\n"
		s := NewScanner(Limits{})
		if n, err := s.Scan([]byte(reply)); n != len(reply) || err != nil {
			t.Errorf("%s: %d, %v", first, n, err)
		}
	}
	s := NewScanner(Limits{})
	if _, err := s.Scan([]byte(":" + strings.Repeat("1", maxShortLine+10))); !errors.Is(err, ErrLimit) {
		t.Errorf("a number: %v", err)
	}
}
