package sentinel

import (
	"log/slog"
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
	// SentinelsErr and ReplicasErr are why it does not list the other sentinels and
	// the replicas, SubscribeErr why it sends no messages: then it is polled, and writes
	// are not held at its announcement of a failover.
	SentinelsErr string `json:"sentinelsError,omitempty"`
	ReplicasErr  string `json:"replicasError,omitempty"`
	SubscribeErr string `json:"subscribeError,omitempty"`
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
	// QuorumFresh says that a majority has confirmed the master within a second
	// and twice the interval at which they are asked.
	QuorumFresh bool `json:"quorumFresh"`
	// QuorumSince is when the one that completes the majority was last asked.
	QuorumSince time.Time `json:"quorumSince,omitzero"`
	// Replicas are those that the sentinels list, sorted by address.
	Replicas []Replica `json:"replicas"`
	// Clients counts the clients of this process: the watches that have a
	// follower.
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
	s.Alone = !g.anyUpLocked() && len(g.masters) > 0
	for _, addr := range g.order {
		l := g.links[addr]
		st := SentinelStatus{Addr: addr, ID: l.id, Seed: l.seed, Up: l.up, Subscribed: l.up && l.listens, LastAnswer: l.answered}
		if l.up {
			st.Since = l.since
			st.SentinelsErr, st.ReplicasErr = l.refused[askSentinels], l.refused[askReplicas]
			st.SubscribeErr = l.refused[askMessages]
		} else if l.err != nil {
			st.Err = l.err.Error()
		}
		s.Sentinels = append(s.Sentinels, st)
	}
	for _, m := range g.masters {
		s.Masters = append(s.Masters, m.statusLocked())
	}
	slices.SortFunc(s.Masters, func(a, b MasterStatus) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// freshFor is how old a confirmation by a majority may be to count as fresh, the
// interval at which the sentinels are asked aside.
const freshFor = time.Second

// statusLocked returns a snapshot.
func (m *master) statusLocked() MasterStatus {
	g := m.group
	s := MasterStatus{
		Name: m.name, Known: m.view.Known, Addr: m.view.Addr, Epoch: m.view.Epoch,
		Replicas: slices.Clone(m.merged), Clients: m.clientsLocked(),
	}
	s.QuorumSince, s.Confirming, s.Needed = m.view.backing(m.countLocked((*link).knownLocked))
	s.QuorumFresh = m.view.Known && s.Confirming >= s.Needed && time.Since(s.QuorumSince) < freshFor+2*g.opts.PollInterval
	for _, addr := range g.order {
		o := Opinion{Sentinel: addr}
		seen, ok := m.view.sightings[addr]
		switch err := m.tried[addr]; {
		case ok:
			o.Addr, o.Epoch, o.Failover, o.Down, o.At = seen.addr, seen.epoch, seen.failing, seen.doubted, seen.at
			if seen.addr == m.view.Addr && seen.epoch == m.view.Epoch {
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

// String returns the addresses of the sentinels that are known: a Group may be
// printed and logged, for it shows none of its options.
func (g *Group) String() string { return "sentinels " + strings.Join(g.Sentinels(), ", ") }

// GoString returns String.
func (g *Group) GoString() string { return g.String() }

// LogValue returns String.
func (g *Group) LogValue() slog.Value { return slog.StringValue(g.String()) }
