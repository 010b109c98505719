package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// shapes are replies of every kind, long enough to be cut in many places.
var shapes = map[string]string{
	"text":            "+PONG\r\n",
	"error":           "-ERR no such key\r\n",
	"integer":         ":1234567\r\n",
	"bulk":            "$11\r\nhello\r\nworl\r\n",
	"empty":           "$0\r\n\r\n",
	"null bulk":       "$-1\r\n",
	"null array":      "*-1\r\n",
	"array":           "*3\r\n:1\r\n$2\r\nab\r\n*-1\r\n",
	"nested":          "*2\r\n*2\r\n:1\r\n*1\r\n+x\r\n%1\r\n+k\r\n,1.5\r\n",
	"null":            "_\r\n",
	"bool":            "#t\r\n",
	"double":          ",-1.25e3\r\n",
	"big":             "(123456789012345678901234567890\r\n",
	"bulk error":      "!5\r\nERR x\r\n",
	"verbatim":        "=7\r\ntxt:abc\r\n",
	"map":             "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n",
	"set":             "~2\r\n:1\r\n:2\r\n",
	"attribute":       "|1\r\n+ttl\r\n:60\r\n$1\r\nx\r\n",
	"streamed string": "$?\r\n;2\r\nab\r\n;0\r\n",
	"streamed array":  "*?\r\n:1\r\n.\r\n",
	"push and reply":  ">2\r\n+invalidate\r\n*1\r\n+k\r\n:7\r\n",
}

// do runs a command and releases its reply.
func do(ctx context.Context, c *conn.Conn, name string) (string, error) {
	r, err := c.Do(ctx, resp.NewCommand(name))
	if err != nil {
		return "", err
	}
	defer r.Release()
	return string(r.Value), nil
}

// besideNeighbours runs a command between two others of a shared connection,
// and checks that those get their own replies or an error that says what they
// must know.
func besideNeighbours(t *testing.T, c *conn.Conn, name string) error {
	t.Helper()
	var wg sync.WaitGroup
	var failure error
	for _, own := range []string{"before", name, "after"} {
		wg.Go(func() {
			if own == name {
				_, failure = do(t.Context(), c, name)
				return
			}
			got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String(own)))
			class := conn.ClassOf(err)
			switch {
			case err == nil && got != own:
				t.Errorf("ECHO %s = %q", own, got)
			case err != nil && class != conn.ClassMaybeExecuted && class != conn.ClassNotSent:
				t.Errorf("ECHO %s: class %v of %v", own, class, err)
			}
		})
	}
	wg.Wait()
	return failure
}

func TestAReplyCutAtAnyByteIsAnErrorForItsCallerAndNoReplyForOthers(t *testing.T) {
	leak.CheckFiles(t)
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{AllowProtocolErrors: true})
	ends := map[string]func(p *testserver.Peer){
		"FIN":        func(p *testserver.Peer) { p.Close() },
		"RST":        func(p *testserver.Peer) { p.Reset() },
		"half close": func(p *testserver.Peer) { p.CloseWrite() },
	}
	cuts := 0
	for ending, end := range ends {
		for shape, reply := range shapes {
			for n := range len(reply) {
				s.Handle("CUT", func(p *testserver.Peer, _ []string) {
					p.Write(reply[:n])
					end(p)
				})
				c := dial(t, s, conn.Options{Protocol: 2, NoClientInfo: true})
				err := besideNeighbours(t, c, "CUT")
				if conn.ClassOf(err) != conn.ClassMaybeExecuted || !testserver.IsHangUp(err) {
					t.Errorf("%s, %s after %d bytes: %v, class %v", shape, ending, n, err, conn.ClassOf(err))
				}
				if err := c.Err(); err == nil {
					t.Errorf("%s, %s after %d bytes: the connection lives", shape, ending, n)
				}
				_ = c.Close()
				cuts++
			}
		}
	}
	t.Logf("%d cuts", cuts)
}

func TestABatchGivesOutTheRepliesThatCameBeforeACut(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Handle("CUT", func(p *testserver.Peer, _ []string) { p.Write("$5\r\nhe"); p.Close() })
	c := dial(t, s, conn.Options{})
	cmds := make([]resp.Command, 1000)
	for i := range cmds {
		cmds[i] = resp.NewCommand("ECHO", resp.Int(int64(i)))
	}
	cmds[700] = resp.NewCommand("CUT")
	given := 0
	err := c.DoBatch(t.Context(), cmds, func(i int, v resp.Value) {
		if n, err := v.Int(); i != given || err != nil || n != int64(i) {
			t.Errorf("reply %d is %v", i, v)
		}
		given++
	})
	e, ok := errors.AsType[*conn.Error](err)
	if !ok || given != 700 || e.Class != conn.ClassMaybeExecuted || e.Sent <= 700 || e.Sent > len(cmds) {
		t.Errorf("%d replies, %+v", given, e)
	}
}

