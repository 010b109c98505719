package pool_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// rotating is a pool whose password is what is stored last.
func rotating(t *testing.T, s *testserver.Server) (*pool.Pool, *atomic.Value) {
	password := &atomic.Value{}
	password.Store("one")
	p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr(),
		Credentials: func(context.Context, string) (string, string, error) { return "app", password.Load().(string), nil }}})
	t.Cleanup(func() { _ = p.Close() })
	return p, password
}

func dialOwn(t *testing.T, p *pool.Pool) *conn.Conn {
	t.Helper()
	c, err := p.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func askOwn(t *testing.T, c *conn.Conn, name string) error {
	t.Helper()
	r, err := c.Do(t.Context(), resp.NewCommand(name))
	if err != nil {
		return err
	}
	defer r.Release()
	return r.Err()
}

func TestReauthReachesConnectionsOfSomebodysOwn(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Users: map[string]string{"app": "one"}})
	p, password := rotating(t, s)
	plain, receives, inside := dialOwn(t, p), dialOwn(t, p), dialOwn(t, p)
	if err := receives.Send(t.Context(), resp.NewCommand("SUBSCRIBE", resp.String("news"))); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := receives.Receive(t.Context()); err != nil {
				ended <- err
				return
			}
		}
	}()
	s.WaitFor(t, "a subscriber", func() bool { return s.Subscribers("news") == 1 })
	if err := askOwn(t, inside, "MULTI"); err != nil {
		t.Fatal(err)
	}

	password.Store("wrong")
	err := p.Reauth(t.Context())
	if _, ok := errors.AsType[*conn.AuthError](err); !ok {
		t.Errorf("a wrong password: %v", err)
	}
	for _, c := range []*conn.Conn{plain, receives, inside} {
		if c.Broken() {
			t.Errorf("a connection that works is gone for a password that does not: %v", c.Err())
		}
	}

	s.Configure(func(o *testserver.Options) { o.Users["app"] = "two" })
	password.Store("two")
	before := s.Count("AUTH")
	if err := p.Reauth(t.Context()); err != nil {
		t.Error(err)
	}
	if err := askOwn(t, plain, "PING"); err != nil || s.Count("AUTH") != before+1 {
		t.Errorf("%d connections were authenticated, then %v", s.Count("AUTH")-before, err)
	}
	if err := <-ended; !errors.Is(err, pool.ErrReauth) {
		t.Errorf("one that receives: %v", err)
	}
	if err := askOwn(t, inside, "EXEC"); !errors.Is(err, pool.ErrReauth) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("one inside MULTI: %v", err)
	}
}

// Without AUTH in place there is nothing to show that the password is good but a new
// connection.
func TestReauthEndsAReceiverOnlyForCredentialsThatTheServerTakes(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Users: map[string]string{"app": "one"}})
	p, password := rotating(t, s)
	c := dialOwn(t, p)
	if err := c.Send(t.Context(), resp.NewCommand("SUBSCRIBE", resp.String("news"))); err != nil {
		t.Fatal(err)
	}
	password.Store("wrong")
	err := p.Reauth(t.Context())
	if _, ok := errors.AsType[*conn.AuthError](err); !ok || c.Broken() {
		t.Errorf("a wrong password: %v, %v", err, c.Err())
	}
	password.Store("one")
	if err := p.Reauth(t.Context()); err != nil || !errors.Is(c.Err(), pool.ErrReauth) {
		t.Errorf("%v; the receiver: %v", err, c.Err())
	}
}

func TestADialThatBeganBeforeReauthIsMadeAnew(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Users: map[string]string{"app": "one"}})
	p, password := rotating(t, s)
	held, release := make(chan struct{}, 8), make(chan struct{})
	s.Handle("HELLO", func(c *testserver.Peer, args []string) {
		held <- struct{}{}
		select {
		case <-release:
		case <-c.Done():
		}
		c.Default(args)
	})
	made := make(chan *conn.Conn, 1)
	go func() {
		c, err := p.Dial(t.Context())
		if err != nil {
			t.Error(err)
		}
		made <- c
	}()
	<-held
	s.Configure(func(o *testserver.Options) { o.Users["app"] = "one" })
	password.Store("one") // the same, but how would the pool know
	if err := p.Reauth(t.Context()); err != nil {
		t.Error(err)
	}
	close(release)
	if c := <-made; c == nil || askOwn(t, c, "PING") != nil || s.Accepted() != 2 {
		t.Errorf("%d connections", s.Accepted())
	}
}
