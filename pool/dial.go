package pool

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

// backoff spaces the dials to a server that cannot be reached.
type backoff struct {
	failures int // dials that failed, one after another
	hangUps  int // connections that the server has closed at once
	until    time.Time
	timer    *time.Timer
	armed    bool
}

// after notes a failed dial and when the next may be tried: at twice the last
// interval, give or take a quarter.
func (b *backoff) after(low, high time.Duration) {
	b.failures++
	b.pause(b.failures, low, high)
}

// hungUp notes a connection that the server has closed as soon as it was made.
// Such a server is no better than one that cannot be reached, although each dial
// succeeds.
func (b *backoff) hungUp(low, high time.Duration) {
	b.hangUps++
	b.pause(b.hangUps, low, high)
}

func (b *backoff) pause(times int, low, high time.Duration) {
	wait := high
	if times <= 16 {
		wait = min(low<<(times-1), high)
	}
	wait += time.Duration((rand.Float64() - 0.5) / 2 * float64(wait))
	b.until = time.Now().Add(wait)
}

// connected notes a dial that succeeded. Only a connection that lasts makes up
// for those that did not.
func (b *backoff) connected() {
	b.failures = 0
	if b.hangUps == 0 {
		b.until = time.Time{}
	}
}

// steady notes that a connection lasts.
func (b *backoff) steady() { b.hangUps = 0 }

// left returns for how long no dial may begin.
func (b *backoff) left() time.Duration {
	if b.failures == 0 && b.hangUps == 0 {
		return 0
	}
	return time.Until(b.until)
}

// limit returns how many dials may run at a time, of n while all is well.
func (b *backoff) limit(n int) int {
	if b.failures > 0 || b.hangUps > 0 {
		return 1
	}
	return n
}

// steadyAfter is the age from which a connection's end is no reason to wait.
const steadyAfter = time.Second

// hungUp reports whether the server has closed a connection that was just made.
func hungUp(m *member) bool {
	if time.Since(m.born) >= steadyAfter {
		return false
	}
	return m.hungUp.Load() || m.conn.Broken() && byPeer(m.conn.Err())
}

// byPeer reports whether err says that the peer has closed the connection.
func byPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (b *backoff) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}

// startDialsLocked dials for those who wait, as far as limits and back-off allow.
// p.mu is held.
func (p *Pool) startDialsLocked() {
	if p.closed != nil {
		return
	}
	limit := p.backoff.limit(p.opts.MaxDials)
	for p.dialing < min(limit, p.waiters.n) {
		over := p.waiters.first.over
		if !over && !p.hasRoomLocked() {
			return
		}
		if wait := p.backoff.left(); wait > 0 {
			p.dialLaterLocked(wait)
			return
		}
		p.startDialLocked(over)
	}
}

// dialMoreLocked dials for those who wait, and then for MinIdle.
func (p *Pool) dialMoreLocked() {
	p.startDialsLocked()
	p.topUpLocked()
}

// startDialLocked starts one dial.
func (p *Pool) startDialLocked(over bool) {
	p.dialing++
	if !over {
		p.open++
	}
	p.work.Add(1)
	go p.dial(over)
}

// dialLaterLocked tries again when the back-off has passed.
func (p *Pool) dialLaterLocked(wait time.Duration) {
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
	p.dialMoreLocked()
}

// connOptions is how to connect, with what has been learnt of the server.
func (p *Pool) connOptions() conn.Options {
	o := p.opts.Conn
	if o.Protocol == 0 && p.clock.Load() < p.noHello.Load() {
		o.Protocol = 2
		if p.hungUp.Load() {
			o.NoClientInfo, o.ClientName = true, ""
		}
	}
	return o
}

// noHelloTicks is for how many ticks of the keeper it is remembered that the server does
// not know HELLO: another one may stand at its address then.
const noHelloTicks = int64(time.Minute / keepInterval)

// dial makes one connection, on the pool's own context, and gives it to
// whoever waits first. A failure goes to all who wait. Close waits for it.
func (p *Pool) dial(over bool) {
	defer p.work.Done()
	generation := p.generation.Load()
	c, err := p.connect(p.ctx, p.connOptions())
	if refused := p.join(c, err, over, generation); refused != nil {
		c.Abort(refused)
	}
}

// connect makes a connection, counts the attempt and reports it.
func (p *Pool) connect(ctx context.Context, o conn.Options) (*conn.Conn, error) {
	began := time.Now()
	c, err := conn.Dial(ctx, o)
	p.counters.dialled(err)
	if p.opts.OnConnect != nil {
		p.opts.OnConnect(o.Addr, time.Since(began), err)
	}
	return c, err
}

// disconnect ends a connection, if it has not ended, and reports it.
func (p *Pool) disconnect(m *member, cause error) {
	m.conn.Abort(cause)
	if p.opts.OnDisconnect != nil {
		p.opts.OnDisconnect(p.opts.Conn.Addr, time.Since(m.born), m.conn.Err())
	}
}

// join takes the outcome of a dial in. It returns why a connection cannot be
// used, which is to be closed then.
func (p *Pool) join(c *conn.Conn, err error, over bool, generation int64) (refused error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	if p.closed != nil {
		if err != nil {
			return nil
		}
		return p.closed
	}
	p.lastDial = err
	outdated := generation != p.generation.Load()
	if (err != nil || outdated) && !over {
		p.open--
	}
	switch {
	case err != nil:
		p.backoff.after(p.opts.MinBackoff, p.opts.MaxBackoff)
		for w := p.waiters.pop(); w != nil; w = p.waiters.pop() {
			w.give(nil, err)
		}
		return nil
	case outdated:
		p.dialMoreLocked()
		return errExpired
	}
	p.backoff.connected()
	if c.ServerInfo().NoHello {
		p.hungUp.Store(c.ServerInfo().HungUp)
		p.noHello.Store(p.clock.Load() + noHelloTicks)
	}
	m := &member{conn: c, over: over, born: time.Now(), expires: p.expiry()}
	m.used.Store(p.clock.Load())
	m.checked.Store(p.suspect.Load())
	m.generation.Store(generation)
	p.members[m] = struct{}{}
	p.startKeepingLocked()
	p.supplyLocked(m)
	p.dialMoreLocked()
	return nil
}

// expiry is when a connection made now is too old, up to a tenth early.
func (p *Pool) expiry() time.Time {
	life := p.opts.MaxLifetime
	if life <= 0 {
		return time.Time{}
	}
	return time.Now().Add(life - time.Duration(rand.Float64()*float64(life)/10))
}