// stallAt makes STALL answer with n bytes of reply, and with the rest when the channel
// is closed.
func stallAt(s *testserver.Server, reply string, n int) (resume chan struct{}) {
	resume = make(chan struct{})
	s.Handle("STALL", func(p *testserver.Peer, _ []string) {
		p.Write(reply[:n])
		select {
		case <-resume:
		case <-p.Done():
		}
		p.Write(reply[n:])
	})
	return resume
}

func TestAReplyThatStallsAtAnyByteFreesItsCallerAndHarmsNobody(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	for _, shape := range []string{"bulk", "nested", "attribute", "streamed string", "push and reply"} {
		reply := shapes[shape]
		for n := range len(reply) {
			resume := stallAt(s, reply, n)
			c := dial(t, s, conn.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
			_, err := do(ctx, c, "STALL")
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || conn.ClassOf(err) == conn.ClassNone {
				t.Errorf("%s stalled at %d: %v", shape, n, err)
			}
			close(resume)
			got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine")))
			if got != "mine" || err != nil {
				t.Errorf("%s stalled at %d: a neighbour got %q, %v", shape, n, got, err)
			}
			_ = c.Close()
		}
	}
}

func TestAReplyThatStallsForTheReadTimeoutBreaksTheConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		for _, n := range []int{0, 1, 5} {
			s.Handle("STALL", func(p *testserver.Peer, _ []string) { p.Write("$5\r\nhello\r\n"[:n]); <-p.Done() })
			c := dial(t, s, conn.Options{ReadTimeout: 50 * time.Millisecond})
			err := besideNeighbours(t, c, "STALL")
			if !errors.Is(err, conn.ErrTimeout) || conn.ClassOf(err) != conn.ClassMaybeExecuted {
				t.Errorf("after %d bytes: %v", n, err)
			}
		}
	})
}

// A reply may take many times the read timeout if it gets on; one that dribbles may not.
func TestASlowReplyIsNoTimeoutAndOneThatDribblesIs(t *testing.T) {
	const timeout, every = 100 * time.Millisecond, 20 * time.Millisecond
	for name, test := range map[string]struct {
		size, piece, min int
		fine             bool
	}{
		"short, in time":             {size: 4, piece: 4, fine: true},
		"short, byte by byte":        {size: 30, piece: 1},
		"long, byte by byte":         {size: 10 << 10, piece: 1},
		"long, slow":                 {size: 64 << 10, piece: 300, fine: true},
		"long, below the option":     {size: 64 << 10, piece: 300, min: 2000},
		"byte by byte, if one may":   {size: 30, piece: 1, min: -1, fine: true},
		"long, just within":          {size: 10 << 10, piece: 256, fine: true},
		"very long and fast":         {size: 1 << 20, piece: 1 << 15, fine: true},
		"as long as a read can take": {size: 1 << 20, piece: 1 << 18, min: 1 << 18, fine: true},
	} {
		for _, way := range []string{"Do", "DoTo", "abandoned"} {
			inBubble(t, func(t *testing.T, s *testserver.Server) {
				want := strings.Repeat("x", test.size)
				s.Handle("DRIP", func(p *testserver.Peer, _ []string) {
					reply := string(resp.AppendBulk(nil, want))
					for i := 0; i < len(reply); i += test.piece {
						p.Write(reply[i:min(len(reply), i+test.piece)])
						if !p.Wait(every) {
							return
						}
					}
				})
				c := dial(t, s, conn.Options{ReadTimeout: timeout, MinProgress: test.min})
				began := time.Now()
				got, err := drip(t.Context(), c, way)
				took := time.Since(began)
				if test.fine && (err != nil || way != "abandoned" && got != want) {
					t.Errorf("%s, %s: %d bytes, %v after %v", name, way, len(got), err, took)
				}
				if !test.fine && (!errors.Is(err, conn.ErrTimeout) || took > 2*timeout) {
					t.Errorf("%s, %s: %d bytes, %v after %v", name, way, len(got), err, took)
				}
			})
		}
	}
}

