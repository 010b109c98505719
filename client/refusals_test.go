package client_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

const (
	refusesWrites = "-READONLY You can't write against a read only replica.\r\n"
	noReplicas    = "-NOREPLICAS Not enough good replicas to write.\r\n"
	demoted       = "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"
	unblocked     = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"
	loading       = "-LOADING Redis is loading the dataset in memory\r\n"
	masterDown    = "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"
	busy          = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"
)

// oneServer runs f with a client of one server without a socket, in a bubble.
func oneServer(t *testing.T, o client.Options, f func(t *testing.T, s *testserver.Server, c *client.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := testserver.Start(testserver.Options{Network: "none"})
		if err != nil {
			t.Fatal(err)
		}
		if o.Pool.Conn.Dial == nil {
			o.Pool.Conn.Dial = s.PipeDial
		}
		c, err := client.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = c.Close()
			_ = s.Close()
		}()
		f(t, s, c)
	})
}

// A server that answers PING and refuses commands is not back: the back-off is the
// command's own.
func TestARefusedCommandIsSentAgainWithABackoffOfItsOwn(t *testing.T) {
	for name, reply := range map[string]string{
		"READONLY": refusesWrites, "NOREPLICAS": noReplicas, "UNBLOCKED": demoted, "LOADING": loading, "MASTERDOWN": masterDown, "BUSY": busy,
	} {
		for callers, most := range map[int]int{1: 40, 50: 50 * 40} {
			oneServer(t, client.Options{RetryTime: 10 * time.Second}, func(t *testing.T, s *testserver.Server, c *client.Client) {
				s.Reply("SET", reply)
				began := time.Now()
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						err := redis.Set("k", "v").Do(t.Context(), c)
						if e, ok := errors.AsType[*resp.Error](err); !ok || e.Code != name {
							t.Errorf("%s: %v", name, err)
						}
					})
				}
				wg.Wait()
				took := time.Since(began)
				if n := s.Count("SET"); n < callers*15 || n > most || took < 9*time.Second || took > 11*time.Second {
					t.Errorf("%s: %d callers sent %d commands in %v", name, callers, n, took)
				}
			})
		}
	}
}

func TestWhatPassesByItselfIsWaitedFor(t *testing.T) {
	for name, reply := range map[string]string{"NOREPLICAS": noReplicas, "BUSY": busy, "LOADING": loading, "clients": "-ERR max number of clients reached\r\n"} {
		oneServer(t, client.Options{RetryTime: 10 * time.Second}, func(t *testing.T, s *testserver.Server, c *client.Client) {
			s.Reply("SET", reply)
			time.AfterFunc(5*time.Second, func() { s.Handle("SET", nil) })
			if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			s.Reply("SET", reply)
			time.AfterFunc(5*time.Second, func() { s.Handle("SET", nil) })
			var p redis.Pipeline
			set := redis.Set("k", "v").Queue(&p)
			if err := p.Do(t.Context(), c); err != nil || set.Err() != nil {
				t.Errorf("%s in a pipeline: %v, %v", name, err, set.Err())
			}
		})
	}
}

