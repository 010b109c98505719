package client

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/pool"
)

// DefaultProbeInterval is how often each replica is asked for its role.
const DefaultProbeInterval = time.Second

// ReplicaPolicy says where reads may go.
type ReplicaPolicy uint8

const (
	// PreferReplica reads from a replica, and from the master while there is
	// none.
	PreferReplica ReplicaPolicy = iota
	// ReplicaOnly reads from replicas and nothing else: without one, reads fail
	// with [ErrNoReplica].
	ReplicaOnly
	// AnyNode lets the chooser choose among the replicas and the master.
	AnyNode
)

// ReplicaOptions describes how replicas are used.
type ReplicaOptions struct {
	// Policy says where reads may go. Zero means PreferReplica.
	Policy ReplicaPolicy
	// Choose picks one of several. Nil means RoundRobin.
	Choose Chooser
	// MaxLag is how many bytes of the replication stream a replica may be behind
	// its master to serve reads. Both offsets are asked for at each probe. Zero
	// and negative mean any number.
	MaxLag int64
	// Pool describes the connections to each replica. Nil means the same as those
	// to the master.
	Pool *pool.Options
	// ProbeInterval is how often, at least, each replica is asked for its role,
	// its link to the master and its offset; one that does not serve is asked
	// sooner. A probe may take half of it, and no longer than the read timeout.
	// Zero and negative mean DefaultProbeInterval.
	ProbeInterval time.Duration
}

func (o ReplicaOptions) withDefaults(master pool.Options) ReplicaOptions {
	if o.Choose == nil {
		o.Choose = RoundRobin()
	}
	if o.Pool == nil {
		o.Pool = &master
	}
	orElse(&o.ProbeInterval, DefaultProbeInterval)
	return o
}

// Node is a server that may serve a read.
type Node struct {
	// Addr is its address.
	Addr string `json:"addr"`
	// Master says that it is the master (AnyNode).
	Master bool `json:"master,omitempty"`
	// Latency is a moving average of the round trips of probes.
	Latency time.Duration `json:"latency"`
	// Lag is how many bytes it was behind at the last probe; -1 if that is not
	// known.
	Lag int64 `json:"lag"`
	// Priority is its replica-priority.
	Priority int `json:"priority,omitempty"`
}

// Chooser picks the server of a read: an index into nodes, of which there is at
// least one, sorted by address. nodes must not be changed or kept. An index out
// of range means the first. A Chooser is called at each read, by many goroutines.
type Chooser interface {
	Choose(nodes []Node) int
}

// ChooserFunc is a function as a [Chooser].
type ChooserFunc func(nodes []Node) int

// Choose calls f.
func (f ChooserFunc) Choose(nodes []Node) int { return f(nodes) }

// First chooses the first node, so that all reads go to the same one as long as
// it serves.
func First() Chooser { return ChooserFunc(func([]Node) int { return 0 }) }

// Random chooses any node.
func Random() Chooser { return ChooserFunc(func(nodes []Node) int { return rand.IntN(len(nodes)) }) }

// RoundRobin chooses one node after the other.
func RoundRobin() Chooser {
	var next atomic.Uint64
	return ChooserFunc(func(nodes []Node) int { return int(next.Add(1) % uint64(len(nodes))) })
}

// LowestLatency chooses the node that answers probes soonest, by a moving
// average.
func LowestLatency() Chooser {
	return ChooserFunc(func(nodes []Node) int {
		best := 0
		for i := range nodes {
			if nodes[i].Latency < nodes[best].Latency {
				best = i
			}
		}
		return best
	})
}
