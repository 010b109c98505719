package redis

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestATxRefusesWhatWritesAndSaysHowToQueueIt(t *testing.T) {
	c := dial(t, 3)
	writes := []resp.Command{
		DecrBy("stock", 1).Command, Set("k", "v").Idempotent().Command, resp.NewCommand("SET", resp.String("k"), resp.String("v")),
		Eval(Int, `return redis.call("INCR", "stock")`, nil).Command, New(Raw, "DEL", "stock").Command, FlushAll(false).Command,
		resp.NewCommand("SELECT", resp.Int(1)),
	}
	reads := []resp.Command{
		Get("stock").Command, resp.NewCommand("GET", resp.String("stock")), New(Raw, "CONFIG", "GET", "port").Command,
		resp.NewCommand("watch", resp.String("other")), EvalRO(Int, "return 1", nil).Command, Info().Command, Ping().Command,
	}
	err := Transact(t.Context(), On(c), TxOptions{Watch: []string{"stock"}}, func(ctx context.Context, tx *Tx) error {
		for _, w := range writes {
			_, err := tx.Do(ctx, w)
			batch := tx.DoBatch(ctx, []resp.Command{Get("x").Command, w}, func(int, resp.Value) {})
			for _, err := range []error{err, batch} {
				var arg *ArgError
				if !errors.As(err, &arg) || ClassOf(err) != ClassNotSent || !strings.Contains(err.Error(), "Queue(&tx.Pipeline)") {
					t.Errorf("%s: %v", Redacted(w), err)
				}
			}
		}
		for _, r := range reads {
			reply, err := tx.Do(ctx, r)
			if err != nil || reply.Err() != nil {
				t.Errorf("%s: %v", Redacted(r), err)
			}
			reply.Release()
		}
		return nil
	})
	check(t, "an empty transaction", err == nil)
	want(t, c, Exists("stock", "k"), 0)
}

func TestATxRefusesToWorkAfterItsFunction(t *testing.T) {
	c := dial(t, 3)
	var late *Tx
	for _, run := range map[string]func() error{
		"Watch": func() error {
			return Watch(t.Context(), On(c), []string{"k"}, func(tx *Tx) error { late = tx; return nil })
		},
		"Transact": func() error {
			return Transact(t.Context(), On(c), TxOptions{}, func(_ context.Context, tx *Tx) error { late = tx; return nil })
		},
	} {
		if err := run(); err != nil {
			t.Fatal(err)
		}
		_, err := Get("k").Do(t.Context(), late)
		check(t, "Do", errors.Is(err, ErrTxOver) && ClassOf(err) == ClassNotSent)
		var p Pipeline
		Set("k", "v").Queue(&p)
		err = p.Exec(t.Context(), late)
		check(t, "Exec", errors.Is(err, ErrTxOver) && ClassOf(err) == ClassNotSent)
		p.Reset()
		Get("k").Queue(&p)
		check(t, "DoBatch", errors.Is(p.Do(t.Context(), late), ErrTxOver))
	}
	want(t, c, Exists("k"), 0)
}

func TestWatchOnADeadConnectionHasSentNothingThatMatters(t *testing.T) {
	s, c := fake(t)
	s.Handle("WATCH", func(p *testserver.Peer, _ []string) { p.Kill() })
	err := Watch(t.Context(), On(c), []string{"k"}, func(*Tx) error { t.Error("called"); return nil })
	check(t, "class", ClassOf(err) == ClassNotSent && conn.ClassOf(err) == ClassNotSent)
	check(t, "text", err != nil && !strings.Contains(err.Error(), "may have been executed"))
}

func TestWhereMultiIsRefusedTheErrorSaysWhatWasExecuted(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ok(t, c, ACLSetUser("nomulti", "on", ">pw", "~*", "&*", "+@all", "-multi", "-del"))
		defer func() { want(t, c, ACLDelUser("nomulti"), 1) }() // others count the users
		u, err := conn.Dial(t.Context(), conn.Options{Addr: c.Addr(), Username: "nomulti", Password: "pw", Protocol: c.Proto()})
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		var p Pipeline
		n, del := Incr("n").Queue(&p), Del("n").Queue(&p)
		err = p.Exec(t.Context(), On(u))
		var alone *NoMultiError
		if !errors.As(err, &alone) || alone.Executed != 1 || alone.Queued != 2 {
			t.Fatalf("%v", err)
		}
		check(t, "class", ClassOf(err) == ClassMaybeExecuted && conn.ClassOf(err) == ClassMaybeExecuted)
		check(t, "cause", errors.Is(err, ErrNoPerm) && strings.Contains(err.Error(), "executed 1 of 2 commands"))
		v, verr := n.Value()
		check(t, "the reply that came", v == 1 && verr == nil)
		check(t, "the refusal that came", errors.Is(del.Err(), ErrNoPerm))
		want(t, c, As(Get("n"), Int), 1)
	})
}

func TestWhereEverythingIsRefusedWithMultiNothingWasExecuted(t *testing.T) {
	s, c := fake(t)
	for _, name := range []string{"MULTI", "INCR", "EXEC"} {
		s.ReplyOnce(name, "-LOADING Redis is loading the dataset in memory\r\n")
	}
	var p Pipeline
	n := Incr("n").Queue(&p)
	err := p.Exec(t.Context(), On(c))
	check(t, "class", errors.Is(err, ErrLoading) && ClassOf(err) == ClassRejected && errors.Is(n.Err(), ErrLoading))
}

func TestAnAbortedTransactionMatchesTheServersOwnWord(t *testing.T) {
	c := dial(t, 3)
	var p Pipeline
	New(Raw, "NOSUCHCMD").Queue(&p)
	err := p.Exec(t.Context(), On(c))
	check(t, "EXECABORT", errors.Is(err, ErrExecAbort) && errors.Is(err, ErrTxAborted) && ClassOf(err) == ClassRejected)
}

func TestAScriptRefusedInsideMultiIsRefused(t *testing.T) {
	s, c := fake(t)
	s.ReplyOnce("EVAL", "-LOADING in words of its own\r\n")
	s.ReplyOnce("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n")
	var p Pipeline
	f := Eval(Int, "return 1", nil).Queue(&p)
	err := p.Exec(t.Context(), On(c))
	check(t, "nothing has run it", ClassOf(err) == ClassRejected && ClassOf(f.Err()) == ClassRejected)
}
