package redistest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

func open(t *testing.T, g *redistest.Group, master string) *client.Client {
	t.Helper()
	c, err := client.Open(t.Context(), g.Options(master))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A program under test: it counts visits, and must not lose any.
func visit(ctx context.Context, d redis.Doer) (int64, error) { return redis.Incr("visits").Do(ctx, d) }

func TestAProgramGoesOnAfterAFailover(t *testing.T) {
	g := redistest.NewGroup(t, redistest.GroupOptions{})
	c := open(t, g, "")
	before := g.Master()
	if _, err := visit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := g.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	n, err := visit(t.Context(), c)
	if n != 2 || err != nil || g.Master() == before {
		t.Errorf("%d visits, %v; the master was %s and is %s", n, err, before, g.Master())
	}
	if len(g.Replicas()) != 2 || !slices.Contains(g.Replicas(), before) {
		t.Errorf("replicas %v", g.Replicas())
	}
}

func TestAProgramGoesOnAfterTheMasterWasLost(t *testing.T) {
	for name, lose := range map[string]func(*redistest.Group, string) error{"crash": (*redistest.Group).Crash, "hang": (*redistest.Group).Hang} {
		t.Run(name, func(t *testing.T) {
			g := redistest.NewGroup(t, redistest.GroupOptions{Masters: []string{"one", "two"}, Password: "pw", SentinelPassword: "spw", Slower: 2})
			c := open(t, g, "one")
			other := open(t, g, "two")
			if _, err := visit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			lost := g.Master()
			if err := lose(g, lost); err != nil {
				t.Fatal(err)
			}
			// A write that may have been executed is not repeated by itself.
			deadline := time.Now().Add(time.Minute)
			for {
				_, err := visit(t.Context(), c)
				if err == nil {
					break
				}
				if redis.ClassOf(err) != redis.ClassMaybeExecuted || time.Now().After(deadline) {
					t.Fatal(err)
				}
			}
			if g.Master() == lost {
				t.Error("the master is the same")
			}
			if _, err := visit(t.Context(), other); err != nil {
				t.Error("the other master:", err)
			}
			back := map[string]func(string) error{"crash": g.Restart, "hang": g.Resume}[name]
			if err := back(lost); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAGroupWithoutItsSentinelsStillServes(t *testing.T) {
	g := redistest.NewGroup(t, redistest.GroupOptions{Replicas: -1, Sentinels: 1})
	c := open(t, g, "")
	if err := g.StopSentinel(0); err != nil {
		t.Fatal(err)
	}
	if _, err := visit(t.Context(), c); err != nil {
		t.Error(err)
	}
	if err := g.StartSentinel(0); err != nil {
		t.Error(err)
	}
	if err := g.Crash("127.0.0.1:1"); err == nil {
		t.Error("there is no such server")
	}
}

func TestAnInMemoryGroupNeedsNoSockets(t *testing.T) {
	g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
	if _, err := visit(t.Context(), open(t, g, "")); err != nil {
		t.Error(err)
	}
	nc, err := g.Dial(t.Context(), "tcp", g.Sentinels()[0])
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestAServerDoesWhatItIsTold(t *testing.T) {
	s := redistest.NewServer(t, redistest.ServerOptions{Password: "pw"})
	if _, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()}); err == nil {
		t.Error("no password, no connection")
	}
	c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), Password: "pw"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.SetKey("k", "v")
	s.ReplyOnce("GET", redistest.Error("LOADING not yet"), redistest.Null)
	if _, err := redis.Get("k").Do(t.Context(), c); !errors.Is(err, redis.ErrLoading) {
		t.Error(err)
	}
	if _, err := redis.Get("k").Do(t.Context(), c); !errors.Is(err, redis.ErrNil) {
		t.Error(err)
	}
	if v, err := redis.Get("k").Do(t.Context(), c); v != "v" || err != nil {
		t.Error(v, err)
	}
	s.Handle("GET", func(p *redistest.Peer, args []string) {
		if args[1] == "other" && p.ID() > 0 {
			p.Write(redistest.Bulk("handled"))
			return
		}
		p.Default(args)
	})
	other, err := redis.Get("other").Do(t.Context(), c)
	v, err2 := redis.Get("k").Do(t.Context(), c)
	if other != "handled" || v != "v" || err != nil || err2 != nil {
		t.Error(other, v, err, err2)
	}
	if err := redis.Set("new", "x").Do(t.Context(), c); err != nil {
		t.Error(err)
	}
	if got, ok := s.Key("new"); !ok || got != "x" || s.Count("SET") != 1 {
		t.Error(got, ok)
	}
	calls := s.Calls()
	if last := calls[len(calls)-1]; strings.Join(last, " ") != "SET new x" {
		t.Error(last)
	}
	s.CloseAll()
	if _, err := redis.Get("k").Do(t.Context(), c); err == nil {
		t.Error("the connection was closed")
	}
	leak.Eventually(t, 10*time.Second, "no connection to be open", func() bool { return s.Open() == 0 })
}

func TestAServerCanBeSilentAndGone(t *testing.T) {
	s := redistest.NewServer(t, redistest.ServerOptions{RESP2: true, Replica: true})
	c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if r, err := redis.Role().Do(t.Context(), c); err != nil || r.Role != "slave" {
		t.Errorf("%+v, %v", r, err)
	}
	s.Stall(true)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer cancel()
		_ = leak.WaitUntil(ctx, func() bool {
			return slices.ContainsFunc(s.Calls(), func(args []string) bool { return args[0] == "INCR" })
		})
	}()
	if _, err := visit(ctx, c); !errors.Is(err, context.Canceled) || redis.ClassOf(err) != redis.ClassMaybeExecuted {
		t.Error(err)
	}
	s.Stall(false)
	if err := s.Refuse(true); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()}); err == nil {
		t.Error("refused")
	}
	s.Handle("INCR", func(p *redistest.Peer, _ []string) { p.Kill(); <-p.Done() })
	if _, err := visit(t.Context(), c); redis.ClassOf(err) != redis.ClassMaybeExecuted {
		t.Error(err)
	}
	if err := s.Refuse(false); err != nil {
		t.Error(err)
	}
	if n := s.Publish("news", "x") + s.Subscribers("news"); n != 0 {
		t.Error(n)
	}
}

