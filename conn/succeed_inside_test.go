package conn

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// succession is a connection whose callers come one after the other, alone.
type succession struct {
	*wire
	t    *testing.T
	peer net.Conn
	in   *bufio.Reader
}

func newSuccession(t *testing.T, o Options) *succession {
	t.Helper()
	mine, theirs := net.Pipe()
	s := &succession{wrap(mine, o.withDefaults()), t, theirs, bufio.NewReaderSize(theirs, 16)}
	_ = theirs.SetDeadline(time.Now().Add(30 * time.Second))
	t.Cleanup(func() {
		_ = s.Close()
		_ = theirs.Close()
	})
	s.precede()
	return s
}

// precede has calls before those of the test, until the succession has begun: with the
// second, if no tick comes between.
func (s *succession) precede() {
	s.t.Helper()
	s.until(func() bool {
		done := s.ask(context.Background(), "BEFORE")
		s.gets("BEFORE")
		s.says("+BEFORE\r\n")
		if got := <-done; got != "BEFORE" {
			s.t.Fatal(got)
		}
		return s.state() == soloAnswered
	})
}

// state is where the succession is: whatever takes the lock, as Err does, ends it.
func (s *succession) state() uint32 { return atomic.LoadUint32(&s.solo) }

// ask sends a command, and the text of its reply, or the error.
func (s *succession) ask(ctx context.Context, name string, args ...resp.Arg) <-chan string {
	done := make(chan string, 1)
	go func() {
		cmd := resp.NewCommand(name, args...)
		r, err := s.Exchange(ctx, &cmd)
		if err != nil {
			done <- "failed: " + err.Error()
			return
		}
		text := string(r.Value)
		if p, err := r.Bytes(); err == nil {
			text = string(p)
		}
		r.Release()
		done <- text
	}()
	return done
}

func (s *succession) gets(name string, args ...resp.Arg) {
	s.t.Helper()
	cmd := resp.NewCommand(name, args...)
	want := string(cmd.AppendTo(nil))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(s.in, got); err != nil || string(got) != want {
		s.t.Fatalf("the peer got %q, %v instead of %q", got, err, want)
	}
}

func (s *succession) says(bytes string) {
	s.t.Helper()
	if _, err := io.WriteString(s.peer, bytes); err != nil {
		s.t.Fatal(err)
	}
}

func (s *succession) until(ready func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ready(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("it does not come to that")
		}
	}
}

func TestLoneCallersSucceedEachOtherWhateverTheReply(t *testing.T) {
	s := newSuccession(t, Options{})
	long := strings.Repeat("x", 3000)
	for _, test := range []struct{ reply, text string }{
		{"$3\r\nabc\r\n", "abc"},
		{"$-1\r\n", "$-1\r\n"},
		{"-ERR no\r\n", "-ERR no\r\n"},
		{":7\r\n", "7"},
		{"*2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:2\r\n"},
		{"$3000\r\n" + long + "\r\n", long},
		{">2\r\n+hello\r\n+x\r\n+OK\r\n", "OK"},
		{"|1\r\n+a\r\n+b\r\n+OK\r\n", "OK"},
	} {
		for cut := range min(len(test.reply), 20) { // in one piece, and in two
			done := s.ask(context.Background(), "GET", resp.String("k"))
			s.gets("GET", resp.String("k"))
			if cut > 0 {
				s.says(test.reply[:cut])
			}
			s.says(test.reply[cut:])
			if got := <-done; got != test.text {
				t.Fatalf("%q cut at %d: %q", test.reply, cut, got)
			}
		}
		s.precede()
	}
}

func TestCommandsOfAllSizesAreWrittenInSuccession(t *testing.T) {
	s := newSuccession(t, Options{})
	for _, n := range []int{0, 10, 99, 100, 5000, guardSize - 100, guardSize + 1, 2 * bigArg} {
		value := resp.String(strings.Repeat("v", n))
		for range 3 {
			done := s.ask(context.Background(), "SET", value)
			s.gets("SET", value)
			s.says("+OK\r\n")
			if got := <-done; got != "OK" {
				t.Fatal(n, got)
			}
		}
		if n > guardSize && s.state() != soloNone {
			t.Errorf("%d bytes: it is at %d", n, s.state())
		}
		s.precede()
	}
}

