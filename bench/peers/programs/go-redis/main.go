// Command go-redis uses GET only.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/redis/go-redis/v9"
)

func main() {
	c := redis.NewClient(&redis.Options{Addr: os.Args[1], TLSConfig: &tls.Config{}})
	fmt.Println(c.Get(context.Background(), "key").Result())
}
