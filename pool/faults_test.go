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

const (
	readOnly   = "-READONLY You can't write against a read only replica.\r\n"
	demotion   = "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"
	byOperator = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"
)

func set() resp.Command { return resp.NewCommand("SET", resp.String("k"), resp.String("v")) }

func blpop() resp.Command {
	return resp.NewCommand("BLPOP", resp.String("q"), resp.Int(0)).WithFlags(resp.Blocking).WithTimeout(0)
}

// do returns the error of a reply, or of the call.
func do(ctx context.Context, p *pool.Pool, cmd resp.Command) error {
	r, err := p.Do(ctx, cmd)
	if err != nil {
		return err
	}
	defer r.Release()
	return r.Err()
}

// Without sentinels nobody tells a client that its server has become a replica
// but the server itself.
func TestAServerThatSaysItIsAReplicaIsLookedUpAnew(t *testing.T) {
	batch := func(ctx context.Context, p *pool.Pool) (err error) {
		failed := p.DoBatch(ctx, []resp.Command{resp.NewCommand("PING"), set()}, func(_ int, v resp.Value) { err = errors.Join(err, v.Err()) })
		return errors.Join(failed, err)
	}
	calls := map[string]func(ctx context.Context, p *pool.Pool) error{
		"alone":    func(ctx context.Context, p *pool.Pool) error { return do(ctx, p, set()) },
		"in batch": batch,
		"on a lease": func(ctx context.Context, p *pool.Pool) error {
			return p.WithConn(ctx, func(c *conn.Conn) error {
				r, err := c.Do(ctx, set())
				if err != nil {
					return err
				}
				defer r.Release()
				return r.Err()
			})
		},
		"blocking": func(ctx context.Context, p *pool.Pool) error { return do(ctx, p, blpop()) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, now := testserver.New(t), testserver.New(t)
			old.Reply("BLPOP", demotion)
			now.Reply("BLPOP", "*-1\r\n")
			var demoted atomic.Bool
			p := pool.New(pool.Options{MinIdle: 4, Conn: conn.Options{Addr: "name:1", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				s := old
				if demoted.Load() {
					s = now
				}
				return new(net.Dialer).DialContext(ctx, network, s.Addr())
			}}})
			defer p.Close()
			if name != "blocking" {
				if err := call(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			burst(t, p, 64)
			old.WaitFor(t, "the pool to be warm", func() bool { st := p.Stats(); return st.Idle >= 4 && st.Dialing == 0 })
			old.Reply("SET", readOnly)
			demoted.Store(true)
			if err := call(t.Context(), p); err == nil {
				t.Fatal("the refusal was not reported")
			}
			for range 64 {
				if err := call(t.Context(), p); err != nil {
					t.Fatalf("after the refusal: %v", err)
				}
			}
			before := len(old.CallsOf("ECHO"))
			burst(t, p, 64)
			if n := len(old.CallsOf("ECHO")) - before; n > 0 {
				t.Errorf("%d calls went to the former master", n)
			}
			old.WaitFor(t, "every connection to the former master to be closed", func() bool { return old.Open() == 0 })
		})
	}
}

