package sentinel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// master is one master of the group, as long as clients use it. Group.mu guards
// it.
type master struct {
	group   *Group
	name    string
	refs    int
	pinned  bool // Group.Resolve has found it
	users   map[*Client]struct{}
	view    view
	tried   map[string]error     // the last outcome of each link; nil is an answer
	answers map[string]time.Time // when the question of each link's last outcome was sent
	lists   map[string]listing   // by sentinel
	merged  []Replica
	runIDs  map[string]bool   // seen at the view's address
	noted   map[string]string // by sentinel, what was last said of it in an event
	gather  *time.Timer
	recheck *time.Timer
	changed chan struct{} // closed and replaced when any of this changes
	kicked  time.Time
	alarmed time.Time     // until when the sentinels are asked quickly
	lease   time.Duration // the shortest LeaseTTL of its users, or zero
	doubts  uint64

	suspected bool // a client doubts the first master

	backed atomic.Pointer[backing] // under a lease; read without the lock
}

// listing is the replicas of one sentinel's answer.
type listing struct {
	addr     string // the master that they belong to
	epoch    int64
	replicas []Replica
}

func newTopic(g *Group, name string) *master {
	return &master{
		group: g, name: name, changed: make(chan struct{}),
		users: make(map[*Client]struct{}), tried: make(map[string]error), answers: make(map[string]time.Time),
		lists: make(map[string]listing), runIDs: make(map[string]bool), noted: make(map[string]string),
	}
}

// followersLocked returns the users. The lock is held.
func (t *master) followersLocked() []*Client {
	return slices.Collect(maps.Keys(t.users))
}

// failureLocked is why the master is unknown, once every link has been tried. The
// lock is held.
func (t *master) failureLocked() error {
	if t.gather != nil {
		return nil
	}
	for _, addr := range t.group.order {
		if err, tried := t.tried[addr]; !tried || err == nil {
			return nil
		}
	}
	return t.attemptsLocked()
}

// attemptsLocked lists the failures so far. The lock is held.
func (t *master) attemptsLocked() *ResolveError {
	e := &ResolveError{Master: t.name}
	for _, addr := range t.group.order {
		if err := t.tried[addr]; err != nil {
			e.Attempts = append(e.Attempts, Attempt{Sentinel: addr, Err: err})
		}
	}
	return e
}

// cutShort is the error of a wait that ctx has ended.
func (t *master) cutShort(ctx context.Context) error {
	return fmt.Errorf("sentinel: master %q: %w; %w", t.name, ctx.Err(), t.why())
}

// why is why the master is not known.
func (t *master) why() error {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	return t.attemptsLocked()
}

func (t *master) broadcastLocked() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *master) stopTimersLocked() {
	if t.gather != nil {
		t.gather.Stop()
		t.gather = nil
	}
	if t.recheck != nil {
		t.recheck.Stop()
		t.recheck = nil
	}
}

// alarmLocked has the sentinels asked quickly for a while. The lock is held.
func (t *master) alarmLocked(now time.Time, d time.Duration) {
	if until := now.Add(d); until.After(t.alarmed) {
		t.alarmed = until
	}
}

// answered takes in what a sentinel says of a master, and moves its clients
// where that is news.
func (g *Group) answered(l *link, master string, a answer) {
	g.translate(&a)
	g.mu.Lock()
	t := g.topics[master]
	if t == nil || g.closed || g.links[l.addr] != l {
		g.mu.Unlock()
		return
	}
	t.tried[l.addr], t.answers[l.addr] = nil, a.sighting.asked
	if a.full {
		g.mergePeersLocked(l, t, a)
	}
	was := t.view
	v := t.view.see(l.addr, a.sighting, rules{known: g.knownLocked(), grace: g.opts.RegressionGrace, second: g.opts.SecondOpinion})
	users := t.judgeLocked(l, v, was, a.sighting)
	t.noteRunIDLocked(l, a.sighting)
	replicas := a.full && t.mergeReplicasLocked(l, a)
	t.noteBackingLocked()
	relief := t.suspected && t.vouchedLocked()
	t.suspected = t.suspected && !relief
	var informed []*Client
	if replicas || relief || t.lease > 0 {
		informed = t.followersLocked()
	}
	t.broadcastLocked()
	g.mu.Unlock()
	for _, c := range users {
		c.follow()
	}
	for _, c := range informed {
		if relief {
			c.reassured()
		}
		c.informed(replicas)
	}
}

