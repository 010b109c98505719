package sentinel

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFirstAnswersAreGatheredUntilEnoughAgree(t *testing.T) {
	known := func(r *room) bool { synctest.Wait(); return r.status().Known }
	t.Run("a majority", func(t *testing.T) {
		inRoom(t, GroupOptions{}, func(r *room) {
			f := &ear{}
			r.watch(WatchOptions{Follower: f})
			r.names("a:1", 3, "s1:1")
			if known(r) || f.moved != 0 {
				t.Error("one of three is believed at once")
			}
			r.names("a:1", 3, "s2:1")
			if e := r.told(EventResolved); !known(r) || f.moved != 1 || len(e) != 1 || e[0].Addr != "a:1" || e[0].Epoch != 3 || e[0].Master != watchedName {
				t.Errorf("moved %d, %v", f.moved, e)
			}
		})
	})
	t.Run("all that there are", func(t *testing.T) {
		inRoom(t, GroupOptions{}, func(r *room) {
			r.watch(WatchOptions{})
			r.names("a:1", 3, "s1:1")
			r.unanswered(r.link("s2:1"), watchedName, time.Now(), ErrMasterUnknown)
			if known(r) {
				t.Error("one has not been heard")
			}
			r.unanswered(r.link("s3:1"), watchedName, time.Now(), ErrMasterUnknown)
			if !known(r) {
				t.Error("all have been heard")
			}
		})
	})
	t.Run("the first sentinel after the window", func(t *testing.T) {
		inRoom(t, GroupOptions{Believe: BelieveFirst, GatherWindow: 40 * time.Millisecond}, func(r *room) {
			f := &ear{}
			r.watch(WatchOptions{Follower: f})
			r.names("a:1", 3, "s1:1")
			time.Sleep(20 * time.Millisecond)
			r.names("b:1", 4, "s2:1") // begins no other window
			time.Sleep(19 * time.Millisecond)
			if known(r) {
				t.Error("before the window has ended")
			}
			time.Sleep(time.Millisecond)
			if !known(r) || f.moved != 1 || r.status().Addr != "b:1" {
				t.Errorf("moved %d times, %+v", f.moved, r.status())
			}
		})
	})
	t.Run("without a window the first", func(t *testing.T) {
		inRoom(t, GroupOptions{GatherWindow: -1}, func(r *room) {
			r.watch(WatchOptions{})
			r.names("a:1", 3, "s1:1")
			if !known(r) {
				t.Error("it is waited for another")
			}
		})
	})
	for name, test := range map[string]struct{ query, want time.Duration }{
		"no majority as long as one may answer": {400 * time.Millisecond, 400 * time.Millisecond},
		"but a second at most":                  {5 * time.Second, time.Second},
		"and not less than the window":          {20 * time.Millisecond, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, GroupOptions{QueryTimeout: test.query}, func(r *room) {
				r.watch(WatchOptions{})
				r.names("a:1", 3, "s1:1")
				time.Sleep(test.want - 1)
				if known(r) {
					t.Error("too early")
				}
				time.Sleep(time.Nanosecond)
				if !known(r) {
					t.Error("too late")
				}
			})
		})
	}
	t.Run("what ends while it is waited", func(t *testing.T) {
		inRoom(t, GroupOptions{}, func(r *room) {
			r.watch(WatchOptions{})
			r.names("a:1", 3, "s1:1")
			r.unanswered(r.link("s1:1"), watchedName, time.Now(), ErrMasterUnknown)
			time.Sleep(time.Hour)
			if known(r) || len(r.told(EventResolved)) != 0 {
				t.Error("nobody says so any more")
			}
			r.names("a:1", 3, "s1:1", "s2:1")
			if !known(r) {
				t.Error("two of three")
			}
		})
	})
}

func TestASentinelThatDisagreesIsNamedOnce(t *testing.T) {
	inRoom(t, GroupOptions{RegressionGrace: 5 * time.Second}, func(r *room) {
		r.watch(WatchOptions{})
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
		r.told()
		for range 3 {
			r.names("b:1", 2, "s3:1")
			r.names("b:1", 3, "s2:1")
		}
		e := r.told(EventSentinelStale, EventConflict)
		if len(e) != 2 || e[0].Kind != EventSentinelStale || e[0].Sentinel != "s3:1" || e[0].OldAddr != "b:1" || e[0].Addr != "a:1" || e[0].Err == nil ||
			e[1].Kind != EventConflict || e[1].Sentinel != "s2:1" || e[1].OldAddr != "b:1" || e[1].Err == nil {
			t.Errorf("%v", e)
		}
		r.names("b:1", 1, "s3:1")
		if e := r.told(EventSentinelStale); len(e) != 1 {
			t.Errorf("it says something else: %v", e)
		}
		r.names("a:1", 3, "s3:1")
		if e := r.told(EventSentinelStale, EventConflict, EventSwitched); len(e) != 0 {
			t.Errorf("it agrees: %v", e)
		}
		r.names("b:1", 1, "s3:1")
		if e := r.told(EventSentinelStale); len(e) != 1 {
			t.Errorf("it disagrees again: %v", e)
		}
	})
}