func TestAReplicaThatStaysOneIsNotStormedWithDials(t *testing.T) {
	inBubble(t, pool.Options{}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		s.Reply("SET", readOnly)
		began := time.Now()
		for time.Since(began) < 10*time.Second {
			if err := do(t.Context(), p, set()); err == nil {
				t.Fatal("no refusal")
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := p.Stats().Dials; n < 9 || n > 13 {
			t.Errorf("%d dials in 10 s of refusals, want one a second", n)
		}
	})
}

func TestAnOperatorThatUnblocksACallReplacesNoConnection(t *testing.T) {
	inBubble(t, pool.Options{}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		s.Reply("BLPOP", byOperator)
		for range 10 {
			if err := do(t.Context(), p, blpop()); err == nil {
				t.Fatal("no error")
			}
		}
		if st := p.Stats(); st.Dials != 1 || st.Closed != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestRenewReplacesAllWithoutAFailedCall(t *testing.T) {
	inBubble(t, pool.Options{MinIdle: 3}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		burstInBubble(t, s, p, 64)
		synctest.Wait()
		first := s.Accepted()
		s.StopReading(true)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				if err := echo(t.Context(), p, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		err := p.WithConn(t.Context(), func(*conn.Conn) error {
			synctest.Wait()
			p.Renew()
			s.StopReading(false)
			return nil
		})
		wg.Wait()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for _, c := range s.Peers() {
			if int(c.ID()) <= first {
				t.Errorf("connection %d of %d is still there", c.ID(), first)
			}
		}
		if st := p.Stats(); err != nil || st.Idle != 3 {
			t.Errorf("%v, %+v", err, st)
		}
	})
}

func TestAServerThatHangsUpAfterTheHandshakeIsDialledWithBackoff(t *testing.T) {
	inBubble(t, pool.Options{}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		s.Handle("ECHO", func(c *testserver.Peer, _ []string) { c.Close() })
		began := time.Now()
		const calls = 20
		for range calls {
			if err := echo(t.Context(), p, "x"); err == nil {
				t.Fatal("no error")
			}
		}
		if took := time.Since(began); took < 10*time.Second || took > calls*time.Second*5/4 {
			t.Errorf("%d connections in %v", p.Stats().Dials, took)
		}
		s.Handle("ECHO", nil)
		time.Sleep(2 * time.Second)
		for range 3 { // the first connection proves itself
			if err := echo(t.Context(), p, "x"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		s.CloseAll()
		synctest.Wait()
		_ = echo(t.Context(), p, "x") // a pipe cannot be looked at: this one finds it closed
		began = time.Now()
		if err := echo(t.Context(), p, "x"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("a connection that had lasted was replaced after %v", took)
		}
	})
}

func TestManyCallersDoNotStormAServerThatHangsUpAfterTheHandshake(t *testing.T) {
	s := testserver.New(t)
	s.Handle("CLIENT SETINFO", func(c *testserver.Peer, args []string) {
		c.Write("+OK\r\n")
		if strings.EqualFold(args[len(args)-2], "LIB-VER") {
			c.Close()
		}
	})
	p := open(t, s, pool.Options{MinBackoff: 20 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := echo(ctx, p, "x"); err == nil {
					t.Error("no error")
				}
			}
		})
	}
	wg.Wait()
	if n := p.Stats().Dials; n < 2 || n > 20 {
		t.Errorf("%d dials in a second", n)
	}
}

func TestMinIdleIsFilledAtOnceAndNeverWithMoreDialsThanAllowed(t *testing.T) {
	for name, empty := range map[string]func(p *pool.Pool){
		"new":     func(*pool.Pool) {},
		"renewed": func(p *pool.Pool) { p.Renew() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := testserver.Start(testserver.Options{Network: "none"})
				if err != nil {
					t.Fatal(err)
				}
				var running, most atomic.Int32
				p := pool.New(pool.Options{MinIdle: 40, MaxConns: 50, MaxDials: 3, Conn: conn.Options{
					Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
						defer running.Add(-1)
						most.Store(max(most.Load(), running.Add(1)))
						time.Sleep(time.Millisecond)
						return s.PipeDial(ctx, network, addr)
					},
				}})
				defer func() {
					_ = p.Close()
					_ = s.Close()
				}()
				time.Sleep(20 * time.Millisecond)
				synctest.Wait()
				empty(p)
				time.Sleep(20 * time.Millisecond)
				synctest.Wait()
				if st := p.Stats(); st.Idle != 40 || most.Load() != 3 {
					t.Errorf("%d idle after 20 ms, %d dials at a time at most", st.Idle, most.Load())
				}
			})
		})
	}
}

