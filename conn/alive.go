package conn

import "errors"

// errUnread says that bytes wait to be read on an idle connection.
var errUnread = errors.New("unread bytes on an idle connection")

// Alive looks at an idle connection without blocking: it returns an error when
// the peer has closed it, or when bytes wait that nobody asked for. Pushes may
// wait; a connection in use is alive.
func (c *Conn) Alive() error {
	c.mu.Lock()
	err, busy := c.err, c.queue.n > 0 || c.reader != nil
	unread := !busy && c.in.r < c.in.w
	c.mu.Unlock()
	switch {
	case err != nil:
		return err
	case busy:
		return nil
	case unread:
		return errUnread
	}
	peeked := peek(transport(c.nc))
	if errors.Is(peeked, errUnread) && (c.secure || c.info.Proto == 3) {
		return nil // a session ticket, or a push
	}
	return peeked
}
