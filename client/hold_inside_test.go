package client

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// announced gives the client a watch over a candidate that nobody polls.
func (c *Client) announced(addr, by string) *candidate {
	s := &candidate{addr: addr, sentinel: by, timer: time.NewTimer(time.Hour)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.candidate = s
	return s
}

func TestOnlyTheSentinelThatAnnouncedAFailoverTakesItBack(t *testing.T) {
	for name, test := range map[string]struct {
		by                    string
		provisional           bool
		held, stillHas, watch bool
	}{
		"the one":                               {by: "s1"},
		"another one":                           {by: "s2", held: true, stillHas: true},
		"the one, of a master that was adopted": {by: "s1", provisional: true, stillHas: true},
	} {
		ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
			c.beginHold("s1")
			c.announced("b:1", "s1")
			c.set(func(now *target) { now.provisional = test.provisional })
			c.aborted(test.by)
			if c.Held() != test.held || (c.candidate != nil) != test.stillHas {
				t.Errorf("%s: held %v, candidate %v", name, c.Held(), c.candidate)
			}
			c.aborted("s1") // with no hold, and perhaps no candidate
		})
	}
}

func TestAHoldBeginsOnceAndWhereThereIsAMaster(t *testing.T) {
	for name, test := range map[string]struct {
		change func(now *target)
		holds  uint64
	}{
		"a master":            {func(*target) {}, 1},
		"none":                {func(now *target) { now.pool = nil }, 0},
		"one that is held":    {func(now *target) { now.held = true }, 0},
		"one that is adopted": {func(now *target) { now.provisional = true }, 0},
	} {
		ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
			was := c.target.Load()
			c.set(test.change)
			c.beginHold("s1")
			if n := c.Stats().Holds; n != test.holds {
				t.Errorf("%s: %d holds", name, n)
			}
			c.target.Store(was)
		})
	}
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		c.beginHold("s1")
		t1 := c.target.Load()
		time.Sleep(time.Second)
		c.mu.Lock()
		c.releaseLocked()
		again := c.target.Load()
		c.releaseLocked()
		c.mu.Unlock()
		if !t1.held || !t1.gated || again.held || again.gated || c.target.Load() != again || c.Stats().HoldTime != time.Second {
			t.Errorf("%+v, then %+v; %v", t1, again, c.Stats().HoldTime)
		}
		c.beginHold("s1")
		c.closed = true
		c.mu.Lock()
		c.releaseLocked()
		c.mu.Unlock()
		c.closed = false
		if !c.Held() {
			t.Error("released after the end")
		}
	})
}

func TestAHoldOutlivesItsSentinelByTwoHellos(t *testing.T) {
	for name, test := range map[string]struct {
		max, at time.Duration
		lost    string
		want    time.Duration
	}{
		"long":    {time.Minute, time.Second, "s1", time.Second + helloPeriods},
		"short":   {helloPeriods + time.Second - 1, time.Second, "s1", helloPeriods + time.Second - 1},
		"another": {time.Minute, time.Second, "s2", time.Minute},
	} {
		ofOne(t, Options{MaxHold: test.max}, func(t *testing.T, _ *testserver.Server, c *Client) {
			(*follower)(c).LostSentinel("") // with no hold at all
			began := time.Now()
			c.beginHold("s1")
			time.Sleep(test.at)
			(*follower)(c).LostSentinel(test.lost)
			time.Sleep(test.want - time.Since(began) - time.Nanosecond)
			synctest.Wait()
			if !c.Held() {
				t.Errorf("%s: not held for %v", name, test.want)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if c.Held() {
				t.Errorf("%s: held for more than %v", name, test.want)
			}
		})
	}
}

func TestReassuranceEndsAHoldOfSuspicionAlone(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		for by, held := range map[string]bool{suspicion: false, "s1": true} {
			c.beginHold(by)
			(*follower)(c).Reassured()
			if c.Held() != held {
				t.Errorf("%s: held %v", by, c.Held())
			}
			c.mu.Lock()
			c.releaseLocked()
			c.mu.Unlock()
		}
	})
}