func TestAFuncAnswersWithoutAServer(t *testing.T) {
	f := redistest.Func(func(args []string) string {
		switch strings.Join(args, " ") {
		case "GET k":
			return redistest.Bulk("v")
		case "HGETALL h":
			return redistest.Map(redistest.Bulk("f"), redistest.Bulk("v"))
		case "LRANGE l 0 -1":
			return redistest.Bulks("a", "b")
		case "ZSCORE z m":
			return redistest.Double(1.5)
		case "CONFIG GET x":
			return redistest.Array(redistest.Text("x"), redistest.Int(1))
		}
		return redistest.Error("ERR what?")
	})
	var p redis.Pipeline
	get := redis.Get("k").Queue(&p)
	all := redis.HGetAll("h").Queue(&p)
	list := redis.LRange("l", 0, -1).Queue(&p)
	score := redis.ZScore("z", "m").Queue(&p)
	if err := p.Do(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	v, e1 := get.Value()
	m, e2 := all.Value()
	l, e3 := list.Value()
	z, e4 := score.Value()
	if errors.Join(e1, e2, e3, e4) != nil || v != "v" || m["f"] != "v" || len(l) != 2 || z != 1.5 {
		t.Error(v, m, l, z, e1, e2, e3, e4)
	}
	if m, err := redis.ConfigGet("x").Do(t.Context(), f); err != nil || m["x"] != "1" {
		t.Error(m, err)
	}
	if _, err := visit(t.Context(), f); redis.ClassOf(err) != redis.ClassAnswered {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := visit(ctx, f); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p.Reset()
	redis.Get("k").Queue(&p)
	if err := p.Do(ctx, f); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAFuncCanBeLeasedAndUsedInTransactions(t *testing.T) {
	leak.Check(t)
	var seen []string
	f := redistest.Func(func(args []string) string {
		seen = append(seen, strings.Join(args, " "))
		switch args[0] {
		case "GET":
			return redistest.Bulk("41")
		case "SET":
			return redistest.OK
		default:
			return redistest.Error("ERR unexpected " + args[0])
		}
	})
	ctx := t.Context()
	err := redis.Transact(ctx, f, redis.TxOptions{Watch: []string{"n"}}, func(ctx context.Context, tx *redis.Tx) error {
		n, err := redis.Get("n").Do(ctx, tx)
		if err != nil {
			return err
		}
		redis.Set("n", n+"1").Queue(&tx.Pipeline)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = redis.ObjectEncoding("k").Do(ctx, f); err == nil {
		t.Error("an error of the function is lost")
	}
	if err = f.WithConn(ctx, func(c *conn.Conn) error { _, err := redis.Ping().Do(ctx, c); return err }); err == nil {
		t.Error("an error of the function is lost in a lease")
	}
	if want := []string{"GET n", "SET n 411", "OBJECT ENCODING k", "PING"}; !slices.Equal(seen, want) {
		t.Errorf("the function saw %q, want %q", seen, want)
	}
}

func TestMiniredisWorksAsItIs(t *testing.T) {
	leak.Check(t)
	m := miniredis.RunT(t)
	c, err := kermes.Open(t.Context(), "redis://"+m.Addr()+"/1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	if _, err := redis.HSet("user", "name", "Ada").Do(ctx, c); err != nil {
		t.Error(err)
	}
	if got, err := redis.HGetAll("user").Do(ctx, c); err != nil || got["name"] != "Ada" {
		t.Errorf("%v, %v", got, err)
	}
	if got := m.DB(1).HGet("user", "name"); got != "Ada" {
		t.Errorf("miniredis has %q", got)
	}
}
