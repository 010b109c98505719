package sentinel

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// quiet returns a group that asks nobody, and a master that it does not know.
func quiet(t *testing.T, seeds ...string) (*Group, *master) {
	g, err := NewGroup(GroupOptions{Sentinels: seeds})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	m := newMaster(g, "mymaster")
	m.view.sightings = map[string]sighting{}
	return g, m
}

func TestARunIDThatIsTakenMakesNoMajoritySmaller(t *testing.T) {
	g, m := quiet(t, "a:1", "b:1", "c:1")
	voters := func() int { return m.countLocked((*link).votesLocked) }
	g.links["a:1"].id, g.links["b:1"].id = "x", "x"
	if n := voters(); n != 2 {
		t.Errorf("%d voters before anybody has answered", n)
	}
	m.view.sightings["a:1"] = sighting{addr: "A", epoch: 1, id: "x"}
	m.view.sightings["b:1"] = sighting{addr: "A", epoch: 1, id: "x"}
	if n := voters(); n != 2 || m.view.votes("A", 1) != 1 {
		t.Errorf("%d voters, %d votes by two addresses of one sentinel", n, m.view.votes("A", 1))
	}
	for _, lie := range []sighting{{addr: "B", epoch: 1, id: "x"}, {addr: "A", epoch: 2, id: "x"}} {
		m.view.sightings["b:1"] = lie
		if n := voters(); n != 3 {
			t.Errorf("%d voters when b says %+v", n, lie)
		}
	}
	delete(m.view.sightings, "a:1")
	if n := voters(); n != 3 {
		t.Errorf("%d voters when a is silent and b is not", n)
	}
}

// One sentinel that has two addresses is no majority, nor is it a quorum.
func TestTwoAddressesHaveOneVote(t *testing.T) {
	g, m := quiet(t, "a:1", "b:1", "c:1")
	m.view.View = View{Known: true, Addr: "A", Epoch: 1}
	g.links["a:1"].id, g.links["b:1"].id = "x", "x"
	for _, addr := range []string{"a:1", "b:1"} {
		m.view.see(addr, sighting{addr: "B", epoch: 2, at: at(0)}, m.rulesLocked())
		m.view.identify(addr, "x")
	}
	m.view.sightings["c:1"] = sighting{addr: "A", epoch: 1, id: "y"}
	if m.view.believes(sighting{addr: "B", epoch: 2, at: at(10_000)}, m.rulesLocked()) {
		t.Error("one of two sentinels is believed")
	}
	m.view.View = View{Known: true, Addr: "B", Epoch: 2}
	if _, n, need := m.view.backing(m.countLocked((*link).knownLocked)); n != 1 || need != 2 {
		t.Errorf("%d of %d confirm", n, need)
	}
}

func TestOneThatIsLeftAloneGivesNoVotes(t *testing.T) {
	g, m := quiet(t, "a:1", "b:1", "c:1")
	fake := newLink(g, "f:1", false)
	fake.id, fake.up = "f", true
	g.links["f:1"] = fake
	list := func(by string, names bool) {
		a := answer{full: true}
		if names {
			a.peers = []peer{{addr: "f:1", id: "f"}}
		}
		g.mergePeersLocked(g.links[by], m, a)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.links["a:1"].up = true
	if list("a:1", true); fake.votesLocked() {
		t.Error("by the word of the only one of three that is up")
	}
	g.links["b:1"].up = true
	if list("b:1", false); fake.votesLocked() {
		t.Error("by one of two that are up")
	}
	if list("b:1", true); !fake.votesLocked() {
		t.Error("two of three name it")
	}
	g.links["b:1"].up = false
	if list("a:1", true); !fake.votesLocked() {
		t.Error("it has no vote any more, because one of those that name it is down")
	}
	m.view.View = View{Known: true, Addr: "A"}
	fake.vouched = false
	m.view.sightings = map[string]sighting{"a:1": {addr: "A"}, "f:1": {addr: "A", strange: true, others: 99}}
	if _, n, need := m.view.backing(m.countLocked((*link).knownLocked)); n != 1 || need != 2 {
		t.Errorf("%d of %d confirm the master, with one that nobody but the first knows", n, need)
	}
}

// A sentinel whose master never has the same run id, or the same address, costs no
// more than any other.
func TestASentinelThatIsNeverTheSameCostsLittle(t *testing.T) {
	g, m := quiet(t, "a:1")
	m.view.View = View{Known: true, Addr: "A"}
	for i := range 100 {
		m.noteRunIDLocked(g.links["a:1"], sighting{addr: "A", runID: itoa(i)})
	}
	if len(m.runIDs) > 1 {
		t.Errorf("%d run ids are kept", len(m.runIDs))
	}

	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Mode: "sentinel"})
	var asked atomic.Int64
	s.Handle("SENTINEL", func(p *testserver.Peer, args []string) {
		switch strings.ToLower(args[1]) {
		case "get-master-addr-by-name":
			p.Write(testserver.Bulks(fmt.Sprint("10.0.0.", asked.Add(1)), "6379"))
		default:
			p.Write(testserver.Bulks("config-epoch", "1"))
		}
	})
	unsteady, err := NewGroup(GroupOptions{Sentinels: []string{s.Addr()}, QueryTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer unsteady.Close()
	if _, _, err = unsteady.Resolve(t.Context(), "mymaster"); err == nil || !strings.Contains(err.Error(), "another address") {
		t.Error(err)
	}
	if n, queries := asked.Load(), unsteady.Stats().Queries; n > 6*int64(queries) {
		t.Errorf("asked %d times by %d questions", n, queries)
	}
}
