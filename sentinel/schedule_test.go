package sentinel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// house is a group with sentinels that answer, in a bubble.
type house struct {
	*Group
	servers *testgroup.Group
}

func inHouse(t *testing.T, servers testgroup.Options, o GroupOptions, prepare func(e *testgroup.Group), test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		servers.InMemory = true
		e := testgroup.New(t, servers)
		if prepare != nil {
			prepare(e)
		}
		o.Sentinels = e.SentinelAddrs()
		o.Conn.Dial = e.Dial
		g, err := NewGroup(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = g.Close() }()
		test(t, &house{Group: g, servers: e})
	})
}

// questions counts what the first sentinel is asked within a time: for the master,
// in full, and pings.
func (h *house) questions(d time.Duration) (all, full, pings int) {
	s := h.servers.Sentinels[0]
	s.ResetCalls()
	time.Sleep(d)
	synctest.Wait()
	return s.Count("SENTINEL MASTER"), s.Count("SENTINEL SENTINELS"), s.Count("PING")
}

func within(t *testing.T, what string, n, low, high int) {
	t.Helper()
	if n < low || n > high {
		t.Errorf("%s: %d times, want %d to %d", what, n, low, high)
	}
}

func (h *house) known(t *testing.T, o WatchOptions) *Watch {
	t.Helper()
	w, err := h.Watch(testgroup.DefaultMaster, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Second) // the alarm of the beginning ends
	return w
}

func TestASentinelIsAskedAndPingedFromTimeToTime(t *testing.T) {
	o := GroupOptions{PollInterval: 2 * time.Second, PingInterval: time.Second}
	inHouse(t, testgroup.Options{}, o, nil, func(t *testing.T, h *house) {
		w := h.known(t, WatchOptions{})
		all, full, pings := h.questions(time.Minute)
		within(t, "asked", all, 25, 38)
		within(t, "in full", full, all, all)
		within(t, "pinged", pings, 59, 61)
		w.Doubt()
		all, full, _ = h.questions(doubtAlarm)
		within(t, "asked in alarm", all, 50, 76)
		within(t, "in full in alarm", full, 1, 2)
		all, _, _ = h.questions(time.Minute)
		within(t, "asked after the alarm", all, 25, 39)
		if !h.Status().Sentinels[0].Subscribed {
			t.Error("not subscribed")
		}
	})
}

func TestAQuorumTTLHasTheSentinelsAskedFourTimesWithinIt(t *testing.T) {
	for _, test := range []struct {
		poll, ttl time.Duration
		low, high int
	}{{4 * time.Second, 4 * time.Second, 50, 75 + 19}, {10 * time.Second, 8 * time.Second, 25, 38 + 8}} {
		t.Run(test.ttl.String(), func(t *testing.T) {
			inHouse(t, testgroup.Options{}, GroupOptions{PollInterval: test.poll}, nil, func(t *testing.T, h *house) {
				h.known(t, WatchOptions{QuorumTTL: test.ttl})
				all, full, _ := h.questions(time.Minute)
				within(t, "asked", all, test.low, test.high)
				within(t, "in full", full, int(time.Minute/test.poll)*5/6, int(time.Minute/test.poll)*5/4+1)
			})
		})
	}
}

