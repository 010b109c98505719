package main

import (
	"slices"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
)

func TestTheMedianLiesBetweenTheInnerRounds(t *testing.T) {
	for n, drop := range map[int]int{1: 0, 4: 0, 5: 0, 7: 0, 8: 1, 10: 1, 11: 2, 15: 3, 60: 22} {
		var s spread
		for i := range n {
			s = append(s, float64((i*7)%n)) // in no order
		}
		if n%7 == 0 {
			s = s[:0]
			for i := range n {
				s = append(s, float64(n-1-i))
			}
		}
		if in := s.inner(); in.min() != float64(drop) || in.max() != float64(n-1-drop) {
			t.Errorf("of %d rounds %v to %v are left", n, in.min(), in.max())
		}
	}
}

func TestOneOddRoundOfManyDoesNotDecide(t *testing.T) {
	good := spread{1, 1, 1, 1, 1, 1, 1, 3}
	if v := atMost(good, 1.05); v != met {
		t.Errorf("of 8 rounds: %v", v)
	}
	if v := atMost(good[4:], 1.05); v != noise {
		t.Errorf("of 4 rounds: %v", v)
	}
}

func TestTheFurtherRoundsAreOfThoseThatAreNear(t *testing.T) {
	const row = "get, 2 callers"
	w := workloadOf(row)
	times := map[string]float64{"raw": 90, "kermes": 30, "kermes-client": 20, "rueidis": 29, "radix": 31}
	var all []figures
	for name, took := range times {
		all = append(all, figures{Client: name, Workload: row, Ns: took})
	}
	all = append(all, figures{Client: "radix", Workload: row, Ns: 29, Round: 1}, figures{Client: "redigo", Workload: row, Error: "lost"})
	var near []string
	for i := range contenders {
		if c := &contenders[i]; w.wants(c) && isNear(tabulate(all), w, c) {
			near = append(near, c.name)
		}
	}
	if want := []string{"raw", "kermes", "kermes-client", "rueidis", "radix"}; !slices.Equal(near, want) {
		t.Errorf("%q, want %q", near, want)
	}
	if n := w.roundsOf(settings{rounds: 2}); n != w.rounds || n < 5 {
		t.Errorf("%d rounds", n)
	}
	if n := w.roundsOf(settings{rounds: 100}); n != 100 {
		t.Errorf("%d rounds of 100", n)
	}
}

func TestRawIsNoPeerWhateverItFills(t *testing.T) {
	all := []figures{{Client: "raw", Workload: "w", Ns: 1}, {Client: floor, Workload: "w", Ns: 2}, {Client: self, Workload: "w", Ns: 4}, {Client: "radix", Workload: "w", Ns: 8}}
	w := tabulate(all)
	if r := w.lead("w", self, ns); len(r) != 1 || r[0] != 2 {
		t.Errorf("the lead is %v", r)
	}
	if peer := w.bestPeer("w", ns); peer != "radix" {
		t.Errorf("the best peer is %q", peer)
	}
	if best := w.best(&workload{name: "w"}, w.names()); best != self {
		t.Errorf("the best is %q", best)
	}
	if text, _ := toRaw("w", 3)(w); text != "4.00 (4.00 to 4.00); radix 8.00; raw-filled 2.00" {
		t.Error(text)
	}
}

func TestAClientThatFollowsIsComparedWithOneThatDoesNot(t *testing.T) {
	g := testgroup.New(t, testgroup.Options{Replicas: -1})
	s := servers{Addr: g.Master().Addr(), Master: testgroup.DefaultMaster, Sentinels: g.SentinelAddrs()}
	var f figures
	if err := measurePaired(&workload{op: opSet, callers: 3}, s, 10*time.Millisecond, &f); err != nil {
		t.Fatal(err)
	}
	if f.Ops == 0 || f.Ratio <= 0 || f.Ns <= 0 {
		t.Errorf("%+v", f)
	}
}
