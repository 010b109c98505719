package testgroup

import "time"

// Timing is how long the steps of a failover take in an Group group.
type Timing struct {
	Detect  time.Duration // a server is gone until +sdown and +odown
	Elect   time.Duration // +try-failover until +failover-state-select-slave
	Select  time.Duration // until +failover-state-send-slaveof-noone
	Promote time.Duration // until the candidate is a master
	Confirm time.Duration // until the leader sees it: +promoted-slave
	Observe time.Duration // until the other sentinels' +switch-master
	Finish  time.Duration // until the leader's own +switch-master
	Demote  time.Duration // +switch-master, or the return of an old master, until +convert-to-slave
	CatchUp time.Duration // a stale sentinel is back until it knows the truth
}

// RealTiming is what was measured with redis-sentinel 7.0.15 and
// down-after-milliseconds 1000 on loopback.
func RealTiming() Timing {
	return Timing{
		Detect:  time.Second,
		Elect:   46 * time.Millisecond,
		Select:  67 * time.Millisecond,
		Promote: 85 * time.Millisecond,
		Confirm: 860 * time.Millisecond,
		Observe: 73 * time.Millisecond,
		Finish:  1008 * time.Millisecond,
		Demote:  10070 * time.Millisecond,
		CatchUp: 170 * time.Millisecond,
	}
}

// Scale returns the timing multiplied by f.
func (t Timing) Scale(f float64) Timing {
	for _, d := range []*time.Duration{&t.Detect, &t.Elect, &t.Select, &t.Promote, &t.Confirm, &t.Observe, &t.Finish, &t.Demote, &t.CatchUp} {
		*d = time.Duration(float64(*d) * f)
	}
	return t
}