func TestAnUnknownMasterIsAskedForMoreOften(t *testing.T) {
	inHouse(t, testgroup.Options{}, GroupOptions{}, nil, func(t *testing.T, h *house) {
		h.known(t, WatchOptions{})
		if _, err := h.Watch("nobody", WatchOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		all, _, _ := h.questions(time.Minute)
		within(t, "asked", all, 200+25, 300+2*38)
		within(t, "asked for the known one", len(asksFor(h, testgroup.DefaultMaster)), 25, 38)
	})
}

func TestEachMasterIsAskedForInFull(t *testing.T) {
	all := []string{"mymaster", "one", "two"}
	inHouse(t, testgroup.Options{Masters: all}, GroupOptions{PollInterval: 2 * time.Second}, nil, func(t *testing.T, h *house) {
		h.known(t, WatchOptions{})
		for _, name := range all[1:] {
			if _, err := h.Watch(name, WatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		_, full, _ := h.questions(time.Minute)
		within(t, "in full", full, 3*25, 3*38)
		for _, name := range all {
			within(t, name, len(asksFor(h, name)), 25, 38)
		}
		h.servers.Sentinels[0].CloseAll()
		time.Sleep(time.Second)
		h.servers.Sentinels[0].CloseAll()
		_, full, _ = h.questions(100 * time.Millisecond)
		within(t, "in full by a new link", full, 3, 3)
	})
}

func asksFor(h *house, master string) (calls []testserver.Call) {
	for _, c := range h.servers.Sentinels[0].CallsOf("SENTINEL") {
		if strings.EqualFold(c.Args[1], "master") && c.Args[2] == master {
			calls = append(calls, c)
		}
	}
	return calls
}

// An alarm is about one master. The others keep their pace, whatever it is.
func TestAnAlarmIsAboutOneMaster(t *testing.T) {
	refuse := func(e *testgroup.Group) {
		for _, s := range e.Sentinels {
			s.Reply("SUBSCRIBE", testserver.Error("NOPERM this user has no permissions to run the 'subscribe' command"))
		}
	}
	for name, test := range map[string]struct {
		prepare   func(e *testgroup.Group)
		ttl       time.Duration
		low, high int // in doubtAlarm
	}{
		"no messages":  {refuse, 0, int(doubtAlarm / (300 * time.Millisecond)), int(doubtAlarm/(200*time.Millisecond)) + 2},
		"a QuorumTTL":  {nil, 2 * time.Second, int(doubtAlarm / (600 * time.Millisecond)), int(doubtAlarm/(400*time.Millisecond)) + 2},
		"nothing else": {nil, 0, 1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			o := GroupOptions{PollInterval: 2 * time.Second, SoloPollInterval: 250 * time.Millisecond}
			inHouse(t, testgroup.Options{Masters: []string{"mymaster", "one"}}, o, test.prepare, func(t *testing.T, h *house) {
				w := h.known(t, WatchOptions{})
				if _, err := h.Watch("one", WatchOptions{QuorumTTL: test.ttl}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
				w.Doubt()
				h.questions(doubtAlarm)
				within(t, "the one in alarm", len(asksFor(h, "mymaster")), 50, 76)
				within(t, "the other one", len(asksFor(h, "one")), test.low, test.high)
			})
		})
	}
}

func TestASentinelThatRefusesSubscribeIsAskedMoreOften(t *testing.T) {
	refuse := func(e *testgroup.Group) {
		for _, s := range e.Sentinels {
			s.Reply("SUBSCRIBE", testserver.Error("NOPERM this user has no permissions to run the 'subscribe' command"))
		}
	}
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprint(proto), func(t *testing.T) {
			o := GroupOptions{PollInterval: 2 * time.Second, SoloPollInterval: 250 * time.Millisecond}
			o.Conn.Protocol = proto
			inHouse(t, testgroup.Options{}, o, refuse, func(t *testing.T, h *house) {
				h.known(t, WatchOptions{})
				s := h.servers.Sentinels[0]
				if st := h.Status().Sentinels[0]; !st.Up || st.Subscribed || s.Open() != 1 {
					t.Errorf("%+v, %d connections", st, s.Open())
				}
				all, full, pings := h.questions(40 * time.Second)
				within(t, "asked", all, 40*10/3, 40*5+2)
				within(t, "in full", full, 16, 26)
				within(t, "pinged", pings, 39, 41)
				s.ResetCalls()
				s.CloseAll()
				time.Sleep(5 * time.Second)
				if !h.Status().Sentinels[0].Up || s.Count("SUBSCRIBE") != 0 {
					t.Errorf("SUBSCRIBE is tried again within a minute, %d times", s.Count("SUBSCRIBE"))
				}
				time.Sleep(10 * time.Second)
				s.CloseAll()
				time.Sleep(5 * time.Second)
				if s.Count("SUBSCRIBE") != 1 {
					t.Errorf("SUBSCRIBE is tried %d times after a minute", s.Count("SUBSCRIBE"))
				}
			})
		})
	}
}

func TestAnotherRefusalOfSubscribeIsAFailedLink(t *testing.T) {
	refuse := func(e *testgroup.Group) {
		e.Sentinels[0].Reply("SUBSCRIBE", testserver.Error("ERR no"))
		e.Sentinels[1].Reply("SUBSCRIBE", "")
	}
	for _, proto := range []int{2, 3} {
		o := GroupOptions{}
		o.Conn.Protocol = proto
		inHouse(t, testgroup.Options{}, o, refuse, func(t *testing.T, h *house) {
			h.known(t, WatchOptions{})
			for i, up := range []bool{false, false, true} {
				if s := h.Status().Sentinels[i]; s.Up != up || (s.Err == "") != up {
					t.Errorf("RESP%d: %+v", proto, s)
				}
			}
		})
	}
}

func TestTheTwoConnectionsOfAnOldSentinelArePinged(t *testing.T) {
	o := GroupOptions{PingInterval: time.Second, PongTimeout: 1500 * time.Millisecond}
	o.Conn.Protocol = 2
	inHouse(t, testgroup.Options{}, o, nil, func(t *testing.T, h *house) {
		h.known(t, WatchOptions{})
		s := h.servers.Sentinels[0]
		_, _, pings := h.questions(time.Minute)
		within(t, "pinged", pings, 118, 122)
		if s.Open() != 2 || h.Stats().Reconnects != 0 {
			t.Errorf("%d connections, %d lost", s.Open(), h.Stats().Reconnects)
		}
		for _, p := range s.Peers() {
			if p.Subscriptions() > 0 {
				p.Stall(true) // what is subscribed answers nothing any more
			}
		}
		lost := time.Now()
		for h.Stats().Reconnects == 0 && time.Since(lost) < time.Minute {
			time.Sleep(10 * time.Millisecond)
		}
		if d := time.Since(lost); d < 2*time.Second || d > 4*time.Second {
			t.Errorf("noticed after %v", d)
		}
		time.Sleep(5 * time.Second)
		if !h.Status().Sentinels[0].Up || s.Open() != 2 {
			t.Errorf("%+v, %d connections", h.Status().Sentinels[0], s.Open())
		}
	})
}

func TestASentinelThatHangsIsLostAndFoundAgain(t *testing.T) {
	for _, proto := range []int{2, 3} {
		o := GroupOptions{PingInterval: time.Second, PongTimeout: 1500 * time.Millisecond}
		o.Conn.Protocol = proto
		inHouse(t, testgroup.Options{}, o, nil, func(t *testing.T, h *house) {
			h.known(t, WatchOptions{})
			up := func() bool { return h.Status().Sentinels[0].Up }
			h.servers.Sentinels[0].Hang()
			time.Sleep(5 * time.Second)
			if up() || h.Status().Sentinels[0].Err == "" {
				t.Error("up, although it hangs")
			}
			h.servers.Sentinels[0].Resume()
			time.Sleep(10 * time.Second)
			if !up() {
				t.Error("down, although it answers")
			}
		})
	}
}

// attempts is a group whose sentinels cannot be reached, and when each was tried.
func attempts(t *testing.T, sentinels []string, fail func(ctx context.Context) error, test func(r *room, tried func(addr string) []time.Time)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &room{t: t}
		times := make(map[string][]time.Time)
		o := GroupOptions{Sentinels: sentinels}
		o.Conn.DialTimeout = -1
		o.Conn.Dial = func(ctx context.Context, _, addr string) (net.Conn, error) {
			r.mu.Lock()
			times[addr] = append(times[addr], time.Now())
			r.mu.Unlock()
			return nil, fail(ctx)
		}
		g, err := NewGroup(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = g.Close() }()
		r.Group = g
		test(r, func(addr string) []time.Time {
			synctest.Wait()
			r.mu.Lock()
			defer r.mu.Unlock()
			all := times[addr]
			times[addr] = nil
			return all
		})
	})
}

