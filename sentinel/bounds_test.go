package sentinel

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestAPortIsBetween1And65535(t *testing.T) {
	for text, want := range map[string]bool{
		"1": true, "9": true, "10": true, "6379": true, "65535": true, "65536": false, "99999": false, "100000": false,
		"0": false, "00": false, "": false, "-1": false, "1/": false, "1:": false, "6379 ": false,
	} {
		if got := port(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
		if _, err := parseAddr(array("h", text)); (err == nil) != want {
			t.Errorf("%q in an answer: %v", text, err)
		}
	}
}

func TestNumbersOfASentinelAreBounded(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "-7": -7, "4503599627370496": 1 << 52, "4503599627370497": 0,
		"-4503599627370496": -1 << 52, "-4503599627370497": 0, "99999999999999999999": 0, "x": 0, "": 0,
	} {
		if got := number(text); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
}

func TestAMasterMayHaveTheFirstEpochAndNoTime(t *testing.T) {
	s, err := parseMaster(array("config-epoch", "0", "down-after-milliseconds", "-5"))
	if err != nil || s.epoch != 0 || s.down != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = parseMaster(array("config-epoch", "1", "down-after-milliseconds", "1")); err != nil || s.down != time.Millisecond {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestTheQuorumCountsFromTheNthLatestQuestion(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		v := view{View: View{Known: true, Addr: "A"}, sightings: map[string]sighting{}}
		times := make([]time.Time, 1+rng.IntN(7))
		for i := range times {
			times[i] = at(rng.IntN(5))
			v.sightings[itoa(i)] = sighting{addr: "A", asked: times[i]}
		}
		sorted := slices.SortedFunc(slices.Values(times), func(a, b time.Time) int { return b.Compare(a) })
		if got, _, need := v.backing(len(times)); !got.Equal(sorted[need-1]) {
			t.Fatalf("%d of %v: %v", need, times, got)
		}
	}
}

func TestAMajorityOfAllThatAreKnownConfirms(t *testing.T) {
	good := sighting{addr: "A", epoch: 3}
	for name, test := range map[string]struct {
		known       int
		sightings   []sighting
		count, need int
	}{
		"one of one":              {1, []sighting{good}, 1, 1},
		"one of two":              {2, []sighting{good}, 1, 2},
		"two of three":            {3, []sighting{good, good}, 2, 2},
		"two of four":             {4, []sighting{good, good}, 2, 3},
		"a sentinel knows of two": {1, []sighting{{addr: "A", epoch: 3, others: 2}}, 1, 2},
		"another address":         {1, []sighting{good, {addr: "B", epoch: 3}}, 1, 1},
		"another epoch":           {1, []sighting{good, {addr: "A", epoch: 2}, {addr: "A", epoch: 4}}, 1, 1},
		"one that doubts":         {2, []sighting{good, {addr: "A", epoch: 3, doubted: true}}, 1, 2},
		"one that fails it over":  {2, []sighting{good, {addr: "A", epoch: 3, failing: true}}, 1, 2},
		"nobody":                  {3, nil, 0, 2},
	} {
		v := view{View: View{Known: true, Addr: "A", Epoch: 3}, sightings: map[string]sighting{}}
		for i, s := range test.sightings {
			s.asked = at(i + 1)
			v.sightings[itoa(i)] = s
		}
		since, count, need := v.backing(test.known)
		if count != test.count || need != test.need || since.IsZero() == (count >= need) {
			t.Errorf("%s: %d of %d since %v", name, count, need, since)
		}
		if b := (Backing{Confirming: count, Needed: need}); b.Majority() != (count >= need) {
			t.Errorf("%s: majority %v", name, b.Majority())
		}
	}
	if (Backing{}).Majority() {
		t.Error("nobody is a majority of none")
	}
}

func TestTheShortestDownAfterCounts(t *testing.T) {
	for _, test := range []struct{ a, b, c, want time.Duration }{
		{0, 0, 0, 0}, {0, 5, 0, 5}, {5, 3, 9, 3}, {9, 5, 3, 3}, {3, 5, 9, 3}, {1, 0, 2, 1},
	} {
		v := view{sightings: map[string]sighting{"a": {down: test.a}, "b": {down: test.b}, "c": {down: test.c}}}
		if got := v.downAfter(); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