func TestANoticedPromotionHoldsUntilTheOthersCanKnow(t *testing.T) {
	message := func(addr string) sentinel.Message {
		return sentinel.Message{Name: "+promoted-slave", Master: "mymaster", Type: "slave", Addr: addr}
	}
	held := func(t *testing.T, c *Client, began time.Time, want time.Duration) {
		t.Helper()
		time.Sleep(want - time.Since(began) - time.Nanosecond)
		synctest.Wait()
		if !c.Held() {
			t.Errorf("not held for %v", want)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if c.Held() {
			t.Errorf("held for more than %v", want)
		}
	}
	ofGroup(t, Options{MaxHold: 3 * time.Second}, func(t *testing.T, e *testgroup.Group, c *Client, seen *told) {
		seen.take()
		c.noticed("s1", message(c.Master()))
		c.noticed("s1", sentinel.Message{Type: "sentinel", Addr: "b:1"})
		if c.Held() {
			t.Error("held, although everybody knows that this is the master")
		}
		began := time.Now()
		c.noticed("s1", message("b:1")) // its own hold has its whole time
		held(t, c, began, 3*time.Second)
		began = time.Now()
		c.beginHold("s1")
		time.Sleep(2500 * time.Millisecond)
		c.noticed("s1", message("b:1")) // half a second was left
		held(t, c, began, 3500*time.Millisecond)
		began = time.Now()
		c.beginHold("s1")
		time.Sleep(1900 * time.Millisecond)
		c.noticed("s1", message("b:1")) // enough was left
		held(t, c, began, 3*time.Second)
		began = time.Now()
		c.beginHold("s1")
		time.Sleep(2500 * time.Millisecond)
		c.noticed("s2", message("b:1")) // another one's
		held(t, c, began, 3*time.Second)
		if n := len(seen.take(sentinel.EventHold)); n != 4 {
			t.Errorf("%d holds", n)
		}
	})
	ofGroup(t, Options{NoHold: true}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		c.noticed("s1", message("b:1"))
		if c.Held() {
			t.Error("held, although writes are never")
		}
	})
}

func TestAHandoverIsTakenOnTheWordsOfBoth(t *testing.T) {
	follows := redis.RoleInfo{Role: roleReplica, MasterHost: "10.0.0.9", MasterPort: 7}
	for name, test := range map[string]struct {
		role    redis.RoleInfo
		prepare func(c *Client)
		want    bool
	}{
		"it follows the candidate":       {role: follows, want: true},
		"it is a master":                 {role: redis.RoleInfo{Role: roleMaster}},
		"it follows another one":         {role: redis.RoleInfo{Role: roleReplica, MasterHost: "10.0.0.9", MasterPort: 8}},
		"a master that names one":        {role: redis.RoleInfo{Role: roleMaster, MasterHost: "10.0.0.9", MasterPort: 7}},
		"the client is closed":           {role: follows, prepare: func(c *Client) { c.closed = true }},
		"there is another candidate":     {role: follows, prepare: func(c *Client) { c.candidate = nil }},
		"the master was adopted already": {role: follows, prepare: func(c *Client) { c.set(func(now *target) { now.provisional = true }) }},
		"the candidate is the master":    {role: follows, prepare: func(c *Client) { c.set(func(now *target) { now.addr = "10.0.0.9:7" }) }},
	} {
		ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
			s := c.announced("10.0.0.9:7", "s1")
			was := *c.target.Load()
			if test.prepare != nil {
				test.prepare(c)
			}
			got := c.takeOver(s, test.role)
			now := c.target.Load()
			if got != test.want || (now.generation != was.generation) != test.want {
				t.Errorf("%s: %v, %+v", name, got, now)
			}
			if got && (now.addr != "10.0.0.9:7" || !now.provisional || now.heir != was.generation || now.epoch != was.epoch) {
				t.Errorf("%s: %+v", name, now)
			}
			c.mu.Lock()
			c.closed, c.candidate = false, nil
			c.mu.Unlock()
		})
	}
}

func TestWritesWaitWhileTheClientsOfTheHeirAreCutOff(t *testing.T) {
	for name, test := range map[string]struct {
		change func(now *target)
		want   bool
	}{
		"an heir":         {func(now *target) { now.provisional, now.heir = true, 1 }, true},
		"a held one":      {func(now *target) { now.provisional, now.heir, now.held = true, 1, true }, false},
		"a confirmed one": {func(now *target) { now.heir = 1 }, false},
		"an adopted one":  {func(now *target) { now.provisional = true }, false},
	} {
		ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
			was := c.target.Load()
			before := c.set(test.change)
			if got := c.beginCut(); got != test.want || c.target.Load().calm != test.want || (c.target.Load() != before) != test.want {
				t.Errorf("%s: %v, %+v", name, got, c.target.Load())
			}
			c.target.Store(was)
			c.closed = true
			if c.beginCut() {
				t.Errorf("%s: after the end", name)
			}
			c.closed = false
		})
	}
}

