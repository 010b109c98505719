package testserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

const helloReply3 = "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n" +
	"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"

func TestServerAnswersTheUsualCommands(t *testing.T) {
	leak.Check(t)
	nc := DialServer(t, New(t))
	for _, tc := range []struct{ send, want string }{
		{Bulks("PING"), "+PONG\r\n"},
		{Bulks("ping", "x"), "$1\r\nx\r\n"},
		{Bulks("ECHO", "a"), "$1\r\na\r\n"},
		{Bulks("ECHO"), "-ERR wrong number of arguments for 'echo' command\r\n"},
		{Bulks("SET", "k", "1"), OK},
		{Bulks("GET", "k"), "$1\r\n1\r\n"},
		{Bulks("INCR", "k"), ":2\r\n"},
		{Bulks("EXISTS", "k"), ":1\r\n"},
		{Bulks("DEL", "k", "none"), ":1\r\n"},
		{Bulks("GET", "k"), "$-1\r\n"},
		{Bulks("SELECT", "3"), OK},
		{Bulks("SELECT", "99"), "-ERR DB index is out of range\r\n"},
		{Bulks("CLIENT", "ID"), ":1\r\n"},
		{Bulks("CLIENT", "SETINFO", "LIB-NAME", "x"), "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n"},
		{Bulks("ROLE"), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"},
		{Bulks("NOPE", "a", "b"), "-ERR unknown command 'NOPE', with args beginning with: 'a' 'b' \r\n"},
		{Bulks("HELLO", "4"), "-NOPROTO unsupported protocol version\r\n"},
		{Bulks("HELLO", "x"), "-ERR Protocol version is not an integer or out of range\r\n"},
		{Bulks("HELLO", "3", "SETNAME", "a b"), Error(errClientName)},
		{Bulks("GET", "k"), "$-1\r\n"}, // still RESP2
		{Bulks("HELLO", "3", "SETNAME", "me"), helloReply3},
		{Bulks("GET", "k"), "_\r\n"},
		{Bulks("CLIENT", "GETNAME"), "$2\r\nme\r\n"},
		{Bulks("MULTI") + Bulks("INCR", "n") + Bulks("GET", "k") + Bulks("EXEC"), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n_\r\n"},
		{Bulks("MULTI") + Bulks("NOPE") + Bulks("EXEC"), OK + UnknownCommand([]string{"NOPE"}) + "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		{Bulks("MULTI") + Bulks("GET", "k") + Bulks("DISCARD"), "+OK\r\n+QUEUED\r\n+OK\r\n"},
		{Bulks("RESET") + Bulks("GET", "k"), "+RESET\r\n$-1\r\n"},
		{Bulks("QUIT"), OK},
	} {
		Talk(t, nc, tc.send, tc.want)
	}
	ExpectEnd(t, nc, io.EOF)
}

func TestServerAsksForPasswords(t *testing.T) {
	leak.Check(t)
	s := NewWith(t, Options{Password: "pw", Users: map[string]string{"app": "secret"}})
	nc := DialServer(t, s)
	Talk(t, nc, Bulks("PING"), Error(errNoAuth))
	Talk(t, nc, Bulks("HELLO", "3"), Error(errHelloNoAuth))
	Talk(t, nc, Bulks("AUTH", "no"), Error(errWrongPass))
	Talk(t, nc, Bulks("AUTH", "app", "pw"), Error(errWrongPass))
	Talk(t, nc, Bulks("AUTH", "pw"), OK)
	Talk(t, nc, Bulks("PING"), "+PONG\r\n")
	Talk(t, nc, Bulks("HELLO", "3", "AUTH", "app", "secret", "SETNAME", "me"), helloReply3)
	if p := s.Peers()[0]; p.User() != "app" || p.Name() != "me" || p.Proto() != 3 {
		t.Errorf("user %q, name %q, proto %d", p.User(), p.Name(), p.Proto())
	}
	if n := s.Count("PING"); n != 1 {
		t.Errorf("PING executed %d times, want 1: the refused one does not count", n)
	}
	open := DialServer(t, New(t))
	Talk(t, open, Bulks("AUTH", "x"), Error(errNoPassword))
	Talk(t, open, Bulks("AUTH", "default", "x"), OK)
}

func TestServerWithoutHello(t *testing.T) {
	s := NewWith(t, Options{NoHello: true})
	nc := DialServer(t, s)
	Talk(t, nc, Bulks("HELLO", "3"), "-ERR unknown command 'HELLO', with args beginning with: '3' \r\n")
	s.Configure(func(o *Options) { o.NoHello, o.MaxProto = false, 2 })
	Talk(t, nc, Bulks("HELLO", "3"), Error(errNoProto))
}

func TestSentinelModeAnswersHelloWithSixEntriesAndKnowsNoSelect(t *testing.T) {
	nc := DialServer(t, NewWith(t, Options{Mode: "sentinel"}))
	Talk(t, nc, Bulks("HELLO", "2"), "*12\r\n$6\r\nserver")
	s := NewWith(t, Options{Mode: "sentinel"})
	nc = DialServer(t, s)
	Talk(t, nc, Bulks("SELECT", "0"), UnknownCommand([]string{"SELECT", "0"}))
	Talk(t, nc, Bulks("QUIT"), UnknownCommand([]string{"QUIT"}))
}

func TestHandlersRepliesAndCounters(t *testing.T) {
	leak.Check(t)
	s := New(t)
	s.Handle("client setinfo", func(c *Peer, args []string) { c.Text("OK") })
	s.ReplyOnce("GET", "$1\r\na\r\n", "-LOADING Redis is loading the dataset in memory\r\n")
	s.Reply("GET", "$1\r\nb\r\n")
	nc := DialServer(t, s)
	Talk(t, nc, Bulks("CLIENT", "SETINFO", "LIB-NAME", "x"), OK)
	Talk(t, nc, Bulks("GET", "x")+Bulks("GET", "x")+Bulks("GET", "x"), "$1\r\na\r\n-LOADING Redis is loading the dataset in memory\r\n$1\r\nb\r\n")
	if s.Count("get") != 3 || s.Count("client") != 1 || s.Count("CLIENT SETINFO") != 1 {
		t.Errorf("counts %v", s.Counts())
	}
	calls := s.Calls()
	if len(calls) != 4 || calls[1].String() != "GET x" || !calls[1].Executed || len(s.CallsOf("GET")) != 3 {
		t.Errorf("calls %v", calls)
	}
	s.ResetCalls()
	s.HandleAny(func(c *Peer, args []string) bool { c.Text("any"); return true })
	Talk(t, nc, Bulks("PING"), "+any\r\n")
	if len(s.Calls()) != 1 || s.Count("PING") != 1 {
		t.Errorf("calls %v", s.Calls())
	}
}

func TestProtocolErrorsAreAnsweredRecordedAndEndTheConnection(t *testing.T) {
	leak.Check(t)
	for _, tc := range []struct{ name, send string }{
		{"inline", "PING\r\n"},
		{"empty command", "*0\r\n"},
		{"null command", "*-1\r\n"},
		{"leading zero", "*01\r\n$4\r\nPING\r\n"},
		{"not a bulk", "*1\r\n+PING\r\n"},
		{"null argument", "*1\r\n$-1\r\n"},
		{"no CRLF after the argument", "*1\r\n$4\r\nPINGxx"},
		{"LF only", "*1\n$4\nPING\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewWith(t, Options{AllowProtocolErrors: true})
			nc := DialServer(t, s)
			Talk(t, nc, Bulks("PING")+tc.send, "+PONG\r\n-ERR Protocol error: ")
			_, _ = io.Copy(io.Discard, nc)
			var pe *ProtocolError
			if errs := s.ProtocolErrors(); len(errs) != 1 || !errors.As(errs[0], &pe) {
				t.Errorf("errors %v", errs)
			}
		})
	}
}

func TestNewServerFailsTheTestOfAClientThatBreaksTheProtocol(t *testing.T) {
	f := &leak.Fake{TestName: t.Name()}
	s := New(f)
	nc := DialServer(t, s)
	Talk(t, nc, "hello\r\n", "-ERR Protocol error")
	f.Finish()
	if len(f.Errors) != 1 || !strings.Contains(f.Errors[0], "protocol error") {
		t.Errorf("errors %q", f.Errors)
	}
}

func TestUnauthenticatedClientsHaveSmallLimits(t *testing.T) {
	s := NewWith(t, Options{Password: "pw", AllowProtocolErrors: true})
	nc := DialServer(t, s)
	Talk(t, nc, Bulks("AUTH", strings.Repeat("x", 20000)), "-ERR Protocol error: unauthenticated bulk length\r\n")
	nc = DialServer(t, s)
	Talk(t, nc, Bulks("AUTH", "pw")+Bulks("SET", "k", strings.Repeat("x", 20000)), OK+OK)
}

func TestACommandCutInTheMiddleIsCounted(t *testing.T) {
	s := New(t)
	nc := DialServer(t, s)
	Talk(t, nc, Bulks("PING"), "+PONG\r\n")
	if _, err := io.WriteString(nc, "*2\r\n$3\r\nGET\r\n$5\r\nab"); err != nil {
		t.Fatal(err)
	}
	_ = nc.Close()
	s.WaitFor(t, "truncated", func() bool { return s.Truncated() == 1 && s.Open() == 0 })
	if s.Count("GET") != 0 {
		t.Error("GET was executed")
	}
}

func TestStalledServerLogsButExecutesNothing(t *testing.T) {
	leak.Check(t)
	s := New(t)
	nc := DialServer(t, s)
	Talk(t, nc, Bulks("PING"), "+PONG\r\n")
	s.Stall(true)
	if _, err := io.WriteString(nc, Bulks("INCR", "n")); err != nil {
		t.Fatal(err)
	}
	s.WaitFor(t, "the call", func() bool { return len(s.CallsOf("INCR")) == 1 })
	if s.Count("INCR") != 0 || s.CallsOf("INCR")[0].Executed {
		t.Error("INCR was executed")
	}
	s.Stall(false)
	Talk(t, nc, Bulks("PING", "2"), "$1\r\n2\r\n")
}

func TestServerThatStopsReadingPushesBack(t *testing.T) {
	leak.Check(t)
	s := NewWith(t, Options{ReadBuffer: 1 << 16})
	s.StopReading(true)
	nc := DialServer(t, s)
	big := strings.Repeat(Bulks("ECHO", strings.Repeat("x", 1<<16)), 200)
	Talk(t, nc, Bulks("PING"), "") // at least this one is sent, however late
	_ = nc.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	n, err := io.WriteString(nc, big)
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("wrote %d bytes, %v: nobody pushed back", n, err)
	}
	if len(s.Calls()) != 0 {
		t.Error("something was read")
	}
	s.StopReading(false)
	s.WaitFor(t, "reading again", func() bool { return len(s.Calls()) > 0 })
}

func TestBackpressureStopsReadingUntilTheOutputIsRead(t *testing.T) {
	leak.Check(t)
	run := func(o Options) (executed int) {
		o.ReadBuffer, o.WriteBuffer = 1<<16, 1<<16
		s := NewWith(t, o)
		nc := DialServer(t, s)
		_ = nc.(*net.TCPConn).SetReadBuffer(1 << 16)
		const each = 1 << 16
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = io.WriteString(nc, strings.Repeat(Bulks("ECHO", strings.Repeat("x", each)), 200)) })
		if o.Backpressure {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			_ = leak.WaitUntil(ctx, func() bool { return false })
			cancel()
			executed = s.Count("ECHO")
		} else {
			s.WaitFor(t, "all executed", func() bool { return s.Count("ECHO") == 200 })
			executed = 200
		}
		_, _ = io.CopyN(io.Discard, nc, 200*int64(len(Bulk(strings.Repeat("x", each)))))
		wg.Wait()
		s.WaitFor(t, "all executed", func() bool { return s.Count("ECHO") == 200 })
		return executed
	}
	if n := run(Options{Backpressure: true}); n == 200 {
		t.Error("with back-pressure everything was executed before anything was read")
	}
	run(Options{})
}

