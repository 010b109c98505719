package redistest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

// A test of code under a failover. In a test, use NewGroup(t, ...) instead: the
// group ends with the test then.
func ExampleGroup() {
	ctx := context.Background()
	g, err := redistest.StartGroup(redistest.GroupOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	c, err := client.Open(ctx, g.Options(""))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	before := g.Master()
	_ = redis.Set("greeting", "hello").Do(ctx, c)
	if err := g.Failover(ctx); err != nil {
		fmt.Println(err)
		return
	}
	s, err := redis.Get("greeting").Do(ctx, c)
	fmt.Println(s, err, g.Master() != before)
	// Output: hello <nil> true
}

// A server that answers once that it is loading, and dies in the middle of an
// INCR.
func ExampleServer() {
	ctx := context.Background()
	s, err := redistest.StartServer(redistest.ServerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.ReplyOnce("GET", redistest.Error("LOADING Redis is loading the dataset in memory"))
	s.Handle("INCR", func(c *redistest.Peer, _ []string) { c.Kill() })

	c, err := conn.Dial(ctx, conn.Options{Addr: s.Addr()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_, err = redis.Get("k").Do(ctx, c)
	fmt.Println(redis.ClassOf(err))
	_, err = redis.Incr("n").Do(ctx, c)
	fmt.Println(redis.ClassOf(err))
	// Output:
	// rejected
	// may have executed
}

// A fake of ten lines for a test of what the program does with a reply.
func ExampleFunc() {
	fake := redistest.Func(func(args []string) string {
		if args[0] == "GET" && args[1] == "name" {
			return redistest.Bulk("kermes")
		}
		return redistest.Null
	})
	s, err := redis.Get("name").Do(context.Background(), fake)
	fmt.Println(s, err)
	_, err = redis.Get("other").Do(context.Background(), fake)
	fmt.Println(errors.Is(err, redis.ErrNil))
	// Output:
	// kermes <nil>
	// true
}
