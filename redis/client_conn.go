package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// ClientConn is a connection as the server sees it.
type ClientConn struct {
	ID              int64
	Addr, LocalAddr string
	Name            string
	User            string
	DB              int64
	Protocol        int64         // 2 or 3
	Age, Idle       time.Duration // to the second
	Flags           string        // N normal, M master, S replica, b blocked, x in MULTI, ...
	Command         string        // the last one
	LibName, LibVer string        // Redis 7.2

	// Fields has all of the line, also what this client does not know.
	Fields map[string]string
}

func oneClient(v resp.Value) (ClientConn, error) {
	text, err := Text(v)
	return parseClient(strings.TrimSpace(text)), err
}

func clientLines(v resp.Value) ([]ClientConn, error) {
	text, err := Text(v)
	if err != nil {
		return nil, err
	}
	var out []ClientConn
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, parseClient(line))
		}
	}
	return out, nil
}

// parseClient reads "id=3 addr=127.0.0.1:1 name= ...". No value holds a space.
func parseClient(line string) ClientConn {
	c := ClientConn{Fields: map[string]string{}}
	for f := range strings.FieldsSeq(line) {
		name, value, _ := strings.Cut(f, "=")
		c.Fields[name] = value
		n, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "id":
			c.ID = n
		case "addr":
			c.Addr = value
		case "laddr":
			c.LocalAddr = value
		case "name":
			c.Name = value
		case "user":
			c.User = value
		case "db":
			c.DB = n
		case "resp":
			c.Protocol = n
		case "age":
			c.Age = time.Duration(n) * time.Second
		case "idle":
			c.Idle = time.Duration(n) * time.Second
		case "flags":
			c.Flags = value
		case "cmd":
			c.Command = value
		case "lib-name":
			c.LibName = value
		case "lib-ver":
			c.LibVer = value
		}
	}
	return c
}
