package testserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// Peer is one connection of a client. Its methods are safe for concurrent
// use; what is written comes out in order.
type Peer struct {
	srv  *Server
	id   int64
	raw  net.Conn // as accepted
	nc   net.Conn // raw behind the gates, and TLS
	out  outbox
	in   inbox
	gone chan struct{} // the client's input has ended, or dead
	dead chan struct{} // the socket is closed

	goneOnce, deadOnce sync.Once
	reading            gate
	stalled            atomic.Bool

	mu    sync.Mutex
	state peerState
	value any
}

// peerState is what a connection has said about itself.
type peerState struct {
	proto    int
	authed   bool
	user     string
	name     string
	db       int
	multi    bool
	dirty    bool
	queue    [][]string
	channels map[string]struct{}
	patterns map[string]struct{}
}

func newPeer(s *Server, id int64, raw net.Conn, o Options) *Peer {
	c := &Peer{
		srv:  s,
		id:   id,
		raw:  raw,
		gone: make(chan struct{}),
		dead: make(chan struct{}),
	}
	c.out.init(o.Chunk, o.ChunkPause)
	c.in.init()
	c.nc = &gatedConn{Conn: raw, c: c}
	if o.TLS != nil {
		c.nc = tls.Server(c.nc, o.TLS)
	}
	c.state = freshState(o)
	return c
}

func freshState(o Options) peerState {
	return peerState{
		proto:    2,
		authed:   o.Password == "" && len(o.Users) == 0,
		user:     "default",
		channels: map[string]struct{}{},
		patterns: map[string]struct{}{},
	}
}

// gatedConn reads only while the server and the connection are reading.
type gatedConn struct {
	net.Conn
	c *Peer
}

func (g *gatedConn) Read(p []byte) (int, error) {
	if !g.pass() {
		return 0, net.ErrClosed
	}
	n, err := g.Conn.Read(p)
	if !g.pass() { // shut while the read was waiting
		return 0, net.ErrClosed
	}
	return n, err
}

func (g *gatedConn) pass() bool {
	return g.c.srv.reading.pass(g.c.dead) && g.c.reading.pass(g.c.dead)
}

// serve runs the connection: one goroutine reads, one executes, one writes.
// It returns when all three have ended.
func (c *Peer) serve(hook func(*Peer)) {
	var wg sync.WaitGroup
	wg.Go(c.writeLoop)
	wg.Go(func() { c.execLoop(hook) })
	c.readLoop()
	wg.Wait()
}

// readLoop parses commands ahead of their execution, so that an end of the
// connection is seen while a handler blocks.
func (c *Peer) readLoop() {
	defer c.in.close()
	defer c.markGone()
	p := parser{br: bufio.NewReader(c.nc), conn: c.id, authed: c.isAuthed}
	for {
		args, err := p.next()
		if err != nil {
			c.inputEnded(err)
			return
		}
		call := c.srv.received(c, args)
		if call < 0 {
			continue
		}
		c.in.put(command{args: args, call: call})
		if c.srv.options().Backpressure || !c.isAuthed() {
			// Before AUTH the limits of the parser depend on what the
			// commands read so far do.
			if !c.in.idle(c.dead) {
				return
			}
		}
		if c.srv.options().Backpressure && !c.out.drained(c.dead) {
			return
		}
	}
}

// inputEnded accounts for the end of the client's input.
func (c *Peer) inputEnded(err error) {
	var pe *ProtocolError
	switch {
	case errors.As(err, &pe):
		c.srv.protocolError(pe)
		c.in.put(command{bad: pe})
	case errors.Is(err, io.ErrUnexpectedEOF):
		select {
		case <-c.dead: // we closed it ourselves
		default:
			c.srv.cutOff()
		}
	}
}

// execLoop runs the commands one after another.
func (c *Peer) execLoop(hook func(*Peer)) {
	defer c.Close()
	if hook != nil {
		hook(c)
	}
	for {
		cmd, ok := c.in.take()
		if !ok {
			return
		}
		if cmd.bad != nil {
			c.Error("ERR Protocol error: " + cmd.bad.Msg)
			return
		}
		c.srv.execute(c, cmd)
		c.in.finished()
	}
}

