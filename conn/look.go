package conn

import (
	"crypto/tls"
	"errors"
	"io"
)

// maxLooks bounds how often one look reads what has come unasked.
const maxLooks = 64

// errUnasked says that a reply came though no command awaited one.
var errUnasked = errors.New("the server sent what nobody asked for")

// mayBePush reports whether a push can begin with b, with attributes in front of it
// or not.
func mayBePush(b byte) bool { return b == '>' || b == '|' }

// Alive looks at an idle connection, without waiting and without taking anything. It
// returns an error when the peer has closed it, or when something other than a push
// waits. A connection in use is alive, and so is what cannot be looked at; a look
// that reads comes before each command that finds the connection idle.
func (c *wire) Alive() error {
	c.lock()
	err, busy := c.err, c.queue.n > 0 || c.reader != nil
	receives := c.receives.Load()
	unread := !busy && !receives && !c.in.mayGoUnasked()
	c.mu.Unlock()
	switch {
	case err != nil:
		return err
	case busy:
		return nil
	case unread:
		return errUnasked
	}
	p := newPeeker(c.nc) // others may look at the same time
	first, waits, peeked := p.look()
	switch {
	case peeked != nil:
		return peeked
	case !waits:
		return nil
	case p.closedBehind():
		return io.EOF
	case receives || c.secure || mayBePush(first):
		return nil // or a record of TLS itself
	}
	return errUnasked
}

// lookFor looks at what has come before the command of k, who is alone and holds the
// reading role, is sent. If that is anything but pushes, which are given to the
// handler, or if the peer has closed, it breaks the connection, by which nothing is
// sent, and reports false.
func (c *wire) lookFor(k *call) bool {
	if c.in.empty() && c.nothingWaits() {
		return true
	}
	err := c.readUnasked()
	if err == nil {
		return true
	}
	c.lock()
	if c.err == nil {
		c.sent = min(c.sent, k.start)
	}
	c.mu.Unlock()
	c.fail(OpLook, err)
	return false
}

// nothingWaits reports whether nothing waits in the socket for certain.
func (c *wire) nothingWaits() bool {
	if c.secure {
		return false
	}
	_, waits, err := c.peeker.look()
	return !waits && err == nil
}

// readUnasked reads what waits, and returns why the connection is of no use.
func (c *wire) readUnasked() error {
	in := &c.in
	for range maxLooks {
		if !in.empty() {
			n, err := in.frameReplies()
			switch {
			case err != nil:
				return in.framingError(err)
			case n > 0:
				return in.unasked(0)
			case !in.mayGoUnasked():
				return errUnasked
			}
		}
		more, err := c.readWaiting()
		if !more || err != nil {
			return err
		}
	}
	return nil
}

// readWaiting reads once if something can be read without waiting.
func (c *wire) readWaiting() (more bool, err error) {
	if c.secure {
		return c.readWaitingTLS()
	}
	_, waits, err := c.peeker.look()
	if !waits || err != nil {
		return false, err
	}
	err = c.in.fill()
	if c.in.poked(err) { // who read before
		return true, nil
	}
	return err == nil, err
}

func (c *wire) readWaitingTLS() (more bool, err error) {
	sock, ok := c.nc.(*tls.Conn).NetConn().(*socket)
	if !ok {
		_, _, err := c.peeker.look()
		return false, err
	}
	sock.noWait.Store(true)
	err = c.in.fill()
	sock.noWait.Store(false)
	var nothing errNothing
	switch {
	case errors.As(err, &nothing):
		return false, nil
	case c.in.poked(err):
		return true, nil
	}
	return err == nil, err
}
