package sentinel

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// lists is a full answer with the other sentinels that one knows.
func (r *room) lists(who string, peers ...peer) {
	r.says(who, answer{sighting: sighting{addr: "a:1", epoch: 3}, full: true, peers: peers})
}

func TestSentinelsAreLearnedFromOthers(t *testing.T) {
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1"}}, func(r *room) {
		r.watch(WatchOptions{})
		r.up("s1:1", "s2:1")
		r.identified(r.link("s2:1"), "id2")
		r.lists("s1:1", peer{addr: "s2:1", id: "id2"}, peer{addr: "new:1", id: "id3"}, peer{addr: "down:1", id: "id4", down: true},
			peer{addr: "s2-by-another-name:1", id: "id2"}, peer{addr: "nameless:1"})
		if got := r.Sentinels(); !slices.Equal(got, []string{"s1:1", "s2:1", "new:1", "nameless:1"}) {
			t.Errorf("%v", got)
		}
		e := r.told(EventSentinelFound)
		if len(e) != 2 || e[0].Sentinel != "new:1" || e[1].Sentinel != "nameless:1" || e[0].Master != watchedName {
			t.Errorf("%v", e)
		}
		r.lists("s2:1", peer{addr: "s1:1"}, peer{addr: "new:1", id: "id3"})
		if len(r.Sentinels()) != 4 || len(r.told(EventSentinelFound)) != 0 {
			t.Error("learned twice")
		}
		r.linkChanged(r.link("s2:1"), false, nil)
		r.lists("s1:1", peer{addr: "s2-by-another-name:1", id: "id2"})
		if len(r.Sentinels()) != 5 {
			t.Error("another address of one that is down is not tried")
		}
	})
}

func TestOneSentinelNamesFewThatNobodyHasReached(t *testing.T) {
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1", "s3:1", "s4:1", "s5:1"}}, func(r *room) {
		r.watch(WatchOptions{})
		many := func(by string, n int) (peers []peer) {
			for i := range n {
				peers = append(peers, peer{addr: fmt.Sprintf("%s-%d:1", by[:2], i)})
			}
			return peers
		}
		known := func(want int) {
			t.Helper()
			if n := len(r.Sentinels()) - 5; n != want {
				t.Errorf("%d were learned, want %d", n, want)
			}
		}
		r.lists("s1:1", many("s1:1", 100)...)
		known(16)
		r.identified(r.link("s1-3:1"), "met")
		r.lists("s1:1", many("s1:1", 100)...)
		known(17)
		r.lists("s2:1", many("s2:1", 100)...)
		known(33)
		r.lists("s3:1", many("s3:1", 100)...)
		r.lists("s4:1", many("s4:1", 100)...)
		known(64)
		r.lists("s5:1", many("s5:1", 100)...)
		known(64)
	})
}

