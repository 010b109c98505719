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

// parseClient reads "id=3 addr=127.0.0.1:1 name= ...". Of the values only the path of
// a unix socket may hold a space: what is no field belongs to the value before it.
func parseClient(line string) ClientConn {
	c := ClientConn{Fields: map[string]string{}}
	for line != "" {
		var name, value string
		name, value, line = cutField(line)
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

// cutField takes "name=value" off.
func cutField(s string) (name, value, rest string) {
	name, s, _ = strings.Cut(s, "=")
	for i := range len(s) {
		if s[i] == ' ' && beginsField(s[i+1:]) {
			return name, s[:i], s[i+1:]
		}
	}
	return name, s, ""
}

// beginsField reports whether s begins with a name, in lower case, and an equals sign.
func beginsField(s string) bool {
	name, _, ok := strings.Cut(s, "=")
	return ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-_0123456789") == ""
}
