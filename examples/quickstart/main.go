// Command quickstart is a first look at the library, on a server of yours:
//
//	go run ./examples/quickstart redis://127.0.0.1:6379
//	go run ./examples/quickstart redis-sentinel://10.0.0.1,10.0.0.2,10.0.0.3/mymaster
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/redis"
)

func main() {
	url := "redis://127.0.0.1:6379"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	if err := run(url); err != nil {
		log.Fatal(err)
	}
}

func run(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := kermes.Open(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()

	if err := redis.Set("kermes:greeting", "hello").Do(ctx, c); err != nil {
		return err
	}
	greeting, err := redis.Get("kermes:greeting").Do(ctx, c)
	if err != nil {
		return err
	}
	fmt.Println("GET:", greeting)

	_, err = redis.Get("kermes:nothing").Do(ctx, c)
	fmt.Println("a key that does not exist:", errors.Is(err, redis.ErrNil))

	var p redis.Pipeline
	visits := redis.Incr("kermes:visits").Queue(&p)
	expires := redis.Expire("kermes:visits", time.Minute).Queue(&p)
	if err := p.Do(ctx, c); err != nil {
		return err
	}
	n, err := visits.Value()
	fmt.Println("visits within a minute:", n, err)
	set, err := expires.Value()
	fmt.Println("expiry set:", set, err)

	_, err = redis.LPush("kermes:greeting", "x").Do(ctx, c)
	fmt.Printf("an error of the server: %v (the command: %v)\n", err, redis.ClassOf(err))

	_, err = redis.Del("kermes:greeting", "kermes:visits").Do(ctx, c)
	return err
}