func TestAMoveIsToldAndHasAllAskedInFull(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		f := &ear{}
		w := r.watch(WatchOptions{Follower: f})
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
		r.asked()
		r.told()
		r.names("b:1", 4, "s1:1")
		time.Sleep(waitingInterval - 1)
		if all, _ := r.asked(); len(all) != 0 {
			t.Errorf("asked at once: %v", all)
		}
		time.Sleep(time.Nanosecond)
		if all, full := r.asked(); len(all) != 1 || all[0] != "s1:1" || len(full) != 0 {
			t.Errorf("asked again: %v, in full %v", all, full)
		}
		if f.moved != 1 || len(r.told(EventSwitched)) != 0 {
			t.Error("moved by one of three")
		}
		r.names("b:1", 4, "s2:1", "s3:1")
		e := r.told(EventSwitched)
		if all, full := r.asked(); f.moved != 2 || w.View().Addr != "b:1" || len(all) != 3 || len(full) != 3 {
			t.Errorf("moved %d times to %+v; asked %v, in full %v", f.moved, w.View(), all, full)
		}
		if len(e) != 1 || e[0].OldAddr != "a:1" || e[0].Addr != "b:1" || e[0].Epoch != 4 {
			t.Errorf("%v", e)
		}
	})
}

func TestAnOlderEpochIsAskedForAgainWhenItsTimeHasCome(t *testing.T) {
	inRoom(t, GroupOptions{RegressionGrace: 5 * time.Second}, func(r *room) {
		w := r.watch(WatchOptions{})
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
		r.asked()
		r.names("b:1", 1, "s1:1", "s2:1")
		time.Sleep(2 * time.Second)
		r.unanswered(r.link("s3:1"), watchedName, time.Now(), ErrMasterUnknown)
		time.Sleep(3 * time.Second)
		if all, _ := r.asked(); len(all) != 0 {
			t.Errorf("too early: %v", all)
		}
		time.Sleep(time.Millisecond)
		if all, full := r.asked(); len(all) != 3 || len(full) != 3 {
			t.Errorf("asked %v, in full %v", all, full)
		}
		r.names("b:1", 1, "s1:1")
		if e := r.told(EventEpochReset); w.View().Addr != "b:1" || len(e) != 1 || e[0].OldAddr != "a:1" || e[0].Epoch != 1 {
			t.Errorf("%+v, %v", w.View(), e)
		}
		r.asked()
		time.Sleep(time.Hour)
		if all, _ := r.asked(); len(all) != 0 {
			t.Errorf("it is believed, and asked for again: %v", all)
		}
	})
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
		r.asked()
		r.names("b:1", 1, "s1:1")
		time.Sleep(time.Hour)
		if all, _ := r.asked(); len(all) != 0 {
			t.Errorf("a majority upholds the epoch, and all are asked again: %v", all)
		}
	})
}

func TestAnotherRunIDIsARebootAndCountsOnce(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		say := func(s sighting) int {
			t.Helper()
			r.says("s1:1", answer{sighting: s})
			return len(r.told(EventRebooted))
		}
		if say(sighting{addr: "a:1", epoch: 3, runID: "before"}) != 0 {
			t.Error("nothing is known yet")
		}
		r.names("a:1", 3, "s2:1", "s3:1")
		if say(sighting{addr: "a:1", epoch: 3}) != 0 || say(sighting{addr: "a:1", epoch: 3, runID: "x"}) != 0 {
			t.Error("the first run id")
		}
		for name, s := range map[string]sighting{
			"the same":            {addr: "a:1", epoch: 3, runID: "x"},
			"none":                {addr: "a:1", epoch: 3},
			"of another master":   {addr: "b:1", epoch: 3, runID: "y"},
			"of an older epoch":   {addr: "a:1", epoch: 2, runID: "y"},
			"of a newer epoch":    {addr: "a:1", epoch: 4, runID: "y"},
			"while it fails over": {addr: "a:1", epoch: 3, runID: "y", failing: true},
		} {
			if say(s) != 0 {
				t.Errorf("%s is a reboot", name)
			}
		}
		if say(sighting{addr: "a:1", epoch: 3, runID: "y"}) != 1 {
			t.Error("another run id is none")
		}
		r.says("s2:1", answer{sighting: sighting{addr: "a:1", epoch: 3, runID: "y"}})
		if n := len(r.told(EventRebooted)); n != 0 {
			t.Error("what two sentinels say counts twice")
		}
		r.names("c:1", 9, "s1:1", "s2:1", "s3:1") // another master has other run ids
		if w := r.status(); w.Addr != "c:1" {
			t.Fatalf("%+v", w)
		}
		if say(sighting{addr: "c:1", epoch: 9, runID: "z"}) != 0 {
			t.Error("the first run id of another master")
		}
		r.names("c:1", 10, "s1:1", "s2:1", "s3:1") // the same server: its run id is known
		if say(sighting{addr: "c:1", epoch: 10, runID: "zz"}) != 1 {
			t.Error("a run id of a new epoch of the same server")
		}
	})
}

func TestARefusedListIsToldOnceAndCounted(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		r.up("s1:1")
		denied := errors.New("denied")
		say := func(peers, replicas error) int {
			r.says("s1:1", answer{sighting: sighting{addr: "a:1", epoch: 3}, full: true, peersErr: peers, replicasErr: replicas})
			return len(r.told(EventSentinelRefused))
		}
		for i, test := range []struct {
			peers, replicas error
			events          int
		}{{nil, nil, 0}, {denied, nil, 1}, {denied, nil, 0}, {denied, denied, 1}, {nil, denied, 0}, {denied, nil, 1}, {errors.New("other"), nil, 1}} {
			if got := say(test.peers, test.replicas); got != test.events {
				t.Errorf("step %d: %d events", i, got)
			}
		}
		if s := r.Status().Sentinels[0]; s.SentinelsErr != "other" || s.ReplicasErr != "" {
			t.Errorf("%+v", s)
		}
		if n := r.Stats().QueryErrors; n != 7 {
			t.Errorf("%d errors", n)
		}
	})
}
