package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestAClientFollowsInEveryKindOfLink(t *testing.T) {
	for name, prepare := range map[string]func(e *testgroup.Group, o *client.Options){
		"RESP2, two connections": func(_ *testgroup.Group, o *client.Options) { o.Group.Conn.Protocol = 2 },
		"without SUBSCRIBE": func(e *testgroup.Group, _ *client.Options) {
			for _, s := range e.Sentinels {
				s.Reply("SUBSCRIBE", testserver.Error("NOPERM this user has no permissions to run the 'subscribe' command"))
			}
		},
		"without SUBSCRIBE, RESP2": func(e *testgroup.Group, o *client.Options) {
			o.Group.Conn.Protocol = 2
			for _, s := range e.Sentinels {
				s.Reply("SUBSCRIBE", testserver.Error("NOPERM this user has no permissions to run the 'subscribe' command"))
			}
		},
		"second opinions": func(_ *testgroup.Group, o *client.Options) { o.Group.Believe = sentinel.BelieveSecond },
		"without MYID": func(e *testgroup.Group, _ *client.Options) {
			for _, s := range e.Sentinels {
				s.Reply("SENTINEL MYID", testserver.Error("ERR unknown subcommand"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			e := testgroup.New(t, testgroup.Options{})
			o := client.Options{}
			prepare(e, &o)
			c := open(t, e.SentinelAddrs(), o)
			old := c.Master()
			if err := e.Failover(t.Context()); err != nil {
				t.Fatal(err)
			}
			leak.Eventually(t, patience, "the switch", func() bool { return c.Master() == e.MasterAddr() && c.Master() != old })
			if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
				t.Error(err)
			}
			if subscribed := c.Group().Status().Sentinels[0].Subscribed; subscribed == strings.Contains(name, "without SUBSCRIBE") {
				t.Errorf("subscribed: %v", subscribed)
			}
		})
	}
}

func TestARefusedPasswordIsNamedForEachSentinel(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{SentinelPassword: "secret"})
	for _, password := range []string{"", "wrong"} {
		o := client.Options{Master: "mymaster", Group: sentinel.GroupOptions{Sentinels: e.SentinelAddrs()}}
		o.Group.Conn.Password = password
		_, err := client.Open(t.Context(), o)
		var auth *conn.AuthError
		if !errors.As(err, &auth) || !errors.Is(err, sentinel.ErrNoSentinel) {
			t.Fatalf("password %q: %v", password, err)
		}
		for _, addr := range e.SentinelAddrs() {
			if !strings.Contains(err.Error(), addr+": ") {
				t.Errorf("%s is not named: %v", addr, err)
			}
		}
		if password != "" && strings.Contains(err.Error(), password+"\"") {
			t.Errorf("the password is shown: %v", err)
		}
	}
	o := client.Options{}
	o.Group.Conn.Password = "secret"
	open(t, e.SentinelAddrs(), o)
}

// dialWithout dials addresses without a prefix.
func dialWithout(prefix string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, strings.TrimPrefix(addr, prefix))
	}
}

func TestEveryAddressGoesThroughAddrMap(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	var mu sync.Mutex
	kinds := map[string]sentinel.AddrKind{}
	o := client.Options{}
	o.Group.AddrMap = func(kind sentinel.AddrKind, addr string) string {
		mu.Lock()
		defer mu.Unlock()
		kinds[addr] = kind
		return "nat-" + addr
	}
	o.Pool.Conn.Dial = dialWithout("nat-")
	o.Group.Conn.Dial = dialWithout("nat-")
	c := open(t, e.SentinelAddrs()[:1], o)
	if c.Master() != "nat-"+e.MasterAddr() {
		t.Errorf("master %s", c.Master())
	}
	serving(t, c.Replicas(), 2)
	if n := c.Replicas().Nodes()[0]; !strings.HasPrefix(n.Addr, "nat-") {
		t.Errorf("replica %s", n.Addr)
	}
	leak.Eventually(t, patience, "the other sentinels", func() bool { return len(c.Group().Sentinels()) == 3 })
	if got := c.Group().Sentinels()[1]; !strings.HasPrefix(got, "nat-") {
		t.Errorf("sentinel %s", got)
	}
	mu.Lock()
	defer mu.Unlock()
	for addr, want := range map[string]sentinel.AddrKind{
		e.Replicas()[0].Addr(): sentinel.AddrReplica, e.SentinelAddrs()[2]: sentinel.AddrSentinel,
	} {
		if kinds[addr] != want {
			t.Errorf("%s is a %s, want %s", addr, kinds[addr], want)
		}
	}
}

