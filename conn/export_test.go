package conn

// Waits reports whether something waits in the socket, TLS's own records included.
func (c *Conn) Waits() bool {
	_, waits, err := newPeeker(c.nc).look()
	return waits || err != nil
}
