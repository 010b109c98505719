// Command redigo uses GET only: program ADDR without a key speaks TLS, program ADDR KEY
// does not.
package main

import (
	"fmt"
	"os"

	"github.com/gomodule/redigo/redis"
)

func main() {
	key, secure := "key", true
	if len(os.Args) > 2 {
		key, secure = os.Args[2], false
	}
	p := redis.Pool{MaxIdle: 1, Dial: func() (redis.Conn, error) {
		return redis.Dial("tcp", os.Args[1], redis.DialUseTLS(secure))
	}}
	c := p.Get()
	defer c.Close()
	fmt.Println(redis.String(c.Do("GET", key)))
}
