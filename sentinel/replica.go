package sentinel

import (
	"slices"
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// Replica is a replica as a sentinel describes it.
type Replica struct {
	// Addr is its address, translated by AddrMap.
	Addr string `json:"addr"`
	// Flags are the sentinel's, comma separated: see the Redis documentation.
	Flags string `json:"flags"`
	// MasterAddr is whom it replicates, as the sentinel writes it; empty where
	// that is not known yet.
	MasterAddr string `json:"masterAddr,omitempty"`
	// LinkUp says that its link to the master works.
	LinkUp bool `json:"linkUp"`
	// Offset is its replication offset, up to ten seconds old.
	Offset int64 `json:"offset"`
	// Priority is its replica-priority.
	Priority int `json:"priority"`
}

// unfit are the flags with which a replica serves no reads.
var unfit = []string{
	"s_down", "o_down", "disconnected", "promoted", "reconf_sent", "reconf_inprog", "master_down",
}

// Fit reports whether the sentinel that described the replica takes it for fit to
// serve reads: it is up, follows its master, and is not being promoted.
func (r Replica) Fit() bool { return r.LinkUp && !hasFlag(r.Flags, unfit...) }

func parseReplicas(v resp.Value) ([]Replica, error) {
	if err := v.Err(); err != nil {
		return nil, err
	}
	var all []Replica
	for e := range v.Elems() {
		f := fields(e)
		if f["ip"] == "" || !port(f["port"]) {
			continue
		}
		r := Replica{
			Addr:     join(f["ip"], f["port"]),
			Flags:    f["flags"],
			LinkUp:   f["master-link-status"] == "ok",
			Offset:   number(f["slave-repl-offset"]),
			Priority: int(number(f["slave-priority"])),
		}
		if port(f["master-port"]) {
			r.MasterAddr = join(f["master-host"], f["master-port"])
		}
		all = append(all, r)
	}
	return all, nil
}

// listing is the replicas of one sentinel's answer.
type listing struct {
	addr     string // the master that they belong to
	epoch    int64
	replicas []Replica
}

// mergeReplicasLocked takes in a sentinel's list and says whether the common
// one has changed.
func (m *master) mergeReplicasLocked(l *link, a answer) bool {
	m.lists[l.addr] = listing{addr: a.sighting.addr, epoch: a.sighting.epoch, replicas: a.replicas}
	votes := make(map[string][]Replica)
	for by, list := range m.lists {
		if link := m.group.links[by]; link == nil || !link.votesLocked() || list.epoch != m.view.Epoch || list.addr != m.view.Addr {
			continue
		}
		for _, r := range list.replicas {
			votes[r.Addr] = append(votes[r.Addr], r)
		}
	}
	merged := make([]Replica, 0, len(votes))
	need := m.needToNameLocked()
	for addr, opinions := range votes {
		if addr != m.view.Addr && len(opinions) >= need {
			merged = append(merged, common(opinions))
		}
	}
	slices.SortFunc(merged, func(a, b Replica) int { return strings.Compare(a.Addr, b.Addr) })
	if slices.Equal(merged, m.merged) {
		return false
	}
	m.merged = merged
	return true
}

// needToNameLocked is how many sentinels must name a replica until it is one: more
// than half of those that can be asked. A replica is sent reads and a password.
func (m *master) needToNameLocked() int {
	if m.group.opts.Believe != BelieveMajority {
		return 1
	}
	able := 0
	for addr, l := range m.group.links {
		if _, tried := m.tried[addr]; l.votesLocked() && l.refused[askReplicas] == "" && (l.up || !tried) {
			able++
		}
	}
	return able/2 + 1
}

// common is what most sentinels say of a replica: fit or not, and where they
// are even, fit. Of those that say so it is the newest offset.
func common(opinions []Replica) Replica {
	fit := 0
	for _, r := range opinions {
		if r.Fit() {
			fit++
		}
	}
	want := 2*fit >= len(opinions)
	best, ok := opinions[0], false
	for _, r := range opinions {
		if r.Fit() == want && (!ok || r.Offset > best.Offset) {
			best, ok = r, true
		}
	}
	return best
}
