package resp

import (
	"io"
	"strings"
	"testing"
)

// fillingReader gives as much as there is room for, and notes how much that was.
type fillingReader struct {
	wire  string
	rooms []int
}

func (r *fillingReader) Read(p []byte) (int, error) {
	if len(r.wire) == 0 {
		return 0, io.EOF
	}
	r.rooms = append(r.rooms, len(p))
	n := copy(p, r.wire)
	r.wire = r.wire[n:]
	return n, nil
}

func TestAReaderReadsAtMostTwiceWhatItHolds(t *testing.T) {
	for _, size := range []int{1, readerBuffer - 10, readerBuffer, readerKeep - 20, readerKeep, 3 * readerKeep, 20 * readerKeep} {
		wire := bulkOf(size)
		src := &fillingReader{wire: wire}
		r := NewReader(src, Limits{})
		if v, err := r.ReadValue(); err != nil || string(v) != wire {
			t.Fatalf("%d bytes: %d, %v", size, len(v), err)
		}
		held := 0
		for i, room := range src.rooms {
			if held += min(room, len(wire)-held); room > max(readerKeep, 2*held) {
				t.Errorf("%d bytes, read %d: room for %d with %d held", size, i, room, held)
			}
		}
		// The first read finds the length. Then the body is read to where it stays, or
		// the buffer doubles.
		if most := 2 + size/readerKeep; len(src.rooms) > min(most, 8) {
			t.Errorf("%d bytes in %d reads: %d", size, len(src.rooms), src.rooms)
		}
	}
}

func TestAReaderKeepsASmallBufferOnly(t *testing.T) {
	for _, size := range []int{0, readerBuffer, readerKeep / 2, readerKeep - 20, 2 * readerKeep} {
		src := &fillingReader{wire: bulkOf(size)}
		r := NewReader(src, Limits{})
		if _, err := r.ReadValue(); err != nil {
			t.Fatal(err)
		}
		before := len(r.buf)
		src.wire = "+OK\r\n"
		if v, err := r.ReadValue(); err != nil || string(v) != "+OK\r\n" {
			t.Fatalf("%q, %v", v, err)
		}
		want := before
		if before > readerKeep {
			want = readerBuffer
		}
		if len(r.buf) != want {
			t.Errorf("after %d bytes: a buffer of %d, and then of %d", size, before, len(r.buf))
		}
	}
}

// Replies that end at the end of the buffer, or begin there, are moved to its front, and
// the buffer does not grow for them.
func TestABufferDoesNotGrowForRepliesThatFit(t *testing.T) {
	for _, size := range []int{10, 100, 1000, readerBuffer/2 - 10, readerBuffer - 12, readerBuffer - 10, readerBuffer - 9} {
		one := bulkOf(size)
		const times = 50 // each begins at another place
		r := NewReader(&fillingReader{wire: strings.Repeat("+OK\r\n"+one, times)}, Limits{})
		for i := range times {
			if _, err := r.ReadValue(); err != nil {
				t.Fatal(err)
			}
			if v, err := r.ReadValue(); err != nil || string(v) != one {
				t.Fatalf("%d bytes, reply %d: %d, %v", size, i, len(v), err)
			}
		}
		if len(r.buf) != readerBuffer {
			t.Errorf("%d bytes each: a buffer of %d", size, len(r.buf))
		}
	}
}
