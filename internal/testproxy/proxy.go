// Package testproxy is a faulty network: a proxy that delays, swallows, cuts,
// resets, corrupts and injects bytes between a client and a server.
package testproxy

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/ports"
)

// Mode is what a proxy does with bytes.
type Mode uint8

// Modes of a Proxy and of a Conn.
const (
	// Pass forwards bytes and ends of streams.
	Pass Mode = iota
	// BlackHole accepts connections, swallows the bytes of both directions
	// and forwards no end of stream: a dead network. Connections that lost
	// something are reset when the mode ends.
	BlackHole
	// BlackHoleUp swallows what the client sends.
	BlackHoleUp
	// BlackHoleDown swallows what the server sends.
	BlackHoleDown
	// Hold keeps bytes and ends of streams, and delivers them later; writers
	// block when the buffers are full.
	Hold
	// Refuse closes the listener; open connections pass.
	Refuse
)

// Dir is a direction.
type Dir uint8

// Up is from the client to the server, Down the other way.
const (
	Up Dir = iota
	Down
)

// Proxy is a TCP proxy on loopback with faults that can be switched. It
// knows nothing of Redis, and serves TLS as well. Safe for concurrent use.
type Proxy struct {
	addr   string
	wg     sync.WaitGroup
	forAll bool

	mu       sync.Mutex
	ln       net.Listener
	target   string
	mode     Mode
	match    func(*Conn) bool
	matched  Mode
	delay    time.Duration
	corrupt  [2]int64 // offset for new connections; negative: none
	cut      [2]int64
	conns    map[*Conn]struct{}
	lastID   int64
	accepted int
	bytes    [2]int64
	changed  chan struct{} // closed and replaced whenever a mode changes
	closed   bool
}

// New starts a proxy before target that ends with the test.
func New(tb leak.TB, target string) *Proxy {
	tb.Helper()
	p, err := Start(target)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(p.Close)
	return p
}

// Start starts a proxy on a free port of 127.0.0.1; the caller closes it.
func Start(target string) (*Proxy, error) { return StartOn("127.0.0.1", target) }

func StartOn(host, target string) (*Proxy, error) { return start(host, target, false) }

// StartForAll is StartOn for a proxy that tests share. Its connections come and go when
// servers behind it like, in whatever test that is: leak.Check passes over them.
func StartForAll(host, target string) (*Proxy, error) { return start(host, target, true) }

func start(host, target string, forAll bool) (*Proxy, error) {
	ln, err := ports.Listen(host)
	if err != nil {
		return nil, fmt.Errorf("testproxy: proxy: %w", err)
	}
	p := &Proxy{
		addr:    ln.Addr().String(),
		forAll:  forAll,
		ln:      ln,
		target:  target,
		corrupt: [2]int64{-1, -1},
		cut:     [2]int64{-1, -1},
		conns:   map[*Conn]struct{}{},
		changed: make(chan struct{}),
	}
	p.acceptOn(ln)
	return p, nil
}

// acceptOn starts to accept on a listener.
func (p *Proxy) acceptOn(ln net.Listener) {
	if p.forAll {
		p.wg.Go(func() { p.acceptForAll(ln) })
		return
	}
	p.wg.Go(func() { p.accept(ln) })
}

// acceptForAll is accept by a name that package leak knows.
func (p *Proxy) acceptForAll(ln net.Listener) { p.accept(ln) }

func (p *Proxy) accept(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		c := p.add(nc.(*net.TCPConn))
		if c == nil {
			_ = nc.Close()
			return
		}
		p.wg.Go(func() {
			c.serve()
			p.remove(c)
		})
	}
}

func (p *Proxy) add(nc *net.TCPConn) *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.lastID++
	p.accepted++
	c := &Conn{p: p, id: p.lastID, client: nc, done: make(chan struct{}), corrupt: p.corrupt, cut: p.cut, delay: p.delay}
	c.extra[Up], c.extra[Down] = make(chan []byte), make(chan []byte)
	p.conns[c] = struct{}{}
	return c
}

func (p *Proxy) remove(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// Addr returns "host:port" of the proxy.
func (p *Proxy) Addr() string { return p.addr }

// Port returns the port of Addr.
func (p *Proxy) Port() int {
	a, err := net.ResolveTCPAddr("tcp", p.addr)
	if err != nil {
		return 0
	}
	return a.Port
}

// SetTarget changes where new connections go.
func (p *Proxy) SetTarget(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = addr
}

// Set switches the mode of open and new connections.
func (p *Proxy) Set(m Mode) error {
	defer p.heal()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	was := p.mode
	p.mode = m
	p.announce()
	switch {
	case m == Refuse && was != Refuse:
		return p.ln.Close()
	case m != Refuse && was == Refuse:
		ln, err := ports.ListenAgain("tcp", p.addr)
		if err != nil {
			return fmt.Errorf("testproxy: proxy: %w", err)
		}
		p.ln = ln
		p.acceptOn(ln)
	}
	return nil
}

// SetFor gives the connections that match a mode of their own, open and new
// ones, whatever Set says; a nil match ends it. match runs for every piece of
// data and must be quick. See Conn.Internal.
func (p *Proxy) SetFor(m Mode, match func(c *Conn) bool) {
	defer p.heal()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.matched, p.match = m, match
	p.announce()
}

// announce wakes those who wait for a mode; p.mu is held.
func (p *Proxy) announce() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// heal resets the connections with a hole in their streams that nothing
// swallows any more.
func (p *Proxy) heal() {
	for _, c := range p.Conns() {
		if m, _ := c.mode(); m == Pass || m == Refuse {
			c.resetIfLost()
		}
	}
}

// SetDelay delays every piece of data by d in each direction, without
// limiting the rate; for open and new connections.
func (p *Proxy) SetDelay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
	for c := range p.conns {
		c.delay = d
	}
}

// CorruptAt inverts the byte at an offset of the stream of each new
// connection; negative ends it.
func (p *Proxy) CorruptAt(d Dir, offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.corrupt[d] = offset
}

// CutAfter closes each new connection after n bytes in a direction; negative
// ends it.
func (p *Proxy) CutAfter(d Dir, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut[d] = n
}

// Cut closes all connections on both sides (FIN).
func (p *Proxy) Cut() {
	for _, c := range p.Conns() {
		c.Cut()
	}
}

// Reset closes all connections on both sides by RST.
func (p *Proxy) Reset() {
	for _, c := range p.Conns() {
		c.Reset()
	}
}

// Conns returns the open connections, oldest first.
func (p *Proxy) Conns() []*Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	var cs []*Conn
	for c := range p.conns {
		cs = append(cs, c)
	}
	slices.SortFunc(cs, func(a, b *Conn) int { return int(a.id - b.id) })
	return cs
}

// Accepted returns the number of connections so far.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Open returns the number of open connections.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Bytes returns the number of bytes forwarded in a direction so far.
func (p *Proxy) Bytes(d Dir) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes[d]
}

// Close ends everything and waits for it.
func (p *Proxy) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		_ = p.ln.Close()
		p.announce()
	}
	p.mu.Unlock()
	p.Cut()
	p.wg.Wait()
}
