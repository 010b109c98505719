package client

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// runTaker notes which commands it gets replies to, and how often many at a time.
type runTaker struct {
	got  []int
	runs int
}

func (r *runTaker) Receive(i int, _ resp.Value) { r.got = append(r.got, i) }

func (r *runTaker) ReceiveRun(first int, _ []byte, ends []int) {
	r.runs++
	for i := range ends {
		r.got = append(r.got, first+i)
	}
}

// ofThree is a run of three replies.
func ofThree() (buf []byte, ends []int) { return []byte("+OK\r\n:1\r\n+PONG\r\n"), []int{5, 9, 16} }

func TestRepliesThatComeTogetherAreGivenOutInTurnWhereTheyAreGood(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		cmds := resp.BatchOf(slices.Repeat([]resp.Command{redis.Set("k", "v").Command}, 6))
		for name, test := range map[string]struct {
			kept  []resp.Value
			stale bool
			given []int
			left  int
		}{
			"good":                 {given: []int{2, 3, 4}},
			"behind a kept one":    {kept: []resp.Value{readOnlyReply}, left: 4},
			"of a master that was": {stale: true, left: 3},
		} {
			for _, together := range []bool{true, false} {
				to := &runTaker{}
				r := &run{client: c, cmds: &cmds, writes: true, given: 2, kept: test.kept, target: c.target.Load(), to: to}
				if !together {
					r.to = resp.ReceiverFunc(to.Receive)
				}
				if test.stale {
					former := *r.target
					former.generation = 9
					r.target = &former
				}
				buf, ends := ofThree()
				r.ReceiveRun(2, buf, ends)
				wantRuns := 0
				if together && len(test.given) > 0 {
					wantRuns = 1
				}
				if !slices.Equal(to.got, test.given) || to.runs != wantRuns || len(r.kept) != test.left || r.given != 2+len(test.given) {
					t.Errorf("%s, together %v: gave %v in %d runs, kept %d, %d are given", name, together, to.got, to.runs, len(r.kept), r.given)
				}
				for i, want := range []string{"+OK\r\n", ":1\r\n", "+PONG\r\n"} {
					if kept := r.kept[min(len(test.kept), len(r.kept)):]; len(kept) > 0 && string(kept[i]) != want {
						t.Errorf("%s: reply %d is kept as %q", name, i, kept[i])
					}
				}
			}
		}
	})
}

func TestWhatAReplicaAnsweredTogetherIsNotAskedForAgain(t *testing.T) {
	cmds := resp.BatchOf(slices.Repeat([]resp.Command{redis.Get("k").Command}, 6))
	to := &runTaker{}
	reader := &taker{cmds: &cmds, to: to, next: 2}
	buf, ends := ofThree()
	if reader.ReceiveRun(2, buf, ends); !slices.Equal(to.got, []int{2, 3, 4}) || reader.next != 5 {
		t.Errorf("gave %v, goes on with %d", to.got, reader.next)
	}
	reader.Receive(5, resp.Value("-LOADING Redis is loading the dataset in memory\r\n"))
	if reader.ReceiveRun(6, buf, ends); len(to.got) != 3 || reader.next != 5 || reader.refusal == nil {
		t.Errorf("behind a refusal: gave %v, goes on with %d", to.got, reader.next)
	}
}

func TestTheRestOfABatchThatAReplicaDoesNotAnswerGoesToAnother(t *testing.T) {
	for name, spoil := range map[string]func(*testserver.Peer, []string){
		"it refuses": func(p *testserver.Peer, _ []string) { p.Error("LOADING Redis is loading the dataset in memory") },
		"it breaks":  func(p *testserver.Peer, _ []string) { p.Kill() },
	} {
		o := Options{Replicas: ReplicaOptions{Choose: ChooserFunc(func([]Node) int { return 0 })}}
		ofGroup(t, o, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
			r := c.Replicas()
			time.Sleep(time.Second)
			first := r.Nodes()[0].Addr
			for _, node := range e.Replicas() {
				node.Reply("GET", "$1\r\nv\r\n")
				if node.Addr() == first {
					node.Handle("STRLEN", spoil)
				} else {
					node.Reply("STRLEN", ":1\r\n")
				}
			}
			var got []string
			err := r.DoBatch(t.Context(), []resp.Command{redis.Get("a").Command, redis.StrLen("a").Command, redis.Get("a").Command}, func(i int, v resp.Value) {
				if i == len(got) {
					got = append(got, string(v))
				}
			})
			if want := []string{"$1\r\nv\r\n", ":1\r\n", "$1\r\nv\r\n"}; err != nil || !slices.Equal(got, want) || c.Stats().Rereads == 0 {
				t.Errorf("%s: %v, %q, %d read again", name, err, got, c.Stats().Rereads)
			}
		})
	}
}