func TestEndsOfConnections(t *testing.T) {
	leak.Check(t)
	s := New(t)
	s.Handle("FIN", func(c *Peer, args []string) { c.Text("a"); c.Close() })
	s.Handle("RST", func(c *Peer, args []string) { c.Reset() })
	s.Handle("HALF", func(c *Peer, args []string) { c.Text("a"); c.CloseWrite() })
	s.Handle("CUT", func(c *Peer, args []string) { c.CutAfter(3); c.Bulk("abcdef") })
	s.Handle("GARBAGE", func(c *Peer, args []string) { c.Write("\x15\x03\x01"); c.Close() })

	nc := DialServer(t, s)
	Talk(t, nc, Bulks("FIN"), "+a\r\n")
	ExpectEnd(t, nc, io.EOF)
	nc = DialServer(t, s)
	Talk(t, nc, Bulks("RST"), "")
	ExpectEnd(t, nc, syscall.ECONNRESET)
	nc = DialServer(t, s)
	Talk(t, nc, Bulks("CUT"), "$6\r")
	ExpectEnd(t, nc, io.EOF)
	nc = DialServer(t, s)
	Talk(t, nc, Bulks("GARBAGE"), "\x15\x03\x01")
	ExpectEnd(t, nc, io.EOF)

	nc = DialServer(t, s)
	Talk(t, nc, Bulks("HALF"), "+a\r\n")
	ExpectEnd(t, nc, io.EOF)
	Talk(t, nc, Bulks("INCR", "half"), "")
	s.WaitFor(t, "a command after FIN", func() bool { return s.Count("INCR") == 1 })

	nc = DialServer(t, s)
	Talk(t, nc, Bulks("PING"), "+PONG\r\n")
	s.ResetAll()
	ExpectEnd(t, nc, syscall.ECONNRESET)
	s.WaitFor(t, "no connections", func() bool { return s.Open() == 0 })
}