func TestReauthTakesTheParkedConnectionToo(t *testing.T) {
	s := testserver.NewWith(t, testserver.Options{Users: map[string]string{"app": "one"}})
	p := open(t, s, pool.Options{Conn: conn.Options{
		Credentials: func(context.Context, string) (string, string, error) { return "app", "one", nil },
	}})
	for range 2 { // from the second on it is parked
		if err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Reauth(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.Count("AUTH"); n != 1 {
		t.Errorf("%d AUTHs for the one connection", n)
	}
	if err := p.Ping(t.Context()); err != nil || s.Accepted() != 1 {
		t.Errorf("%v, %d connections: it was not kept", err, s.Accepted())
	}
}

func TestACancelledBlockingCallReturnsWhenItsSocketIsClosed(t *testing.T) {
	s := testserver.New(t)
	s.Handle("BLPOP", func(c *testserver.Peer, _ []string) { <-c.Done() })
	var open atomic.Int32
	p := countSockets(t, s, &open)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int32, 1)
	go func() {
		_ = do(ctx, p, blpop())
		ended <- open.Load()
	}()
	s.WaitFor(t, "the call to block", func() bool { return len(s.CallsOf("BLPOP")) == 1 })
	cancel()
	if n := <-ended; n != 0 {
		t.Errorf("%d sockets were open when the call returned", n)
	}
}

// countSockets is a pool whose open sockets are counted. Closing takes its time.
func countSockets(t *testing.T, s *testserver.Server, count *atomic.Int32) *pool.Pool {
	p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr(), Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		count.Add(1)
		return &slowToClose{Conn: nc, count: count}, nil
	}}})
	t.Cleanup(func() { _ = p.Close() })
	return p
}

type slowToClose struct {
	net.Conn
	once  sync.Once
	count *atomic.Int32
}

func (c *slowToClose) Close() (err error) {
	c.once.Do(func() {
		time.Sleep(20 * time.Millisecond)
		err = c.Conn.Close()
		c.count.Add(-1)
	})
	return err
}

// hookContext runs a function when it is first asked for its error: a call does
// that when it has picked its connection and has not sent yet.
type hookContext struct {
	context.Context
	once *sync.Once
	hook func()
}

func (c hookContext) Err() error {
	c.once.Do(c.hook)
	return c.Context.Err()
}

// aloneAndInABatch are the ways in which a command is sent.
func aloneAndInABatch(p *pool.Pool) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Do": func(ctx context.Context) error { return echo(ctx, p, "x") },
		"DoBatch": func(ctx context.Context) error {
			return p.DoBatch(ctx, []resp.Command{resp.NewCommand("PING")}, func(int, resp.Value) {})
		},
	}
}

func TestACallTriesAgainWhenItsConnectionWasClosedUnderItsHands(t *testing.T) {
	inBubble(t, pool.Options{SoloConns: -1, SharedConns: 1}, func(t *testing.T, s *testserver.Server, p *pool.Pool) {
		for name, call := range aloneAndInABatch(p) {
			if err := echo(t.Context(), p, "warm"); err != nil {
				t.Fatal(err)
			}
			closed := p.Stats().Closed
			ctx := hookContext{t.Context(), new(sync.Once), func() {
				p.Renew()
				time.Sleep(5 * time.Second)
				synctest.Wait()
			}}
			if err := call(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if p.Stats().Closed == closed {
				t.Errorf("%s: nothing was closed", name)
			}
		}
	})
}

func TestALeaseThatComesBackToAClosedPoolIsNotKept(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	closing, release := make(chan net.Conn), make(chan struct{})
	p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr(), Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &closeHook{Conn: nc, closing: closing, release: release}, err
	}}})
	var leases [2]*conn.Conn
	var back [2]chan struct{}
	var returned sync.WaitGroup
	for i := range leases {
		back[i] = make(chan struct{})
		leased := make(chan struct{})
		returned.Go(func() {
			_ = p.WithConn(t.Context(), func(c *conn.Conn) error {
				leases[i] = c
				close(leased)
				<-back[i]
				return nil
			})
		})
		<-leased
	}
	go p.Close()
	<-closing // of one of the two, while the pool is closed already and the other one is not broken yet
	for i, c := range leases {
		if c.Err() == nil {
			close(back[i])
		}
	}
	s.WaitFor(t, "the lease to come back", func() bool { return p.Stats().Leased == 1 })
	if st := p.Stats(); st.Idle != 0 || st.Open != 0 {
		t.Errorf("%+v", st)
	}
	close(release)
	<-closing
	for i, c := range leases {
		select {
		case <-back[i]:
		default:
			close(back[i])
		}
		<-c.Done()
	}
	returned.Wait()
}

