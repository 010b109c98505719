package sentinel

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

func TestAMessageIsPassedOnAndTheFirstOfAFailoverAlarms(t *testing.T) {
	for name, alarms := range map[string]bool{
		"+odown": true, "+try-failover": true, "+failover-state-send-slaveof-noone": true,
		"+switch-master": false, "+sdown": false, "+slave": false, "+promoted-slave": false,
	} {
		inRoom(t, GroupOptions{}, func(r *room) {
			f := &ear{}
			r.watch(WatchOptions{Follower: f})
			if r.published(r.link("s1:1"), Message{Name: name, Master: "nobody's"}) {
				t.Error("a question about a master that nobody watches")
			}
			if !r.published(r.link("s1:1"), Message{Name: name, Master: watchedName, Type: "master"}) {
				t.Errorf("%s: no question", name)
			}
			if !slices.Equal(f.heard, []string{"s1:1" + name}) || len(r.told(EventMessage)) != 2 {
				t.Errorf("%s: heard %q", name, f.heard)
			}
			m := r.masters[watchedName]
			if got := m.alarmed.Equal(time.Now().Add(failoverAlarm)); got != alarms || !alarms && !m.alarmed.IsZero() {
				t.Errorf("%s: alarmed until %v", name, m.alarmed)
			}
			for addr := range r.links {
				if woken := r.woken(addr); woken != alarms {
					t.Errorf("%s: %s woken %v", name, addr, woken)
				}
			}
		})
	}
}

func TestWhatASentinelSaysOfAnotherHurriesItsLink(t *testing.T) {
	for _, test := range []struct {
		m     Message
		hurry bool
	}{
		{Message{Name: "-sdown", Type: "sentinel", Addr: "s2:1"}, true},
		{Message{Name: "+sentinel", Type: "sentinel", Addr: "s2:1"}, true},
		{Message{Name: "+sdown", Type: "sentinel", Addr: "s2:1"}, false},
		{Message{Name: "-sdown", Type: "slave", Addr: "s2:1"}, false},
		{Message{Name: "-sdown", Type: "sentinel", Addr: "s9:1"}, false},
	} {
		inRoom(t, GroupOptions{}, func(r *room) {
			r.watch(WatchOptions{})
			test.m.Master = watchedName
			r.published(r.link("s1:1"), test.m)
			if l := r.link("s2:1"); l.hurry != test.hurry || (len(l.asked) > 0) != test.hurry || r.link("s3:1").hurry {
				t.Errorf("%+v: hurry %v, woken %d", test.m, l.hurry, len(l.asked))
			}
		})
	}
}

func TestAFailoverThatBeginsIsNoCoordinatedOneUntilItIsSaid(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		w := r.watch(WatchOptions{})
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
		for _, test := range []struct{ failing, coordinated, want bool }{{true, true, true}, {true, false, false}, {false, true, false}} {
			r.says("s1:1", answer{sighting: sighting{addr: "a:1", epoch: 3, failing: test.failing, coordinated: test.coordinated}})
			if w.Coordinated("s1:1") != test.want || w.Coordinated("s2:1") {
				t.Errorf("%+v: %v, the other one %v", test, w.Coordinated("s1:1"), w.Coordinated("s2:1"))
			}
		}
		r.says("s1:1", answer{sighting: sighting{addr: "a:1", epoch: 3, failing: true, coordinated: true}})
		r.published(r.link("s1:1"), Message{Name: "+selected-slave", Master: watchedName})
		if !w.Coordinated("s1:1") {
			t.Error("it goes on")
		}
		r.published(r.link("s1:1"), Message{Name: "+try-failover", Master: watchedName})
		if w.Coordinated("s1:1") {
			t.Error("another one began")
		}
	})
}

func TestDoubtsWithinAMomentAreOneRoundOfQuestions(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		w := r.watch(WatchOptions{})
		doubt := func(want int, rounds uint64) {
			t.Helper()
			w.Doubt()
			if all, full := r.asked(); len(all) != want || len(full) != 0 {
				t.Errorf("asked %v, in full %v", all, full)
			}
			if n := r.Stats().Resolutions; n != rounds {
				t.Errorf("%d rounds", n)
			}
		}
		doubt(3, 1)
		time.Sleep(kickGap - 1)
		doubt(0, 1)
		time.Sleep(time.Nanosecond)
		doubt(3, 2)
		if m := r.masters[watchedName]; !m.alarmed.Equal(time.Now().Add(doubtAlarm)) {
			t.Errorf("alarmed until %v", m.alarmed)
		}
		other := r.watch(WatchOptions{})
		other.Close()
		w.Close()
		w.Doubt()
		if n := r.Stats().Resolutions; n != 2 {
			t.Errorf("%d rounds after the end", n)
		}
	})
}

