package kermes_test

import (
	"context"
	"fmt"
	"log"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/redis"
)

func Example() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis://:password@localhost:6379")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := redis.Set("greeting", "hello").Do(ctx, c); err != nil {
		log.Fatal(err)
	}
	s, err := redis.Get("greeting").Do(ctx, c)
	fmt.Println(s, err)
}

func ExampleOpen() {
	ctx := context.Background()
	// Behind Sentinel: the password of the servers, and that of the sentinels.
	c, err := kermes.Open(ctx, "redis-sentinel://:password@10.0.0.1,10.0.0.2/mymaster?sentinel_password=other")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}

func ExampleOpenOptions() {
	ctx := context.Background()
	c, err := kermes.OpenOptions(ctx, kermes.Options{
		Sentinels:        []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		Master:           "mymaster",
		Password:         "password",
		SentinelPassword: "other",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}

func ExampleOpenOptions_socket() {
	ctx := context.Background()
	c, err := kermes.OpenOptions(ctx, kermes.Options{Addr: "/run/redis/redis.sock", Password: "password"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}

func ExampleParseURL() {
	ctx := context.Background()
	o, err := kermes.ParseURL("redis-sentinel://10.0.0.1,10.0.0.2,10.0.0.3/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	o.ClientName = "billing"
	o.Client.RequireQuorum = true
	c, err := kermes.OpenOptions(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}

// Options may be logged, changed, and handed to a package that opens the client.
func ExampleOptions_Full() {
	o := kermes.Options{Addr: "localhost:6379", Password: "secret", DB: 2}
	full, err := o.Full()
	if err != nil {
		log.Fatal(err)
	}
	full.Pool.MinIdle = 4
	var c *kermes.Client // what client.Open returns
	c, err = client.Open(context.Background(), full)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}
