package client

import (
	"context"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

const (
	// watchTime is how long a candidate is looked at after it was last mentioned.
	watchTime = 10 * time.Second
	// eagerPoll is how often the role of a candidate is asked when somebody
	// waits for it, idlePoll when nobody does.
	eagerPoll = 4 * time.Millisecond
	idlePoll  = 20 * time.Millisecond
	// candidateDial bounds a dial to a candidate: it is up, or it is no use.
	candidateDial = time.Second
)

// candidate is the watch over a candidate: a replica that a sentinel is about to
// promote. When it says itself that it is a master, connections to it are
// opened, so that they are there when the sentinels name it.
type candidate struct {
	addr     string
	sentinel string
	ctx      context.Context
	cancel   context.CancelFunc
	timer    *time.Timer // ends the watch
	pool     *pool.Pool  // set when it is a master; guarded by Client.mu
}

// watchCandidate begins the watch over the candidate that a sentinel has announced, or
// goes on with it.
func (c *Client) watchCandidate(by string, m sentinel.Message) {
	if m.Type != "slave" || m.Addr == "" || !c.namesReplica(m.Addr) {
		return
	}
	addr := c.group.MapAddr(sentinel.AddrMaster, m.Addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed || c.target.Load().addr == addr:
		return
	case c.candidate != nil && c.candidate.addr == addr:
		c.candidate.timer.Reset(watchTime)
		return
	}
	c.dropCandidateLocked(ErrOrphan)
	s := &candidate{addr: addr, sentinel: by}
	s.ctx, s.cancel = context.WithCancel(c.ctx)
	s.timer = time.AfterFunc(watchTime, func() { c.expireCandidate(s) })
	c.candidate = s
	c.spawnLocked(func() { c.pollCandidate(s) })
}

// namesReplica reports whether the sentinels agree that addr, as one of them wrote
// it, is a replica of the master. A connection to a candidate is sent a password,
// so that one sentinel's word is too little.
func (c *Client) namesReplica(addr string) bool {
	addr = c.group.MapAddr(sentinel.AddrReplica, addr)
	return slices.ContainsFunc(c.watching().Replicas(), func(r sentinel.Replica) bool { return r.Addr == addr })
}

// dropCandidateLocked ends the watch, and the connections that were opened
// ahead.
func (c *Client) dropCandidateLocked(cause error) {
	if c.candidate == nil {
		return
	}
	c.candidate.timer.Stop()
	c.candidate.cancel()
	c.retireLocked(c.candidate.pool, cause)
	c.candidate = nil
	if c.subs != nil {
		c.subs.follow(c.target.Load().pool)
	}
}

// takeCandidateLocked ends the watch and returns the connections to addr, if
// that was the candidate and is a master.
func (c *Client) takeCandidateLocked(addr string) *pool.Pool {
	if c.candidate == nil {
		return nil
	}
	if c.candidate.addr != addr {
		c.dropCandidateLocked(ErrSwitched)
		return nil
	}
	p := c.candidate.pool
	c.candidate.pool = nil
	c.candidate.timer.Stop()
	c.candidate.cancel()
	c.candidate = nil
	return p
}

func (c *Client) expireCandidate(s *candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.candidate == s {
		c.dropCandidateLocked(ErrOrphan)
	}
}

// pollCandidate asks the candidate for its role until it is a master, or the watch
// ends. In a coordinated failover it asks the master, too.
func (c *Client) pollCandidate(s *candidate) {
	p := c.newRolePoll(s.addr)
	defer p.hangUp()
	eager := c.opts.Adopt == AdoptEager || c.hasSubscriptions()
	for s.ctx.Err() == nil {
		handsOver := c.handsOver(s)
		// The promotion breaks the connections of all clients, so that a failure
		// may well be the sign that is waited for.
		if role, err := p.ask(s.ctx); err == nil && role.Role == roleMaster {
			c.promoted(s)
			if c.awaitHandover(s) {
				c.awaitCut(p)
			}
			return
		}
		p.wait(s.ctx, eager || handsOver)
	}
}

// promoted notes that the candidate is a master.
func (c *Client) promoted(s *candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.candidate != s {
		return
	}
	s.pool = pool.New(c.masterPool(s.addr))
	c.warmLocked(s)
	if c.subs != nil {
		c.subs.follow(s.pool)
	}
	if c.opts.Adopt == AdoptEager {
		c.adoptLocked(s)
	}
}

// warmLocked opens about as many connections as are in use now.
func (c *Client) warmLocked(s *candidate) {
	n := 1
	if now := c.target.Load(); now.pool != nil {
		n = max(n, min(now.pool.Stats().InFlight, pool.DefaultSoloConns))
	}
	p := s.pool
	for range n {
		c.spawnLocked(func() {
			_, _ = redis.Ping().Do(c.ctx, p)
		})
	}
}

// adoptLocked makes the candidate the target before a majority of the sentinels
// has confirmed it.
func (c *Client) adoptLocked(s *candidate) {
	old := c.target.Load()
	if old.provisional || old.addr == s.addr {
		return
	}
	c.moveToLocked(&target{moves: old.moves, epoch: old.epoch, addr: s.addr, provisional: true}, ErrSwitched)
	c.adoptedLocked(old)
}

// adoptedLocked notes that there is a master instead of old that the sentinels
// have not named, and gives them their time.
func (c *Client) adoptedLocked(old *target) {
	generation := c.target.Load().generation
	c.eager = time.AfterFunc(c.opts.EagerBound, func() { c.giveUpOrphan(generation) })
	c.counters.adopted.Add(1)
	c.send(sentinel.Event{Kind: sentinel.EventAdopted, OldAddr: old.addr})
}

// giveUpOrphan goes back to the configured master, because no sentinel has
// confirmed the adopted one.
func (c *Client) giveUpOrphan(generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.target.Load()
	if c.closed || !now.provisional || now.generation != generation {
		return
	}
	v := c.watch.View()
	c.moveToLocked(&target{moves: v.Moves, epoch: v.Epoch, addr: v.Addr}, ErrOrphan)
	c.counters.orphans.Add(1)
	c.send(sentinel.Event{Kind: sentinel.EventOrphan, OldAddr: now.addr, Err: ErrOrphan})
}

// stopEagerLocked ends the wait for a confirmation.
func (c *Client) stopEagerLocked() {
	if c.eager != nil {
		c.eager.Stop()
		c.eager = nil
	}
}

func (c *Client) hasSubscriptions() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subs != nil
}
