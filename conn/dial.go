package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Dial connects to the server of o, performs the handshake and returns the
// connection, ready for commands. ctx bounds the dial, not the life of the
// connection.
//
// Errors are of type [*Error] with class not sent; they match *[AuthError],
// *[RoleError], *[ForeignError], *[resp.Error] and the errors of package net
// where those are the cause.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	mustHave(ctx)
	o = o.withDefaults()
	if err := errors.Join(o.check(), o.checkAddr()); err != nil {
		failed := newError(OpDial, maskAddr(o.Addr), err)
		failed.Permanent = true
		return nil, failed
	}
	if o.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.DialTimeout)
		defer cancel()
	}
	c, err := dialOnce(ctx, o)
	if !hungUpInHandshake(ctx, err) {
		return c, err
	}
	if o.Protocol == 0 {
		c, err = dialAgain(ctx, o)
	}
	if hungUpInHandshake(ctx, err) && o.TLS == nil && o.speaksTLS(ctx) {
		return nil, newError(OpHandshake, o.Addr, &ForeignError{Speaks: SpeaksTLS, Err: err})
	}
	return c, err
}

// dialAgain is for a peer that has hung up on the handshake. Some proxies do when they
// see a command that they do not know; but a peer may also just have been restarted, so
// it is asked for HELLO once more before it gets only what it must know.
func dialAgain(ctx context.Context, o Options) (*Conn, error) {
	o.bare = true
	c, err := dialOnce(ctx, o)
	if err == nil {
		_ = c.perform(ctx, c.infoSteps()) // if that breaks it, who uses it is told
		return c, nil
	}
	if !hungUpInHandshake(ctx, err) {
		return nil, err
	}
	o.Protocol = 2
	if c, err = dialOnce(ctx, o); err == nil {
		c.info.NoHello, c.info.HungUp = true, true
	}
	return c, err
}

// hungUpInHandshake reports whether the peer has closed the connection within the
// handshake, and there is time to try again.
func hungUpInHandshake(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == OpHandshake && ctx.Err() == nil && hungUp(err)
}

func dialOnce(ctx context.Context, o Options) (*Conn, error) {
	began := time.Now()
	nc, err := o.open(ctx)
	if err != nil {
		return nil, newError(OpDial, o.Addr, dialCause(ctx, err))
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
	mustHave(ctx)
	o = o.withDefaults()
	if err := o.check(); err != nil {
		_ = nc.Close()
		failed := newError(OpDial, o.Addr, err)
		failed.Permanent = true
		return nil, failed
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
	panicked := true
	defer func() {
		if panicked { // a function of the options, with which the socket would be lost
			c.Abort(errPanicked)
		}
	}()
	err := c.handshake(ctx)
	panicked = false
	if err != nil {
		c.Abort(err)
		return nil, newError(OpHandshake, o.Addr, handshakeCause(ctx, err))
	}
	c.far = c.in.total == 0 || time.Since(began) > nearby
	c.taint.marks.Store(0) // HELLO, AUTH and SELECT are what a connection starts with
	c.shared.Store(o.Shared)
	return &Conn{wire: c}, nil
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

// handshakeCause keeps the step of err, and says what the peer is where that shows.
func handshakeCause(ctx context.Context, err error) error {
	s, ok := errors.AsType[*stepError](err)
	if !ok {
		return diagnose(causeOf(ctx, err))
	}
	return &stepError{step: s.step, err: diagnose(causeOf(ctx, s.err))}
}

// dialCause names the step that failed before the handshake.
func dialCause(ctx context.Context, err error) error {
	step := "connect"
	if s, ok := errors.AsType[*stepError](err); ok {
		step, err = s.step, s.err
	} else if _, dns := errors.AsType[*net.DNSError](err); dns {
		step = "resolve"
	}
	return &stepError{step: step, err: causeOf(ctx, err)}
}

// open makes the byte stream: TCP or unix, then TLS.
func (o Options) open(ctx context.Context) (net.Conn, error) {
	nc, took, err := o.connect(ctx)
	if err != nil || o.TLS == nil {
		return nc, err
	}
	secure, err := o.secureConn(ctx, nc, took)
	if err != nil {
		return nil, &stepError{step: "TLS", err: err}
	}
	return secure, nil
}

// connect is open without TLS. It returns also how long it took, which is a round trip as
// far as is known.
func (o Options) connect(ctx context.Context) (nc net.Conn, took time.Duration, err error) {
	began := time.Now()
	if o.Dial != nil {
		nc, err = o.Dial(ctx, o.Network(), o.Addr)
	} else {
		nc, began, err = dialNet(ctx, o.Network(), o.Addr)
	}
	if err != nil {
		return nil, 0, err
	}
	took = time.Since(began)
	if tcp, ok := nc.(*net.TCPConn); ok {
		setUserTimeout(tcp, DefaultUserTimeout)
		_ = tcp.SetKeepAliveConfig(o.keepAlive())
	}
	return nc, took, nil
}

// dialNet dials by package net and returns when connecting began: after the name was
// looked up, and after addresses of it that did not answer.
func dialNet(ctx context.Context, network, addr string) (net.Conn, time.Time, error) {
	began := time.Now()
	var attempts sync.Map // when each address was tried; two may be under way at a time
	dialer := net.Dialer{Control: func(_, addr string, _ syscall.RawConn) error {
		attempts.Store(addr, time.Now())
		return nil
	}}
	nc, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, began, err
	}
	if at, ok := attempts.Load(nc.RemoteAddr().String()); ok {
		began = at.(time.Time)
	}
	return nc, began, nil
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
