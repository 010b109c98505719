package sentinel

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// master is one master of the group, as long as somebody watches it. Group.mu
// guards it.
type master struct {
	group   *Group
	name    string
	pinned  bool // Group.Resolve has found it
	watches map[*Watch]struct{}
	view    view
	tried   map[string]error     // the last outcome of each link; nil is an answer
	answers map[string]time.Time // when the question of each link's last outcome was sent
	lists   map[string]listing   // by sentinel
	merged  []Replica
	runIDs  map[string]string // by sentinel, what it said last of the view's address
	noted   map[string]string // by sentinel, what was last said of it in an event
	gather  *time.Timer
	recheck *time.Timer
	changed chan struct{} // closed and replaced when any of this changes
	kicked  time.Time
	alarmed time.Time // until when the sentinels are asked quickly
	doubts  uint64

	suspected bool          // Watch.Deserted was true, and no majority has said otherwise
	quorumTTL time.Duration // the shortest of the watches, or zero

	backing atomic.Pointer[Backing] // under a quorumTTL; read without the lock
}

func newMaster(g *Group, name string) *master {
	return &master{
		group: g, name: name, changed: make(chan struct{}),
		watches: make(map[*Watch]struct{}), tried: make(map[string]error), answers: make(map[string]time.Time),
		lists: make(map[string]listing), runIDs: make(map[string]string), noted: make(map[string]string),
	}
}

// followersLocked returns those who are to be told of news.
func (m *master) followersLocked() []Follower {
	var all []Follower
	for w := range m.watches {
		if w.follower != nil {
			all = append(all, w.follower)
		}
	}
	return all
}

func (m *master) clientsLocked() int { return len(m.followersLocked()) }

// failureLocked is why the master is unknown, once every link has been tried.
func (m *master) failureLocked() error {
	if m.gather != nil {
		return nil
	}
	for _, addr := range m.group.order {
		if err, tried := m.tried[addr]; !tried || err == nil {
			return nil
		}
	}
	return m.attemptsLocked()
}

// attemptsLocked lists the failures so far.
func (m *master) attemptsLocked() *ResolveError {
	e := &ResolveError{Master: m.name}
	for _, addr := range m.group.order {
		if err := m.tried[addr]; err != nil {
			e.Attempts = append(e.Attempts, Attempt{Sentinel: addr, Err: err})
		}
	}
	return e
}

// cutShort is the error of a wait that ctx has ended.
func (m *master) cutShort(ctx context.Context) error {
	return fmt.Errorf("sentinel: master %q: %w; %w", m.name, ctx.Err(), m.why())
}

// why is why the master is not known.
func (m *master) why() error {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	return m.attemptsLocked()
}

func (m *master) broadcastLocked() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *master) stopTimersLocked() {
	if m.gather != nil {
		m.gather.Stop()
		m.gather = nil
	}
	if m.recheck != nil {
		m.recheck.Stop()
		m.recheck = nil
	}
}

// alarmLocked has the sentinels asked quickly for a while.
func (m *master) alarmLocked(now time.Time, d time.Duration) {
	if until := now.Add(d); until.After(m.alarmed) {
		m.alarmed = until
	}
}

// doubtLocked makes every sentinel be asked for the master now, and quickly from
// then on: a connection failed, or the server said that it is no master. One
// round of questions serves all who doubt.
func (m *master) doubtLocked(now time.Time) {
	m.alarmLocked(now, doubtAlarm)
	if now.Sub(m.kicked) >= kickGap {
		m.kicked = now
		m.doubts++
		m.group.askAllLocked(m, false)
	}
}

// desertedLocked reports whether the master at addr was probably replaced. It is
// a question for the first master of a client only, which may have been named by
// a sentinel that was away: after a switch that was witnessed the replicas follow
// the former master for a while.
func (m *master) desertedLocked(addr string) bool {
	if m.view.Addr != addr || m.vouchedLocked() {
		return false
	}
	healthy := 0
	for _, r := range m.merged {
		if !r.Fit() || r.MasterAddr == "" {
			continue
		}
		if r.MasterAddr == addr {
			return false
		}
		healthy++
	}
	m.suspected = healthy > 0
	return healthy > 0
}

// pendingLocked reports whether a link that stands has not answered since began.
func (m *master) pendingLocked(began time.Time) bool {
	for addr, l := range m.group.links {
		if l.up && m.answers[addr].Before(began) {
			return true
		}
	}
	return false
}