// drip runs DRIP in one of the ways in which a reply is read, and returns it if there
// is one, or what the caller behind it gets.
func drip(ctx context.Context, c *conn.Conn, way string) (string, error) {
	cmd := resp.NewCommand("DRIP")
	switch way {
	case "DoTo":
		var b strings.Builder
		_, err := c.DoTo(ctx, cmd, &b)
		return b.String(), err
	case "abandoned":
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		if _, err := c.Do(short, cmd); !errors.Is(err, context.DeadlineExceeded) {
			return "", err
		}
		cmd = resp.NewCommand("ECHO", resp.String("behind"))
	}
	return text(ctx, c, cmd)
}

func TestGarbageBreaksTheConnectionWithAClearError(t *testing.T) {
	leak.CheckFiles(t)
	leak.Check(t)
	s := testserver.New(t)
	for name, garbage := range map[string]string{
		"letters":            "hello\r\n",
		"zero bytes":         "\x00\x00\x00\x00",
		"high bytes":         "\xff\xfe\xfd",
		"bad length":         "$abc\r\n",
		"negative length":    "$-5\r\n",
		"negative count":     "*-5\r\n",
		"no digits":          ":\r\n",
		"overflow":           ":99999999999999999999\r\n",
		"bare LF":            "+a\nb\r\n",
		"bare CR":            "+a\rb\r\n",
		"wrong bulk end":     "$5\r\nhelloXX",
		"empty push":         ">0\r\n",
		"huge bulk":          "$99999999999\r\n",
		"endless number":     ":" + strings.Repeat("1", 70<<10),
		"deep":               strings.Repeat("*1\r\n", 1000),
		"stray end":          ".\r\n",
		"TLS alert":          "\x15\x03\x01\x00\x02\x02F",
		"HTTP":               "HTTP/1.1 200 OK\r\n\r\n",
		"a word of somebody": "SSH-2.0-x\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s.Reply("BAD", garbage)
			c := dial(t, s, conn.Options{})
			err := besideNeighbours(t, c, "BAD")
			if !errors.Is(err, resp.ErrProtocol) && !errors.Is(err, resp.ErrLimit) || conn.ClassOf(err) != conn.ClassMaybeExecuted {
				t.Errorf("error %v, class %v", err, conn.ClassOf(err))
			}
			if e := c.Err(); e == nil {
				t.Error("the connection lives")
			}
		})
	}
}

func TestWhatFollowsAReplyDoesNotKeepItFromItsCaller(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	for name, behind := range map[string]string{
		"a second reply":       "+OK\r\n",
		"half a second reply":  "$5\r\nhe",
		"a refusal":            "-ERR max number of clients reached\r\n",
		"garbage":              "garbage",
		"a large second reply": "$3000\r\n" + strings.Repeat("x", 3000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s.Reply("TWO", "$2\r\nok\r\n"+behind)
			c := dial(t, s, conn.Options{ReadTimeout: 10 * time.Second})
			got, err := text(t.Context(), c, resp.NewCommand("TWO"))
			if got != "ok" || err != nil {
				t.Fatalf("%q, %v", got, err)
			}
			_, err = text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine")))
			if err == nil {
				t.Error("the next caller got somebody else's reply")
			}
		})
	}
}

func TestACorruptedStreamGivesNobodyTheReplyOfAnother(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{AllowProtocolErrors: true})
	proxy := testproxy.New(t, s.Addr())
	values := []string{"alpha-1", "beta--2", "gamma-3", "delta-4"}
	run := func(d testproxy.Dir, offset int64) {
		proxy.CorruptAt(d, offset)
		c, err := conn.Dial(t.Context(), conn.Options{Addr: proxy.Addr(), Protocol: 2, NoClientInfo: true, ReadTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var wg sync.WaitGroup
		for _, want := range values {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // a length may have grown
				defer cancel()
				got, err := text(ctx, c, resp.NewCommand("ECHO", resp.String(want)))
				if err == nil && differences(got, want) > 1 {
					t.Errorf("offset %d: ECHO %s = %q", offset, want, got)
				}
			})
		}
		wg.Wait()
	}
	for offset := range int64(len(values) * len("$7\r\nalpha-1\r\n")) {
		run(testproxy.Down, offset)
	}
	for offset := range int64(len("*2\r\n$4\r\nECHO\r\n$7\r\nalpha-1\r\n")) {
		run(testproxy.Up, offset)
	}
}

