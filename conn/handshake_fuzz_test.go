package conn_test

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

const (
	fuzzedPassword = "hunter2-and-more"
	// fuzzedPatience is far more than any bound that a dial of the fuzz target has.
	fuzzedPatience = 20 * time.Second
)

// FuzzHandshake lets a peer answer a dial with any bytes. In them \x01 stands for the
// password, which a peer knows by then. A dial that the peer has hung up on may dial
// again: second is what comes then. It never hangs nor panics, has a class, and tells
// no password, nor does a command on the connection that it may return.
func FuzzHandshake(f *testing.F) {
	const hello = "%3\r\n$5\r\nproto\r\n:3\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
	const master = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
	for _, first := range []string{
		"", hello + "+OK\r\n" + master + "+OK\r\n+OK\r\n+PONG\r\n", hello + master, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
		"-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'me' '\x01' \r\n-X\r\n-X\r\n-X\r\n-X\r\n+OK\r\n+OK\r\n" + master,
		"-WRONGPASS invalid username-password pair or user is disabled.\r\n+OK\r\n", "-\x01\r\n", "-\x01 \x01\r\n", "+\x01\r\n",
		hello + "-ERR \x01 is no database\r\n*1\r\n$16\r\n\x01\r\n", "*1\r\n$16\r\n\x01\r\n", "HTTP/1.1 400 \x01\r\n\r\n", "\x15\x03\x01\x00\x02\x02\x46",
		">2\r\n+message\r\n+\x01\r\n" + hello, "|1\r\n+a\r\n+b\r\n-LOADING \x01\r\n", "%1\r\n$5\r\nproto\r\n$16\r\n\x01\r\n",
		"-ERR \xff\xff\xff\xff\xff\xff\xff\xff '\x01'\r\n", "-ERR \xff\xff\xff\xff\xff\xff\xff\xff '\x01', and a long tail behind it\r\n",
		"-NOAUTH Authentication required.\r\n", "*4\r\n$5\r\nproto\r\n:2\r\n$4\r\nmode\r\n$8\r\nsentinel\r\n", "*99999999\r\n", "$536870912\r\n",
	} {
		for _, how := range []uint16{0, 1, 1 << 2, 1<<2 | 1, 1<<3 | 1, 1<<4 | 1, 1<<6 - 1, 1 << 6, 1 << 7, 1<<8 | 1} {
			f.Add([]byte(first), []byte(hello), how)
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte, how uint16) {
		hung := time.AfterFunc(fuzzedPatience, func() { panic("the dial hangs") })
		defer hung.Stop()
		p := &fuzzedPeer{bytes: [][]byte{withPassword(first), withPassword(second)}, silent: how&(1<<8) != 0, piece: 1 + int(how>>10)}
		o := fuzzedOptions(how)
		o.Dial = p.dial
		c, err := conn.Dial(t.Context(), o)
		checkTold(t, err, o.Password)
		if err != nil {
			if conn.ClassOf(err) != conn.ClassNotSent {
				t.Errorf("class %v: %v", conn.ClassOf(err), err)
			}
			if c != nil {
				t.Error("a connection and an error")
			}
		} else {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			r, err := c.Do(ctx, resp.NewCommand("GET", resp.String("k")))
			r.Release()
			checkTold(t, err, o.Password)
			_ = c.Close()
		}
		if n := p.open(); n != 0 {
			t.Errorf("%d transports are left open: %v", n, err)
		}
	})
}

// checkTold looks at an error of a dial, or of a command, with password.
func checkTold(t *testing.T, err error, password string) {
	t.Helper()
	if err == nil {
		return
	}
	if conn.ClassOf(err) == conn.ClassNone {
		t.Errorf("no class: %v", err)
	}
	if password != "" && strings.Contains(strings.ToLower(err.Error()), password) {
		t.Errorf("a password in %q", err)
	}
}

func withPassword(b []byte) []byte {
	return []byte(strings.ReplaceAll(string(b), "\x01", fuzzedPassword))
}

func fuzzedOptions(how uint16) conn.Options {
	o := conn.Options{Addr: "peer:1", DialTimeout: 20 * time.Millisecond, ReadTimeout: 50 * time.Millisecond}
	o.Limits = resp.Limits{Bulk: 1 << 16, Line: 1 << 16, Reply: 1 << 17, Elems: 1 << 12}
	if how&1 != 0 {
		o.Password = fuzzedPassword
	}
	if how&2 != 0 {
		o.Username = "me"
	}
	o.Protocol = []int{0, 2, 3, 0}[how>>2&3]
	if how&(1<<4) != 0 {
		o.DB = 7
	}
	if how&(1<<5) != 0 {
		o.ClientName = "me"
	}
	o.Role = map[bool]conn.Role{true: conn.RoleMaster}[how&(1<<6) != 0]
	o.Sentinel = how&(1<<7) != 0
	o.AllowCluster = how&(1<<9) != 0
	return o
}

// A fuzzedPeer takes whatever is written and answers each dial with its bytes; then it
// hangs up, or says nothing more.
type fuzzedPeer struct {
	bytes  [][]byte // of the first dial, and of all others
	silent bool
	piece  int // how many bytes a read gets at most

	mu    sync.Mutex
	dials int
	ended int
}

func (p *fuzzedPeer) dial(context.Context, string, string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &fuzzedConn{peer: p, left: p.bytes[min(p.dials, 1)], moved: make(chan struct{})}
	p.dials++
	return c, nil
}

func (p *fuzzedPeer) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials - p.ended
}

// A fuzzedConn is the client's end of a transport without a socket.
type fuzzedConn struct {
	net.Conn // nil: what is not below is not called
	peer     *fuzzedPeer

	mu       sync.Mutex
	left     []byte
	written  bool
	closed   bool
	deadline time.Time
	moved    chan struct{} // closed, and made anew, by all that a waiting read has to see
}

func (c *fuzzedConn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		moved, deadline := c.moved, c.deadline
		late := !deadline.IsZero() && !time.Now().Before(deadline)
		switch {
		case c.closed:
			c.mu.Unlock()
			return 0, net.ErrClosed
		case late:
			c.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(c.left) > 0 && c.written: // a peer answers; what comes unasked is another test's
			n := copy(b[:min(len(b), c.peer.piece)], c.left)
			c.left = c.left[n:]
			c.mu.Unlock()
			return n, nil
		case !c.peer.silent && c.written:
			c.mu.Unlock()
			return 0, io.EOF
		}
		c.mu.Unlock()
		wait := time.Hour
		if !deadline.IsZero() {
			wait = time.Until(deadline)
		}
		timer := time.NewTimer(wait)
		select {
		case <-moved:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// move wakes a read that waits, after change.
func (c *fuzzedConn) move(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.moved)
	c.moved = make(chan struct{})
}

func (c *fuzzedConn) Write(b []byte) (int, error) {
	err := net.ErrClosed
	c.move(func() {
		if !c.closed {
			c.written, err = true, nil
		}
	})
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *fuzzedConn) Close() error {
	c.move(func() {
		if !c.closed {
			c.closed = true
			c.peer.mu.Lock()
			c.peer.ended++
			c.peer.mu.Unlock()
		}
	})
	return nil
}

func (c *fuzzedConn) SetReadDeadline(t time.Time) error {
	c.move(func() { c.deadline = t })
	return nil
}
func (c *fuzzedConn) SetWriteDeadline(time.Time) error { return nil }
func (c *fuzzedConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *fuzzedConn) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "here"} }
func (c *fuzzedConn) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "there"} }
