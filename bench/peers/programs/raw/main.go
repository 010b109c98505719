// Command raw gets a value with a socket and nothing else.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	c, err := net.Dial("tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(c, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(os.Args[2]), os.Args[2])
	reply := make([]byte, 4096)
	n, err := c.Read(reply)
	fmt.Println(string(reply[:n]), err)
}
