package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
)

// shards makes a server confirm shard channels, as Redis 7.0 does.
func shards(srv *testserver.Server) {
	for _, name := range []string{"ssubscribe", "sunsubscribe"} {
		srv.Handle(name, func(c *testserver.Peer, args []string) {
			for _, channel := range args[1:] {
				c.Write(testserver.Push(testserver.Bulk(name), testserver.Bulk(channel), testserver.Int(1)))
			}
		})
	}
}

// One name may stand for a channel, a pattern and a shard channel at the same time.
func TestEachKindOfOneNameGetsItsOwnMessages(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	shards(srv)
	s := open(t, srv.Addr(), pubsub.Options{})
	const name = "a*"
	byKind := map[pubsub.Kind]*pubsub.Subscription{}
	for kind, subscribe := range map[pubsub.Kind]func(context.Context, ...string) (*pubsub.Subscription, error){
		pubsub.Channel: s.Subscribe, pubsub.Pattern: s.PSubscribe, pubsub.Shard: s.SSubscribe,
	} {
		sub, err := subscribe(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		byKind[kind] = sub
	}
	if st := s.Stats(); st.Channels != 1 || st.Patterns != 1 || st.ShardChannels != 1 || st.Pending != 0 || st.Subscriptions != 3 {
		t.Errorf("%+v", st)
	}
	for i := range 3 {
		text := fmt.Sprint(i)
		srv.Publish(name, text) // to the channel and to the pattern
		srv.Push(testserver.Push(testserver.Bulk("smessage"), testserver.Bulk(name), testserver.Bulk(text)))
		// The same in a form that Redis does not use.
		srv.Push(testserver.Push(testserver.Text("message"), testserver.Bulk(name), testserver.Bulk(text)))
		srv.Push(testserver.Push(testserver.Text("pmessage"), testserver.Bulk(name), testserver.Bulk(name), testserver.Bulk(text)))
		srv.Push(testserver.Push(testserver.Text("smessage"), testserver.Bulk(name), testserver.Bulk(text)))
		for kind, sub := range byKind {
			for range 2 {
				m := next(t, sub)
				if m.Kind != kind || m.Channel != name || m.Text() != text || m.Pattern != strings.Repeat(name, int(kind)%2) {
					t.Errorf("%v: got %+v", kind, m)
				}
			}
		}
	}
	for kind, unsubscribe := range map[pubsub.Kind]func(context.Context, ...string) error{
		pubsub.Channel: byKind[pubsub.Channel].Unsubscribe, pubsub.Pattern: byKind[pubsub.Pattern].PUnsubscribe,
		pubsub.Shard: byKind[pubsub.Shard].SUnsubscribe,
	} {
		if err := unsubscribe(t.Context(), name); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
	if st := s.Stats(); st.Channels+st.Patterns+st.ShardChannels != 0 || st.Connects != 1 {
		t.Errorf("%+v", st)
	}
}

func TestConsumersEndWhenTheBufferHasOverflown(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{Queue: pubsub.Queue{Size: 2, Overflow: pubsub.CloseOnOverflow}})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	handled := s.NewSubscription(pubsub.Queue{Size: 2, Overflow: pubsub.CloseOnOverflow})
	hang, began := make(chan struct{}), make(chan struct{}, 10)
	if err := handled.Handle(pubsub.Handlers{"*": func(context.Context, pubsub.Message) { began <- struct{}{}; <-hang }}); err != nil {
		t.Fatal(err)
	}
	if err := handled.Subscribe(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		srv.Publish("a", "x")
	}
	leak.Eventually(t, wait, "both to overflow", func() bool { return sub.Err() != nil && handled.Err() != nil })
	n := 0
	for range sub.Chan() {
		n++
	}
	if n != 2 || !errors.Is(sub.Err(), pubsub.ErrOverflow) {
		t.Errorf("%d messages, then %v", n, sub.Err())
	}
	close(hang)
	for range 2 {
		<-began
	}
}

func TestGapsAreCountedAndBeginWithWhatIsKnown(t *testing.T) {
	inBubble(t, pubsub.Options{PingInterval: -1}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		// On the first connection one of two channels is confirmed.
		srv.Handle("SUBSCRIBE", func(c *testserver.Peer, args []string) {
			c.Write(testserver.Push(testserver.Bulk("subscribe"), testserver.Bulk("a"), testserver.Int(1)))
		})
		connected := time.Now()
		sub := s.NewSubscription(pubsub.Queue{})
		ended := make(chan error, 1)
		go func() { ended <- sub.Subscribe(t.Context(), "a", "b") }()
		time.Sleep(10 * time.Second)
		if st := s.Stats(); st.Pending != 1 || st.Ready || st.Gaps != 0 {
			t.Errorf("%+v", st)
		}
		srv.Handle("SUBSCRIBE", nil)
		srv.CloseAll()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		var gap *pubsub.Gap
		if err := nextNotice(t, sub); !errors.As(err, &gap) || !gap.From.Equal(connected) || gap.To.Sub(connected) < 10*time.Second {
			t.Errorf("%+v, connected at %v", gap, connected)
		}
		for n := uint64(2); n <= 3; n++ {
			ready := gap.To
			time.Sleep(10 * time.Second)
			srv.CloseAll()
			if err := nextNotice(t, sub); !errors.As(err, &gap) || !gap.From.Equal(ready) || gap.To.Sub(ready) != 10*time.Second {
				t.Errorf("%+v, ready at %v", gap, ready)
			}
			if st := s.Stats(); st.Gaps != n || st.Connects != n+1 || sub.Stats().Gaps != n {
				t.Errorf("%+v, %+v", st, sub.Stats())
			}
		}
	})
}

