package conn_test

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
	"github.com/kermes-redis/kermes/resp"
)

func dial(t *testing.T, s *testserver.Server, o conn.Options) *conn.Conn {
	t.Helper()
	o.Addr = s.Addr()
	if s.Network() == "none" && o.Dial == nil {
		o.Dial = s.PipeDial
	}
	c, err := conn.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// inBubble runs f with a server without a socket, in a bubble of synctest: time
// passes only while everybody waits, however slow the machine is.
func inBubble(t *testing.T, f func(t *testing.T, s *testserver.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) }) // for what a failure leaves asleep
		f(t, testserver.NewWith(t, testserver.Options{Network: "none"}))
	})
}

func get(key string) resp.Command {
	return resp.NewCommand("GET", resp.String(key)).WithFlags(resp.ReadOnly)
}

func set(key, value string) resp.Command {
	return resp.NewCommand("SET", resp.String(key), resp.String(value))
}

// text runs cmd and returns its reply as text.
func text(ctx context.Context, c *conn.Conn, cmd resp.Command) (string, error) {
	r, err := c.Do(ctx, cmd)
	if err != nil {
		return "", err
	}
	defer r.Release()
	b, err := r.Bytes()
	return string(b), err
}

func TestDoReturnsTheReplyOfItsOwnCommand(t *testing.T) {
	leak.Check(t)
	c := dial(t, testserver.New(t), conn.Options{})
	for i := range 100 {
		key := fmt.Sprintf("k%d", i)
		if _, err := text(t.Context(), c, set(key, "v"+key)); err != nil {
			t.Fatal(err)
		}
		got, err := text(t.Context(), c, get(key))
		if err != nil || got != "v"+key {
			t.Fatalf("GET %s = %q, %v", key, got, err)
		}
	}
}

func TestManyCallersShareOneConnectionWithoutMixingReplies(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{})
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for i := range 200 {
				want := fmt.Sprintf("%d-%d", g, i)
				got, err := text(ctx, c, resp.NewCommand("ECHO", resp.String(want)))
				if err != nil || got != want {
					t.Errorf("ECHO = %q, %v; want %q", got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
	if s.Accepted() != 1 {
		t.Errorf("%d connections, want 1", s.Accepted())
	}
}

func TestAnEndedContextFreesTheCallerAndKeepsTheConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		release := make(chan struct{})
		s.Handle("SLOW", func(p *testserver.Peer, args []string) {
			select {
			case <-release:
			case <-p.Done():
			}
			p.Bulk("late " + args[1])
		})
		c := dial(t, s, conn.Options{})
		for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
			"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 30*time.Millisecond)
			},
			"cancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(30*time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			var wg sync.WaitGroup
			for range 4 { // one reads, the others wait
				wg.Go(func() {
					ctx, cancel := end(t.Context())
					defer cancel()
					_, err := text(ctx, c, resp.NewCommand("SLOW", resp.String(name)))
					if !errors.Is(err, ctx.Err()) || ctx.Err() == nil {
						t.Errorf("%s: error %v, want the context's %v", name, err, ctx.Err())
					}
					if got := conn.ClassOf(err); got != conn.ClassMaybeExecuted {
						t.Errorf("%s: class %v", name, got)
					}
				})
			}
			wg.Wait()
		}
		close(release)
		got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine")))
		if err != nil || got != "mine" {
			t.Fatalf("a neighbour got %q, %v", got, err)
		}
	})
}

func TestASilentServerBreaksTheConnectionWithinTheReadTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		c := dial(t, s, conn.Options{ReadTimeout: 200 * time.Millisecond})
		s.Stall(true)
		began := time.Now()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := text(t.Context(), c, get("k"))
				if !errors.Is(err, conn.ErrTimeout) || conn.ClassOf(err) != conn.ClassMaybeExecuted {
					t.Errorf("error %v, class %v", err, conn.ClassOf(err))
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if _, err := text(t.Context(), c, get("k")); conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("a call on a broken connection: %v, class %v", err, conn.ClassOf(err))
		}
	})
}

