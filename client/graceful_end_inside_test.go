package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// later orders a failover that begins after d.
func (r *rehearsal) later(d time.Duration) {
	ctx := context.WithoutCancel(r.t.Context())
	r.ordered(func() {
		time.Sleep(d)
		_ = r.group.Failover(ctx)
	})
}

func TestThePauseOfAGracefulFailoverIsProlongedUntilTheMasterIsNamed(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		r.later(5 * time.Second)
		if _, err := r.c.GracefulFailover(t.Context(), GracefulOptions{Pause: 400 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		pauses, end := r.times("master CLIENT PAUSE 400 WRITE"), r.times(unpaused)[0]
		if last := pauses[len(pauses)-1]; last.After(end) || end.Sub(last) > 100*time.Millisecond {
			t.Errorf("paused last at %v, unpaused at %v", last, end)
		}
		for i, at := range pauses[1:] {
			if gap := at.Sub(pauses[i]); gap != 100*time.Millisecond {
				t.Fatalf("%d pauses, one after %v", len(pauses), gap)
			}
		}
	})
}

// breaks has the old master hang up on the nth command of a name.
func (r *rehearsal) breaks(name string, nth int64) {
	var n atomic.Int64
	r.old.Handle(name, func(c *testserver.Peer, args []string) {
		r.note(r.old, args)
		if n.Add(1) == nth {
			c.Kill()
			return
		}
		c.Write(testserver.OK)
	})
}

func TestALostConnectionDoesNotEndAGracefulFailover(t *testing.T) {
	for name, test := range map[string]struct {
		command string
		nth     int64
		did     []string
	}{
		"in the prolongation": {"CLIENT PAUSE", 3, []string{paused, ordered, "demoted", killed, killedPS, unpaused}},
		"in REPLICAOF":        {"REPLICAOF", 1, []string{paused, ordered, "demoted", "demoted", killed, killedPS, unpaused}},
		"in CLIENT UNPAUSE":   {"CLIENT UNPAUSE", 1, []string{paused, ordered, "demoted", killed, killedPS, unpaused, unpaused}},
	} {
		t.Run(name, func(t *testing.T) {
			rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
				r.later(5 * time.Second)
				r.breaks(test.command, test.nth)
				if _, err := r.c.GracefulFailover(t.Context(), GracefulOptions{}); err != nil {
					t.Error(err)
				}
				for i, what := range test.did {
					if what == "demoted" {
						test.did[i] = r.demoted()
					}
				}
				r.did(test.did...)
				if n := len(r.times(paused)); n < 5 {
					t.Errorf("%d pauses in more than 5 s", n)
				}
			})
		})
	}
}

// What a server may have done without an answer is undone.
func TestAPauseWithoutAnAnswerIsLifted(t *testing.T) {
	for name, script := range map[string]func(r *rehearsal){
		"a lost connection": func(r *rehearsal) { r.breaks("CLIENT PAUSE", 1) },
		"a late answer": func(r *rehearsal) {
			r.old.Handle("CLIENT PAUSE", func(c *testserver.Peer, args []string) {
				r.note(r.old, args)
				c.Wait(1500 * time.Millisecond)
				c.Text("OK")
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			rehearse(t, Options{VerifyInterval: -1}, func(t *testing.T, r *rehearsal) {
				script(r)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := r.c.GracefulFailover(ctx, GracefulOptions{})
				r.failed(err, "pause: ")
				if strings.Contains(err.Error(), "unpause") {
					t.Error(err)
				}
				r.did(paused, unpaused)
				r.hungUp()
			})
		})
	}
}

func TestAnOldMasterThatMayBeOneStillStaysPaused(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		r.answer(r.old, "REPLICAOF", "-NOPERM no\r\n")
		began := time.Now()
		report, err := r.c.GracefulFailover(t.Context(), GracefulOptions{})
		took := time.Since(began)
		host, port, _ := strings.Cut(r.next.Addr(), ":")
		r.failed(err, "demote: ", "NOPERM no", r.next.Addr()+" is the new master", r.old.Addr()+" may be one still",
			"after its pause of 4s", "REPLICAOF "+host+" "+port)
		r.did(paused, ordered, r.demoted(), killed, killedPS)
		if report.New != r.next.Addr() || report.Epoch != 1 || report.Paused != took {
			t.Errorf("after %v the report is %+v", took, report)
		}
	})
}