func TestASentinelThatStaysAwayIsForgottenUnlessItIsASeed(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	o := client.Options{Group: sentinel.GroupOptions{SentinelForget: 100 * time.Millisecond, PollInterval: 50 * time.Millisecond}}
	c := open(t, e.SentinelAddrs()[:2], o)
	var seen eventLog
	defer c.Listen(seen.add)()
	leak.Eventually(t, patience, "the third sentinel", func() bool { return len(c.Group().Sentinels()) == 3 })
	linked(t, c)
	e.Sentinels[1].Stop()
	e.Sentinels[2].Stop()
	leak.Eventually(t, patience, "it to be forgotten", func() bool { return len(c.Group().Sentinels()) == 2 })
	if ev := seen.first(t, sentinel.EventSentinelForgotten); ev.Sentinel != e.Sentinels[2].Addr() {
		t.Errorf("event %+v", ev)
	}
	e.Sentinels[2].Start()
	leak.Eventually(t, patience, "it to be found again", func() bool { return len(c.Group().Sentinels()) == 3 })
}

func TestAListenerThatIsSlowOrPanicsHarmsNobody(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{})
	linked(t, c) // else nobody hears what is published
	stuck := make(chan struct{})
	defer c.Listen(func(sentinel.Event) { <-stuck })()
	defer close(stuck)
	defer c.Listen(func(sentinel.Event) { panic("listener") })()
	var seen eventLog
	stop := c.Listen(seen.add)
	for i := range 2000 {
		e.Sentinels[0].Publish("+tilt", fmt.Sprint("#tilt ", i))
	}
	leak.Eventually(t, patience, "events to be dropped", func() bool {
		s := c.Group().Stats()
		return s.Dropped > 0 && s.Panics > 100
	})
	if err := e.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ev := seen.first(t, sentinel.EventSwitched); ev.Addr != e.MasterAddr() || ev.Epoch != 1 || ev.Master != "mymaster" || ev.Time.IsZero() {
		t.Errorf("event %+v", ev)
	}
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Error(err)
	}
	stop()
	stop()
}

func TestEventsAreLogged(t *testing.T) {
	var out bytes.Buffer
	log := sentinel.LogEvents(slog.New(slog.NewTextHandler(&out, nil)))
	log(sentinel.Event{Kind: sentinel.EventMessage, Message: sentinel.Message{Name: "+tilt"}})
	log(sentinel.Event{Kind: sentinel.EventSwitched, Group: "g", Master: "m", Addr: "new:1", OldAddr: "old:1", Epoch: 7, Sentinel: "s:1"})
	log(sentinel.Event{Kind: sentinel.EventSentinelDown, Sentinel: "s:2", Err: errors.New("gone")})
	text := out.String()
	for _, want := range []string{
		"level=INFO", `msg="sentinel: switched"`, "group=g", "master=m", "addr=new:1", "old_addr=old:1", "epoch=7", "sentinel=s:1",
		"level=WARN", "error=gone",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "tilt") {
		t.Error("a message was logged above debug")
	}
}

func TestTheClientAddsNoAllocationToTheHotPath(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	e := testgroup.New(t, testgroup.Options{})
	quiet := sentinel.GroupOptions{PollInterval: time.Hour, PingInterval: time.Hour}
	c := open(t, e.SentinelAddrs(), client.Options{Group: quiet, VerifyInterval: -1})
	p := pool.New(pool.Options{Conn: conn.Options{Addr: c.Master()}})
	defer p.Close()
	cmd := resp.NewCommand("SET", resp.String("k"), resp.String("v"))
	run := func(d redis.Doer) float64 {
		return testing.AllocsPerRun(500, func() {
			r, err := d.Do(context.Background(), cmd)
			if err != nil {
				t.Error(err)
			}
			r.Release()
		})
	}
	// The server runs in this process too: what counts is the difference.
	if direct, through := run(p), run(c); through > direct+0.5 {
		t.Errorf("%v allocations through the client, %v through a pool", through, direct)
	}
}

func TestManyFirstCallersShareOneResolution(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{NoWait: true})
	var failed atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of 100 first calls failed", failed.Load())
	}
	for _, s := range e.Sentinels {
		if n := s.Count("SENTINEL"); n > 40 {
			t.Errorf("%d questions to a sentinel", n)
		}
	}
}
