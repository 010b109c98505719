package testgroup

import (
	"errors"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// errLeaderLost says that the leading sentinel went away in the middle.
var errLeaderLost = errors.New("testgroup: failover: the leader is gone")

// manner is how a failover goes.
type manner uint8

const (
	plain       manner = iota
	orphaned           // the leader crashes after the promotion
	coordinated        // the master changes places with the candidate (Valkey 9)
)

// failover runs a failover led by l, step by step as Sentinel does it.
func (m *MasterSet) failover(l *Sentinel, how manner) error {
	old, candidate, err := m.elect(l, how)
	if err != nil {
		return err
	}
	return m.steps(l, old, candidate, how)
}

// steps is a failover after its start.
func (m *MasterSet) steps(l *Sentinel, old, candidate *Node, how manner) error {
	t := m.e.o.Timing
	defer m.finish()
	steps := []struct {
		wait time.Duration
		do   func() error
	}{
		{t.Elect, func() error { return m.selecting(l) }},
		{t.Select, func() error { return m.announce(l, candidate) }},
		{t.Promote, func() error { return m.promote(l, old, candidate, how) }},
		{t.Confirm, func() error { return m.confirm(l, candidate) }},
		{t.Observe, func() error { return m.observe(l, old, candidate) }},
		{t.Finish, func() error { return m.conclude(l, old, candidate) }},
	}
	for _, s := range steps {
		if !leak.Sleep(s.wait, m.e.stop) {
			return errClosed
		}
		if err := s.do(); err != nil {
			return err
		}
	}
	return nil
}

func (m *MasterSet) finish() {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	m.busy = false
}

// elect starts the failover: a new epoch, and the leader votes for itself.
func (m *MasterSet) elect(l *Sentinel, how manner) (old, candidate *Node, err error) {
	e := m.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if m.busy {
		return nil, nil, errInProgress
	}
	for _, n := range m.replicasLocked() {
		if n.up() && !n.sdown && n.master == m.master {
			candidate = n
			break
		}
	}
	if candidate == nil {
		return nil, nil, errNoReplica
	}
	m.busy = true
	e.epoch++
	m.next = e.epoch
	l.view(m).failover, l.view(m).coordinated = true, how == coordinated
	l.say("+new-epoch", itoa(m.next))
	l.say("+try-failover", m.describeMaster(l))
	return m.master, candidate, nil
}

func (m *MasterSet) selecting(l *Sentinel) error {
	e := m.e
	e.mu.Lock()
	defer e.mu.Unlock()
	l.say("+vote-for-leader", l.id+" "+itoa(m.next))
	l.say("+elected-leader", m.describeMaster(l))
	l.say("+failover-state-select-slave", m.describeMaster(l))
	return nil
}

// announce is published before the candidate is told anything.
func (m *MasterSet) announce(l *Sentinel, candidate *Node) error {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	l.say("+selected-slave", m.describe(l, candidate))
	l.say("+failover-state-send-slaveof-noone", m.describe(l, candidate))
	return nil
}

// promote is SLAVEOF NO ONE: now there are two masters. In a coordinated failover
// it is FAILOVER TO, and there is one.
func (m *MasterSet) promote(l *Sentinel, old, candidate *Node, how manner) error {
	e := m.e
	e.mu.Lock()
	l.say("+failover-state-wait-promotion", m.describe(l, candidate))
	err := old.dataset().copyTo(candidate)
	candidate.writes = old.writes
	candidate.master = nil
	if how == coordinated {
		old.master = candidate
	}
	candidate.CloseAll() // with the change, as in the MULTI of Sentinel: who sees the master is not cut off
	e.mu.Unlock()
	if how != orphaned {
		return err
	}
	// Nobody but the leader knew. The others find a master where their
	// configuration says replica, and correct it much later.
	e.after(e.o.Timing.Demote*7/4, func() { m.demote(candidate) })
	return errors.Join(err, l.Stop())
}

// confirm: the leader has seen the candidate's role. From now on its
// get-master-addr-by-name answers the new address and its SENTINEL MASTER the
// old one with the new epoch.
func (m *MasterSet) confirm(l *Sentinel, candidate *Node) error {
	e := m.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if !l.follows() {
		e.after(e.o.Timing.Demote*7/4, func() { m.demote(candidate) })
		return errLeaderLost
	}
	m.master, m.epoch = candidate, m.next
	v := l.view(m)
	v.promoted, v.epoch = candidate.Addr(), m.next
	l.say("+promoted-slave", m.describe(l, candidate))
	l.say("+failover-state-reconf-slaves", m.describeMaster(l))
	for _, n := range m.nodes {
		if n != candidate && n.Addr() != v.addr && n.up() {
			l.say("+slave-reconf-sent", m.describe(l, n))
		}
	}
	return nil
}

// observe: the other sentinels hear the leader's hello, the replicas follow
// the new master, and the clock of the old master's demotion starts.
func (m *MasterSet) observe(l *Sentinel, old, candidate *Node) error {
	e := m.e
	e.mu.Lock()
	m.each(l, func(s *Sentinel) {
		s.say("+config-update-from", l.describe(m, s))
		s.switchTo(m)
	})
	for _, n := range m.nodes {
		if n != candidate && n != old && n.master != nil {
			n.master = candidate
			n.CloseAll()
		}
	}
	e.mu.Unlock()
	if old.isUp() {
		e.after(e.o.Timing.Demote, func() { m.demote(old) })
	}
	return nil
}

// conclude: the leader is last to say so.
func (m *MasterSet) conclude(l *Sentinel, old, candidate *Node) error {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	if !l.follows() {
		return errLeaderLost
	}
	for _, n := range m.nodes {
		if n != candidate && n != old && n.up() {
			l.say("+slave-reconf-inprog", m.describe(l, n))
			l.say("+slave-reconf-done", m.describe(l, n))
		}
	}
	l.say("+failover-end", m.describeMaster(l))
	l.switchTo(m)
	return nil
}

func (n *Node) isUp() bool {
	n.set.e.mu.Lock()
	defer n.set.e.mu.Unlock()
	return n.up()
}
