package client

import (
	"context"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

// leaveReplica has subscribers leave the one server of a client without sentinels,
// which has said that it is a replica, when its name leads to a master: a
// connection that works never finds that out.
func (c *Client) leaveReplica(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subs != nil && c.subs.deny() {
		s := c.subs
		c.spawnLocked(func() { s.keepProbing(fmt.Errorf("%w: %w", ErrSwitched, cause)) })
	}
}

// deny notes that the server has said that it is a replica. It reports whether
// probing is to begin.
func (s *Subscriptions) deny() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = time.Now()
	begins := !s.probing
	s.probing = true
	return begins
}

// keepProbing looks where the name leads, every distrustInterval, until that is a
// master or the server has not said for reviveTime that it is a replica. What is
// said in the interval after a move is about the server that was left.
func (s *Subscriptions) keepProbing(cause error) {
	ctx := s.client.ctx
	for {
		moved := s.renew(ctx, cause, s.client.dialMaster) == nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(distrustInterval):
		}
		if s.endProbing(moved) {
			return
		}
	}
}

func (s *Subscriptions) endProbing(moved bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probing = !moved && time.Since(s.denied) < reviveTime
	return !s.probing
}

// dialMaster connects to where the name of the one server leads now, if that is a
// master.
func (c *Client) dialMaster(ctx context.Context) (*conn.Conn, error) {
	o := c.opts.Pool.Conn
	o.Role = conn.RoleMaster
	return conn.Dial(ctx, o)
}