var errNobody = errors.New("connection refused")

// gaps checks that attempts back off from a step on.
func gaps(t *testing.T, times []time.Time, first, limit time.Duration, atLeast int) {
	t.Helper()
	if len(times) < atLeast {
		t.Fatalf("%d attempts", len(times))
	}
	step := first
	for i := 1; i < len(times); i++ {
		if gap := times[i].Sub(times[i-1]); gap < step/2 || gap >= step+step/2 {
			t.Errorf("attempt %d came after %v, want %v give or take half", i, gap, step)
		}
		step = min(2*step, limit)
	}
}

func TestALinkThatCannotBeMadeBacksOff(t *testing.T) {
	attempts(t, []string{"s1:1"}, func(context.Context) error { return errNobody }, func(r *room, tried func(string) []time.Time) {
		time.Sleep(time.Hour)
		if n := len(tried("s1:1")); n != 0 {
			t.Fatalf("%d attempts, with no master to ask for", n)
		}
		r.watch(WatchOptions{})
		time.Sleep(time.Minute)
		gaps(t, tried("s1:1"), minLinkBackoff, maxLinkBackoff, 40)
	})
	attempts(t, []string{"s1:1", "s2:1"}, func(context.Context) error { return errNobody }, func(r *room, tried func(string) []time.Time) {
		r.watch(WatchOptions{})
		r.up("s2:1")
		tried("s1:1")
		time.Sleep(4 * time.Second)
		r.up("s2:1") // its own attempts have failed meanwhile
		time.Sleep(time.Second)
		tried("s1:1")
	})
	slow := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-time.After(maxLinkBackoff + 1):
		}
		return errNobody
	}
	attempts(t, []string{"s1:1"}, slow, func(r *room, tried func(string) []time.Time) {
		r.watch(WatchOptions{})
		time.Sleep(time.Minute)
		times := tried("s1:1")
		for i := range times {
			if i > 0 && times[i].Sub(times[i-1]) > maxLinkBackoff+2*minLinkBackoff {
				t.Errorf("attempt %d, of those that take long, came after %v", i, times[i].Sub(times[i-1]))
			}
		}
		if len(times) < 50 {
			t.Errorf("%d attempts", len(times))
		}
	})
}

