package pool

import (
	"context"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// WithConn leases a connection, calls fn with it, and takes it back. Nobody
// else uses it meanwhile, so fn may change its state; a connection that is not
// as it was is closed afterwards, and what fn leaves running on it fails: after fn has
// returned it refuses to work, with [conn.ErrLeaseOver]. WithConn waits for its turn
// until ctx ends, with a *[WaitError] then.
func (p *Pool) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	p.check(ctx)
	m, err := p.lease(ctx)
	if err != nil {
		return err
	}
	c := m.conn.Lease()
	defer p.endLease(m, c)
	err = fn(c)
	p.heedError(err)
	return err
}

// lease takes a connection: the home of lone callers if that is parked.
func (p *Pool) lease(ctx context.Context) (*member, error) {
	if p.ended.Load() {
		return nil, p.refuse()
	}
	m := p.unparkHome()
	if m != nil && !p.fit(m) {
		p.forget(m)
		m = nil
	}
	if m == nil {
		var err error
		if m, err = p.leaseOther(ctx); err != nil {
			return nil, err
		}
	}
	m.conn.SetShared(false)
	p.leased.Add(1)
	p.counters.leases.Add(1)
	return m, nil
}

// leaseOther takes an idle connection, or waits for one.
func (p *Pool) leaseOther(ctx context.Context) (*member, error) {
	p.mu.Lock()
	m := p.popIdleLocked()
	p.mu.Unlock()
	if m != nil {
		return m, nil
	}
	return p.acquire(ctx, false)
}

// endLease takes the connection of the lease c back. It is closed if it was left in a
// state that others must not see, or with a call under way.
func (p *Pool) endLease(m *member, c *conn.Conn) {
	if !c.EndLease() || m.conn.InFlight() > 0 || m.conn.Tainted() {
		// The socket is closed before the caller is told: what its command waited
		// for must not be given to a connection that nobody reads.
		m.conn.Abort(errLeft)
	}
	m.conn.SetShared(true)
	p.leased.Add(-1)
	if !p.parkHome(m, 0) {
		p.putBack(m)
	}
}

func (p *Pool) doLeased(ctx context.Context, cmd resp.Command) (reply resp.Reply, err error) {
	err = p.WithConn(ctx, func(c *conn.Conn) error {
		c.SetShared(true)
		reply, err = c.Do(ctx, cmd)
		return err
	})
	if reply.Value.MayBeError() {
		p.heed(reply.Value)
	}
	return reply, err
}
