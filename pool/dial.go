package pool

import (
	"math/rand/v2"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

// backoff spaces the dials to a server that cannot be reached.
type backoff struct {
	failures int
	until    time.Time
	timer    *time.Timer
	armed    bool
}

// after notes a failed dial and when the next may be tried: at twice the last
// interval, give or take a quarter.
func (b *backoff) after(low, high time.Duration) {
	wait := high
	if b.failures < 16 {
		wait = min(low<<b.failures, high)
	}
	b.failures++
	wait += time.Duration((rand.Float64() - 0.5) / 2 * float64(wait))
	b.until = time.Now().Add(wait)
}

func (b *backoff) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}

// startDials dials for those who wait, as far as limits and back-off allow.
// p.mu is held.
func (p *Pool) startDials() {
	if p.closed != nil {
		return
	}
	limit := p.opts.MaxDials
	if p.backoff.failures > 0 {
		limit = 1
	}
	for p.dialing < min(limit, p.waiters.n) {
		over := p.waiters.first.over
		if !over && !p.hasRoom() {
			return
		}
		if wait := time.Until(p.backoff.until); p.backoff.failures > 0 && wait > 0 {
			p.dialLater(wait)
			return
		}
		p.startDial(over)
	}
}

// startDial starts one dial. p.mu is held.
func (p *Pool) startDial(over bool) {
	p.dialing++
	if !over {
		p.open++
	}
	p.work.Add(1)
	go p.dial(over)
}

// dialLater tries again when the back-off has passed. p.mu is held.
func (p *Pool) dialLater(wait time.Duration) {
	if p.backoff.armed {
		return
	}
	p.backoff.armed = true
	if p.backoff.timer == nil {
		p.backoff.timer = time.AfterFunc(wait, p.dialNow)
		return
	}
	p.backoff.timer.Reset(wait)
}

func (p *Pool) dialNow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backoff.armed = false
	p.startDials()
}

// connOptions is how to connect, with what has been learnt of the server.
func (p *Pool) connOptions() conn.Options {
	o := p.opts.Conn
	if o.Protocol == 0 && p.noHello.Load() {
		o.Protocol = 2
	}
	return o
}

// dial makes one connection, on the pool's own context, and gives it to
// whoever waits first. A failure goes to all who wait. Close waits for it.
func (p *Pool) dial(over bool) {
	defer p.work.Done()
	auth := p.auth.Load()
	c, err := conn.Dial(p.ctx, p.connOptions())
	p.counters.dialled(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	if p.closed != nil {
		if err == nil {
			c.Abort(p.closed)
		}
		return
	}
	p.lastDial = err
	if err != nil {
		if !over {
			p.open--
		}
		p.backoff.after(p.opts.MinBackoff, p.opts.MaxBackoff)
		for w := p.waiters.pop(); w != nil; w = p.waiters.pop() {
			w.give(nil, err)
		}
		return
	}
	p.backoff.failures = 0
	p.backoff.until = time.Time{}
	if c.ServerInfo().NoHello {
		p.noHello.Store(true)
	}
	m := &member{conn: c, over: over, expires: p.expiry()}
	m.used.Store(p.clock.Load())
	m.checked.Store(p.suspect.Load())
	m.auth.Store(auth)
	p.members[m] = struct{}{}
	p.startKeeping()
	p.supply(m)
	p.startDials()
}

// expiry is when a connection made now is too old, up to a tenth early.
func (p *Pool) expiry() time.Time {
	life := p.opts.MaxLifetime
	if life <= 0 {
		return time.Time{}
	}
	return time.Now().Add(life - time.Duration(rand.Float64()*float64(life)/10))
}