// closeHook waits in Close until it is released.
type closeHook struct {
	net.Conn
	once    sync.Once
	closing chan net.Conn
	release chan struct{}
}

func (c *closeHook) Close() (err error) {
	c.once.Do(func() {
		c.closing <- c
		<-c.release
		err = c.Conn.Close()
	})
	return err
}

func TestADialThatBeganBeforeTheConnectionsWereRenewedIsMadeAnew(t *testing.T) {
	leak.Check(t)
	old, now := testserver.New(t), testserver.New(t)
	var dials atomic.Int32
	begun, goOn := make(chan struct{}), make(chan struct{})
	p := pool.New(pool.Options{Conn: conn.Options{Addr: "name:1", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			return new(net.Dialer).DialContext(ctx, network, now.Addr())
		}
		close(begun)
		<-goOn
		return new(net.Dialer).DialContext(ctx, network, old.Addr())
	}}})
	defer p.Close()
	go func() {
		<-begun
		p.Renew()
		close(goOn)
	}()
	if err := echo(t.Context(), p, "x"); err != nil {
		t.Fatal(err)
	}
	if old.Count("ECHO") != 0 || now.Count("ECHO") != 1 {
		t.Error("the call went where the name led before")
	}
}

func TestMistakesPanicWithWords(t *testing.T) {
	s := testserver.New(t)
	p := open(t, s, pool.Options{})
	var zero pool.Pool
	fn := func(*conn.Conn) error { return nil }
	each := func(int, resp.Value) {}
	var none context.Context
	for name, test := range map[string]struct {
		want string
		call func()
	}{
		"zero Do":        {"zero Pool", func() { _, _ = zero.Do(t.Context(), set()) }},
		"zero DoBatch":   {"zero Pool", func() { _ = zero.DoBatch(t.Context(), []resp.Command{set()}, each) }},
		"zero WithConn":  {"zero Pool", func() { _ = zero.WithConn(t.Context(), fn) }},
		"zero Dial":      {"zero Pool", func() { _, _ = zero.Dial(t.Context()) }},
		"zero Ping":      {"zero Pool", func() { _ = zero.Ping(t.Context()) }},
		"zero Reauth":    {"zero Pool", func() { _ = zero.Reauth(t.Context()) }},
		"zero Renew":     {"zero Pool", func() { zero.Renew() }},
		"zero Close":     {"zero Pool", func() { _ = zero.Close() }},
		"zero Abort":     {"zero Pool", func() { zero.Abort(pool.ErrClosed) }},
		"zero Done":      {"zero Pool", func() { zero.Done() }},
		"nil Pool":       {"zero Pool", func() { _ = (*pool.Pool)(nil).Ping(t.Context()) }},
		"Do(nil)":        {"nil context", func() { _, _ = p.Do(none, set()) }},
		"blocking(nil)":  {"nil context", func() { _, _ = p.Do(none, blpop()) }},
		"DoBatch(nil)":   {"nil context", func() { _ = p.DoBatch(none, []resp.Command{set()}, each) }},
		"WithConn(nil)":  {"nil context", func() { _ = p.WithConn(none, fn) }},
		"Dial(nil)":      {"nil context", func() { _, _ = p.Dial(none) }},
		"Ping(nil)":      {"nil context", func() { _ = p.Ping(none) }},
		"Reauth(nil)":    {"nil context", func() { _ = p.Reauth(none) }},
		"a zero's Stats": {"", func() { _ = zero.Stats(); _ = zero.Addr() }},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text, _ := recover().(string)
				if test.want != "" && (!strings.HasPrefix(text, "pool: ") || !strings.Contains(text, test.want)) {
					t.Errorf("panic with %q", text)
				}
			}()
			test.call()
		})
	}
}

