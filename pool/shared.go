package pool

import (
	"context"
	"sync/atomic"
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

// takeShared returns the shared connection of the nth caller in flight. It
// need not be given back.
func (p *Pool) takeShared(ctx context.Context, n int64) (*member, error) {
	s := &p.shared[uint64(n)%uint64(len(p.shared))]
	for {
		if m := s.member.Load(); m != nil {
			select {
			case <-m.conn.Done():
				p.drop(s, m)
			default:
				return m, nil
			}
		}
		if err := p.fill(ctx, s); err != nil {
			return nil, err
		}
	}
}

// drop forgets a shared connection that is broken.
func (p *Pool) drop(s *slot, m *member) {
	if !s.member.CompareAndSwap(m, nil) {
		return
	}
	p.suspect.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == nil {
		p.discard(m, errLeft)
	}
}

// fill waits until the slot has a connection, and starts getting one if nobody
// has. The attempt belongs to the pool: it goes on when this caller leaves.
func (p *Pool) fill(ctx context.Context, s *slot) error {
	f := s.filling.Load()
	if f == nil {
		f = &filling{done: make(chan struct{})}
		if !s.filling.CompareAndSwap(nil, f) {
			return nil // somebody was faster: look again
		}
		if !p.startFilling(s, f) {
			return f.err
		}
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return p.notSent(ctx.Err())
	}
}

func (p *Pool) startFilling(s *slot, f *filling) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		f.err = p.notSent(p.closed)
		s.filling.Store(nil)
		close(f.done)
		return false
	}
	p.dials.Add(1)
	go func() { // ends with the dial or the pool; Close waits for it
		defer p.dials.Done()
		m, err := p.acquire(p.ctx, true)
		if err == nil {
			s.member.Store(m)
		}
		f.err = err
		s.filling.Store(nil)
		close(f.done)
	}()
	return true
}
