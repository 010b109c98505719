package testserver

import "sync"

// gate lets goroutines pass, or makes them wait. The zero gate is open.
type gate struct {
	mu     sync.Mutex
	closed chan struct{} // nil while open; closed when it opens again
}

// shut closes (true) or opens the gate.
func (g *gate) shut(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case on && g.closed == nil:
		g.closed = make(chan struct{})
	case !on && g.closed != nil:
		close(g.closed)
		g.closed = nil
	}
}

// pass waits until the gate is open; it says false when stop came first.
func (g *gate) pass(stop <-chan struct{}) bool {
	for {
		g.mu.Lock()
		ch := g.closed
		g.mu.Unlock()
		if ch == nil {
			return true
		}
		select {
		case <-ch:
		case <-stop:
			return false
		}
	}
}
