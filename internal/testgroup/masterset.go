package testgroup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Errors of a failover, as a sentinel says them.
var (
	errInProgress = errors.New("INPROG Failover already in progress")
	errNoReplica  = errors.New("NOGOODSLAVE No suitable replica to promote")
	errClosed     = errors.New("testgroup: closed")
)

// MasterSet is a monitored master of an Group group and its replicas.
type MasterSet struct {
	e     *Group
	name  string
	nodes []*Node

	// Guarded by Group.mu:
	master *Node // as configured by the last failover that was confirmed
	epoch  int64 // of that configuration
	next   int64 // of the failover that runs
	busy   bool  // a failover runs
	manual bool  // no failover by itself
}

// Name returns the name of the master.
func (m *MasterSet) Name() string { return m.name }

// Nodes returns all data servers in a fixed order.
func (m *MasterSet) Nodes() []*Node { return slices.Clone(m.nodes) }

// Master returns the data server that is the configured master.
func (m *MasterSet) Master() *Node {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	return m.master
}

// MasterAddr returns the address of Master.
func (m *MasterSet) MasterAddr() string { return m.Master().Addr() }

// Epoch returns the configuration epoch of the current master.
func (m *MasterSet) Epoch() int64 {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	return m.epoch
}

// Replicas returns the data servers that are not the configured master.
func (m *MasterSet) Replicas() []*Node {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	return m.replicasLocked()
}

func (m *MasterSet) replicasLocked() []*Node {
	return slices.DeleteFunc(slices.Clone(m.nodes), func(n *Node) bool { return n == m.master })
}

// StopDetection keeps the sentinels from failing over a lost master by
// themselves, or lets them again.
func (m *MasterSet) StopDetection(on bool) {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	m.manual = on
}

// CrashMaster kills the master; the sentinels fail it over by themselves. It
// returns the killed node at once.
func (m *MasterSet) CrashMaster() (*Node, error) {
	n := m.Master()
	return n, n.Crash()
}

// HangMaster stops the master as SIGSTOP does; the sentinels fail it over by
// themselves. It returns the node at once.
func (m *MasterSet) HangMaster() (*Node, error) {
	n := m.Master()
	return n, n.Hang()
}

func (m *MasterSet) close() error {
	var errs []error
	for _, n := range m.nodes {
		errs = append(errs, n.close())
	}
	return errors.Join(errs...)
}

// goDown crashes or hangs a node and starts the detection.
func (m *MasterSet) goDown(n *Node, hang bool) error {
	e := m.e
	e.mu.Lock()
	if !n.up() {
		e.mu.Unlock()
		return fmt.Errorf("testgroup: %s is down already", n.Addr())
	}
	n.down, n.hung = !hang, hang
	e.mu.Unlock()
	var err error
	if hang {
		n.StopReading(true)
	} else {
		err = n.StopAccepting(true)
		n.CloseAll()
	}
	e.after(e.o.Timing.Detect, func() { m.detect(n) })
	return err
}

// comeBack ends goDown. An old master is still one, until it is noticed.
func (m *MasterSet) comeBack(n *Node) error {
	e := m.e
	e.mu.Lock()
	if n.up() {
		e.mu.Unlock()
		return fmt.Errorf("testgroup: %s is not down", n.Addr())
	}
	hung, noticed := n.hung, n.sdown
	n.down, n.hung, n.sdown = false, false, false
	if noticed {
		m.each(nil, func(s *Sentinel) { s.say("-sdown", m.describe(s, n)) })
	}
	zombie := n.master == nil && n != m.master
	e.mu.Unlock()
	if zombie {
		e.after(e.o.Timing.Demote, func() { m.demote(n) })
	}
	if hung {
		n.StopReading(false)
		return nil
	}
	return n.StopAccepting(false)
}

