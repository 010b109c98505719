package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/resp"
)

// hangUps are ways in which a server can be reached and is good for nothing, and how
// many connections one attempt takes to find that out.
var hangUps = map[string]struct {
	script func(s *testserver.Server)
	dials  int
}{
	"at the first word": {func(s *testserver.Server) {
		s.HandleAny(func(c *testserver.Peer, _ []string) bool {
			c.Close()
			return true
		})
	}, 4},
	"at the first command": {func(s *testserver.Server) {
		for _, name := range []string{"SUBSCRIBE", "ECHO"} {
			s.Handle(name, func(c *testserver.Peer, _ []string) { c.Close() })
		}
	}, 1},
}

var dialSources = map[string]func(c *client.Client) pubsub.Source{
	"client":        func(c *client.Client) pubsub.Source { return c },
	"subscriptions": func(c *client.Client) pubsub.Source { return c.Subscriptions() },
}

// attemptsIn bounds how often a server is tried in d, with a back-off that doubles from
// 8 to 512 ms and is half as long at least: 4, 8, 16, 32, 64 and 128 ms, then 256.
func attemptsIn(d time.Duration) int { return 8 + int(d/(256*time.Millisecond)) }

// Each call begins anew, the back-off does not: neither after a failure nor after a
// connection that has not lasted.
func TestAServerThatHangsUpIsDialledWithABackoffThatOutlastsTheCall(t *testing.T) {
	const patience = 10 * time.Second
	use := map[string]func(ctx context.Context, source pubsub.Source){
		"a subscriber": func(ctx context.Context, source pubsub.Source) {
			s := pubsub.New(source, pubsub.Options{})
			defer s.Close()
			_, _ = s.Subscribe(ctx, "news")
		},
		"calls of Dial": func(ctx context.Context, source pubsub.Source) {
			for i := 0; i < 1000 && ctx.Err() == nil; i++ { // without a back-off no time passes
				cn, err := source.Dial(ctx)
				if err != nil {
					continue
				}
				_, _ = cn.Do(ctx, resp.NewCommand("ECHO", resp.String("x")))
				cn.Abort(errors.New("used up"))
			}
		},
	}
	for how, hang := range hangUps {
		for from, source := range dialSources {
			for who, run := range use {
				t.Run(how+"/"+from+"/"+who, func(t *testing.T) {
					oneServer(t, client.Options{}, func(t *testing.T, s *testserver.Server, c *client.Client) {
						hang.script(s)
						ctx, cancel := context.WithTimeout(t.Context(), patience)
						defer cancel()
						run(ctx, source(c))
						if n, most := s.Accepted(), hang.dials*attemptsIn(patience); n > most {
							t.Errorf("%d connections in %v, want %d at most", n, patience, most)
						}
					})
				})
			}
		}
	}
}

// A connection that lasts makes up for those that did not, and one that its owner
// closes is no failure.
func TestABackoffOfConnectionsEndsWithOneThatLasts(t *testing.T) {
	for from, source := range dialSources {
		t.Run(from, func(t *testing.T) {
			oneServer(t, client.Options{}, func(t *testing.T, s *testserver.Server, c *client.Client) {
				dial := func() (*conn.Conn, time.Duration) {
					began := time.Now()
					cn, err := source(c).Dial(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					return cn, time.Since(began)
				}
				for range 20 {
					cn, took := dial()
					if took > 0 {
						t.Fatalf("a connection after others that were closed by their owner: %v", took)
					}
					_ = cn.Close()
				}
				for range 20 {
					began := time.Now()
					sub := pubsub.New(source(c), pubsub.Options{})
					if _, err := sub.Subscribe(t.Context(), "news"); err != nil {
						t.Fatal(err)
					}
					_ = sub.Close()
					if took := time.Since(began); took > 0 {
						t.Fatalf("a subscription after others that were closed by their owner: %v", took)
					}
				}
				for range 8 {
					cn, _ := dial()
					cut(t, s, cn)
				}
				cn, took := dial()
				if took < 256*time.Millisecond {
					t.Errorf("a connection after eight that were cut: %v", took)
				}
				time.Sleep(time.Second)
				cut(t, s, cn)
				cn, took = dial()
				if took > 0 {
					t.Errorf("a connection after one that had lasted a second: %v", took)
				}
				_ = cn.Close()
			})
		})
	}
}

// A caller that wants no retry gets its one attempt at once.
func TestWithoutRetriesADialIsMadeAtOnce(t *testing.T) {
	oneServer(t, client.Options{RetryTime: -1, Pool: pool.Options{}}, func(t *testing.T, s *testserver.Server, c *client.Client) {
		hangUps["at the first word"].script(s)
		for _, source := range dialSources {
			for range 10 {
				began := time.Now()
				if _, err := source(c).Dial(t.Context()); err == nil || time.Since(began) > 0 {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			}
		}
	})
}

// cut has the server end a connection, which it learns from a command.
func cut(t *testing.T, s *testserver.Server, cn *conn.Conn) {
	t.Helper()
	s.CloseAll()
	if _, err := cn.Do(t.Context(), resp.NewCommand("PING")); err == nil || !cn.Broken() {
		t.Fatal("the connection is not broken")
	}
}

// A call whose context ends within the back-off of others has tried nothing, and says so.
func TestADialThatHasTriedNothingSaysWhoseErrorItReturns(t *testing.T) {
	for how, want := range map[string]string{
		"at the first word":    "an earlier call failed 5ms before this one, which was to dial ",
		"at the first command": "the connection of an earlier call, which has not lasted, was made 5ms before this one, which was to dial ",
	} {
		for from, source := range dialSources {
			t.Run(how+"/"+from, func(t *testing.T) {
				oneServer(t, client.Options{}, func(t *testing.T, s *testserver.Server, c *client.Client) {
					hangUps[how].script(s)
					dial := func(d time.Duration) error {
						ctx, cancel := context.WithTimeout(t.Context(), d)
						defer cancel()
						cn, err := source(c).Dial(ctx)
						if err == nil {
							_, err = cn.Do(ctx, resp.NewCommand("ECHO", resp.String("x")))
						}
						return err
					}
					var err error
					before := 0
					for tried := true; tried; { // until a back-off has more than 6 ms left
						_ = dial(time.Second)
						time.Sleep(5 * time.Millisecond)
						before = s.Accepted()
						err = dial(time.Millisecond)
						e, ok := errors.AsType[*client.RetryError](err)
						tried = !ok || e.Attempts > 0
					}
					text := fmt.Sprint(err)
					for _, part := range []string{"client: a connection: context deadline exceeded after 1ms, without an attempt", want, "give it a context that lasts longer", s.Addr()} {
						if !strings.Contains(text, part) {
							t.Errorf("%q lacks %q", text, part)
						}
					}
					if n := s.Accepted() - before; n != 0 || conn.ClassOf(err) != conn.ClassNotSent || !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%d connections, class %v: %v", n, conn.ClassOf(err), err)
					}
				})
			})
		}
	}
}