func TestALearnedSentinelNeedsMoreThanHalfOfTheSeedsForAVote(t *testing.T) {
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1", "s3:1", "s4:1"}}, func(r *room) {
		r.watch(WatchOptions{})
		r.up("s1:1", "s2:1", "s3:1", "s4:1")
		votes := func(want bool, voters, known int, when string) {
			t.Helper()
			if l := r.link("new:1"); l.votesLocked() != want || r.count((*link).votesLocked) != voters || r.count((*link).knownLocked) != known {
				t.Errorf("%s: votes %v, %d voters, %d known", when, l.votesLocked(), r.count((*link).votesLocked), r.count((*link).knownLocked))
			}
		}
		named := peer{addr: "new:1", id: "id5"}
		r.lists("s1:1", named)
		votes(false, 4, 4, "named by one")
		r.identified(r.link("new:1"), "id5")
		r.up("new:1")
		r.lists("s2:1", named)
		votes(false, 4, 4, "named by two of four")
		r.lists("new:1", peer{addr: "s1:1"})
		votes(false, 4, 4, "it names others itself")
		r.lists("s3:1", named)
		votes(true, 5, 5, "named by three of four")
		r.lists("s2:1")
		votes(false, 4, 4, "one takes it back")
		r.linkChanged(r.link("s4:1"), false, nil)
		r.lists("s1:1", named)
		votes(true, 5, 5, "named by two of the three that are up")
		r.link("new:1").id = ""
		votes(false, 4, 5, "it is known and was not reached")
	})
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1"}}, func(r *room) {
		r.watch(WatchOptions{})
		r.up("s1:1", "s2:1")
		x, y, z, w := peer{addr: "x:1", id: "x"}, peer{addr: "y:1", id: "y"}, peer{addr: "z:1", id: "z"}, peer{addr: "w:1", id: "w"}
		r.lists("s1:1", x, y, w)
		r.lists("s2:1", x, y, w)
		for _, s := range []string{"x", "y", "w"} {
			r.identified(r.link(s+":1"), s)
			r.up(s + ":1")
		}
		r.linkChanged(r.link("s1:1"), false, nil)
		vouched := func(addr string, want bool, when string) {
			t.Helper()
			if got := r.link(addr).vouched; got != want {
				t.Errorf("%s: %s %v", when, addr, got)
			}
		}
		r.lists("s2:1", z)
		vouched("x:1", true, "half of the seeds are up, and one does not name it any more")
		vouched("z:1", false, "half of the seeds are up, and one names it")
		r.linkChanged(r.link("s2:1"), false, nil)
		r.lists("x:1", y, w, z)
		vouched("z:1", false, "no seed is up, and one of three names it")
		r.lists("y:1", x, w, z)
		vouched("z:1", true, "no seed is up, and two of three name it")
		vouched("x:1", true, "no seed is up, and few others")
	})
}

func TestOneSentinelWithTwoAddressesCountsOnce(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		if n := r.count((*link).knownLocked); n != 3 {
			t.Errorf("%d, none of which has a run id", n)
		}
		r.identified(r.link("s1:1"), "one")
		r.up("s1:1")
		r.identified(r.link("s2:1"), "one")
		if n := r.count((*link).knownLocked); n != 2 || len(r.Sentinels()) != 3 {
			t.Errorf("%d known of %v", n, r.Sentinels())
		}
	})
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1"}}, func(r *room) {
		r.watch(WatchOptions{})
		r.identified(r.link("s1:1"), "one")
		r.lists("s1:1", peer{addr: "x:1", id: "one"}, peer{addr: "y:1", id: "two"}, peer{addr: "z:1", id: "one"})
		r.identified(r.link("x:1"), "one")
		if len(r.Sentinels()) != 5 {
			t.Errorf("dropped, although the other one is down: %v", r.Sentinels())
		}
		r.up("s1:1")
		r.told()
		r.identified(r.link("z:1"), "one")
		if got := r.Sentinels(); !slices.Equal(got, []string{"s1:1", "s2:1", "x:1", "y:1"}) {
			t.Errorf("a learned one that is a seed by another address: %v", got)
		}
		if e := r.told(EventSentinelForgotten); len(e) != 1 || e[0].Sentinel != "z:1" {
			t.Errorf("%v", e)
		}
		r.up("y:1")
		r.identified(r.link("y:1"), "two")
		r.identified(r.link("s2:1"), "two")
		if got := r.Sentinels(); !slices.Equal(got, []string{"s1:1", "s2:1", "x:1"}) {
			t.Errorf("a seed that is a learned one by another address: %v", got)
		}
		r.identified(r.link("s1:1"), "one") // itself, again
		if len(r.Sentinels()) != 3 {
			t.Errorf("%v", r.Sentinels())
		}
	})
}

