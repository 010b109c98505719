// Command socket connects to one server by its unix socket, and counts a visit:
//
//	go run ./examples/socket unix:///run/redis/redis.sock
//	go run ./examples/socket unix://:password@/run/redis/redis.sock
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/redis"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatalf("usage: %s unix:///PATH", os.Args[0])
	}
	ctx := context.Background()
	c, err := kermes.Open(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	n, err := redis.Incr("kermes:visits").Do(ctx, c)
	fmt.Println(n, err)
}
