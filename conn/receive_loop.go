package conn

import (
	"context"

	"github.com/kermes-redis/kermes/resp"
)

// Receiver takes what a connection receives. Its methods are called by the
// goroutine that runs [Conn.ReceiveAll].
type Receiver interface {
	// Take is offered the bytes that have been read and not yet taken, at the
	// start of a reply or push that may be incomplete. It returns how many it
	// has taken, all of them whole, or 0 to have the next one checked, framed
	// and given to Value. The bytes are valid until it returns.
	Take(unread []byte) int
	// Value gets the next reply or push. It is valid until Value returns. An
	// error ends ReceiveAll.
	Value(v resp.Value) error
	// Idle is called when nothing complete is left, before the next read from
	// the socket.
	Idle()
}

// ReceiveAll is [Conn.ReceiveAll] without the lease.
func (c *wire) ReceiveAll(ctx context.Context, r Receiver) error {
	mustHave(ctx)
	c.watchReceive(ctx)
	c.in.scan.Reset()
	begun := false
	for {
		var err error
		if begun, err = c.receiveBuffered(r, begun); err != nil {
			return err
		}
		r.Idle()
		if err := ctx.Err(); err != nil {
			return &Error{Op: OpWait, Addr: c.opts.Addr, Err: err}
		}
		c.watchReceive(ctx)
		if err := c.receiveMore(); err != nil && !c.in.poked(err) {
			c.fail(OpRead, err)
			return c.receiveError()
		}
	}
}

// receiveBuffered gives r what is complete in the buffer. begun says that the
// scanner has seen the start of the next reply before; it is returned for the
// next call.
func (c *wire) receiveBuffered(r Receiver, begun bool) (bool, error) {
	in := &c.in
	for !in.empty() {
		if !begun {
			if n := r.Take(in.unread()); n > 0 {
				in.skip(n)
				continue
			}
		}
		v, err := in.next()
		if err != nil {
			c.failFraming(err)
			return false, c.receiveError()
		}
		if v == nil {
			return true, nil
		}
		begun = false
		if err := r.Value(v); err != nil {
			return false, err
		}
	}
	return false, nil
}

// receiveMore reads once, for who receives. What came before is progress if something of
// it was whole, and what comes now where it makes up Options.MinProgress.
func (c *wire) receiveMore() error {
	in, rx := &c.in, &c.rx
	if in.total != rx.framed {
		rx.framed, rx.counted = in.total, in.total+uint64(len(in.unread()))
		in.progress.Add(1)
	}
	err := in.fill()
	if came := in.total + uint64(len(in.unread())); came-rx.counted >= uint64(c.opts.MinProgress) {
		rx.counted = came
		in.progress.Add(1)
	}
	return err
}

// Progress counts what Receive and ReceiveAll have got, and wraps around: whole replies
// and pushes that came together, and Options.MinProgress bytes of a large one. Whoever
// watches over a Receive or ReceiveAll sees by it that the peer is alive, and does not
// dribble.
func (c *wire) Progress() uint32 { return c.in.progress.Load() }
