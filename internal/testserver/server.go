// Package testserver is a scripted server: it reads the protocol strictly, answers
// as a test has told it to, logs what it got, and fails in all the ways in which a
// server or its connection can fail. Beside it are the raw replies to script it with,
// a client without any comfort, and certificates.
package testserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/ports"
)

// Options configure a fake server. The zero value is a RESP3 capable
// master without a password on a free loopback port.
type Options struct {
	// Network is "tcp" (default), "unix", or "none": no listener at all,
	// connections come by ServeConn, Pipe and PipeDial (testing/synctest).
	Network string
	// Addr to listen on; empty is a free port of 127.0.0.1, or a path in a new temporary
	// directory for "unix". With "none" it is only what Server.Addr says.
	Addr string
	// TLS makes the server speak TLS.
	TLS *tls.Config

	// Password of the user "default"; empty is no password.
	Password string
	// Users are further users and their passwords. With users and an empty
	// Password the default user is off.
	Users map[string]string

	// NoHello makes HELLO an unknown command, as Redis 5 and some proxies do.
	NoHello bool
	// MaxProto is the newest protocol: 0 or 3, or 2 (HELLO 3 is -NOPROTO).
	MaxProto int
	// Mode in the reply of HELLO: "standalone" (default) or "sentinel".
	// A sentinel answers HELLO without a role and knows the commands of a
	// sentinel only.
	Mode string
	// Version in the reply of HELLO; default 7.0.15. CLIENT SETINFO exists
	// from 7.2 on.
	Version string
	// Role is "master" (default) or "slave", in ROLE and HELLO.
	Role string
	// MasterHost, MasterPort and LinkState ("connected") are what a slave
	// says in ROLE.
	MasterHost string
	MasterPort int
	LinkState  string
	// ReplOffset in ROLE.
	ReplOffset int64

	// Backpressure makes the server read the next command only when its
	// output has been taken by the peer's kernel. Without it the output queue
	// is unbounded, as in Redis, and no order of writing and reading by the
	// client can block.
	Backpressure bool
	// ReadBuffer is SO_RCVBUF of accepted connections, bytes; zero leaves it.
	ReadBuffer int
	// WriteBuffer is SO_SNDBUF of accepted connections, bytes; zero leaves it.
	WriteBuffer int
	// Chunk is the most bytes of output written at once; zero is no limit.
	Chunk int
	// ChunkPause runs between two chunks; stop is closed when the connection
	// ends. See Pause.
	ChunkPause func(stop <-chan struct{})

	// AllowProtocolErrors keeps New from failing the test when a client
	// sent something that is not a command.
	AllowProtocolErrors bool
}

// Handler answers a command. args[0] is the command's name as it was sent.
// Commands of one connection run one after another; a handler that blocks
// must watch c.Done.
type Handler func(c *Peer, args []string)

// Server is a fake Redis server that does what its script says, and by
// default what a tiny Redis would do. Safe for concurrent use.
type Server struct {
	reading gate
	wg      sync.WaitGroup
	done    chan struct{}
	rmdir   string

	mu        sync.Mutex
	o         Options
	ln        net.Listener
	network   string
	addr      string
	refusing  bool
	closed    bool
	stalled   bool
	lastID    int64
	accepted  int
	truncated int
	peers     map[*Peer]struct{}
	handlers  map[string]Handler
	rest      Handler
	once      map[string][]string
	anyHook   func(c *Peer, args []string) bool
	onConnect func(c *Peer)
	log       callLog
	errs      []error
	store     [databases]map[string]string
}

// New starts a fake server with default options that ends with the
// test, and fails the test when a client broke the protocol.
func New(tb leak.TB) *Server {
	tb.Helper()
	return NewWith(tb, Options{})
}

// NewWith is New with options.
func NewWith(tb leak.TB, o Options) *Server {
	tb.Helper()
	s, err := Start(o)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("%v", err)
		}
		if s.options().AllowProtocolErrors {
			return
		}
		for _, err := range s.ProtocolErrors() {
			tb.Errorf("%v", err)
		}
	})
	return s
}