func TestASentinelThatIsGoneForLongIsForgotten(t *testing.T) {
	forget := func(o GroupOptions, after time.Duration, prepare func(r *room)) (gone bool) {
		o.Sentinels = []string{"s1:1", "s2:1", "s3:1"}
		inRoom(t, o, func(r *room) {
			r.watch(WatchOptions{})
			r.up("s1:1", "s2:1", "s3:1")
			for _, s := range []string{"s1:1", "s2:1", "s3:1"} {
				r.lists(s, peer{addr: "x:1", id: "x"})
			}
			r.up("x:1")
			time.Sleep(time.Minute)
			r.linkChanged(r.link("x:1"), false, nil)
			time.Sleep(after)
			prepare(r)
			if gone = r.link("x:1") == nil; gone != (len(r.told(EventSentinelForgotten)) == 1) {
				t.Error("what was done was not told")
			}
		})
		return gone
	}
	two := func(r *room) { r.lists("s1:1"); r.lists("s2:1", peer{addr: "x:1", id: "x", down: true}) }
	if !forget(GroupOptions{}, DefaultSentinelForget, two) {
		t.Error("two miss it")
	}
	if forget(GroupOptions{}, DefaultSentinelForget-1, two) {
		t.Error("too early")
	}
	if forget(GroupOptions{SentinelForget: -1}, 24*time.Hour, two) {
		t.Error("forgotten, although it never is")
	}
	if forget(GroupOptions{}, DefaultSentinelForget, func(r *room) { r.lists("s1:1"); r.lists("s1:1") }) {
		t.Error("one misses it, of three")
	}
	if forget(GroupOptions{}, DefaultSentinelForget, func(r *room) { r.up("x:1"); two(r) }) {
		t.Error("it is up")
	}
	if forget(GroupOptions{}, DefaultSentinelForget, func(r *room) {
		r.lists("s1:1")
		r.linkChanged(r.link("s1:1"), false, nil)
		r.lists("s2:1")
	}) {
		t.Error("one that is down misses it, and one of two")
	}
	if !forget(GroupOptions{}, DefaultSentinelForget, func(r *room) {
		r.linkChanged(r.link("s1:1"), false, nil)
		r.linkChanged(r.link("s3:1"), false, nil)
		r.lists("s2:1")
	}) {
		t.Error("the only one that is up misses it")
	}
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		r.up("s1:1", "s2:1")
		time.Sleep(24 * time.Hour)
		r.lists("s1:1")
		r.lists("s2:1")
		if len(r.Sentinels()) != 3 {
			t.Error("a seed is forgotten")
		}
	})
}

func TestAForgottenSentinelLeavesNothing(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		w := r.watch(WatchOptions{QuorumTTL: time.Minute})
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
		if b := w.Backing(); b.Confirming != 3 || b.Needed != 2 {
			t.Errorf("%+v", b)
		}
		gone := r.link("s3:1")
		r.Group.mu.Lock()
		r.dropLinkLocked(gone)
		r.Group.mu.Unlock()
		if b := w.Backing(); b.Confirming != 2 || len(r.status().Opinions) != 2 {
			t.Errorf("%+v, %+v", b, r.status().Opinions)
		}
		r.answered(gone, watchedName, answer{sighting: sighting{addr: "b:1", epoch: 9}})
		r.unanswered(gone, watchedName, time.Now(), ErrMasterUnknown)
		if len(r.status().Opinions) != 2 {
			t.Error("its late word counts")
		}
	})
}

// count counts the sentinels as the master does.
func (r *room) count(counts func(*link) bool) int {
	r.Group.mu.Lock()
	defer r.Group.mu.Unlock()
	return r.masters[watchedName].countLocked(counts)
}

