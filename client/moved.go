package client

// moves tells those who wait that the generation has risen. Client.mu guards it.
type moves struct {
	ch chan struct{} // closed and replaced with every new generation
}

// Moved implements redis.Mover: it returns a channel that is closed when
// [Client.Generation] is not since any more, at once if it is another one
// already. The beginning and the end of a hold are no moves, nor is Close.
func (c *Client) Moved(since uint64) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.target.Load().generation != since {
		return past
	}
	return c.moves.ch
}

// past is a channel that has been closed.
var past = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// noteMoveLocked is told of a new target.
func (c *Client) noteMoveLocked(before, now *target) {
	if before != nil && before.generation == now.generation {
		return
	}
	close(c.moves.ch)
	c.moves.ch = make(chan struct{})
}