// Who comes while the write of a lone caller lasts leaves the writing to it; who comes
// after it writes; and all get their own replies.
func TestOneWhoComesToALoneCallerInSuccessionGetsHisReply(t *testing.T) {
	s := newSuccession(t, Options{})
	for range 100 {
		first := s.ask(context.Background(), "AAAA")
		if _, err := s.in.Peek(1); err != nil {
			t.Fatal(err)
		}
		second := s.ask(context.Background(), "BBBB")
		s.until(func() bool { return s.state() == soloNone && s.InFlight() == 2 })
		s.gets("AAAA")
		s.gets("BBBB")
		s.says("+AAAA\r\n+BBBB\r\n")
		if a, b := <-first, <-second; a != "AAAA" || b != "BBBB" {
			t.Fatal(a, b)
		}
		s.precede()
		first = s.ask(context.Background(), "AAAA")
		s.gets("AAAA")
		s.until(func() bool { return s.state() != soloWrites })
		second = s.ask(context.Background(), "BBBB")
		s.gets("BBBB")
		s.says("+AAAA\r\n+BBBB\r\n")
		if a, b := <-first, <-second; a != "AAAA" || b != "BBBB" {
			t.Fatal(a, b)
		}
		s.precede()
	}
}

// A reply that is whole belongs to its caller also when somebody came while it was read.
func TestAReplyIsItsCallersThoughTheSuccessionEnds(t *testing.T) {
	s := newSuccession(t, Options{})
	for range 50 {
		done := s.ask(context.Background(), "AAAA")
		s.gets("AAAA")
		s.until(func() bool { return s.state() != soloWrites })
		if n := s.InFlight(); n != 1 {
			t.Fatalf("%d in flight", n)
		}
		_ = s.Err()
		s.says("+AAAA\r\n")
		if got := <-done; got != "AAAA" {
			t.Fatal(got)
		}
		if n := s.InFlight(); n != 0 {
			t.Fatalf("%d in flight", n)
		}
		s.precede()
		if n := s.InFlight(); n != 0 {
			t.Fatalf("%d in flight when it has been answered", n)
		}
		if _ = s.Err(); s.InFlight() != 0 {
			t.Fatal("it is in flight when the succession has ended")
		}
		if s.wire.succession.Load() {
			t.Fatal("the next caller takes the lock for nothing")
		}
		s.precede()
	}
}

// A reply that is kept is not touched by the calls that follow.
func TestAReplyThatIsKeptStaysAsItIsInSuccession(t *testing.T) {
	s := newSuccession(t, Options{})
	cmd := resp.NewCommand("GET")
	exchange := func(text string) resp.Reply {
		t.Helper()
		go func() {
			s.gets("GET")
			s.says("+" + text + "\r\n")
		}()
		r, err := s.Exchange(context.Background(), &cmd)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := exchange("first")
	second := exchange("second")
	third := exchange("third")
	for want, r := range map[string]resp.Reply{"+first\r\n": first, "+second\r\n": second, "+third\r\n": third} {
		if string(r.Value) != want {
			t.Errorf("%q became %q", want, r.Value)
		}
		r.Release()
	}
	s.precede()
}

func TestWhatNobodyAskedForBreaksASuccession(t *testing.T) {
	s := newSuccession(t, Options{})
	done := s.ask(context.Background(), "AAAA")
	s.gets("AAAA")
	s.says("+AAAA\r\n+MORE\r\n")
	if got := <-done; got != "AAAA" && !strings.Contains(got, errUnasked.Error()) {
		t.Error(got)
	}
	s.until(s.Broken)

	s = newSuccession(t, Options{})
	done = s.ask(context.Background(), "AAAA")
	s.gets("AAAA")
	s.says("$1x\r\n")
	if got := <-done; !strings.Contains(got, "malformed") {
		t.Error(got)
	}
}

func TestALoneCallerInSuccessionLeavesWhenItsContextEnds(t *testing.T) {
	s := newSuccession(t, Options{})
	for _, wrote := range []bool{false, true} {
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			done := s.ask(ctx, "AAAA")
			if wrote {
				s.gets("AAAA")
				s.until(func() bool { return s.state() != soloWrites })
			}
			cancel()
			if got := <-done; !strings.Contains(got, context.Canceled.Error()) {
				t.Fatal(got)
			}
			if !wrote {
				s = newSuccession(t, Options{}) // half a command may have been written
				continue
			}
			next := s.ask(context.Background(), "BBBB")
			s.gets("BBBB")
			s.says("+AAAA\r\n+BBBB\r\n")
			if got := <-next; got != "BBBB" {
				t.Fatal(got)
			}
			s.precede()
		}
	}
}

