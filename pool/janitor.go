package pool

import (
	"time"
)

// keepInterval is how often idle connections are looked after. It is also the
// grain of the pool's clock, which spares each call a look at the real one.
const keepInterval = 500 * time.Millisecond

// startKeepingLocked makes the keeper run.
func (p *Pool) startKeepingLocked() {
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
	p.sweepLocked()
	p.sweepSharedLocked()
	p.findSteadyLocked()
	for c := range p.dialled {
		select {
		case <-c.Done():
			delete(p.dialled, c)
		default:
		}
	}
	p.dialMoreLocked()
	if len(p.members) == 0 && len(p.dialled) == 0 && p.opts.MinIdle <= 0 {
		p.keeping = false
		return
	}
	p.keeper.Reset(keepInterval)
}

// sweepLocked discards idle connections that have outlived their use.
func (p *Pool) sweepLocked() {
	if m := p.unparkHome(); m != nil {
		p.supplyLocked(m) // somebody may have begun to wait when it was parked
	}
	kept := p.idle[:0]
	surplus := len(p.idle) - max(p.opts.MinIdle, 0)
	for i, m := range p.idle {
		unused := time.Duration(p.clock.Load()-m.used.Load()) * keepInterval
		switch {
		case p.outdated(m):
			p.discardLocked(m, errExpired)
		case p.opts.IdleTime > 0 && unused > p.opts.IdleTime && surplus > 0:
			p.discardLocked(m, errStale)
		case i < peeksPerTick && !p.alive(m):
			p.suspect.Add(1)
			p.discardLocked(m, errStale)
		default:
			kept = append(kept, m)
			continue
		}
		surplus--
	}
	clear(p.idle[len(kept):])
	p.idle = kept
}

// findSteadyLocked ends the back-off from a server that closes connections, when
// one lasts.
func (p *Pool) findSteadyLocked() {
	if p.backoff.hangUps == 0 {
		return
	}
	for m := range p.members {
		if !m.conn.Broken() && time.Since(m.born) >= steadyAfter {
			p.backoff.steady()
			return
		}
	}
}

// peeksPerTick is how many of the idle connections, the ones used least, are
// looked at on each tick: use never gets to them.
const peeksPerTick = 16

// topUpLocked dials until MinIdle connections are idle, as many at a time as
// MaxDials allows: each dial that ends begins the next.
func (p *Pool) topUpLocked() {
	if p.closed != nil || p.opts.MinIdle <= 0 || p.backoff.left() > 0 {
		return
	}
	limit := p.backoff.limit(p.opts.MaxDials)
	for missing := p.opts.MinIdle - p.idlesLocked() - p.dialing; missing > 0 && p.hasRoomLocked() && p.dialing < limit; missing-- {
		p.startDialLocked(false)
	}
}
