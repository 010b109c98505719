// Command radix uses GET only: program ADDR without a key speaks TLS, program ADDR KEY
// does not.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/mediocregopher/radix/v4"
)

func main() {
	var key, value string
	d := radix.Dialer{NetDialer: &tls.Dialer{}}
	if len(os.Args) > 2 {
		key, d = os.Args[2], radix.Dialer{}
	}
	ctx := context.Background()
	c, err := (radix.PoolConfig{Dialer: d}).New(ctx, "tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	err = c.Do(ctx, radix.Cmd(&value, "GET", key))
	fmt.Println(value, err)
}
