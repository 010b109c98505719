package resp

// AppendPieces appends the command to pieces, as [Command.AppendTo] encodes it
// but cut up: each argument of at least least bytes is a piece of its own, which
// is not copied, and what lies between them is one piece each. It is for writing
// large arguments from where they are, with one system call (net.Buffers).
func (c *Command) AppendPieces(pieces [][]byte, least int) [][]byte {
	size := c.Size()
	for i := range c.NArgs() {
		if a := c.Arg(i); !a.isNumber() && int(a.n) >= least {
			size -= int(a.n)
		}
	}
	small := make([]byte, size) // enough: it must not move
	start, i := 0, c.putStart(small, 0)
	for j := range c.NArgs() {
		a := c.Arg(j)
		if a.isNumber() || int(a.n) < least {
			i = putArgs(small, i, []Arg{a})
			continue
		}
		i = putHeader(small, i, '$', int(a.n))
		pieces = append(pieces, small[start:i:i], a.view())
		start = i
		i = putEnd(small, i)
	}
	return append(pieces, small[start:i])
}
