// Command kermes uses GET only.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

func main() {
	p := pool.New(pool.Options{Conn: conn.Options{Addr: os.Args[1], TLS: &tls.Config{}}})
	fmt.Println(redis.Get("key").Do(context.Background(), p))
}