// Start starts a fake server; the caller closes it.
func Start(o Options) (*Server, error) {
	s := &Server{
		o:        o,
		done:     make(chan struct{}),
		peers:    map[*Peer]struct{}{},
		handlers: map[string]Handler{},
		once:     map[string][]string{},
		log:      newCallLog(),
	}
	for db := range s.store {
		s.store[db] = map[string]string{}
	}
	s.network, s.addr = o.Network, o.Addr
	switch {
	case o.Network == "none":
		return s, nil
	case o.Network == "unix" && o.Addr == "":
		dir, err := os.MkdirTemp("", "kermes")
		if err != nil {
			return nil, fmt.Errorf("testserver: server: %w", err)
		}
		s.rmdir, s.addr = dir, filepath.Join(dir, "s")
	case o.Network == "":
		s.network = "tcp"
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	return s, nil
}

// listen opens the listener and accepts on it.
func (s *Server) listen() error {
	var ln net.Listener
	var err error
	if s.addr == "" {
		ln, err = ports.Listen("127.0.0.1")
	} else {
		ln, err = ports.ListenAgain(s.network, s.addr)
	}
	if err != nil {
		return fmt.Errorf("testserver: server: %w", err)
	}
	s.ln, s.addr = ln, ln.Addr().String()
	s.wg.Go(func() { s.accept(ln) })
	return nil
}

func (s *Server) accept(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		o := s.options()
		if tc, ok := nc.(*net.TCPConn); ok {
			if o.ReadBuffer > 0 {
				_ = tc.SetReadBuffer(o.ReadBuffer)
			}
			if o.WriteBuffer > 0 {
				_ = tc.SetWriteBuffer(o.WriteBuffer)
			}
		}
		s.ServeConn(nc)
	}
}

// ServeConn serves an open connection and returns at once. On a closed
// server it closes nc and returns nil.
func (s *Server) ServeConn(nc net.Conn) *Peer {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = nc.Close()
		return nil
	}
	s.lastID++
	s.accepted++
	c := newPeer(s, s.lastID, nc, s.o)
	s.peers[c] = struct{}{}
	hook := s.onConnect
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		c.serve(hook)
		s.mu.Lock()
		delete(s.peers, c)
		s.mu.Unlock()
	}()
	return c
}

// Pipe returns the client's end of a net.Pipe that the server serves.
func (s *Server) Pipe() net.Conn {
	client, server := net.Pipe()
	s.ServeConn(server)
	return client
}

// PipeDial is Pipe in the shape of a dial function. It fails while the
// server refuses connections.
func (s *Server) PipeDial(ctx context.Context, network, addr string) (net.Conn, error) {
	s.mu.Lock()
	refused := s.closed || s.refusing
	s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: err}
	}
	if refused {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: errors.New("connection refused")}
	}
	return s.Pipe(), nil
}

// Addr returns "host:port", or the path of a unix socket.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Network returns "tcp", "unix" or "none".
func (s *Server) Network() string { return s.network }

// Host returns the host of Addr.
func (s *Server) Host() string {
	host, _, _ := net.SplitHostPort(s.Addr())
	return host
}

// Port returns the port of Addr.
func (s *Server) Port() int {
	_, port, _ := net.SplitHostPort(s.Addr())
	n, _ := strconv.Atoi(port)
	return n
}

// Configure changes options of the running server: role, passwords, chunks,
// versions. Network, Addr and TLS stay.
func (s *Server) Configure(change func(o *Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.o)
}

func (s *Server) options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.o
}

// Close ends every connection and waits for every goroutine; its error says
// that a handler did not return.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
		if s.ln != nil {
			_ = s.ln.Close()
		}
	}
	peers := s.peersLocked()
	s.mu.Unlock()
	for _, c := range peers {
		c.Kill()
	}
	ended := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(ended)
	}()
	t := time.NewTimer(leak.DefaultWait)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
		return errors.New("testserver: server: closed, but a handler does not return (does it watch Peer.Done?)")
	}
	if s.rmdir != "" {
		_ = os.RemoveAll(s.rmdir)
	}
	return nil
}

// peersLocked copies the connections; s.mu is held.
func (s *Server) peersLocked() []*Peer {
	peers := make([]*Peer, 0, len(s.peers))
	for c := range s.peers {
		peers = append(peers, c)
	}
	return peers
}
