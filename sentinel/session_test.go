package sentinel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestOnlyFramesOfThreeAreMessages(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		s := &linkSession{link: r.link("s1:1"), messages: make(chan Message, messageBacklog), ready: make(chan struct{})}
		payload := "master mymaster 127.0.0.1 1"
		for _, v := range []resp.Value{
			array("message", "+sdown"), array("message", "+sdown", payload, "more"), array("pmessage", "+sdown", payload), array("message"),
			array("+sdown", "message", payload), array("subscribe", "+sdown"), array(),
		} {
			s.push(v)
		}
		s.push(resp.Value("*3\r\n*0\r\n$6\r\n+sdown\r\n$1\r\nx\r\n"))
		if n := len(s.messages); n != 0 || s.acks.Load() != 0 || len(r.told(EventMessage)) != 0 {
			t.Errorf("%d messages, %d confirmations", n, s.acks.Load())
		}
		for i, name := range channels {
			select {
			case <-s.ready:
				t.Fatalf("ready after %d of %d", i, len(channels))
			default:
			}
			s.push(array("subscribe", name, "1"))
		}
		<-s.ready
		s.push(array("message", "+sdown", payload))
		if m := <-s.messages; m.Master != "mymaster" || m.Name != "+sdown" {
			t.Errorf("%+v", m)
		}
	})
}

func TestMessagesThatCannotBeKeptHaveEverythingAsked(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		r.watch(WatchOptions{})
		s := &linkSession{link: r.link("s1:1"), messages: make(chan Message, messageBacklog), ready: make(chan struct{})}
		asked := func(want bool, when string) {
			t.Helper()
			if all, full := r.asked(); (len(full) == 1) != want || len(all) != len(full) {
				t.Errorf("%s: asked %v, in full %v", when, all, full)
			}
		}
		for range messageBacklog {
			s.message("+sdown", "master mymaster 127.0.0.1 1")
		}
		s.message("+sdown", "master another 127.0.0.1 1")
		asked(false, "as many as may wait")
		s.message("+sdown", "master mymaster 127.0.0.1 1")
		asked(true, "one more")
		s.message("+switch-master", "mymaster")
		asked(true, "a malformed one")
	})
}

func TestAnOrdinaryMessageIsAskedAboutInFull(t *testing.T) {
	inHouse(t, testgroup.Options{}, GroupOptions{PollInterval: time.Hour, PingInterval: time.Hour, PongTimeout: 3 * time.Hour}, nil, func(t *testing.T, h *house) {
		h.known(t, WatchOptions{})
		s := h.servers.Sentinels[0]
		for _, test := range []struct {
			messages  []string
			all, full int
		}{
			{[]string{"+slave-reconf-done"}, 1, 1},
			{[]string{"+promoted-slave"}, 1, 0},
			{[]string{"+promoted-slave", "+slave-reconf-done", "+promoted-slave"}, 1, 1},
		} {
			s.ResetCalls()
			h.Group.mu.Lock() // so that the messages come together
			for _, m := range test.messages {
				s.Publish(m, "master mymaster 127.0.0.1 1")
			}
			time.AfterFunc(0, h.Group.mu.Unlock)
			time.Sleep(time.Second)
			synctest.Wait()
			all, full := s.Count("SENTINEL MASTER"), s.Count("SENTINEL SENTINELS")
			if all < test.all || all > len(test.messages) || full != test.full {
				t.Errorf("%v: asked %d times, in full %d times", test.messages, all, full)
			}
		}
		s.ResetCalls()
		s.Publish("+slave-reconf-done", "master another 127.0.0.1 1")
		time.Sleep(time.Second)
		if n := s.Count("SENTINEL"); n != 0 {
			t.Errorf("%d questions about a master that nobody watches", n)
		}
	})
}

