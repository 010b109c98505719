package sentinel

import "time"

// mergePeersLocked takes in what a sentinel knows of the others: new ones are
// linked, and ones that were learned before and have been out of reach for long
// are forgotten. The seeds are never: a list may be short for a while, as after
// SENTINEL RESET.
func (g *Group) mergePeersLocked(l *link, t *master, a answer) {
	listed := make(map[string]bool, len(a.peers))
	for _, p := range a.peers {
		listed[p.addr] = !p.down
		if p.down || g.sameUpLocked(p) {
			continue
		}
		if g.mayLearnLocked(l) && g.addLinkLocked(p.addr, false) {
			g.links[p.addr].learned = l.addr
			g.send(Event{Kind: EventSentinelFound, Master: t.name, Sentinel: p.addr})
		}
	}
	for _, other := range g.links {
		if other != l {
			up, named := listed[other.addr]
			other.missed[l.addr], other.named[l.addr] = !up, named
		}
	}
	for _, other := range g.links {
		other.vouched = g.vouchedLocked(other)
	}
	g.forgetLostLocked()
}

const (
	// maxUnmet is how many sentinels one sentinel may name that nobody has reached.
	maxUnmet = 16
	// maxSentinels is how many are watched beside those that were configured.
	maxSentinels = 64
	// awayTime is after which an address that is out of reach is not counted beside
	// another one of the same sentinel.
	awayTime = minorityTime
)

// mayLearnLocked reports whether another sentinel is taken up that l names. A
// sentinel that lies costs a few dials, whatever it says.
func (g *Group) mayLearnLocked(l *link) bool {
	all, unmet := 0, 0
	for _, other := range g.links {
		if other.seed {
			continue
		}
		all++
		if other.id == "" && other.learned == l.addr {
			unmet++
		}
	}
	return all < maxSentinels && unmet < maxUnmet
}

// vouchedLocked reports whether more than half of the configured sentinels that
// are up name l. Where only half of them or fewer are up, what was found before stays:
// one that is left alone must not get votes by naming others. Where none is up, those
// speak that have a vote. For a configured one that has moved to another address, which
// the others vouch for, that one speaks.
func (g *Group) vouchedLocked(l *link) bool {
	for _, entitled := range []func(*link) bool{func(o *link) bool { return o.seed }, (*link).votesLocked} {
		all, up, named := 0, 0, 0
		spoken := make(map[*link]bool)
		for _, other := range g.links {
			if other == l || !entitled(other) {
				continue
			}
			all++
			if other = g.movedToLocked(other); other == l || !other.up || spoken[other] {
				continue
			}
			spoken[other] = true
			up++
			if l.named[other.addr] {
				named++
			}
		}
		switch {
		case 2*up > all:
			return 2*named > up
		case up > 0:
			return l.vouched
		}
	}
	return l.vouched
}

// movedToLocked returns the link to a sentinel that was configured, is out of reach and
// is up by another address, as after a restart elsewhere; else l itself.
func (g *Group) movedToLocked(l *link) *link {
	if !l.seed || l.up || l.id == "" {
		return l
	}
	for _, other := range g.links {
		if other.up && other.id == l.id && !other.seed && other.vouched {
			return other
		}
	}
	return l
}

// votesLocked reports whether the word of this sentinel counts: it was configured,
// or it was reached and is named by more than half of those that were.
func (l *link) votesLocked() bool { return l.seed || l.id != "" && l.vouched }

// countLocked counts the sentinels for which counts reports true, one that has two
// addresses once. That two are one is their own word: it holds while both say the same
// of the master, so that one that takes another's run id makes no majority smaller. An
// address that has been out of reach for a while says nothing, and does not count beside
// one that is in use.
func (m *master) countLocked(counts func(*link) bool) int {
	type voice struct {
		id, addr string
		epoch    int64
	}
	heard := make(map[voice]bool, len(m.group.links))
	n := 0
	for addr, l := range m.group.links {
		s := m.view.sightings[addr]
		v := voice{l.id, s.addr, s.epoch}
		if !counts(l) || l.id != "" && (heard[v] || m.elsewhereLocked(l, counts)) {
			continue
		}
		heard[v] = true
		n++
	}
	return n
}

// elsewhereLocked reports whether the sentinel of a link that has been down for some
// time answers by another address.
func (m *master) elsewhereLocked(l *link, counts func(*link) bool) bool {
	if _, says := m.view.sightings[l.addr]; says || l.up || time.Since(l.seen) < awayTime {
		return false
	}
	for addr := range m.view.sightings {
		if other := m.group.links[addr]; other != nil && other.id == l.id && counts(other) {
			return true
		}
	}
	return false
}

// sameUpLocked reports whether a link to the same sentinel stands, by another address.
func (g *Group) sameUpLocked(p peer) bool {
	if p.id == "" {
		return false
	}
	for _, l := range g.links {
		if l.id == p.id && l.up && l.addr != p.addr {
			return true
		}
	}
	return false
}

// forgetLostLocked drops links to sentinels that are out of reach and that others,
// two or all who can be asked, do not vouch for.
func (g *Group) forgetLostLocked() {
	if g.opts.SentinelForget < 0 {
		return
	}
	up := 0
	for _, l := range g.links {
		if l.up {
			up++
		}
	}
	for _, l := range g.links {
		if l.seed || l.up || time.Since(l.seen) < g.opts.SentinelForget {
			continue
		}
		missing := 0
		for by, missed := range l.missed {
			if other := g.links[by]; missed && other != nil && other.up {
				missing++
			}
		}
		if missing >= min(2, up) {
			g.dropLinkLocked(l)
		}
	}
}

// identified notes the run id of a sentinel. One that was learned from others
// and turns out to be a seed by another address is dropped.
func (g *Group) identified(l *link, id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l.id = id
	for _, m := range g.masters {
		m.view.identify(l.addr, id)
	}
	for _, other := range g.links {
		if other != l && other.id == id && other.up {
			if !l.seed {
				g.dropLinkLocked(l)
				return
			}
			if !other.seed {
				g.dropLinkLocked(other)
			}
		}
	}
}
