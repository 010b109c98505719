package redis

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

func TestEachCommandOfAPipelineHasItsOwnError(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		var p Pipeline
		set := Set("s", "text").Queue(&p)
		bad := Incr("s").Queue(&p)
		none := Get("none").Queue(&p)
		list := LRange("none", 0, -1).Queue(&p)
		n := Incr("n").Queue(&p)
		if _, err := n.Value(); !errors.Is(err, ErrPending) {
			t.Error(err)
		}
		if err := p.Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		check(t, "set", set.Err() == nil)
		check(t, "its own error", ClassOf(bad.Err()) == ClassAnswered)
		check(t, "null", errors.Is(none.Err(), ErrNil))
		check(t, "empty list", list.Err() == nil)
		v, err := n.Value()
		check(t, "the neighbour of an error", v == 1 && err == nil)
	})
}

func TestFlushInTheMiddleMakesRepliesReadable(t *testing.T) {
	c := dial(t, 3)
	var p Pipeline
	first := Incr("n").Queue(&p)
	if err := p.Flush(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	n, err := first.Value()
	check(t, "read before the end", n == 1 && err == nil)
	second := IncrBy("n", n).Queue(&p)
	check(t, "not yet", errors.Is(second.Err(), ErrPending))
	if err := p.Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	n, _ = second.Value()
	again, _ := first.Value()
	check(t, "both readable", n == 2 && again == 1)
	check(t, "nothing to send", p.Do(t.Context(), nil) == nil)

	p.Reset()
	check(t, "an old future", errors.Is(first.Err(), ErrPending))
	other := Echo("x").Queue(&p)
	if err := p.Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	check(t, "not another's reply", errors.Is(first.Err(), ErrPending) && other.Err() == nil)
}

func TestAPipelineWithABadArgumentSendsNothing(t *testing.T) {
	c := dial(t, 3)
	var p Pipeline
	n := Incr("n").Queue(&p)
	bad := Expire("n", -time.Second).Queue(&p)
	err := p.Do(t.Context(), c)
	var arg *ArgError
	check(t, "the pipeline says it", errors.As(err, &arg) && arg.Command == "PEXPIRE" && ClassOf(err) == ClassNotSent)
	check(t, "the future says it", errors.As(bad.Err(), &arg))
	check(t, "nothing was sent", errors.Is(n.Err(), ErrPending))
	want(t, c, Exists("n"), 0)
	check(t, "nor in EXEC", errors.As(p.Exec(t.Context(), On(c)), &arg))
}

// cut is a Doer whose batches end with an error after n replies.
type cut struct {
	Doer  // not an EncodedDoer: pipelines give it commands
	reply resp.Value
	n     int
}

func (c *cut) DoBatch(_ context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	for i := range cmds {
		if i == c.n {
			return errLost
		}
		each(i, c.reply)
	}
	return nil
}

func TestACutPipelineKeepsTheRepliesThatCame(t *testing.T) {
	d := &cut{reply: resp.Value(":1\r\n"), n: 1}
	var p Pipeline
	a, b := Incr("a").Queue(&p), Incr("b").Queue(&p)
	check(t, "the pipeline failed", errors.Is(p.Do(t.Context(), d), errLost))
	check(t, "a came, b did not", a.Err() == nil && errors.Is(b.Err(), errLost))
	raw := p.Add(resp.NewCommand("PING"))
	check(t, "goes on", errors.Is(p.Do(t.Context(), &cut{n: 0}), errLost) && errors.Is(raw.Err(), errLost))
	check(t, "length", p.Len() == 3)
}

func TestExecRunsAllAndKeepsErrorsOfCommands(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ok(t, c, Set("aa", "str"))
		var p Pipeline
		bad := Incr("aa").Queue(&p)
		none := Get("none").Queue(&p)
		all := HGetAll("none").Queue(&p)
		n := Incr("n").Queue(&p)
		if err := p.Exec(t.Context(), On(c)); err != nil {
			t.Fatal(err)
		}
		check(t, "error inside EXEC", ClassOf(bad.Err()) == ClassAnswered)
		check(t, "null inside EXEC", errors.Is(none.Err(), ErrNil))
		m, err := all.Value()
		check(t, "empty map", len(m) == 0 && err == nil)
		v, err := n.Value()
		check(t, "the others ran", v == 1 && err == nil)

		var empty Pipeline
		check(t, "an empty transaction", empty.Exec(t.Context(), On(c)) == nil)
		check(t, "the connection is clean", !c.Tainted())
	})
}