// The second address of a sentinel that is in use is no sentinel of its own while it
// is out of reach: writes that want a quorum are not refused for it, and a failover is
// followed as soon as the others name the new master.
func TestAnAddressThatIsOutOfReachDoesNotCountBesideOneThatIsInUse(t *testing.T) {
	seeds := []string{"s1:1", "s2:1", "s3:1", "t1:1", "t2:1", "t3:1"}
	inRoom(t, GroupOptions{Sentinels: seeds}, func(r *room) {
		w := r.watch(WatchOptions{QuorumTTL: 10 * time.Second})
		for _, addr := range seeds {
			r.identified(r.link(addr), addr[1:])
			r.up(addr)
		}
		r.names("a:1", 3, seeds...)
		if b := w.Backing(); b.Confirming != 3 || b.Needed != 2 {
			t.Errorf("three with two addresses each: %+v", b)
		}
		for _, addr := range seeds[3:] {
			r.linkChanged(r.link(addr), false, nil)
			r.unanswered(r.link(addr), watchedName, time.Now(), ErrMasterUnknown)
		}
		if b := w.Backing(); b.Needed != 4 {
			t.Errorf("just now out of reach: %+v", b)
		}
		time.Sleep(time.Second)
		r.names("a:1", 3, seeds[:3]...)
		if b := w.Backing(); b.Confirming != 3 || b.Needed != 2 {
			t.Errorf("by one address each: %+v", b)
		}
		r.names("b:1", 4, seeds[:3]...)
		if s := r.status(); s.Addr != "b:1" {
			t.Errorf("all three name b:1: %+v", s)
		}
	})
}

// Sentinels that are started elsewhere one after the other keep their votes.
func TestSentinelsThatMoveOneAfterTheOtherKeepTheirVotes(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		w := r.watch(WatchOptions{QuorumTTL: 10 * time.Second})
		at := []string{"s1:1", "s2:1", "s3:1"}
		lists := func() { // each lists the others
			for i := range at {
				a, b := (i+1)%3, (i+2)%3
				r.lists(at[i], peer{addr: at[a], id: itoa(a)}, peer{addr: at[b], id: itoa(b)})
			}
		}
		for i, addr := range at {
			r.identified(r.link(addr), itoa(i))
			r.up(addr)
		}
		lists()
		for i, was := range slices.Clone(at) {
			r.linkChanged(r.link(was), false, nil)
			r.unanswered(r.link(was), watchedName, time.Now(), ErrMasterUnknown)
			at[i] = "new" + was
			r.lists(at[(i+1)%3], peer{addr: at[i], id: itoa(i)}, peer{addr: at[(i+2)%3], id: itoa((i + 2) % 3)})
			r.lists(at[i], peer{addr: at[(i+1)%3]}, peer{addr: at[(i+2)%3]})
			r.up(at[i])
			r.identified(r.link(at[i]), itoa(i))
			time.Sleep(time.Second)
			lists()
			if !r.link(at[i]).votesLocked() {
				t.Errorf("%s has no vote", at[i])
			}
		}
		r.names("a:1", 3, at...)
		if b := w.Backing(); b.Confirming != 3 || b.Needed != 2 {
			t.Errorf("when all have moved: %+v", b)
		}
		r.names("b:1", 4, at...)
		if s := r.status(); s.Addr != "b:1" {
			t.Errorf("all have moved, and name b:1: %+v", s)
		}
	})
}

// Nobody speaks for a configured one by taking its run id.
func TestARunIDThatIsTakenDoesNotSpeakForAnother(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		for _, s := range []string{"1", "2", "3"} {
			r.identified(r.link("s"+s+":1"), s)
		}
		r.up("s1:1")
		liar, fake := peer{addr: "liar:1", id: "2"}, peer{addr: "fake:1", id: "4"}
		r.lists("s1:1", liar, fake)
		r.identified(r.link("liar:1"), "2")
		r.up("liar:1")
		r.lists("liar:1", fake)
		r.identified(r.link("fake:1"), "4")
		r.up("fake:1")
		r.lists("s1:1", liar, fake)
		if r.link("liar:1").votesLocked() || r.link("fake:1").votesLocked() {
			t.Error("two of three are down, and one that nobody vouches for has given votes")
		}
	})
}
