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
		if g.addLinkLocked(p.addr, false) {
			g.send(Event{Kind: EventSentinelFound, Master: t.name, Sentinel: p.addr})
		}
	}
	for _, other := range g.links {
		if other != l {
			other.missed[l.addr] = !listed[other.addr]
		}
	}
	g.forgetLostLocked()
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
