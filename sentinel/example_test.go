package sentinel_test

import (
	"context"
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
