// Command empty links what every client needs: the network and TLS.
package main

import (
	"crypto/tls"
	"fmt"
	"os"
)

func main() {
	c, err := tls.Dial("tcp", os.Args[1], nil)
	fmt.Println(c, err)
}
