package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// inBubble runs f with a server without a socket, in a bubble of synctest.
func inBubble(t *testing.T, o pool.Options, f func(t *testing.T, s *testserver.Server, p *pool.Pool)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := testserver.Start(testserver.Options{Network: "none"})
		if err != nil {
			t.Fatal(err)
		}
		o.Conn.Dial = s.PipeDial
		p := pool.New(o)
		defer func() {
			_ = p.Close()
			_ = s.Close()
		}()
		f(t, s, p)
	})
}

// burstInBubble runs n calls that are all in flight before the first is answered.
func burstInBubble(t *testing.T, s *testserver.Server, p *pool.Pool, n int) {
	t.Helper()
	s.StopReading(true)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		burst(t, p, n)
	}()
	synctest.Wait()
	s.StopReading(false)
	<-ended
}

// burst runs n calls at the same time.
func burst(t *testing.T, p *pool.Pool, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := echo(t.Context(), p, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestUnusedConnectionsAreClosedAfterTheIdleTime(t *testing.T) {
	inBubble(t, pool.Options{IdleTime: time.Minute, MinIdle: 1}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		burstInBubble(t, s, p, 40)
		synctest.Wait()
		before := p.Stats().Open
		if before < 3 {
			t.Fatalf("%d connections", before)
		}
		time.Sleep(50 * time.Second)
		if got := p.Stats().Open; got != before {
			t.Errorf("%d connections of %d before their time", got, before)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if st := p.Stats(); st.Open != 1 || st.Idle != 1 || s.Open() != 1 {
			t.Errorf("after it: %+v, %d on the server", st, s.Open())
		}
		burstInBubble(t, s, p, 40)
	})
}

func TestConnectionsOlderThanTheirLifetimeAreReplacedWithoutAnError(t *testing.T) {
	inBubble(t, pool.Options{MaxLifetime: time.Minute, SoloConns: 2}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		for range 70 {
			burstInBubble(t, s, p, 16)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		st := p.Stats()
		if st.Closed == 0 || st.Dials < 2*uint64(st.Open) {
			t.Errorf("nothing was replaced: %+v", st)
		}
		oldest := s.Peers()[0]
		for _, c := range s.Peers() {
			if c.ID() < oldest.ID() {
				oldest = c
			}
		}
		if oldest.ID() <= 2 {
			t.Errorf("connection %d is still in use", oldest.ID())
		}
	})
}

func TestLifetimesAreSpread(t *testing.T) {
	inBubble(t, pool.Options{MaxLifetime: 100 * time.Second, MinIdle: 8}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		time.Sleep(89 * time.Second)
		synctest.Wait()
		if n := p.Stats().Closed; n != 0 {
			t.Errorf("%d closed before nine tenths of their lives", n)
		}
		most, last := uint64(0), uint64(0)
		for range 24 {
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			n := p.Stats().Closed
			most, last = max(most, n-last), n
		}
		if last < 8 || most > 5 {
			t.Errorf("%d closed, at most %d at a time", last, most)
		}
	})
}

func TestDialsToADeadServerAreSpacedOut(t *testing.T) {
	inBubble(t, pool.Options{}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		if err := s.StopAccepting(true); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				for ctx.Err() == nil {
					var err error
					if i%2 == 0 {
						err = p.Ping(ctx)
					} else {
						err = p.WithConn(ctx, func(*conn.Conn) error { return nil })
					}
					if conn.ClassOf(err) != conn.ClassNotSent {
						t.Errorf("class %v of %v", conn.ClassOf(err), err)
					}
				}
			})
		}
		wg.Wait()
		if n := p.Stats().Dials; n < 5 || n > 30 {
			t.Errorf("%d dials of 1000 callers in 10 seconds", n)
		}
		if err := s.StopAccepting(false); err != nil {
			t.Fatal(err)
		}
		if err := p.Ping(t.Context()); err != nil { // waits for the next dial
			t.Error(err)
		}
	})
}

