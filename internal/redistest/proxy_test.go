package redistest

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// behind returns a proxy before a fake server, and a function to connect.
func behind(t *testing.T) (*Proxy, *Server, func() net.Conn) {
	t.Helper()
	s := NewServer(t)
	p := NewProxy(t, s.Addr())
	return p, s, func() net.Conn { return dial(t, "tcp", p.Addr()) }
}

// silent expects that nothing comes for a while, not even an end.
func silent(t *testing.T, nc net.Conn) {
	t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(80 * time.Millisecond))
	if n, err := nc.Read(make([]byte, 1)); !isTimeout(err) {
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
	NoLeaks(t)
	p, s, connect := behind(t)
	nc := connect()
	talk(t, nc, Bulks("PING"), "+PONG\r\n")
	if p.Accepted() != 1 || p.Open() != 1 || p.Bytes(Up) != int64(len(Bulks("PING"))) || p.Bytes(Down) != 7 {
		t.Errorf("accepted %d, open %d, up %d, down %d", p.Accepted(), p.Open(), p.Bytes(Up), p.Bytes(Down))
	}
	if head := p.Conns()[0].Head(); string(head) != Bulks("PING") || p.Conns()[0].Internal() {
		t.Errorf("head %q", head)
	}
	_ = nc.(*net.TCPConn).CloseWrite() // a half close passes
	expectEnd(t, nc, io.EOF)
	s.WaitFor(t, "the end", func() bool { return p.Open() == 0 && s.Open() == 0 })
}

func TestInjectedDataComesBetweenWhatTheOtherSideSends(t *testing.T) {
	NoLeaks(t)
	p, _, connect := behind(t)
	nc := connect()
	talk(t, nc, Bulks("PING"), "+PONG\r\n")
	p.Conns()[0].Inject(Down, []byte("+extra\r\n"))
	p.Conns()[0].Inject(Up, []byte(Bulks("PING")))
	talk(t, nc, Bulks("PING"), "+extra\r\n+PONG\r\n+PONG\r\n")
}

func TestProxyMovesManyBytesBothWays(t *testing.T) {
	NoLeaks(t)
	_, _, connect := behind(t)
	nc := connect()
	big := strings.Repeat("x", 1<<20)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 10 {
			_, _ = io.WriteString(nc, Bulks("ECHO", big))
		}
	})
	for range 10 {
		expect(t, nc, Bulk(big))
	}
	wg.Wait()
}

func TestBlackHoleSwallowsAndResetsWhenItEnds(t *testing.T) {
	NoLeaks(t)
	p, s, connect := behind(t)
	for _, m := range []Mode{BlackHole, BlackHoleUp, BlackHoleDown} {
		s.ResetCalls()
		set(t, p, Pass)
		old, idle := connect(), connect()
		talk(t, old, Bulks("PING"), "+PONG\r\n")
		talk(t, idle, Bulks("PING"), "+PONG\r\n")
		set(t, p, m)
		talk(t, old, Bulks("INCR", "n"), "")
		fresh := connect() // accepted
		talk(t, fresh, Bulks("INCR", "n"), "")
		silent(t, old)
		silent(t, fresh)
		if m == BlackHoleDown {
			s.WaitFor(t, "both to be executed", func() bool { return s.Count("INCR") == 2 })
		} else if n := s.Count("INCR"); n != 0 {
			t.Errorf("mode %d: executed %d times", m, n)
		}
		set(t, p, Pass)
		expectEnd(t, old, syscall.ECONNRESET)
		expectEnd(t, fresh, syscall.ECONNRESET)
		talk(t, idle, Bulks("PING"), "+PONG\r\n") // nothing was lost here
	}
}

func TestBlackHoleForwardsNoFin(t *testing.T) {
	NoLeaks(t)
	p, s, connect := behind(t)
	nc := connect()
	talk(t, nc, Bulks("PING"), "+PONG\r\n")
	set(t, p, BlackHole)
	s.CloseAll()
	silent(t, nc)
	set(t, p, Pass)
	expectEnd(t, nc, syscall.ECONNRESET)
}

