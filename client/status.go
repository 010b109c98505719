package client

import (
	"fmt"
	"log/slog"
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
	// Provisional says that the sentinels have not confirmed the master yet: see
	// [sentinel.EventAdopted].
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

// String returns the master and its address: a Client may be printed and logged,
// for it shows none of its options.
func (c *Client) String() string {
	t := c.target.Load()
	switch {
	case c.watch == nil:
		return "client of " + t.addr
	case t.addr == "":
		return fmt.Sprintf("client of master %q (unknown yet)", c.opts.Master)
	}
	return fmt.Sprintf("client of master %q (%s, epoch %d)", c.opts.Master, t.addr, t.epoch)
}

// GoString returns String.
func (c *Client) GoString() string { return c.String() }

// LogValue returns String.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String returns what Nodes does, as text: a Replicas may be printed and logged.
func (r *Replicas) String() string { return fmt.Sprintf("replicas of %v: %v", r.client, r.Nodes()) }

// GoString returns String.
func (r *Replicas) GoString() string { return r.String() }

// LogValue returns String.
func (r *Replicas) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String names the client: a Subscriptions may be printed and logged.
func (s *Subscriptions) String() string { return "subscriptions of " + s.client.String() }

// GoString returns String.
func (s *Subscriptions) GoString() string { return s.String() }

// LogValue returns String.
func (s *Subscriptions) LogValue() slog.Value { return slog.StringValue(s.String()) }