func TestMaxIdleBoundsWhatIsKept(t *testing.T) {
	for _, test := range []struct{ max, kept int }{{2, 2}, {-1, 0}, {0, 4}} {
		leak.Check(t)
		s := testserver.New(t)
		p := open(t, s, pool.Options{MaxIdle: test.max, MaxConns: 4})
		var wg sync.WaitGroup
		inside := make(chan struct{}, 4)
		leave := make(chan struct{})
		for range 4 {
			wg.Go(func() {
				_ = p.WithConn(t.Context(), func(*conn.Conn) error { inside <- struct{}{}; <-leave; return nil })
			})
		}
		for range 4 {
			<-inside
		}
		close(leave)
		wg.Wait()
		if got := p.Stats().Idle; got != test.kept {
			t.Errorf("MaxIdle %d keeps %d", test.max, got)
		}
	}
}

func TestASharedConnectionDoesNotUseUpTheLimit(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	hold := make(chan struct{})
	var dials atomic.Int64
	p := open(t, s, pool.Options{MaxConns: 1, SoloConns: -1, SharedConns: 1, Conn: conn.Options{
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 2 {
				<-hold
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}})
	ended := make(chan error, 1)
	err := p.WithConn(t.Context(), func(*conn.Conn) error {
		go func() { ended <- echo(t.Context(), p, "shared") }()
		s.WaitFor(t, "a dial for the shared connection", func() bool { return dials.Load() == 2 })
		return nil // the lease becomes the shared one
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	close(hold)
	for range 3 {
		if err := p.WithConn(t.Context(), func(*conn.Conn) error { return echo(t.Context(), p, "beside a lease") }); err != nil {
			t.Fatal(err)
		}
	}
	s.WaitFor(t, "two connections to be left", func() bool { st := p.Stats(); return st.Open == 2 && st.Idle == 1 && st.Dialing == 0 })
	err = p.WithConn(t.Context(), func(*conn.Conn) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return p.WithConn(ctx, func(*conn.Conn) error { return nil })
	})
	if full, ok := errors.AsType[*pool.WaitError](err); !ok || full.Leased != 1 || full.Open != 1 {
		t.Errorf("a second lease: %v", err)
	}
}

func TestCloseWakesEverybodyWhoWaits(t *testing.T) {
	leak.CheckFiles(t)
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{MaxConns: 1})
	var wg sync.WaitGroup
	err := p.WithConn(t.Context(), func(*conn.Conn) error {
		for range 100 {
			wg.Go(func() {
				err := p.WithConn(t.Context(), func(*conn.Conn) error { return nil })
				if !errors.Is(err, pool.ErrClosed) || conn.ClassOf(err) != conn.ClassNotSent {
					t.Errorf("error %v", err)
				}
			})
		}
		s.WaitFor(t, "all to wait", func() bool { return p.Stats().Waiting == 100 })
		return p.Close()
	})
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatTheServerLacksIsAskedOnce(t *testing.T) {
	for name, prepare := range map[string]func(s *testserver.Server){
		"unknown HELLO": func(s *testserver.Server) { s.Configure(func(o *testserver.Options) { o.NoHello = true }) },
		"hangs up":      func(s *testserver.Server) { s.Handle("HELLO", func(p *testserver.Peer, _ []string) { p.Close() }) },
	} {
		s := testserver.New(t)
		prepare(s)
		p := open(t, s, pool.Options{})
		for range 3 {
			if err := p.WithConn(t.Context(), func(c *conn.Conn) error { return c.Close() }); err != nil {
				t.Fatal(err)
			}
		}
		hellos := 0
		for _, call := range s.Calls() {
			if call.Args[0] == "HELLO" {
				hellos++
			}
		}
		if hellos > 2 {
			t.Errorf("%s: %d HELLOs in three dials", name, hellos)
		}
	}
}

func TestReauthGivesEveryConnectionTheNewPassword(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Users: map[string]string{"app": "one"}})
	var password atomic.Value
	password.Store("one")
	p := open(t, s, pool.Options{SoloConns: 2, SharedConns: 2, Conn: conn.Options{
		Credentials: func(context.Context, string) (string, string, error) { return "app", password.Load().(string), nil },
	}})
	burst(t, p, 64)
	s.WaitFor(t, "no dial to be under way", func() bool { return p.Stats().Dialing == 0 })
	s.Configure(func(o *testserver.Options) { o.Users["app"] = "two" })
	password.Store("two")
	auths := s.Count("AUTH")
	var leased *conn.Conn
	err := p.WithConn(t.Context(), func(c *conn.Conn) error {
		leased = c
		st := p.Stats()
		if err := p.Reauth(t.Context()); err != nil {
			t.Error(err)
		}
		if got := s.Count("AUTH") - auths; got != st.Open-1 {
			t.Errorf("%d AUTHs for %d connections and a lease", got, st.Open-1)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.WaitFor(t, "the lease to be closed on return", func() bool { return leased.Err() != nil })
	burst(t, p, 64)
	password.Store("wrong")
	err = p.Reauth(t.Context())
	if _, ok := errors.AsType[*conn.AuthError](err); !ok {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestASharedConnectionServesWhenNoOtherCanBeHad(t *testing.T) {
	s := testserver.New(t)
	p := open(t, s, pool.Options{SharedConns: 1, SoloConns: 1, MaxIdle: -1})
	s.Handle("HANG", func(p *testserver.Peer, _ []string) { <-p.Done() })
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() { _, _ = p.Do(ctx, resp.NewCommand("HANG")) })
	s.WaitFor(t, "the first to be alone", func() bool { return len(s.CallsOf("HANG")) == 1 })
	if err := echo(t.Context(), p, "shared"); err != nil {
		t.Fatal(err)
	}
	if err := s.StopAccepting(true); err != nil {
		t.Fatal(err)
	}
	cancel()
	wg.Wait()
	for range 3 {
		if err := echo(t.Context(), p, "alone, without a connection of its own"); err != nil {
			t.Error(err)
		}
	}
}

// where makes a command answer with the number of its connection and size bytes.
func where(s *testserver.Server, name string, size int) {
	s.Handle(name, func(p *testserver.Peer, args []string) {
		p.Bulk(fmt.Sprint(p.ID(), " ", strings.Repeat("x", size)))
	})
}

func ask(t *testing.T, p *pool.Pool, cmd resp.Command) string {
	t.Helper()
	r, err := p.Do(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	b, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(string(b), " ")
	return id
}

func TestLargeCallsDoNotShareAConnectionWithSmallOnes(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{SoloConns: -1, SharedConns: 1})
	where(s, "BIG", 100<<10)
	where(s, "SMALL", 1)
	shared := ask(t, p, resp.NewCommand("SMALL"))
	big := resp.NewCommand("BIG", resp.String("k"))
	if got := ask(t, p, big); got != shared {
		t.Errorf("a reply not known to be large came over connection %s", got)
	}
	for range 3 {
		if got := ask(t, p, big); got == shared {
			t.Error("a reply known to be large came over the shared connection")
		}
		if got := ask(t, p, resp.NewCommand("SMALL", resp.String(strings.Repeat("x", 100<<10)))); got == shared {
			t.Error("a large argument went over the shared connection")
		}
		if got := ask(t, p, resp.NewCommand("SMALL")); got != shared {
			t.Errorf("a small command went over connection %s", got)
		}
	}
	cmds := make([]resp.Command, 2000)
	for i := range cmds {
		cmds[i] = resp.NewCommand("SMALL")
	}
	err := p.DoBatch(t.Context(), cmds, func(_ int, v resp.Value) {
		if b, _ := v.Bytes(); strings.HasPrefix(string(b), shared+" ") {
			t.Error("a long batch went over the shared connection")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCallersAvoidSharedConnectionsOnWhichLargeRepliesArrive(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{SoloConns: -1, SharedConns: 3})
	burst(t, p, 8)
	release := make(chan struct{})
	s.Handle("BIG", func(p *testserver.Peer, _ []string) {
		p.Write("$1000000\r\n" + strings.Repeat("x", 500_000))
		select {
		case <-release:
		case <-p.Done():
		}
		p.Write(strings.Repeat("x", 500_000) + "\r\n")
	})
	ended := make(chan error, 2)
	for busy := 1; busy <= 2; busy++ { // the third of the connections is left
		go func() {
			r, err := p.Do(t.Context(), resp.NewCommand("BIG"))
			if err == nil {
				r.Release()
			}
			ended <- err
		}()
		s.WaitFor(t, "the large reply to begin", func() bool { return len(s.CallsOf("BIG")) == busy })
		s.WaitFor(t, "small calls to get past it", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
			defer cancel()
			for range 10 {
				if echo(ctx, p, "small") != nil {
					return false
				}
			}
			return true
		})
	}
	close(release)
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
