package pubsub_test

import (
	"context"
	"errors"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
)

// over returns a Subscriber whose connections come from a pool.
func over(t *testing.T, addr string) (*pool.Pool, *pubsub.Subscriber, chan pubsub.Event) {
	p := pool.New(pool.Options{Conn: conn.Options{Addr: addr}})
	t.Cleanup(func() { _ = p.Close() })
	s := pubsub.New(p, pubsub.Options{})
	t.Cleanup(func() { _ = s.Close() })
	events := make(chan pubsub.Event, 1000)
	s.Listen(func(e pubsub.Event) { events <- e })
	return p, s, events
}

func awaitEnd(t *testing.T, events chan pubsub.Event) {
	t.Helper()
	for {
		e := <-events
		if e.Kind != pubsub.EventClosed {
			continue
		}
		if !errors.Is(e.Err, pubsub.ErrSourceClosed) {
			t.Errorf("closed event with %v", e.Err)
		}
		return
	}
}

func TestASubscriberEndsWhenItsPoolIsClosed(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	srv.Handle("SUBSCRIBE", func(c *testserver.Peer, args []string) {
		if args[1] != "never" {
			c.Default(args)
		}
	})
	p, s, events := over(t, srv.Addr())
	iterated, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	handled, err := s.Subscribe(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := handled.Handle(pubsub.Handlers{"*": func(context.Context, pubsub.Message) {}}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() {
		for range iterated.All(context.Background()) {
		}
		ended <- iterated.Err()
	}()
	go func() {
		_, err := s.Subscribe(context.Background(), "never")
		ended <- err
	}()
	srv.WaitFor(t, "SUBSCRIBE never", func() bool { return srv.Count("SUBSCRIBE") == 3 })
	_ = p.Close()
	for range 2 {
		if err := <-ended; !errors.Is(err, pubsub.ErrSourceClosed) || !errors.Is(err, pubsub.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	}
	<-handled.Done()
	awaitEnd(t, events)
	accepted := srv.Accepted()
	if _, err := s.Subscribe(t.Context(), "a"); !errors.Is(err, pubsub.ErrSourceClosed) {
		t.Errorf("afterwards: %v", err)
	}
	if n := srv.Accepted(); n != accepted {
		t.Errorf("%d connections after the end", n-accepted)
	}
}

func TestASubscriberThatCannotConnectEndsWithItsPoolToo(t *testing.T) {
	leak.Check(t)
	p, s, events := over(t, "127.0.0.1:1")
	ended := make(chan error, 1)
	go func() {
		_, err := s.Subscribe(context.Background(), "a")
		ended <- err
	}()
	for e := range events {
		if e.Kind == pubsub.EventRetry {
			break
		}
	}
	_ = p.Close()
	if err := <-ended; !errors.Is(err, pubsub.ErrSourceClosed) {
		t.Errorf("ended with %v", err)
	}
	awaitEnd(t, events)
}

func TestASubscriptionToNothingEndsWithThePoolToo(t *testing.T) {
	leak.Check(t)
	p, s, events := over(t, "127.0.0.1:1")
	sub := s.NewSubscription(pubsub.Queue{})
	_ = p.Close()
	for range sub.All(context.Background()) {
	}
	if err := sub.Err(); !errors.Is(err, pubsub.ErrSourceClosed) {
		t.Errorf("ended with %v", err)
	}
	awaitEnd(t, events)
}