func TestHoldDeliversLater(t *testing.T) {
	NoLeaks(t)
	p, s, connect := behind(t)
	nc := connect()
	talk(t, nc, Bulks("PING"), "+PONG\r\n")
	set(t, p, Hold)
	talk(t, nc, Bulks("INCR", "n"), "")
	fresh := connect()
	talk(t, fresh, Bulks("INCR", "n"), "")
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
	NoLeaks(t)
	p, s, connect := behind(t)
	nc := connect()
	talk(t, nc, Bulks("PING"), "+PONG\r\n")
	set(t, p, Refuse)
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
	talk(t, nc, Bulks("PING"), "+PONG\r\n") // open ones live on
	set(t, p, Pass)
	other := connect()
	talk(t, other, Bulks("PING"), "+PONG\r\n")
	p.Conns()[0].Cut()
	expectEnd(t, nc, io.EOF)
	talk(t, other, Bulks("PING"), "+PONG\r\n")
	p.Reset()
	expectEnd(t, other, syscall.ECONNRESET)
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
	expectEnd(t, dead, syscall.ECONNRESET)
}

func TestCutAfterAndCorruptAt(t *testing.T) {
	NoLeaks(t)
	p, s, connect := behind(t)
	p.CutAfter(Down, 9)
	nc := connect()
	talk(t, nc, Bulks("PING")+Bulks("ECHO", "abc"), "+PONG\r\n$3")
	expectEnd(t, nc, io.EOF)
	p.CutAfter(Down, -1)
	p.CutAfter(Up, 20)
	nc = connect()
	talk(t, nc, Bulks("PING"), "+PONG\r\n")
	talk(t, nc, Bulks("PING"), "")
	expectEnd(t, nc, io.EOF)
	s.WaitFor(t, "half a command", func() bool { return s.Truncated() == 1 })
	p.CutAfter(Up, -1)
	p.CorruptAt(Down, 1)
	nc = connect()
	talk(t, nc, Bulks("PING"), "+")
	got := make([]byte, 6)
	_, _ = io.ReadFull(nc, got)
	if got[0] != 'P'^0xff || string(got[1:]) != "ONG\r\n" {
		t.Errorf("got %q", got)
	}
	p.Conns()[len(p.Conns())-1].CorruptAt(Down, 0)
	talk(t, nc, Bulks("PING"), "\xd4PONG\r\n") // '+' inverted
}

func TestDelayIsLatencyNotThroughput(t *testing.T) {
	NoLeaks(t)
	p, _, connect := behind(t)
	nc := connect()
	p.SetDelay(30 * time.Millisecond)
	start := time.Now()
	talk(t, nc, Bulks("PING"), "+PONG\r\n")
	if d := time.Since(start); d < 60*time.Millisecond {
		t.Errorf("a round trip took %v", d)
	}
	start = time.Now()
	for range 100 {
		talk(t, nc, Bulks("PING"), "")
	}
	expect(t, nc, strings.Repeat("+PONG\r\n", 100))
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("100 pipelined commands took %v", d)
	}
}

func TestModesForSomeConnectionsOnly(t *testing.T) {
	NoLeaks(t)
	p, s, connect := behind(t)
	p.SetFor(BlackHole, (*ProxyConn).Internal)
	client, sentinel := connect(), connect()
	talk(t, sentinel, Bulks("CLIENT", "SETNAME", "sentinel-abcd-cmd"), "")
	talk(t, client, Bulks("PING"), "+PONG\r\n")
	silent(t, sentinel)
	if s.Count("CLIENT") != 0 {
		t.Error("the sentinel came through")
	}
	p.SetFor(Pass, nil)
	expectEnd(t, sentinel, syscall.ECONNRESET)
	p.Conns()[0].Set(BlackHoleDown)
	talk(t, client, Bulks("PING"), "")
	silent(t, client)
}
