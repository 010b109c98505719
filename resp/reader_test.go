package resp_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/kermes-redis/kermes/resp"
)

// lastError reads r to its end and returns the error's text.
func lastError(r io.Reader) string {
	rd := resp.NewReader(r, resp.Limits{})
	for {
		if _, err := rd.ReadValue(); err != nil {
			return err.Error()
		}
	}
}

func TestAReaderGivesBackALargeBuffer(t *testing.T) {
	big := "$1000000\r\n" + strings.Repeat("x", 1_000_000) + "\r\n"
	r := resp.NewReader(strings.NewReader(big+"+OK\r\n"), resp.Limits{})
	if v, err := r.ReadValue(); err != nil || len(v) != len(big) || cap(v) != len(v) {
		t.Fatalf("%d bytes of %d, capacity %d, %v", len(v), len(big), cap(v), err)
	}
	if v, err := r.ReadValue(); err != nil || string(v) != "+OK\r\n" || r.Buffered() != 0 {
		t.Fatalf("%q, %v, %d buffered", v, err, r.Buffered())
	}
}

func TestASyntaxErrorStays(t *testing.T) {
	r := resp.NewReader(strings.NewReader("+OK\r\n*1\r\n$x\r\n+OK\r\n"), resp.Limits{})
	if _, err := r.ReadValue(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := r.ReadValue()
		e, ok := errors.AsType[*resp.SyntaxError](err)
		if !ok || e.Offset != 4 || e.Limit || !errors.Is(err, resp.ErrProtocol) {
			t.Fatalf("%v", err)
		}
	}
}

func TestReadingGoesOnAfterAnErrorOfTheStream(t *testing.T) {
	r := resp.NewReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("+OK\r\n"))), resp.Limits{})
	if _, err := r.ReadValue(); !errors.Is(err, iotest.ErrTimeout) {
		t.Fatal(err)
	}
	if v, err := r.ReadValue(); err != nil || string(v) != "+OK\r\n" {
		t.Fatalf("%q, %v", v, err)
	}
}

func TestAStreamThatReturnsNothingIsNotReadForEver(t *testing.T) {
	_, err := resp.NewReader(nothing{}, resp.Limits{}).ReadValue()
	if !errors.Is(err, io.ErrNoProgress) {
		t.Fatal(err)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }
