package client

import (
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/pool"
)

// Stats is what a client has done since it was opened.
type Stats struct {
	// Switches counts the times that the master was replaced by another one.
	Switches uint64 `json:"switches"`
	// Adopted counts masters that were used before the sentinels had confirmed them
	// (by AdoptEager, or in a coordinated failover), Orphans those of them that were given up.
	Adopted uint64 `json:"adopted"`
	Orphans uint64 `json:"orphans"`
	// Distrusted counts the times that all connections were replaced because the
	// server said that it is no master.
	Distrusted uint64 `json:"distrusted"`
	// Holds counts announced failovers for which writes were held, HoldTime is
	// how long altogether.
	Holds    uint64        `json:"holds"`
	HoldTime time.Duration `json:"holdTime"`
	// Unproved counts replies that had to wait, because they came while a
	// failover was on, until it was known what they are worth.
	Unproved uint64 `json:"unproved"`
	// Retries counts attempts after the first one, of commands, batches and
	// leases; Rereads those of reads on another replica.
	Retries uint64 `json:"retries"`
	Rereads uint64 `json:"rereads"`
	// ReadOnly counts replies that refused a write on a replica.
	ReadOnly uint64 `json:"readOnly"`
	// Verified counts the times that the master was asked for its role, besides
	// the handshakes.
	Verified uint64 `json:"verified"`
	// QuorumLost counts the times that writes began to be refused
	// (RequireQuorum).
	QuorumLost uint64 `json:"quorumLost"`
	// Pool is about the connections to the current master.
	Pool PoolStats `json:"pool"`
}

// PoolStats is a pool.Stats whose error is text.
type PoolStats struct {
	pool.Stats
	LastDialError string `json:",omitempty"`
}

// counters of a client.
type counters struct {
	switches, adopted, orphans, distrusted, holds, unproved atomic.Uint64
	retries, rereads, readOnly, verified, quorumLost        atomic.Uint64
	held                                                    atomic.Int64 // nanoseconds
}

// Stats returns a snapshot of the counters.
func (c *Client) Stats() Stats {
	k := &c.counters
	s := Stats{
		Switches: k.switches.Load(), Adopted: k.adopted.Load(), Orphans: k.orphans.Load(),
		Distrusted: k.distrusted.Load(), Holds: k.holds.Load(), HoldTime: time.Duration(k.held.Load()),
		Unproved: k.unproved.Load(), Retries: k.retries.Load(), Rereads: k.rereads.Load(),
		ReadOnly: k.readOnly.Load(), Verified: k.verified.Load(), QuorumLost: k.quorumLost.Load(),
	}
	if p := c.target.Load().pool; p != nil {
		s.Pool = poolStats(p)
	}
	return s
}

func poolStats(p *pool.Pool) PoolStats {
	s := PoolStats{Stats: p.Stats()}
	if err := s.Stats.LastDialError; err != nil {
		s.LastDialError = err.Error()
		s.Stats.LastDialError = nil
	}
	return s
}
