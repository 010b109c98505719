package canned

import (
	"errors"
	"io"
	"net"
	"testing"
)

func TestWhatIsWrittenAgainIsAnsweredAsBefore(t *testing.T) {
	asked := 0
	c := New(Options{Answer: func(proto int, words []string) []byte {
		asked++
		if proto != 2 || len(words) != 2 || words[1] != "k" {
			t.Errorf("protocol %d, %q", proto, words)
		}
		return []byte("+v\r\n")
	}})
	for range 3 {
		exchange(t, c, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "+v\r\n")
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	// In pieces, and two at a time.
	if _, err := c.Write([]byte("*2\r\n$3\r\nGE")); err != nil {
		t.Fatal(err)
	}
	exchange(t, c, "T\r\n$1\r\nk\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "+v\r\n+v\r\n")
}

func TestATransactionIsQueuedUntilExec(t *testing.T) {
	c := New(Options{Answer: func(proto int, words []string) []byte {
		if proto != 3 {
			t.Errorf("protocol %d after HELLO", proto)
		}
		return []byte(":" + words[1] + "\r\n")
	}})
	exchange(t, c, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", hello)
	for range 2 {
		exchange(t, c, "*1\r\n$5\r\nMULTI\r\n", "+OK\r\n")
		exchange(t, c, "*2\r\n$4\r\nINCR\r\n$1\r\n1\r\n", "+QUEUED\r\n")
		exchange(t, c, "*2\r\n$4\r\nINCR\r\n$1\r\n2\r\n", "+QUEUED\r\n")
		exchange(t, c, "*1\r\n$4\r\nEXEC\r\n", "*2\r\n:1\r\n:2\r\n")
		exchange(t, c, "*2\r\n$4\r\nINCR\r\n$1\r\n1\r\n", ":1\r\n")
	}
}

func TestWhatIsNoCommandIsAnError(t *testing.T) {
	c := New(Options{})
	if _, err := c.Write([]byte("?\r\n")); err == nil {
		t.Error("no error")
	}
}

func TestAClosedConnectionEndsWhoReads(t *testing.T) {
	c := New(Options{})
	read := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := c.Write(nil); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func exchange(t *testing.T, c *Conn, command, reply string) {
	t.Helper()
	if _, err := io.WriteString(c, command); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(reply))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != reply {
		t.Fatalf("%q, %v", got, err)
	}
}
