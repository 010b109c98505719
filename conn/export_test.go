package conn

// Waits reports whether something waits in the socket, TLS's own records included.
func (c *wire) Waits() bool {
	_, waits, err := newPeeker(c.nc).look()
	return waits || err != nil
}

// Backlog returns how many bytes wait to be written, or have been granted room, and how
// many callers wait for it.
func (c *wire) Backlog() (bytes, callers int) {
	c.lock()
	defer c.mu.Unlock()
	return len(c.wbuf) + c.backlog.writing + c.backlog.granted, len(c.backlog.waiting)
}
