package pool

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// On each tick so many of the idle connections are looked at, those first that have
// not been used for longest.
func TestATickLooksAtTheConnectionsThatUseNeverGetsTo(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}, MaxConns: 20})
	defer p.Close()
	if err := lease(p, 20); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.keeper.Stop()
	if m := p.unparkHome(); m != nil {
		p.idle = append(p.idle, m)
	}
	idle := append([]*member(nil), p.idle...)
	p.mu.Unlock()
	s.CloseAll()
	for _, m := range idle {
		s.WaitFor(t, "the end to be seen", func() bool { return m.conn.Alive() != nil })
	}
	for _, want := range []int{20 - peeksPerTick, 0} {
		p.mu.Lock()
		p.sweepLocked()
		left := append([]*member(nil), p.idle...)
		p.mu.Unlock()
		if len(left) != want || want > 0 && left[0] != idle[peeksPerTick] {
			t.Errorf("%d are left of 20, want the last %d", len(left), want)
		}
	}
}

func TestWhenOneConnectionBreaksTheOthersAreLookedAt(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}})
	defer p.Close()
	if err := lease(p, 2); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.keeper.Stop()
	for m := range p.members {
		m.checked.Store(p.suspect.Load())
	}
	suspect := p.suspect.Load()
	p.mu.Unlock()
	if err := p.Ping(t.Context()); err != nil || p.suspect.Load() != suspect {
		t.Errorf("%v; a connection that works makes others suspect", err)
	}
	err := p.WithConn(t.Context(), func(c *conn.Conn) error {
		s.CloseAll()
		s.WaitFor(t, "the lease to break", func() bool {
			_, err := c.Do(t.Context(), resp.NewCommand("PING"))
			return err != nil
		})
		return nil
	})
	if err != nil || p.suspect.Load() == suspect {
		t.Errorf("%v; one has broken, and the others are trusted", err)
	}
	s.WaitFor(t, "the others' end", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for m := range p.members {
			if m.conn.Alive() == nil {
				return false
			}
		}
		return true
	})
	if err := p.Ping(t.Context()); err != nil {
		t.Errorf("a connection was used that has not been looked at: %v", err)
	}
}

func TestALargeReplyIsKnownAlsoWhenItIsReadIntoItsCallersRoom(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}})
	defer p.Close()
	for name, room := range map[string]int{"without room": 0, "with room": 2 * wideSize} {
		for size, want := range map[int]bool{wideSize + 100: true, wideSize - 100: false} {
			s.SetKey(name, strings.Repeat("x", size))
			cmd := resp.NewCommand("GET", resp.String(name))
			p.wide.until.Store(0)
			if room > 0 {
				cmd.SetRoom(make([]byte, room))
			}
			r, err := p.Do(t.Context(), cmd)
			if err != nil {
				t.Fatal(err)
			}
			_, placed := r.Placed()
			r.Release()
			if got := p.wide.has(&cmd, p.clock.Load()); got != want || want && placed != (room > 0) {
				t.Errorf("%s, %d bytes: large %v, placed %v", name, size, got, placed)
			}
		}
	}
}

func TestAReplyOfJustTheLargeSizeIsNotLarge(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}})
	defer p.Close()
	const around = len("$65526\r\n\r\n")
	for more, want := range []bool{false, true} {
		s.SetKey("k", strings.Repeat("x", wideSize-around+more))
		cmd := resp.NewCommand("GET", resp.String("k"))
		r, err := p.Do(t.Context(), cmd)
		if err != nil || len(r.Value) != wideSize+more {
			t.Fatal(len(r.Value), err)
		}
		r.Release()
		if got := p.wide.has(&cmd, p.clock.Load()); got != want {
			t.Errorf("%d bytes beyond: %v", more, got)
		}
	}
}

func TestASecondSharedConnectionIsForMoreThanSoManyCallers(t *testing.T) {
	bubble(t, Options{SharedConns: 2}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		for callers, want := range map[int64]int{1: 1, sharedCrowd: 1, sharedCrowd + 1: 2, 100 * sharedCrowd: 2} {
			used := map[*member]bool{}
			for n := range uint64(10) {
				m, err := p.takeShared(t.Context(), n, callers)
				if err != nil {
					t.Fatal(err)
				}
				used[m] = true
			}
			if len(used) != want {
				t.Errorf("%d callers: %d connections", callers, len(used))
			}
		}
	})
}

