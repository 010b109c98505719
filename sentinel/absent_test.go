package sentinel

import "testing"

// Of three configured sentinels one never existed. It counts: two of three are the
// majority, and one alone must say the same for a second, without a break.
func TestASentinelThatNeverExistedCountsAndTheOthersGoOn(t *testing.T) {
	three := rules{voters: 3}
	says := func(v *view, who, addr string, epoch int64, ms int, want verdict) {
		t.Helper()
		if got := v.see(who, sighting{addr: addr, epoch: epoch, id: who, asked: at(ms), at: at(ms)}, three); got != want {
			t.Errorf("%s says %s, %d at %d ms: verdict %d, want %d", who, addr, epoch, ms, got, want)
		}
	}
	known := func() *view {
		v := &view{}
		says(v, "s1", "A", 1, 0, gathering)
		v.resolve(three)
		says(v, "s2", "A", 1, 0, confirmed)
		return v
	}

	both := known()
	says(both, "s1", "B", 2, 1000, waiting)
	says(both, "s2", "B", 2, 1010, switched)

	one := known()
	one.forget("s2") // it is lost too
	says(one, "s1", "B", 2, 1000, waiting)
	says(one, "s1", "B", 2, 1990, waiting)
	says(one, "s1", "B", 2, 2000, switched)

	flapping := known()
	flapping.forget("s2")
	for ms := 1000; ms < 60_000; ms += 900 { // an answer, and none to the next question
		says(flapping, "s1", "B", 2, ms, waiting)
		says(flapping, "s1", "B", 2, ms+800, waiting)
		flapping.forget("s1")
	}

	quorum := known()
	if since, n, need := quorum.backing(3); since.IsZero() || n != 2 || need != 2 {
		t.Errorf("two of three: %d of %d since %v", n, need, since)
	}
	if since, n, need := quorum.backing(4); !since.IsZero() || n != 2 || need != 3 {
		t.Errorf("two of three that are, and one that never was: %d of %d since %v", n, need, since)
	}
}
