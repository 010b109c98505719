package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestGroupsComeAndGoAtRunTime(t *testing.T) {
	leak.Check(t)
	a := testgroup.New(t, testgroup.Options{})
	b := testgroup.New(t, testgroup.Options{})
	of := func(e *testgroup.Group) sentinel.GroupOptions {
		return sentinel.GroupOptions{Sentinels: e.SentinelAddrs()}
	}
	var groups sentinel.Groups
	defer groups.Close()
	if _, err := groups.Get("a"); !errors.Is(err, sentinel.ErrUnknownGroup) {
		t.Errorf("Get of nothing: %v", err)
	}
	if err := groups.Set(map[string]sentinel.GroupOptions{"a": of(a), "b": of(b)}); err != nil {
		t.Fatal(err)
	}
	clients := map[string]*client.Client{}
	for _, name := range groups.Names() {
		c, err := openIn(t.Context(), &groups, name, client.Options{Master: "mymaster"})
		if err != nil {
			t.Fatal(err)
		}
		if err := redis.Set("who", name).Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		clients[name] = c
	}
	if clients["a"].Master() != a.MasterAddr() || clients["b"].Master() != b.MasterAddr() {
		t.Error("the groups are mixed up")
	}
	if err := groups.Remove("a"); err != nil {
		t.Fatal(err)
	}
	err := redis.Set("k", "v").Do(t.Context(), clients["a"])
	if !errors.Is(err, client.ErrClosed) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("a client of a removed group: %v, class %v", err, conn.ClassOf(err))
	}
	if err := groups.Remove("a"); !errors.Is(err, sentinel.ErrUnknownGroup) {
		t.Errorf("Remove again: %v", err)
	}
	if err := redis.Set("k", "v").Do(t.Context(), clients["b"]); err != nil {
		t.Errorf("a client of another group: %v", err)
	}
	if _, err := groups.Add("c", sentinel.GroupOptions{}); err == nil {
		t.Error("a group without sentinels")
	}
	if err := groups.Set(map[string]sentinel.GroupOptions{"x": of(a), "y": {}}); err == nil || len(groups.Names()) != 1 {
		t.Errorf("Set with a bad group: %v, %v", err, groups.Names())
	}
	if err := groups.Set(map[string]sentinel.GroupOptions{"a": of(a)}); err != nil {
		t.Fatal(err)
	}
	if err := redis.Set("k", "v").Do(t.Context(), clients["b"]); !errors.Is(err, client.ErrClosed) {
		t.Errorf("a client of a replaced group: %v", err)
	}
	if s := groups.Status(); len(s) != 1 || s[0].Name != "a" {
		t.Errorf("status %+v", s)
	}
	if err := groups.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := groups.Add("a", of(a)); !errors.Is(err, sentinel.ErrClosed) {
		t.Errorf("Add after Close: %v", err)
	}
}

func TestGroupsMayChangeWhileTheyAreUsed(t *testing.T) {
	leak.Check(t)
	leak.CheckFiles(t)
	e := testgroup.New(t, testgroup.Options{})
	var groups sentinel.Groups
	defer groups.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				c, err := openIn(ctx, &groups, fmt.Sprint("g", w%2), client.Options{Master: "mymaster"})
				if err != nil {
					continue
				}
				_, _ = redis.Incr("n").Do(ctx, c)
				_ = c.Status()
				_ = c.Close()
			}
		})
	}
	for i := range 100 {
		name := fmt.Sprint("g", i%2)
		if _, err := groups.Add(name, sentinel.GroupOptions{Sentinels: e.SentinelAddrs()}); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			_ = groups.Remove(name)
		}
		_ = groups.Status()
	}
	cancel()
	wg.Wait()
}

func TestAClientOpenedAfterResolveNeedsNoQuestion(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: e.SentinelAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	addr, epoch, err := g.Resolve(t.Context(), "mymaster")
	if addr != e.MasterAddr() || epoch != 0 || err != nil {
		t.Fatalf("Resolve = %s, %d, %v", addr, epoch, err)
	}
	for _, s := range e.Sentinels {
		s.Stop()
	}
	leak.Eventually(t, patience, "all links to go", func() bool { return g.Status().Alone })
	c, err := client.OpenIn(t.Context(), g, client.Options{Master: "mymaster"})
	if err != nil {
		t.Fatal(err)
	}
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Error(err)
	}
}

