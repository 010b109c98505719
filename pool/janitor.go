package pool

import (
	"time"
)

// keepInterval is how often idle connections are looked after. It is also the
// grain of the pool's clock, which spares each call a look at the real one.
const keepInterval = 500 * time.Millisecond

// startKeeping makes the keeper run. p.mu is held.
func (p *Pool) startKeeping() {
	if p.keeping || p.closed != nil {
		return
	}
	p.keeping = true
	p.keeper.Reset(keepInterval)
}

// keep closes connections that are too old or idle for too long, and tops up
// the idle ones. It stops when there is nothing to look after.
func (p *Pool) keep() {
	p.clock.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return
	}
	p.sweep()
	p.sweepShared()
	for c := range p.dialled {
		select {
		case <-c.Done():
			delete(p.dialled, c)
		default:
		}
	}
	p.topUp()
	if len(p.members) == 0 && len(p.dialled) == 0 && p.opts.MinIdle <= 0 {
		p.keeping = false
		return
	}
	p.keeper.Reset(keepInterval)
}

// sweep discards idle connections that have outlived their use. p.mu is held.
func (p *Pool) sweep() {
	if m := p.endRest(); m != nil {
		p.supply(m) // somebody may have begun to wait when it came to rest
	}
	kept := p.idle[:0]
	surplus := len(p.idle) - max(p.opts.MinIdle, 0)
	for i, m := range p.idle {
		rest := time.Duration(p.clock.Load()-m.used.Load()) * keepInterval
		switch {
		case p.outdated(m):
			p.discard(m, errExpired)
		case p.opts.IdleTime > 0 && rest > p.opts.IdleTime && surplus > 0:
			p.discard(m, errStale)
		case i < peeksPerTick && m.conn.Alive() != nil:
			p.suspect.Add(1)
			p.discard(m, errStale)
		default:
			kept = append(kept, m)
			continue
		}
		surplus--
	}
	clear(p.idle[len(kept):])
	p.idle = kept
}

// peeksPerTick is how many of the idle connections, the ones used least, are
// looked at on each tick: use never gets to them.
const peeksPerTick = 16

// topUp dials until MinIdle connections are idle. p.mu is held.
func (p *Pool) topUp() {
	limit := p.opts.MaxDials
	if p.backoff.failures > 0 {
		limit = 1
		if time.Now().Before(p.backoff.until) {
			return
		}
	}
	for missing := p.opts.MinIdle - p.idles() - p.dialing; missing > 0 && p.hasRoom() && p.dialing < limit; missing-- {
		p.startDial(false)
	}
}
