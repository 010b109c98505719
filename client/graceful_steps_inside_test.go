package client

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestAGracefulFailoverGoesStepByStep(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		r.says(r.next, 5, r.asReplica(linked, offset-1)) // one of them in the handshake
		r.says(r.other, 2, r.asReplica(linked, 0))
		began := time.Now()
		report, err := r.c.GracefulFailover(t.Context(), GracefulOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r.did(paused, ordered, r.demoted(), killed, killedPS, unpaused)
		want := GracefulReport{Old: r.old.Addr(), New: r.next.Addr(), Epoch: 1, CaughtUp: 2, CatchUp: 4 * offsetPoll}
		want.Paused = r.times(unpaused)[0].Sub(began)
		if report != want || want.Paused <= want.CatchUp || r.times(ordered)[0].Sub(began) != want.CatchUp {
			t.Errorf("the report is %+v, want %+v", report, want)
		}
	})
}

// A step that fails, and what the servers were sent in the end.
func TestAGracefulFailoverThatFailsSaysWhatAndUndoesIt(t *testing.T) {
	nothing := []string(nil)
	lifted := []string{paused, unpaused}
	for name, test := range map[string]struct {
		opts   GracefulOptions
		script func(r *rehearsal)
		says   []string
		is     error
		did    []string
		took   time.Duration
	}{
		"the master refuses connections": {
			script: func(r *rehearsal) { _ = r.old.StopAccepting(true) },
			says:   []string{"connection refused"}, did: nothing,
		},
		"the master is none": {
			script: func(r *rehearsal) { r.says(r.old, always, r.asReplica(linked, offset)) },
			says:   []string{"slave", "10.0.1.1"}, did: nothing,
		},
		"the master does not say its role": {
			script: func(r *rehearsal) { r.old.ReplyOnce("ROLE", asMaster(r.next), "-NOPERM no\r\n") },
			says:   []string{"NOPERM no"}, did: nothing,
		},
		"no replicas": {
			script: func(r *rehearsal) { r.says(r.old, always, asMaster()) },
			says:   []string{"the master has no replicas"}, did: nothing,
		},
		"a replica cannot be reached": {
			script: func(r *rehearsal) { _ = r.next.StopAccepting(true) },
			says:   []string{"1 of 2 replicas can be reached, 2 needed: ", "10.0.1.2:6379", "connection refused"}, did: nothing,
		},
		"too few replicas": {
			opts: GracefulOptions{MinReplicas: 3},
			says: []string{"2 of 2 replicas can be reached, 3 needed"}, did: nothing,
		},
		"a replica is a master": {
			script: func(r *rehearsal) { r.says(r.next, always, asMaster()) },
			says:   []string{"1 of 2 replicas", "10.0.1.2"}, did: nothing,
		},
		"no permission to pause": {
			script: func(r *rehearsal) { r.answer(r.old, "CLIENT PAUSE", "-NOPERM no\r\n") },
			says:   []string{"pause: ", "NOPERM no"}, did: []string{paused},
		},
		"no permission to unpause": {
			script: func(r *rehearsal) {
				r.says(r.next, always, r.asReplica(linked, offset-1))
				r.answer(r.old, "CLIENT UNPAUSE", "-NOPERM no\r\n")
			},
			says: []string{"catch up: 1 of 2", "unpause: the pause ends by itself after 4s: ", "NOPERM no"}, is: context.DeadlineExceeded,
			did: lifted, took: DefaultCatchUp,
		},
		"a replica lags": {
			script: func(r *rehearsal) { r.says(r.next, always, r.asReplica(linked, offset-2)) },
			says:   []string{"catch up: 1 of 2 replicas: ", "10.0.1.2:6379: 2 bytes behind"}, is: context.DeadlineExceeded,
			did: lifted, took: DefaultCatchUp,
		},
		"a replica lags for a time that was set": {
			opts:   GracefulOptions{CatchUp: 40 * time.Millisecond},
			script: func(r *rehearsal) { r.says(r.other, always, r.asReplica(linked, offset-2)) },
			says:   []string{"catch up: 1 of 2 replicas: ", "10.0.1.3:6379: 2 bytes behind"}, is: context.DeadlineExceeded,
			did: lifted, took: 40 * time.Millisecond,
		},
		"a replica has lost its master": {
			script: func(r *rehearsal) { r.says(r.next, always, r.asReplica("connect", offset+1)) },
			says:   []string{"catch up: 1 of 2 replicas: ", `10.0.1.2:6379: its role is "slave", its link "connect"`}, is: context.DeadlineExceeded,
			did: lifted, took: DefaultCatchUp,
		},
		"a replica becomes a master": {
			script: func(r *rehearsal) {
				r.says(r.next, 1, r.asReplica(linked, 0))
				r.says(r.next, always, asMaster())
			},
			says: []string{"catch up: 1 of 2 replicas: ", `its role is "master"`}, is: context.DeadlineExceeded,
			did: lifted, took: DefaultCatchUp,
		},
		"a replica refuses to say": {
			script: func(r *rehearsal) {
				r.next.ReplyOnce("ROLE", r.asReplica(linked, 0))
				r.next.Reply("ROLE", "-NOPERM no\r\n")
			},
			says: []string{"catch up: 1 of 2 replicas: ", "NOPERM no"}, is: context.DeadlineExceeded,
			did: lifted, took: DefaultCatchUp,
		},
		"the master becomes a replica": {
			script: func(r *rehearsal) {
				r.says(r.old, 2, asMaster(r.next, r.other))
				r.says(r.old, always, r.asReplica(linked, 0))
			},
			says: []string{"catch up: ", `its role is "slave"`}, is: ErrNotMaster, did: lifted,
		},
		"the master does not say its offset": {
			script: func(r *rehearsal) {
				r.says(r.old, 2, asMaster(r.next, r.other))
				r.old.Reply("ROLE", "-NOPERM no\r\n")
			},
			says: []string{"catch up: ", "NOPERM no"}, did: lifted,
		},
		"the master hangs": {
			script: func(r *rehearsal) {
				r.says(r.old, 2, asMaster(r.next, r.other))
				r.slow(r.old, 3500*time.Millisecond, asMaster(r.next, r.other))
			},
			says: []string{"catch up: 0 of 2 replicas: ", "10.0.1.1:6379"}, is: context.DeadlineExceeded,
			did: lifted, took: 3 * time.Second,
		},
		"a replica that lags hangs in the end": {
			opts: GracefulOptions{CatchUp: 100 * time.Millisecond},
			script: func(r *rehearsal) {
				r.says(r.next, 3, r.asReplica(linked, 0))
				r.slow(r.next, time.Second, r.asReplica(linked, offset))
			},
			says: []string{"catch up: 1 of 2 replicas: ", "10.0.1.2:6379: 3 bytes behind"}, is: context.DeadlineExceeded,
			did: lifted, took: 100 * time.Millisecond,
		},
		"the sentinels refuse": {
			script: func(r *rehearsal) {
				for _, s := range r.group.Sentinels {
					s.Reply("SENTINEL FAILOVER", "-NOGOODSLAVE No suitable replica to promote\r\n")
				}
			},
			says: []string{"order: ", "NOGOODSLAVE"}, did: lifted,
		},
		"a failover is under way and comes to nothing": {
			script: func(r *rehearsal) { r.underWay() },
			says:   []string{"order: ", "INPROG", "no sentinel has named a new master"}, is: context.DeadlineExceeded,
			did: lifted, took: DefaultNaming,
		},
		"no master is named": {
			script: func(r *rehearsal) { r.ordered(func() {}) },
			says:   []string{"no sentinel has named a new master", "the order was given"}, is: context.DeadlineExceeded,
			did: []string{paused, ordered, unpaused}, took: DefaultNaming,
		},
		"no master is named in a time that was set": {
			opts:   GracefulOptions{Naming: 2 * time.Second},
			script: func(r *rehearsal) { r.ordered(func() {}) },
			says:   []string{"no sentinel has named a new master"}, is: context.DeadlineExceeded,
			did: []string{paused, ordered, unpaused}, took: 2 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rehearse(t, Options{VerifyInterval: -1}, func(t *testing.T, r *rehearsal) {
				if test.script != nil {
					test.script(r)
				}
				began := time.Now()
				report, err := r.c.GracefulFailover(t.Context(), test.opts)
				took := time.Since(began)
				r.failed(err, test.says...)
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%v is not %v", err, test.is)
				}
				r.did(test.did...)
				r.hungUp()
				if took < test.took || took > test.took+10*time.Millisecond { // a reply that hangs is given up a moment later
					t.Errorf("it took %v, want %v", took, test.took)
				}
				if report.Old != r.old.Addr() || report.New != "" || report.Epoch != 0 || (report.Paused > 0) != (took > 0) || took > 0 && report.Paused != took {
					t.Errorf("the report is %+v", report)
				}
				if m := r.c.Master(); m != r.old.Addr() {
					t.Errorf("the master is %s", m)
				}
			})
		})
	}
}

