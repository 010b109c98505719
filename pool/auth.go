package pool

import (
	"context"
	"errors"
	"sync"
)

// Reauth authenticates all connections again, with what Options.Conn.Credentials
// returns now. It is to be called when a password or token has been replaced,
// before the old one ends. A connection that is leased is closed when it comes
// back, and one that cannot be authenticated at once. An error joins those of
// the connections that failed; others may have succeeded.
//
// Connections made with [Pool.Dial] belong to others: see [conn.Conn.Reauth].
func (p *Pool) Reauth(ctx context.Context) error {
	p.check(ctx)
	generation := p.generation.Add(1)
	p.mu.Lock()
	if p.closed != nil {
		defer p.mu.Unlock()
		return p.notSent(p.closed)
	}
	idle := p.takeIdleLocked() // nobody leases them meanwhile
	members := append([]*member(nil), idle...)
	p.mu.Unlock()
	for i := range p.shared {
		if m := p.shared[i].member.Load(); m != nil {
			members = append(members, m)
		}
	}
	errs := make([]error, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() {
			if errs[i] = m.conn.Reauth(ctx); errs[i] == nil {
				m.generation.Store(generation)
			}
			if i < len(idle) {
				p.putBack(m)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// takeIdleLocked takes all connections that nobody uses, the parked one too.
func (p *Pool) takeIdleLocked() []*member {
	idle := p.idle
	p.idle = nil
	if m := p.unparkHome(); m != nil {
		idle = append(idle, m)
	}
	return idle
}
