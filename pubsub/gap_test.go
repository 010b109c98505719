package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
)

// eventLog keeps the events of a Subscriber.
type eventLog struct {
	mu     sync.Mutex
	events []pubsub.Event
}

func record(s *pubsub.Subscriber) *eventLog {
	l := &eventLog{}
	s.Listen(func(e pubsub.Event) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.events = append(l.events, e)
	})
	return l
}

func (l *eventLog) of(kind pubsub.EventKind) (found []pubsub.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func (l *eventLog) kinds() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var kinds []string
	for _, e := range l.events {
		if e.Kind != pubsub.EventRetry {
			kinds = append(kinds, string(e.Kind))
		}
	}
	return strings.Join(kinds, ", ")
}

// await returns the events of a kind when there are n.
func (l *eventLog) await(t testing.TB, kind pubsub.EventKind, n int) []pubsub.Event {
	t.Helper()
	leak.Eventually(t, wait, fmt.Sprintf("%d times %q", n, kind), func() bool { return len(l.of(kind)) >= n })
	return l.of(kind)
}

func TestALostConnectionIsOneGapAndEverythingIsSubscribedAgain(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{PingInterval: 5 * time.Millisecond})
	log := record(s)
	sub, err := s.Subscribe(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.PSubscribe(t.Context(), "p*"); err != nil {
		t.Fatal(err)
	}
	idle := s.NewSubscription(pubsub.Queue{})
	srv.Publish("a", "before")
	if m := next(t, sub); m.Text() != "before" {
		t.Fatalf("got %q", m.Payload)
	}
	started := time.Now()
	leak.Eventually(t, 0, "an answered PING", func() bool { return srv.Count("PING") > 1 })
	before := time.Now()
	srv.ResetAll()

	var gap *pubsub.Gap
	if err := nextNotice(t, sub); !errors.As(err, &gap) {
		t.Fatalf("got %v", err)
	}
	if gap.From.Before(started.Add(-time.Second)) || gap.From.After(before) || gap.To.Before(before) || gap.To.After(time.Now()) || gap.Reason == nil {
		t.Errorf("gap from %v to %v for %v; lost after %v", gap.From, gap.To, gap.Reason, before)
	}
	for _, channel := range []string{"a", "b", "pq"} {
		srv.Publish(channel, channel)
		if m := next(t, sub); m.Channel != channel {
			t.Errorf("got a message of %q, want %q", m.Channel, channel)
		}
	}
	if st := idle.Stats(); st.Waiting != 0 {
		t.Error("a subscription to nothing was told of a gap")
	}
	subscribed := log.await(t, pubsub.EventSubscribed, 2)
	if n := len(subscribed); n != 2 {
		t.Errorf("subscribed %d times", n)
	}
	if e := subscribed[1]; e.N != 3 {
		t.Errorf("subscribed to %d names", e.N)
	}
	if got := log.kinds(); got != "subscribed, lost, gap, subscribed" {
		t.Errorf("events: %s", got)
	}
}

func TestAnInterruptionOfManyAttemptsIsOneGap(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{MaxBackoff: 5 * time.Millisecond})
	log := record(s)
	sub, err := s.Subscribe(t.Context(), "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	// The next connections are cut after one of three confirmations.
	var mu sync.Mutex
	left := 5
	srv.Handle("SUBSCRIBE", func(c *testserver.Peer, args []string) {
		mu.Lock()
		defer mu.Unlock()
		if left > 0 {
			left--
			c.Write(testserver.Push(testserver.Bulk("subscribe"), testserver.Bulk(args[1]), testserver.Int(1)))
			c.Close()
			return
		}
		c.Default(args)
	})
	srv.CloseAll()
	var gap *pubsub.Gap
	if err := nextNotice(t, sub); !errors.As(err, &gap) || !testserver.IsHangUp(gap.Reason) {
		t.Fatalf("got %v", err)
	}
	if first := log.await(t, pubsub.EventLost, 1)[0].Err; !errors.Is(gap.Reason, first) {
		t.Errorf("the reason is %v, but what began the gap was %v", gap.Reason, first)
	}
	srv.Publish("c", "end")
	if m := next(t, sub); m.Text() != "end" {
		t.Errorf("got %q", m.Payload)
	}
	if n := len(log.await(t, pubsub.EventGap, 1)); n != 1 {
		t.Errorf("%d gaps", n)
	}
	if n := len(log.of(pubsub.EventLost)); n != 6 {
		t.Errorf("%d connections lost, want 6", n)
	}
	if sub.Stats().Gaps != 1 {
		t.Errorf("%d gaps counted", sub.Stats().Gaps)
	}
}

func TestASubscriptionMadeInAnOutageIsNotToldOfIt(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{MaxBackoff: 5 * time.Millisecond})
	log := record(s)
	old, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.StopAccepting(true); err != nil {
		t.Fatal(err)
	}
	srv.CloseAll()
	log.await(t, pubsub.EventRetry, 1)
	fresh := s.NewSubscription(pubsub.Queue{})
	done := make(chan error, 1)
	go func() { done <- fresh.Subscribe(t.Context(), "a", "b") }()
	leak.Eventually(t, 0, "its wish", func() bool { return s.Stats().Channels == 2 })
	if err := srv.StopAccepting(false); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	srv.Publish("a", "x")
	if m := next(t, fresh); m.Text() != "x" {
		t.Errorf("got %q", m.Payload)
	}
	if gap := (*pubsub.Gap)(nil); !errors.As(nextNotice(t, old), &gap) {
		t.Error("the old subscription was not told of the gap")
	}
}

