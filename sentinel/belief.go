package sentinel

import (
	"slices"
	"time"
)

// Belief says how many sentinels must name a new master before it is believed.
type Belief uint8

const (
	// BelieveMajority believes a new master when a majority of the sentinels names
	// it, and all others that answer do too or have had a quarter of a second. One
	// sentinel that lies, or that is wrong, takes nobody away; and when all have
	// heard of the new master, none is left that would make it a replica again.
	// Where no majority can be reached, all that can be must say so for a second.
	BelieveMajority Belief = iota
	// BelieveSecond believes a new master when a sentinel names it that does not
	// lead the failover, or that has led it for 300 ms. It is safe against a leader
	// that dies before it has told the others, and not against a sentinel that lies.
	BelieveSecond
	// BelieveFirst believes the first sentinel that names a new master. It is
	// faster by the time that sentinels take to tell each other, 50 to 300 ms. A
	// single sentinel can then take the client away; and a sentinel that has not
	// heard of a promotion may undo it, which loses what was written until then.
	BelieveFirst
)

const (
	// laggardTime is how long a majority waits for the rest.
	laggardTime = 250 * time.Millisecond
	// minorityTime is how long all sentinels that can be reached must agree when
	// they are no majority.
	minorityTime = time.Second
	// leaderTime is how long the word of a leader counts for nothing under
	// BelieveSecond, unless another sentinel repeats it. By then it has persisted
	// and broadcast it.
	leaderTime = 300 * time.Millisecond
	// waitingInterval is how often a sentinel is asked again that names a new
	// master which is not believed yet.
	waitingInterval = 50 * time.Millisecond
)

// believes reports whether what s says, which is newer than the view, is to be
// believed now.
func (v *view) believes(s sighting, r rules) bool {
	agree, others := v.supporters(s)
	switch r.belief {
	case BelieveFirst:
		return !s.mute
	case BelieveSecond:
		return !s.mute && (!s.failing || r.voters < 2 || len(agree) > 1 || s.at.Sub(s.first) >= leaderTime)
	}
	need := r.voters/2 + 1
	switch {
	case len(agree) == 0:
		return false
	case len(agree) >= need && others == 0:
		return true
	case len(agree) >= need:
		return s.at.Sub(agree[need-1]) >= laggardTime
	case others == 0, v.denied && len(agree) >= others:
		return s.at.Sub(agree[0]) >= minorityTime
	}
	return false
}

// supporters returns since when each of the sentinels that agree with s does so,
// the earliest first, and how many say something else.
func (v *view) supporters(s sighting) (agree []time.Time, others int) {
	var same []sighting
	for _, t := range v.sightings {
		switch {
		case t.mute:
		case t.addr == s.addr && t.epoch >= s.epoch:
			same = append(same, t)
		default:
			others++
		}
	}
	slices.SortFunc(same, func(a, b sighting) int { return a.first.Compare(b.first) })
	for _, t := range once(same) {
		agree = append(agree, t.first)
	}
	return agree, others
}

// majority returns the newest of the sightings that more than half of the voters
// agree with.
func (v *view) majority(voters int) (best sighting, ok bool) {
	for _, s := range v.sightings {
		if 2*v.votes(s.addr, s.epoch) > voters && (!ok || s.epoch > best.epoch) {
			best, ok = s, true
		}
	}
	return best, ok
}

// best returns the sighting to begin with: the one that a majority agrees with,
// or else the highest epoch, of equal ones the address that most report.
func (v *view) best(r rules) (best sighting, ok bool) {
	if r.belief == BelieveMajority {
		if best, ok = v.majority(r.voters); ok {
			return best, true
		}
	}
	for _, s := range v.sightings {
		switch {
		case s.mute && r.voters > 0:
		case !ok || s.epoch > best.epoch,
			s.epoch == best.epoch && v.votes(s.addr, s.epoch) > v.votes(best.addr, best.epoch):
			best, ok = s, true
		}
	}
	return best, ok
}

// agreed reports whether a majority reports the best sighting, so that there is
// no use in waiting for more.
func (v *view) agreed(r rules) bool {
	best, ok := v.best(r)
	return ok && 2*v.votes(best.addr, best.epoch) > r.voters
}

// resolve ends the gathering.
func (v *view) resolve(r rules) bool {
	best, ok := v.best(r)
	if !ok || v.Known {
		return false
	}
	v.move(best)
	return true
}
