package resp

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestSkipDropsExactlyWhatScanFinds compares the two on many replies, in pieces of many
// sizes, from the start and after a Scan that saw only a part.
func TestSkipDropsExactlyWhatScanFinds(t *testing.T) {
	long := strings.Repeat("x", 5000)
	replies := []string{
		"+OK\r\n", ":1\r\n", "$-1\r\n", "*-1\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", "(123\r\n", "*0\r\n", "%0\r\n",
		"$0\r\n\r\n", "$3\r\nabc\r\n", "+" + long + "\r\n", "-ERR " + long + "\r\n", "(" + strings.Repeat("1", 5000) + "\r\n",
		"$5000\r\n" + long + "\r\n", "!5000\r\n" + long + "\r\n", "=5004\r\ntxt:" + long + "\r\n",
		"*3\r\n$5000\r\n" + long + "\r\n*2\r\n:1\r\n+" + long + "\r\n$1\r\na\r\n",
		"%2\r\n+a\r\n$5000\r\n" + long + "\r\n+b\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
		"|1\r\n+a\r\n+b\r\n$5000\r\n" + long + "\r\n",
		"$?\r\n;5000\r\n" + long + "\r\n;3\r\nabc\r\n;0\r\n", "*?\r\n:1\r\n$5000\r\n" + long + "\r\n.\r\n",
	}
	for _, reply := range replies {
		for range 200 {
			b := []byte(reply + "+NEXT\r\n")
			s := NewScanner(Limits{})
			have := rand.IntN(len(reply))
			if n, err := s.Scan(b[:have]); n != 0 || err != nil {
				t.Fatalf("%.20q: Scan of %d bytes: %d, %v", reply, have, n, err)
			}
			dropped := 0
			for whole := false; !whole; have = min(len(b), have+1+rand.IntN(700)) {
				n, ended, err := s.Skip(b[dropped:have])
				if err != nil {
					t.Fatalf("%.20q: %v", reply, err)
				}
				if dropped += n; have-dropped > 100 && !ended {
					t.Fatalf("%.20q: %d bytes are kept", reply, have-dropped)
				}
				whole = ended
			}
			if dropped != len(reply) {
				t.Fatalf("%.20q: dropped %d of %d bytes", reply, dropped, len(reply))
			}
			if n, err := s.Scan(b[dropped:]); n != len("+NEXT\r\n") || err != nil {
				t.Fatalf("%.20q: then %d, %v", reply, n, err)
			}
		}
	}
}

func TestSkipRefusesWhatScanRefuses(t *testing.T) {
	for _, reply := range []string{"$3\r\nabcX\n", "$3\r\nabc\rX", "+abc\n", "$5x\r\n", "what\r\n", "*1\r\n$3\r\nabcde\r\n"} {
		for cut := range len(reply) {
			s := NewScanner(Limits{})
			n, _, err := s.Skip([]byte(reply[:cut]))
			if err == nil {
				_, _, err = s.Skip([]byte(reply[n:]))
			}
			if !errors.Is(err, ErrProtocol) {
				t.Errorf("%q, cut at %d: %v", reply, cut, err)
			}
		}
	}
}
