package pool

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// bubble runs f with a pool on a server without a socket.
func bubble(t *testing.T, o Options, f func(t *testing.T, s *testserver.Server, p *Pool)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := testserver.Start(testserver.Options{Network: "none"})
		if err != nil {
			t.Fatal(err)
		}
		o.Conn.Dial = s.PipeDial
		p := New(o)
		defer func() {
			_ = p.Close()
			_ = s.Close()
		}()
		f(t, s, p)
	})
}

func TestABackoffDoublesUpToItsLimitAndIsSpreadByAQuarter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for times, want := range map[int]time.Duration{
			1: time.Millisecond, 2: 2 * time.Millisecond, 4: 8 * time.Millisecond,
			16: 32768 * time.Millisecond, 17: time.Minute, 100: time.Minute,
		} {
			var b backoff
			least, most := time.Hour, time.Duration(0)
			for range 2000 {
				b.pause(times, time.Millisecond, time.Minute)
				left := time.Until(b.until)
				least, most = min(least, left), max(most, left)
			}
			if least < want*3/4 || least > want*8/10 || most > want*5/4 || most < want*12/10 {
				t.Errorf("after %d failures: from %v to %v, want a quarter around %v", times, least, most, want)
			}
		}
	})
}

func TestALongUsedConnectionIsIdleOnlySinceItsLastUse(t *testing.T) {
	for name, o := range map[string]Options{
		"of its own": {IdleTime: time.Minute},
		"shared":     {IdleTime: time.Minute, SoloConns: -1, SharedConns: 1},
	} {
		bubble(t, o, func(t *testing.T, _ *testserver.Server, p *Pool) {
			for range 100 {
				if err := p.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			time.Sleep(40 * time.Second)
			synctest.Wait()
			if st := p.Stats(); st.Closed != 0 || st.Open != 1 {
				t.Errorf("%s: %+v after 40 s without use, with IdleTime a minute", name, st)
			}
			time.Sleep(30 * time.Second)
			synctest.Wait()
			if st := p.Stats(); st.Open != 0 {
				t.Errorf("%s: %+v after 70 s without use", name, st)
			}
		})
	}
}

func TestTheKeeperRestsWhenThereIsNothingToKeep(t *testing.T) {
	bubble(t, Options{IdleTime: 10 * time.Second}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		state := func() (keeping bool, dialled int) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.keeping, len(p.dialled)
		}
		own, err := p.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st := p.Stats(); st.Open != 1 {
			t.Errorf("%+v", st)
		}
		time.Sleep(time.Minute)
		if keeping, n := state(); !keeping || n != 1 {
			t.Errorf("with a connection of somebody's own: keeping %v, %d known", keeping, n)
		}
		own.Abort(ErrClosed)
		time.Sleep(time.Second)
		if keeping, n := state(); keeping || n != 0 {
			t.Errorf("after its end: keeping %v, %d known", keeping, n)
		}
	})
}

func TestConnectionsAreReplacedOnceASecondAtMost(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		readOnly := resp.Value("-READONLY You can't write against a read only replica.\r\n")
		for i, want := range []int64{1, 1, 1, 2, 2} { // every 400 ms
			p.heed(readOnly)
			if n := p.generation.Load(); n != want {
				t.Errorf("after %d refusals: replaced %d times", i+1, n)
			}
			time.Sleep(400 * time.Millisecond)
		}
		time.Sleep(renewInterval - 800*time.Millisecond)
		if p.heed(readOnly); p.generation.Load() != 3 {
			t.Errorf("a second after the last time: replaced %d times", p.generation.Load())
		}
		for _, other := range []string{"+OK\r\n", "-ERR x\r\n", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"} {
			time.Sleep(time.Minute)
			if p.heed(resp.Value(other)); p.generation.Load() != 3 {
				t.Errorf("%q replaces connections", other)
			}
		}
	})
}

func TestNewConnectionsDoNotDelayTheKeeper(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		for range 50 {
			c, err := p.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(keepInterval * 4 / 5)
			c.Abort(ErrClosed)
		}
		if n := p.clock.Load(); n < 39 {
			t.Errorf("%d ticks in the time of 40", n)
		}
	})
}

func TestAConnectionThatLastsEndsTheBackoffFromHangUps(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		if err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		hangUps := func() int {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.backoff.hangUps
		}
		p.mu.Lock()
		p.backoff.hangUps = 5
		p.mu.Unlock()
		time.Sleep(steadyAfter - keepInterval/2)
		if n := hangUps(); n != 5 {
			t.Errorf("%d hang-ups are remembered before a connection has lasted", n)
		}
		time.Sleep(keepInterval / 2)
		synctest.Wait()
		if n := hangUps(); n != 0 {
			t.Errorf("%d hang-ups are still remembered", n)
		}
	})
}

func TestALargeReplyIsRememberedForItsTime(t *testing.T) {
	p := New(Options{})
	defer p.Close()
	first, second := resp.NewCommand("GET", resp.String("a")), resp.NewCommand("GET", resp.String("b"))
	slot := func(cmd *resp.Command) uint64 { return p.wide.hash(cmd) >> tickBits % wideSlots }
	for i := 0; slot(&second) == slot(&first); i++ { // which would be forgotten
		second = resp.NewCommand("GET", resp.Int(int64(i)))
	}
	p.wide.note(&first, 10)
	p.wide.note(&second, 15)
	for tick, want := range map[int64]bool{10: true, 10 + wideMemory - 1: true, 10 + wideMemory: false} {
		if got := p.wide.has(&first, tick); got != want {
			t.Errorf("at tick %d of a note at 10: %v", tick, got)
		}
	}
}

