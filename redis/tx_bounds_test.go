package redis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

func TestWatchWithoutKeysSendsNothing(t *testing.T) {
	s, c := fake(t)
	s.ResetCalls()
	called := false
	err := Watch(t.Context(), On(c), nil, func(*Tx) error { called = true; return nil })
	if err != nil || !called || len(s.Calls()) != 0 {
		t.Errorf("called %v, %v; %v was sent", called, err, s.Calls())
	}
	err = Watch(t.Context(), On(c), []string{"k"}, func(*Tx) error { return errLost })
	check(t, "its error", errors.Is(err, errLost))
	check(t, "one key is watched, and unwatched", s.Count("WATCH") == 1 && s.Count("UNWATCH") == 1)
}

func TestTransactTriesAsOftenAsItSays(t *testing.T) {
	s, _ := fake(t)
	s.Reply("EXEC", "*-1\r\n")
	l := redialling{s.Addr()}
	for attempts, want := range map[int]int{0: DefaultTxAttempts, 1: 1, 3: 3} {
		calls := 0
		err := Transact(t.Context(), l, TxOptions{Attempts: attempts, Backoff: -1}, func(_ context.Context, tx *Tx) error {
			calls++
			Incr("n").Queue(&tx.Pipeline)
			return nil
		})
		if !errors.Is(err, ErrConflict) || calls != want {
			t.Errorf("%d attempts: tried %d times, %v", attempts, calls, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := Transact(ctx, l, TxOptions{Attempts: -1, Backoff: -1}, func(_ context.Context, tx *Tx) error {
		if calls++; calls == 2*DefaultTxAttempts {
			cancel()
		}
		Incr("n").Queue(&tx.Pipeline)
		return nil
	})
	check(t, "a negative number is no limit", calls == 2*DefaultTxAttempts && errors.Is(err, context.Canceled))
}

// The place of a command is the one that it was queued at, also where the pipeline has
// run something before.
func TestAnAbortNamesTheCommandByItsPlaceInThePipeline(t *testing.T) {
	for before := range 3 {
		s, c := fake(t)
		var p Pipeline
		for range before {
			Incr("n").Queue(&p)
		}
		if err := p.Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		first, bad, last := Incr("n").Queue(&p), HLen("h").Queue(&p), Get("k").Queue(&p)
		s.ReplyOnce("MULTI", okReply)
		s.ReplyOnce("INCR", string(queuedReply))
		s.ReplyOnce("HLEN", "-ERR unknown command 'HLEN', with args beginning with: 'h' \r\n")
		s.ReplyOnce("GET", "-ERR wrong number of arguments for 'get' command\r\n")
		s.ReplyOnce("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n")
		err := p.Exec(t.Context(), On(c))
		var a *AbortError
		if !errors.As(err, &a) || a.Index != before+1 || a.Command != "HLEN" || !strings.Contains(a.Cause.Error(), "unknown command 'HLEN'") {
			t.Errorf("after %d: %+v", before, err)
		}
		check(t, "each future says why", errors.As(first.Err(), &a) && strings.Contains(bad.Err().Error(), "HLEN") && strings.Contains(last.Err().Error(), "'get'"))
	}
}

func TestWhatRanThoughMultiWasRefusedIsCounted(t *testing.T) {
	for name, row := range map[string]struct {
		replies []string // to INCR, HLEN and GET
		ran     int
	}{
		"all":            {[]string{":1\r\n", ":2\r\n", "$1\r\na\r\n"}, 3},
		"one is refused": {[]string{":1\r\n", "-NOPERM no\r\n", "$1\r\na\r\n"}, 2},
		"one fails":      {[]string{"-NOPERM no\r\n", "-WRONGTYPE no\r\n", "-NOPERM no\r\n"}, 1},
		"none":           {[]string{"-NOPERM no\r\n", "-NOPERM no\r\n", "-LOADING x\r\n"}, 0},
	} {
		s, c := fake(t)
		s.ReplyOnce("MULTI", "-NOPERM User x has no permissions to run the 'multi' command\r\n")
		for i, command := range []string{"INCR", "HLEN", "GET"} {
			s.ReplyOnce(command, row.replies[i])
		}
		s.ReplyOnce("EXEC", "-ERR EXEC without MULTI\r\n")
		var p Pipeline
		Incr("n").Queue(&p)
		HLen("h").Queue(&p)
		Get("k").Queue(&p)
		err := p.Exec(t.Context(), On(c))
		var alone *NoMultiError
		switch {
		case !errors.Is(err, ErrNoPerm):
			t.Errorf("%s: %v", name, err)
		case row.ran == 0:
			check(t, name+": nothing was executed", !errors.As(err, &alone) && ClassOf(err) == ClassRejected)
		case !errors.As(err, &alone) || alone.Executed != row.ran || alone.Queued != 3:
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATxTakesBatchesOfWhatReads(t *testing.T) {
	s, c := fake(t)
	s.SetKey("k", "v")
	err := Watch(t.Context(), On(c), []string{"k"}, func(tx *Tx) error {
		var got []string
		each := func(_ int, v resp.Value) { got = append(got, v.String()) }
		if err := tx.DoBatch(t.Context(), []resp.Command{Get("k").Command, Get("none").Command}, each); err != nil || !slices.Equal(got, []string{`"v"`, "(nil)"}) {
			t.Errorf("%q, %v", got, err)
		}
		for _, name := range []string{"FLUSHALL", "NOSUCH", "CONFIG SET"} { // without an argument
			var arg *ArgError
			if _, err := tx.Do(t.Context(), resp.NewCommand(name)); !errors.As(err, &arg) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for at := range 3 {
			cmds := []resp.Command{Get("k").Command, Get("k").Command, Get("k").Command}
			cmds[at] = Incr("n").Command
			s.ResetCalls()
			var arg *ArgError
			if err := tx.DoBatch(t.Context(), cmds, each); !errors.As(err, &arg) || len(s.Calls()) != 0 {
				t.Errorf("a write at %d: %v; sent %v", at, err, s.Calls())
			}
		}
		return nil
	})
	check(t, "watch", err == nil)
}

func TestOnlyWhatSaysThatItWasNotSentIsUnsentAfterWatch(t *testing.T) {
	for _, class := range []conn.Class{ClassNotSent, ClassRejected, ClassAnswered, ClassMaybeExecuted} {
		err := unsent(&conn.Error{Op: conn.OpWait, Class: class, Sent: 7, Err: errLost})
		want := class
		if class == ClassMaybeExecuted {
			want = ClassNotSent
		}
		check(t, class.String(), ClassOf(err) == want && errors.Is(err, errLost))
	}
}
