package conn

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Dial connects to the server of o, performs the handshake and returns the
// connection, ready for commands. ctx bounds the dial, not the life of the
// connection.
//
// Errors are of type [*Error] with class not sent; they match *[AuthError],
// *[RoleError], *[ForeignError], *[resp.Error] and the errors of package net
// where those are the cause.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, &Error{Op: OpDial, Addr: o.Addr, Class: ClassNotSent, Err: err}
	}
	if o.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.DialTimeout)
		defer cancel()
	}
	c, err := dialOnce(ctx, o)
	if err == nil || o.Protocol != 0 || !hungUpOnHello(err) || ctx.Err() != nil {
		return c, err
	}
	// Some proxies close the connection when they see HELLO.
	o.Protocol = 2
	if c, err = dialOnce(ctx, o); err == nil {
		c.info.NoHello = true
	}
	return c, err
}

func dialOnce(ctx context.Context, o Options) (*Conn, error) {
	began := time.Now()
	nc, err := o.open(ctx)
	if err != nil {
		return nil, &Error{Op: OpDial, Addr: o.Addr, Class: ClassNotSent, Err: causeOf(ctx, err)}
	}
	opened := time.Since(began)
	c, err := newConn(ctx, nc, o)
	if err == nil && opened <= nearby {
		c.far = false
	}
	return c, err
}

// NewConn performs the handshake on nc, which it owns from then on, and
// returns the connection. It is for transports of one's own; Options.Dial is
// not used.
func NewConn(ctx context.Context, nc net.Conn, o Options) (*Conn, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		_ = nc.Close()
		return nil, &Error{Op: OpDial, Addr: o.Addr, Class: ClassNotSent, Err: err}
	}
	if o.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.DialTimeout)
		defer cancel()
	}
	return newConn(ctx, nc, o)
}

func newConn(ctx context.Context, nc net.Conn, o Options) (*Conn, error) {
	c := wrap(nc, o)
	began := time.Now()
	if err := c.handshake(ctx); err != nil {
		c.Abort(err)
		if e, ok := err.(*Error); ok { //nolint:errorlint // of a call, whose class is of no interest
			err = e.Err
		}
		return nil, &Error{Op: OpHandshake, Addr: o.Addr, Class: ClassNotSent, Err: diagnose(causeOf(ctx, err))}
	}
	c.far = c.in.total == 0 || time.Since(began) > nearby
	c.mu.Lock()
	c.taint = taint{} // HELLO, AUTH and SELECT are what a connection starts with
	c.mu.Unlock()
	c.shared.Store(o.Shared)
	return c, nil
}

func (o Options) check() error {
	switch {
	case o.DB < 0:
		return errors.New("negative database")
	case o.Protocol != 0 && o.Protocol != 2 && o.Protocol != 3:
		return errors.New("protocol is not 0, 2 or 3")
	}
	return nil
}

// open makes the byte stream: TCP or unix, then TLS.
func (o Options) open(ctx context.Context) (net.Conn, error) {
	dial := o.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(ctx, o.Network(), o.Addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		setUserTimeout(tcp, DefaultUserTimeout)
		_ = tcp.SetKeepAliveConfig(o.keepAlive())
	}
	if o.TLS == nil {
		return nc, nil
	}
	secure := tls.Client(beneathTLS(nc), o.tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return secure, nil
}

// keepAlive makes a silent peer known as dead after twice the
// idle time, where the kernel of the peer does not answer.
func (o Options) keepAlive() net.KeepAliveConfig {
	if o.KeepAlive < 0 {
		return net.KeepAliveConfig{Enable: false}
	}
	return net.KeepAliveConfig{
		Enable: true, Idle: o.KeepAlive, Interval: max(o.KeepAlive/keepAliveProbes, time.Second), Count: keepAliveProbes,
	}
}

// tlsConfig returns TLS with the name that the server's certificate is for.
func (o Options) tlsConfig() *tls.Config {
	name := o.TLS.ServerName
	if o.ServerName != nil {
		name = o.ServerName(o.Addr)
	}
	if name == "" {
		name, _, _ = net.SplitHostPort(o.Addr)
	}
	if name == "" || name == o.TLS.ServerName {
		return o.TLS
	}
	config := o.TLS.Clone()
	config.ServerName = name
	return config
}

// causeOf prefers the context's own error where the context is why err came.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

func hungUpOnHello(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Op != OpHandshake {
		return false
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// firstBytes is attached to a framing error at the very start of a connection.
type firstBytes struct {
	head []byte
	err  error
}

func (e *firstBytes) Error() string { return e.err.Error() }
func (e *firstBytes) Unwrap() error { return e.err }

// diagnose recognises a peer that speaks another protocol by its first bytes.
func diagnose(err error) error {
	first, ok := errors.AsType[*firstBytes](err)
	if !ok || !errors.Is(err, resp.ErrProtocol) {
		return err
	}
	switch {
	case len(first.head) > 0 && (first.head[0] == 0x15 || first.head[0] == 0x16):
		return &ForeignError{Speaks: "TLS", Err: first.err}
	case bytes.HasPrefix(first.head, []byte("HTTP")):
		return &ForeignError{Speaks: "HTTP", Err: first.err}
	case bytes.HasPrefix(first.head, []byte("SSH-")):
		return &ForeignError{Speaks: "SSH", Err: first.err}
	}
	return err
}
