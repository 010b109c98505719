package conn

import (
	"context"
	"errors"

	"github.com/kermes-redis/kermes/resp"
)

// receiver is the state of Receive. It belongs to the one goroutine that
// receives, but for stop.
type receiver struct {
	ctx     context.Context // the one that stop watches
	stop    func() bool
	framed  uint64 // bytes of whole replies when progress was counted last
	counted uint64 // bytes altogether then
}

// Send is [Conn.Send] without the lease.
func (c *wire) Send(ctx context.Context, cmds ...resp.Command) error {
	mustHave(ctx)
	if err := ctx.Err(); err != nil {
		return c.notSent(err)
	}
	for i := range cmds {
		if cmds[i].Name() == "" {
			return c.notSent(ErrEmptyCommand)
		}
	}
	c.lock()
	var err error
	if c.fullLocked() {
		err = c.waitForRoomLocked(ctx, 0)
	}
	if err == nil && c.err != nil {
		err = c.err.Err
	}
	if err != nil {
		c.mu.Unlock()
		return c.notSent(err)
	}
	before := len(c.wbuf)
	for i := range cmds {
		c.wbuf = cmds[i].AppendTo(c.wbuf)
	}
	c.encoded += uint64(len(c.wbuf) - before)
	c.taint.alter()
	flush := !c.flushing
	if flush {
		c.flushing, c.flusher = true, nil
	}
	c.mu.Unlock()
	if !flush {
		return nil
	}
	return c.sendOut(ctx)
}

// sendOut writes on the caller's goroutine, and breaks the connection if ctx
// ends first: half a command cannot be taken back.
func (c *wire) sendOut(ctx context.Context) error {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.fail(OpWrite, context.Cause(ctx)) })
		defer stop()
	}
	c.flush(nil, output{}, false)
	c.lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return &Error{Op: OpWrite, Addr: c.opts.Addr, Class: ClassMaybeExecuted, Err: c.err.Err}
	}
	return nil
}

// Receive is [Conn.Receive] without the lease.
func (c *wire) Receive(ctx context.Context) (resp.Reply, error) {
	mustHave(ctx)
	c.receives.Store(true)
	for {
		v, err := c.in.next()
		if err != nil {
			c.failFraming(err)
			return resp.Reply{}, c.receiveError()
		}
		if v != nil {
			return resp.NewReply(v, nil), nil
		}
		if err := ctx.Err(); err != nil {
			return resp.Reply{}, &Error{Op: OpWait, Addr: c.opts.Addr, Err: err}
		}
		c.watchReceive(ctx)
		if err := c.receiveMore(); err != nil && !c.in.poked(err) {
			c.fail(OpRead, err)
			return resp.Reply{}, c.receiveError()
		}
	}
}

// Buffered reports whether Receive would return without reading from the
// socket. It belongs to the goroutine that receives.
func (c *wire) Buffered() bool {
	in := &c.in
	if in.empty() {
		return false
	}
	n, err := in.scan.Scan(in.unread())
	if n > 0 {
		in.scan.Reset()
	}
	return n > 0 || err != nil
}

func (c *wire) receiveError() error {
	err := c.Err()
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{Op: OpRead, Addr: e.Addr, Err: e.Err}
	}
	return err
}

// watchReceive arranges that the end of ctx wakes the read. One arrangement
// serves all calls with the same context.
func (c *wire) watchReceive(ctx context.Context) {
	c.lock()
	defer c.mu.Unlock()
	if c.rx.ctx == ctx {
		return
	}
	if c.rx.stop != nil {
		c.rx.stop()
	}
	c.rx.ctx, c.rx.stop = ctx, nil
	if ctx.Done() != nil && c.err == nil {
		c.rx.stop = context.AfterFunc(ctx, func() { _ = c.nc.SetReadDeadline(past()) })
	}
}

func (c *wire) stopReceiving() {
	c.lock()
	defer c.mu.Unlock()
	if c.rx.stop != nil {
		c.rx.stop()
	}
	c.rx.ctx, c.rx.stop = nil, nil
}

// Serve is [Conn.Serve] without the lease.
func (c *wire) Serve(ctx context.Context) error {
	mustHave(ctx)
	s := &call{conn: c, ctx: ctx, sig: make(chan signal, maxSignals), callMarks: callMarks{state: answered}}
	c.lock()
	if c.err != nil {
		err := c.err
		c.mu.Unlock()
		return err
	}
	if c.serving != nil {
		c.mu.Unlock()
		return &Error{Op: OpWait, Addr: c.opts.Addr, Err: errors.New("somebody serves already")}
	}
	c.serving = s
	if c.reader == nil {
		c.reader = s
		s.sig <- sigRead
	}
	c.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { c.endServe(s) })
	defer stop()
	if <-s.sig == sigRead {
		c.serveReads(s)
	}
	if err := ctx.Err(); err != nil {
		return &Error{Op: OpWait, Addr: c.opts.Addr, Err: err}
	}
	return c.receiveError()
}

// endServe wakes a server that waits for the reading role, or holds it.
func (c *wire) endServe(s *call) {
	c.lock()
	defer c.mu.Unlock()
	if c.serving != s {
		return
	}
	if c.reader == s {
		_ = c.nc.SetReadDeadline(past())
		return
	}
	c.serving = nil
	s.sig <- sigDone
}

func (c *wire) serveReads(s *call) {
	for {
		if _, ok := c.deliver(s); !ok {
			return
		}
		if s.ctx.Err() != nil {
			c.lock()
			c.serving = nil
			c.passReadingLocked()
			c.mu.Unlock()
			return
		}
		if err := c.in.fill(); err != nil && !c.in.poked(err) {
			c.fail(OpRead, err)
			return
		}
	}
}
