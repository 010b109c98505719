package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
)

func TestHandlersAreFoundByChannelThenPatternThenStar(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	sub := s.NewSubscription(pubsub.Queue{})
	got := make(chan string, 100)
	handler := func(name string) pubsub.Handler {
		return func(_ context.Context, m pubsub.Message) { got <- name + ":" + m.Text() }
	}
	if err := sub.Handle(pubsub.Handlers{"a": handler("a"), "x*": handler("x*"), "xa": handler("xa"), "*": handler("*")}); err != nil {
		t.Fatal(err)
	}
	if err := sub.Subscribe(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	if err := sub.PSubscribe(t.Context(), "x*"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ channel, want string }{
		{"a", "a:1"}, {"b", "*:1"}, {"xb", "x*:1"}, {"xa", "xa:1"},
	} {
		srv.Publish(c.channel, "1")
		if name := <-got; name != c.want {
			t.Errorf("a message to %q went to %q, want %q", c.channel, name, c.want)
		}
	}
	if err := sub.Handle(nil); !errors.Is(err, pubsub.ErrBusy) {
		t.Errorf("a second consumer: %v", err)
	}
}

func TestAMessageWithoutAHandlerGoesNowhere(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	sub, err := s.Subscribe(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	err = sub.Handle(pubsub.Handlers{"b": func(_ context.Context, m pubsub.Message) { got <- m.Text() }})
	if err != nil {
		t.Fatal(err)
	}
	srv.Publish("a", "lost")
	srv.Publish("b", "found")
	if text := <-got; text != "found" {
		t.Errorf("got %q", text)
	}
}

func TestASlowHandlerDelaysOnlyItsOwnSubscription(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	hang := make(chan struct{})
	slow, quick := s.NewSubscription(pubsub.Queue{Size: 5}), s.NewSubscription(pubsub.Queue{})
	var handled atomic.Int64
	for sub, f := range map[*pubsub.Subscription]pubsub.Handler{
		slow:  func(context.Context, pubsub.Message) { <-hang },
		quick: func(context.Context, pubsub.Message) { handled.Add(1) },
	} {
		if err := sub.Handle(pubsub.Handlers{"*": f}); err != nil {
			t.Fatal(err)
		}
		if err := sub.Subscribe(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		srv.Publish("a", fmt.Sprint(i))
	}
	leak.Eventually(t, wait, "the quick one has all", func() bool { return handled.Load() == 1000 })
	st := slow.Stats()
	if st.Dropped < 990 || st.Waiting > 5 {
		t.Errorf("%+v", st)
	}
	close(hang)
}

func TestADropIsReportedToListenersWithItsNumber(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{PingInterval: 10 * time.Millisecond, Queue: pubsub.Queue{Size: 10}})
	log := record(s)
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Subscribe(t.Context(), "b"); err != nil { // which drops none
		t.Fatal(err)
	}
	for i := range 100 {
		srv.Publish("a", fmt.Sprint(i))
	}
	leak.Eventually(t, wait, "90 dropped", func() bool {
		n := uint64(0)
		for _, e := range log.of(pubsub.EventDropped) {
			if e.N == 0 || e.Subscription != sub {
				t.Fatalf("%+v", e)
			}
			n += e.N
		}
		return n == 90
	})
	var dropped *pubsub.Dropped
	if err := nextNotice(t, sub); !errors.As(err, &dropped) || dropped.N != 90 {
		t.Errorf("got %v", err)
	}
	if m := next(t, sub); m.Text() != "90" {
		t.Errorf("got %q", m.Payload)
	}
}

func TestAPanickingHandlerIsReportedAndTheNextMessageHandled(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	log := record(s)
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	err = sub.Handle(pubsub.Handlers{"*": func(_ context.Context, m pubsub.Message) {
		if m.Text() == "bad" {
			panic("oh")
		}
		got <- m.Text()
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Publish("a", "bad")
	srv.Publish("a", "good")
	if text := <-got; text != "good" {
		t.Errorf("got %q", text)
	}
	var p *pubsub.PanicError
	e := log.await(t, pubsub.EventPanic, 1)[0]
	if !errors.As(e.Err, &p) || p.Value != "oh" || len(p.Stack) == 0 || e.Subscription != sub {
		t.Errorf("%+v", e)
	}
	if sub.Stats().Panics != 1 {
		t.Errorf("%d panics", sub.Stats().Panics)
	}
}

func TestAPanickingListenerIsReportedToTheOthers(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	s.Listen(func(pubsub.Event) { panic("oh") })
	log := record(s)
	if _, err := s.Subscribe(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	log.await(t, pubsub.EventPanic, 1)
	log.await(t, pubsub.EventSubscribed, 1)
}

func TestNoticesReachHandlersInOrder(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	got := make(chan string, 10)
	sub := s.NewSubscription(pubsub.Queue{OnNotice: func(err error) {
		if gap := (*pubsub.Gap)(nil); errors.As(err, &gap) {
			got <- "gap"
		}
	}})
	if err := sub.Handle(pubsub.Handlers{"*": func(_ context.Context, m pubsub.Message) { got <- m.Text() }}); err != nil {
		t.Fatal(err)
	}
	if err := sub.Subscribe(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	srv.Publish("a", "1")
	if text := <-got; text != "1" {
		t.Errorf("got %q", text)
	}
	srv.CloseAll()
	if text := <-got; text != "gap" {
		t.Errorf("got %q", text)
	}
	srv.Publish("a", "2")
	if text := <-got; text != "2" {
		t.Errorf("got %q", text)
	}
}

func TestAChannelDeliversAndIsClosedWithItsSubscription(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{Queue: pubsub.Queue{Borrow: true}})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := sub.Chan()
	if _, open := <-sub.Chan(); open {
		t.Error("a second channel is open")
	}
	for i := range 10 {
		srv.Publish("a", fmt.Sprint(i))
	}
	var kept [][]byte
	for i := range 10 {
		m := <-c
		kept = append(kept, m.Payload)
		if m.Text() != fmt.Sprint(i) {
			t.Errorf("got %q", m.Payload)
		}
	}
	for i, payload := range kept {
		if string(payload) != fmt.Sprint(i) {
			t.Errorf("payload %d became %q", i, payload)
		}
	}
	_ = sub.Close()
	if _, open := <-c; open {
		t.Error("a message after Close")
	}
}

func TestCloseOnOverflowDeliversWhatWaitsAndThenEnds(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{Queue: pubsub.Queue{Size: 3, Overflow: pubsub.CloseOnOverflow}})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		srv.Publish("a", fmt.Sprint(i))
	}
	srv.WaitFor(t, "UNSUBSCRIBE", func() bool { return srv.Count("UNSUBSCRIBE") == 1 })
	n := 0
	for m := range sub.Messages(t.Context()) {
		if m.Text() != fmt.Sprint(n) {
			t.Errorf("got %q", m.Payload)
		}
		n++
	}
	if n != 3 || !errors.Is(sub.Err(), pubsub.ErrOverflow) {
		t.Errorf("%d messages, then %v", n, sub.Err())
	}
	if err := sub.Subscribe(t.Context(), "b"); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("subscribed on: %v", err)
	}
}

func TestABrokenOffIterationGoesOnWhereItStopped(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		srv.Publish("a", fmt.Sprint(i))
	}
	for i := range 30 {
		if m := next(t, sub); m.Text() != fmt.Sprint(i) {
			t.Fatalf("got %q, want %d", m.Payload, i)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range sub.All(ended) {
		t.Error("a message too many")
	}
}

func TestCloseEndsIterationsSubscribesAndHandlers(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	srv.Handle("SUBSCRIBE", func(c *testserver.Peer, args []string) {
		if args[1] != "never" {
			c.Default(args)
		}
	})
	s := open(t, srv.Addr(), pubsub.Options{PingInterval: -1})
	ended := make(chan error, 3)
	iterated, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	handled, err := s.Subscribe(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	_ = handled.Handle(pubsub.Handlers{"*": func(ctx context.Context, _ pubsub.Message) {
		close(begun)
		<-ctx.Done()
		ended <- nil
	}})
	srv.Publish("b", "x")
	<-begun
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
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-ended; err != nil && !errors.Is(err, pubsub.ErrClosed) {
			t.Error(err)
		}
	}
	if _, err := s.Subscribe(t.Context(), "a"); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAHandlerMayCloseItsSubscriptionAndTheSubscriber(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	_ = sub.Handle(pubsub.Handlers{"*": func(context.Context, pubsub.Message) {
		_ = sub.Close()
		_ = s.Close()
		close(done)
	}})
	srv.Publish("a", "x")
	<-done
}