// differences counts the bytes in which got differs.
func differences(got, want string) int {
	if len(got) != len(want) {
		return len(got) + len(want)
	}
	n := 0
	for i := range got {
		if got[i] != want[i] {
			n++
		}
	}
	return n
}

func TestAnHTTPServerOnThePortIsNamed(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	addr := strings.TrimPrefix(s.URL, "http://")
	_, err := conn.Dial(t.Context(), conn.Options{Addr: addr})
	if e, ok := errors.AsType[*conn.ForeignError](err); !ok || e.Speaks != "HTTP" || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("error %v", err)
	}
}

func TestATLSServerOnThePortFailsThePlainDial(t *testing.T) {
	node := testredis.NewWith(t, testredis.Options{TLS: true})
	_, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr()})
	// Its alert may be lost behind its reset; see the test of first bytes.
	if _, ok := errors.AsType[*conn.ForeignError](err); !ok && !testserver.IsHangUp(err) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("error %v", err)
	}
}

func TestTLSOnAPlainPortFailsTheDial(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{AllowProtocolErrors: true})
	o := conn.Options{Addr: s.Addr(), TLS: &tls.Config{}, DialTimeout: 5 * time.Second}
	if _, err := conn.Dial(t.Context(), o); conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("error %v, class %v", err, conn.ClassOf(err))
	}
}

func TestABlackHoleFreesEveryCallerOfASharedConnection(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	proxy := testproxy.New(t, s.Addr())
	c, err := conn.Dial(t.Context(), conn.Options{Addr: proxy.Addr(), ReadTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := proxy.Set(testproxy.BlackHole); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			ctx := t.Context()
			if i%4 == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
			}
			_, err := text(ctx, c, get("k"))
			want := conn.ErrTimeout
			if i%4 == 0 {
				want = context.DeadlineExceeded
			}
			if !errors.Is(err, want) && !errors.Is(err, conn.ErrTimeout) {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func TestAPanickingPushHandlerBreaksTheConnectionAndFreesItsCallers(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Reply("PUSHY", ">1\r\n+boom\r\n+OK\r\n")
	c := dial(t, s, conn.Options{OnPush: func(resp.Value) { panic("handler") }})
	err := besideNeighbours(t, c, "PUSHY")
	if err == nil || !strings.Contains(err.Error(), "panicked: handler") {
		t.Errorf("error %v", err)
	}
}

func TestAPanicInABatchCallbackDoesNotStopTheOthers(t *testing.T) {
	leak.Check(t)
	c := dial(t, testserver.New(t), conn.Options{})
	cmds := make([]resp.Command, 3000)
	for i := range cmds {
		cmds[i] = resp.NewCommand("PING")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = c.DoBatch(t.Context(), cmds, func(i int, _ resp.Value) {
			if i == 10 {
				panic("callback")
			}
		})
	}()
	for i := range 20 {
		want := fmt.Sprint(i)
		if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String(want))); got != want || err != nil {
			t.Fatalf("after the panic: %q, %v", got, err)
		}
	}
}

func TestAnErrorTellsForHowLongTheCommandHasWaited(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		const silence, timeout = time.Second, 1600 * time.Millisecond
		s.Handle("GET", func(p *testserver.Peer, args []string) {
			if args[1] == "hangs up" {
				time.Sleep(silence)
				p.Close()
			}
			<-p.Done()
		})
		ended, cancel := context.WithCancel(t.Context())
		time.AfterFunc(silence, cancel)
		for _, one := range []struct {
			key          string
			ctx          context.Context
			waited, less time.Duration // by how much it may be less
		}{
			{"left", ended, silence, 10 * time.Millisecond},
			{"hangs up", t.Context(), silence, timeout / 16},
			{"silent", context.Background(), timeout, timeout / 8}, // the timeout may be found that early
		} {
			c := dial(t, s, conn.Options{ReadTimeout: timeout})
			_, err := text(one.ctx, c, get(one.key))
			e, ok := errors.AsType[*conn.Error](err)
			if !ok || e.Waited > one.waited || e.Waited < one.waited-one.less {
				t.Errorf("%s: %v, waited %v, want %v less %v at most", one.key, err, e.Waited, one.waited, one.less)
			}
			_ = c.Close()
		}
		// One that is used again begins anew.
		c := dial(t, s, conn.Options{})
		time.Sleep(time.Second)
		over, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := text(over, c, get("left"))
		if e, ok := errors.AsType[*conn.Error](err); !ok || e.Waited > 11*time.Millisecond {
			t.Errorf("%v, waited %v", err, e.Waited)
		}
	})
}
