package testproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// headSize is how much of what a client sent first is remembered.
const headSize = 512

// Conn is one connection through a Proxy.
type Conn struct {
	p      *Proxy
	id     int64
	client *net.TCPConn
	done   chan struct{}
	extra  [2]chan []byte // of Inject
	once   sync.Once

	headMu sync.Mutex // may be taken under Proxy.mu
	head   []byte

	// Guarded by Proxy.mu:
	server  *net.TCPConn
	own     *Mode
	delay   time.Duration
	corrupt [2]int64 // offset; negative: none
	cut     [2]int64
	seen    [2]int64 // bytes forwarded
	lost    bool     // something was swallowed
	piece   int      // the most bytes passed on at once; zero: no limit of its own
}

// piece is data on the way, or the end of the stream.
type piece struct {
	data []byte
	due  time.Time
	err  error
}

// ID numbers the connections of a proxy from 1.
func (c *Conn) ID() int64 { return c.id }

// Client returns the address of the client.
func (c *Conn) Client() net.Addr { return c.client.RemoteAddr() }

// Set gives the connection a mode of its own.
func (c *Conn) Set(m Mode) {
	defer c.p.heal()
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.own = &m
	c.p.announce()
}

// SetDelay is Proxy.SetDelay for this connection.
func (c *Conn) SetDelay(d time.Duration) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.delay = d
}

// CutAfter closes the connection after n more bytes in a direction.
func (c *Conn) CutAfter(d Dir, n int64) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.cut[d] = c.seen[d] + n
}

// CorruptAt inverts the byte that comes after n more in a direction.
func (c *Conn) CorruptAt(d Dir, n int64) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.corrupt[d] = c.seen[d] + n
}

// Bytes returns the number of bytes forwarded in a direction.
func (c *Conn) Bytes(d Dir) int64 {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.seen[d]
}

// Head returns the first bytes that the client sent.
func (c *Conn) Head() []byte {
	c.headMu.Lock()
	defer c.headMu.Unlock()
	return bytes.Clone(c.head)
}

// Internal says whether the client is a sentinel or a replica, by what it
// sent first (not through TLS). It may be called by the match of SetFor.
func (c *Conn) Internal() bool {
	head := c.Head()
	return bytes.Contains(head, []byte("sentinel-")) || bytes.Contains(head, []byte("REPLCONF"))
}

// External says whether the client has said something, and is neither a sentinel nor a
// replica. One that has said nothing yet may be either: a black hole for all that are not
// Internal would swallow sentinels as well that connect anew.
func (c *Conn) External() bool { return len(c.Head()) > 0 && !c.Internal() }

// Cut closes both sides (FIN).
func (c *Conn) Cut() { c.end(false) }

// Reset closes both sides by RST.
func (c *Conn) Reset() { c.end(true) }

func (c *Conn) end(reset bool) {
	c.once.Do(func() {
		c.p.mu.Lock()
		server := c.server
		close(c.done) // under the lock: dial sees it, or its result is seen here
		c.p.mu.Unlock()
		for _, nc := range []*net.TCPConn{c.client, server} {
			if nc == nil {
				continue
			}
			if reset {
				_ = nc.SetLinger(0)
			}
			_ = nc.Close()
		}
	})
}

// mode is the mode of the moment, and a channel that is closed when it may
// have changed.
func (c *Conn) mode() (Mode, <-chan struct{}) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	m := c.p.mode
	switch {
	case c.own != nil:
		m = *c.own
	case c.p.match != nil && c.p.match(c):
		m = c.p.matched
	}
	return m, c.p.changed
}

// swallows says whether a mode loses what goes in a direction.
func (m Mode) swallows(d Dir) bool {
	return m == BlackHole || m == BlackHoleUp && d == Up || m == BlackHoleDown && d == Down
}

// serve forwards until the connection ends.
func (c *Conn) serve() {
	defer c.Cut()
	if !c.admit() || !c.dial() {
		return
	}
	var wg sync.WaitGroup
	up, down := make(chan piece, 64), make(chan piece, 64)
	wg.Go(func() { c.read(Up, c.client, up) })
	wg.Go(func() { c.read(Down, c.server, down) })
	wg.Go(func() { c.write(Up, c.server, up) })
	wg.Go(func() { c.write(Down, c.client, down) })
	wg.Wait()
}

// admit keeps a new connection from the server while the mode says so. What
// a black hole accepted is reset when it ends: no server knows it.
func (c *Conn) admit() bool {
	swallowed := false
	for {
		m, changed := c.mode()
		switch {
		case m == BlackHole && !swallowed:
			swallowed = true
			c.p.wg.Go(func() { _, _ = io.Copy(io.Discard, c.client) })
		case m == BlackHole || m == Hold:
		case swallowed:
			c.Reset()
			return false
		default:
			return true
		}
		select {
		case <-changed:
		case <-c.done:
			return false
		}
	}
}