func TestOneLinkServesAllMastersOfAGroup(t *testing.T) {
	leak.Check(t)
	names := []string{"a", "b", "c", "d", "e"}
	e := testgroup.New(t, testgroup.Options{Masters: names})
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: e.SentinelAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	clients := map[string]*client.Client{}
	for _, name := range names {
		if clients[name], err = client.OpenIn(t.Context(), g, client.Options{Master: name}); err != nil {
			t.Fatal(err)
		}
	}
	linked(t, clients["a"])
	for _, s := range e.Sentinels {
		if s.Accepted() != 1 {
			t.Errorf("%d connections to a sentinel", s.Accepted())
		}
	}
	if err := e.Of("c").Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, patience, "the switch", func() bool { return clients["c"].Master() == e.Of("c").MasterAddr() })
	for name, c := range clients {
		want := uint64(1)
		if name == "c" {
			want = 2
		}
		if c.Generation() != want || c.Master() != e.Of(name).MasterAddr() {
			t.Errorf("%s: generation %d, master %s", name, c.Generation(), c.Master())
		}
	}
}

func TestStatusesAreJSON(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	c := open(t, e.SentinelAddrs(), client.Options{})
	serving(t, c.Replicas(), 2)
	e.Sentinels[2].Stop()
	var g sentinel.GroupStatus
	leak.Eventually(t, patience, "a lost sentinel, and what the others say", func() bool {
		g = c.Group().Status()
		return !g.Sentinels[2].Up && g.Sentinels[2].Err != "" && len(g.Masters) == 1 && g.Masters[0].Confirming == 2
	})
	m := g.Masters[0]
	if m.Addr != e.MasterAddr() || !m.Known || m.Needed != 2 || !m.QuorumFresh || len(m.Replicas) != 2 || m.RunID == "" || m.Clients != 1 {
		t.Errorf("master %+v", m)
	}
	if s := g.Sentinels[0]; !s.Up || !s.Subscribed || !s.Seed || s.ID != e.Sentinels[0].MyID() || s.LastAnswer.IsZero() {
		t.Errorf("sentinel %+v", s)
	}
	s := c.Status()
	if s.Master != "mymaster" || s.Addr != e.MasterAddr() || !s.QuorumFresh || len(s.Replicas) != 2 || !s.Replicas[0].Serving {
		t.Errorf("client %+v", s)
	}
	for _, v := range []any{g, s, sentinel.Event{Kind: sentinel.EventAlone, Time: time.Now(), Err: errors.New("gone")}} {
		b, err := json.Marshal(v)
		var back map[string]any
		if err != nil || json.Unmarshal(b, &back) != nil || len(back) == 0 {
			t.Errorf("%T: %s, %v", v, b, err)
		}
		if _, is := v.(sentinel.Event); is && back["error"] != "gone" {
			t.Errorf("the error is missing: %s", b)
		}
	}
}

func TestClosingAGroupEndsItsClients(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: e.SentinelAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.OpenIn(t.Context(), g, client.Options{Master: "mymaster"})
	if err != nil {
		t.Fatal(err)
	}
	leased, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- c.WithConn(context.Background(), func(cn *conn.Conn) error {
			close(leased)
			<-cn.Done()
			return cn.Err()
		})
	}()
	<-leased
	for range 2 {
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; !errors.Is(err, client.ErrClosed) {
		t.Errorf("a lease: %v", err)
	}
	if err := redis.Set("k", "v").Do(t.Context(), c); !errors.Is(err, client.ErrClosed) {
		t.Errorf("a command: %v", err)
	}
	if _, err := client.OpenIn(t.Context(), g, client.Options{Master: "mymaster"}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Open: %v", err)
	}
	if _, _, err := g.Resolve(t.Context(), "mymaster"); !errors.Is(err, sentinel.ErrClosed) {
		t.Errorf("Resolve: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if s := c.Status(); !s.Closed {
		t.Errorf("status %+v", s)
	}
}

// openIn opens a client of a registered group.
func openIn(ctx context.Context, groups *sentinel.Groups, name string, o client.Options) (*client.Client, error) {
	g, err := groups.Get(name)
	if err != nil {
		return nil, err
	}
	return client.OpenIn(ctx, g, o)
}
