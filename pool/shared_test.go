package pool

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestASharedConnectionThatBrokeFailsNoLaterCall(t *testing.T) {
	bubble(t, Options{SoloConns: -1, SharedConns: 1}, func(t *testing.T, s *testserver.Server, p *Pool) {
		s.Handle("LAST", func(c *testserver.Peer, _ []string) { c.Close() })
		for i := range 3 {
			if err := p.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second) // it has lasted
			if _, err := p.Do(t.Context(), resp.NewCommand("LAST")); err == nil {
				t.Fatal("no error")
			}
			var wg sync.WaitGroup
			for range 8 { // at the same tick of the pool's clock
				wg.Go(func() {
					if err := p.Ping(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			synctest.Wait()
			if st := p.Stats(); st.Open != 1 || st.Closed != uint64(i+1) || s.Accepted() != i+2 {
				t.Errorf("%d connections were made, %+v", s.Accepted(), st)
			}
		}
	})
}

// With PeekAfter, or when another one has broken; not when it was used a moment ago.
func TestASharedConnectionThatRestedIsLookedAt(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}, SharedConns: 1, PeekAfter: 10 * keepInterval})
	defer p.Close()
	take := func() *member {
		m, err := p.takeShared(t.Context(), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	take()
	p.mu.Lock()
	p.keeper.Stop()
	p.mu.Unlock()
	for name, begin := range map[string]func(){
		"rested":             func() { p.clock.Add(10) },
		"another one broke":  func() { p.suspect.Add(1) },
		"both":               func() { p.clock.Add(10); p.suspect.Add(1) },
		"rested, then broke": func() { p.clock.Add(9); take(); p.suspect.Add(1) },
	} {
		m := take()
		s.CloseAll()
		s.WaitFor(t, "the end to be seen", func() bool { return m.conn.Alive() != nil })
		p.clock.Add(9)
		if take() != m {
			t.Errorf("%s: it was looked at before", name)
		}
		begin()
		suspect := p.suspect.Load()
		if take() == m {
			t.Errorf("%s: it was used although the server has closed it", name)
		}
		if p.suspect.Load() == suspect {
			t.Errorf("%s: the others are still trusted", name)
		}
	}
	p.work.Wait()
	if st := p.Stats(); st.Open != 1 {
		t.Errorf("%+v", st)
	}
}

// What broke it may have broken them too. A lease's first command would fail.
func TestWhenASharedConnectionBreaksTheIdleOnesAreLookedAt(t *testing.T) {
	s := testserver.New(t)
	p := New(Options{Conn: conn.Options{Addr: s.Addr()}, SoloConns: -1, PeekAfter: -1})
	defer p.Close()
	if err := lease(p, 2); err != nil {
		t.Fatal(err)
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.keeper.Stop()
	for m := range p.members {
		m.born = m.born.Add(-time.Hour) // no hang-up
	}
	members := p.members
	p.mu.Unlock()
	s.CloseAll()
	for m := range members {
		s.WaitFor(t, "the end to be seen", func() bool { return m.conn.Alive() != nil })
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := p.WithConn(t.Context(), func(c *conn.Conn) error {
			r, err := c.Do(t.Context(), resp.NewCommand("PING"))
			r.Release()
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestConnectionsAreKeptForEverWhereNoIdleTimeIsSet(t *testing.T) {
	bubble(t, Options{IdleTime: -1, SharedConns: 1}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		if _, err := p.takeShared(t.Context(), 0, 1); err != nil {
			t.Fatal(err)
		}
		if err := lease(p, 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if st := p.Stats(); st.Open != 3 || st.Closed != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// Each by its own use, whether or not those before it are there.
func TestUnusedSharedConnectionsAreClosedAndUsedOnesKept(t *testing.T) {
	bubble(t, Options{IdleTime: 10 * time.Second, SharedConns: 4}, func(t *testing.T, s *testserver.Server, p *Pool) {
		const all = 4 * sharedCrowd
		take := func(n uint64) {
			if _, err := p.takeShared(t.Context(), n, all); err != nil {
				t.Fatal(err)
			}
		}
		for n := range uint64(3) {
			take(n + 1) // not the first
		}
		for range 30 {
			take(2)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if st := p.Stats(); st.Open != 1 || st.Closed != 2 || p.shared[2].member.Load() == nil {
			t.Errorf("with one in use: %+v", st)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if st := p.Stats(); st.Open != 0 || s.Open() != 0 || len(p.retired) != 0 {
			t.Errorf("without use: %+v, %d on the server, %d retired", st, s.Open(), len(p.retired))
		}
	})
}

// Some end earlier than others: none is closed before its last reply, and each is then.
func TestSharedConnectionsThatLostTheirPlaceAreClosedWhenTheirCallsHaveEnded(t *testing.T) {
	o := Options{SoloConns: -1, SharedConns: 1}
	o.Conn.ReadTimeout = 5 * time.Minute
	bubble(t, o, func(t *testing.T, s *testserver.Server, p *Pool) {
		s.Handle("WAIT", func(c *testserver.Peer, args []string) {
			d, _ := time.ParseDuration(args[1])
			c.Wait(d)
			c.Text("OK")
		})
		began := time.Now()
		var wg sync.WaitGroup
		for _, d := range []string{"30s", "10s", "50s", "20s"} {
			wg.Go(func() {
				r, err := p.Do(t.Context(), resp.NewCommand("WAIT", resp.String(d)))
				if err != nil {
					t.Error(d, err)
				}
				r.Release()
			})
			synctest.Wait()
			p.Renew() // the next has another connection
		}
		for _, test := range []struct{ at, open int }{{9, 4}, {12, 3}, {19, 3}, {22, 2}, {29, 2}, {32, 1}, {49, 1}, {52, 0}} {
			time.Sleep(time.Until(began.Add(time.Duration(test.at) * time.Second)))
			synctest.Wait()
			if st := p.Stats(); st.Open != test.open {
				t.Errorf("after %d s: %+v, want %d open", test.at, st, test.open)
			}
		}
		wg.Wait()
		if len(p.retired) != 0 {
			t.Errorf("%d are remembered", len(p.retired))
		}
	})
}

// One who has picked a connection may be about to send.
func TestASharedConnectionStaysForAMomentWhenItHasLostItsPlace(t *testing.T) {
	bubble(t, Options{SharedConns: 1}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		time.Sleep(time.Hour)
		m, err := p.takeShared(t.Context(), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute + keepInterval/4) // between two ticks
		p.Renew()
		time.Sleep((retireTicks-1)*keepInterval + keepInterval/2)
		synctest.Wait()
		if m.conn.Broken() {
			t.Error("it was closed at once")
		}
		time.Sleep(keepInterval)
		synctest.Wait()
		if !m.conn.Broken() || !errors.Is(m.conn.Err(), errExpired) {
			t.Errorf("it is still there: %v", m.conn.Err())
		}
	})
}

// Many find at the same time that a connection is of no use; some of them only when
// another has taken its place.
func TestWhoFindsASharedConnectionOfNoUseLateLeavesTheNextInItsPlace(t *testing.T) {
	bubble(t, Options{SharedConns: 1}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		take := func() *member {
			m, err := p.takeShared(t.Context(), 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		first := take()
		first.conn.Abort(errors.New("enough"))
		second := take()
		p.drop(&p.shared[0], first)
		p.mu.Lock()
		p.retireLocked(&p.shared[0], first)
		p.mu.Unlock()
		time.Sleep(10 * time.Second)
		if third := take(); third != second || third.conn.Broken() {
			t.Error("its place was taken from it")
		}
		synctest.Wait()
		if st := p.Stats(); st.Open != 1 || st.Closed != 1 || len(p.retired) != 0 {
			t.Errorf("%+v, %d retired", st, len(p.retired))
		}
	})
}

func TestAPlaceThatWasFilledMeanwhileIsNotFilledTwiceAndCanBeFilledAgain(t *testing.T) {
	bubble(t, Options{SharedConns: 1}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		for range 2 {
			m, err := p.takeShared(t.Context(), 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			if f := p.beginFill(&p.shared[0]); f != nil {
				t.Error("another one is on its way")
			}
			synctest.Wait()
			m.conn.Abort(errors.New("enough"))
		}
		if st := p.Stats(); st.Dials != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestNobodyWaitsForASharedConnectionOfAClosedPool(t *testing.T) {
	bubble(t, Options{SharedConns: 1}, func(t *testing.T, _ *testserver.Server, p *Pool) {
		_ = p.Close()
		for range 2 { // as those do who have not heard of it yet
			if _, err := p.takeShared(t.Context(), 0, 1); !errors.Is(err, ErrClosed) || conn.ClassOf(err) != conn.ClassNotSent {
				t.Error(err)
			}
		}
	})
}
