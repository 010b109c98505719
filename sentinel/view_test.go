package sentinel

import (
	"testing"
	"time"
)

// at is a moment of the tables: milliseconds after an arbitrary start.
func at(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

// step is what a sentinel says in a table, and what comes of it.
type step struct {
	who     string
	addr    string
	epoch   int64
	ms      int
	failing bool
	want    verdict
	master  string // believed afterwards
}

func TestAViewMovesOnlyForwardInEpochs(t *testing.T) {
	known := step{who: "s1", addr: "A", epoch: 3, want: gathering}
	tables := map[string]struct {
		rules rules
		known int // how many of the steps come before the first view
		steps []step
	}{
		"a higher epoch switches, whoever says so": {rules{voters: 3, belief: BelieveFirst}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 4, want: switched, master: "B"},
		}},
		"a lower epoch is stale": {rules{voters: 3, grace: 5 * time.Second}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 2, want: stale, master: "A"},
			{who: "s2", addr: "B", epoch: 2, ms: 60_000, want: stale, master: "A"}, // s1 still holds to 3
		}},
		"the highest of the first answers counts": {rules{voters: 3, belief: BelieveFirst}, 3, []step{
			known,
			{who: "s2", addr: "B", epoch: 4, want: gathering},
			{who: "s3", addr: "A", epoch: 3, want: gathering},
			{who: "s3", addr: "B", epoch: 4, want: confirmed, master: "B"},
		}},
		"the same address with a higher epoch is a move: it has been away": {rules{voters: 1}, 1, []step{
			known,
			{who: "s1", addr: "A", epoch: 5, want: switched, master: "A"},
		}},
		"a tie is left alone, a majority decides it": {rules{voters: 3}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 3, want: conflict, master: "A"},
			{who: "s3", addr: "B", epoch: 3, want: switched, master: "B"},
			{who: "s1", addr: "A", epoch: 3, want: conflict, master: "B"},
		}},
		"a dispute is not decided twice in a second": {rules{voters: 3}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 3, want: conflict, master: "A"},
			{who: "s3", addr: "B", epoch: 3, ms: 10, want: switched, master: "B"},
			{who: "s2", addr: "A", epoch: 3, ms: 20, want: conflict, master: "B"},
			{who: "s2", addr: "A", epoch: 3, ms: 1009, want: conflict, master: "B"},
			{who: "s2", addr: "A", epoch: 3, ms: 1010, want: switched, master: "A"},
		}},
		"a lone leader is believed at once": {rules{voters: 3, belief: BelieveFirst}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 4, failing: true, want: switched, master: "B"},
		}},
		"a leader's word waits for another sentinel": {rules{voters: 3, belief: BelieveSecond}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 4, failing: true, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, failing: true, ms: 200, want: waiting, master: "A"},
			{who: "s3", addr: "B", epoch: 4, ms: 210, want: switched, master: "B"},
		}},
		"or until it has had time to tell the others": {rules{voters: 3, belief: BelieveSecond}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 4, failing: true, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, failing: true, ms: 310, want: switched, master: "B"},
		}},
		"of two voters, too": {rules{voters: 2, belief: BelieveSecond}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 4, failing: true, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, failing: true, ms: 299, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, failing: true, ms: 300, want: switched, master: "B"},
		}},
		"and that time begins anew with another word": {rules{voters: 3, belief: BelieveSecond}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 4, failing: true, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 5, failing: true, ms: 310, want: waiting, master: "A"},
			{who: "s2", addr: "C", epoch: 5, failing: true, ms: 620, want: waiting, master: "A"},
			{who: "s2", addr: "C", epoch: 5, failing: true, ms: 920, want: switched, master: "C"},
		}},
		"a majority for the first epoch is believed against one that lies": {rules{voters: 3}, 3, []step{
			{who: "s1", addr: "A", epoch: 0, want: gathering},
			{who: "s2", addr: "A", epoch: 0, want: gathering},
			{who: "s3", addr: "X", epoch: 7, want: gathering},
			{who: "s1", addr: "A", epoch: 0, ms: 10, want: confirmed, master: "A"},
		}},
		"half of the voters are no majority": {rules{voters: 4}, 3, []step{
			{who: "s1", addr: "A", epoch: 3, want: gathering},
			{who: "s2", addr: "A", epoch: 3, want: gathering},
			{who: "s3", addr: "B", epoch: 4, want: gathering},
			{who: "s3", addr: "B", epoch: 4, ms: 10, want: confirmed, master: "B"},
		}},
		"without a majority nobody moves while one says otherwise": {rules{voters: 4}, 2, []step{
			known,
			{who: "s2", addr: "A", epoch: 3, want: gathering},
			{who: "s1", addr: "B", epoch: 4, ms: 10, want: waiting, master: "A"},
			{who: "s1", addr: "B", epoch: 4, ms: 5000, want: waiting, master: "A"},
		}},
		"or for nobody where there is nobody else": {rules{voters: 1, belief: BelieveSecond}, 1, []step{
			known,
			{who: "s1", addr: "B", epoch: 4, failing: true, want: switched, master: "B"},
		}},
		"one sentinel of three takes nobody away, whatever it says and for how long": {rules{voters: 3, grace: 5 * time.Second}, 3, []step{
			known,
			{who: "s2", addr: "A", epoch: 3, want: gathering},
			{who: "s3", addr: "X", epoch: 1<<63 - 1, want: gathering},
			{who: "s3", addr: "X", epoch: 1<<63 - 1, ms: 10, want: waiting, master: "A"},
			{who: "s3", addr: "X", epoch: 1<<63 - 1, ms: 60_000, want: waiting, master: "A"},
			{who: "s3", addr: "X", epoch: 3, ms: 60_010, want: conflict, master: "A"},
			{who: "s3", addr: "X", epoch: 1, ms: 60_020, want: stale, master: "A"},
		}},
		"a failover goes on beside a sentinel that lies": {rules{voters: 3}, 3, []step{
			known,
			{who: "s2", addr: "A", epoch: 3, want: gathering},
			{who: "s3", addr: "X", epoch: 99, want: gathering},
			{who: "s1", addr: "B", epoch: 4, ms: 10, failing: true, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, ms: 20, want: waiting, master: "A"},
			{who: "s3", addr: "X", epoch: 99, ms: 400, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, ms: 410, want: switched, master: "B"},
		}},
		"all that answer, and a majority, are believed at once": {rules{voters: 3}, 2, []step{
			known,
			{who: "s2", addr: "A", epoch: 3, want: gathering},
			{who: "s1", addr: "B", epoch: 4, ms: 10, failing: true, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, ms: 60, want: switched, master: "B"},
		}},
		"a majority waits for the rest, for a quarter of a second": {rules{voters: 3}, 3, []step{
			known,
			{who: "s2", addr: "A", epoch: 3, want: gathering},
			{who: "s3", addr: "A", epoch: 3, want: gathering},
			{who: "s1", addr: "B", epoch: 4, ms: 10, failing: true, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, ms: 60, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, ms: 300, want: waiting, master: "A"},
			{who: "s1", addr: "B", epoch: 4, ms: 310, failing: true, want: switched, master: "B"},
		}},
		"the last one ends that wait": {rules{voters: 3}, 3, []step{
			known,
			{who: "s2", addr: "A", epoch: 3, want: gathering},
			{who: "s3", addr: "A", epoch: 3, want: gathering},
			{who: "s1", addr: "B", epoch: 4, ms: 10, failing: true, want: waiting, master: "A"},
			{who: "s2", addr: "B", epoch: 4, ms: 60, want: waiting, master: "A"},
			{who: "s3", addr: "B", epoch: 4, ms: 110, want: switched, master: "B"},
		}},
		"the only one that can be reached is believed in the end": {rules{voters: 3}, 1, []step{
			known,
			{who: "s1", addr: "B", epoch: 4, ms: 10, want: waiting, master: "A"},
			{who: "s1", addr: "B", epoch: 4, ms: 1000, want: waiting, master: "A"},
			{who: "s1", addr: "B", epoch: 4, ms: 1010, want: switched, master: "B"},
		}},
		"a lower epoch that all report for long is a new beginning": {rules{voters: 3, grace: 5 * time.Second}, 1, []step{
			known,
			{who: "s2", addr: "B", epoch: 0, ms: 100, want: stale, master: "A"},
			{who: "s1", addr: "B", epoch: 0, ms: 200, want: stale, master: "A"},
			{who: "s2", addr: "B", epoch: 0, ms: 5100, want: stale, master: "A"},
			{who: "s1", addr: "B", epoch: 0, ms: 5200, want: reset, master: "B"},
		}},
		"but not if a minority does": {rules{voters: 4, grace: 5 * time.Second}, 1, []step{
			known,
			{who: "s1", addr: "B", epoch: 0, ms: 200, want: stale, master: "A"},
			{who: "s2", addr: "B", epoch: 0, ms: 300, want: stale, master: "A"},
			{who: "s1", addr: "B", epoch: 0, ms: 9000, want: stale, master: "A"},
		}},
		"and the time begins anew when one confirms the old epoch": {rules{voters: 2, grace: 5 * time.Second}, 1, []step{
			known,
			{who: "s1", addr: "B", epoch: 0, ms: 100, want: stale, master: "A"},
			{who: "s2", addr: "B", epoch: 0, ms: 200, want: stale, master: "A"},
			{who: "s2", addr: "A", epoch: 3, ms: 4000, want: confirmed, master: "A"},
			{who: "s2", addr: "B", epoch: 0, ms: 4100, want: stale, master: "A"},
			{who: "s1", addr: "B", epoch: 0, ms: 6000, want: stale, master: "A"},
			{who: "s1", addr: "B", epoch: 0, ms: 9200, want: reset, master: "B"},
		}},
	}
	for name, table := range tables {
		t.Run(name, func(t *testing.T) {
			var v view
			for i, s := range table.steps {
				moves := v.Moves
				got := v.see(s.who, sighting{addr: s.addr, epoch: s.epoch, failing: s.failing, at: at(s.ms)}, table.rules)
				if got != s.want {
					t.Fatalf("step %d: verdict %d, want %d", i, got, s.want)
				}
				if i+1 == table.known && !v.resolve(table.rules) {
					t.Fatal("not settled")
				}
				if s.master != "" && v.Addr != s.master {
					t.Fatalf("step %d: master %s, want %s", i, v.Addr, s.master)
				}
				if moved := got == switched || got == reset; i >= table.known && moved != (v.Moves != moves) {
					t.Fatalf("step %d: moves went from %d to %d", i, moves, v.Moves)
				}
			}
		})
	}
}