func TestOnReadyIsCalledAfterEverySubscribe(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	source := &epochs{Server: pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}}
	source.epoch.Store(7)
	s := pubsub.New(source, pubsub.Options{})
	defer s.Close()
	ready := make(chan int64, 10)
	stop := s.OnReady(func(epoch int64) { ready <- epoch })
	log := record(s)
	if _, err := s.Subscribe(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if e := <-ready; e != 7 {
		t.Errorf("epoch %d", e)
	}
	source.epoch.Store(8)
	srv.CloseAll()
	if e := <-ready; e != 8 {
		t.Errorf("epoch %d", e)
	}
	log.await(t, pubsub.EventMoved, 1)
	if e, ok := s.Ready(); e != 8 || !ok {
		t.Errorf("ready %v, epoch %d", ok, e)
	}
	stop()
	srv.CloseAll()
	log.await(t, pubsub.EventSubscribed, 3)
	if len(ready) != 0 {
		t.Error("called after stop")
	}
}

// inBubble runs f with a server without a socket and a Subscriber to it, in a
// bubble of synctest.
func inBubble(t *testing.T, o pubsub.Options, f func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.NewWith(t, testserver.Options{Network: "none", Addr: "fake:1"})
		s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: "fake:1", Dial: srv.PipeDial}}, o)
		defer s.Close()
		f(t, srv, s)
	})
}

func TestAServerThatKeepsClosingIsNotStormed(t *testing.T) {
	inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		srv.Handle("SUBSCRIBE", func(c *testserver.Peer, args []string) { c.Close() })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := s.Subscribe(ctx, "a"); err == nil {
			t.Error("subscribed")
		}
		// 10, 20, 40, ... 320 ms, then every half second or so.
		if n := srv.Accepted(); n < 15 || n > 40 {
			t.Errorf("%d connections in 10 s", n)
		}
	})
}

// silentFor returns how long it took to notice that the server is silent.
func silentFor(t *testing.T, silence func(srv *testserver.Server)) time.Duration {
	var took time.Duration
	inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		lost := make(chan error, 1)
		s.Listen(func(e pubsub.Event) {
			if e.Kind == pubsub.EventLost {
				lost <- e.Err
			}
		})
		if _, err := s.Subscribe(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Second + time.Millisecond) // the worst moment: just after a PONG
		began := time.Now()
		silence(srv)
		err := <-lost
		took = time.Since(began)
		if !errors.Is(err, pubsub.ErrSilent) {
			t.Errorf("lost for %v", err)
		}
		srv.Stall(false)
		srv.StopReading(false)
	})
	return took
}

// A message that comes byte by byte is no sign of life, or a peer that dribbles could
// keep a subscriber for ever. One that comes slowly is.
func TestAServerThatDribblesIsGivenUp(t *testing.T) {
	const header = ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$100000\r\n"
	for size, lives := range map[int]bool{1: false, 500: true} {
		inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
			srv.Handle("PING", func(c *testserver.Peer, _ []string) {
				c.Write(header)
				for range 100 {
					c.Write(strings.Repeat("x", size))
					time.Sleep(100 * time.Millisecond)
				}
			})
			if _, err := s.Subscribe(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(8 * time.Second)
			if n := srv.Accepted(); (n == 1) != lives {
				t.Errorf("%d bytes at a time: %d connections", size, n)
			}
			srv.Handle("PING", func(c *testserver.Peer, _ []string) { c.Write("+PONG\r\n") })
			srv.CloseAll()
		})
	}
}

func TestASilentLinkIsNoticedInTime(t *testing.T) {
	for name, silence := range map[string]func(*testserver.Server){
		"answers nothing":               func(s *testserver.Server) { s.Stall(true) },
		"reads nothing":                 func(s *testserver.Server) { s.StopReading(true) },
		"stops amid a stream, answered": func(s *testserver.Server) { s.Publish("a", "x"); s.Stall(true) },
	} {
		t.Run(name, func(t *testing.T) {
			if took := silentFor(t, silence); took > 2500*time.Millisecond {
				t.Errorf("noticed after %v", took)
			}
		})
	}
}

// A link that brings messages is alive, even if the answer to PING is late.
func TestAStreamOfMessagesKeepsALinkAliveWhileTheAnswerToPINGIsLate(t *testing.T) {
	inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		srv.Handle("PING", func(*testserver.Peer, []string) {})
		sub, err := s.Subscribe(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			srv.Publish("a", fmt.Sprint(i))
			if m := next(t, sub); m.Text() != fmt.Sprint(i) {
				t.Fatalf("got %q", m.Payload)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := srv.Accepted(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestABlockedSubscriptionIsNotTakenForASilentLink(t *testing.T) {
	o := pubsub.Options{Queue: pubsub.Queue{Size: 1, Overflow: pubsub.Block}}
	inBubble(t, o, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		sub, err := s.Subscribe(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			srv.Publish("a", fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		for i := range 10 {
			if m := next(t, sub); m.Text() != fmt.Sprint(i) {
				t.Fatalf("got %q", m.Payload)
			}
		}
		if n := srv.Accepted(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}