// translate maps the addresses of an answer.
func (g *Group) translate(a *answer) {
	if g.opts.AddrMap == nil {
		return
	}
	a.sighting.addr = g.opts.mapAddr(AddrMaster, a.sighting.addr)
	for i := range a.replicas {
		r := &a.replicas[i]
		r.Addr, r.MasterAddr = g.opts.mapAddr(AddrReplica, r.Addr), g.opts.mapAddr(AddrMaster, r.MasterAddr)
	}
	for i := range a.peers {
		a.peers[i].addr = g.opts.mapAddr(AddrSentinel, a.peers[i].addr)
	}
}

// judgeLocked acts on a verdict and returns the clients to move. The lock is held.
func (t *master) judgeLocked(l *link, v verdict, was view, s sighting) []*Client {
	e := Event{Master: t.name, Sentinel: l.addr, Epoch: t.view.epoch, Addr: t.view.addr, OldAddr: was.addr}
	said := ""
	switch v {
	case gathering:
		return t.collectLocked()
	case waiting:
		time.AfterFunc(loneLeaderDelay/4, func() { t.askAgain(l) })
		return nil
	case confirmed:
		delete(t.noted, l.addr)
		return nil
	case stale:
		e.Kind, said = EventSentinelStale, fmt.Sprint(s.epoch, s.addr)
		e.OldAddr, e.Err = s.addr, fmt.Errorf("it reports epoch %d", s.epoch)
		t.recheckAtLocked(t.view.behind.Add(t.group.opts.RegressionGrace))
	case conflict:
		e.Kind, said = EventConflict, fmt.Sprint(s.epoch, s.addr)
		e.OldAddr, e.Err = s.addr, fmt.Errorf("it reports %s for the same epoch", s.addr)
		t.alarmLocked(time.Now(), 2*disputeGap)
	case switched:
		e.Kind = EventSwitched
	case reset:
		e.Kind = EventEpochReset
	}
	if v == stale || v == conflict {
		if t.noted[l.addr] != said {
			t.noted[l.addr] = said
			t.group.send(e)
		}
		return nil
	}
	t.group.send(e)
	t.movedLocked(was)
	return t.followersLocked()
}

// movedLocked tidies up after the view has changed. The lock is held.
func (t *master) movedLocked(was view) {
	if t.view.addr != was.addr {
		clear(t.runIDs)
	}
	clear(t.noted)
	t.alarmed = time.Now().Add(time.Second)
	t.group.askAllLocked(t, true)
	t.broadcastLocked()
}

// askAgain asks one sentinel once more. It does nothing after Close but note
// it.
func (t *master) askAgain(l *link) {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	l.wantLocked(t.name, false)
}

// recheckAtLocked has all sentinels asked at a time, when a lower epoch may be
// believed. The lock is held.
func (t *master) recheckAtLocked(at time.Time) {
	if t.view.behind.IsZero() || t.recheck != nil {
		return
	}
	t.recheck = time.AfterFunc(max(time.Until(at), 0)+time.Millisecond, func() {
		t.group.mu.Lock()
		defer t.group.mu.Unlock()
		t.recheck = nil
		t.group.askAllLocked(t, true)
	})
}

// collectLocked waits for more first answers, unless all have come, or enough agree.
// The lock is held.
func (t *master) collectLocked() []*Client {
	window := t.group.opts.GatherWindow
	if window > 0 && !t.allTriedLocked() && !t.view.agreed(t.group.knownLocked()) {
		if t.gather == nil {
			t.gather = time.AfterFunc(window, t.gathered)
		}
		return nil
	}
	return t.resolveLocked()
}

func (t *master) allTriedLocked() bool {
	for _, addr := range t.group.order {
		if _, tried := t.tried[addr]; !tried {
			return false
		}
	}
	return true
}

func (t *master) gathered() {
	t.group.mu.Lock()
	users := t.resolveLocked()
	t.group.mu.Unlock()
	for _, c := range users {
		c.follow()
	}
}

// resolveLocked makes the best of the first answers the view. The lock is held.
func (t *master) resolveLocked() []*Client {
	t.stopTimersLocked()
	if !t.view.resolve() {
		return nil
	}
	t.group.send(Event{Kind: EventResolved, Master: t.name, Epoch: t.view.epoch, Addr: t.view.addr})
	t.broadcastLocked()
	return t.followersLocked()
}

