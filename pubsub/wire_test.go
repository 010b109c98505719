package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/resp"
)

// names returns what the calls of a command named.
func names(srv *testserver.Server, command string) (all []string) {
	for _, call := range srv.CallsOf(command) {
		all = append(all, call.Args[1:]...)
	}
	slices.Sort(all)
	return all
}

// Dialogue 6: one command, one confirmation for each channel.
func TestSubscribeReturnsWhenEveryChannelIsConfirmed(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	arrived := make(chan *testserver.Peer, 1)
	srv.Handle("SUBSCRIBE", func(c *testserver.Peer, args []string) {
		c.Write(testserver.Push(testserver.Bulk("subscribe"), testserver.Bulk(args[1]), testserver.Int(1)))
		arrived <- c
	})
	s := open(t, srv.Addr(), pubsub.Options{PingInterval: -1})
	done := make(chan error, 1)
	go func() {
		_, err := s.Subscribe(t.Context(), "a", "b")
		done <- err
	}()
	c := <-arrived
	leak.Eventually(t, 0, "the first confirmation", func() bool { return s.Stats().Pending == 1 })
	select {
	case err := <-done:
		t.Fatalf("returned before the second confirmation: %v", err)
	default:
	}
	missing := "b"
	if slices.Equal(srv.CallsOf("SUBSCRIBE")[0].Args, []string{"SUBSCRIBE", "b", "a"}) {
		missing = "a"
	}
	c.Write(testserver.Push(testserver.Bulk("subscribe"), testserver.Bulk(missing), testserver.Int(2)))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestSubscribeGivesUpWithItsContextAndTakesItsChannelsBack(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	srv.Handle("SUBSCRIBE", func(*testserver.Peer, []string) {})
	s := open(t, srv.Addr(), pubsub.Options{PingInterval: -1})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Subscribe(ctx, "a")
		done <- err
	}()
	srv.WaitFor(t, "SUBSCRIBE", func() bool { return srv.Count("SUBSCRIBE") == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	srv.WaitFor(t, "UNSUBSCRIBE", func() bool { return slices.Equal(names(srv, "UNSUBSCRIBE"), []string{"a"}) })
	if st := s.Stats(); st.Subscriptions != 0 {
		t.Errorf("%d subscriptions are left", st.Subscriptions)
	}
}

func TestSubscribeSaysWhyItCouldNotConnect(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	if err := srv.StopAccepting(true); err != nil {
		t.Fatal(err)
	}
	s := open(t, srv.Addr(), pubsub.Options{})
	failed := make(chan struct{}, 100)
	s.Listen(func(e pubsub.Event) {
		if e.Kind == pubsub.EventRetry {
			failed <- struct{}{}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-failed
		<-failed
		cancel()
	}()
	_, err := s.Subscribe(ctx, "a")
	var dial *conn.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &dial) || dial.Op != conn.OpDial {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(err.Error(), "pubsub: subscribe: context canceled; the last attempt: conn: dial ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestAWrongPasswordIsAnErrorAtOnce(t *testing.T) {
	leak.Check(t)
	srv := testserver.NewWith(t, testserver.Options{Password: "right"})
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr(), Password: "wrong"}}, pubsub.Options{})
	defer s.Close()
	_, err := s.Subscribe(t.Context(), "a")
	var auth *conn.AuthError
	if !errors.As(err, &auth) {
		t.Errorf("got %v", err)
	}
}

// Dialogue 7: the answer to PING has three forms.
func TestAnswersToPINGOfBothProtocolsAreUnderstood(t *testing.T) {
	for _, proto := range []int{2, 3} {
		for _, answer := range []string{"+PONG\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n", "-NOPERM this user has no permissions\r\n"} {
			t.Run(fmt.Sprint(proto, answer[:1]), func(t *testing.T) {
				leak.Check(t)
				srv := testserver.New(t)
				srv.Reply("PING", answer)
				s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr(), Protocol: proto}}, pubsub.Options{PingInterval: time.Millisecond})
				defer s.Close()
				if _, err := s.Subscribe(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
				srv.WaitFor(t, "five PINGs", func() bool { return srv.Count("PING") >= 5 })
				if n := srv.Accepted(); n != 1 {
					t.Errorf("%d connections", n)
				}
			})
		}
	}
}