// writeLoop writes what is in the outbox.
func (c *Peer) writeLoop() {
	defer c.Kill()
	for {
		op, ok := c.out.next()
		if !ok {
			return
		}
		switch op.kind {
		case opWrite:
			if !c.send(op.data) {
				return
			}
		case opCloseWrite:
			c.closeWrite()
		case opReset:
			c.reset()
			return
		case opClose:
			return
		}
		c.out.done()
	}
}

// send writes data in chunks, and ends the connection at a planned cut.
func (c *Peer) send(data []byte) bool {
	for len(data) > 0 {
		n, pause, cut := c.out.plan(len(data))
		if n > 0 {
			if _, err := c.nc.Write(data[:n]); err != nil {
				return false
			}
		}
		data = data[n:]
		if cut {
			return false
		}
		if len(data) > 0 && pause != nil {
			pause(c.dead)
		}
	}
	return true
}

func (c *Peer) closeWrite() {
	if h, ok := c.nc.(interface{ CloseWrite() error }); ok { // TLS: alert
		_ = h.CloseWrite()
	}
	if h, ok := c.raw.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite()
		return
	}
	_ = c.raw.Close()
}

// reset makes the kernel send RST instead of FIN.
func (c *Peer) reset() {
	if tc, ok := c.raw.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	c.Kill()
}

func (c *Peer) markGone() { c.goneOnce.Do(func() { close(c.gone) }) }

// Kill closes the connection at once; unwritten output is lost.
func (c *Peer) Kill() {
	c.deadOnce.Do(func() { close(c.dead) })
	c.markGone()
	_ = c.raw.Close()
	c.out.close()
}

// Close closes the connection after everything written so far.
func (c *Peer) Close() { c.out.put(outOp{kind: opClose}) }

// CloseWrite sends FIN after everything written so far and keeps reading.
// A net.Pipe has no half close: it is closed.
func (c *Peer) CloseWrite() { c.out.put(outOp{kind: opCloseWrite}) }

// Reset sends RST after everything written so far.
func (c *Peer) Reset() { c.out.put(outOp{kind: opReset}) }

// ResetNow sends RST at once.
func (c *Peer) ResetNow() { c.reset() }

// Write queues raw bytes.
func (c *Peer) Write(raw string) { c.out.put(outOp{kind: opWrite, data: []byte(raw)}) }

// CutAfter closes the connection after n more bytes of output.
func (c *Peer) CutAfter(n int) { c.out.cutAfter(n) }

// Chunk makes later output leave in writes of at most n bytes (zero: no
// limit), with pause between them.
func (c *Peer) Chunk(n int, pause func(stop <-chan struct{})) { c.out.chunk(n, pause) }

// Stall makes the connection read and log commands, but execute and answer
// none; those read in the meantime are lost.
func (c *Peer) Stall(on bool) { c.stalled.Store(on) }

// StopReading makes the connection not read at all, or read again.
func (c *Peer) StopReading(on bool) { c.reading.shut(on) }

// Done is closed when the client's input has ended or the connection was
// closed.
func (c *Peer) Done() <-chan struct{} { return c.gone }

// Wait blocks for d, in a handler; false when the connection ended first.
func (c *Peer) Wait(d time.Duration) bool { return leak.Sleep(d, c.gone) }

// Conn returns the accepted connection, below TLS.
func (c *Peer) Conn() net.Conn { return c.raw }

// ID numbers the connections of a server from 1.
func (c *Peer) ID() int64 { return c.id }

// Server returns the server of the connection.
func (c *Peer) Server() *Server { return c.srv }

// SetValue keeps a value of the script with the connection.
func (c *Peer) SetValue(v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value = v
}

// Value returns what SetValue kept.
func (c *Peer) Value() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}
