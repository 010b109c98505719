package redis_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

// exampleClient is a connection to an empty server inside this process. A program
// has a client of package client, or a pool, in its place.
func exampleClient() (context.Context, redis.Doer) {
	ctx := context.Background()
	server, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	server.SetTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	client, err := conn.Dial(ctx, conn.Options{Addr: server.Addr()})
	if err != nil {
		panic(err)
	}
	return ctx, client
}

// exampleLeaser is the same as [exampleClient] for what needs a connection of its
// own.
func exampleLeaser() (context.Context, redis.Leaser, redis.Doer) {
	ctx, d := exampleClient()
	return ctx, redis.On(d.(*conn.Conn)), d
}

// What a pool or a client does, for expvar, and so for whatever scrapes that.
func Example_expvar() {
	server, err := redistest.StartServer(redistest.ServerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	p := pool.New(pool.Options{Conn: conn.Options{Addr: server.Addr()}})
	defer p.Close()
	_ = p.Ping(context.Background())

	redisStats := expvar.Func(func() any { return p.Stats() })
	// In a program: expvar.Publish("redis", redisStats)
	var got struct{ Open, Dials int }
	_ = json.Unmarshal([]byte(redisStats.String()), &got)
	fmt.Printf("%+v\n", got)
	// Output: {Open:1 Dials:1}
}
