// Command sentinel connects to the master that sentinels name, with one password
// for the servers and another one for the sentinels, and counts a visit:
//
//	go run ./examples/sentinel mymaster password other 10.0.0.1 10.0.0.2 10.0.0.3
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
	if len(os.Args) < 5 {
		log.Fatalf("usage: %s MASTER PASSWORD SENTINEL_PASSWORD SENTINEL...", os.Args[0])
	}
	ctx := context.Background()
	c, err := kermes.OpenOptions(ctx, kermes.Options{
		Master:           os.Args[1],
		Password:         os.Args[2],
		SentinelPassword: os.Args[3],
		Sentinels:        os.Args[4:],
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	n, err := redis.Incr("kermes:visits").Do(ctx, c)
	fmt.Println(n, err)
}