func TestChunksArriveWithPausesBetween(t *testing.T) {
	leak.Check(t)
	step := make(chan struct{})
	s := NewWith(t, Options{Chunk: 2, ChunkPause: func(stop <-chan struct{}) {
		select {
		case <-step:
		case <-stop:
		}
	}})
	nc := DialServer(t, s)
	Talk(t, nc, Bulks("ECHO", "ab"), "$2")
	_ = nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := nc.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v before the pause was over", n, err)
	}
	_ = nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	for _, want := range []string{"\r\n", "ab", "\r\n"} {
		step <- struct{}{}
		Expect(t, nc, want)
	}
}

func TestRefusedConnectionsAndListeningAgain(t *testing.T) {
	leak.Check(t)
	s := New(t)
	if err := s.StopAccepting(true); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", s.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("got %v", err)
	}
	other, err := net.Listen("tcp", s.Addr()) // has the port for a moment
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(30*time.Millisecond, func() { _ = other.Close() })
	if err := s.StopAccepting(false); err != nil {
		t.Fatal(err)
	}
	Talk(t, DialServer(t, s), Bulks("PING"), "+PONG\r\n")
}

func TestOnConnectSpeaksFirst(t *testing.T) {
	s := New(t)
	s.OnConnect(func(c *Peer) {
		c.Error("ERR max number of clients reached")
		c.Close()
	})
	nc := DialServer(t, s)
	Expect(t, nc, "-ERR max number of clients reached\r\n")
	ExpectEnd(t, nc, io.EOF)
}