func TestAServerThatDeniesLosesATie(t *testing.T) {
	var v view
	v.see("s1", sighting{addr: "A", epoch: 3}, rules{voters: 2})
	v.resolve(rules{voters: 2})
	if got := v.see("s2", sighting{addr: "B", epoch: 3}, rules{voters: 2}); got != conflict {
		t.Fatalf("verdict %d", got)
	}
	v.deny("B") // not the one that is believed
	if v.denied {
		t.Fatal("denied by another server")
	}
	v.deny("A")
	if got := v.see("s2", sighting{addr: "B", epoch: 3}, rules{voters: 2}); got != switched || v.Addr != "B" || v.denied {
		t.Fatalf("verdict %d, master %s, denied %v", got, v.Addr, v.denied)
	}
}

func TestAServerThatDeniesIsLeftWithHalfOfThoseThatAnswer(t *testing.T) {
	for others, want := range map[int]verdict{1: switched, 2: waiting} {
		r := rules{voters: 5}
		var v view
		for i := range others + 1 {
			v.see("s"+itoa(i), sighting{addr: "A", epoch: 3, at: at(0)}, r)
		}
		v.resolve(r)
		say := func(ms int) verdict { return v.see("s0", sighting{addr: "B", epoch: 4, at: at(ms)}, r) }
		if got := say(10); got != waiting {
			t.Fatalf("verdict %d", got)
		}
		if got := say(5000); got != waiting {
			t.Errorf("%d others, and the server has not denied: verdict %d", others, got)
		}
		v.deny("A")
		if got := say(5010); got != want {
			t.Errorf("%d others, and the server has denied: verdict %d", others, got)
		}
	}
}

