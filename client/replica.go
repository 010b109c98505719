package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/sentinel"
)

const (
	// minProbe is the least time that a probe has: else half the interval, and
	// no more than the read timeout.
	minProbe = 200 * time.Millisecond
	// minProbeBackoff and maxProbeBackoff bound the wait between probes of a
	// replica that does not serve.
	minProbeBackoff = 50 * time.Millisecond
	maxProbeBackoff = time.Second
	// latencyWeight is the weight of a new round trip in the moving average: one
	// part in so many.
	latencyWeight = 4
)

// replica is one replica and the goroutine that probes it.
type replica struct {
	set    *Replicas
	addr   string
	ctx    context.Context // ends when the replica is gone, or with the client
	cancel context.CancelFunc
	wake   chan struct{} // capacity one: probe now

	// Guarded by set.mu:
	info    sentinel.Replica
	serving *serving // nil while it does not serve
	latency time.Duration
	lag     int64
	err     error // why it does not serve
	aborted bool  // the pool is of no use any more
	said    bool  // whether that it does not serve was said in an event
}

// serving is a replica as long as it serves without a break.
type serving struct {
	addr    string
	replica *replica
	pool    *pool.Pool
}

func newReplica(r *Replicas, info sentinel.Replica) *replica {
	n := &replica{set: r, addr: info.Addr, info: info, lag: -1, wake: make(chan struct{}, 1)}
	n.ctx, n.cancel = context.WithCancel(r.client.ctx)
	return n
}

// learnLocked takes over what the sentinels say.
func (n *replica) learnLocked(info sentinel.Replica) {
	was := n.info
	n.info = info
	if was.Fit() != info.Fit() {
		n.doubt()
	}
}

// nodeLocked describes it to choosers.
func (n *replica) nodeLocked() Node {
	return Node{Addr: n.addr, Latency: n.latency, Lag: n.lag, Priority: n.info.Priority}
}

// doubt has it probed now.
func (n *replica) doubt() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// exclude takes it out of use until a probe succeeds, and frees all who wait
// for it.
func (n *replica) exclude(s *serving, err error) {
	r := n.set
	r.mu.Lock()
	if n.serving != s {
		r.mu.Unlock()
		return
	}
	n.serving, n.err, n.aborted = nil, err, true
	r.rebuildLocked()
	r.mu.Unlock()
	s.pool.Abort(err)
	r.client.send(sentinel.Event{Kind: sentinel.EventReplicaDown, Addr: n.addr, Err: err})
	n.doubt()
}

// keep probes the replica until it is gone.
func (n *replica) keep() {
	p := pool.New(n.options())
	defer func() {
		n.withdraw(nil)
		p.Abort(ErrNoReplica)
		_ = p.Close()
	}()
	backoff := minProbeBackoff
	for n.ctx.Err() == nil {
		p = n.renew(p)
		err := n.probe(p)
		if n.ctx.Err() != nil {
			return
		}
		wait := jitter(n.set.opts.ProbeInterval * 3 / 4) // and a moment for the probe itself
		if err != nil {
			n.withdraw(err)
			wait = jitter(backoff)
			backoff = min(2*backoff, maxProbeBackoff)
		} else {
			n.serve(p)
			backoff = minProbeBackoff
		}
		n.awaitProbe(wait, err != nil)
	}
}

// awaitProbe waits until the next probe. One that failed is not repeated at once.
func (n *replica) awaitProbe(d time.Duration, failed bool) {
	if failed {
		pause := time.NewTimer(min(d, minProbeBackoff))
		defer pause.Stop()
		select {
		case <-n.ctx.Done():
			return
		case <-pause.C:
		}
		d -= min(d, minProbeBackoff)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-n.ctx.Done():
	case <-timer.C:
	case <-n.wake:
	}
}

func (n *replica) options() pool.Options {
	o := *n.set.opts.Pool
	o.Conn.Addr, o.Conn.Role = n.addr, conn.RoleReplica
	o.MaxBackoff = maxProbeBackoff / 4
	return o
}

