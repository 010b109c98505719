package client

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// In a coordinated failover, as Valkey 9 has it, the master stops writes until the
// candidate has all of them, and changes places with it. Both say so at once, up to
// a second before the leading sentinel has noticed. When it has, it cuts all clients
// of both servers off.

const (
	// refusalTime bounds how long a former master that has handed over may take to
	// answer what it has kept waiting. It refuses that when the leading sentinel has
	// noticed the promotion, which takes a second.
	refusalTime = 2 * time.Second
	// cutTime is how long the leading sentinel may take to cut the clients of the
	// new master off, after it has noticed the promotion.
	cutTime = 100 * time.Millisecond
)

// handsOver reports whether the sentinel that has announced the candidate leads a
// coordinated failover. What is answered during the hold is good there.
func (c *Client) handsOver(s *candidate) bool {
	if !c.watching().Coordinated(s.sentinel) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.target.Load(); !c.closed && t.held && !t.calm && c.hold.sentinel == s.sentinel {
		calm := *t
		calm.calm = true
		c.storeLocked(&calm)
	}
	return true
}

// awaitHandover waits until the former master says that it replicates the candidate,
// which says that it is a master, and then makes that the target: the two have
// changed places, by their own words, and what the sentinels will say is known. It
// ends with the watch over the candidate, which is when they do say so.
func (c *Client) awaitHandover(s *candidate) (done bool) {
	p := c.newRolePoll(c.target.Load().addr)
	defer p.hangUp()
	for s.ctx.Err() == nil {
		handsOver := c.handsOver(s)
		if handsOver {
			role, err := p.ask(s.ctx)
			if err == nil && c.takeOver(s, role) {
				return true
			}
		}
		p.wait(s.ctx, handsOver)
	}
	return false
}

// takeOver makes the candidate the target, if the former master replicates it, and
// reports whether that is so.
func (c *Client) takeOver(s *candidate, former redis.RoleInfo) bool {
	master := net.JoinHostPort(former.MasterHost, strconv.FormatInt(former.MasterPort, 10))
	if former.Role != roleReplica || c.group.MapAddr(sentinel.AddrMaster, master) != s.addr {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.target.Load()
	if c.closed || c.candidate != s || old.provisional || old.addr == s.addr {
		return false
	}
	_ = c.replaceLocked(&target{moves: old.moves, epoch: old.epoch, addr: s.addr, provisional: true, heir: old.generation})
	c.adoptedLocked(old)
	c.spawnLocked(func() { c.dismiss(old.pool) })
	return true
}

// dismiss breaks the connections to a former master when it has answered what is
// under way there.
func (c *Client) dismiss(former *pool.Pool) {
	ctx, cancel := context.WithTimeout(c.ctx, refusalTime)
	defer cancel()
	for ctx.Err() == nil && former.Stats().InFlight > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(eagerPoll):
		}
	}
	former.Abort(ErrSwitched)
	_ = former.Close()
}

// beginCut makes writes wait until the leading sentinel has cut the clients of the
// new master off, which it is about to do: what is on its way then is in doubt. It
// reports whether that is so.
func (c *Client) beginCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.target.Load()
	if c.closed || t.held || !t.provisional || t.heir == 0 {
		return false
	}
	held := *t
	held.held, held.calm, held.since = true, true, time.Now()
	c.storeLocked(&held)
	return true
}

// awaitCut ends what beginCut has begun, when p's connection has been cut. It ends
// when the sentinels have named the new master.
func (c *Client) awaitCut(p *rolePoll) {
	t := c.target.Load()
	for ; t.provisional && !t.calm; t = c.target.Load() {
		if c.awaitChange(c.ctx, t) != nil {
			return
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, cutTime)
	defer cancel()
	for ctx.Err() == nil && c.target.Load() == t && p.cn.Err() == nil {
		_, _ = p.ask(ctx)
		p.wait(ctx, true)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.calm && c.target.Load() == t {
		c.releaseLocked()
	}
}