// dial connects to the server. A client of a dead server sees RST.
func (c *Conn) dial() bool {
	c.p.mu.Lock()
	target := c.p.target
	c.p.mu.Unlock()
	nc, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		c.Reset()
		return false
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	select {
	case <-c.done:
		_ = nc.Close()
		return false
	default:
		c.server = nc.(*net.TCPConn)
		return true
	}
}

// read takes what one side sends and queues what is to be forwarded.
func (c *Conn) read(d Dir, src *net.TCPConn, out chan<- piece) {
	defer close(out)
	for {
		if !c.pass(d, false) {
			return
		}
		buf := make([]byte, c.largest())
		n, err := src.Read(buf)
		if n > 0 && !c.forward(d, buf[:n], out) {
			return
		}
		if err == nil {
			continue
		}
		if c.pass(d, true) {
			c.queue(out, piece{err: err, due: time.Now().Add(c.currentDelay())})
		}
		return
	}
}

// SetPiece makes the connection pass on at most n bytes at once, so that the
// other side sees what was written together in pieces. Zero ends that.
func (c *Conn) SetPiece(n int) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.piece = n
}

// largest is how many bytes are read at once.
func (c *Conn) largest() int {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.piece > 0 {
		return c.piece
	}
	return 32 << 10
}

// pass waits while the mode holds. At the end of a stream it also waits while
// the mode swallows: the end is lost as well.
func (c *Conn) pass(d Dir, ended bool) bool {
	for {
		m, changed := c.mode()
		if m.swallows(d) && ended {
			c.lose()
		}
		if m != Hold && !(ended && m.swallows(d)) {
			return !ended || !c.resetIfLost()
		}
		select {
		case <-changed:
		case <-c.done:
			return false
		}
	}
}

func (c *Conn) lose() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.lost = true
}

// resetIfLost ends a connection with a hole in its stream.
func (c *Conn) resetIfLost() bool {
	c.p.mu.Lock()
	lost := c.lost
	c.p.mu.Unlock()
	if lost {
		c.Reset()
	}
	return lost
}

// forward queues data, or swallows it.
func (c *Conn) forward(d Dir, data []byte, out chan<- piece) bool {
	if d == Up {
		c.remember(data)
	}
	for {
		m, changed := c.mode()
		if m == Hold {
			select {
			case <-changed:
				continue
			case <-c.done:
				return false
			}
		}
		if m.swallows(d) {
			c.lose()
			return true
		}
		if c.resetIfLost() {
			return false
		}
		return c.queue(out, piece{data: data, due: time.Now().Add(c.currentDelay())})
	}
}

func (c *Conn) remember(data []byte) {
	c.headMu.Lock()
	defer c.headMu.Unlock()
	if room := headSize - len(c.head); room > 0 {
		c.head = append(c.head, data[:min(room, len(data))]...)
	}
}

func (c *Conn) currentDelay() time.Duration {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.delay
}

func (c *Conn) queue(out chan<- piece, p piece) bool {
	select {
	case out <- p:
		return true
	case <-c.done:
		return false
	}
}

// Inject sends data in a direction that the other side has not sent, between
// two pieces of what it does send: for protocols in which that is a place
// between two frames.
func (c *Conn) Inject(d Dir, data []byte) {
	select {
	case c.extra[d] <- data:
	case <-c.done:
	}
}

// next returns what is to be delivered next.
func (c *Conn) next(d Dir, in <-chan piece) (p piece, ok bool) {
	select {
	case p, ok = <-in:
	case data := <-c.extra[d]:
		p, ok = piece{data: data}, true
	}
	return p, ok
}

// write delivers what was queued, when it is due.
func (c *Conn) write(d Dir, dst *net.TCPConn, in <-chan piece) {
	for {
		p, ok := c.next(d, in)
		if !ok {
			return
		}
		if wait := time.Until(p.due); wait > 0 && !leak.Sleep(wait, c.done) {
			return
		}
		if p.err != nil {
			c.endStream(dst, p.err)
			return
		}
		cut := c.account(d, &p.data)
		if _, err := dst.Write(p.data); err != nil || cut {
			c.Cut()
			return
		}
	}
}

// endStream passes on how a stream ended.
func (c *Conn) endStream(dst *net.TCPConn, err error) {
	switch {
	case errors.Is(err, io.EOF):
		_ = dst.CloseWrite()
	case errors.Is(err, syscall.ECONNRESET):
		c.Reset()
	default:
		c.Cut()
	}
}

// account counts data, corrupts the byte it was told to, and shortens what
// crosses the cut.
func (c *Conn) account(d Dir, data *[]byte) (cut bool) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	from := c.seen[d]
	if at := c.cut[d]; at >= 0 && from+int64(len(*data)) >= at {
		*data = (*data)[:max(0, at-from)]
		cut = true
	}
	if i := c.corrupt[d] - from; c.corrupt[d] >= 0 && i >= 0 && i < int64(len(*data)) {
		(*data)[i] ^= 0xff
	}
	c.seen[d] += int64(len(*data))
	c.p.bytes[d] += int64(len(*data))
	return cut
}