func TestResolvingTwiceMovesNobody(t *testing.T) {
	var v view
	if v.resolve(rules{voters: 1}) || v.Known {
		t.Error("resolved from nothing")
	}
	v.see("s1", sighting{addr: "A", epoch: 3}, rules{voters: 1})
	if !v.resolve(rules{voters: 1}) || v.resolve(rules{voters: 1}) || v.Moves != 1 {
		t.Errorf("%d moves", v.Moves)
	}
}

func TestAForgottenSentinelHasNoVote(t *testing.T) {
	r := rules{voters: 3, grace: time.Second}
	var v view
	v.see("s1", sighting{addr: "A", epoch: 3, at: at(0)}, r)
	v.resolve(r)
	v.see("s2", sighting{addr: "B", epoch: 1, at: at(0)}, r)
	v.forget("s1")
	v.see("s3", sighting{addr: "B", epoch: 1, at: at(10)}, r)
	if got := v.see("s2", sighting{addr: "B", epoch: 1, at: at(1100)}, r); got != reset || v.Addr != "B" {
		t.Fatalf("verdict %d, master %s", got, v.Addr)
	}
}

func TestAgreementOfAMajorityEndsTheGathering(t *testing.T) {
	var v view
	see := func(who, addr string, epoch int64) {
		v.see(who, sighting{addr: addr, epoch: epoch}, rules{voters: 3})
	}
	see("s1", "A", 3)
	if v.agreed(rules{voters: 3}) {
		t.Error("one of three agrees with itself")
	}
	if !v.agreed(rules{voters: 1}) {
		t.Error("the only one does not do")
	}
	see("s2", "B", 4)
	if v.agreed(rules{voters: 3}) {
		t.Error("two that disagree")
	}
	see("s3", "B", 4)
	if !v.agreed(rules{voters: 3}) {
		t.Error("two of three")
	}
}