func TestABatchIsLargeByItsCountOrItsBytes(t *testing.T) {
	text := strings.Repeat("x", wideSize)
	for _, test := range []struct {
		cmds, size int
		want       bool
	}{{1, 0, false}, {wideBatch - 1, 0, false}, {wideBatch / 2, 0, false}, {wideBatch, 0, true}, {1, wideSize, true}, {2, wideSize / 4, false}} {
		var b resp.Batch // encoded, as that of a pipeline
		defer b.Free()
		for range test.cmds {
			cmd := resp.NewCommand("PING")
			if test.size > 0 {
				cmd = resp.NewCommand("ECHO", resp.String(text[:test.size]))
			}
			b.Add(&cmd)
		}
		if got := isWideBatch(&b); got != test.want {
			t.Errorf("%d commands of %d bytes: %v", test.cmds, test.size, got)
		}
	}
}

func TestHowManyConnectionsOptionsAllow(t *testing.T) {
	for _, test := range []struct {
		o      Options
		shared int
		parks  bool
	}{
		{Options{}, DefaultSharedConns, true},
		{Options{SharedConns: 3}, 3, true},
		{Options{SharedConns: -1}, 1, true},
		{Options{MaxConns: -1}, DefaultSharedConns, true},
		{Options{MaxConns: 4, MaxIdle: 4}, DefaultSharedConns, true},
		{Options{MaxConns: 4, MaxIdle: 3}, DefaultSharedConns, false},
		{Options{MaxConns: 4, MaxIdle: -1}, DefaultSharedConns, false},
		{Options{MaxConns: -1, MaxIdle: 3}, DefaultSharedConns, false},
	} {
		p := New(test.o)
		if len(p.shared) != test.shared || p.mayPark != test.parks {
			t.Errorf("%+v: %d shared, parks %v; want %d, %v", test.o, len(p.shared), p.mayPark, test.shared, test.parks)
		}
		_ = p.Close()
	}
}

func TestAWaitErrorBlamesTheLimitOnlyWhereLeasesUseItUp(t *testing.T) {
	for _, test := range []struct {
		limit, open, leased int
		want                bool
	}{{1, 1, 1, true}, {1, 1, 0, false}, {2, 1, 1, false}, {-1, 5, 5, false}} {
		e := &WaitError{Limit: test.limit, Open: test.open, Leased: test.leased, Err: conn.ErrStateful}
		if got := strings.Contains(e.Error(), "all are in use"); got != test.want {
			t.Errorf("%+v: %v", test, e)
		}
	}
}

func TestTheShorterOfTwoWaitTimesCounts(t *testing.T) {
	for _, test := range []struct{ option, context, want time.Duration }{
		{0, time.Second, time.Second},
		{-1, time.Second, time.Second},
		{time.Second, time.Minute, time.Second},
		{time.Minute, time.Second, time.Second},
		{time.Minute, 0, 1},
	} {
		p := New(Options{WaitTime: test.option})
		if got := p.waitTime(WithWaitTime(t.Context(), test.context)); got != test.want {
			t.Errorf("%v and %v: %v", test.option, test.context, got)
		}
		_ = p.Close()
	}
}

// A connection that has rested for PeekAfter is looked at before it is used, and one
// that the server has closed meanwhile is not.
func TestAConnectionThatRestedIsLookedAt(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}, PeekAfter: 10 * keepInterval})
	defer p.Close()
	p.clock.Store(1000)
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.keeper.Stop() // it would find it too
	p.mu.Unlock()
	take := func() *member {
		p.mu.Lock()
		defer p.mu.Unlock()
		m := p.popIdleLocked()
		if m != nil {
			p.idle = append(p.idle, m)
		}
		return m
	}
	m := take()
	if m == nil {
		t.Fatal("nothing is idle")
	}
	s.CloseAll()
	s.WaitFor(t, "the server side to close", func() bool { return s.Open() == 0 })
	p.clock.Store(m.used.Load() + 9)
	if take() == nil {
		t.Error("it was looked at before it had rested")
	}
	p.clock.Store(m.used.Load() + 10)
	s.WaitFor(t, "the look to find the end", func() bool { return take() == nil })
}

func TestWhatIsNotAboveTheLargeSizeIsNotLarge(t *testing.T) {
	p := New(Options{})
	defer p.Close()
	of := func(n int) resp.Command {
		return resp.NewCommand("ECHO", resp.String(strings.Repeat("x", n)))
	}
	empty := of(0)
	for more, want := range []bool{false, true} {
		cmd := of(wideSize - empty.Size() + more)
		if cmd.Size() != wideSize+more {
			t.Fatalf("%d bytes", cmd.Size())
		}
		if got := p.isWide(&cmd); got != want {
			t.Errorf("%d bytes beyond: %v", more, got)
		}
	}
}

func TestADialThatFailedIsNotKept(t *testing.T) {
	p := New(Options{Conn: conn.Options{Addr: "127.0.0.1:1"}})
	defer p.Close()
	if c, err := p.Dial(t.Context()); err == nil {
		t.Fatalf("%v", c)
	}
	if st := p.Stats(); len(p.dialled) != 0 || st.Open != 0 {
		t.Errorf("%d kept, %+v", len(p.dialled), st)
	}
}