func TestAbortFreesEveryWaiterWithItsCause(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{})
	s.Stall(true)
	cause := errors.New("the master has changed")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := text(t.Context(), c, get("k")); !errors.Is(err, cause) {
				t.Errorf("error %v, want the cause", err)
			}
		})
	}
	s.WaitFor(t, "the commands", func() bool { return len(s.CallsOf("GET")) == 8 })
	c.Abort(cause)
	wg.Wait()
	<-c.Done()
	if !errors.Is(c.Err(), cause) {
		t.Errorf("Err = %v", c.Err())
	}
}

func TestABatchGivesEveryReplyInOrder(t *testing.T) {
	leak.Check(t)
	c := dial(t, testserver.New(t), conn.Options{})
	for _, size := range []int{1, 2, 100, 3000} {
		cmds := make([]resp.Command, size)
		for i := range cmds {
			cmds[i] = resp.NewCommand("ECHO", resp.Int(int64(i)))
		}
		next := 0
		err := c.DoBatch(t.Context(), cmds, func(i int, v resp.Value) {
			if n, err := v.Int(); i != next || err != nil || n != int64(i) {
				t.Fatalf("reply %d of %d: %v, %v", i, next, v, err)
			}
			next++
		})
		if err != nil || next != size {
			t.Fatalf("batch of %d: %d replies, %v", size, next, err)
		}
		if bytes, waiting := c.Backlog(); bytes != 0 || waiting != 0 {
			t.Errorf("after a batch of %d: %d bytes and %d callers are left", size, bytes, waiting)
		}
	}
}

func TestALargeBatchCompletesAgainstAPeerThatReadsOnlyWhenRead(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Backpressure: true})
	c := dial(t, s, conn.Options{})
	payload := strings.Repeat("x", 64<<10)
	cmds := make([]resp.Command, 400)
	for i := range cmds {
		cmds[i] = resp.NewCommand("ECHO", resp.String(payload))
	}
	n := 0
	err := c.DoBatch(t.Context(), cmds, func(_ int, v resp.Value) {
		if b, _ := v.Bytes(); len(b) == len(payload) {
			n++
		}
	})
	if err != nil || n != len(cmds) {
		t.Fatalf("%d replies, %v", n, err)
	}
}