func TestClientsOfTheOldMasterThatCannotBeKilledAreAnError(t *testing.T) {
	for _, kind := range []string{"normal", "pubsub"} {
		rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
			r.old.Handle("CLIENT KILL", func(c *testserver.Peer, args []string) {
				if slices.Contains(args, kind) {
					c.Error("NOPERM no")
					return
				}
				c.Int(1)
			})
			report, err := r.c.GracefulFailover(t.Context(), GracefulOptions{})
			r.failed(err, "demote: ", "NOPERM no", r.next.Addr()+" is the new master", "connected to "+r.old.Addr())
			r.did(paused, ordered, r.demoted(), unpaused)
			if report.New != r.next.Addr() || report.Paused <= 0 {
				t.Errorf("the report is %+v", report)
			}
		})
	}
}

func TestTheOldMasterIsDemotedAlsoWhenTheContextEndsThen(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		ctx, cancel := context.WithCancel(t.Context())
		r.old.Handle("REPLICAOF", func(c *testserver.Peer, args []string) {
			r.note(r.old, args)
			cancel()
			c.Wait(100 * time.Millisecond)
			c.Text("OK")
		})
		if _, err := r.c.GracefulFailover(ctx, GracefulOptions{}); err != nil {
			t.Error(err)
		}
		r.did(paused, ordered, r.demoted(), killed, killedPS, unpaused)
	})
}

func TestAnOldMasterThatHangsIsNotWaitedForLong(t *testing.T) {
	for name, test := range map[string]struct {
		command string
		nth     int64 // from which on it is not answered
		says    string
		is      time.Duration
	}{
		"in the prolongation": {"CLIENT PAUSE", 2, "no sentinel has named", DefaultNaming + undoTime + undoTime/2},
		"in CLIENT UNPAUSE":   {"CLIENT UNPAUSE", 1, "unpause: the pause ends by itself after 4s", DefaultNaming + undoTime},
		"in REPLICAOF":        {"REPLICAOF", 1, "demote: ", 9*time.Second + undoTime},
	} {
		for range 6 { // chance decides where the pause ends while a tick is late
			rehearse(t, Options{VerifyInterval: -1}, func(t *testing.T, r *rehearsal) {
				r.ordered(func() {})
				if test.command == "REPLICAOF" {
					r.later(9*time.Second - 160*time.Millisecond) // and as long until it is named
				}
				var n atomic.Int64
				r.old.Handle(test.command, func(c *testserver.Peer, _ []string) {
					if n.Add(1) >= test.nth {
						<-c.Done()
						return
					}
					c.Text("OK")
				})
				began := time.Now()
				_, err := r.c.GracefulFailover(t.Context(), GracefulOptions{})
				r.failed(err, test.says)
				if took := time.Since(began); took > test.is+100*time.Millisecond || took < test.is-undoTime || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v after %v, want %v", name, err, took, test.is)
				}
			})
		}
	}
}

// Somebody else's failover, or one because the sentinels take the paused master for down.
func TestAnotherFailoverInTheMiddleIsNotUndone(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		r.says(r.other, always, r.asReplica(linked, 0))
		ctx := context.WithoutCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { _ = r.group.Failover(ctx) })
		report, err := r.c.GracefulFailover(t.Context(), GracefulOptions{CatchUp: 500 * time.Millisecond})
		r.failed(err, "catch up: ")
		if report.New != r.next.Addr() || report.Epoch != 1 {
			t.Errorf("the report is %+v", report)
		}
		r.did(paused, r.demoted(), killed, killedPS, unpaused)
	})
}

// underWay makes the sentinels refuse, as there is a failover.
func (r *rehearsal) underWay() {
	for _, s := range r.group.Sentinels {
		s.Reply("SENTINEL FAILOVER", "-INPROG Failover already in progress\r\n")
	}
}

func TestAFailoverThatIsUnderWayIsWaitedFor(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		r.underWay()
		ctx := context.WithoutCancel(t.Context())
		time.AfterFunc(3*time.Second, func() { _ = r.group.Failover(ctx) })
		report, err := r.c.GracefulFailover(t.Context(), GracefulOptions{})
		if err != nil || report.New != r.next.Addr() {
			t.Errorf("got %v, %+v", err, report)
		}
		r.did(paused, r.demoted(), killed, killedPS, unpaused)
	})
}