func TestPubSubInBothProtocols(t *testing.T) {
	leak.Check(t)
	s := New(t)
	two, three := DialServer(t, s), DialServer(t, s)
	Talk(t, two, Bulks("SUBSCRIBE", "a", "b")+Bulks("PSUBSCRIBE", "n*"), Array(Bulk("subscribe"), Bulk("a"), Int(1))+
		Array(Bulk("subscribe"), Bulk("b"), Int(2))+Array(Bulk("psubscribe"), Bulk("n*"), Int(3)))
	Talk(t, two, Bulks("PING")+Bulks("PING", "hi"), Bulks("pong", "")+Bulks("pong", "hi"))
	Talk(t, two, Bulks("CLIENT", "ID"), "-ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n")
	Talk(t, three, Bulks("HELLO", "3"), "%7\r\n")
	buf := make([]byte, 4096)
	_, _ = three.Read(buf)
	Talk(t, three, Bulks("SUBSCRIBE", "a"), Push(Bulk("subscribe"), Bulk("a"), Int(1)))
	Talk(t, three, Bulks("PING"), "+PONG\r\n")
	Talk(t, three, Bulks("PUBLISH", "a", "m"), Push(Bulk("message"), Bulk("a"), Bulk("m"))+Int(2))
	Expect(t, two, Bulks("message", "a", "m"))
	if n := s.Publish("news", "x"); n != 1 || s.Subscribers("news") != 1 {
		t.Errorf("%d receivers", n)
	}
	Expect(t, two, Bulks("pmessage", "n*", "news", "x"))
	Talk(t, two, Bulks("UNSUBSCRIBE")+Bulks("PUNSUBSCRIBE", "n*")+Bulks("UNSUBSCRIBE"), Array(Bulk("unsubscribe"), Bulk("a"), Int(2))+
		Array(Bulk("unsubscribe"), Bulk("b"), Int(1))+Array(Bulk("punsubscribe"), Bulk("n*"), Int(0))+Array(Bulk("unsubscribe"), NullBulk, Int(0)))
	s.Push("+out of band\r\n")
	Expect(t, two, "+out of band\r\n")
	Expect(t, three, "+out of band\r\n")
}