func TestExecExplainsAnAbortByTheCommandThatWasRefused(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		var p Pipeline
		set := Set("k", "v").Queue(&p)
		bad := New(Raw, "NOSUCHCMD").Queue(&p)
		New(Raw, "SET", "aa").Queue(&p)
		err := p.Exec(t.Context(), On(c))
		var abort *AbortError
		if !errors.As(err, &abort) || !errors.Is(err, ErrTxAborted) || abort.Index != 1 || abort.Command != "NOSUCHCMD" {
			t.Fatalf("%#v", err)
		}
		check(t, "class", ClassOf(err) == ClassRejected)
		check(t, "its own future", bad.Err() != nil && !errors.Is(bad.Err(), ErrTxAborted))
		check(t, "the others' futures", errors.Is(set.Err(), ErrTxAborted))
		want(t, c, Exists("k"), 0)
		check(t, "the connection is clean", !c.Tainted())
	})
}

func TestStatefulCommandsAreRefusedInATransaction(t *testing.T) {
	c := dial(t, 3)
	for _, name := range []string{"SUBSCRIBE", "MULTI", "WATCH", "SELECT", "RESET"} {
		var p Pipeline
		New(Raw, name, "1").Queue(&p)
		var arg *ArgError
		check(t, name, errors.As(p.Exec(t.Context(), On(c)), &arg))
	}
	check(t, "nothing was sent", !c.Tainted())
}

func TestWatchReportsAConflictAndLeavesNoTrace(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		other := dial(t, 3)
		ok(t, c, Set("k", "1"))
		write := func(tx *Tx) error {
			var p Pipeline
			f := Set("k", "mine").Queue(&p)
			err := p.Exec(t.Context(), tx)
			check(t, "the future says the same", errors.Is(f.Err(), err) || err == nil && f.Err() == nil)
			return err
		}
		err := Watch(t.Context(), On(c), []string{"k"}, func(tx *Tx) error {
			want(t, tx, Get("k"), "1")
			ok(t, other, Set("k", "theirs"))
			return write(tx)
		})
		check(t, "conflict", errors.Is(err, ErrConflict) && ClassOf(err) == ClassRejected)
		want(t, c, Get("k"), "theirs")

		err = Watch(t.Context(), On(c), []string{"k"}, write)
		check(t, "no conflict", err == nil)
		want(t, c, Get("k"), "mine")

		err = Watch(t.Context(), On(c), []string{"k"}, func(*Tx) error { return errLost })
		check(t, "the error of fn", errors.Is(err, errLost))
		check(t, "unwatched", !c.Tainted() && c.Err() == nil)
	})
}

func TestAPanicUnderWatchClosesTheConnection(t *testing.T) {
	c := dial(t, 3)
	func() {
		defer func() { check(t, "the panic goes on", recover() == "boom") }()
		_ = Watch(t.Context(), On(c), []string{"k"}, func(*Tx) error { panic("boom") })
	}()
	check(t, "closed", c.Err() != nil)
}

// ending is a Leaser with which the context ends after the first lease.
type ending struct {
	Leaser
	cancel context.CancelFunc
}

func (e ending) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	defer e.cancel()
	return e.Leaser.WithConn(ctx, fn)
}

func TestTransactTriesAgainUntilNobodyInterferes(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		other := dial(t, 3)
		ok(t, c, Set("n", "10"))
		calls := 0
		var sum Future[int64]
		err := Transact(t.Context(), On(c), TxOptions{Watch: []string{"n"}}, func(ctx context.Context, tx *Tx) error {
			n, err := As(Get("n"), Int).Do(ctx, tx)
			if err != nil {
				return err
			}
			if calls++; calls < 3 {
				get(t, other, Incr("n"))
			}
			sum = IncrBy("n", n).Queue(&tx.Pipeline)
			return nil
		})
		v, verr := sum.Value()
		if err != nil || verr != nil || calls != 3 || v != 24 {
			t.Error(err, verr, calls, v)
		}

		calls = 0
		err = Transact(t.Context(), On(c), TxOptions{Watch: []string{"n"}, Attempts: 2, Backoff: -1}, func(ctx context.Context, tx *Tx) error {
			calls++
			get(t, other, Incr("n"))
			Incr("n").Queue(&tx.Pipeline)
			return nil
		})
		check(t, "gives up", errors.Is(err, ErrConflict) && calls == 2)
		err = Transact(t.Context(), On(c), TxOptions{}, func(context.Context, *Tx) error { return errLost })
		check(t, "the error of fn", errors.Is(err, errLost))

		ctx, cancel := context.WithCancel(t.Context())
		err = Transact(ctx, ending{On(c), cancel}, TxOptions{Watch: []string{"n"}, Backoff: time.Hour}, func(ctx context.Context, tx *Tx) error {
			get(t, other, Incr("n"))
			Incr("n").Queue(&tx.Pipeline)
			return nil
		})
		check(t, "ends with the context", errors.Is(err, context.Canceled) && errors.Is(err, ErrConflict))
	})
}