// Without sentinels a warm client would stay on the demoted server for good.
func TestAClientOfOneNameFollowsItToTheNewMaster(t *testing.T) {
	leak.Check(t)
	old, now := testserver.New(t), testserver.New(t)
	var moved atomic.Bool
	o := client.Options{RetryTime: 10 * time.Second}
	o.Pool.Conn = conn.Options{Addr: "redis.internal:6379", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		addr := old.Addr()
		if moved.Load() {
			addr = now.Addr()
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	c, err := client.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	old.Reply("SET", refusesWrites)
	moved.Store(true)
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if now.Count("SET") != 1 {
		t.Errorf("%d SETs on the new master", now.Count("SET"))
	}
}

func TestACallThatWasUnblockedByHandIsNotSentAgain(t *testing.T) {
	oneServer(t, client.Options{}, func(t *testing.T, s *testserver.Server, c *client.Client) {
		s.Handle("BLPOP", func(p *testserver.Peer, _ []string) {
			time.Sleep(time.Second)
			p.Write(unblocked)
		})
		began := time.Now()
		_, err := redis.BLPop(time.Minute, "q").Do(t.Context(), c)
		if e, ok := errors.AsType[*resp.Error](err); !ok || e.Code != "UNBLOCKED" {
			t.Errorf("error %v", err)
		}
		if n := s.Count("BLPOP"); n != 1 || time.Since(began) > 2*time.Second {
			t.Errorf("%d BLPOPs in %v", n, time.Since(began))
		}
		var p redis.Pipeline
		queued := redis.BLPop(time.Minute, "q").Queue(&p)
		_ = p.Do(t.Context(), c)
		if e, ok := errors.AsType[*resp.Error](queued.Err()); !ok || e.Code != "UNBLOCKED" || s.Count("BLPOP") != 2 {
			t.Errorf("in a pipeline: %v, %d BLPOPs", queued.Err(), s.Count("BLPOP"))
		}
	})
}

func TestABlockingCommandThatIsSentAgainHasTheTimeThatIsLeft(t *testing.T) {
	oneServer(t, client.Options{RetryTime: 2 * time.Second}, func(t *testing.T, s *testserver.Server, c *client.Client) {
		var asked []string
		s.Handle("BLPOP", func(p *testserver.Peer, args []string) {
			asked = append(asked, args[2])
			time.Sleep(4 * time.Second)
			if len(asked) < 3 {
				p.Write(demoted)
				return
			}
			p.Write("*-1\r\n")
		})
		_, err := redis.BLPop(10*time.Second, "q").Do(t.Context(), c)
		if !errors.Is(err, redis.ErrNil) && err != nil {
			t.Errorf("error %v", err)
		}
		if len(asked) != 3 || asked[0] != "10" || !strings.HasPrefix(asked[1], "5.9") || !strings.HasPrefix(asked[2], "1.9") {
			t.Errorf("timeouts %v", asked)
		}
	})
}

// Of a script that may wait, the last argument is the script's own.
func TestAScriptThatIsSentAgainHasItsArguments(t *testing.T) {
	oneServer(t, client.Options{}, func(t *testing.T, s *testserver.Server, c *client.Client) {
		var asked []string
		s.Handle("EVALSHA", func(p *testserver.Peer, args []string) {
			asked = append(asked, args[len(args)-1])
			if len(asked)%3 != 0 {
				p.Write(loading)
				return
			}
			p.Write("+OK\r\n")
		})
		step := redis.EvalSha(redis.Text, strings.Repeat("0", 40), []string{"k"}, resp.String("result"))
		step.Command = step.Command.WithTimeout(10 * time.Second)
		if _, err := step.Do(t.Context(), c); err != nil {
			t.Error(err)
		}
		var p redis.Pipeline
		queued := step.Queue(&p)
		if err := p.Do(t.Context(), c); err != nil || queued.Err() != nil {
			t.Error(err, queued.Err())
		}
		if want := slices.Repeat([]string{"result"}, 6); !slices.Equal(asked, want) {
			t.Errorf("arguments %q", asked)
		}
	})
}

func TestACallToADeadServerEndsWithinItsRetryTime(t *testing.T) {
	dials := map[string]func(ctx context.Context, network, addr string) (net.Conn, error){
		"refused": func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") },
		"silent":  func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
	}
	calls := map[string]func(ctx context.Context, c *client.Client) error{
		"command": func(ctx context.Context, c *client.Client) error { return redis.Set("k", "v").Do(ctx, c) },
		"blocking": func(ctx context.Context, c *client.Client) error {
			_, err := redis.BLPop(time.Minute, "q").Do(ctx, c)
			return err
		},
		"forever": func(ctx context.Context, c *client.Client) error {
			_, err := redis.BLPop(0, "q").Do(ctx, c)
			return err
		},
		"batch": func(ctx context.Context, c *client.Client) error {
			return c.DoBatch(ctx, []resp.Command{resp.NewCommand("PING")}, func(int, resp.Value) {})
		},
		"lease": func(ctx context.Context, c *client.Client) error {
			return c.WithConn(ctx, func(*conn.Conn) error { return nil })
		},
		"dial": func(ctx context.Context, c *client.Client) error {
			_, err := c.Dial(ctx)
			return err
		},
	}
	for retry, bound := range map[time.Duration]time.Duration{0: client.DefaultDirectRetryTime, 500 * time.Millisecond: 500 * time.Millisecond, 4 * time.Second: 4 * time.Second} {
		for how, dial := range dials {
			for what, call := range calls {
				o := client.Options{RetryTime: retry, Pool: pool.Options{Conn: conn.Options{Dial: dial}}}
				oneServer(t, o, func(t *testing.T, _ *testserver.Server, c *client.Client) {
					for range 3 {
						began := time.Now()
						err := call(t.Context(), c)
						took := time.Since(began)
						if conn.ClassOf(err) != conn.ClassNotSent || took > bound || took < bound*9/10 {
							t.Errorf("%s, %s, retry time %v: %v after %v", how, what, retry, err, took)
						}
						if _, ok := errors.AsType[*client.RetryError](err); how == "refused" && !ok {
							t.Errorf("%s, %s: %T", how, what, err)
						}
					}
				})
			}
		}
	}
}

func TestAScriptIsKilledByAClientThatCannotConnectForIt(t *testing.T) {
	for _, cmd := range []resp.Command{
		redis.ScriptKill().Command, redis.FunctionKill().Command, resp.NewCommand("SCRIPT", resp.String("kill")),
	} {
		oneServer(t, client.Options{Pool: pool.Options{Conn: conn.Options{DB: 3}}}, func(t *testing.T, s *testserver.Server, c *client.Client) {
			s.Reply("SELECT", busy)
			s.Reply("ROLE", busy)
			s.Reply("SCRIPT", "+OK\r\n")
			s.Reply("FUNCTION", "+OK\r\n")
			r, err := c.Do(t.Context(), cmd)
			if err != nil {
				t.Fatalf("%s: %v", cmd.Name(), err)
			}
			if b, err := r.Bytes(); string(b) != "OK" || err != nil {
				t.Errorf("%s: %q, %v", cmd.Name(), b, err)
			}
			r.Release()
		})
	}
}
