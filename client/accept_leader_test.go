package client_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/sentinel"
)

// The leader of a failover is lost at the very moment at which it has noticed the
// promotion, and nobody else has heard of it. What a client had acknowledged by the
// promoted server then, and the final master lacks, is what its rule costs.

// rule is when a client uses a new master.
type rule struct {
	name string
	opts client.Options
}

func adoptionRules() []rule {
	return []rule{
		{"BelieveMajority", client.Options{}},
		{"BelieveSecond", client.Options{Group: sentinel.GroupOptions{Believe: sentinel.BelieveSecond}}},
		{"BelieveFirst", client.Options{Group: sentinel.GroupOptions{Believe: sentinel.BelieveFirst}}},
		{"AdoptEager", client.Options{Adopt: client.AdoptEager}},
	}
}

// tally is what a rule has come to over all rounds.
type tally struct {
	acked, lost, lossy int
	most               int
	pause              time.Duration
}

// cutFor is how long a leader that is cut off stays so. The others have put
// everything back by then.
const cutFor = 25 * time.Second

func TestSoakTheLeaderIsLostAtThePromotion(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("KERMES_LEADER_ROUNDS"))
	if err != nil {
		t.Skip("runs with KERMES_LEADER_ROUNDS: make soak-leader")
	}
	for _, planned := range []bool{true, false} {
		for _, cut := range []bool{false, true} {
			name := map[bool]string{true: "planned", false: "crash"}[planned] + " and " + map[bool]string{true: "cut", false: "kill"}[cut]
			t.Run(name, func(t *testing.T) {
				tallies := map[string]*tally{}
				for i := range rounds {
					t.Run(fmt.Sprint(i+1), func(t *testing.T) { lostLeader(t, planned, cut, i, tallies) })
				}
				for _, r := range adoptionRules() {
					if n := tallies[r.name]; n != nil {
						t.Logf("| %s | %s | %d | %d | %d | %d | %d | %.1f s |", name, r.name, rounds, n.acked, n.lossy, n.lost, n.most, n.pause.Seconds())
					}
				}
				if n := tallies["BelieveMajority"]; n == nil || n.lost > 0 {
					t.Errorf("the default has lost writes: %+v", n)
				}
			})
		}
	}
}

// lostLeader is one round.
func lostLeader(t *testing.T, planned, cut bool, round int, tallies map[string]*tally) {
	s := accept(t, "leader", 4*time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{})
	rules := adoptionRules()
	all := make([]*writers, len(rules))
	for i, r := range rules {
		all[i] = s.startWritersFrom(2*i, s.client(top, r.opts), 2, 90*time.Second)
	}
	old, began := s.master(top), time.Now()
	if planned {
		s.must(top.SentinelFailover(round % 3))
	} else {
		old.Kill()
	}
	e, err := rec.Wait(s.ctx, func(e testredis.Event) bool { return e.Name == "+promoted-slave" && e.At.After(began) })
	s.must(err)
	if round%2 == 1 { // some of the others may have heard of it, or a client
		time.Sleep(rand.N(50 * time.Millisecond))
	}
	leader := top.Sentinels[e.Sentinel]
	if cut {
		s.must(leader.Stop())
		s.pass(cutFor)
		s.must(leader.Cont())
	} else {
		leader.Kill()
	}
	final := s.agreed(top)
	for i, w := range all {
		s.until("an acknowledgement by the final master", func() bool { return w.allBack(time.Now().Add(-time.Second)) })
		w.stop()
		a := s.audit(w, final)
		s.checkAlways(a)
		lost := ackedAfter(a.lost, began.Add(asyncTail()))
		if planned {
			lost = len(a.lost)
		}
		n := tallies[rules[i].name]
		if n == nil {
			n = &tally{}
			tallies[rules[i].name] = n
		}
		n.acked, n.lost, n.most, n.pause = n.acked+a.acked, n.lost+lost, max(n.most, lost), max(n.pause, a.gap())
		if lost > 0 {
			n.lossy++
		}
		s.Logf("%s: %d acknowledged, %d lost, longest pause %v", rules[i].name, a.acked, lost, a.gap().Round(time.Millisecond))
	}
}

// agreed waits until all sentinels that run have named the same master for some
// time, and every other server that runs replicates it. It returns the master.
func (s *scenario) agreed(top *testredis.Topology) *testredis.Node {
	s.Helper()
	var final *testredis.Node
	since := time.Now()
	s.until("one master, and no other", func() bool {
		n := soleMaster(top)
		if n == nil || n != final {
			final, since = n, time.Now()
		}
		return final != nil && time.Since(since) > 12*time.Second
	})
	return final
}

// soleMaster is the master that all sentinels name, where all servers agree.
func soleMaster(top *testredis.Topology) *testredis.Node {
	master, err := top.CurrentMaster("")
	if err != nil {
		return nil
	}
	for _, n := range top.Sentinels {
		if !n.Running() {
			continue
		}
		if r, err := n.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", top.Names[0]); err != nil || len(r.Elems) != 2 || r.Elems[1].Str != port(master) {
			return nil
		}
	}
	for _, n := range top.Data {
		if !n.Running() {
			continue
		}
		if role, err := n.Role(); err != nil || (role == "master") != (n == master) {
			return nil
		}
	}
	return master
}
