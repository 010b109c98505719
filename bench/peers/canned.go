package main

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// canned is a connection to a server in memory that answers what the clients
// ask. It shows what a client costs without a kernel. A write that it has seen
// before costs one look into a map.
type canned struct {
	mu      sync.Mutex
	ready   sync.Cond
	known   map[string][]byte // replies by what was written
	partial []byte            // of a write that ended within a command
	out     []byte            // replies not read yet
	start   int
	third   bool // protocol 3
	closed  bool
}

func dialCanned(context.Context, string, string) (net.Conn, error) {
	c := &canned{known: make(map[string][]byte)}
	c.ready.L = &c.mu
	return c, nil
}

func (c *canned) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if reply, ok := c.known[string(p)]; ok && len(c.partial) == 0 {
		c.out = append(c.out, reply...)
	} else {
		c.learn(p)
	}
	c.ready.Signal()
	return len(p), nil
}

func (c *canned) learn(p []byte) {
	whole := len(c.partial) == 0
	c.partial = append(c.partial, p...)
	var replies []byte
	for {
		words, n := parseCommand(c.partial)
		if n == 0 {
			break
		}
		replies = append(replies, c.answer(words)...)
		c.partial = c.partial[n:]
	}
	if whole && len(c.partial) == 0 {
		c.known[string(p)] = replies
	}
	c.out = append(c.out, replies...)
}

// parseCommand returns the words of the first command and its length, which is
// zero if it is not whole.
func parseCommand(b []byte) (words []string, n int) {
	number := func() (int, bool) {
		end := bytes.Index(b[n:], []byte("\r\n"))
		if end < 1 {
			return 0, false
		}
		v, err := strconv.Atoi(string(b[n+1 : n+end]))
		n += end + 2
		return v, err == nil
	}
	count, ok := number()
	if !ok {
		return nil, 0
	}
	for range count {
		size, ok := number()
		if !ok || len(b) < n+size+2 {
			return nil, 0
		}
		words = append(words, string(b[n:n+size]))
		n += size + 2
	}
	return words, n
}

const helloReply = "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n" +
	"$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"

// answer is how a server would answer, as far as the clients care.
func (c *canned) answer(words []string) []byte {
	d := shared()
	switch strings.ToUpper(words[0]) {
	case "GET":
		k, _ := strconv.Atoi(strings.TrimPrefix(words[1], "key:"))
		return resp.AppendBulk(nil, d.values[k])
	case "HGETALL":
		return hashReply(c.third)
	case "HELLO":
		c.third = true
		return []byte(helloReply)
	case "CLUSTER": // rueidis asks whether it is one
		return []byte("-ERR This instance has cluster support disabled\r\n")
	case "PING":
		return []byte("+PONG\r\n")
	case "CLIENT":
		if len(words) > 1 && strings.EqualFold(words[1], "maint_notifications") {
			return []byte("-ERR unknown subcommand\r\n")
		}
	}
	return rawOK
}

func (c *canned) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.start == len(c.out) && !c.closed {
		c.ready.Wait()
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	n := copy(p, c.out[c.start:])
	if c.start += n; c.start == len(c.out) {
		c.out, c.start = c.out[:0], 0
	}
	return n, nil
}

func (c *canned) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.ready.Broadcast()
	return nil
}

func (*canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*canned) SetDeadline(time.Time) error      { return nil }
func (*canned) SetReadDeadline(time.Time) error  { return nil }
func (*canned) SetWriteDeadline(time.Time) error { return nil }
