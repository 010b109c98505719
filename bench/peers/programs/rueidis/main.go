// Command rueidis uses GET only.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/redis/rueidis"
)

func main() {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{os.Args[1]}, TLSConfig: &tls.Config{}})
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Do(context.Background(), c.B().Get().Key("key").Build()).ToString())
}
