package testproxy

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// behind returns a proxy before a fake server, and a function to connect.
func behind(t *testing.T) (*Proxy, *testserver.Server, func() net.Conn) {
	t.Helper()
	s := testserver.New(t)
	p := New(t, s.Addr())
	return p, s, func() net.Conn { return testserver.Dial(t, "tcp", p.Addr()) }
}

// silent expects that nothing comes for a while, not even an end.
func silent(t *testing.T, nc net.Conn) {
	t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(80 * time.Millisecond))
	if n, err := nc.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
}

func set(t *testing.T, p *Proxy, m Mode) {
	t.Helper()
	if err := p.Set(m); err != nil {
		t.Fatal(err)
	}
}

func TestProxyPassesAndCounts(t *testing.T) {
	leak.Check(t)
	p, s, connect := behind(t)
	nc := connect()
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+PONG\r\n")
	if p.Accepted() != 1 || p.Open() != 1 || p.Bytes(Up) != int64(len(testserver.Bulks("PING"))) || p.Bytes(Down) != 7 {
		t.Errorf("accepted %d, open %d, up %d, down %d", p.Accepted(), p.Open(), p.Bytes(Up), p.Bytes(Down))
	}
	if head := p.Conns()[0].Head(); string(head) != testserver.Bulks("PING") || p.Conns()[0].Internal() {
		t.Errorf("head %q", head)
	}
	_ = nc.(*net.TCPConn).CloseWrite() // a half close passes
	testserver.ExpectEnd(t, nc, io.EOF)
	s.WaitFor(t, "the end", func() bool { return p.Open() == 0 && s.Open() == 0 })
}

func TestInjectedDataComesBetweenWhatTheOtherSideSends(t *testing.T) {
	leak.Check(t)
	p, _, connect := behind(t)
	nc := connect()
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+PONG\r\n")
	p.Conns()[0].Inject(Down, []byte("+extra\r\n"))
	p.Conns()[0].Inject(Up, []byte(testserver.Bulks("PING")))
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+extra\r\n+PONG\r\n+PONG\r\n")
}

func TestProxyMovesManyBytesBothWays(t *testing.T) {
	leak.Check(t)
	_, _, connect := behind(t)
	nc := connect()
	big := strings.Repeat("x", 1<<20)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 10 {
			_, _ = io.WriteString(nc, testserver.Bulks("ECHO", big))
		}
	})
	for range 10 {
		testserver.Expect(t, nc, testserver.Bulk(big))
	}
	wg.Wait()
}

func TestBlackHoleSwallowsAndResetsWhenItEnds(t *testing.T) {
	leak.Check(t)
	p, s, connect := behind(t)
	for _, m := range []Mode{BlackHole, BlackHoleUp, BlackHoleDown} {
		s.ResetCalls()
		set(t, p, Pass)
		old, idle := connect(), connect()
		testserver.Talk(t, old, testserver.Bulks("PING"), "+PONG\r\n")
		testserver.Talk(t, idle, testserver.Bulks("PING"), "+PONG\r\n")
		set(t, p, m)
		testserver.Talk(t, old, testserver.Bulks("INCR", "n"), "")
		fresh := connect() // accepted
		testserver.Talk(t, fresh, testserver.Bulks("INCR", "n"), "")
		silent(t, old)
		silent(t, fresh)
		if m == BlackHoleDown {
			s.WaitFor(t, "both to be executed", func() bool { return s.Count("INCR") == 2 })
		} else if n := s.Count("INCR"); n != 0 {
			t.Errorf("mode %d: executed %d times", m, n)
		}
		set(t, p, Pass)
		testserver.ExpectEnd(t, old, syscall.ECONNRESET)
		testserver.ExpectEnd(t, fresh, syscall.ECONNRESET)
		testserver.Talk(t, idle, testserver.Bulks("PING"), "+PONG\r\n") // nothing was lost here
	}
}

func TestBlackHoleForwardsNoFin(t *testing.T) {
	leak.Check(t)
	p, s, connect := behind(t)
	nc := connect()
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+PONG\r\n")
	set(t, p, BlackHole)
	s.CloseAll()
	silent(t, nc)
	set(t, p, Pass)
	testserver.ExpectEnd(t, nc, syscall.ECONNRESET)
}

func TestHoldDeliversLater(t *testing.T) {
	leak.Check(t)
	p, s, connect := behind(t)
	nc := connect()
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+PONG\r\n")
	set(t, p, Hold)
	testserver.Talk(t, nc, testserver.Bulks("INCR", "n"), "")
	fresh := connect()
	testserver.Talk(t, fresh, testserver.Bulks("INCR", "n"), "")
	silent(t, nc)
	if s.Count("INCR") != 0 {
		t.Error("delivered")
	}
	set(t, p, Pass)
	one, two := make([]byte, 4), make([]byte, 4)
	_, _ = io.ReadFull(nc, one)
	_, _ = io.ReadFull(fresh, two)
	if got := string(one) + string(two); got != ":1\r\n:2\r\n" && got != ":2\r\n:1\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestRefuseCutAndReset(t *testing.T) {
	leak.Check(t)
	p, s, connect := behind(t)
	nc := connect()
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+PONG\r\n")
	set(t, p, Refuse)
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+PONG\r\n") // open ones live on
	set(t, p, Pass)
	other := connect()
	testserver.Talk(t, other, testserver.Bulks("PING"), "+PONG\r\n")
	p.Conns()[0].Cut()
	testserver.ExpectEnd(t, nc, io.EOF)
	testserver.Talk(t, other, testserver.Bulks("PING"), "+PONG\r\n")
	p.Reset()
	testserver.ExpectEnd(t, other, syscall.ECONNRESET)
	s.WaitFor(t, "the server's side", func() bool { return s.Open() == 0 && p.Open() == 0 })
	_ = s.StopAccepting(true)              // a dead server behind a living proxy
	dead, err := net.Dial("tcp", p.Addr()) // the reset may be as quick as this
	if err != nil {
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
		return
	}
	defer dead.Close()
	testserver.ExpectEnd(t, dead, syscall.ECONNRESET)
}

