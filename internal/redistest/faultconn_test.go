package redistest

import (
	"errors"
	"io"
	"testing"
)

func TestFaultConnFailsWhereItShould(t *testing.T) {
	NoLeaks(t)
	s := NewServerWith(t, ServerOptions{Network: "none"})
	boom := errors.New("boom")
	pipe := s.Pipe()
	f := NewFaultConn(pipe)
	defer f.Close()
	f.ShortReads(3)
	if _, err := io.WriteString(f, Bulks("PING")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	if n, err := f.Read(buf); n > 3 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	f.FailReads(2, boom)
	if n, err := io.ReadFull(f, buf); n != 2 || !errors.Is(err, boom) {
		t.Errorf("read %d, %v", n, err)
	}
	// The server must not be in the middle of a write when the pipe is closed.
	if _, err := io.ReadFull(pipe, buf[:len("+PONG\r\n")-5]); err != nil {
		t.Fatal(err)
	}
	f.FailWrites(5, boom)
	if n, err := io.WriteString(f, Bulks("PING")); n != 5 || !errors.Is(err, boom) || f.BytesWritten() != len(Bulks("PING"))+5 {
		t.Errorf("wrote %d, %v", n, err)
	}
	if n, err := io.WriteString(f, "x"); n != 0 || !errors.Is(err, boom) {
		t.Errorf("wrote %d, %v", n, err)
	}
	_ = f.Close()
	s.WaitFor(t, "half a command", func() bool { return s.Truncated() == 1 })
	if s.Count("PING") != 1 || f.BytesRead() != 5 {
		t.Errorf("executed %d, read %d", s.Count("PING"), f.BytesRead())
	}
}
