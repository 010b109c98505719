package sentinel

import (
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// answered takes in what a sentinel says of a master, and moves its clients
// where that is news.
func (g *Group) answered(l *link, master string, a answer) {
	g.translate(&a)
	g.mu.Lock()
	m := g.masters[master]
	if m == nil || g.closed || g.links[l.addr] != l {
		g.mu.Unlock()
		return
	}
	m.tried[l.addr], m.answers[l.addr] = nil, a.sighting.asked
	g.noteRefusalLocked(l, master, askMaster, nil)
	if a.full {
		g.noteOthersLocked(l, m, a)
	}
	was := m.view
	a.sighting.id, a.sighting.mute, a.sighting.strange = l.id, !l.votesLocked(), !l.knownLocked()
	v := m.view.see(l.addr, a.sighting, m.rulesLocked())
	moved := m.judgeLocked(l, v, was, a.sighting)
	m.noteRunIDLocked(l, a.sighting)
	replicas := a.full && a.replicasErr == nil && m.mergeReplicasLocked(l, a)
	m.noteBackingLocked()
	relief := m.suspected && m.vouchedLocked()
	m.suspected = m.suspected && !relief
	var informed []Follower
	if replicas || relief || m.quorumTTL > 0 {
		informed = m.followersLocked()
	}
	m.broadcastLocked()
	g.mu.Unlock()
	tellMoved(moved)
	for _, f := range informed {
		if relief {
			f.Reassured()
		}
		f.Informed(replicas)
	}
}

// noteOthersLocked takes in what a full answer says beside the address.
func (g *Group) noteOthersLocked(l *link, m *master, a answer) {
	g.noteRefusalsLocked(l, m, a)
	if a.peersErr == nil {
		g.mergePeersLocked(l, m, a)
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

// unanswered notes that a sentinel could not say anything of a master.
func (g *Group) unanswered(l *link, master string, asked time.Time, err error) {
	g.mu.Lock()
	m := g.masters[master]
	if m == nil || g.links[l.addr] != l {
		g.mu.Unlock()
		return
	}
	m.tried[l.addr], m.answers[l.addr] = err, asked
	m.view.forget(l.addr)
	e, refused := errors.AsType[*resp.Error](err)
	if _, lost := errors.AsType[*conn.Error](err); refused && !lost {
		g.noteRefusalLocked(l, master, askMaster, e)
	}
	m.noteBackingLocked()
	var moved []Follower
	if !m.view.Known && m.gather != nil {
		moved = m.collectLocked()
	}
	m.broadcastLocked()
	g.mu.Unlock()
	tellMoved(moved)
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
func (g *Group) published(l *link, msg Message) (ask bool) {
	g.send(Event{Kind: EventMessage, Master: msg.Master, Sentinel: l.addr, Message: msg})
	g.mu.Lock()
	m := g.masters[msg.Master]
	if m == nil {
		g.mu.Unlock()
		return false
	}
	if msg.Name == "+try-failover" {
		m.view.begins(l.addr)
	}
	if failoverMessages[msg.Name] {
		m.alarmLocked(time.Now(), failoverAlarm)
		for _, other := range g.links {
			other.wake() // to ask quickly from now on
		}
	}
	if msg.Type == "sentinel" && msg.Name != "+sdown" {
		if peer := g.links[g.opts.mapAddr(AddrSentinel, msg.Addr)]; peer != nil {
			peer.hurry = true
			peer.wake()
		}
	}
	followers := m.followersLocked()
	g.mu.Unlock()
	for _, f := range followers {
		f.Heard(l.addr, msg)
	}
	return true
}

func tellMoved(followers []Follower) {
	for _, f := range followers {
		f.Moved()
	}
}

// noteRefusalsLocked notes that a sentinel refuses a list, and says so once. What is
// known from others, and from before, stays.
func (g *Group) noteRefusalsLocked(l *link, m *master, a answer) {
	for i, err := range [...]error{askSentinels: a.peersErr, askReplicas: a.replicasErr} {
		if err != nil {
			g.queryErrors.Add(1)
		}
		g.noteRefusalLocked(l, m.name, i, err)
	}
}

// noteRefusalLocked notes that a sentinel refuses what it was asked for, and says so
// once, or that it does not.
func (g *Group) noteRefusalLocked(l *link, master string, asked int, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != l.refused[asked] && err != nil {
		g.send(Event{Kind: EventSentinelRefused, Master: master, Sentinel: l.addr, Err: fmt.Errorf("sentinel: %s: %w", askNames[asked], err)})
	}
	l.refused[asked] = text
}
