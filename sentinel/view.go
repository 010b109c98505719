package sentinel

import (
	"time"
)

// sighting is what one sentinel says of a master: its address and the
// configuration epoch that belongs to it.
type sighting struct {
	addr    string
	epoch   int64
	failing bool // it is leading a failover that has not ended
	first   time.Time
	at      time.Time
}

// view is what is believed of one master. It moves only forward in epochs: the
// epoch is the one total order that sentinels agree on. All its methods are
// pure but for the view itself; the caller holds the lock.
type view struct {
	known     bool
	addr      string
	epoch     int64
	sightings map[string]sighting // by sentinel
	behind    time.Time           // since when nobody confirms the epoch
}

// verdict is what a sighting changes.
type verdict uint8

const (
	unchanged verdict = iota
	confirmed         // it agrees
	gathering         // the first one of all: wait for better ones
	switched          // the view has moved on
	waiting           // it needs a second opinion
	stale             // it lags behind
	conflict          // another address for the same epoch
	reset             // the view has gone back, because everybody has
)

// opinions is what the view must know of the sentinels.
type opinions struct {
	known  int // sentinels that are known
	linked int // of these, the ones that a link stands to
	grace  time.Duration
}

// loneLeaderDelay is how long the word of a leader counts for nothing unless
// another sentinel repeats it. By then it has persisted and broadcast it.
const loneLeaderDelay = 300 * time.Millisecond

// see takes in what a sentinel says.
func (v *view) see(sentinel string, s sighting, o opinions) verdict {
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
	case !v.known:
		return gathering
	case s.epoch > v.epoch:
		if s.failing && o.known > 1 && !v.seconded(sentinel, s) && s.at.Sub(s.first) < loneLeaderDelay {
			return waiting
		}
		v.move(s)
		return switched
	case s.epoch < v.epoch:
		return v.regress(s, o)
	case s.addr == v.addr:
		v.behind = time.Time{}
		return confirmed
	}
	return v.dispute(s)
}

// seconded says whether another sentinel reports the same.
func (v *view) seconded(sentinel string, s sighting) bool {
	for other, t := range v.sightings {
		if other != sentinel && t.epoch >= s.epoch && t.addr == s.addr {
			return true
		}
	}
	return false
}

func (v *view) move(s sighting) {
	v.known, v.addr, v.epoch, v.behind = true, s.addr, s.epoch, time.Time{}
}

// regress accepts an older epoch when every linked sentinel, and a majority of
// all, has reported older ones for the grace time: the configuration was wiped.
func (v *view) regress(s sighting, o opinions) verdict {
	for _, t := range v.sightings {
		if t.epoch >= v.epoch && s.at.Sub(t.at) < o.grace {
			v.behind = time.Time{}
			return stale
		}
	}
	if v.behind.IsZero() {
		v.behind = s.at
		return stale
	}
	if s.at.Sub(v.behind) < o.grace || len(v.fresh(s.at, o.grace)) <= o.known/2 {
		return stale
	}
	best, ok := v.best(s.at.Add(-o.grace))
	if !ok {
		return stale
	}
	v.move(best)
	return reset
}

func (v *view) fresh(now time.Time, within time.Duration) []sighting {
	var all []sighting
	for _, t := range v.sightings {
		if now.Sub(t.at) <= within {
			all = append(all, t)
		}
	}
	return all
}

// dispute decides between two addresses of the same epoch by majority.
func (v *view) dispute(s sighting) verdict {
	mine, theirs := 0, 0
	for _, t := range v.sightings {
		if t.epoch != v.epoch {
			continue
		}
		switch t.addr {
		case v.addr:
			mine++
		case s.addr:
			theirs++
		}
	}
	if theirs > mine {
		v.move(s)
		return switched
	}
	return conflict
}

// best returns the sighting to begin with: the highest epoch, of equal ones
// the address that most report.
func (v *view) best(since time.Time) (best sighting, ok bool) {
	votes := map[string]int{}
	for _, s := range v.sightings {
		if s.at.Before(since) {
			continue
		}
		votes[s.addr]++
	}
	for _, s := range v.sightings {
		if s.at.Before(since) {
			continue
		}
		if !ok || s.epoch > best.epoch || s.epoch == best.epoch && votes[s.addr] > votes[best.addr] {
			best, ok = s, true
		}
	}
	return best, ok
}

// settle ends the gathering.
func (v *view) settle() bool {
	best, ok := v.best(time.Time{})
	if !ok || v.known {
		return false
	}
	v.move(best)
	return true
}

// forget drops what a sentinel has said: its link is gone.
func (v *view) forget(sentinel string) { delete(v.sightings, sentinel) }