// Dialogues 8 and 9.
func TestUnsubscribeReturnsWhenItIsConfirmed(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	sub, err := s.Subscribe(t.Context(), "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.Unsubscribe(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if srv.Subscribers("b") != 0 || srv.Subscribers("a") != 1 {
		t.Error("the server has not been told")
	}
	if err := sub.Unsubscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(srv, "UNSUBSCRIBE"); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("unsubscribed %v", got)
	}
	if err := sub.Unsubscribe(t.Context(), "never"); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Channels != 0 {
		t.Errorf("%d channels are left", st.Channels)
	}
}

func TestSubscriptionsOfOneChannelShareIt(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	first, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if n := srv.Count("SUBSCRIBE"); n != 1 {
		t.Errorf("%d times SUBSCRIBE", n)
	}
	srv.Publish("a", "both")
	for _, sub := range []*pubsub.Subscription{first, second} {
		if m := next(t, sub); m.Text() != "both" {
			t.Errorf("got %q", m.Payload)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	srv.Publish("a", "second only")
	if m := next(t, second); m.Text() != "second only" {
		t.Errorf("got %q", m.Payload)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	srv.WaitFor(t, "UNSUBSCRIBE", func() bool { return srv.Count("UNSUBSCRIBE") == 1 })
}

// next returns the next message, and fails on a notice.
func next(t testing.TB, sub *pubsub.Subscription) pubsub.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	for m, err := range sub.All(ctx) {
		if err != nil {
			t.Fatalf("a notice before the message: %v", err)
		}
		return m
	}
	t.Fatalf("no message; %v", sub.Err())
	return pubsub.Message{}
}

// nextNotice returns the next notice, and fails on a message.
func nextNotice(t testing.TB, sub *pubsub.Subscription) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	for m, err := range sub.All(ctx) {
		if err == nil {
			t.Fatalf("message %q before the notice", m.Payload)
		}
		return err
	}
	t.Fatalf("no notice; %v", sub.Err())
	return nil
}

func refuse(srv *testserver.Server, forbidden string) {
	srv.HandleAny(func(c *testserver.Peer, args []string) bool {
		if strings.EqualFold(args[0], "SUBSCRIBE") && slices.Contains(args[1:], forbidden) {
			c.Error("NOPERM No permissions to access a channel")
			return true
		}
		return false
	})
}

func TestARefusedChannelDoesNotTakeOthersWithIt(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	refuse(srv, "secret")
	s := open(t, srv.Addr(), pubsub.Options{})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	err = sub.Subscribe(t.Context(), "b", "secret", "c")
	var refused *pubsub.RefusedError
	var reply *resp.Error
	if !errors.As(err, &refused) || refused.Name != "secret" || !errors.As(err, &reply) || reply.Code != "NOPERM" {
		t.Fatalf("got %v", err)
	}
	if err := sub.Subscribe(t.Context(), "b", "c"); err != nil {
		t.Fatal(err)
	}
	for _, channel := range []string{"a", "b", "c"} {
		srv.Publish(channel, "to "+channel)
		if m := next(t, sub); m.Text() != "to "+channel {
			t.Errorf("got %q", m.Payload)
		}
	}
	if n := srv.Accepted(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestAChannelThatIsRefusedAfterAReconnectIsReportedAndTheOthersLive(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	refused := make(chan error, 10)
	s.Listen(func(e pubsub.Event) {
		if e.Kind == pubsub.EventRefused {
			refused <- e.Err
		}
	})
	sub, err := s.Subscribe(t.Context(), "a", "b", "secret")
	if err != nil {
		t.Fatal(err)
	}
	refuse(srv, "secret")
	srv.CloseAll()
	if gap := (*pubsub.Gap)(nil); !errors.As(nextNotice(t, sub), &gap) {
		t.Error("no gap")
	}
	var e *pubsub.RefusedError
	if err := <-refused; !errors.As(err, &e) || e.Name != "secret" {
		t.Errorf("got %v", err)
	}
	srv.Publish("b", "still here")
	if m := next(t, sub); m.Text() != "still here" {
		t.Errorf("got %q", m.Payload)
	}
}

// What was not asked for would make confirmations count for the wrong command.
func TestAConfirmationThatNobodyAskedForBreaksTheConnection(t *testing.T) {
	for _, raw := range []string{
		testserver.Push(testserver.Bulk("unsubscribe"), testserver.Bulk("a"), testserver.Int(0)),
		testserver.Push(testserver.Bulk("sunsubscribe"), testserver.Bulk("a"), testserver.Int(0)),
		testserver.Push(testserver.Bulk("subscribe"), testserver.Bulk("z"), testserver.Int(0)),
		"+PONG\r\n", "$1\r\na\r\n", "-ERR something\r\n", "rubbish\r\n",
		testserver.Bulks("what", "is", "this"),
	} {
		t.Run(raw, func(t *testing.T) {
			leak.Check(t)
			srv := testserver.New(t)
			s := open(t, srv.Addr(), pubsub.Options{})
			sub, err := s.Subscribe(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			srv.Push(raw)
			if gap := (*pubsub.Gap)(nil); !errors.As(nextNotice(t, sub), &gap) {
				t.Error("no gap")
			}
			srv.Publish("a", "alive")
			if m := next(t, sub); m.Text() != "alive" {
				t.Errorf("got %q", m.Payload)
			}
		})
	}
}

func TestInvalidationsComeWithTheirKeys(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	sub, err := s.Subscribe(t.Context(), pubsub.Invalidations)
	if err != nil {
		t.Fatal(err)
	}
	const head = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"
	for raw, want := range map[string]string{
		head + "*2\r\n$1\r\na\r\n$4\r\nb\r\nc\r\n": "a|b\r\nc",
		head + "*-1\r\n": "",
	} {
		srv.Push(raw)
		m := next(t, sub)
		if keys, ok := m.Keys(); !ok || strings.Join(keys, "|") != want {
			t.Errorf("%q, %v: %q", keys, ok, m.Payload)
		}
	}
	if _, ok := (pubsub.Message{Channel: "a"}).Keys(); ok {
		t.Error("keys of another channel")
	}
}

func TestOtherPushesAreIgnored(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	srv.Push(testserver.Push(testserver.Bulk("invalidate"), testserver.Null3))
	srv.Push(testserver.Push(testserver.Bulk("of"), testserver.Bulk("more"), testserver.Bulk("parts"), testserver.Bulk("than"), testserver.Bulk("messages")))
	srv.Push(testserver.Attribute(testserver.Text("k"), testserver.Text("v")) + testserver.Push(testserver.Bulk("message"), testserver.Bulk("a"), testserver.Bulk("odd")))
	srv.Push(testserver.Push(testserver.Bulk("message"), testserver.Bulk("nobody's"), testserver.Bulk("x")))
	srv.Push(testserver.Push(testserver.Bulk("message"), testserver.Bulk("a"), testserver.Text("a text")))
	for _, want := range []string{"odd", "a text"} {
		if m := next(t, sub); m.Text() != want {
			t.Errorf("got %q, want %q", m.Payload, want)
		}
	}
}

// Issue 66 and 67 of the catalogue: messages that span reads.
func TestMessagesArriveWholeHoweverTheyAreCut(t *testing.T) {
	leak.Check(t)
	for chunk := 1; chunk < 40; chunk += 3 {
		srv := testserver.NewWith(t, testserver.Options{Chunk: chunk})
		s := open(t, srv.Addr(), pubsub.Options{})
		sub, err := s.Subscribe(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			srv.Publish("a", strings.Repeat("x", i)+"\r\n"+fmt.Sprint(i))
		}
		for i := range 20 {
			if m := next(t, sub); m.Text() != strings.Repeat("x", i)+"\r\n"+fmt.Sprint(i) {
				t.Fatalf("chunks of %d: message %d is %q", chunk, i, m.Payload)
			}
		}
		_ = s.Close()
	}
}

func TestAVeryLargeMessageArrives(t *testing.T) {
	leak.Check(t)
	srv := testserver.New(t)
	s := open(t, srv.Addr(), pubsub.Options{Queue: pubsub.Queue{Bytes: 1}})
	sub, err := s.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("0123456789", 1<<20)
	srv.Publish("a", large)
	if m := next(t, sub); m.Text() != large {
		t.Errorf("got %d bytes of %d", len(m.Payload), len(large))
	}
}

// A confirmation of another kind, or of the opposite, while one is awaited.
func TestAConfirmationOfSomethingElseBreaksTheConnection(t *testing.T) {
	for _, kind := range []string{"unsubscribe", "psubscribe", "ssubscribe"} {
		t.Run(kind, func(t *testing.T) {
			leak.Check(t)
			srv := testserver.New(t)
			srv.ReplyOnce("SUBSCRIBE", testserver.Push(testserver.Bulk(kind), testserver.Bulk("a"), testserver.Int(1)))
			s := open(t, srv.Addr(), pubsub.Options{})
			sub, err := s.Subscribe(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if n := srv.Accepted(); n != 2 {
				t.Errorf("%d connections", n)
			}
			srv.Publish("a", "alive")
			if m := next(t, sub); m.Text() != "alive" {
				t.Errorf("got %q", m.Payload)
			}
		})
	}
}