func TestTheQuorumCountsFromTheQuestionThatCompletesIt(t *testing.T) {
	say := func(ms int, change func(*sighting)) sighting {
		s := sighting{addr: "A", epoch: 3, others: 2, asked: at(ms)}
		if change != nil {
			change(&s)
		}
		return s
	}
	tables := map[string]struct {
		said  []sighting
		links int
		since int // -1: no quorum
	}{
		"two of three":                 {[]sighting{say(10, nil), say(20, nil)}, 3, 10},
		"the latest two of three":      {[]sighting{say(10, nil), say(30, nil), say(20, nil)}, 3, 20},
		"one of three":                 {[]sighting{say(10, nil)}, 3, -1},
		"sentinels that are not known": {[]sighting{say(10, nil), say(20, func(s *sighting) { s.others = 4 })}, 2, -1},
		"one that doubts":              {[]sighting{say(10, nil), say(20, func(s *sighting) { s.doubted = true })}, 3, -1},
		"one that leads a failover":    {[]sighting{say(10, nil), say(20, func(s *sighting) { s.failing = true })}, 3, -1},
		"one that lags":                {[]sighting{say(10, nil), say(20, func(s *sighting) { s.epoch = 2 })}, 3, -1},
		"one that knows another":       {[]sighting{say(10, nil), say(20, func(s *sighting) { s.addr = "B" })}, 3, -1},
	}
	for name, table := range tables {
		v := view{View: View{Known: true, Addr: "A", Epoch: 3}, sightings: map[string]sighting{}}
		for i, s := range table.said {
			v.sightings[string(rune('a'+i))] = s
		}
		since, count, need := v.backing(table.links)
		if has := count >= need; has != (table.since >= 0) || has && !since.Equal(at(table.since)) {
			t.Errorf("%s: since %v, %d of %d", name, since.Sub(at(0)), count, need)
		}
	}
}
