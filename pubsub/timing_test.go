package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
)

func TestAPINGIsSentOncePerInterval(t *testing.T) {
	for interval, want := range map[time.Duration]int{0: 60, 10 * time.Second: 6, -1: 0} {
		inBubble(t, pubsub.Options{PingInterval: interval}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
			if _, err := s.Subscribe(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			for i := range 20 { // other work delays none
				time.Sleep(3 * time.Second)
				if _, err := s.Subscribe(t.Context(), fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			if n := srv.Count("PING"); n < want || n > want+1 {
				t.Errorf("interval %v: %d PINGs in a minute", interval, n)
			}
			if n := srv.Accepted(); n != 1 {
				t.Errorf("interval %v: %d connections", interval, n)
			}
		})
	}
}

func TestAnAnswerToPINGMayTakeThePingTimeoutAndNoMore(t *testing.T) {
	for delay, lives := range map[time.Duration]bool{
		pubsub.DefaultPingTimeout - 10*time.Millisecond: true,
		pubsub.DefaultPingTimeout + 10*time.Millisecond: false,
	} {
		inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
			srv.Handle("PING", func(c *testserver.Peer, _ []string) {
				time.Sleep(delay)
				c.Write("+PONG\r\n")
			})
			if _, err := s.Subscribe(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Second)
			if n := srv.Accepted(); (n == 1) != lives {
				t.Errorf("answers after %v: %d connections", delay, n)
			}
		})
	}
}

func TestALossIsFollowedByAnAttemptAtOnceIfTheConnectionHadLasted(t *testing.T) {
	for lasted, atOnce := range map[time.Duration]bool{999 * time.Millisecond: false, time.Second: true} {
		inBubble(t, pubsub.Options{PingInterval: -1, MinBackoff: 2 * time.Second}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
			if _, err := s.Subscribe(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lasted)
			srv.CloseAll()
			synctest.Wait()
			if n := srv.Accepted(); (n == 2) != atOnce {
				t.Errorf("lost after %v: %d connections", lasted, n)
			}
		})
	}
}

// hanging is a source whose connections are never made.
type hanging struct{ dials atomic.Int64 }

func (h *hanging) Dial(ctx context.Context) (*conn.Conn, error) {
	h.dials.Add(1)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAnAttemptToConnectTakesTheDialTimeoutAtMost(t *testing.T) {
	for timeout, want := range map[time.Duration]int64{time.Second: 10, 0: 4, -1: 1} {
		synctest.Test(t, func(t *testing.T) {
			source := &hanging{}
			s := pubsub.New(source, pubsub.Options{DialTimeout: timeout})
			defer s.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second-time.Millisecond)
			defer cancel()
			if _, err := s.Subscribe(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if n := source.dials.Load(); n != want {
				t.Errorf("timeout %v: %d attempts in 10 s", timeout, n)
			}
			if st := s.Stats(); st.Failures != uint64(want-1) || st.Connects != 0 {
				t.Errorf("timeout %v: %+v", timeout, st)
			}
		})
	}
}

func TestARefusedChannelIsTriedAgainEveryFewSeconds(t *testing.T) {
	inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		sub, err := s.Subscribe(t.Context(), "a", "secret")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		refuse(srv, "secret")
		srv.CloseAll()
		time.Sleep(time.Second)
		tried := srv.Count("SUBSCRIBE")
		time.Sleep(30 * time.Second)
		if n := srv.Count("SUBSCRIBE") - tried; n < 5 || n > 6 {
			t.Errorf("tried %d times in 30 s", n)
		}
		srv.HandleAny(nil)
		time.Sleep(6 * time.Second)
		srv.Publish("secret", "no more")
		var gap *pubsub.Gap
		if err := nextNotice(t, sub); !errors.As(err, &gap) {
			t.Error(err)
		}
		if m := next(t, sub); m.Text() != "no more" {
			t.Errorf("got %q", m.Payload)
		}
		tried = srv.Count("SUBSCRIBE")
		time.Sleep(time.Minute)
		if n := srv.Count("SUBSCRIBE") - tried; n != 0 || s.Stats().Pending != 0 {
			t.Errorf("tried %d times when it had been granted; %+v", n, s.Stats())
		}
	})
}

func TestNamesAreSubscribedToInFewCommandsOfBoundedSize(t *testing.T) {
	for name, test := range map[string]struct{ names, length, commands int }{
		"short names": {5000, 6, 4},
		"long names":  {100, 2000, 6},
		"huge names":  {5, 100_000, 5},
	} {
		inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
			var all []string
			for i := range test.names {
				all = append(all, fmt.Sprintf("%06d", i)+strings.Repeat("x", test.length-6))
			}
			sub, err := s.Subscribe(t.Context(), all...)
			if err != nil {
				t.Fatal(err)
			}
			calls := srv.CallsOf("SUBSCRIBE")
			if len(calls) < test.commands || len(calls) > test.commands+1 {
				t.Errorf("%s: %d commands", name, len(calls))
			}
			for _, call := range calls {
				if n := len(strings.Join(call.Args[1:], "")); n > 32<<10+test.length {
					t.Errorf("%s: a command of %d bytes", name, n)
				}
			}
			if err := sub.Unsubscribe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := srv.Count("UNSUBSCRIBE"); n < test.commands || n > test.commands+1 {
				t.Errorf("%s: %d commands to unsubscribe", name, n)
			}
		})
	}
}

func TestNothingIsConnectedForNobody(t *testing.T) {
	inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		sub, err := s.Subscribe(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if err := sub.Unsubscribe(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		srv.CloseAll()
		time.Sleep(time.Minute)
		if n := srv.Accepted(); n != 1 {
			t.Errorf("%d connections, and nothing is wanted", n)
		}
		if err := sub.Subscribe(t.Context(), "b"); err != nil || srv.Accepted() != 2 {
			t.Errorf("%v, %d connections", err, srv.Accepted())
		}
	})
}

// The writer stands in the write of x2 when y is wanted, and not wanted any more.
func TestWhatIsNotWantedAnyMoreIsNotAskedFor(t *testing.T) {
	inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		sub, err := s.Subscribe(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		srv.StopReading(true)
		ended := make(chan error, 3)
		for _, name := range []string{"x1", "x2", "x3"} {
			go func() { ended <- sub.Subscribe(t.Context(), name) }()
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- sub.Subscribe(ctx, "y") }()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		srv.StopReading(false)
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if all := fmt.Sprint(names(srv, "SUBSCRIBE"), names(srv, "UNSUBSCRIBE")); all != "[a x1 x2 x3] []" {
			t.Error(all)
		}
	})
}

func TestCloseWaitsForAHandlerForASecondAtMost(t *testing.T) {
	for takes, want := range map[time.Duration]time.Duration{300 * time.Millisecond: 300 * time.Millisecond, time.Hour: time.Second} {
		inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
			sub := s.NewSubscription(pubsub.Queue{})
			if err := sub.Handle(pubsub.Handlers{"*": func(context.Context, pubsub.Message) { time.Sleep(takes) }}); err != nil {
				t.Fatal(err)
			}
			if err := sub.Subscribe(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			srv.Publish("a", "x")
			synctest.Wait()
			began := time.Now()
			_ = s.Close()
			if took := time.Since(began); took != want {
				t.Errorf("%v for a handler that takes %v", took, takes)
			}
			time.Sleep(takes)
		})
	}
}
