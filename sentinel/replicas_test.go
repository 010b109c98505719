package sentinel

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func fit(addr string, offset int64) Replica {
	return Replica{Addr: addr, Flags: "slave", LinkUp: true, Offset: offset}
}

func unfitOne(addr string, offset int64) Replica {
	return Replica{Addr: addr, Flags: "s_down,slave", LinkUp: true, Offset: offset}
}

func TestMostSentinelsSayWhetherAReplicaIsFit(t *testing.T) {
	for name, test := range map[string]struct {
		opinions []Replica
		want     Replica
	}{
		"one":                        {[]Replica{unfitOne("r", 1)}, unfitOne("r", 1)},
		"even is fit":                {[]Replica{unfitOne("r", 9), fit("r", 1)}, fit("r", 1)},
		"most say that it is not":    {[]Replica{fit("r", 9), unfitOne("r", 1), unfitOne("r", 2)}, unfitOne("r", 2)},
		"the newest of those":        {[]Replica{fit("r", 2), fit("r", 3), fit("r", 1), unfitOne("r", 9)}, fit("r", 3)},
		"the newest, the last":       {[]Replica{fit("r", 1), fit("r", 2), fit("r", 3)}, fit("r", 3)},
		"an offset below zero":       {[]Replica{unfitOne("r", 9), fit("r", -5)}, fit("r", -5)},
		"the first of the same time": {[]Replica{{Addr: "r", Flags: "slave", LinkUp: true, Priority: 1}, {Addr: "r", Flags: "slave", LinkUp: true, Priority: 2}}, Replica{Addr: "r", Flags: "slave", LinkUp: true, Priority: 1}},
	} {
		if got := common(test.opinions); got != test.want {
			t.Errorf("%s: %s", name, cmp.Diff(test.want, got))
		}
	}
}

// shows is a full answer with replicas.
func (r *room) shows(who, master string, epoch int64, replicas ...Replica) {
	r.says(who, answer{sighting: sighting{addr: master, epoch: epoch}, full: true, replicas: replicas})
}

func (r *room) replicas(w *Watch, want string) {
	r.t.Helper()
	got := ""
	for _, one := range w.Replicas() {
		got += one.Addr + " "
	}
	if got != want {
		r.t.Errorf("replicas %q, want %q", got, want)
	}
}

func TestAReplicaIsOneThatMoreThanHalfOfTheSentinelsName(t *testing.T) {
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1", "s3:1", "s4:1"}}, func(r *room) {
		f := &ear{}
		w := r.watch(WatchOptions{Follower: f})
		r.up("s1:1", "s2:1", "s3:1", "s4:1")
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1", "s4:1")
		r.shows("s1:1", "a:1", 3, fit("x:1", 1), fit("y:1", 1), fit("a:1", 1))
		r.shows("s2:1", "a:1", 3, fit("x:1", 1), fit("y:1", 1), fit("a:1", 1))
		r.replicas(w, "")
		if f.informed != 0 {
			t.Error("informed of nothing")
		}
		r.shows("s3:1", "a:1", 3, fit("x:1", 1), fit("a:1", 1))
		r.replicas(w, "x:1 ")
		if f.informed != 1 || f.replicas != 1 {
			t.Errorf("informed %d times, %d of replicas", f.informed, f.replicas)
		}
		r.shows("s3:1", "a:1", 3, fit("x:1", 1), fit("a:1", 1))
		if f.informed != 1 {
			t.Error("informed of what has not changed")
		}
		r.shows("s3:1", "a:1", 3, fit("x:1", 1), fit("y:1", 1))
		r.replicas(w, "x:1 y:1 ")
		r.shows("s3:1", "a:1", 2, fit("x:1", 1), fit("y:1", 1)) // of another epoch
		r.replicas(w, "")
		r.shows("s3:1", "b:1", 3, fit("x:1", 1), fit("y:1", 1)) // of another master
		r.replicas(w, "")
		r.says("s3:1", answer{sighting: sighting{addr: "a:1", epoch: 3}, full: true, replicasErr: ErrMasterUnknown})
		r.shows("s2:1", "a:1", 3, fit("x:1", 1), fit("y:1", 1))
		r.replicas(w, "x:1 y:1 ") // two of the three that tell
		r.says("s3:1", answer{sighting: sighting{addr: "a:1", epoch: 3}, full: true, peersErr: ErrMasterUnknown})
		r.shows("s2:1", "a:1", 3, fit("x:1", 1), fit("y:1", 1))
		r.replicas(w, "") // two of four
		r.linkChanged(r.link("s4:1"), false, nil)
		r.shows("s2:1", "a:1", 3, fit("x:1", 1), fit("y:1", 1))
		r.replicas(w, "x:1 y:1 ") // two of the three that can be asked
		r.linkChanged(r.link("s2:1"), false, nil)
		r.shows("s1:1", "a:1", 3, fit("x:1", 1))
		r.replicas(w, "") // one of two: what one that is gone has said does not count
	})
}

func TestASentinelThatWasNotTriedYetCountsAgainstAReplica(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		w := r.watch(WatchOptions{})
		r.names("a:1", 3, "s1:1")
		r.up("s1:1")
		time.Sleep(time.Second)
		r.shows("s1:1", "a:1", 3, fit("x:1", 1))
		r.replicas(w, "")
		r.unanswered(r.link("s2:1"), watchedName, time.Now(), ErrMasterUnknown)
		r.shows("s1:1", "a:1", 3, fit("x:1", 1))
		r.replicas(w, "") // one of two
		r.unanswered(r.link("s3:1"), watchedName, time.Now(), ErrMasterUnknown)
		r.shows("s1:1", "a:1", 3, fit("x:1", 1))
		r.replicas(w, "x:1 ")
	})
}

func TestOneSentinelNamesAReplicaWhereItsWordIsEnough(t *testing.T) {
	for _, belief := range []Belief{BelieveFirst, BelieveSecond} {
		inRoom(t, GroupOptions{Believe: belief}, func(r *room) {
			w := r.watch(WatchOptions{})
			r.up("s1:1", "s2:1", "s3:1")
			r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
			r.shows("s1:1", "a:1", 3, fit("x:1", 1))
			r.replicas(w, "x:1 ")
		})
	}
}

func TestReplicasOfASentinelWithoutAVoteDoNotCount(t *testing.T) {
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1"}, Believe: BelieveFirst}, func(r *room) {
		w := r.watch(WatchOptions{})
		r.up("s1:1", "s2:1")
		r.lists("s1:1", peer{addr: "liar:1", id: "liar"})
		r.names("a:1", 3, "s1:1", "s2:1")
		r.identified(r.link("liar:1"), "liar")
		r.up("liar:1")
		r.shows("liar:1", "a:1", 3, fit("x:1", 1))
		r.replicas(w, "")
		r.names("evil:1", 99, "liar:1")
		if w.View().Addr != "a:1" {
			t.Errorf("%+v", w.View())
		}
		r.shows("s2:1", "a:1", 3, fit("y:1", 1))
		r.replicas(w, "y:1 ")
	})
}