// unanswered notes that a sentinel could not say anything of a master.
func (g *Group) unanswered(l *link, master string, asked time.Time, err error) {
	g.mu.Lock()
	t := g.topics[master]
	if t == nil || g.links[l.addr] != l {
		g.mu.Unlock()
		return
	}
	t.tried[l.addr], t.answers[l.addr] = err, asked
	t.view.forget(l.addr)
	t.noteBackingLocked()
	var users []*Client
	if !t.view.known && t.gather != nil {
		users = t.collectLocked()
	}
	t.broadcastLocked()
	g.mu.Unlock()
	for _, c := range users {
		c.follow()
	}
}

// noteRunIDLocked says when the master runs under another run id. Each id counts
// once: sentinels learn of it at different times. The lock is held.
func (t *master) noteRunIDLocked(l *link, s sighting) {
	if !t.view.known || s.addr != t.view.addr || s.epoch != t.view.epoch || s.failing || s.runID == "" || t.runIDs[s.runID] {
		return
	}
	first := len(t.runIDs) == 0
	t.runIDs[s.runID] = true
	if !first {
		t.group.send(Event{Kind: EventRebooted, Master: t.name, Sentinel: l.addr, Epoch: s.epoch, Addr: s.addr})
	}
}

// mergeReplicasLocked takes in a sentinel's list and says whether the common one has
// changed. The lock is held.
func (t *master) mergeReplicasLocked(l *link, a answer) bool {
	t.lists[l.addr] = listing{addr: a.sighting.addr, epoch: a.sighting.epoch, replicas: a.replicas}
	votes := make(map[string][]Replica)
	for _, list := range t.lists {
		if list.epoch != t.view.epoch || list.addr != t.view.addr {
			continue
		}
		for _, r := range list.replicas {
			votes[r.Addr] = append(votes[r.Addr], r)
		}
	}
	merged := make([]Replica, 0, len(votes))
	for addr, words := range votes {
		if addr != t.view.addr {
			merged = append(merged, common(words))
		}
	}
	slices.SortFunc(merged, func(a, b Replica) int { return strings.Compare(a.Addr, b.Addr) })
	if slices.Equal(merged, t.merged) {
		return false
	}
	t.merged = merged
	return true
}

// common is what most sentinels say of a replica: fit or not, and where they
// are even, fit. Of those that say so it is the newest offset.
func common(words []Replica) Replica {
	fit := 0
	for _, r := range words {
		if r.Fit() {
			fit++
		}
	}
	want := 2*fit >= len(words)
	best, ok := words[0], false
	for _, r := range words {
		if r.Fit() == want && (!ok || r.Offset > best.Offset) {
			best, ok = r, true
		}
	}
	return best
}

// failoverMessages are about the master's address, and nothing else. From those
// that are true on, until another master is named, all sentinels are asked
// quickly.
var failoverMessages = map[string]bool{
	"+odown": true, "+try-failover": true, "+elected-leader": true, "+selected-slave": true,
	"+failover-state-send-slaveof-noone": true, "+failover-state-wait-promotion": true,
	"+promoted-slave": false, "+failover-state-reconf-slaves": false, "+switch-master": false, "+config-update-from": false,
}

// failoverAlarm is for how long the sentinels are asked quickly when a failover
// is on.
const failoverAlarm = 10 * time.Second

// published takes in a message of a sentinel and says whether its master must
// be asked for again. It runs on the goroutine that reads, so that a hold
// begins at once, whatever the link is doing.
func (g *Group) published(l *link, m Message) (ask bool) {
	g.send(Event{Kind: EventMessage, Master: m.Master, Sentinel: l.addr, Message: m})
	g.mu.Lock()
	t := g.topics[m.Master]
	if t == nil {
		g.mu.Unlock()
		return false
	}
	if failoverMessages[m.Name] {
		t.alarmLocked(time.Now(), failoverAlarm)
		for _, other := range g.links {
			other.wake() // to ask quickly from now on
		}
	}
	if m.Type == "sentinel" && m.Name != "+sdown" {
		if peer := g.links[g.opts.mapAddr(AddrSentinel, m.Addr)]; peer != nil {
			peer.hurry = true
			peer.wake()
		}
	}
	users := t.followersLocked()
	g.mu.Unlock()
	for _, c := range users {
		c.heard(l.addr, m)
	}
	return true
}
