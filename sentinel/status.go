package sentinel

import (
	"slices"
	"strings"
	"time"
)

// GroupStatus is a snapshot of a group. All statuses can be written as JSON.
type GroupStatus struct {
	Name      string           `json:"name,omitempty"`
	Sentinels []SentinelStatus `json:"sentinels"`
	Masters   []MasterStatus   `json:"masters"`
	// Alone says that no sentinel answers.
	Alone bool       `json:"alone"`
	Stats GroupStats `json:"stats"`
}

// SentinelStatus is a snapshot of the link to one sentinel.
type SentinelStatus struct {
	Addr string `json:"addr"`
	// ID is its run id, where it tells.
	ID string `json:"id,omitempty"`
	// Seed says that it was configured, and not learned from another one.
	Seed bool `json:"seed"`
	// Up says that the link stands and is answered; Subscribed that messages
	// come, and not only answers.
	Up         bool `json:"up"`
	Subscribed bool `json:"subscribed"`
	// Since is when the link came up, LastAnswer when its last answer came.
	Since      time.Time `json:"since,omitzero"`
	LastAnswer time.Time `json:"lastAnswer,omitzero"`
	// Err is why the link is down.
	Err string `json:"error,omitempty"`
}

// MasterStatus is a snapshot of what a group believes of a master.
type MasterStatus struct {
	Name string `json:"name"`
	// Known says that the rest is known.
	Known bool   `json:"known"`
	Addr  string `json:"addr,omitempty"`
	Epoch int64  `json:"epoch"`
	RunID string `json:"runID,omitempty"`
	// Opinions is what each sentinel says, sorted by address.
	Opinions []Opinion `json:"opinions"`
	// Confirming of the sentinels agree, Needed are a majority.
	Confirming int `json:"confirming"`
	Needed     int `json:"needed"`
	// QuorumFresh says that a majority has confirmed the master within
	// DefaultLeaseTTL plus the interval at which they are asked.
	QuorumFresh bool `json:"quorumFresh"`
	// QuorumSince is when the one that completes the majority was last asked.
	QuorumSince time.Time `json:"quorumSince,omitzero"`
	// Replicas are those that the sentinels list, sorted by address.
	Replicas []Replica `json:"replicas"`
	// Clients counts the clients of this process.
	Clients int `json:"clients"`
}

// Opinion is what one sentinel says of a master.
type Opinion struct {
	Sentinel string `json:"sentinel"`
	Addr     string `json:"addr,omitempty"`
	Epoch    int64  `json:"epoch"`
	// Failover says that it leads a failover now, Down that it takes the master
	// for down.
	Failover bool `json:"failover,omitempty"`
	Down     bool `json:"down,omitempty"`
	// At is when the answer came.
	At time.Time `json:"at,omitzero"`
	// Err is why there is none.
	Err string `json:"error,omitempty"`
}

// Status returns a snapshot of the group.
func (g *Group) Status() GroupStatus {
	s := GroupStatus{Name: g.name, Stats: g.Stats()}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.Alone = !g.anyUpLocked() && len(g.topics) > 0
	for _, addr := range g.order {
		l := g.links[addr]
		st := SentinelStatus{Addr: addr, ID: l.id, Seed: l.seed, Up: l.up, Subscribed: l.up && l.listens, LastAnswer: l.answered}
		if l.up {
			st.Since = l.since
		} else if l.err != nil {
			st.Err = l.err.Error()
		}
		s.Sentinels = append(s.Sentinels, st)
	}
	for _, t := range g.topics {
		s.Masters = append(s.Masters, t.statusLocked())
	}
	slices.SortFunc(s.Masters, func(a, b MasterStatus) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// statusLocked returns a snapshot. The lock is held.
func (t *master) statusLocked() MasterStatus {
	g := t.group
	s := MasterStatus{
		Name: t.name, Known: t.view.known, Addr: t.view.addr, Epoch: t.view.epoch,
		Replicas: slices.Clone(t.merged), Clients: len(t.users),
	}
	s.QuorumSince, s.Confirming, s.Needed = t.view.backing(g.knownLocked())
	s.QuorumFresh = t.view.known && s.Confirming >= s.Needed && time.Since(s.QuorumSince) < DefaultLeaseTTL+2*g.opts.PollInterval
	for _, addr := range g.order {
		o := Opinion{Sentinel: addr}
		seen, ok := t.view.sightings[addr]
		switch err := t.tried[addr]; {
		case ok:
			o.Addr, o.Epoch, o.Failover, o.Down, o.At = seen.addr, seen.epoch, seen.failing, seen.doubted, seen.at
			if seen.addr == t.view.addr && seen.epoch == t.view.epoch {
				s.RunID = seen.runID
			}
		case err != nil:
			o.Err = err.Error()
		default:
			continue
		}
		s.Opinions = append(s.Opinions, o)
	}
	return s
}

// ClientStatus is a snapshot of a client.
type ClientStatus struct {
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
	// within the lease under RequireQuorum, see MasterStatus else.
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
	Reported Replica   `json:"reported"`
	Pool     PoolStats `json:"pool,omitzero"`
}

// Status returns a snapshot of the client.
func (c *Client) Status() ClientStatus {
	t := c.target.Load()
	s := ClientStatus{
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
	if c.topic != nil {
		s.Group = c.group.name
		s.QuorumFresh = c.quorumFresh(t)
	}
	return s
}

func (c *Client) quorumFresh(t *target) bool {
	if c.opts.RequireQuorum {
		return c.hasQuorum(t, time.Now())
	}
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	return c.topic.view.addr == t.addr && c.topic.statusLocked().QuorumFresh
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
