package client

import (
	"context"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
)

// The names that servers give their roles.
const (
	roleMaster  = "master"
	roleReplica = "slave"
	// linked is the state of a replica's link to its master that works.
	linked = "connected"
)

// askRole asks a server for its role, within timeout if that is positive.
func askRole(ctx context.Context, d redis.Doer, timeout time.Duration) (redis.RoleInfo, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	return redis.Role().Do(ctx, d)
}

// rolePoll asks one server for its role again and again, over a connection of its own.
type rolePoll struct {
	opts conn.Options
	cn   *conn.Conn
}

func (c *Client) newRolePoll(addr string) *rolePoll {
	o := c.masterPool(addr).Conn
	o.Role, o.DialTimeout = conn.RoleAny, candidateDial
	return &rolePoll{opts: o}
}

// ask asks once, and dials where that is needed.
func (p *rolePoll) ask(ctx context.Context) (redis.RoleInfo, error) {
	if p.cn == nil || p.cn.Err() != nil {
		cn, err := conn.Dial(ctx, p.opts)
		if err != nil {
			return redis.RoleInfo{}, err
		}
		p.cn = cn
	}
	return askRole(ctx, p.cn, p.opts.ReadTimeout)
}

// wait waits until it is time to ask again.
func (p *rolePoll) wait(ctx context.Context, eager bool) {
	poll := idlePoll
	if eager {
		poll = eagerPoll
	}
	select {
	case <-ctx.Done():
	case <-time.After(poll):
	}
}

func (p *rolePoll) hangUp() {
	if p.cn != nil {
		_ = p.cn.Close()
	}
}
