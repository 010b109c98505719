package pool

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// seat is where a call runs.
type seat struct {
	*member
	solo  bool  // alone; to be given back
	began int64 // of a large call among many, as spacing has it; zero: it is none
}

// enter takes a connection for one command or batch: one of its own while few
// callers are about, or if the call is large, else a shared one.
func (p *Pool) enter(ctx context.Context, cmd *resp.Command, cmds *resp.Batch) (at seat, err error) {
	if p.ended.Load() {
		return at, p.refuse()
	}
	if m := p.takeHome(); m != nil {
		if p.fit(m) {
			return seat{member: m, solo: true}, nil
		}
		p.calls.Add(^uint64(0))
		p.forget(m)
	}
	n := p.calls.Add(oneCall)
	callers := int64(n & callCount)
	switch {
	case callers <= int64(p.opts.SoloConns):
		at.member, err = p.takeSolo(ctx, p.opts.SoloConns)
	case cmd != nil && p.isWide(cmd) || cmd == nil && isWideBatch(cmds):
		at.began = p.spacing.begin(ctx, callers)
		at.member, err = p.takeSolo(ctx, math.MaxInt)
	}
	if at.member != nil {
		at.solo = true
		return at, nil
	}
	if err == nil || ctx.Err() == nil && p.hasShared() {
		at.member, err = p.takeShared(ctx, n>>32, callers)
	}
	if err != nil {
		p.leave(at)
	}
	return at, err
}

// refuse returns why a closed pool sends nothing.
func (p *Pool) refuse() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.notSent(p.closed)
}

func (p *Pool) leave(at seat) {
	if at.solo && at.began == 0 && p.parkHome(at.member, 1) {
		return
	}
	p.calls.Add(^uint64(0))
	if at.began != 0 {
		p.spacing.end(at.began)
	}
	if at.solo {
		p.putBack(at.member)
	}
}

// takeSolo returns an idle connection, or a new one while fewer than limit are
// open and there is room for it, or nil.
func (p *Pool) takeSolo(ctx context.Context, limit int) (*member, error) {
	p.mu.Lock()
	m := p.popIdleLocked()
	if m != nil || p.closed != nil {
		closed := p.closed
		p.mu.Unlock()
		if m == nil {
			return nil, p.notSent(closed)
		}
		return m, nil
	}
	room := p.open < limit && p.hasRoomLocked()
	p.mu.Unlock()
	if !room {
		return nil, nil
	}
	return p.acquire(ctx, false)
}

func (p *Pool) hasRoomLocked() bool { return p.opts.MaxConns < 0 || p.open < p.opts.MaxConns }

// popIdleLocked returns the idle connection that was used last and is in order. p.mu
// is held; looking at a socket does not block.
func (p *Pool) popIdleLocked() *member {
	if m := p.unparkHome(); m != nil {
		p.idle = append(p.idle, m)
	}
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		m := p.idle[last]
		p.idle[last] = nil
		p.idle = p.idle[:last]
		if p.fit(m) {
			return m
		}
		p.discardLocked(m, errStale)
	}
	return nil
}

var (
	errStale   = errors.New("closed while idle")
	errLeft    = errors.New("closed on return")
	errSurplus = errors.New("closed: more idle connections than MaxIdle")
	errExpired = errors.New("closed: older than MaxLifetime, or replaced")
	errHungUp  = errors.New("pool: the server closes its connections as soon as they are made")
)

// fit looks at a connection that has been idle for a while, or idle while
// another one broke.
func (p *Pool) fit(m *member) bool {
	if m.conn.Broken() {
		return false
	}
	suspect := p.suspect.Load()
	rested := p.opts.PeekAfter >= 0 && time.Duration(p.clock.Load()-m.used.Load())*keepInterval >= p.opts.PeekAfter
	if !rested && m.checked.Load() == suspect {
		return true
	}
	m.checked.Store(suspect)
	return p.alive(m)
}

// alive looks at a connection's socket, without waiting.
func (p *Pool) alive(m *member) bool {
	err := m.conn.Alive()
	if err != nil {
		m.hungUp.Store(byPeer(err))
	}
	return err == nil
}

// putBack gives a connection to the next who waits, or makes it idle. It is
// closed if it is broken.
func (p *Pool) putBack(m *member) {
	usable := !m.conn.Broken()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !usable || p.closed != nil || p.outdated(m) {
		if !usable {
			p.suspect.Add(1)
		}
		p.discardLocked(m, errLeft)
		p.dialMoreLocked()
		return
	}
	m.used.Store(p.clock.Load())
	p.chooseHomeLocked(m)
	p.supplyLocked(m)
}

// supplyLocked gives a connection to the one who waits first, or makes it idle, and
// settles what it counts against.
func (p *Pool) supplyLocked(m *member) {
	w := p.waiters.pop()
	over := w != nil && w.over
	if m.over != over {
		m.over = over
		p.home.CompareAndSwap(m, nil)
		if over {
			p.open--
		} else {
			p.open++
		}
	}
	switch {
	case p.opts.MaxConns >= 0 && p.open > p.opts.MaxConns, w == nil && p.tooManyIdleLocked():
		p.discardLocked(m, errSurplus)
		if w != nil {
			p.waiters.pushFirst(w)
		}
	case w != nil:
		w.give(m, nil)
		p.startDialsLocked()
	default:
		p.idle = append(p.idle, m)
	}
}

// idlesLocked is how many connections are idle.
func (p *Pool) idlesLocked() int {
	n := len(p.idle)
	if p.calls.Load()&parkedBit != 0 {
		n++
	}
	return n
}

func (p *Pool) tooManyIdleLocked() bool {
	return p.opts.MaxIdle >= 0 && p.idlesLocked() >= p.opts.MaxIdle
}

// outdated says whether a connection is too old, or authenticated with what
// has been replaced.
func (p *Pool) outdated(m *member) bool {
	return m.generation.Load() != p.generation.Load() || !m.expires.IsZero() && time.Now().After(m.expires)
}

// discardLocked closes a connection and forgets it. p.mu is held, so the closing,
// which may wait for those who use the socket, is left to a goroutine.
func (p *Pool) discardLocked(m *member, why error) {
	if _, known := p.members[m]; !known {
		return
	}
	delete(p.members, m)
	p.home.CompareAndSwap(m, nil)
	if hungUp(m) {
		p.backoff.hungUp(p.opts.MinBackoff, p.opts.MaxBackoff)
	}
	if !m.over {
		p.open--
	}
	p.counters.closed.Add(1)
	p.work.Add(1)
	go func() {
		defer p.work.Done()
		p.disconnect(m, why)
	}()
}
