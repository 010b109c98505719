package sentinel

import (
	"fmt"
	"time"
)

// judgeLocked acts on a verdict and returns the clients to move.
func (m *master) judgeLocked(l *link, v verdict, was view, s sighting) []Follower {
	e := Event{Master: m.name, Sentinel: l.addr, Epoch: m.view.Epoch, Addr: m.view.Addr, OldAddr: was.Addr}
	said := ""
	switch v {
	case gathering:
		return m.collectLocked()
	case waiting:
		time.AfterFunc(waitingInterval, func() { m.askAgain(l) })
		return nil
	case confirmed:
		delete(m.noted, l.addr)
		return nil
	case stale:
		e.Kind, said = EventSentinelStale, fmt.Sprint(s.epoch, s.addr)
		e.OldAddr, e.Err = s.addr, fmt.Errorf("sentinel: answer: it reports epoch %d", s.epoch)
		m.recheckAtLocked(m.view.behind.Add(m.group.opts.RegressionGrace))
	case conflict:
		e.Kind, said = EventConflict, fmt.Sprint(s.epoch, s.addr)
		e.OldAddr, e.Err = s.addr, fmt.Errorf("sentinel: answer: it reports %s for the same epoch", s.addr)
		m.alarmLocked(time.Now(), 2*disputeGap)
	case switched:
		e.Kind = EventSwitched
	case reset:
		e.Kind = EventEpochReset
	}
	if v == stale || v == conflict {
		if m.noted[l.addr] != said {
			m.noted[l.addr] = said
			m.group.send(e)
		}
		return nil
	}
	m.group.send(e)
	m.movedLocked(was)
	return m.followersLocked()
}

// movedLocked tidies up after the view has changed.
func (m *master) movedLocked(was view) {
	if m.view.Addr != was.Addr {
		clear(m.runIDs)
	}
	clear(m.noted)
	m.alarmed = time.Now().Add(time.Second)
	m.group.askAllLocked(m, true)
	m.broadcastLocked()
}

// askAgain asks one sentinel once more. It does nothing after Close but note
// it.
func (m *master) askAgain(l *link) {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	l.wantLocked(m.name, false)
}

// recheckAtLocked has all sentinels asked at a time, when a lower epoch may be
// believed.
func (m *master) recheckAtLocked(at time.Time) {
	if m.view.behind.IsZero() || m.recheck != nil {
		return
	}
	m.recheck = time.AfterFunc(max(time.Until(at), 0)+time.Millisecond, func() {
		m.group.mu.Lock()
		defer m.group.mu.Unlock()
		m.recheck = nil
		m.group.askAllLocked(m, true)
	})
}

// collectLocked waits for more first answers, unless all have come, or enough
// agree.
func (m *master) collectLocked() []Follower {
	window := m.group.opts.GatherWindow
	if window > 0 && !m.allTriedLocked() && !m.view.agreed(m.rulesLocked()) {
		if m.gather == nil {
			m.gather = time.AfterFunc(window, func() { m.gathered(window) })
		}
		return nil
	}
	return m.resolveLocked()
}

// rulesLocked are those by which the view judges now.
func (m *master) rulesLocked() rules {
	o := &m.group.opts
	return rules{voters: m.countLocked((*link).votesLocked), grace: o.RegressionGrace, belief: o.Believe}
}

func (m *master) allTriedLocked() bool {
	for _, addr := range m.group.order {
		if _, tried := m.tried[addr]; !tried {
			return false
		}
	}
	return true
}

// maxGatherTime bounds the wait for first answers.
const maxGatherTime = time.Second

// gathered ends the wait for first answers. Where a majority is wanted, it goes on
// for as long as a sentinel may still answer.
func (m *master) gathered(waited time.Duration) {
	g := m.group
	g.mu.Lock()
	longest := min(max(g.opts.Conn.DialTimeout, 0)+g.opts.QueryTimeout, maxGatherTime)
	if g.opts.Believe == BelieveMajority && waited < longest && m.gather != nil && !m.allTriedLocked() {
		m.gather = time.AfterFunc(longest-waited, func() { m.gathered(longest) })
		g.mu.Unlock()
		return
	}
	moved := m.resolveLocked()
	g.mu.Unlock()
	tellMoved(moved)
}

// resolveLocked makes the best of the first answers the view.
func (m *master) resolveLocked() []Follower {
	m.stopTimersLocked()
	if !m.view.resolve(m.rulesLocked()) {
		return nil
	}
	m.group.send(Event{Kind: EventResolved, Master: m.name, Epoch: m.view.Epoch, Addr: m.view.Addr})
	m.broadcastLocked()
	return m.followersLocked()
}

// noteRunIDLocked says when the master runs under another run id. Each id counts
// once: sentinels learn of it at different times. Of each sentinel only the last is kept.
func (m *master) noteRunIDLocked(l *link, s sighting) {
	if !m.view.Known || s.addr != m.view.Addr || s.epoch != m.view.Epoch || s.failing || s.runID == "" {
		return
	}
	said := false
	for _, id := range m.runIDs {
		said = said || id == s.runID
	}
	first := len(m.runIDs) == 0
	m.runIDs[l.addr] = s.runID
	if !first && !said {
		m.group.send(Event{Kind: EventRebooted, Master: m.name, Sentinel: l.addr, Epoch: s.epoch, Addr: s.addr})
	}
}
