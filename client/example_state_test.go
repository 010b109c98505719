package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// What the errors of a client say. All of them are within a RetryError, if the call was
// tried more than once.
func ExampleClient_Do() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	r, err := c.Do(ctx, resp.NewCommand("MYMODULE.ADD", resp.String("k"), resp.Int(1)))
	switch {
	case err == nil:
		fmt.Println(r)
		r.Release()
	case errors.Is(err, client.ErrHeld):
		fmt.Println("a failover has taken longer than the context")
	case errors.Is(err, client.ErrNoQuorum):
		fmt.Println("too few sentinels confirm the master: Options.RequireQuorum")
	case errors.Is(err, client.ErrSwitched), errors.Is(err, client.ErrOrphan), errors.Is(err, client.ErrNotMaster):
		fmt.Println("the master was replaced meanwhile")
	case errors.Is(err, client.ErrInvalidated), errors.Is(err, client.ErrReauth):
		fmt.Println("somebody has dropped the connection by hand")
	case errors.Is(err, client.ErrClosed):
		fmt.Println("the client was closed")
	}
}

// Writes must not go where no sentinel has looked; and the failovers of this group are
// to be short, at the price that package client names.
func ExampleAdopt() {
	o := client.Options{
		Master:        "mymaster",
		Group:         sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}},
		RequireQuorum: true,
		Adopt:         client.AdoptEager, // the default is client.AdoptConfirmed
	}
	fmt.Println(o.Adopt != client.AdoptConfirmed)
	// Output: true
}

// Reads from the nearest server, the master included.
func ExampleReplicaPolicy() {
	ctx := context.Background()
	c, err := client.Open(ctx, client.Options{
		Master:   "mymaster",
		Group:    sentinel.GroupOptions{Sentinels: []string{"10.0.0.1"}},
		Replicas: client.ReplicaOptions{Policy: client.AnyNode, Choose: client.LowestLatency()},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = redis.Get("k").Do(ctx, c.Replicas())
	if errors.Is(err, client.ErrNoReplica) {
		fmt.Println("none may serve: see Policy, MaxLag and Client.Status")
	}
	_, err = redis.Incr("n").Do(ctx, c.Replicas())
	fmt.Println(errors.Is(err, client.ErrNotReadOnly))
}

// A lock or a lease has to outlive the time for which a planned failover holds writes.
func ExampleClient_MaxHold() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println("at least", 2*c.MaxHold())
}

// The client's own group of sentinels, for a second client and for an exporter.
func ExampleClient_Group() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/sessions")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	orders, err := client.OpenIn(ctx, c.Group(), client.Options{Master: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer orders.Close()
	fmt.Println(c.Group().Status())
}

// Subscriptions that move with the master, and what package pubsub asks of their source.
func ExampleClient_Subscriptions() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	source := c.Subscriptions()
	s := pubsub.New(source, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(ctx, "news")
	if err != nil {
		log.Fatal(err)
	}
	for m := range sub.Messages(ctx) {
		fmt.Println(m.Text(), "at epoch", source.Epoch(), "after", source.Generation(), "moves")
	}
	cn, err := source.Dial(ctx) // a connection that breaks when the source moves
	if err != nil {
		log.Fatal(err)
	}
	select {
	case <-cn.Done():
	case <-source.Done(): // the client was closed
	}
}