func TestAGracefulFailoverNeedsNoMoreReplicasThanItIsTold(t *testing.T) {
	for name, script := range map[string]func(r *rehearsal){
		"one cannot be reached": func(r *rehearsal) { _ = r.other.StopAccepting(true) },
		"one hangs":             func(r *rehearsal) { r.hangs(r.other) },
		"one hangs, one lags": func(r *rehearsal) {
			r.hangs(r.other)
			r.says(r.next, 3, r.asReplica(linked, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
				script(r)
				report, err := r.c.GracefulFailover(t.Context(), GracefulOptions{MinReplicas: 1})
				if err != nil || report.CaughtUp != 1 || report.New != r.next.Addr() {
					t.Errorf("%+v, %v", report, err)
				}
				r.did(paused, ordered, r.demoted(), killed, killedPS, unpaused)
			})
		})
	}
}

func TestAGracefulFailoverUsesAllOfTheTimeToCatchUp(t *testing.T) {
	for name, test := range map[string]struct {
		opts GracefulOptions
		slow time.Duration // until each replica answers but the first
	}{
		"replicas that are slow together":   {GracefulOptions{CatchUp: 500 * time.Millisecond}, 400 * time.Millisecond},
		"enough of them when it is over":    {GracefulOptions{CatchUp: 200 * time.Millisecond, MinReplicas: 1}, time.Minute},
		"a replica that is slower than all": {GracefulOptions{MinReplicas: 1}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
				slow := []*testgroup.Node{r.other}
				if test.opts.MinReplicas == 0 {
					slow = append(slow, r.next)
				}
				for _, n := range slow {
					r.says(n, 1, r.asReplica(linked, 0))
					r.slow(n, test.slow, r.asReplica(linked, offset))
				}
				if _, err := r.c.GracefulFailover(t.Context(), test.opts); err != nil {
					t.Error(err)
				}
				r.did(paused, ordered, r.demoted(), killed, killedPS, unpaused)
			})
		})
	}
}