func TestASentinelIsKnownByItsRunIDWhereItTells(t *testing.T) {
	prepare := func(e *testgroup.Group) {
		e.Sentinels[1].Reply("SENTINEL MYID", testserver.Error("ERR unknown subcommand"))
		e.Sentinels[2].Reply("SENTINEL MYID", testserver.Bulk(""))
	}
	inHouse(t, testgroup.Options{}, GroupOptions{}, prepare, func(t *testing.T, h *house) {
		h.known(t, WatchOptions{})
		for i, want := range []string{h.servers.Sentinels[0].MyID(), "", ""} {
			if s := h.Status().Sentinels[i]; s.ID != want || !s.Up || s.LastAnswer.IsZero() {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestAnAddressThatChangesInBetweenIsAskedForAgain(t *testing.T) {
	prepare := func(e *testgroup.Group) {
		e.Sentinels[0].ReplyOnce("SENTINEL GET-MASTER-ADDR-BY-NAME", testserver.Bulks("10.9.9.9", "1"), testserver.Bulks("10.9.9.8", "1"))
	}
	inHouse(t, testgroup.Options{Sentinels: 1}, GroupOptions{PollInterval: time.Hour}, prepare, func(t *testing.T, h *house) {
		w := h.known(t, WatchOptions{})
		if v := w.View(); v.Addr != h.servers.MasterAddr() || v.Moves != 1 || h.Stats().QueryErrors != 0 {
			t.Errorf("%+v, %d errors", v, h.Stats().QueryErrors)
		}
	})
}

func TestReplicasAreAskedForByTheWordThatIsGranted(t *testing.T) {
	denied := testserver.Error("NOPERM this user has no permissions to run the 'sentinel|replicas' command")
	for _, test := range []struct {
		refuse      []string
		replicas    int
		first, then string
	}{
		{nil, 2, "", ""},
		{[]string{"SENTINEL REPLICAS"}, 2, "", ""},
		{[]string{"SENTINEL REPLICAS", "SENTINEL SLAVES"}, 0, "", "NOPERM"},
	} {
		prepare := func(e *testgroup.Group) {
			for _, word := range test.refuse {
				e.Sentinels[0].Reply(word, denied)
			}
		}
		inHouse(t, testgroup.Options{Sentinels: 1}, GroupOptions{PollInterval: 2 * time.Second}, prepare, func(t *testing.T, h *house) {
			w := h.known(t, WatchOptions{})
			s := h.Status().Sentinels[0]
			if len(w.Replicas()) != test.replicas || !strings.Contains(s.ReplicasErr, test.then) || (s.ReplicasErr == "") != (test.then == "") || s.SentinelsErr != "" {
				t.Errorf("%v: %d replicas, %+v", test.refuse, len(w.Replicas()), s)
			}
			h.servers.Sentinels[0].ResetCalls()
			time.Sleep(time.Minute)
			word, other := h.servers.Sentinels[0].Count("SENTINEL REPLICAS"), h.servers.Sentinels[0].Count("SENTINEL SLAVES")
			if len(test.refuse) == 1 && (word != 0 || other == 0) || len(test.refuse) == 0 && (word == 0 || other != 0) || len(test.refuse) == 2 && (word == 0 || other == 0) {
				t.Errorf("%v: asked %d times by the first word, %d times by the other", test.refuse, word, other)
			}
		})
	}
}

func TestAQuestionThatFailsIsNoFailedLink(t *testing.T) {
	inHouse(t, testgroup.Options{}, GroupOptions{PollInterval: 2 * time.Second}, nil, func(t *testing.T, h *house) {
		h.known(t, WatchOptions{})
		s := h.servers.Sentinels[0]
		before := h.Stats()
		s.Reply("SENTINEL MASTER", testserver.Error("ERR odd"))
		time.Sleep(20 * time.Second)
		after := h.Stats()
		if st := h.Status(); !st.Sentinels[0].Up || after.Reconnects != 0 || after.QueryErrors < before.QueryErrors+8 || after.Queries < before.Queries+24 {
			t.Errorf("%+v, %+v", st.Sentinels[0], after)
		}
		if o := h.Status().Masters[0].Opinions[0]; !strings.Contains(o.Err, "odd") || o.Addr != "" {
			t.Errorf("%+v", o)
		}
		s.Handle("SENTINEL MASTER", func(c *testserver.Peer, _ []string) { c.Kill() })
		time.Sleep(10 * time.Second)
		if h.Stats().Reconnects == after.Reconnects {
			t.Error("a connection that breaks is a link that stands")
		}
	})
}

func TestAFailoverIsOrderedOnce(t *testing.T) {
	refused := func(texts ...string) func(e *testgroup.Group) {
		return func(e *testgroup.Group) {
			for i, text := range texts {
				if text != "" {
					e.Sentinels[i].Reply("SENTINEL FAILOVER", text)
				}
			}
		}
	}
	ok := testserver.Text("OK")
	for name, test := range map[string]struct {
		replies []string
		asked   int
		want    []string // in the error; nil is none
	}{
		"the first takes it":          {[]string{ok, ok, ok}, 1, nil},
		"the second does":             {[]string{testserver.Error("ERR no such thing"), ok, ok}, 2, nil},
		"one is on":                   {[]string{testserver.Error("INPROG Failover already in progress"), ok, ok}, 1, []string{"INPROG"}},
		"no replica is good":          {[]string{testserver.Error("ERR x"), testserver.Error("NOGOODSLAVE No suitable replica"), ok}, 2, []string{"ERR x", "NOGOODSLAVE"}},
		"all refuse":                  {[]string{testserver.Error("ERR x"), testserver.Error("ERR y"), testserver.Error("ERR z")}, 3, []string{"ERR x", "ERR y", "ERR z"}},
		"it may have been understood": {[]string{"", ok, ok}, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, testgroup.Options{}, GroupOptions{}, refused(test.replies...), func(t *testing.T, h *house) {
				h.known(t, WatchOptions{})
				if test.replies[0] == "" {
					h.servers.Sentinels[0].Handle("SENTINEL FAILOVER", func(c *testserver.Peer, _ []string) { c.Kill() })
				}
				err := h.Failover(t.Context(), testgroup.DefaultMaster)
				if (err == nil) != (test.want == nil) {
					t.Fatal(err)
				}
				for _, text := range test.want {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("%v does not say %s", err, text)
					}
				}
				n := 0
				for _, s := range h.servers.Sentinels {
					n += s.Count("SENTINEL FAILOVER")
				}
				if n != test.asked {
					t.Errorf("%d were asked, want %d", n, test.asked)
				}
			})
		})
	}
}

func TestAConnectionIsToTheFirstSentinelThatCanBeReached(t *testing.T) {
	inHouse(t, testgroup.Options{}, GroupOptions{}, nil, func(t *testing.T, h *house) {
		h.known(t, WatchOptions{})
		dial := func() string {
			t.Helper()
			c, err := h.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			return c.Addr()
		}
		addrs := h.servers.SentinelAddrs()
		if got := dial(); got != addrs[0] {
			t.Errorf("%s", got)
		}
		if err := h.servers.Sentinels[0].Stop(); err != nil {
			t.Fatal(err)
		}
		if got := dial(); got != addrs[1] { // the link may not have noticed yet
			t.Errorf("%s", got)
		}
		for _, s := range h.servers.Sentinels[1:] {
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
		}
		_, err := h.Dial(t.Context())
		if e, ok := errors.AsType[*ResolveError](err); !ok || len(e.Attempts) != 3 || !errors.Is(err, ErrNoSentinel) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = h.Dial(ctx)
		if e, ok := errors.AsType[*ResolveError](err); !ok || len(e.Attempts) != 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("after the end of the context: %v", err)
		}
	})
}

func TestAMasterThatWasResolvedIsWatchedOn(t *testing.T) {
	inHouse(t, testgroup.Options{Masters: []string{"mymaster", "other"}}, GroupOptions{}, nil, func(t *testing.T, h *house) {
		masters := func(want ...string) {
			t.Helper()
			var got []string
			for _, m := range h.Status().Masters {
				got = append(got, m.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("watched %v, want %v", got, want)
			}
		}
		addr, epoch, err := h.Resolve(t.Context(), "mymaster")
		if err != nil || addr != h.servers.MasterAddr() || epoch != 0 {
			t.Errorf("%s, %d, %v", addr, epoch, err)
		}
		if _, _, err := h.Resolve(t.Context(), "nobody"); !errors.Is(err, ErrMasterUnknown) {
			t.Error(err)
		}
		masters("mymaster")
		one, err := h.Watch("other", WatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		two, err := h.Watch("other", WatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		one.Doubt()
		one.Close()
		masters("mymaster", "other")
		two.Close()
		masters("mymaster")
		if n := h.Stats().Resolutions; n != 1 {
			t.Errorf("%d rounds", n)
		}
		again, err := h.Watch("other", WatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		two.Close() // of the master that was
		masters("mymaster", "other")
		again.Doubt()
		if n := h.Stats().Resolutions; n != 2 {
			t.Errorf("%d rounds", n)
		}
	})
}

func TestAWaitEndsWithItsContextAndSaysWhatWasSaid(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		w := r.watch(WatchOptions{})
		r.unanswered(r.link("s2:1"), watchedName, time.Now(), ErrMasterUnknown)
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		_, err := w.Await(ctx)
		e, ok := errors.AsType[*ResolveError](err)
		if !errors.Is(err, context.DeadlineExceeded) || !ok || len(e.Attempts) != 1 || e.Attempts[0].Sentinel != "s2:1" {
			t.Errorf("%v", err)
		}
		r.names("a:1", 3, "s1:1", "s3:1")
		if v, err := w.Await(r.t.Context()); err != nil || v.Addr != "a:1" {
			t.Errorf("%+v, %v", v, err)
		}
		if v, err := w.AwaitAfter(r.t.Context(), 2); err != nil || v.Epoch != 3 {
			t.Errorf("%+v, %v", v, err)
		}
		ctx, cancel = context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		if v, err := w.AwaitAfter(ctx, 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v, %v", v, err)
		}
	})
	inRoom(t, GroupOptions{GatherWindow: time.Second}, func(r *room) {
		w := r.watch(WatchOptions{})
		r.names("a:1", 3, "s1:1")
		r.unanswered(r.link("s2:1"), watchedName, time.Now(), ErrMasterUnknown)
		if err := w.master.failureLocked(); err != nil {
			t.Errorf("a failure, while one has not answered: %v", err)
		}
		if v, err := w.AwaitAfter(cancelled(), -1); err == nil {
			t.Errorf("nothing is known, and it is %+v", v)
		}
	})
	inRoom(t, GroupOptions{}, func(r *room) {
		w := r.watch(WatchOptions{})
		if err := w.master.failureLocked(); err != nil {
			t.Errorf("before anybody was asked: %v", err)
		}
		for i, s := range []string{"s1:1", "s2:1", "s3:1"} {
			r.unanswered(r.link(s), watchedName, time.Now(), ErrMasterUnknown)
			if err := w.master.failureLocked(); (err != nil) != (i == 2) {
				t.Errorf("after %d of three: %v", i+1, err)
			}
		}
	})
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestAskWaitsForThoseThatCanBeReached(t *testing.T) {
	inRoom(t, GroupOptions{}, func(r *room) {
		w := r.watch(WatchOptions{})
		r.names("a:1", 3, "s1:1", "s2:1", "s3:1")
		r.up("s1:1", "s2:1")
		time.Sleep(time.Second)
		var ended bool
		var err error
		go func() {
			err = w.Ask(r.t.Context())
			ended = true
		}()
		if all, full := r.asked(); len(all) != 3 || len(full) != 3 || ended {
			t.Errorf("asked %v, in full %v, ended %v", all, full, ended)
		}
		r.names("a:1", 3, "s1:1")
		synctest.Wait()
		if ended {
			t.Error("one has not answered")
		}
		r.unanswered(r.link("s2:1"), watchedName, time.Now(), ErrMasterUnknown)
		synctest.Wait()
		if !ended || err != nil {
			t.Errorf("ended %v, %v", ended, err)
		}
	})
}

func TestDefaultsReplaceWhatIsNotSet(t *testing.T) {
	o := GroupOptions{Sentinels: []string{"h", "::1"}, QueryTimeout: -1, PollInterval: -1}.withDefaults()
	if !slices.Equal(o.Sentinels, []string{"h:26379", "[::1]:26379"}) || o.QueryTimeout != DefaultQueryTimeout || o.PingInterval != DefaultPingInterval ||
		o.PongTimeout != DefaultPongTimeout || o.PollInterval != DefaultPollInterval || o.SoloPollInterval != DefaultSoloPollInterval ||
		o.AlarmInterval != DefaultAlarmInterval || o.RegressionGrace != DefaultRegressionGrace || o.GatherWindow != DefaultGatherWindow ||
		o.SentinelForget != DefaultSentinelForget || o.Conn.DialTimeout != DefaultDialTimeout || o.Conn.ReadTimeout != DefaultPongTimeout+time.Second {
		t.Errorf("%+v", o)
	}
	set := GroupOptions{QueryTimeout: 1, PingInterval: 2, GatherWindow: -3, SentinelForget: -4, Conn: conn.Options{DialTimeout: -5, DB: 7, Role: conn.RoleMaster}}
	o = set.withDefaults()
	if o.QueryTimeout != 1 || o.PingInterval != 2 || o.GatherWindow != -3 || o.SentinelForget != -4 || o.Conn.DialTimeout != -5 || o.Conn.DB != 0 || o.Conn.Role != conn.RoleAny {
		t.Errorf("%+v", o)
	}
	if _, err := NewGroup(GroupOptions{}); !errors.Is(err, errNoSentinels) {
		t.Error(err)
	}
	g, err := NewGroup(GroupOptions{Sentinels: []string{"h:1", "h:1", "i:1"}})
	if err != nil || !slices.Equal(g.Sentinels(), []string{"h:1", "i:1"}) {
		t.Errorf("%v, %v", g, err)
	}
	_ = g.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.addLinkLocked("j:1", true) {
		t.Error("a link of a group that is closed")
	}
}

func TestARegistryClosesWhatItReplaces(t *testing.T) {
	one := GroupOptions{Sentinels: []string{"127.0.0.1:1"}}
	var all Groups
	a, err := all.Add("a", one)
	if err != nil {
		t.Fatal(err)
	}
	closed := func(g *Group) bool { g.mu.Lock(); defer g.mu.Unlock(); return g.closed }
	b, err := all.Add("a", one)
	if err != nil || !closed(a) || closed(b) {
		t.Errorf("the old one is closed %v, the new one %v, %v", closed(a), closed(b), err)
	}
	if _, err := all.Add("c", GroupOptions{}); !errors.Is(err, errNoSentinels) || !strings.Contains(err.Error(), `"c"`) {
		t.Error(err)
	}
	if err := all.Set(map[string]GroupOptions{"x": one, "y": {}}); !errors.Is(err, errNoSentinels) || closed(b) || !slices.Equal(all.Names(), []string{"a"}) {
		t.Errorf("%v, %v", err, all.Names())
	}
	if err := all.Set(map[string]GroupOptions{"x": one, "y": one}); err != nil || !closed(b) || !slices.Equal(all.Names(), []string{"x", "y"}) {
		t.Errorf("%v, %v", err, all.Names())
	}
	x, err := all.Get("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := all.Remove("x"); err != nil || !closed(x) {
		t.Error(err)
	}
	if err := all.Remove("x"); !errors.Is(err, ErrUnknownGroup) {
		t.Error(err)
	}
	if _, err := all.Get("x"); !errors.Is(err, ErrUnknownGroup) {
		t.Error(err)
	}
	if err := all.Close(); err != nil {
		t.Error(err)
	}
	if err := all.Set(map[string]GroupOptions{"x": one}); !errors.Is(err, ErrClosed) || len(all.Names()) != 0 {
		t.Errorf("%v, %v", err, all.Names())
	}
	if _, err := all.Add("x", one); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
