package sentinel

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTheShortestQuorumTTLOfTheWatchesCounts(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		for range 20 {
			r.watch(WatchOptions{QuorumTTL: -1})
			r.watch(WatchOptions{})
		}
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
		long := r.watch(WatchOptions{})
		if b := long.Backing(); b != (Backing{}) {
			t.Errorf("kept for nobody: %+v", b)
		}
		ttl := func(want time.Duration) {
			t.Helper()
			if got := r.masters[watchedName].quorumTTL; got != want {
				t.Errorf("%v, want %v", got, want)
			}
		}
		asks := func(want int) {
			t.Helper()
			if all, full := r.asked(); len(all) != want || len(full) != 0 {
				t.Errorf("asked %v, in full %v, want %d", all, full, want)
			}
		}
		ttl(0)
		open := func(d time.Duration) *Watch {
			w, err := r.Watch(watchedName, WatchOptions{QuorumTTL: d})
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		three := open(3 * time.Second)
		ttl(3 * time.Second)
		asks(3)
		one := open(time.Second)
		ttl(time.Second)
		asks(3)
		two := open(2 * time.Second)
		ttl(time.Second)
		asks(0)
		two.Close()
		ttl(time.Second)
		one.Close()
		ttl(3 * time.Second)
		asks(3)
		if b := three.Backing(); b.Addr != "a:1" || b.Epoch != 3 || b.Confirming != 3 || b.Needed != 2 || !b.Majority() {
			t.Errorf("%+v", b)
		}
		three.Close()
		ttl(0)
		asks(0)
	})
}

func TestAMajorityThatConfirmsADesertedMasterReassures(t *testing.T) {
	inRoom(t, GroupOptions{Believe: BelieveFirst}, func(r *room) {
		f := &ear{}
		w := r.watch(WatchOptions{Follower: f})
		list := []Replica{
			{Addr: "b:1", Flags: "slave", LinkUp: true, MasterAddr: "c:1"},
			{Addr: "d:1", Flags: "slave", LinkUp: true},                           // follows nobody knows whom
			{Addr: "e:1", Flags: "slave,s_down", LinkUp: true, MasterAddr: "a:1"}, // is down
		}
		r.says("s1:1", answer{sighting: sighting{addr: "a:1", epoch: 3}, full: true, replicas: list})
		r.unanswered(r.link("s2:1"), watchedName, time.Now(), ErrMasterUnknown)
		r.unanswered(r.link("s3:1"), watchedName, time.Now(), ErrMasterUnknown)
		r.says("s1:1", answer{sighting: sighting{addr: "a:1", epoch: 3}, full: true, replicas: list})
		if len(w.Replicas()) != 3 {
			t.Fatalf("%+v", w.Replicas())
		}
		if w.Deserted("b:1") || !w.Deserted("a:1") || f.reassured != 0 {
			t.Errorf("deserted: another %v, the master %v; reassured %d times", w.Deserted("b:1"), w.Deserted("a:1"), f.reassured)
		}
		before := f.informed
		r.names("a:1", 3, "s2:1")
		if f.reassured != 1 || f.informed != before+1 || w.Deserted("a:1") {
			t.Errorf("reassured %d times, informed %d times, deserted %v", f.reassured, f.informed-before, w.Deserted("a:1"))
		}
		r.names("a:1", 3, "s2:1")
		if f.reassured != 1 || f.informed != before+1 {
			t.Errorf("again: reassured %d times, informed %d times", f.reassured, f.informed-before)
		}
	})
}

func TestAMasterWithAReplicaIsNotDeserted(t *testing.T) {
	inRoom(t, GroupOptions{Believe: BelieveFirst}, func(r *room) {
		w := r.watch(WatchOptions{})
		see := func(list ...Replica) bool {
			t.Helper()
			for range 2 {
				r.says("s1:1", answer{sighting: sighting{addr: "a:1", epoch: 3}, full: true, replicas: list})
				time.Sleep(time.Second)
				synctest.Wait()
			}
			return w.Deserted("a:1")
		}
		away := Replica{Addr: "b:1", Flags: "slave", LinkUp: true, MasterAddr: "c:1"}
		true1 := Replica{Addr: "d:1", Flags: "slave", LinkUp: true, MasterAddr: "a:1"}
		if see() {
			t.Error("deserted by none")
		}
		if !see(away) {
			t.Error("all follow another")
		}
		if see(away, true1) || see(true1, away) {
			t.Error("one follows it")
		}
		if see(Replica{Addr: "b:1", Flags: "slave", MasterAddr: "c:1"}) {
			t.Error("one without a link counts")
		}
	})
}

func TestAStatusSaysHowFarTheMasterIsConfirmed(t *testing.T) {
	inRoom(t, GroupOptions{PollInterval: 2 * time.Second}, func(r *room) {
		r.watch(WatchOptions{Follower: &ear{}})
		r.watch(WatchOptions{})
		if s := r.status(); s.Known || s.QuorumFresh || s.Clients != 1 || len(s.Opinions) != 0 || s.Needed != 2 {
			t.Errorf("nobody has said anything: %+v", s)
		}
		first := time.Now()
		say := func(who, run string) {
			r.says(who, answer{sighting: sighting{addr: "a:1", epoch: 3, runID: run}})
		}
		say("s1:1", "x")
		time.Sleep(time.Millisecond)
		if s := r.status(); s.QuorumFresh || s.Known || s.Needed != 2 {
			t.Errorf("one of three: %+v", s)
		}
		say("s2:1", "x")
		r.says("s3:1", answer{sighting: sighting{addr: "a:1", epoch: 2, runID: "old", doubted: true}})
		r.unanswered(r.link("s3:1"), watchedName, time.Now(), ErrMasterUnknown)
		s := r.status()
		if !s.Known || !s.QuorumFresh || s.Confirming != 2 || s.Needed != 2 || s.RunID != "x" || !s.QuorumSince.Equal(first) {
			t.Errorf("two of three: %+v", s)
		}
		if len(s.Opinions) != 3 || s.Opinions[0].Sentinel != "s1:1" || s.Opinions[0].Err != "" || s.Opinions[2].Err != ErrMasterUnknown.Error() {
			t.Errorf("%+v", s.Opinions)
		}
		r.says("s3:1", answer{sighting: sighting{addr: "a:1", epoch: 2, runID: "old"}})
		if s := r.status(); s.RunID != "x" {
			t.Errorf("the run id of an older epoch: %+v", s)
		}
		r.says("s3:1", answer{sighting: sighting{addr: "b:1", epoch: 3, runID: "other"}})
		if s := r.status(); s.RunID != "x" {
			t.Errorf("the run id of another master: %+v", s)
		}
		time.Sleep(freshFor + 4*time.Second - time.Since(first) - 1)
		if !r.status().QuorumFresh {
			t.Error("not fresh for a second and twice the interval")
		}
		time.Sleep(time.Nanosecond)
		if r.status().QuorumFresh {
			t.Error("fresh for longer than that")
		}
	})
}