func TestTheParkedConnectionIsOneOfThoseThatAreKept(t *testing.T) {
	bubble(t, Options{MaxConns: 4, MaxIdle: 1}, func(t *testing.T, s *testserver.Server, p *Pool) {
		s.Handle("WAIT", func(c *testserver.Peer, args []string) {
			d, _ := time.ParseDuration(args[1])
			c.Wait(d)
			c.Text("OK")
		})
		if err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, d := range []string{"2s", "1s"} { // the first has the one that rests
			go func() {
				if r, err := p.Do(t.Context(), resp.NewCommand("WAIT", resp.String(d))); err == nil {
					r.Release()
				}
			}()
			synctest.Wait()
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if st := p.Stats(); st.Idle != 1 || st.Open != 1 || st.Dials != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestIdleConnectionsThatAreKeptReadyAreNotReplaced(t *testing.T) {
	bubble(t, Options{MinIdle: 3, MaxConns: 10, IdleTime: 10 * time.Second}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		synctest.Wait()
		if st := p.Stats(); st.Idle != 3 || st.Dials != 3 {
			t.Errorf("before its first use: %+v", st)
		}
		if err := lease(p, 6); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before := p.Stats()
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := p.Stats(); before.Idle < 6 || st.Idle != 3 || st.Dials != before.Dials {
			t.Errorf("%+v, from %+v", st, before)
		}
	})
}

func TestDialsAndTheirFailuresAreCounted(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *testserver.Server, p *Pool) {
		if err := lease(p, 3); err != nil {
			t.Fatal(err)
		}
		if st := p.Stats(); st.Dials != 3 || st.DialErrors != 0 || st.LastDialError != nil || st.Leases != 3 {
			t.Errorf("%+v", st)
		}
		_ = s.StopAccepting(true)
		for range 2 {
			if c, err := p.Dial(t.Context()); err == nil {
				t.Errorf("%v", c)
			}
		}
		if st := p.Stats(); st.Dials != 5 || st.DialErrors != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestACallThatIsGivenUpLeavesItsConnectionToTheNext(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *testserver.Server, p *Pool) {
		s.Handle("SLOW", func(c *testserver.Peer, _ []string) {
			c.Wait(time.Second)
			c.Text("late")
		})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := p.Do(ctx, resp.NewCommand("SLOW")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := p.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if n := s.Accepted(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestLoneCallersMakeNoMoreConnectionsThanTheyMay(t *testing.T) {
	bubble(t, Options{SoloConns: 2, SharedConns: 1, MaxConns: 10}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		err := p.WithConn(t.Context(), func(*conn.Conn) error {
			return p.WithConn(t.Context(), func(*conn.Conn) error {
				err := p.Ping(t.Context()) // two are open already
				p.mu.Lock()
				defer p.mu.Unlock()
				if p.open != 2 || len(p.members) != 3 {
					t.Errorf("%d connections, %d of them shared", len(p.members), len(p.members)-p.open)
				}
				return err
			})
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestALargeCallDoesNotWaitForALease(t *testing.T) {
	bubble(t, Options{MaxConns: 1, SoloConns: -1}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		began := time.Now()
		err := p.WithConn(t.Context(), func(*conn.Conn) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r, err := p.Do(ctx, resp.NewCommand("ECHO", resp.String(strings.Repeat("x", 2*wideSize))))
			if err == nil {
				r.Release()
			}
			return err
		})
		if err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestConnectionsWithoutALimitAreKept(t *testing.T) {
	bubble(t, Options{MaxConns: -1}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		for range 2 {
			if err := lease(p, 30); err != nil {
				t.Fatal(err)
			}
		}
		if st := p.Stats(); st.Dials != 30 || st.Idle != 30 {
			t.Errorf("%+v", st)
		}
	})
}

func TestThereAreFourConnectionsForEachProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	if n := (Options{}).withDefaults().MaxConns; n != 32 {
		t.Errorf("%d for 8 processors", n)
	}
	runtime.GOMAXPROCS(2)
	if n := (Options{}).withDefaults().MaxConns; n != DefaultMinConns {
		t.Errorf("%d for 2 processors", n)
	}
}

// A dial that succeeds is no end of the back-off from a server that hangs up then.
func TestAConnectionThatIsMadeDoesNotEndTheBackoffFromHangUps(t *testing.T) {
	var b backoff
	b.after(time.Hour, time.Hour)
	b.connected()
	if b.left() > 0 {
		t.Errorf("wait %v for a server that is there", b.left())
	}
	b.hungUp(time.Hour, time.Hour)
	b.connected()
	if b.left() <= 0 {
		t.Error("no wait for a server that hangs up")
	}
	b.steady()
	if b.left() > 0 {
		t.Errorf("wait %v when a connection has lasted", b.left())
	}
}

func TestWhileDialsFailOneIsMadeAtATime(t *testing.T) {
	for _, test := range []struct{ failures, hangUps, want int }{{0, 0, 4}, {1, 0, 1}, {0, 1, 1}, {3, 3, 1}} {
		b := backoff{failures: test.failures, hangUps: test.hangUps, until: time.Now().Add(time.Hour)}
		if got := b.limit(4); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
		if got := b.left() > 0; got != (test.want == 1) {
			t.Errorf("%+v: wait %v", test, got)
		}
	}
}