// renew returns p, or another pool if p was aborted.
func (n *replica) renew(p *pool.Pool) *pool.Pool {
	n.set.mu.Lock()
	aborted := n.aborted
	n.aborted = false
	n.set.mu.Unlock()
	if !aborted {
		return p
	}
	p.Abort(ErrNoReplica)
	_ = p.Close()
	return pool.New(n.options())
}

// probe asks the replica for its role, its link and its offset.
func (n *replica) probe(p *pool.Pool) error {
	n.set.mu.Lock()
	info := n.info
	n.set.mu.Unlock()
	if !info.Fit() {
		return fmt.Errorf("client: replica: the sentinels say %q, link up: %v", info.Flags, info.LinkUp)
	}
	timeout := max(n.set.opts.ProbeInterval/2, minProbe)
	if t := n.set.opts.Pool.Conn.ReadTimeout; t > 0 {
		timeout = min(timeout, t)
	}
	master := int64(-1)
	if n.set.opts.MaxLag > 0 {
		if t := n.set.client.target.Load(); t.pool != nil {
			if r, err := askRole(n.ctx, t.pool, timeout); err == nil {
				master = r.Offset
			}
		}
	}
	began := time.Now()
	r, err := askRole(n.ctx, p, timeout)
	switch {
	case err != nil:
		return err
	case r.Role != roleReplica:
		return fmt.Errorf("client: replica: its role is %q", r.Role)
	case r.State != linked:
		return fmt.Errorf("client: replica: its link to the master is in state %q", r.State)
	}
	took := time.Since(began)
	if err := n.checkOrigin(p, timeout); err != nil {
		return err
	}
	return n.measured(took, master, r.Offset)
}

var errLags = errors.New("client: replica: it is too far behind its master")

// measured notes a successful probe and says whether the replica is near enough
// to its master.
func (n *replica) measured(rtt time.Duration, master, offset int64) error {
	r := n.set
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.latency == 0 {
		n.latency = rtt
	}
	n.latency += (rtt - n.latency) / latencyWeight
	if master >= 0 {
		n.lag = max(master-offset, 0)
	}
	if n.serving != nil {
		r.describeLocked()
	}
	if r.opts.MaxLag > 0 && n.lag > r.opts.MaxLag {
		return fmt.Errorf("%w: %d bytes", errLags, n.lag)
	}
	return nil
}

// serve puts the replica into use.
func (n *replica) serve(p *pool.Pool) {
	r := n.set
	r.mu.Lock()
	r.probed = true
	if n.serving != nil || n.ctx.Err() != nil || r.closed || r.nodes[n.addr] != n {
		r.mu.Unlock()
		return
	}
	n.serving, n.err, n.said = &serving{addr: n.addr, replica: n, pool: p}, nil, false
	r.rebuildLocked()
	r.mu.Unlock()
	r.client.send(sentinel.Event{Kind: sentinel.EventReplicaUp, Addr: n.addr})
}

// withdraw takes the replica out of use after a probe. nil means that it is
// gone.
func (n *replica) withdraw(err error) {
	r := n.set
	r.mu.Lock()
	s := n.serving
	n.serving, n.err, n.aborted = nil, err, n.aborted || s != nil
	say := s != nil || err != nil && !n.said
	n.said = true
	if s != nil {
		r.rebuildLocked()
	}
	if !r.probed {
		r.probed = r.allProbedLocked()
	}
	r.mu.Unlock()
	if s != nil && err != nil {
		s.pool.Abort(err)
	}
	if say {
		r.client.send(sentinel.Event{Kind: sentinel.EventReplicaDown, Addr: n.addr, Err: err})
	}
}

// allProbedLocked reports whether every replica has failed once.
func (r *Replicas) allProbedLocked() bool {
	for _, n := range r.nodes {
		if n.serving == nil && n.err == nil {
			return false
		}
	}
	return true
}