func TestALoneCallerInSuccessionIsToldWhatBreaks(t *testing.T) {
	for name, end := range map[string]func(s *succession){
		"the peer closes": func(s *succession) { _ = s.peer.Close() },
		"it is aborted":   func(s *succession) { s.Abort(errors.New("the end")) },
		"no reply comes":  func(*succession) {},
	} {
		s := newSuccession(t, Options{ReadTimeout: 200 * time.Millisecond})
		done := s.ask(context.Background(), "AAAA")
		s.gets("AAAA")
		s.until(func() bool { return s.state() != soloWrites })
		end(s)
		want := map[string]string{"the peer closes": "EOF", "it is aborted": "the end", "no reply comes": "read timeout"}[name]
		if got := <-done; !strings.Contains(got, want) || !strings.Contains(got, "failed") {
			t.Errorf("%s: %s", name, got)
		}
		if got := <-s.ask(context.Background(), "BBBB"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What is known of a crowd wears off with each write of a lone caller.
func TestASuccessionForgetsACrowd(t *testing.T) {
	s := newSuccession(t, Options{})
	s.lock()
	s.gathering.peak = 64
	s.mu.Unlock()
	for range 60 {
		s.precede()
	}
	s.lock()
	defer s.mu.Unlock()
	if s.gathering.peak > 1 {
		t.Errorf("a crowd of %d", s.gathering.peak)
	}
}

// A call is used again, whether it stays with its connection, is not released before the
// next lone caller comes, or goes the way of all others in the end.
func TestCallsOfASuccessionAreUsedAgain(t *testing.T) {
	const rounds = 200
	long := "$2000\r\n" + strings.Repeat("x", 2000) + "\r\n"
	for name, replies := range map[string][]string{
		"short":            {"+OK\r\n"},
		"short and long":   {"+OK\r\n", long, "+OK\r\n"},
		"looked at":        {"+OK\r\n", "+OK\r\n", "look"},
		"kept for a while": {"+OK\r\n", "keep", "+OK\r\n"},
	} {
		s := newSuccession(t, Options{})
		made := 0
		s.calls.New = func() any {
			made++
			return nil
		}
		cmd := resp.NewCommand("GET")
		var kept resp.Reply
		for range rounds {
			for _, reply := range replies {
				if reply == "look" {
					_ = s.Err()
					continue
				}
				keep := reply == "keep"
				if keep {
					reply = "+KEPT\r\n"
				}
				go func() {
					s.gets("GET")
					s.says(reply)
				}()
				r, err := s.Exchange(context.Background(), &cmd)
				if err != nil || string(r.Value) != reply {
					t.Fatalf("%q, %v", r.Value, err)
				}
				if keep {
					kept = r
					continue
				}
				r.Release()
				if kept.Value != nil {
					if string(kept.Value) != "+KEPT\r\n" {
						t.Fatalf("what was kept became %q", kept.Value)
					}
					kept.Release()
					kept = resp.Reply{}
				}
			}
		}
		if made > rounds*3/4 { // the race detector has some forgotten
			t.Errorf("%s: %d calls for %d rounds", name, made, rounds)
		}
	}
}
