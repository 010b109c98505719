package sentinel_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

func ExampleGroup() {
	ctx := context.Background()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	defer g.Listen(sentinel.LogEvents(slog.Default()))()
	// The clients of a group share one link to each sentinel.
	sessions, err := client.OpenIn(ctx, g, client.Options{Master: "sessions"})
	if err != nil {
		log.Fatal(err)
	}
	orders, err := client.OpenIn(ctx, g, client.Options{Master: "orders", RequireQuorum: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sessions.Master(), orders.Master())
}

func ExampleGroups() {
	ctx := context.Background()
	var groups sentinel.Groups
	defer groups.Close()
	if _, err := groups.Add("eu", sentinel.GroupOptions{Sentinels: []string{"eu-1", "eu-2", "eu-3"}}); err != nil {
		log.Fatal(err)
	}
	g, err := groups.Get("eu")
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.OpenIn(ctx, g, client.Options{Master: "sessions"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Master())
	_ = groups.Remove("eu") // the client's calls return ErrClosed from now on
}

func ExampleGroup_Watch() {
	ctx := context.Background()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	w, err := g.Watch("mymaster", sentinel.WatchOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	v, err := w.Await(ctx)
	for err == nil { // every master that there is from now on
		fmt.Println(v.Addr, v.Epoch)
		v, err = w.AwaitAfter(ctx, v.Epoch)
	}
}

func ExampleGroup_Resolve() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	addr, epoch, err := g.Resolve(ctx, "mymaster")
	fmt.Println(addr, epoch, err)
}

func ExampleGroup_Dial() {
	ctx := context.Background()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	cn, err := g.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer cn.Close()
	info, err := redis.New(redis.Text, "INFO", "sentinel").Do(ctx, cn)
	fmt.Println(info, err)
}

// An exporter shows what the sentinels say, and what was.
func ExampleGroup_Status() {
	g, err := sentinel.NewGroup(sentinel.GroupOptions{
		Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		Believe:   sentinel.BelieveSecond, // faster than the default, BelieveMajority; see Belief
		AddrMap: func(kind sentinel.AddrKind, addr string) string {
			if kind == sentinel.AddrSentinel {
				return addr
			}
			return "gateway:" + addr[len(addr)-4:]
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	s := g.Status()                   // a GroupStatus
	for _, one := range s.Sentinels { // each is a SentinelStatus
		fmt.Println(one.Addr, one.Up, one.Subscribed, one.Err)
	}
	for _, m := range s.Masters { // each is a MasterStatus
		fmt.Println(m.Name, m.Addr, m.Epoch, m.Confirming, "of", m.Needed)
		for _, o := range m.Opinions { // each is an Opinion
			fmt.Println(o.Sentinel, o.Addr, o.Epoch, o.Failover, o.Down)
		}
	}
	stats := g.Stats() // a GroupStats
	fmt.Println(stats.Queries, stats.QueryErrors, "here", g.MapAddr(sentinel.AddrMaster, "10.1.0.7:6379"))
}

func ExampleGroup_Failover() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	w, err := g.Watch("mymaster", sentinel.WatchOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	old, err := w.Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := g.Failover(ctx, "mymaster"); err != nil {
		log.Fatal(err)
	}
	next, err := w.AwaitAfter(ctx, old.Epoch)
	fmt.Println(old.Addr, "->", next.Addr, err)
}

// A proxy that answers for a master shows what a watch tells.
func ExampleWatch() {
	ctx := context.Background()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	w, err := g.Watch("mymaster", sentinel.WatchOptions{QuorumTTL: time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	if err := w.Ask(ctx); err != nil {
		log.Fatal("nobody says who the master is: ", w.Err())
	}
	b := w.Backing() // a Backing
	fmt.Println(b.Addr, "is confirmed by a majority:", b.Majority(), "since", b.Since)
	for _, r := range w.Replicas() { // each is a Replica
		fmt.Println(r.Addr, r.Fit(), r.Flags)
	}
	addr := w.View().Addr
	w.Doubt()    // a connection to it has failed: the sentinels are asked now
	w.Deny(addr) // it has said that it is no master
	if w.Deserted(addr) {
		fmt.Println("its replicas follow another server")
	}
	if w.Coordinated("10.0.0.1:26379") {
		fmt.Println("it is about to hand over by itself")
	}
	w.Send(sentinel.Event{Kind: sentinel.EventDistrusted, Addr: addr})
}

func ExampleNewGroups() {
	all := map[string]sentinel.GroupOptions{"eu": {Sentinels: []string{"eu-1"}}, "us": {Sentinels: []string{"us-1"}}}
	groups, err := sentinel.NewGroups(all)
	if err != nil {
		log.Fatal(err)
	}
	defer groups.Close()
	delete(all, "us")
	if err := groups.Set(all); err != nil { // as the configuration says now
		log.Fatal(err)
	}
	eu, _ := groups.Get("eu")
	fmt.Println(groups.Names(), eu.Name())
	// Output: [eu] eu
}

func ExampleResolveError() {
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"127.0.0.1:1"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	_, _, err = g.Resolve(context.Background(), "mymaster")
	var failed *sentinel.ResolveError
	if errors.As(err, &failed) {
		for _, a := range failed.Attempts { // each is an Attempt
			fmt.Println(a.Sentinel, "can be tried again:", !failed.Permanent())
		}
	}
	fmt.Println(errors.Is(err, sentinel.ErrNoSentinel))
	// Output:
	// 127.0.0.1:1 can be tried again: true
	// true
}

func ExampleListeners() {
	var events sentinel.Listeners
	stop := events.Listen(func(e sentinel.Event) { fmt.Println(e.Kind, e.Addr, e.Level()) })
	events.Send(sentinel.Event{Kind: sentinel.EventServerUp, Addr: "10.0.0.1:6379"})
	events.Close() // waits for what was sent
	stop()
	// Output: server up 10.0.0.1:6379 INFO
}

func ExampleEvent() {
	e := sentinel.Event{Kind: sentinel.EventMessage, Message: sentinel.Message{Name: "+sdown", Payload: "master mymaster 10.0.0.7 6379"}}
	fmt.Println(e)
	// Output: message message=+sdown payload=master mymaster 10.0.0.7 6379
}