func TestCutAfterAndCorruptAt(t *testing.T) {
	leak.Check(t)
	p, s, connect := behind(t)
	p.CutAfter(Down, 9)
	nc := connect()
	testserver.Talk(t, nc, testserver.Bulks("PING")+testserver.Bulks("ECHO", "abc"), "+PONG\r\n$3")
	testserver.ExpectEnd(t, nc, io.EOF)
	p.CutAfter(Down, -1)
	p.CutAfter(Up, 20)
	nc = connect()
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+PONG\r\n")
	testserver.Talk(t, nc, testserver.Bulks("PING"), "")
	testserver.ExpectEnd(t, nc, io.EOF)
	s.WaitFor(t, "half a command", func() bool { return s.Truncated() == 1 })
	p.CutAfter(Up, -1)
	p.CorruptAt(Down, 1)
	nc = connect()
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+")
	got := make([]byte, 6)
	_, _ = io.ReadFull(nc, got)
	if got[0] != 'P'^0xff || string(got[1:]) != "ONG\r\n" {
		t.Errorf("got %q", got)
	}
	p.Conns()[len(p.Conns())-1].CorruptAt(Down, 0)
	testserver.Talk(t, nc, testserver.Bulks("PING"), "\xd4PONG\r\n") // '+' inverted
}

func TestDelayIsLatencyNotThroughput(t *testing.T) {
	leak.Check(t)
	p, _, connect := behind(t)
	nc := connect()
	p.SetDelay(30 * time.Millisecond)
	start := time.Now()
	testserver.Talk(t, nc, testserver.Bulks("PING"), "+PONG\r\n")
	if d := time.Since(start); d < 60*time.Millisecond {
		t.Errorf("a round trip took %v", d)
	}
	start = time.Now()
	for range 100 {
		testserver.Talk(t, nc, testserver.Bulks("PING"), "")
	}
	testserver.Expect(t, nc, strings.Repeat("+PONG\r\n", 100))
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("100 pipelined commands took %v", d)
	}
}

func TestASentinelThatConnectsAnewComesThroughAHoleForEverybodyElse(t *testing.T) {
	leak.Check(t)
	p, s, connect := behind(t)
	p.SetFor(BlackHole, (*Conn).External)
	client, sentinel := connect(), connect()
	testserver.Talk(t, sentinel, testserver.Bulks("CLIENT", "SETNAME", "sentinel-abcd-cmd"), "+OK\r\n")
	testserver.Talk(t, client, testserver.Bulks("PING"), "")
	silent(t, client)
	if s.Count("PING") != 0 {
		t.Error("the client came through")
	}
}

func TestModesForSomeConnectionsOnly(t *testing.T) {
	leak.Check(t)
	p, s, connect := behind(t)
	p.SetFor(BlackHole, (*Conn).Internal)
	client, sentinel := connect(), connect()
	testserver.Talk(t, sentinel, testserver.Bulks("CLIENT", "SETNAME", "sentinel-abcd-cmd"), "")
	testserver.Talk(t, client, testserver.Bulks("PING"), "+PONG\r\n")
	silent(t, sentinel)
	if s.Count("CLIENT") != 0 {
		t.Error("the sentinel came through")
	}
	p.SetFor(Pass, nil)
	testserver.ExpectEnd(t, sentinel, syscall.ECONNRESET)
	p.Conns()[0].Set(BlackHoleDown)
	testserver.Talk(t, client, testserver.Bulks("PING"), "")
	silent(t, client)
}

func TestConnectionsOfAProxyForAllAreNobodysLeak(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p, err := StartForAll("127.0.0.1", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	f := &leak.Fake{TestName: t.Name()}
	f.Run(func() {
		leak.Check(f)
		set(t, p, Refuse)
		set(t, p, Pass)
		p.SetFor(BlackHoleDown, func(*Conn) bool { return true }) // the end of the server's side does not end it
		testserver.Talk(t, testserver.Dial(t, "tcp", p.Addr()), testserver.Bulks("PING"), "")
		s.WaitFor(t, "the command", func() bool { return s.Count("PING") == 1 })
		s.CloseAll()
		s.WaitFor(t, "the server's side to end", func() bool { return s.Open() == 0 })
	})
	if len(f.Errors) != 0 {
		t.Errorf("told %q", f.Errors)
	}
}
