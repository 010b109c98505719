package pool_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// A connection of the caller's own, as for MONITOR, that ends with the pool.
func ExamplePool_Dial() {
	ctx := context.Background()
	p := pool.New(pool.Options{Conn: conn.Options{Addr: "127.0.0.1:6379"}})
	defer p.Close()
	c, err := p.Dial(ctx)
	if errors.Is(err, pool.ErrClosed) {
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(c.Send(ctx, resp.NewCommand("MONITOR")))
}

// A client of several servers leaves one that is not to be written to any more: calls
// under way end with the reason, at once.
func ExamplePool_Abort() {
	demoted := errors.New("the server has become a replica")
	p := pool.New(pool.Options{})
	p.Abort(demoted)
	_, err := p.Do(context.Background(), resp.NewCommand("PING"))
	fmt.Println(errors.Is(err, demoted), conn.ClassOf(err) == conn.ClassNotSent)
	fmt.Println(p.Close()) // waits for what the pool has started
	// Output:
	// true true
	// <nil>
}

// A client that tries several servers gives each a part of its time, and learns how
// much of it was spent on waiting for a connection.
func ExampleWithWaitTime() {
	p := pool.New(pool.Options{Conn: conn.Options{Addr: "10.0.0.7:6379"}})
	defer p.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := p.Do(pool.WithWaitTime(ctx, 200*time.Millisecond), resp.NewCommand("PING"))
	if err != nil {
		fmt.Println("waited", pool.Waited(err), "of 5s:", err)
	}
}
