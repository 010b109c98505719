package resp

import (
	"errors"
	"strings"
	"testing"
)

// A reply of exactly as many bytes as the limit is good, and one of one more is not,
// whatever it is made of and in whatever pieces it comes.
func TestTheLimitOfAReplyIsExact(t *testing.T) {
	long := strings.Repeat("7", 90)
	for _, reply := range []string{
		"+" + long + "\r\n",
		"-ERR " + long + "\r\n",
		"(" + long + "\r\n",
		"$90\r\n" + long + "\r\n",
		"$100\r\n" + long + long[:10] + "\r\n",
		"!90\r\n" + long + "\r\n",
		"=94\r\ntxt:" + long + "\r\n",
		"$?\r\n;90\r\n" + long + "\r\n;0\r\n",
		"*2\r\n$90\r\n" + long + "\r\n:1\r\n",
		"*2\r\n:1\r\n$90\r\n" + long + "\r\n",
		"*40\r\n" + strings.Repeat(":1\r\n", 40),
		"*?\r\n" + strings.Repeat(":1\r\n", 40) + ".\r\n",
		"~40\r\n" + strings.Repeat("#t\r\n", 40),
		"%20\r\n" + strings.Repeat("_\r\n", 40),
		">40\r\n" + strings.Repeat(",1.5\r\n", 40),
		"*20\r\n" + strings.Repeat("*2\r\n$1\r\na\r\n:1\r\n", 20),
		"|1\r\n+key\r\n$60\r\n" + long[:60] + "\r\n$9\r\n123456789\r\n",
		"$" + "65000\r\n" + strings.Repeat("x", 65000) + "\r\n",
	} {
		for _, piece := range []int{len(reply), 1, 7, 64} {
			if err := limited(reply, len(reply), piece); err != nil {
				t.Errorf("%.12q of %d bytes, in pieces of %d: %v", reply, len(reply), piece, err)
			}
			if err := limited(reply, len(reply)-1, piece); !errors.Is(err, ErrLimit) {
				t.Errorf("%.12q of %d bytes beyond the limit, in pieces of %d: %v", reply, len(reply), piece, err)
			}
			if err := skipped(reply, len(reply), piece); err != nil {
				t.Errorf("%.12q of %d bytes, dropped in pieces of %d: %v", reply, len(reply), piece, err)
			}
			if err := skipped(reply, len(reply)-1, piece); !errors.Is(err, ErrLimit) {
				t.Errorf("%.12q of %d bytes beyond the limit, dropped in pieces of %d: %v", reply, len(reply), piece, err)
			}
		}
	}
}

// behind is what follows a reply, which the limit is not about.
const behind = "+of the next one\r\n"

func limited(reply string, most, piece int) error {
	s := NewScanner(Limits{Reply: most})
	b := []byte(reply + behind)
	for end := piece; ; end += piece {
		n, err := s.Scan(b[:min(end, len(b))])
		switch {
		case err != nil:
			return err
		case n == len(reply):
			return nil
		case n > 0 || end >= len(b):
			return errors.New("it ends elsewhere")
		}
	}
}

func skipped(reply string, most, piece int) error {
	s := NewScanner(Limits{Reply: most})
	b := []byte(reply + behind)
	for start, end := 0, piece; ; end += piece {
		n, whole, err := s.Skip(b[start:min(end, len(b))])
		start += n
		switch {
		case err != nil:
			return err
		case whole && start == len(reply):
			return nil
		case whole || end >= len(b):
			return errors.New("it ends elsewhere")
		}
	}
}