func TestBlockedHandlersSeeTheClientGo(t *testing.T) {
	leak.Check(t)
	s := New(t)
	blocked, gone := make(chan struct{}), make(chan struct{})
	s.Handle("BLPOP", func(c *Peer, args []string) {
		close(blocked)
		<-c.Done()
		close(gone)
	})
	nc := DialServer(t, s)
	Talk(t, nc, Bulks("BLPOP", "q", "0"), "")
	<-blocked
	_ = nc.Close()
	<-gone
}

func TestServerOverTLSAndUnixSocket(t *testing.T) {
	leak.Check(t)
	pki, err := NewPKI(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := NewWith(t, Options{TLS: pki.Server()})
	tc := tls.Client(DialServer(t, s), pki.Client())
	Talk(t, tc, Bulks("PING"), "+PONG\r\n")
	u := NewWith(t, Options{Network: "unix"})
	Talk(t, DialServer(t, u), Bulks("PING"), "+PONG\r\n")
}

func TestServerInABubbleTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewWith(t, Options{Network: "none"})
		s.Handle("SLOW", func(c *Peer, args []string) {
			if c.Wait(time.Hour) {
				c.Text("done")
			}
		})
		start := time.Now()
		nc, err := s.PipeDial(t.Context(), "tcp", "x:1")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		Talk(t, nc, Bulks("SLOW")+Bulks("PING"), "+done\r\n+PONG\r\n")
		if d := time.Since(start); d != time.Hour {
			t.Errorf("took %v", d)
		}
		if err := s.StopAccepting(true); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PipeDial(t.Context(), "tcp", "x:1"); err == nil {
			t.Error("dialled a server that refuses")
		}
	})
}

func TestGlobsMatchAsInRedis(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"+*", "+sdown", true}, {"[-+]*", "+sdown", true}, {"[-+]*", "-sdown", true},
		{"[+-]*", "+sdown", false}, {"[+-]*", "-sdown", false}, // the trap
		{"h?llo", "hello", true}, {"h?llo", "hllo", false}, {"h[^e]llo", "hello", false}, {"h[a-f]llo", "hello", true},
		{`h\*llo`, "h*llo", true}, {`h\*llo`, "hello", false}, {"a*b*c", "aXbYc", true}, {"a*b*c", "aXbY", false}, {"", "", true}, {"", "x", false},
	} {
		if got := Glob(tc.pattern, tc.s); got != tc.want {
			t.Errorf("globMatch(%q, %q) = %v", tc.pattern, tc.s, got)
		}
	}
}

func TestEachDatabaseHasItsOwnKeys(t *testing.T) {
	leak.Check(t)
	s := New(t)
	a, b := DialServer(t, s), DialServer(t, s)
	Talk(t, b, Bulks("SELECT", "1"), OK)
	Talk(t, a, Bulks("SET", "k", "zero"), OK)
	Talk(t, b, Bulks("GET", "k"), NullBulk)
	Talk(t, b, Bulks("SET", "k", "one"), OK)
	Talk(t, a, Bulks("GET", "k"), Bulk("zero"))
	Talk(t, b, Bulks("FLUSHDB"), OK)
	Talk(t, a, Bulks("EXISTS", "k"), Int(1))
	Talk(t, b, Bulks("EXISTS", "k"), Int(0))
	Talk(t, b, Bulks("FLUSHALL"), OK)
	Talk(t, a, Bulks("DEL", "k"), Int(0))
}
