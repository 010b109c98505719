package client

import (
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

var (
	readOnlyReply  = resp.Value("-READONLY You can't write against a read only replica.\r\n")
	wrongTypeReply = resp.Value("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
	freedReply     = resp.Value("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n")
)

func TestARefusalIsWhatProvesThatNothingWasDone(t *testing.T) {
	for _, test := range []struct {
		cmd   *resp.Command
		reply resp.Value
		want  bool
	}{
		{cmdOf("SET"), readOnlyReply, true}, {cmdOf("SET"), wrongTypeReply, false}, {cmdOf("SET"), resp.Value("+OK\r\n"), false},
		{cmdOf("BLPOP"), freedReply, true}, {cmdOf("WAIT"), freedReply, false}, {cmdOf("WAITAOF"), freedReply, false},
	} {
		if got := refused(test.cmd, test.reply); got != test.want {
			t.Errorf("%s, %q: %v", test.cmd.Name(), test.reply, got)
		}
	}
}

func TestARefusedBatchIsCountedOnce(t *testing.T) {
	ofOne(t, Options{RetryTime: -1}, func(t *testing.T, s *testserver.Server, c *Client) {
		var replies []string
		batch := func() error {
			replies = nil
			return c.DoBatch(t.Context(), []resp.Command{redis.Set("k", "v").Command}, func(_ int, v resp.Value) { replies = append(replies, string(v)) })
		}
		s.Reply("SET", string(readOnlyReply))
		if err := batch(); !errors.Is(err, redis.ErrReadOnly) || len(replies) != 0 || c.Stats().ReadOnly != 1 {
			t.Errorf("%v, %q, %d refusals", err, replies, c.Stats().ReadOnly)
		}
		s.Reply("SET", string(wrongTypeReply))
		if err := batch(); err != nil || len(replies) != 1 || c.Stats().ReadOnly != 1 || s.Count("SET") != 2 {
			t.Errorf("%v, %q, %d refusals", err, replies, c.Stats().ReadOnly)
		}
	})
}

func TestWhatStandsBehindARefusalIsLookedAtByItsOwnCommand(t *testing.T) {
	cmds := resp.BatchOf([]resp.Command{redis.Get("a").Command, redis.Set("k", "v").Command, *cmdOf("WAIT", "1", "0"), redis.Set("k", "v").Command})
	for name, test := range map[string]struct {
		kept  []resp.Value
		mixed bool
	}{
		"a WAIT has its answer": {[]resp.Value{readOnlyReply, freedReply}, true},
		"a SET is refused":      {[]resp.Value{readOnlyReply, readOnlyReply, readOnlyReply}, false},
	} {
		r := &run{cmds: &cmds, given: 1, kept: test.kept, to: resp.ReceiverFunc(func(int, resp.Value) { t.Error("given out") })}
		if r.giveGood(); r.mixed != test.mixed || len(r.kept) != len(test.kept) {
			t.Errorf("%s: mixed %v, kept %d", name, r.mixed, len(r.kept))
		}
	}
}

func TestTheErrorOfABatchNamesTheFirstCommandWithoutAReply(t *testing.T) {
	cmds := resp.BatchOf([]resp.Command{redis.Get("a").Command, redis.Incr("b").Command})
	bare, own := &conn.Error{}, &conn.Error{Step: "HELLO"}
	_, _ = placed(bare, &cmds, 1), placed(own, &cmds, 1)
	retried := &RetryError{Command: "a batch"}
	_ = placed(retried, &cmds, 1)
	if want := cmds.Place(1); bare.Step != want || own.Step != "HELLO" || retried.Command != want {
		t.Errorf("%q, %q, %q", bare.Step, own.Step, retried.Command)
	}
}

func TestWhatIsPinnedToAReplicaThatFailsTellsTheOthers(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
		r := c.Replicas()
		time.Sleep(time.Second)
		p := r.Pin()
		if _, err := redis.Get("k").Do(t.Context(), p); !errors.Is(err, redis.ErrNil) {
			t.Fatal(err)
		}
		_, n := p.(*pinned).chosen()
		for _, node := range e.Replicas() {
			if node.Addr() == n.addr {
				node.Handle("GET", func(peer *testserver.Peer, _ []string) { peer.Kill() })
			}
		}
		if _, err := redis.Get("k").Do(t.Context(), p); err == nil || len(r.Nodes()) != 1 {
			t.Errorf("%v, %d nodes", err, len(r.Nodes()))
		}
	})
	ofOne(t, Options{RetryTime: -1}, func(t *testing.T, s *testserver.Server, c *Client) {
		p := c.Replicas().Pin()
		if _, err := redis.Get("k").Do(t.Context(), p); !errors.Is(err, redis.ErrNil) {
			t.Fatal(err)
		}
		s.Reply("GET", string(wrongTypeReply))
		if _, err := redis.Get("k").Do(t.Context(), p); !errors.Is(err, redis.ErrWrongType) {
			t.Errorf("by the master: %v", err)
		}
		s.Handle("GET", func(peer *testserver.Peer, _ []string) { peer.Kill() })
		if _, err := redis.Get("k").Do(t.Context(), p); conn.ClassOf(err) != conn.ClassMaybeExecuted {
			t.Errorf("by the master: %v", err)
		}
	})
}