func TestTheWaitForTheCutEndsWithItOrItsTime(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, s *testserver.Server, c *Client) {
		begin := func() (p *rolePoll, ended chan time.Time) {
			p = c.newRolePoll("x:1")
			if _, err := p.ask(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.set(func(now *target) { now.provisional, now.heir, now.held, now.calm = true, 7, false, false })
			ended = make(chan time.Time, 1)
			go func() {
				c.awaitCut(p)
				ended <- time.Now()
			}()
			synctest.Wait()
			if len(ended) != 0 {
				t.Fatal("it does not wait for the word of the leading sentinel")
			}
			return p, ended
		}
		p, ended := begin()
		began := time.Now()
		if !c.beginCut() {
			t.Fatal("no cut")
		}
		if at := <-ended; at.Sub(began) < cutTime || at.Sub(began) > cutTime+2*eagerPoll || c.Held() {
			t.Errorf("nobody was cut off: after %v, held %v", at.Sub(began), c.Held())
		}
		p.hangUp()
		p, ended = begin()
		began = time.Now()
		c.beginCut()
		time.Sleep(20 * time.Millisecond)
		s.CloseAll()
		if at := <-ended; at.Sub(began) > 20*time.Millisecond+2*eagerPoll || c.Held() {
			t.Errorf("cut off after 20 ms: after %v, held %v", at.Sub(began), c.Held())
		}
		p.hangUp()
		p, ended = begin()
		began = time.Now()
		c.beginCut()
		time.Sleep(20 * time.Millisecond)
		confirmed := c.set(func(now *target) { now.provisional = false })
		if at := <-ended; at.Sub(began) > 20*time.Millisecond+2*eagerPoll || c.target.Load() != confirmed {
			t.Errorf("confirmed after 20 ms: after %v", at.Sub(began))
		}
		p.hangUp()
		c.mu.Lock()
		c.releaseLocked()
		c.mu.Unlock()
	})
}

func TestAFormerMasterIsDismissedWhenItHasAnswered(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, s *testserver.Server, c *Client) {
		former := func() *pool.Pool {
			return pool.New(pool.Options{Conn: conn.Options{Addr: "x:1", Dial: s.PipeDial}})
		}
		slow := func(d time.Duration) {
			s.Handle("GET", func(p *testserver.Peer, _ []string) {
				if p.Wait(d) {
					p.Write("$1\r\nv\r\n")
				}
			})
		}
		dismissed := func(p *pool.Pool) time.Duration {
			began := time.Now()
			c.dismiss(p)
			return time.Since(began)
		}
		if d := dismissed(former()); d != 0 {
			t.Errorf("an idle one: %v", d)
		}
		for answer, want := range map[time.Duration]time.Duration{time.Second: time.Second, time.Minute: refusalTime} {
			slow(answer)
			p := former()
			failed := make(chan error, 1)
			go func() {
				_, err := redis.Get("k").Do(t.Context(), p)
				failed <- err
			}()
			synctest.Wait()
			if d := dismissed(p); d < want || d > want+2*eagerPoll {
				t.Errorf("one that answers after %v: dismissed after %v", answer, d)
			}
			if err := <-failed; (err != nil) != (answer > refusalTime) || err != nil && !errors.Is(err, ErrSwitched) {
				t.Errorf("one that answers after %v: %v", answer, err)
			}
		}
	})
}

