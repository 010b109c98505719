package lock

import "time"

// A holder that is cut off together with an old master may go on renewing there for as
// long as MinReplicas of the replicas follow that one. When as many have confirmed
// something to the new master, and those two sets must have a member in common, no
// renewal of the old one is confirmed any more; and a TTL later the last one has
// lapsed. Until then nobody may take what such a holder may still have.

// settled is when that moment was, for each number of replicas, on the present server.
// It is guarded by core.mu.
type settled struct {
	generation uint64
	at         map[int]time.Time
}

// generation is that of the server which commands go to.
func (c *core) generation() uint64 {
	if c.mover == nil {
		return 0
	}
	return c.mover.Generation()
}

// confirmed notes that n replicas have confirmed something to the server of a
// generation.
func (c *core) confirmed(generation uint64, n int) {
	if c.generation() != generation {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled.at == nil || c.settled.generation != generation {
		c.settled = settled{generation, map[int]time.Time{}}
	}
	if c.settled.at[n].IsZero() {
		c.settled.at[n] = time.Now()
	}
}

// unsettled returns for how long a lock whose holder has vanished, and which now is
// this waiter's, may still be believed to be held on the side of an old master.
func (w *waiter) unsettled() time.Duration {
	c := w.c
	if c.mover == nil || w.terms.MinReplicas <= 0 || !w.lapsed {
		return 0
	}
	generation := c.generation()
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.settled.at[w.terms.MinReplicas]
	if c.settled.generation != generation || at.IsZero() {
		return w.terms.TTL
	}
	return time.Until(at.Add(w.terms.TTL))
}