func TestPushesBetweenRepliesReachTheHandler(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Handle("PUSHY", func(p *testserver.Peer, _ []string) {
		p.Write(testserver.Push(testserver.Bulk("invalidate"), testserver.Bulk("k")))
		p.Bulk("reply")
		p.Write(testserver.Push(testserver.Bulk("invalidate"), testserver.Bulk("l")))
	})
	var mu sync.Mutex
	var pushes []string
	c := dial(t, s, conn.Options{OnPush: func(v resp.Value) {
		mu.Lock()
		defer mu.Unlock()
		pushes = append(pushes, string(v))
	}})
	for range 3 {
		if got, err := text(t.Context(), c, resp.NewCommand("PUSHY")); got != "reply" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if _, err := text(t.Context(), c, resp.NewCommand("PING")); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(pushes) != 6 {
		t.Errorf("%d pushes, want 6", len(pushes))
	}
}

func TestPushesBetweenTheRepliesOfABatchAreNoReplies(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	push := testserver.Push(testserver.Bulk("invalidate"), testserver.Bulk("k"))
	s.Handle("TWICE", func(p *testserver.Peer, args []string) {
		reply := testserver.Bulk(args[1])
		p.Write(reply + reply + push) // the first answers NOTHING
	})
	s.Handle("NOTHING", func(*testserver.Peer, []string) {})
	pushes := 0 // counted where DoBatch runs, as nobody else reads
	c := dial(t, s, conn.Options{OnPush: func(resp.Value) { pushes++ }})
	var cmds []resp.Command
	for i := range 300 {
		cmds = append(cmds, resp.NewCommand("NOTHING"), resp.NewCommand("TWICE", resp.Int(int64(i))))
	}
	err := c.DoBatch(t.Context(), cmds, func(i int, v resp.Value) {
		if got, err := v.Int(); got != int64(i/2) || err != nil {
			t.Errorf("%d: %q", i, v)
		}
	})
	if err != nil || pushes < 299 {
		t.Fatalf("%d pushes, %v", pushes, err)
	}
}

func TestStatefulCommandsAreRefusedOnASharedConnectionBeforeAnyIO(t *testing.T) {
	s := testserver.New(t)
	c := dial(t, s, conn.Options{Shared: true})
	before := len(s.Calls())
	for _, name := range []string{"SELECT", "auth", "MULTI", "Watch", "SUBSCRIBE", "MONITOR", "CLIENT REPLY", "RESET"} {
		_, err := c.Do(t.Context(), resp.NewCommand(name, resp.String("x")))
		if !errors.Is(err, conn.ErrStateful) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Do(t.Context(), resp.NewCommand("")); !errors.Is(err, conn.ErrEmptyCommand) {
		t.Errorf("empty command: %v", err)
	}
	if len(s.Calls()) != before {
		t.Errorf("the server has seen %d commands", len(s.Calls())-before)
	}
}

func TestServeReadsPushesWhileNobodyAsks(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	got := make(chan string, 16)
	c := dial(t, s, conn.Options{OnPush: func(v resp.Value) { got <- string(v) }})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx) }()
	if err := c.Send(ctx, resp.NewCommand("SUBSCRIBE", resp.String("news"))); err != nil {
		t.Fatal(err)
	}
	if first := <-got; !strings.Contains(first, "subscribe") {
		t.Fatalf("first push %q", first)
	}
	for range 10 {
		if r, err := text(ctx, c, resp.NewCommand("PING")); r != "PONG" || err != nil {
			t.Fatalf("PING beside pushes: %q, %v", r, err)
		}
	}
	s.Publish("news", "hello")
	if m := <-got; !strings.Contains(m, "hello") {
		t.Fatalf("push %q", m)
	}
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Fatalf("Serve: %v", err)
	}
	if r, err := text(t.Context(), c, resp.NewCommand("PING")); r != "PONG" || err != nil {
		t.Fatalf("PING after Serve: %q, %v", r, err)
	}
}

func TestReceiveReturnsMessagesAndHonoursItsContext(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			leak.Check(t)
			s := testserver.New(t)
			c := dial(t, s, conn.Options{Protocol: proto})
			if err := c.Send(t.Context(), resp.NewCommand("SUBSCRIBE", resp.String("a"), resp.String("b"))); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				r, err := c.Receive(t.Context())
				if err != nil || r.Len() != 3 {
					t.Fatalf("confirmation %v, %v", r, err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if _, err := c.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Receive: %v", err)
			}
			s.Publish("a", "one")
			r, err := c.Receive(t.Context())
			if err != nil || !strings.Contains(string(r.Value), "one") {
				t.Fatalf("message %q, %v", r.Value, err)
			}
			s.CloseAll()
			if _, err := c.Receive(t.Context()); !testserver.IsHangUp(err) {
				t.Fatalf("Receive after the end: %v", err)
			}
		})
	}
}

func TestLargeRepliesArriveWholeAndTheirBuffersAreLetGo(t *testing.T) {
	c := dial(t, testserver.New(t), conn.Options{ReadTimeout: time.Minute}) // for loaded machines
	for _, size := range []int{0, 1, 8 << 10, 16<<10 - 1, 16<<10 + 1, 1 << 20, 5 << 20, 64} {
		want := strings.Repeat("y", size)
		got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String(want)))
		if err != nil || got != want {
			t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
}

func TestBlockingCommandsOutliveTheReadTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		s.Handle("BLPOP", func(p *testserver.Peer, _ []string) {
			if p.Wait(400 * time.Millisecond) {
				p.NullArray()
			}
		})
		c := dial(t, s, conn.Options{ReadTimeout: 100 * time.Millisecond})
		block := resp.NewCommand("BLPOP", resp.String("q"), resp.Int(1)).WithFlags(resp.Blocking).WithTimeout(time.Second)
		r, err := c.Do(t.Context(), block)
		if err != nil || !r.IsNull() {
			t.Fatalf("%v, %v", r, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := c.Do(ctx, block.WithTimeout(0)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a cancelled blocking command: %v", err)
		}
	})
}