func TestServersAreTriedOnBehalfOfThoseWhoWait(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, s *testserver.Server, c *Client) {
		now := c.target.Load()
		b := &budget{}
		want := func(t1 *target, b *budget, cause error, begins bool, what string) {
			t.Helper()
			c.reviveAs(revival{})
			c.wantRevival(t1, b, cause)
			if began := c.revival().generation == now.generation && !c.revival().wanted.IsZero(); began != begins {
				t.Errorf("%s: %v", what, began)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if c.revival().generation != 0 {
				t.Errorf("%s: tried for ever", what)
			}
		}
		want(now, b, io.EOF, true, "a failure")
		want(now, b, readOnlyError, false, "a refusal that PING says nothing about")
		want(now, &budget{vain: maxVain}, io.EOF, false, "in vain")
		want(now, &budget{vain: maxVain - 1}, io.EOF, true, "nearly in vain")
		want(now, &budget{dials: true}, &conn.Error{Op: conn.OpHandshake, Err: io.EOF}, false, "a dial that was hung up on")
		want(now, &budget{}, &conn.Error{Op: conn.OpHandshake, Err: io.EOF}, true, "a command that was hung up on")
		want(now, &budget{dials: true}, io.EOF, true, "a dial that failed")
		want(now, b, connErr(ErrHeld), false, "a hold")
		want(now, b, connErr(ErrNoQuorum), false, "no quorum")
		former := *now
		former.generation = 7
		want(&former, b, io.EOF, false, "another master")
		none := *now
		none.pool = nil
		want(&none, b, io.EOF, false, "no master")
		before := c.revivalCount()
		want(now, b, io.EOF, true, "a failure again")
		if c.revivalCount() != before+1 {
			t.Errorf("%d revivals", c.revivalCount()-before)
		}
		s.ResetCalls()
		if err := s.StopAccepting(true); err == nil {
			s.CloseAll()
		}
		s.HandleAny(func(p *testserver.Peer, _ []string) bool { p.Close(); return true })
		c.wantRevival(now, b, io.EOF)
		began := c.revival().wanted
		time.Sleep(2 * time.Second)
		c.wantRevival(now, b, io.EOF)
		if c.revival().wanted.Equal(began) {
			t.Error("it does not go on for a second one")
		}
		time.Sleep(reviveTime - 200*time.Millisecond)
		if c.revival().generation != now.generation {
			t.Error("given up too early")
		}
		time.Sleep(400 * time.Millisecond)
		if c.revival().generation != 0 {
			t.Error("tried although nobody waits")
		}
		c.reviveAs(revival{generation: 9}) // another one's
		if c.worthReviving(now) || c.revival().generation != 9 {
			t.Error("the end of one attempt ended another")
		}
		c.revived(now)
		if c.revival().generation != 9 {
			t.Error("the success of one attempt ended another")
		}
		c.reviveAs(revival{})
		if now := c.revivalCount(); now != before+2 {
			t.Errorf("%d revivals", now-before)
		}
		c.revived(&former)
		if c.revivalCount() != before+2 {
			t.Error("a master that was replaced has come back")
		}
	})
}

func (c *Client) reviveAs(r revival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reviving = r
}

func (c *Client) revival() revival {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reviving
}

func (c *Client) revivalCount() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revivals
}

func TestABatchThatIsSentAgainWaitsForTheRestOfItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := redis.BLPop(10*time.Second, "q").Command
		get := redis.Get("k").Command
		b := &budget{began: time.Now(), attempts: 1}
		time.Sleep(4 * time.Second)
		batch := func(cmds ...resp.Command) *resp.Batch { all := resp.BatchOf(cmds); return &all }
		timeout := func(cmds *resp.Batch, i int) string { cmd := cmds.Command(i); return cmd.Arg(1).String() }
		first := batch(wait, get, wait)
		if b.left(first, 0) != first {
			t.Error("the first attempt")
		}
		b.attempts = 2
		plain := batch(get, get)
		if b.left(plain, 0) != plain {
			t.Error("nothing that waits")
		}
		behind := batch(wait, get)
		if b.left(behind, 1) != behind {
			t.Error("what waits was answered")
		}
		again := b.left(first, 1)
		if timeout(again, 0) != "10" || timeout(again, 2) != "6" || again.Len() != 3 || timeout(first, 2) != "10" {
			t.Errorf("%s, %s", timeout(again, 0), timeout(again, 2))
		}
		if again = b.left(first, 0); timeout(again, 0) != "6" || timeout(again, 2) != "6" {
			t.Errorf("%s, %s", timeout(again, 0), timeout(again, 2))
		}
		if cmd := again.Command(1); cmd.Name() != "GET" || cmd.NArgs() != 1 {
			t.Errorf("%v", cmd)
		}
	})
}

func TestEventsOfAClientSayTheirMasterAndEpoch(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, seen *told) {
		if err := e.Failover(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		seen.take()
		c.send(sentinel.Event{Kind: sentinel.EventOrphan})
		c.send(sentinel.Event{Kind: sentinel.EventOrphan, Addr: "x:1", Epoch: 9})
		got := seen.take(sentinel.EventOrphan)
		if len(got) != 2 || got[0].Addr != c.Master() || got[0].Epoch != 1 || got[0].Master != "mymaster" || got[1].Addr != "x:1" || got[1].Epoch != 9 {
			t.Errorf("%+v", got)
		}
		mine := &told{}
		defer c.Listen(mine.add)()
		c.send(sentinel.Event{Kind: sentinel.EventOrphan})
		other, err := c.group.Watch("another", sentinel.WatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		other.Send(sentinel.Event{Kind: sentinel.EventOrphan})
		other.Close()
		if err := e.Sentinels[0].Stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := mine.take(sentinel.EventOrphan, sentinel.EventSentinelDown); len(got) != 2 || got[0].Master != "mymaster" || got[1].Kind != sentinel.EventSentinelDown {
			t.Errorf("%+v", got)
		}
	})
}