// Who waits for a new master has its candidate asked often.
func TestACandidateIsAskedOftenWhereSomebodyWaitsForIt(t *testing.T) {
	const during = 200 * time.Millisecond
	for name, test := range map[string]struct {
		adopt     Adopt
		subscribe bool
		poll      time.Duration
	}{
		"nobody waits":          {poll: idlePoll},
		"the client is eager":   {adopt: AdoptEager, poll: eagerPoll},
		"there are subscribers": {subscribe: true, poll: eagerPoll},
	} {
		ofGroup(t, Options{Adopt: test.adopt}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
			if test.subscribe {
				c.Subscriptions()
			}
			node := e.Replicas()[0]
			c.watchCandidate("s1", sentinel.Message{Type: "slave", Addr: node.Addr()})
			before := node.Count("ROLE")
			time.Sleep(during + time.Millisecond)
			if asked, want := node.Count("ROLE")-before, int(during/test.poll); asked < want-1 || asked > want+1 {
				t.Errorf("%s: asked %d times, want %d", name, asked, want)
			}
			c.mu.Lock()
			c.dropCandidateLocked(ErrOrphan)
			c.mu.Unlock()
		})
	}
}

func TestAHandoverCalmsTheHoldOfTheSentinelThatLeadsIt(t *testing.T) {
	for name, test := range map[string]struct {
		change func(c *Client, now *target, leader string)
		calms  bool
	}{
		"its hold":       {func(c *Client, now *target, leader string) { now.held, c.hold.sentinel = true, leader }, true},
		"no hold":        {func(c *Client, _ *target, leader string) { c.hold.sentinel = leader }, false},
		"another's hold": {func(c *Client, now *target, _ string) { now.held, c.hold.sentinel = true, "x:1" }, false},
		"it is calm":     {func(c *Client, now *target, leader string) { now.held, now.calm, c.hold.sentinel = true, true, leader }, false},
		"after the end":  {func(c *Client, now *target, leader string) { c.closed, now.held, c.hold.sentinel = true, true, leader }, false},
	} {
		ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
			failed := make(chan error, 1)
			go func() { failed <- e.CoordinatedFailover(context.WithoutCancel(t.Context())) }()
			leader := ""
			for leader == "" {
				time.Sleep(time.Millisecond)
				synctest.Wait()
				for _, addr := range e.SentinelAddrs() {
					if c.watching().Coordinated(addr) {
						leader = addr
					}
				}
			}
			if c.handsOver(&candidate{sentinel: "x:1"}) {
				t.Errorf("%s: another sentinel leads it", name)
			}
			c.mu.Lock()
			kept, hold := c.target.Load(), c.hold.sentinel
			before := c.set(func(now *target) {
				now.held, now.calm = false, false
				test.change(c, now, leader)
			})
			c.mu.Unlock()
			if leads := c.handsOver(&candidate{sentinel: leader}); !leads || (c.target.Load() != before) != test.calms || test.calms && !c.target.Load().calm {
				t.Errorf("%s: leads %v, %+v", name, leads, c.target.Load())
			}
			c.mu.Lock()
			c.closed, c.hold.sentinel = false, hold
			c.target.Store(kept)
			c.mu.Unlock()
			if err := <-failed; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAWaitOfSubscriptionsEndsWithAMoveOrWithItsCaller(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		subs := c.Subscriptions()
		until := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		moved := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(moved) })
		if err := subs.untilMoved(t.Context(), moved, until); err != nil {
			t.Errorf("it has moved: %v", err)
		}
		if err := subs.untilMoved(endedContext(), moved, until); !errors.Is(err, context.Canceled) {
			t.Errorf("it has moved, and its caller has left: %v", err)
		}
		if err := subs.untilMoved(endedContext(), make(chan struct{}), until); !errors.Is(err, context.Canceled) {
			t.Errorf("its caller has left: %v", err)
		}
		if err := subs.untilMoved(t.Context(), make(chan struct{}), func(context.Context) error { return io.EOF }); !errors.Is(err, io.EOF) {
			t.Errorf("it has failed: %v", err)
		}
	})
}
