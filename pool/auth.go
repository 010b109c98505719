package pool

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/kermes-redis/kermes/conn"
)

// Reauth authenticates all connections again, with what Options.Conn.Credentials
// returns now. It is to be called when a password or token has been replaced,
// before the old one ends. A connection that is leased is closed when it comes
// back, and one that cannot be authenticated at once. An error joins those of
// the connections that failed; others may have succeeded.
//
// So are connections made with [Pool.Dial], between the commands of their owners. On one
// that receives (pub/sub, MONITOR) or is inside MULTI no AUTH can be sent: it is ended
// with [ErrReauth], for its owner to dial anew, if there are Credentials and the server
// has taken them somewhere; if not, it stays as it is.
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
	dialled := slices.Collect(maps.Keys(p.dialled))
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
				p.putBack(m, false)
			}
		})
	}
	own := make([]error, len(dialled))
	for i, c := range dialled {
		wg.Go(func() { own[i] = reauthOwn(ctx, c) })
	}
	wg.Wait()
	taken := slices.Contains(errs, nil) || slices.Contains(own, nil)
	return errors.Join(append(errs, p.endReceivers(ctx, dialled, own, taken)...)...)
}

// reauthOwn authenticates a connection of somebody's own again. Without the reply to its
// AUTH the owner would get that for one of his.
func reauthOwn(ctx context.Context, c *conn.Conn) error {
	err := c.Reauth(ctx)
	if conn.ClassOf(err) == conn.ClassMaybeExecuted {
		c.Abort(err)
	}
	return err
}

// endReceivers ends those connections on which no AUTH could be sent, and returns the
// errors of all. taken says that the server is known to take the credentials: a
// connection that works is better than none.
func (p *Pool) endReceivers(ctx context.Context, dialled []*conn.Conn, errs []error, taken bool) []error {
	var failed []error
	for i, c := range dialled {
		switch {
		case c.Broken() && !errors.Is(c.Err(), errs[i]): // it has ended meanwhile
			continue
		case !errors.Is(errs[i], conn.ErrReauth):
			failed = append(failed, errs[i])
			continue
		case p.opts.Conn.Credentials == nil:
			continue
		}
		if !taken {
			probe, err := p.connect(ctx, p.connOptions())
			if err != nil {
				return append(failed, err)
			}
			_ = probe.Close()
			taken = true
		}
		c.Abort(ErrReauth)
	}
	return failed
}

// takeIdleLocked takes all connections that nobody uses, the parked one too.
func (p *Pool) takeIdleLocked() []*member {
	idle := p.idle
	p.idle = nil
	if m := p.unparkHomeLocked(); m != nil {
		idle = append(idle, m)
	}
	return idle
}
