package conn_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// taker is a Receiver that takes lines with a plus by itself, and has enough
// when it is given stop.
type taker struct {
	took, framed []string
	idle         int
	stop         string
	reached      chan struct{} // closed when Value gets "wait"
}

var errEnough = errors.New("enough")

func (r *taker) Take(unread []byte) int {
	if unread[0] != '+' {
		return 0
	}
	end := bytes.IndexByte(unread, '\n')
	if end < 0 {
		return 0
	}
	r.took = append(r.took, string(unread[1:end-1]))
	return end + 1
}

func (r *taker) Value(v resp.Value) error {
	b, _ := v.Bytes()
	r.framed = append(r.framed, string(b))
	switch string(b) {
	case r.stop:
		return errEnough
	case "wait":
		close(r.reached)
	}
	return nil
}

func (r *taker) Idle() { r.idle++ }

func TestReceiveAllOffersBytesBeforeItFramesThem(t *testing.T) {
	leak.Check(t)
	for chunk := 1; chunk < 12; chunk++ {
		srv := testserver.NewWith(t, testserver.Options{Chunk: chunk})
		c, err := conn.Dial(t.Context(), conn.Options{Addr: srv.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("x", 100)
		srv.Push("+one\r\n$3\r\ntwo\r\n+" + long + "\r\n$4\r\nfour\r\n>1\r\n$1\r\np\r\n$4\r\nstop\r\n")
		r := &taker{stop: "stop"}
		if err := c.ReceiveAll(t.Context(), r); !errors.Is(err, errEnough) {
			t.Fatalf("ended with %v", err)
		}
		all := strings.Join(r.took, " ") + " " + strings.Join(r.framed, " ")
		for _, want := range []string{"one", "two", long, "four", "stop"} {
			if !strings.Contains(all, want) {
				t.Errorf("chunks of %d: no %q in %q", chunk, want, all)
			}
		}
		if len(r.took)+len(r.framed) != 6 || r.idle == 0 {
			t.Errorf("chunks of %d: took %q, framed %q, idle %d times", chunk, r.took, r.framed, r.idle)
		}
		_ = c.Close()
	}
}

func TestReceiveAllEndsWithItsContextAndTheConnectionLives(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	c, err := conn.Dial(t.Context(), conn.Options{Addr: srv.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r := &taker{reached: make(chan struct{})}
	go func() {
		<-r.reached
		cancel()
	}()
	before := c.Progress()
	srv.Push("$4\r\nwait\r\n")
	if err := c.ReceiveAll(ctx, r); !errors.Is(err, context.Canceled) || c.Err() != nil {
		t.Errorf("ended with %v, connection %v", err, c.Err())
	}
	if c.Progress() == before {
		t.Error("no progress")
	}
}