func TestAGracefulFailoverEndsWithItsContextAndItsClient(t *testing.T) {
	for name, test := range map[string]struct {
		lag  bool
		end  func(r *rehearsal, cancel context.CancelFunc)
		is   error
		says string
		did  []string
		took time.Duration
	}{
		"context, while replicas catch up": {true, func(_ *rehearsal, cancel context.CancelFunc) { cancel() }, context.Canceled, "catch up: ", []string{paused, unpaused}, time.Second},
		"context, while a master is named": {false, func(_ *rehearsal, cancel context.CancelFunc) { cancel() }, context.Canceled, "no sentinel has named", []string{paused, ordered, unpaused}, time.Second},
		"client, while replicas catch up":  {true, func(r *rehearsal, _ context.CancelFunc) { _ = r.c.Close() }, ErrClosed, "", []string{paused, unpaused}, 1500 * time.Millisecond},
		"client, while a master is named":  {false, func(r *rehearsal, _ context.CancelFunc) { _ = r.c.Close() }, ErrClosed, "", []string{paused, ordered, unpaused}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			rehearse(t, Options{VerifyInterval: -1}, func(t *testing.T, r *rehearsal) {
				r.ordered(func() {})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.lag {
					lags := r.asReplica(linked, 0)
					r.says(r.next, 1, lags)
					began := time.Now()
					r.next.Handle("ROLE", func(c *testserver.Peer, _ []string) {
						if time.Since(began) >= 1500*time.Millisecond {
							lags = r.asReplica(linked, offset)
						}
						c.Write(lags)
					})
				}
				time.AfterFunc(time.Second, func() { test.end(r, cancel) })
				began := time.Now()
				_, err := r.c.GracefulFailover(ctx, GracefulOptions{})
				r.failed(err, test.says)
				if took := time.Since(began); !errors.Is(err, test.is) || took < test.took || took > test.took+10*time.Millisecond {
					t.Errorf("%v after %v, want %v after %v", err, took, test.is, test.took)
				}
				r.did(test.did...)
			})
		})
	}
}

func TestTheErrorOfAnOrderIsThatOfTheSentinels(t *testing.T) {
	rehearse(t, Options{}, func(t *testing.T, r *rehearsal) {
		r.group.Sentinels[0].Reply("SENTINEL FAILOVER", "-NOGOODSLAVE No suitable replica to promote\r\n")
		_, err := r.c.GracefulFailover(t.Context(), GracefulOptions{})
		if refusal, ok := errors.AsType[*resp.Error](err); !ok || refusal.Code != "NOGOODSLAVE" {
			t.Error(err)
		}
	})
}
