package sentinel

import (
	"slices"
	"time"
)

// sighting is what one sentinel says of a master: its address and the
// configuration epoch that belongs to it.
type sighting struct {
	addr        string
	epoch       int64
	runID       string
	failing     bool          // it is leading a failover that has not ended
	coordinated bool          // in which the master itself hands over to a replica
	doubted     bool          // it takes the master for down
	id          string        // run id of its sentinel, as far as it is known
	mute        bool          // its sentinel has no vote: see link.votesLocked
	strange     bool          // its sentinel does not even count: see link.knownLocked
	others      int           // sentinels that it knows beside itself
	quorum      int           // as configured
	down        time.Duration // its down-after-milliseconds
	first       time.Time     // since when it says so
	asked       time.Time     // when the question was sent
	at          time.Time     // when the answer came
}

// View is what a group believes of a master.
type View struct {
	// Known says that the rest is known.
	Known bool
	// Addr is the address of the master, translated by AddrMap, and Epoch the
	// configuration epoch that belongs to it.
	Addr  string
	Epoch int64
	// Moves rises with each change of what is above.
	Moves uint64
}

// view is a View and what it rests on. It moves only forward in epochs: the
// epoch is the one total order that sentinels agree on. All its methods are
// pure but for the view itself; the caller holds the lock.
type view struct {
	View
	sightings map[string]sighting // by sentinel, of those that answer
	behind    time.Time           // since when nobody confirms the epoch
	denied    bool                // the server at addr has said that it is no master
	decided   time.Time           // when a dispute was decided last
}

// verdict is what a sighting changes.
type verdict uint8

const (
	confirmed verdict = iota // it agrees
	gathering                // the first one of all: wait for better ones
	switched                 // the view has moved on
	waiting                  // it needs a second opinion
	stale                    // it lags behind
	conflict                 // another address for the same epoch
	reset                    // the view has gone back, because everybody has
)

// rules are what the view must know to judge.
type rules struct {
	voters int           // sentinels that have a vote, reachable or not
	grace  time.Duration // see GroupOptions.RegressionGrace
	belief Belief
}

// see takes in what a sentinel says.
func (v *view) see(sentinel string, s sighting, r rules) verdict {
	old, seen := v.sightings[sentinel]
	s.first = s.at
	if seen && old.addr == s.addr && old.epoch == s.epoch {
		s.first = old.first
	}
	if v.sightings == nil {
		v.sightings = make(map[string]sighting)
	}
	v.sightings[sentinel] = s
	switch {
	case !v.Known:
		return gathering
	case s.epoch > v.Epoch:
		if !v.believes(s, r) {
			return waiting
		}
		v.move(s)
		return switched
	case s.epoch < v.Epoch:
		return v.regress(s, r)
	case s.addr == v.Addr:
		v.behind = time.Time{}
		return confirmed
	}
	return v.dispute(s, r)
}

func (v *view) move(s sighting) {
	v.Known, v.Addr, v.Epoch, v.behind, v.denied = true, s.addr, s.epoch, time.Time{}, false
	v.Moves++
}

// regress accepts an older epoch when every sentinel that answers, or a majority
// that agrees on one master, has reported older ones for the grace time, and a
// majority of all has answered: the configuration was wiped, or the epoch was
// one that the others never heard of.
func (v *view) regress(s sighting, r rules) verdict {
	best, agreed := v.majority(r.voters)
	if agreed && best.epoch >= v.Epoch || !agreed && v.upheld() {
		v.behind = time.Time{}
		return stale
	}
	if v.behind.IsZero() {
		v.behind = s.at
	}
	if s.at.Sub(v.behind) < r.grace || 2*len(v.sightings) <= r.voters {
		return stale
	}
	if !agreed {
		best, _ = v.best(r)
	}
	v.move(best)
	return reset
}

// upheld reports whether a sentinel still reports the epoch of the view, or a
// later one.
func (v *view) upheld() bool {
	for _, t := range v.sightings {
		if !t.mute && t.epoch >= v.Epoch {
			return true
		}
	}
	return false
}

// disputeGap is the least time between two decisions of disputes. Two leaders
// that reconfigure each other's master would otherwise make clients run to and fro.
const disputeGap = time.Second

// dispute decides between two addresses of the same epoch by majority; where
// there is none, by the server's own word.
func (v *view) dispute(s sighting, r rules) verdict {
	mine, theirs := v.votes(v.Addr, v.Epoch), v.votes(s.addr, v.Epoch)
	if theirs < mine || theirs == mine && !v.denied || !v.decided.IsZero() && s.at.Sub(v.decided) < disputeGap {
		return conflict
	}
	if r.belief != BelieveFirst && !v.denied && 2*theirs <= r.voters {
		return conflict
	}
	v.move(s)
	v.decided = s.at
	return switched
}

func (v *view) votes(addr string, epoch int64) int {
	var agree []sighting
	for _, t := range v.sightings {
		if t.epoch == epoch && t.addr == addr && !t.mute {
			agree = append(agree, t)
		}
	}
	return len(once(agree))
}

// once leaves the first out of several sightings that one sentinel has by two addresses.
func once(agree []sighting) []sighting {
	ids := make(map[string]bool, len(agree))
	return slices.DeleteFunc(agree, func(s sighting) bool {
		again := s.id != "" && ids[s.id]
		ids[s.id] = true
		return again
	})
}

// identify notes the run id of a sentinel.
func (v *view) identify(sentinel, id string) {
	if s, ok := v.sightings[sentinel]; ok {
		s.id = id
		v.sightings[sentinel] = s
	}
}

// deny notes that the server at addr has said itself that it is no master.
func (v *view) deny(addr string) {
	if v.Known && v.Addr == addr {
		v.denied = true
	}
}

// begins notes that a sentinel leads another failover than before: what it has
// said of the former one does not hold for this.
func (v *view) begins(sentinel string) {
	if s, ok := v.sightings[sentinel]; ok {
		s.coordinated = false
		v.sightings[sentinel] = s
	}
}

// handsOver reports whether a sentinel leads a failover in which the master itself
// hands over.
func (v *view) handsOver(sentinel string) bool {
	s := v.sightings[sentinel]
	return s.failing && s.coordinated
}

// forget drops what a sentinel has said: it does not answer any more.
func (v *view) forget(sentinel string) { delete(v.sightings, sentinel) }

// backing says by how many sentinels, and since when at the latest, the view is
// confirmed by a majority of total: the time at which the question was sent to
// the one that completes it. Sentinels that doubt the master, or fail it over,
// do not count.
func (v *view) backing(known int) (since time.Time, count, need int) {
	total := known
	var confirm []sighting
	for _, s := range v.sightings {
		if s.strange {
			continue
		}
		total = max(total, s.others+1)
		if s.addr == v.Addr && s.epoch == v.Epoch && !s.doubted && !s.failing {
			confirm = append(confirm, s)
		}
	}
	slices.SortFunc(confirm, func(a, b sighting) int { return b.asked.Compare(a.asked) })
	confirm, need = once(confirm), total/2+1
	if len(confirm) < need {
		return time.Time{}, len(confirm), need
	}
	return confirm[need-1].asked, len(confirm), need
}

// downAfter is the shortest time after which a sentinel takes the master for
// down; zero when none is known.
func (v *view) downAfter() time.Duration {
	var shortest time.Duration
	for _, s := range v.sightings {
		if s.down > 0 && (shortest == 0 || s.down < shortest) {
			shortest = s.down
		}
	}
	return shortest
}
