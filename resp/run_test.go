package resp_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// FuzzARunEndsWhereItsElementsDo compares a Scanner that is given scalars as the
// elements of an array, many at a time, with one that is given them one by one.
func FuzzARunEndsWhereItsElementsDo(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s), 100) })
	for _, s := range nearlyInts {
		f.Add(amongInts(s)[len("*10\r\n"):], 100)
	}
	f.Add([]byte("$3\r\nabc\r\n$3\r\ndef\r\n$3\r\nghi\r$3\r\n"), 100)
	f.Add([]byte("$12\r\nabcdefghijkl\r\n$12\r\nabcdefghijkl\r\n$12\r\r"), 11)
	f.Fuzz(func(t *testing.T, b []byte, maxBulk int) { compareRun(t, b, maxBulk) })
}

func compareRun(t *testing.T, b []byte, maxBulk int) {
	t.Helper()
	limits := resp.Limits{Bulk: 1 + maxBulk&0xff}
	n, size, failed, complete := oneByOne(b, limits)
	all := n
	if !complete {
		all += 5 // the last element of an array is never taken together with others
	}
	wire := resp.AppendArray(nil, all)
	head := len(wire)
	s := resp.NewScanner(limits)
	got, err := s.Scan(append(wire, b...))
	switch {
	case failed != nil:
		var at *resp.SyntaxError
		if !errors.As(err, &at) || at.Offset != int64(head+size)+failed.Offset || at.Msg != failed.Msg || at.Limit != failed.Limit {
			t.Fatalf("%q: %v; its element %d: %v at %d", b, err, n, failed, size)
		}
	case err != nil:
		t.Fatalf("%q: %v; each of %d elements is well", b, err, n)
	case complete && got != head+size:
		t.Fatalf("%q ends at %d; its %d elements end at %d", b, got-head, n, size)
	case !complete && got != 0:
		t.Fatalf("%q ends at %d; its element %d does not end", b, got-head, n)
	}
}

// oneByOne scans the scalars at the start of b. It returns their number and size, the
// one that ended it included in the number, if it is malformed or incomplete.
func oneByOne(b []byte, limits resp.Limits) (n, size int, failed *resp.SyntaxError, complete bool) {
	for size < len(b) && strings.IndexByte("$:+,#_", b[size]) >= 0 && !strings.HasPrefix(string(b[size:]), "$?") {
		s := resp.NewScanner(limits)
		got, err := s.Scan(b[size:])
		n++
		if errors.As(err, &failed) || got == 0 {
			return n, size, failed, false
		}
		size += got
	}
	if n == 0 {
		return 0, 0, nil, true
	}
	return n, size, nil, true
}

func TestARunOfShortStringsEndsWhereEachAloneDoes(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		var b []byte
		size := r.IntN(120)
		for range r.IntN(40) {
			if r.IntN(3) == 0 {
				size = r.IntN(120)
			}
			b = resp.AppendBulk(b, strings.Repeat("x", size))
		}
		if len(b) > 0 {
			compareRun(t, b, 1+r.IntN(150))
			compareRun(t, b[:r.IntN(len(b))], 255)
			for range r.IntN(3) {
				b[r.IntN(len(b))] = "$0123456789\r\n:-x?"[r.IntN(17)]
			}
			compareRun(t, b, 255)
		}
	}
}
