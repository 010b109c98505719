package pubsub_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
)

func number(b []byte) (int, error) { return strconv.Atoi(string(b)) }

func TestDecodeGoesOnAfterAMessageThatItRefusesAndKeepsNotices(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{Queue: pubsub.Queue{Size: 3, Overflow: pubsub.DropNewest}})
	sub, err := s.Subscribe(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"1", "two", "3", "4", "5"} {
		srv.Publish("n", text)
	}
	leak.Eventually(t, wait, "all of them", func() bool { return sub.Stats().Dropped == 2 })
	var got []any
	for m, err := range pubsub.Decode(sub.All(t.Context()), number) {
		var bad *pubsub.DecodeError
		var dropped *pubsub.Dropped
		switch {
		case errors.As(err, &bad):
			got = append(got, bad.Message.Text())
			if !errors.Is(err, strconv.ErrSyntax) || m.Text() != "two" {
				t.Errorf("%v of %+v", err, m)
			}
		case errors.As(err, &dropped):
			got = append(got, -int(dropped.N))
		case err == nil:
			got = append(got, m.Value)
		}
		if len(got) == 4 {
			break
		}
	}
	if want := []any{1, "two", 3, -2}; len(got) != 4 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPublishEncodesBeforeAnyIO(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	client := pool.New(pool.Options{Conn: conn.Options{Addr: srv.Addr()}})
	defer client.Close()
	cause := errors.New("cannot")
	p := pubsub.Publisher[int]{Client: client, Encode: func(int) ([]byte, error) { return nil, cause }}
	if _, err := p.Publish(t.Context(), "a", 1); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if srv.Accepted() != 0 {
		t.Error("it connected")
	}
	p.Encode = func(n int) ([]byte, error) { return strconv.AppendInt(nil, int64(n), 10), nil }
	if n, err := p.Publish(t.Context(), "a", 1); n != 0 || err != nil {
		t.Errorf("published to %d, %v", n, err)
	}
	srv.Reply("SPUBLISH", "-MOVED 1 127.0.0.1:1\r\n")
	if _, err := p.SPublish(t.Context(), "a", 1); err == nil {
		t.Error("an error reply was not returned")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Publish(ended, "a", 1); !errors.Is(err, context.Canceled) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("got %v", err)
	}
}
