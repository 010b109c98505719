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
	kept := p.idle[:0]
	surplus := len(p.idle) - max(p.opts.MinIdle, 0)
	for _, m := range p.idle {
		rest := time.Duration(p.clock.Load()-m.used) * keepInterval
		switch {
		case p.expired(m):
			p.discard(m, errExpired)
		case p.opts.IdleTime > 0 && rest > p.opts.IdleTime && surplus > 0:
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

// topUp dials until MinIdle connections are idle. p.mu is held.
func (p *Pool) topUp() {
	missing := p.opts.MinIdle - len(p.idle) - p.dialing
	for ; missing > 0 && p.hasRoom() && p.backoff.failures == 0 && p.dialing < p.opts.MaxDials; missing-- {
		p.dialing++
		p.open++
		p.dials.Add(1)
		go p.dial(false)
	}
	if missing > 0 && p.backoff.failures > 0 && p.dialing == 0 && time.Now().After(p.backoff.until) && p.hasRoom() {
		p.dialing++
		p.open++
		p.dials.Add(1)
		go p.dial(false)
	}
}
