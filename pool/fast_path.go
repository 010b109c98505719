package pool

// One connection, the home of lone callers, rests beside the list of idle ones
// when nobody uses it. Taking and leaving it is one atomic operation each, on
// Pool.calls, which also counts the caller. Whoever takes the bit that says that
// it rests has the connection; only who has it sets the bit again.

// takeRested counts a call in and returns the home for it, unless that is in use
// or as many callers are in flight as may have a connection each.
func (p *Pool) takeRested() *member {
	for {
		s := p.calls.Load()
		if s&restedBit == 0 || int64(s&callCount) >= int64(p.opts.SoloConns) {
			return nil
		}
		if p.calls.CompareAndSwap(s, s+oneCall-restedBit) {
			return p.home.Load()
		}
	}
}

// rest leaves the home and counts its caller out, if that is all that is to be
// done: if it must not be closed and nobody waits for it.
func (p *Pool) rest(m *member) bool {
	if m != p.home.Load() || p.wanted.Load() != 0 || m.conn.Broken() || p.outdated(m) {
		return false
	}
	if now := p.clock.Load(); m.used.Load() != now {
		m.used.Store(now)
	}
	for {
		s := p.calls.Load()
		if p.calls.CompareAndSwap(s, s-1+restedBit) {
			break
		}
	}
	if p.wanted.Load() != 0 {
		p.offer() // somebody came meanwhile, who may not have seen it
	}
	return true
}

// offer gives the home, if it rests, to who waits.
func (p *Pool) offer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.endRest(); m != nil {
		p.supply(m)
	}
}

// endRest takes the home out of its rest, or returns nil if it is in use. p.mu is
// held.
func (p *Pool) endRest() *member {
	for {
		s := p.calls.Load()
		if s&restedBit == 0 {
			return nil
		}
		if p.calls.CompareAndSwap(s, s-restedBit) {
			return p.home.Load()
		}
	}
}

// settle makes m the home if there is none. p.mu is held.
func (p *Pool) settle(m *member) {
	if p.mayRest && !m.over {
		p.home.CompareAndSwap(nil, m)
	}
}

// forget closes a connection that is not fit for use.
func (p *Pool) forget(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.discard(m, errStale)
}
