package conn_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestWhatIsSentOnABrokenConnectionIsNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		c := dial(t, s, conn.Options{})
		gone := errors.New("gone")
		c.Abort(gone)
		err := c.Send(t.Context(), resp.NewCommand("SUBSCRIBE", resp.String("a")))
		if !errors.Is(err, gone) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("%v, class %v", err, conn.ClassOf(err))
		}
	})
}

func TestAMessageThatHasArrivedIsBuffered(t *testing.T) {
	for _, proto := range []int{2, 3} {
		inBubble(t, func(t *testing.T, s *testserver.Server) {
			c := dial(t, s, conn.Options{Protocol: proto})
			if err := c.Send(t.Context(), resp.NewCommand("SUBSCRIBE", resp.String("a"))); err != nil {
				t.Fatal(err)
			}
			buffered := func(want bool, when string) {
				t.Helper()
				if got := c.Buffered(); got != want {
					t.Errorf("RESP%d, %s: %v", proto, when, got)
				}
			}
			receive := func() {
				t.Helper()
				r, err := c.Receive(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				r.Release()
			}
			receive()
			buffered(false, "nothing more")
			one := testserver.Bulks("message", "a", "hello")
			s.Push(one + one + one[:10])
			receive()
			buffered(true, "another one")
			receive()
			buffered(false, "the beginning of another one")
			s.Push(one[10:])
			receive()
			buffered(false, "nothing more again")
			s.Push(one + "rubbish\r\n")
			receive()
			buffered(true, "an error")
		})
	}
}

func TestReauthSaysThatItWasRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		var asked atomic.Int32
		lost := errors.New("no secret")
		c := dial(t, s, conn.Options{Shared: true, Credentials: func(context.Context, string) (string, string, error) {
			switch asked.Add(1) {
			case 1:
				return "", "", nil
			case 2:
				return "", "", lost
			}
			return "app", "pw", nil
		}})
		if err := c.Reauth(t.Context()); !errors.Is(err, lost) || conn.ClassOf(err) != conn.ClassNotSent || s.Count("AUTH") != 0 {
			t.Errorf("without a secret: %v", err)
		}
		s.Reply("AUTH", testserver.Error("WRONGPASS invalid username-password pair or user is disabled."))
		err := c.Reauth(t.Context())
		if _, ok := errors.AsType[*conn.AuthError](err); !ok || conn.ClassOf(err) != conn.ClassRejected {
			t.Errorf("a wrong password: %v", err)
		}
		s.Reply("AUTH", testserver.Text("OK"))
		if err := c.Reauth(t.Context()); err != nil || s.Count("AUTH") != 2 {
			t.Errorf("the right one: %v, %d times", err, s.Count("AUTH"))
		}
		s.Reply("AUTH", "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Reauth(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no answer: %v", err)
		}
	})
}

func TestTheNameOfAClientIsSaidWhereItHasOne(t *testing.T) {
	for _, proto := range []int{2, 3} {
		for _, want := range []string{"", "worker"} {
			inBubble(t, func(t *testing.T, s *testserver.Server) {
				c := dial(t, s, conn.Options{Protocol: proto, ClientName: want})
				if _, err := text(t.Context(), c, resp.NewCommand("PING")); err != nil {
					t.Fatal(err)
				}
				set := 0
				for _, call := range s.Calls() {
					for i, word := range call.Args {
						if word == "SETNAME" {
							set++
							if call.Args[i+1] != want {
								t.Errorf("RESP%d: %v", proto, call)
							}
						}
					}
				}
				if (set == 1) != (want != "") || s.Peers()[0].Name() != want {
					t.Errorf("RESP%d: named %d times, %q", proto, set, s.Peers()[0].Name())
				}
			})
		}
	}
}