func TestAWaitErrorSaysWhatWasWaitedForAndWhatToDo(t *testing.T) {
	s := testserver.New(t)
	full := open(t, s, pool.Options{MaxConns: 1})
	dead := pool.New(pool.Options{Conn: conn.Options{Addr: "127.0.0.1:1"}, MinBackoff: time.Hour, MaxBackoff: time.Hour})
	defer dead.Close()
	_ = dead.Ping(t.Context())
	hangs := testserver.New(t)
	hangs.StopReading(true)
	slow := open(t, hangs, pool.Options{})
	wait := func(p *pool.Pool) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return p.WithConn(ctx, func(*conn.Conn) error { return nil })
	}
	if err := full.WithConn(t.Context(), func(*conn.Conn) error {
		checkText(t, wait(full), "all are in use (MaxConns 1, leased 1, waiting 1)", "raise MaxConns")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	checkText(t, wait(dead), "the last dial failed: conn: dial 127.0.0.1:1", "refused")
	checkText(t, wait(slow), "dialling has not ended yet")
}

func checkText(t *testing.T, err error, parts ...string) {
	t.Helper()
	e, ok := errors.AsType[*pool.WaitError](err)
	if !ok || !errors.Is(err, context.DeadlineExceeded) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Fatalf("%v (%T)", err, e)
	}
	for _, part := range append(parts, "pool: no connection within "+e.Waited.Round(time.Millisecond).String()) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func TestACallWaitsForADeadServerNoLongerThanItMay(t *testing.T) {
	for name, o := range map[string]pool.Options{
		"refused":   {},
		"one":       {MaxConns: 1},
		"hanging":   {Conn: conn.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }}},
		"shared":    {SoloConns: -1},
		"backs off": {MinBackoff: time.Hour, MaxBackoff: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if o.Conn.Dial == nil {
					o.Conn.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
				}
				o.WaitTime = 300 * time.Millisecond
				p := pool.New(o)
				defer p.Close()
				calls := map[string]func(ctx context.Context) error{
					"Do":       func(ctx context.Context) error { return do(ctx, p, set()) },
					"blocking": func(ctx context.Context) error { return do(ctx, p, blpop()) },
					"lease":    func(ctx context.Context) error { return p.WithConn(ctx, func(*conn.Conn) error { return nil }) },
				}
				for what, call := range calls {
					for _, bound := range []time.Duration{300 * time.Millisecond, 50 * time.Millisecond} {
						ctx := t.Context()
						if bound != o.WaitTime {
							ctx = pool.WithWaitTime(ctx, bound)
						}
						began := time.Now()
						err := call(ctx)
						took := time.Since(began)
						if conn.ClassOf(err) != conn.ClassNotSent || took > bound {
							t.Errorf("%s: %v after %v", what, err, took)
						}
						if d := pool.Waited(err); d != took {
							t.Errorf("%s: waited for %v of %v: %v", what, d, took, err)
						}
					}
				}
			})
		})
	}
}

func TestACallWaitsForALeaseThatOthersHoldAsLongAsItsContext(t *testing.T) {
	inBubble(t, pool.Options{MaxConns: 1, WaitTime: 100 * time.Millisecond}, func(t *testing.T, _ *testserver.Server, p *pool.Pool) {
		err := p.WithConn(t.Context(), func(*conn.Conn) error {
			go func() {
				time.Sleep(5 * time.Second)
			}()
			waited := make(chan error)
			go func() { waited <- p.WithConn(t.Context(), func(*conn.Conn) error { return nil }) }()
			time.Sleep(5 * time.Second)
			select {
			case err := <-waited:
				t.Errorf("gave up: %v", err)
			default:
			}
			go func() { <-waited }()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
