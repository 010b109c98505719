package bench

import (
	"context"
	"net"
	"sync"
	"time"
)

// canned is a server in memory: for each command of a fixed length it has one
// fixed reply. It shows what the client costs, without a kernel.
type canned struct {
	command int // bytes of one command
	reply   []byte

	mu      sync.Mutex
	ready   sync.Cond
	partial int    // bytes of a command not yet whole
	owed    int    // replies to give
	rest    []byte // of a reply partly given
	closed  bool
}

func newCanned(command, reply string) *canned {
	c := &canned{command: len(command), reply: []byte(reply)}
	c.ready.L = &c.mu
	return c
}

func (c *canned) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	c.partial += len(p)
	c.owed += c.partial / c.command
	c.partial %= c.command
	c.ready.Signal()
	return len(p), nil
}

func (c *canned) Read(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.owed == 0 && len(c.rest) == 0 && !c.closed {
		c.ready.Wait()
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	for n < len(p) {
		if len(c.rest) == 0 {
			if c.owed == 0 {
				break
			}
			c.owed--
			c.rest = c.reply
		}
		k := copy(p[n:], c.rest)
		c.rest = c.rest[k:]
		n += k
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

// dialer returns c to whoever dials.
func (c *canned) dialer(context.Context, string, string) (net.Conn, error) { return c, nil }
