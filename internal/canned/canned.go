// Package canned is a connection to a server in memory, so that a benchmark shows what
// a client costs, and nothing of a kernel. What has been written once costs one look
// into a map.
package canned

import (
	"net"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Options say what a server answers.
type Options struct {
	// Answer returns the reply to a command, in the protocol of the connection, 2 or 3.
	// The same command has the same reply. HELLO, MULTI and EXEC are answered already:
	// EXEC with the replies to what was queued.
	Answer func(proto int, words []string) []byte

	// Crowd lets other callers come before a reply is there, as a network does.
	Crowd bool
}

// Conn is a connection to a server of its own.
type Conn struct {
	opts Options

	mu      sync.Mutex
	ready   sync.Cond
	known   map[string][]byte // replies by what was written
	partial []byte            // of a write that ended within a command
	scan    resp.Scanner
	proto   int
	multi   bool
	queued  []byte   // replies to what waits for EXEC
	queue   int      // how many
	out     [][]byte // replies not read yet, from next on
	next    int
	closed  bool
}

// New returns a connection in protocol 2, as all begin.
func New(o Options) *Conn {
	c := &Conn{opts: o, known: make(map[string][]byte), scan: resp.NewScanner(resp.Limits{}), proto: 2}
	c.ready.L = &c.mu
	return c
}

// Write implements [net.Conn].
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	replies, ok := c.known[string(p)]
	if !ok || len(c.partial) > 0 || c.multi {
		var err error
		if replies, err = c.learn(p); err != nil {
			return 0, err
		}
	}
	if len(replies) > 0 {
		c.out = append(c.out, replies)
	}
	c.ready.Signal()
	return len(p), nil
}

// learn answers the commands in p one by one, and remembers what it said if p stands
// for itself.
func (c *Conn) learn(p []byte) (replies []byte, err error) {
	whole := len(c.partial) == 0 && !c.multi
	c.partial = append(c.partial, p...)
	for {
		n, err := c.scan.Scan(c.partial)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		replies = append(replies, c.answer(wordsOf(c.partial[:n]))...)
		c.partial = c.partial[n:]
	}
	if whole && len(c.partial) == 0 && !c.multi {
		c.known[string(p)] = replies
	}
	return replies, nil
}

// wordsOf returns the words of a command.
func wordsOf(command resp.Value) (words []string) {
	cur := command.Cursor()
	for word, ok := cur.NextBulk(); ok; word, ok = cur.NextBulk() {
		words = append(words, string(word))
	}
	return words
}

const hello = "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n" +
	"$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"

func (c *Conn) answer(words []string) []byte {
	switch strings.ToUpper(words[0]) {
	case "HELLO":
		c.proto = 3
		return []byte(hello)
	case "MULTI":
		c.multi, c.queued, c.queue = true, nil, 0
		return []byte("+OK\r\n")
	case "EXEC":
		c.multi = false
		return append(resp.AppendArray(nil, c.queue), c.queued...)
	}
	reply := c.opts.Answer(c.proto, words)
	if c.multi {
		c.queued, c.queue = append(c.queued, reply...), c.queue+1
		return []byte("+QUEUED\r\n")
	}
	return reply
}

// Read implements [net.Conn].
func (c *Conn) Read(p []byte) (n int, err error) {
	if c.opts.Crowd {
		runtime.Gosched()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.next == len(c.out) && !c.closed {
		c.ready.Wait()
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	for n < len(p) && c.next < len(c.out) {
		k := copy(p[n:], c.out[c.next])
		n += k
		if c.out[c.next] = c.out[c.next][k:]; len(c.out[c.next]) == 0 {
			c.next++
		}
	}
	if c.next == len(c.out) {
		c.out, c.next = c.out[:0], 0
	}
	return n, nil
}

// Close implements [net.Conn].
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.ready.Broadcast()
	return nil
}

// LocalAddr implements [net.Conn].
func (*Conn) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements [net.Conn].
func (*Conn) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline implements [net.Conn]. There is none.
func (*Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements [net.Conn]. There is none.
func (*Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements [net.Conn]. There is none.
func (*Conn) SetWriteDeadline(time.Time) error { return nil }
