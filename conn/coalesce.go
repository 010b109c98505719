package conn

import "time"

const (
	// heldShare is which share of a crowd must have gathered before its
	// commands are written while others of it await replies. With a quarter,
	// one part gathers while others are on the wire, in the server and on their
	// way back; a system call, the dearest thing a command needs, serves them
	// all. Larger parts make client and server wait for each other.
	heldShare = 4
	// leastCrowd is from how many calls at a time commands are held back. For
	// fewer it would cost more time than system calls do.
	leastCrowd = 10
	// nearby is the longest round trip at which commands are held back: the
	// wait, at worst a round trip, would be worse than the calls that it saves.
	nearby = 500 * time.Microsecond
)

// gathering is what the writing side knows of its crowd. Conn.mu guards it.
type gathering struct {
	held int // calls encoded and not yet taken by a flush
	peak int // how many calls there have been at a time lately
}

// joined counts a call that has been encoded. n is how many calls there are.
func (g *gathering) joined(n int) {
	g.held++
	g.peak = max(g.peak, n)
}

// taken notes that all that was held has been taken. The peak wears off.
func (g *gathering) taken(n int) {
	g.held = 0
	g.peak -= (g.peak - n + 7) / 8
}

// holdBackLocked says whether what has gathered, with more calls that are about to
// join, should wait for more. It may as long as replies are on their way: who
// reads them writes what is held, if nobody has before. c.mu is held.
func (c *wire) holdBackLocked(more int) bool {
	g := &c.gathering
	return g.peak >= leastCrowd && !c.far && (g.held+more)*heldShare < g.peak && c.queue.n > g.held && !c.fullLocked()
}

// takeHeldLocked takes what was held back if it must wait no longer, and makes k, the
// reader, the one who writes it. c.mu is held.
func (c *wire) takeHeldLocked(k *call) (out output) {
	if c.gathering.held == 0 || c.flushing || c.err != nil || c.holdBackLocked(0) {
		return out
	}
	c.flushing, c.flusher = true, k
	out.buf = c.takeOutputLocked()
	return out
}