func TestAnUrgentLinkIsTriedBeforeItsTime(t *testing.T) {
	attempts(t, []string{"s1:1"}, func(context.Context) error { return errNobody }, func(r *room, tried func(string) []time.Time) {
		w := r.watch(WatchOptions{})
		time.Sleep(time.Minute)
		for range 20 {
			tried("s1:1")
			time.Sleep(time.Millisecond)
			for len(tried("s1:1")) == 0 { // until just after an attempt
				time.Sleep(time.Millisecond)
			}
			began := time.Now()
			w.Doubt()
			for len(tried("s1:1")) == 0 {
				time.Sleep(time.Millisecond)
			}
			if d := time.Since(began); d < hurryGap-2*time.Millisecond || d > hurryGap {
				t.Errorf("tried again after %v", d)
			}
			time.Sleep(200 * time.Millisecond)
			tried("s1:1")
			w.Doubt()
			if len(tried("s1:1")) == 0 {
				t.Error("the last attempt is long ago, and it is waited")
			}
		}
	})
}

func TestALinkOfManyIsTriedBeforeItsTimeForANewMasterOrAHint(t *testing.T) {
	hanging := func(addr string) func(ctx context.Context) error {
		return func(context.Context) error { return errNobody }
	}
	attempts(t, []string{"s1:1"}, hanging("s1:1"), func(r *room, tried func(string) []time.Time) {
		r.watch(WatchOptions{})
		time.Sleep(time.Minute)
		r.Group.mu.Lock()
		other := newLink(r.Group, "s2:1", true) // a link that stands, and that nobody keeps
		other.up = true
		r.links["s2:1"] = other
		r.Group.mu.Unlock()
		time.Sleep(time.Minute)
		times := tried("s1:1")
		times = times[len(times)-8:]
		for i := 1; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap < lostLinkBackoff/2 || gap >= lostLinkBackoff*3/2 {
				t.Errorf("beside another one it is tried after %v", gap)
			}
		}
		next := func() {
			tried("s1:1")
			for len(tried("s1:1")) == 0 {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Second)
		}
		next()
		r.askAllLocked(r.masters[watchedName], true)
		if len(tried("s1:1")) != 0 {
			t.Error("a question that the other one answers has it tried at once")
		}
		next()
		r.published(other, Message{Name: "-sdown", Master: watchedName, Type: "sentinel", Addr: "s1:1"})
		if len(tried("s1:1")) != 1 {
			t.Error("a hint has it not tried at once")
		}
		time.Sleep(time.Second)
		r.askAllLocked(r.masters[watchedName], true)
		if len(tried("s1:1")) != 0 {
			t.Error("a hint counts twice")
		}
		next()
		if _, err := r.Watch("another", WatchOptions{}); err != nil {
			t.Fatal(err)
		}
		if len(tried("s1:1")) != 1 {
			t.Error("a new master has it not tried at once")
		}
	})
}

func TestAWrongPasswordIsNotTriedOften(t *testing.T) {
	o := GroupOptions{}
	o.Conn.Password = "wrong"
	inHouse(t, testgroup.Options{SentinelPassword: "right"}, o, nil, func(t *testing.T, h *house) {
		if _, err := h.Watch(testgroup.DefaultMaster, WatchOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		within(t, "tried", h.servers.Sentinels[0].Accepted(), 7, 21)
	})
}

func TestTheJitterIsAFifth(t *testing.T) {
	low, high := time.Hour, time.Duration(0)
	for range 2000 {
		d := jitter(10 * time.Second)
		low, high = min(low, d), max(high, d)
	}
	if low < 8*time.Second || low > 8100*time.Millisecond || high > 12*time.Second || high < 11900*time.Millisecond {
		t.Errorf("from %v to %v", low, high)
	}
	if d := jitter(1); d != 1 {
		t.Errorf("of a nanosecond: %v", d)
	}
}
