package conn

import (
	"runtime"
	"time"
)

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
	// dearYield is how long a yield to the scheduler may take. It takes longer where
	// others keep the processors busy: then it is left out for the next leastPause
	// times, and for twice as many, up to mostPause, each time it still does.
	dearYield  = time.Millisecond
	leastPause = 1 << 10
	mostPause  = 1 << 16
)

// gathering is what the writing side knows of its crowd. Conn.mu guards it.
type gathering struct {
	held  int // calls encoded and not yet taken by a flush
	peak  int // how many calls there have been at a time lately
	woken int // callers that were answered and have not come back, nor been waited for

	// Belong to the one who writes, as he takes the role and while he has it.

	pause int // for how many flushes nobody yields after the last yield, which was dear
	skip  int // how many of these are left
}

// joined counts a call that has been encoded. n is how many calls there are.
func (g *gathering) joined(n int) {
	g.held++
	g.peak = max(g.peak, n)
	g.woken = max(g.woken-1, 0)
}

// yieldsLocked says whether a caller that is about to write, and is not alone, lets
// others run first, who then ride along: among few, those whom the last read has answered
// together, who mostly come back together; and whoever it is where the server is far. Of a
// crowd nearby a part gathers anyway. It waits for them once, as long as the scheduler
// takes: some may not come. c.mu is held, and nobody writes.
func (c *wire) yieldsLocked() bool {
	g := &c.gathering
	if c.far {
		return true
	}
	if g.woken == 0 || g.peak >= leastCrowd {
		return false
	}
	g.woken = 0
	if g.skip > 0 {
		g.skip--
		return false
	}
	return true
}

// yield lets others run, and looks how long that takes where it matters.
func (c *wire) yield() {
	if c.far {
		runtime.Gosched()
		return
	}
	began := time.Now()
	runtime.Gosched()
	c.gathering.yielded(time.Since(began))
}

// yielded notes what a yield took.
func (g *gathering) yielded(took time.Duration) {
	if took < dearYield {
		g.pause /= 2
		return
	}
	g.pause = min(max(2*g.pause, leastPause), mostPause)
	g.skip = g.pause
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
