package sentinel

import (
	"errors"
	"net"
	"strings"
)

// Message is a published event of a sentinel, taken apart. Its addresses are as
// they were published: AddrMap is not applied.
type Message struct {
	// Name is the channel, as in "+switch-master".
	Name string
	// Payload is the text as it was published.
	Payload string
	// Master is the name of the master that it concerns; empty where it
	// concerns none.
	Master string
	// Type is "master", "slave" or "sentinel": what Addr belongs to.
	Type string
	// Addr of the instance; for +switch-master the new master's.
	Addr string
	// OldAddr is the former master's address, for +switch-master.
	OldAddr string
}

var errMessage = errors.New("sentinel: malformed message")

// parseMessage takes a published event apart (sentinel.md, events: the name of
// the master stands second for type master and after @ for the others).
func parseMessage(name, payload string) (Message, error) {
	m := Message{Name: name, Payload: payload}
	f := strings.Split(payload, " ")
	if name == "+switch-master" {
		if len(f) != 5 || f[0] == "" || !port(f[2]) || !port(f[4]) || f[3] == "" {
			return m, errMessage
		}
		m.Master, m.Type = f[0], "master"
		m.OldAddr, m.Addr = join(f[1], f[2]), join(f[3], f[4])
		return m, nil
	}
	switch {
	case f[0] == "master" && len(f) >= 4:
		m.Master, m.Addr = f[1], join(f[2], f[3])
	case (f[0] == "slave" || f[0] == "sentinel") && len(f) >= 8 && f[4] == "@":
		m.Master, m.Addr = f[5], join(f[2], f[3])
	default:
		return m, nil // +tilt, +new-epoch and the like concern no instance
	}
	m.Type = f[0]
	return m, nil
}

func join(host, port string) string { return net.JoinHostPort(strings.Trim(host, "[]"), port) }

func port(s string) bool {
	if s == "" || len(s) > 5 {
		return false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n > 0 && n <= 65535
}
