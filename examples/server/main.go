// Command server connects to one server with a password, and counts a visit:
//
//	go run ./examples/server localhost:6379 password
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
	if len(os.Args) != 3 {
		log.Fatalf("usage: %s HOST:PORT PASSWORD", os.Args[0])
	}
	ctx := context.Background()
	c, err := kermes.OpenOptions(ctx, kermes.Options{Addr: os.Args[1], Password: os.Args[2]})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	n, err := redis.Incr("kermes:visits").Do(ctx, c)
	fmt.Println(n, err)
}