// refusesToProlong makes the old master pause once only.
func (r *rehearsal) refusesToProlong() {
	var n atomic.Int64
	r.old.Handle("CLIENT PAUSE", func(c *testserver.Peer, args []string) {
		if r.note(r.old, args); n.Add(1) > 1 {
			c.Error("ERR no")
			return
		}
		c.Text("OK")
	})
}

func TestAPauseThatLapsedIsAnError(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		r.refusesToProlong()
		r.later(5 * time.Second)
		report, err := r.c.GracefulFailover(t.Context(), GracefulOptions{})
		r.failed(err, "pause: ", r.old.Addr(), "may be lost")
		if report.New != r.next.Addr() {
			t.Errorf("the report is %+v", report)
		}
		r.did(paused, ordered, r.demoted(), killed, killedPS, unpaused)
	})
}

func TestNothingIsOrderedWhenThePauseHasLapsed(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		r.refusesToProlong()
		r.says(r.other, int(5*time.Second/offsetPoll), r.asReplica(linked, 0))
		_, err := r.c.GracefulFailover(t.Context(), GracefulOptions{CatchUp: 10 * time.Second})
		r.failed(err, "pause: ")
		r.did(paused, unpaused)
	})
}

func TestNoSecondFailoverIsOrdered(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		f := &graceful{client: r.c, old: r.c.watch.View(), began: time.Now(), opts: GracefulOptions{Pause: DefaultPause}}
		if err := r.group.Failover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.order(t.Context()); err != nil {
			t.Error(err)
		}
		r.did()
		f.old = r.c.watch.View()
		if err := f.order(t.Context()); err != nil {
			t.Error(err)
		}
		r.did(ordered)
	})
}

func TestOnlyAnotherAddressOfALaterEpochReplacesAMaster(t *testing.T) {
	f := &graceful{old: sentinel.View{Addr: "a", Epoch: 3}}
	for v, want := range map[sentinel.View]bool{
		{Addr: "b", Epoch: 4}: true,
		{Addr: "a", Epoch: 4}: false,
		{Addr: "b", Epoch: 3}: false,
		{Addr: "b", Epoch: 2}: false,
	} {
		if got := f.replacedBy(v); got != want {
			t.Errorf("%+v: %v", v, got)
		}
	}
}

func TestTheOldMasterIsToldTheAddressThatServersKnow(t *testing.T) {
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"s:1"}, AddrMap: func(kind sentinel.AddrKind, addr string) string {
		if kind == sentinel.AddrReplica {
			return strings.ReplaceAll(addr, "10.", "public-")
		}
		return addr
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	f := &graceful{client: &Client{group: g}, known: []redis.ReplicaInfo{{Host: "10.0.0.2", Port: 6379}, {Host: "10.0.0.3", Port: 6380}}}
	for addr, want := range map[string]string{
		"public-0.0.3:6380": "10.0.0.3",
		"PUBLIC-0.0.3:6380": "10.0.0.3",
		"10.0.0.4:6380":     "10.0.0.4", // unknown: as it is
	} {
		if host, port, err := f.announced(addr); host != want || port != 6380 || err != nil {
			t.Errorf("%s: %s %d, %v", addr, host, port, err)
		}
	}
	for _, addr := range []string{"10.0.0.4", "10.0.0.4:x"} {
		if _, _, err := f.announced(addr); err == nil {
			t.Errorf("%s: no error", addr)
		}
	}
}

func TestAGracefulFailoverOfAMasterThatNobodyKnowsSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := testgroup.New(t, testgroup.Options{InMemory: true})
		e.SetUnknownMaster(testgroup.DefaultMaster, true)
		o := Options{Master: testgroup.DefaultMaster, NoWait: true}
		o.Group.Sentinels, o.Group.Conn.Dial, o.Pool.Conn.Dial = e.SentinelAddrs(), e.Dial, e.Dial
		c, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if report, err := c.GracefulFailover(t.Context(), GracefulOptions{}); !errors.Is(err, sentinel.ErrMasterUnknown) || report != (GracefulReport{}) {
			t.Errorf("%+v, %v", report, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e.Sentinels[0].Freeze(true)
		if _, err := c.GracefulFailover(ctx, GracefulOptions{}); err == nil {
			t.Error("no error")
		}
	})
}
