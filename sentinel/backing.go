package sentinel

import "time"

// Backing is how far the sentinels confirm a master.
type Backing struct {
	// Addr and Epoch are those of the master.
	Addr  string
	Epoch int64
	// Confirming sentinels name it and do not doubt it; Needed are a majority of
	// those that are known.
	Confirming, Needed int
	// Since is when the one that completes the majority was asked; zero without a
	// majority.
	Since time.Time
	// DownAfter is the shortest time after which a sentinel takes the master for
	// down; zero where none is known.
	DownAfter time.Duration
}

// Majority reports whether a majority of the sentinels confirms the master.
func (b Backing) Majority() bool { return b.Needed > 0 && b.Confirming >= b.Needed }

// setQuorumTTLLocked has the sentinels asked often enough for the shortest TTL of
// the watches.
func (m *master) setQuorumTTLLocked() {
	was := m.quorumTTL
	m.quorumTTL = 0
	for w := range m.watches {
		if w.ttl > 0 && (m.quorumTTL == 0 || w.ttl < m.quorumTTL) {
			m.quorumTTL = w.ttl
		}
	}
	if m.quorumTTL > 0 && m.quorumTTL != was {
		m.group.askAllLocked(m, false)
	}
}

// noteBackingLocked keeps it after a change, where somebody needs it: a client
// looks at it with each write.
func (m *master) noteBackingLocked() {
	if m.quorumTTL == 0 {
		return
	}
	b := Backing{Addr: m.view.Addr, Epoch: m.view.Epoch, DownAfter: m.view.downAfter()}
	b.Since, b.Confirming, b.Needed = m.view.backing(m.countLocked((*link).knownLocked))
	m.backing.Store(&b)
}

// vouchedLocked reports whether a majority of the sentinels confirms the master.
func (m *master) vouchedLocked() bool {
	_, confirming, needed := m.view.backing(m.countLocked((*link).knownLocked))
	return confirming >= needed
}
