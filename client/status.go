package client

import (
	"slices"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/sentinel"
)

// Status is a snapshot of a client.
type Status struct {
	// Group and Master name what the client is for; both are empty in bypass.
	Group  string `json:"group,omitempty"`
	Master string `json:"master,omitempty"`
	// Addr is where commands go; empty while no master is known.
	Addr       string `json:"addr,omitempty"`
	Epoch      int64  `json:"epoch"`
	Generation uint64 `json:"generation"`
	// Held says that writes wait for the end of a failover, since HeldSince.
	Held      bool      `json:"held"`
	HeldSince time.Time `json:"heldSince,omitzero"`
	// Provisional says that no sentinel has confirmed the master yet
	// (AdoptEager).
	Provisional bool `json:"provisional"`
	// Candidate is the replica that a sentinel is about to promote.
	Candidate string `json:"candidate,omitempty"`
	// QuorumFresh says that a majority of sentinels has confirmed the master:
	// within QuorumTTL under RequireQuorum, see [sentinel.MasterStatus] otherwise.
	QuorumFresh bool `json:"quorumFresh"`
	// Replicas are those that serve reads or might, once [Client.Replicas] was
	// called, sorted by address.
	Replicas []ReplicaStatus `json:"replicas,omitempty"`
	Stats    Stats           `json:"stats"`
	Closed   bool            `json:"closed"`
}

// ReplicaStatus is a snapshot of one replica.
type ReplicaStatus struct {
	Node
	// Serving says that reads go to it, Err why not.
	Serving bool   `json:"serving"`
	Err     string `json:"error,omitempty"`
	// Reported is what the sentinels say of it.
	Reported sentinel.Replica `json:"reported"`
	Pool     PoolStats        `json:"pool,omitzero"`
}

// Status returns a snapshot of the client.
func (c *Client) Status() Status {
	t := c.target.Load()
	s := Status{
		Master: c.opts.Master, Addr: t.addr, Epoch: t.epoch, Generation: t.generation,
		Held: t.held, Provisional: t.provisional, Stats: c.Stats(),
	}
	if t.held {
		s.HeldSince = t.since
	}
	c.mu.Lock()
	s.Closed = c.closed
	r := c.replicas
	if c.candidate != nil {
		s.Candidate = c.candidate.addr
	}
	c.mu.Unlock()
	if r != nil {
		s.Replicas = r.Status()
	}
	if c.watch != nil {
		s.Group = c.group.Name()
		s.QuorumFresh = c.quorumFresh(t)
	}
	return s
}

func (c *Client) quorumFresh(t *target) bool {
	if c.opts.RequireQuorum {
		return c.hasQuorum(t, time.Now())
	}
	m := c.watch.Status()
	return m.Addr == t.addr && m.QuorumFresh
}

// Status returns a snapshot of all replicas that the sentinels list, sorted by
// address.
func (r *Replicas) Status() []ReplicaStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]ReplicaStatus, 0, len(r.nodes))
	for _, n := range r.nodes {
		s := ReplicaStatus{Node: n.nodeLocked(), Serving: n.serving != nil, Reported: n.info}
		if n.serving != nil {
			s.Pool = poolStats(n.serving.pool)
		} else if n.err != nil {
			s.Err = n.err.Error()
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b ReplicaStatus) int { return strings.Compare(a.Addr, b.Addr) })
	return all
}
