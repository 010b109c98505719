package pool

import (
	"context"
	"sync/atomic"
	"time"
)

// slot is the place of one shared connection.
type slot struct {
	member  atomic.Pointer[member]
	filling atomic.Pointer[filling]
}

// filling is the one attempt under way to fill a slot.
type filling struct {
	done chan struct{}
	err  error
}

// sharedCrowd is up to how many callers in flight the shared connections are
// used one by one: the more callers there are on one, the more of them a system
// call serves.
const sharedCrowd = 512

// takeShared returns a shared connection for the nth call, of so many in
// flight. It need not be given back.
func (p *Pool) takeShared(ctx context.Context, n uint64, callers int64) (*member, error) {
	inUse := min(uint64(1+(callers-1)/sharedCrowd), uint64(len(p.shared)))
	first := n % inUse
	s := &p.shared[first]
	for range sharedAttempts {
		if m := p.working(s); m != nil {
			return p.lighter(m, first), nil
		}
		if err := p.fill(ctx, s); err != nil {
			return nil, err
		}
	}
	return nil, p.notSent(errHungUp)
}

// sharedAttempts is how many connections one call may find closed that were just
// made.
const sharedAttempts = 3

// working returns the connection of a slot if there is one in order.
func (p *Pool) working(s *slot) *member {
	m := s.member.Load()
	if m == nil || p.fitShared(m) {
		return m
	}
	p.drop(s, m)
	return nil
}

// hasShared reports whether a shared connection works: then it serves those for
// whom no other can be had.
func (p *Pool) hasShared() bool {
	for i := range p.shared {
		if p.working(&p.shared[i]) != nil {
			return true
		}
	}
	return false
}

// lighter returns m, or another shared connection while m, of the slot at, is
// busy with a large reply.
func (p *Pool) lighter(m *member, at uint64) *member {
	if !m.conn.Bulky() {
		return m
	}
	for i := range uint64(len(p.shared) - 1) {
		s := &p.shared[(at+1+i)%uint64(len(p.shared))]
		other := p.working(s)
		if other == nil {
			p.beginFill(s) // for those to come
			continue
		}
		if !other.conn.Bulky() {
			return other
		}
	}
	return m
}

// fitShared looks at a shared connection before use: at its socket if nobody
// has used it for a while, or if another connection broke meanwhile.
func (p *Pool) fitShared(m *member) bool {
	if m.conn.Broken() {
		return false
	}
	now, suspect := p.clock.Load(), p.suspect.Load()
	if m.used.Load() == now && m.checked.Load() == suspect {
		return true
	}
	fit := p.fit(m)
	m.used.Store(now)
	return fit
}

// drop forgets a shared connection that is broken.
func (p *Pool) drop(s *slot, m *member) {
	if !s.member.CompareAndSwap(m, nil) {
		return
	}
	p.suspect.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.discardLocked(m, errLeft)
}

// fill waits until the slot has a connection, and starts getting one if nobody
// has. The attempt belongs to the pool: it goes on when this caller leaves.
func (p *Pool) fill(ctx context.Context, s *slot) error {
	f := p.beginFill(s)
	if f == nil {
		return nil
	}
	began := time.Now()
	var late <-chan time.Time
	if limit := p.waitTime(ctx); limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	var cause error
	select {
	case <-f.done:
		return delay(f.err, began)
	case <-ctx.Done():
		cause = ctx.Err()
	case <-late:
		cause = errUnreachable
	}
	return p.notSent(p.waitError(cause, began))
}

// beginFill returns the attempt to fill a slot, a new one if none is under way,
// or nil if somebody was faster.
func (p *Pool) beginFill(s *slot) *filling {
	if f := s.filling.Load(); f != nil {
		return f
	}
	f := &filling{done: make(chan struct{})}
	if !s.filling.CompareAndSwap(nil, f) {
		return nil
	}
	if s.member.Load() != nil {
		f.end(s, nil) // filled since we looked
		return nil
	}
	p.startFilling(s, f)
	return f
}

func (f *filling) end(s *slot, err error) {
	f.err = err
	s.filling.Store(nil)
	close(f.done)
}

func (p *Pool) startFilling(s *slot, f *filling) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		f.end(s, p.notSent(p.closed))
		return
	}
	p.work.Add(1)
	go func() { // ends with the dial or the pool; Close waits for it
		defer p.work.Done()
		m, err := p.acquire(p.ctx, true)
		if err == nil {
			s.member.Store(m)
		}
		f.end(s, err)
	}()
}

// sweepSharedLocked looks after the shared connections: those too old, or unused for
// long, give their place up.
func (p *Pool) sweepSharedLocked() {
	for i := range p.shared {
		s := &p.shared[i]
		m := s.member.Load()
		if m == nil {
			continue
		}
		unused := time.Duration(p.clock.Load()-m.used.Load()) * keepInterval
		if p.opts.IdleTime > 0 && unused > p.opts.IdleTime || p.outdated(m) {
			p.retireLocked(s, m)
		}
	}
	kept := p.retired[:0]
	for _, m := range p.retired {
		// A caller may have picked it a moment ago and not have sent yet.
		if p.clock.Load()-m.retired >= retireTicks && m.conn.InFlight() == 0 {
			p.discardLocked(m, errExpired)
			continue
		}
		kept = append(kept, m)
	}
	clear(p.retired[len(kept):])
	p.retired = kept
}

// retireLocked takes a shared connection out of its place. Its callers go on.
func (p *Pool) retireLocked(s *slot, m *member) {
	if s.member.CompareAndSwap(m, nil) {
		m.retired = p.clock.Load()
		p.retired = append(p.retired, m)
	}
}

// retireTicks is for how many ticks of the keeper a shared connection lives on
// after its last callers have picked it.
const retireTicks = 4
