// Command go-redis uses GET only: program ADDR without a key speaks TLS, program ADDR KEY
// does not.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/redis/go-redis/v9"
)

func main() {
	key, secure := "key", &tls.Config{}
	if len(os.Args) > 2 {
		key, secure = os.Args[2], nil
	}
	c := redis.NewClient(&redis.Options{Addr: os.Args[1], TLSConfig: secure})
	fmt.Println(c.Get(context.Background(), key).Result())
}
