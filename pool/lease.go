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
	defer func() {
		if !c.EndLease() {
			m.conn.Abort(errLeft) // a call of it is under way
		}
		p.putBack(m, true)
	}()
	err = fn(c)
	p.heedError(err)
	return err
}

func (p *Pool) lease(ctx context.Context) (*member, error) {
	p.mu.Lock()
	m := p.popIdleLocked()
	p.mu.Unlock()
	if m == nil {
		var err error
		if m, err = p.acquire(ctx, false); err != nil {
			return nil, err
		}
	}
	m.conn.SetShared(false)
	p.mu.Lock()
	p.leased++
	p.mu.Unlock()
	p.counters.leases.Add(1)
	return m, nil
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
