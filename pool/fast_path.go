package pool

// One connection, the home of lone callers, is parked beside the list of idle ones
// when nobody uses it. Taking and leaving it is one atomic operation each, on
// Pool.calls, which also counts the caller. Whoever takes the bit that says that
// it is parked has the connection; only who has it sets the bit again.

// takeHome counts a call in and returns the home for it, unless that is in use
// or as many callers are in flight as may have a connection each.
func (p *Pool) takeHome() *member {
	for {
		s := p.calls.Load()
		if s&parkedBit == 0 || int64(s&callCount) >= int64(p.opts.SoloConns) {
			return nil
		}
		if p.calls.CompareAndSwap(s, s+oneCall-parkedBit) {
			return p.home.Load()
		}
	}
}

// parkHome leaves the home and counts so many callers out, one or, of a lease, none, if
// that is all that is to be done: if it must not be closed and nobody waits for it.
func (p *Pool) parkHome(m *member, callers uint64) bool {
	if m != p.home.Load() || p.wanted.Load() != 0 || m.conn.Broken() || p.outdated(m) {
		return false
	}
	if now := p.clock.Load(); m.used.Load() != now {
		m.used.Store(now)
	}
	p.calls.Add(parkedBit - callers) // nobody else sets that bit
	if p.wanted.Load() != 0 {
		p.offerHome() // somebody came meanwhile, who may not have seen it
	}
	return true
}

// offerHome gives the home, if it is parked, to who waits.
func (p *Pool) offerHome() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.unparkHome(); m != nil {
		p.supplyLocked(m)
	}
}

// unparkHome takes the home from where it is parked, or returns nil if it is in use.
func (p *Pool) unparkHome() *member {
	for {
		s := p.calls.Load()
		if s&parkedBit == 0 {
			return nil
		}
		if p.calls.CompareAndSwap(s, s-parkedBit) {
			return p.home.Load()
		}
	}
}

// chooseHomeLocked makes m the home if there is none.
func (p *Pool) chooseHomeLocked(m *member) {
	if p.mayPark && !m.over {
		p.home.CompareAndSwap(nil, m)
	}
}

// forget closes a connection that is not fit for use.
func (p *Pool) forget(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.discardLocked(m, errStale)
}