// detect is what the sentinels do about a node that does not answer.
func (m *MasterSet) detect(n *Node) {
	e := m.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if n.up() {
		return
	}
	if !n.sdown {
		n.sdown = true
		m.each(nil, func(s *Sentinel) { s.say("+sdown", m.describe(s, n)) })
	}
	if n != m.master || m.manual || m.busy {
		return
	}
	leader := e.leader()
	if leader == nil { // no majority: look again later
		e.after(e.o.Timing.Detect, func() { m.detect(n) })
		return
	}
	leader.say("+odown", fmt.Sprintf("%s #quorum %d/%d", m.describe(leader, n), e.o.Quorum, e.o.Quorum))
	e.spawn(func() {
		if err := m.failover(leader, plain); err == nil {
			return
		}
		e.after(e.o.Timing.Detect, func() { m.detect(n) })
	})
}

// Failover is SENTINEL FAILOVER, answered by the first sentinel that is up.
// It returns when that one has published its +switch-master.
func (m *MasterSet) Failover(ctx context.Context) error {
	m.e.mu.Lock()
	leader := m.e.firstUp()
	m.e.mu.Unlock()
	return m.await(ctx, leader, plain)
}

// CoordinatedFailover is SENTINEL FAILOVER with COORDINATED, as Valkey 9 has it: the
// master changes places with its replica, so that there are never two of them.
func (m *MasterSet) CoordinatedFailover(ctx context.Context) error {
	m.e.mu.Lock()
	leader := m.e.firstUp()
	m.e.mu.Unlock()
	return m.await(ctx, leader, coordinated)
}

// FailoverBy is Failover with a chosen leader.
func (m *MasterSet) FailoverBy(ctx context.Context, leader *Sentinel) error {
	return m.await(ctx, leader, plain)
}

// OrphanPromotion is a planned failover whose leader crashes after the
// promotion: one more server says that it is a master, no sentinel says so,
// and nothing is ever published. The leader is returned; Start it again.
func (m *MasterSet) OrphanPromotion(ctx context.Context) (*Sentinel, error) {
	m.e.mu.Lock()
	leader := m.e.firstUp()
	m.e.mu.Unlock()
	err := m.await(ctx, leader, orphaned)
	if errors.Is(err, errLeaderLost) {
		err = nil
	}
	return leader, err
}

// await runs a failover to its end.
func (m *MasterSet) await(ctx context.Context, leader *Sentinel, how manner) error {
	if leader == nil {
		return errors.New("testgroup: failover: no sentinel is up")
	}
	done := make(chan error, 1)
	m.e.spawn(func() { done <- m.failover(leader, how) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-m.e.stop:
		return errClosed
	}
}

// each calls f for every sentinel that follows events, but for one.
func (m *MasterSet) each(but *Sentinel, f func(s *Sentinel)) {
	for _, s := range m.e.Sentinels {
		if s != but && s.follows() {
			f(s)
		}
	}
}

// describe is the "%@" of the sentinels: the instance as s knows it.
func (m *MasterSet) describe(s *Sentinel, n *Node) string {
	v := s.view(m)
	host, port := hostPort(n.Addr())
	if n.Addr() == v.addr {
		return "master " + m.name + " " + host + " " + port
	}
	return "slave " + n.Addr() + " " + host + " " + port + " @ " + m.name + " " + joinSpace(v.addr)
}

// master payload of s.
func (m *MasterSet) describeMaster(s *Sentinel) string {
	return "master " + m.name + " " + joinSpace(s.view(m).addr)
}

func joinSpace(addr string) string {
	host, port := hostPort(addr)
	return host + " " + port
}

// demote turns an old master into a replica, as +convert-to-slave does.
func (m *MasterSet) demote(n *Node) {
	e := m.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if n.master != nil || n == m.master || !n.up() {
		return
	}
	n.master = m.master
	n.CloseAll()
	m.each(nil, func(s *Sentinel) { s.say("+convert-to-slave", m.describe(s, n)) })
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