func TestConnectionsOfSubscriptionsThatHaveEndedAreForgotten(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		subs := c.Subscriptions()
		var all []*conn.Conn
		for range 3 {
			cn, err := subs.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer cn.Close()
			all = append(all, cn)
		}
		if len(subs.conns) != 3 {
			t.Errorf("%d are kept of three", len(subs.conns))
		}
		_ = all[0].Close()
		_ = all[1].Close()
		cn, err := subs.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer cn.Close()
		if _, ok := subs.conns[all[2]]; len(subs.conns) != 2 || !ok {
			t.Errorf("%d are kept of two", len(subs.conns))
		}
	})
}

func TestTheConnectionsStayWhenTheEpochsBeginAnewWithTheSameMaster(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
		if err := e.Failover(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		was := c.target.Load()
		if was.epoch != 1 {
			t.Fatalf("%+v", was)
		}
		for _, s := range e.Sentinels {
			s.Freeze(true)
			s.SetView(testgroup.DefaultMaster, was.addr, 0)
		}
		time.Sleep(30 * time.Second)
		if now := c.target.Load(); now.epoch != 0 || now.generation != was.generation || now.pool != was.pool || now.moves <= was.moves {
			t.Errorf("%+v after %+v", now, was)
		}
		for _, s := range e.Sentinels {
			s.SetView(testgroup.DefaultMaster, was.addr, 5)
		}
		time.Sleep(30 * time.Second)
		if now := c.target.Load(); now.epoch != 5 || now.generation != was.generation+1 {
			t.Errorf("a later epoch of the same master: it has been away: %+v", now)
		}
	})
}

func TestACommandIsNeitherKilledForNorTriedForEver(t *testing.T) {
	ofOne(t, Options{MaxRetries: 2}, func(t *testing.T, s *testserver.Server, c *Client) {
		busy := &conn.Error{Op: conn.OpHandshake, Class: conn.ClassNotSent, Err: &resp.Error{Code: "BUSY", Message: "x"}}
		failed := &conn.Error{Op: conn.OpRead, Class: conn.ClassMaybeExecuted, Err: errors.New("x")}
		for name, test := range map[string]struct {
			cmd     resp.Command
			err     error
			counted int
			done    bool
		}{
			"a read of a busy server":   {redis.Get("k").Command, busy, 0, false},
			"a read that failed":        {redis.Get("k").Command, failed, 1, false},
			"a read that failed often":  {redis.Get("k").Command, failed, 2, true},
			"a write that failed":       {redis.Incr("k").Command, failed, 0, true},
			"a write that is harmless":  {redis.Set("k", "v").Command.WithFlags(resp.Idempotent), failed, 0, false},
			"a kill that cannot be put": {redis.ScriptKill().Command, connErr(errors.New("x")), 0, false},
		} {
			b := c.newBudget(name, 0)
			b.counted = test.counted
			s.Reply("GET", "$1\r\nv\r\n")
			cmd := test.cmd
			_, err, done := c.concludeFailed(t.Context(), &cmd, outcome{target: c.target.Load(), err: test.err}, &b)
			if done != test.done || (err != nil) != test.done || s.Count("GET") != 0 || s.Count("SCRIPT KILL") != 0 {
				t.Errorf("%s: %v, done %v", name, err, done)
			}
			if again := errors.Is(test.err, failed) && !done; (b.counted == test.counted+1) != again {
				t.Errorf("%s: counted %d", name, b.counted)
			}
		}
	})
}

func TestACallersOwnMistakeExcludesNoReplica(t *testing.T) {
	ofGroup(t, Options{}, func(t *testing.T, _ *testgroup.Group, c *Client, _ *told) {
		r := c.Replicas()
		time.Sleep(time.Second)
		n := r.snapshot.Load().replicas[0]
		for _, err := range []error{conn.ErrStateful, conn.ErrEmptyCommand} {
			if r.failed(t.Context(), n, resp.Reply{}, connErr(err)) || len(r.Nodes()) != 2 {
				t.Errorf("%v: %d nodes", err, len(r.Nodes()))
			}
		}
		if r.failed(endedContext(), n, resp.Reply{}, connErr(errors.New("x"))) || len(r.Nodes()) != 2 {
			t.Error("excluded for an end of its caller's context")
		}
		if !r.failed(t.Context(), n, resp.Reply{}, connErr(errors.New("x"))) || len(r.Nodes()) != 1 {
			t.Error("not excluded for a failure")
		}
	})
}
