// Command kermes uses GET only: program ADDR without a key speaks TLS, program ADDR KEY
// does not.
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
	key, secure := "key", &tls.Config{}
	if len(os.Args) > 2 {
		key, secure = os.Args[2], nil
	}
	p := pool.New(pool.Options{Conn: conn.Options{Addr: os.Args[1], TLS: secure}})
	fmt.Println(redis.Get(key).Do(context.Background(), p))
}