func TestAMoveIsFollowedAtOnceHoweverShortTheLastConnectionWas(t *testing.T) {
	for name, moves := range map[string]bool{"the same server": false, "another one": true} {
		synctest.Test(t, func(t *testing.T) {
			srv := testserver.NewWith(t, testserver.Options{Network: "none"})
			source := &epochs{Server: pubsub.Server{Options: conn.Options{Addr: "fake:1", Dial: srv.PipeDial}}}
			s := pubsub.New(source, pubsub.Options{MinBackoff: time.Minute})
			defer s.Close()
			if _, err := s.Subscribe(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			if moves {
				source.epoch.Store(1)
			}
			srv.CloseAll()
			synctest.Wait()
			if n := srv.Accepted(); (n == 2) != moves {
				t.Errorf("%s: %d connections", name, n)
			}
		})
	}
}

func TestWhoSubscribesLaterGetsTheNextMessageAndWhoHasLeftGetsNone(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	first, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	srv.Publish("a", "1")
	if m := next(t, first); m.Text() != "1" {
		t.Errorf("got %q", m.Payload)
	}
	second, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	srv.Publish("a", "2")
	if m := next(t, second); m.Text() != "2" {
		t.Errorf("got %q", m.Payload)
	}
	if m := next(t, first); m.Text() != "2" {
		t.Errorf("got %q", m.Payload)
	}
	if err := first.Unsubscribe(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	srv.Publish("a", "3")
	if m := next(t, second); m.Text() != "3" {
		t.Errorf("got %q", m.Payload)
	}
	if st := first.Stats(); st.Received != 2 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

func TestPayloadsAreTheReceiversUnlessTheyAreBorrowed(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	var kept [][]byte
	for i := range 100 { // one after the other, so that buffers are used again
		srv.Publish("a", fmt.Sprintf("%03d", i))
		kept = append(kept, next(t, sub).Payload)
	}
	for i, payload := range kept {
		if string(payload) != fmt.Sprintf("%03d", i) {
			t.Fatalf("payload %d became %q", i, payload)
		}
	}
}