func TestLinksThatComeAndGoAreTold(t *testing.T) {
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1"}}, func(r *room) {
		failed := errors.New("refused")
		f := &ear{}
		down := func(who string, events, alone int, lost ...string) {
			t.Helper()
			r.linkChanged(r.link(who), false, failed)
			all := r.told(EventSentinelDown, EventAlone, EventSentinelUp)
			n := len(slices.DeleteFunc(slices.Clone(all), func(e Event) bool { return e.Kind != EventAlone }))
			if len(all)-n != events || n != alone || !slices.Equal(f.lost, lost) {
				t.Errorf("%v; lost %v, want %v", all, f.lost, lost)
			}
			for _, e := range all {
				if !errors.Is(e.Err, failed) {
					t.Errorf("%v", e)
				}
			}
			f.lost = nil
		}
		up := func(who string, want int) {
			t.Helper()
			r.up(who)
			if e := r.told(EventSentinelUp, EventSentinelDown, EventAlone); len(e) != want || want > 0 && e[0].Kind != EventSentinelUp {
				t.Errorf("%v", e)
			}
		}
		r.watch(WatchOptions{Follower: f})
		if r.Status().Sentinels[0].Err != "" {
			t.Error("down before it was tried")
		}
		down("s1:1", 1, 0) // the first attempt is told, and no link was lost
		down("s1:1", 0, 0)
		if s := r.Status(); !s.Alone || s.Sentinels[0].Err != "refused" || s.Sentinels[1].Err != "" {
			t.Errorf("%+v", s)
		}
		up("s1:1", 1)
		up("s1:1", 0)
		up("s2:1", 1)
		down("s1:1", 1, 0, "s1:1")
		if r.Status().Alone {
			t.Error("one is up")
		}
		down("s2:1", 1, 1, "s2:1")
		down("s1:1", 0, 0)
		up("s2:1", 1)
		down("s2:1", 1, 1, "s2:1")
		if s := r.Status(); !s.Alone {
			t.Errorf("%+v", s)
		}
	})
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1"}}, func(r *room) {
		r.up("s1:1")
		r.linkChanged(r.link("s1:1"), false, nil)
		if r.Status().Alone || len(r.told(EventAlone)) != 0 {
			t.Error("alone, with no master to ask for")
		}
	})
}

