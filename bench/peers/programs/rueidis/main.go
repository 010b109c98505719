// Command rueidis uses GET only: program ADDR without a key speaks TLS, program ADDR KEY
// does not.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/redis/rueidis"
)

func main() {
	key, secure := "key", &tls.Config{}
	if len(os.Args) > 2 {
		key, secure = os.Args[2], nil
	}
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{os.Args[1]}, TLSConfig: secure})
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Do(context.Background(), c.B().Get().Key(key).Build()).ToString())
}
