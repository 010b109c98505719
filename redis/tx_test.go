package redis

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// fake returns a connection to a scripted server.
func fake(t *testing.T) (*testserver.Server, *conn.Conn) {
	t.Helper()
	s := testserver.New(t)
	c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return s, c
}

const demoted = "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.\r\n"

func TestExecOnADemotedServerSaysThatNothingWasExecuted(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ok(t, c, ReplicaOf("127.0.0.1", 1))
		defer func() { ok(t, c, ReplicaOfNoOne()) }()
		var p Pipeline
		n := Incr("n").Queue(&p)
		err := p.Exec(t.Context(), On(c))
		check(t, "aborted", errors.Is(err, ErrTxAborted) && errors.Is(err, ErrReadOnly))
		check(t, "class", ClassOf(err) == ClassRejected)
		check(t, "its own future", errors.Is(n.Err(), ErrReadOnly))
		check(t, "the connection is clean", c.Err() == nil && !c.Tainted())
	})
}

func TestExecSaysThatTheServerWasDemotedWhileItQueued(t *testing.T) {
	for _, reply := range []string{demoted, "|1\r\n+ttl\r\n:60\r\n" + demoted} {
		s, c := fake(t)
		s.ReplyOnce("EXEC", reply)
		var p Pipeline
		n := Incr("n").Queue(&p)
		err := p.Exec(t.Context(), On(c))
		var abort *AbortError
		check(t, "aborted", errors.As(err, &abort) && abort.Index == -1 && errors.Is(err, ErrReadOnly))
		check(t, "class", ClassOf(err) == ClassRejected)
		check(t, "its future", errors.Is(n.Err(), ErrTxAborted) && errors.Is(n.Err(), ErrReadOnly))
		check(t, "text", strings.Contains(err.Error(), "read only replica"))
	}
}

func TestTransactTriesAgainWhenTheServerWasDemoted(t *testing.T) {
	s, _ := fake(t)
	s.ReplyOnce("EXEC", demoted, demoted, "*-1\r\n")
	calls := 0
	var n Future[int64]
	err := Transact(t.Context(), redialling{s.Addr()}, TxOptions{Attempts: 2, Backoff: -1}, func(_ context.Context, tx *Tx) error {
		calls++
		n = Incr("n").Queue(&tx.Pipeline)
		return nil
	})
	v, verr := n.Value()
	if err != nil || verr != nil || calls != 4 || v != 1 {
		t.Error(err, verr, calls, v)
	}
}

func TestTransactDoesNotTryAgainForEver(t *testing.T) {
	s, _ := fake(t)
	s.Reply("EXEC", demoted)
	calls := 0
	incr := func(_ context.Context, tx *Tx) error {
		calls++
		Incr("n").Queue(&tx.Pipeline)
		return nil
	}
	err := Transact(t.Context(), redialling{s.Addr()}, TxOptions{RetryTime: -1}, incr)
	check(t, "no retry", errors.Is(err, ErrReadOnly) && calls == 1)
	err = Transact(t.Context(), redialling{s.Addr()}, TxOptions{RetryTime: time.Millisecond, Backoff: 2 * time.Millisecond}, incr)
	check(t, "the time is over", errors.Is(err, ErrReadOnly))
}

func TestTransactDoesNotRepeatWhatWasRefusedForGood(t *testing.T) {
	c := dial(t, 3)
	calls := 0
	err := Transact(t.Context(), On(c), TxOptions{}, func(_ context.Context, tx *Tx) error {
		calls++
		New(Raw, "NOSUCHCMD").Queue(&tx.Pipeline)
		return nil
	})
	check(t, "once", errors.Is(err, ErrTxAborted) && calls == 1)
	err = Transact(t.Context(), On(c), TxOptions{}, func(_ context.Context, tx *Tx) error {
		calls++
		tx.Add(resp.Command{})
		return nil
	})
	var arg *ArgError
	check(t, "a bad argument", errors.As(err, &arg) && calls == 2)
}

// redialling is a Leaser that dials for each lease.
type redialling struct{ addr string }

func (r redialling) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	c, err := conn.Dial(ctx, conn.Options{Addr: r.addr})
	if err != nil {
		return err
	}
	defer c.Close()
	return fn(c)
}

func TestTransactTriesAgainWhenTheConnectionBreaksBeforeExec(t *testing.T) {
	s, _ := fake(t)
	broken := map[string]int{}
	s.HandleAny(func(p *testserver.Peer, args []string) bool {
		if name := args[0]; (name == "WATCH" || name == "GET") && broken[name] == 0 {
			broken[name]++
			p.Kill()
			return true
		}
		return false
	})
	calls := 0
	err := Transact(t.Context(), redialling{s.Addr()}, TxOptions{Watch: []string{"n"}}, func(ctx context.Context, tx *Tx) error {
		calls++
		if _, err := Optional(Get("n")).Do(ctx, tx); err != nil {
			return err
		}
		Incr("n").Queue(&tx.Pipeline)
		return nil
	})
	check(t, "it was tried three times, and fn called twice", err == nil && calls == 2 && s.Count("WATCH") >= 2)
}

func TestTransactEndsWhenNobodyKnowsWhetherItWasExecuted(t *testing.T) {
	s, _ := fake(t)
	s.Handle("EXEC", func(p *testserver.Peer, _ []string) { p.Kill() })
	calls := 0
	var n Future[int64]
	err := Transact(t.Context(), redialling{s.Addr()}, TxOptions{}, func(_ context.Context, tx *Tx) error {
		calls++
		n = Incr("n").Queue(&tx.Pipeline)
		return nil
	})
	check(t, "may have executed", ClassOf(err) == ClassMaybeExecuted && calls == 1)
	check(t, "its future says the same", ClassOf(n.Err()) == ClassMaybeExecuted)
}

func TestAnErrorOfFnEndsTheTransaction(t *testing.T) {
	_, c := fake(t)
	calls := 0
	err := Transact(t.Context(), On(c), TxOptions{}, func(context.Context, *Tx) error { calls++; return io.ErrUnexpectedEOF })
	check(t, "once", errors.Is(err, io.ErrUnexpectedEOF) && calls == 1)
}

// switching is a Leaser whose server turns out to have been abandoned.
type switching struct{ c *conn.Conn }

func (s switching) WithConn(_ context.Context, fn func(*conn.Conn) error) error {
	if err := fn(s.c); err != nil {
		return err
	}
	return &conn.Error{Class: ClassMaybeExecuted, Err: errLost}
}

func TestRepliesOfAnAbandonedServerAreNoSuccess(t *testing.T) {
	_, c := fake(t)
	var p Pipeline
	n := Incr("n").Queue(&p)
	err := p.Exec(t.Context(), switching{c})
	check(t, "the transaction", ClassOf(err) == ClassMaybeExecuted)
	check(t, "its future", errors.Is(n.Err(), errLost))
}

func TestPauseIsRandomAndEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	check(t, "no pause", errors.Is(pause(ctx, -1, nil), context.Canceled))
	check(t, "a pause", errors.Is(pause(ctx, time.Hour, nil), context.Canceled))
}
