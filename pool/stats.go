package pool

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// Stats is what a pool does and has done. Gauges are of this moment, counters
// since New.
type Stats struct {
	// Open is the gauge of connections, shared, leased, idle and dialled ones.
	Open int
	// Idle, Leased and Dialing are parts of it, or on their way to it.
	Idle, Leased, Dialing int
	// Waiting is the gauge of callers that wait for a connection.
	Waiting int
	// InFlight is the gauge of callers inside Do and DoBatch.
	InFlight int
	// Dials and DialErrors count attempts to connect, and those that failed.
	Dials, DialErrors uint64
	// Leases counts leases given.
	Leases uint64
	// Waits counts callers that had to wait for a connection.
	Waits uint64
	// Closed counts connections that the pool has closed or found closed.
	Closed uint64
	// LastDialError is why the last dial failed; nil when it succeeded.
	LastDialError error
}

type counters struct {
	dials, dialErrors, leases, waits, closed atomic.Uint64
}

func (c *counters) dialled(err error) {
	c.dials.Add(1)
	if err != nil {
		c.dialErrors.Add(1)
	}
}

// Stats returns a snapshot.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		Open:          len(p.members) + len(p.dialled),
		Idle:          p.idlesLocked(),
		Leased:        int(p.leased.Load()),
		Dialing:       p.dialing,
		Waiting:       p.waiters.n,
		InFlight:      int(p.calls.Load() & callCount),
		Dials:         p.counters.dials.Load(),
		DialErrors:    p.counters.dialErrors.Load(),
		Leases:        p.counters.leases.Load(),
		Waits:         p.counters.waits.Load(),
		Closed:        p.counters.closed.Load(),
		LastDialError: p.lastDial,
	}
}

// MarshalJSON returns the fields by their names, and LastDialError as text, for
// expvar and the like.
func (s Stats) MarshalJSON() ([]byte, error) {
	type plain Stats // without this method
	text := ""
	if s.LastDialError != nil {
		text = s.LastDialError.Error()
	}
	return json.Marshal(struct {
		plain
		LastDialError string `json:",omitempty"`
	}{plain(s), text})
}

// String returns the address and how many connections there are: a Pool may be
// printed and logged, for it shows none of its options.
func (p *Pool) String() string {
	st := p.Stats()
	return fmt.Sprintf("pool of %s (open %d, leased %d)", p.opts.Conn.Addr, st.Open, st.Leased)
}

// GoString returns String.
func (p *Pool) GoString() string { return p.String() }

// LogValue returns String.
func (p *Pool) LogValue() slog.Value { return slog.StringValue(p.String()) }