func TestALinkRemembersSinceWhenItStands(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		l := r.link("s1:1")
		began := time.Now()
		time.Sleep(time.Second)
		r.linkChanged(l, false, nil)
		if !l.seen.Equal(began) {
			t.Error("seen, although it could not be reached")
		}
		r.up("s1:1")
		came := time.Now()
		time.Sleep(time.Second)
		r.up("s1:1")
		if s := r.Status().Sentinels[0]; !s.Since.Equal(came) || !l.seen.Equal(time.Now()) {
			t.Errorf("since %v, seen %v", s.Since, l.seen)
		}
		time.Sleep(time.Second)
		r.linkChanged(l, false, nil)
		if !l.seen.Equal(time.Now()) {
			t.Error("it was there until now")
		}
		time.Sleep(time.Second)
		r.linkChanged(l, false, nil)
		if !l.seen.Equal(time.Now().Add(-time.Second)) {
			t.Error("seen while it was gone")
		}
		if s := r.Status().Sentinels[0]; !s.Since.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

func TestSentinelsThatAnswerAreAskedFirst(t *testing.T) {
	inRoom(t, GroupOptions{Sentinels: []string{"s1:1", "s2:1", "s3:1", "s4:1"}}, func(r *room) {
		if got := r.upFirst(); !slices.Equal(got, []string{"s1:1", "s2:1", "s3:1", "s4:1"}) {
			t.Errorf("%v", got)
		}
		r.up("s2:1", "s4:1")
		if got := r.upFirst(); !slices.Equal(got, []string{"s2:1", "s4:1", "s1:1", "s3:1"}) {
			t.Errorf("%v", got)
		}
	})
}

func TestAddressesThatSentinelsReportAreTranslated(t *testing.T) {
	o := GroupOptions{Believe: BelieveFirst, AddrMap: func(kind AddrKind, addr string) string { return string(kind) + "-" + addr }}
	inRoom(t, o, func(r *room) {
		w := r.watch(WatchOptions{})
		for range 2 {
			r.says("s1:1", answer{
				sighting: sighting{addr: "a:1", epoch: 3}, full: true, peers: []peer{{addr: "p:1"}},
				replicas: []Replica{{Addr: "r:1", MasterAddr: "a:1"}, {Addr: "q:1"}},
			})
			time.Sleep(time.Second)
			synctest.Wait()
		}
		want := []Replica{{Addr: "replica-q:1"}, {Addr: "replica-r:1", MasterAddr: "master-a:1"}}
		if got := w.Replicas(); w.View().Addr != "master-a:1" || !slices.Equal(got, want) || !slices.Contains(r.Sentinels(), "sentinel-p:1") {
			t.Errorf("%+v, %+v, %v", w.View(), got, r.Sentinels())
		}
	})
}

func TestWhatEndsASearchForGoodIsPermanent(t *testing.T) {
	refused := &conn.Error{Err: &conn.AuthError{Err: &resp.Error{Code: "WRONGPASS"}}}
	certificate := &conn.Error{Permanent: true, Err: errors.New("certificate")}
	for name, test := range map[string]struct {
		errs []error
		want bool
	}{
		"nobody was asked":   {nil, false},
		"credentials":        {[]error{refused}, true},
		"certificate":        {[]error{certificate, refused}, true},
		"one could not dial": {[]error{refused, errors.New("timeout")}, false},
		"unknown":            {[]error{ErrMasterUnknown}, false},
	} {
		e := &ResolveError{Master: "m"}
		for _, err := range test.errs {
			e.Attempts = append(e.Attempts, Attempt{Sentinel: "s:1", Err: err})
		}
		if e.Permanent() != test.want {
			t.Errorf("%s: %v", name, e.Permanent())
		}
	}
	e := &ResolveError{}
	if e.Error() != "sentinel: no sentinel can be reached" {
		t.Error(e)
	}
	e = &ResolveError{Master: "m", Attempts: []Attempt{{"a:1", errors.New("x")}, {"b:1", ErrMasterUnknown}}}
	if e.Error() != `sentinel: master "m": no sentinel knows the master (a:1: x; b:1: no sentinel knows the master)` || !errors.Is(e, ErrMasterUnknown) {
		t.Error(e)
	}
}

func TestAnEventIsWrittenWithTheFieldsThatAreSet(t *testing.T) {
	full := Event{
		Kind: EventSwitched, Group: "eu", Master: "m", Sentinel: "s:1", Epoch: 7, Addr: "b:1", OldAddr: "a:1",
		Duration: time.Second, Message: Message{Name: "+x", Payload: "y z"}, Err: errors.New("why"),
	}
	if got := full.String(); got != "switched master=m sentinel=s:1 addr=b:1 old=a:1 message=+x payload=y z: why" {
		t.Error(got)
	}
	if got := (Event{Kind: EventAlone}).String(); got != "alone" {
		t.Error(got)
	}
	b, err := json.Marshal(full)
	if err != nil || !strings.Contains(string(b), `"error":"why"`) {
		t.Errorf("%s, %v", b, err)
	}
	if b, err = json.Marshal(Event{Kind: EventAlone}); err != nil || strings.Contains(string(b), "error") {
		t.Errorf("%s, %v", b, err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	LogEvents(log)(full)
	want := `level=INFO msg="sentinel: switched" group=eu master=m sentinel=s:1 addr=b:1 old_addr=a:1 message=+x payload="y z" epoch=7 duration=1s error=why` + "\n"
	if out.String() != want {
		t.Error(out.String())
	}
	out.Reset()
	LogEvents(log)(Event{Kind: EventAlone})
	LogEvents(log)(Event{Kind: EventMessage}) // below the level
	if out.String() != "level=WARN msg=\"sentinel: alone\"\n" {
		t.Error(out.String())
	}
	was := slog.Default()
	defer slog.SetDefault(was)
	out.Reset()
	slog.SetDefault(log)
	LogEvents(nil)(Event{Kind: EventAlone})
	if out.Len() == 0 {
		t.Error("nothing is logged by default")
	}
}

func TestAListenerThatPanicsIsCountedAndOneThatIsSlowLosesTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d Listeners
		defer d.Close()
		stop := d.Listen(func(e Event) {
			if e.Epoch == 1 {
				panic("in a listener")
			}
		})
		d.Send(Event{Epoch: 1})
		for range 5 {
			d.Send(Event{Epoch: 2})
		}
		synctest.Wait()
		if n := d.panics.Load(); n != 1 {
			t.Errorf("%d panics", n)
		}
		stop()
		hold := make(chan struct{})
		var got []int64
		d.Listen(func(e Event) {
			<-hold
			got = append(got, e.Epoch)
		})
		d.Send(Event{Epoch: 100})
		synctest.Wait() // it is in the middle of this one
		for i := range eventBacklog + 3 {
			d.Send(Event{Epoch: int64(1000 + i)})
		}
		if n := d.dropped.Load(); n != 3 {
			t.Errorf("%d were dropped", n)
		}
		close(hold)
		synctest.Wait()
		if len(got) != eventBacklog+1 || got[0] != 100 || got[1] != 1003 || got[len(got)-1] != 1000+eventBacklog+2 {
			t.Errorf("%d events", len(got))
		}
	})
}
