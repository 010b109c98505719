package redis

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// answers are errors that scripts raise themselves, in words that begin like those of
// the server.
var answers = []string{
	"BUSY the lock is held", "LOADING the cache is cold", "READONLY this account is frozen", "MASTERDOWN x", "TRYAGAIN later",
	"NOREPLICAS left", "CLUSTERDOWN x", "UNBLOCKED x", "EXECABORT x", "NOSCRIPT mine", "NOAUTH sign in", "OOM basket", "ERR unknown command",
}

func TestAScriptsOwnErrorIsItsAnswer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		for _, text := range answers {
			for how, src := range map[string]string{
				"returned": `redis.call("INCR", KEYS[1]) return redis.error_reply(ARGV[1])`,
				"a table":  `redis.call("INCR", KEYS[1]) return {err = ARGV[1]}`,
				"raised":   `redis.call("INCR", KEYS[1]) error({err = ARGV[1]})`,
			} {
				ok(t, c, FlushAll(false))
				ok(t, c, ScriptFlush(false))
				s := NewScript(src, Int)
				_, first := s.Do(t.Context(), c, []string{"n"}, text)  // EVALSHA, then EVAL
				_, second := s.Do(t.Context(), c, []string{"n"}, text) // EVALSHA
				var p, tx Pipeline
				f := s.Queue(&p, []string{"n"}, text)
				g := s.Queue(&p, []string{"n"}, text)
				h := s.Queue(&tx, []string{"n"}, text)
				if err := errors.Join(p.Do(t.Context(), c), tx.Exec(t.Context(), On(c))); err != nil {
					t.Fatal(how, text, err)
				}
				for i, err := range []error{first, second, f.Err(), g.Err(), h.Err()} {
					if err == nil || !strings.HasPrefix(err.Error(), text) || ClassOf(err) != ClassAnswered {
						t.Errorf("%s, %q, call %d: %v is %v", how, text, i, err, ClassOf(err))
					}
				}
				want(t, c, As(Get("n"), Int), 5)
			}
		}
	})
}

// redis.pcall gives a script the words of a refusal after it has written.
func TestWhatAScriptHandsOnIsItsAnswer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		runs := int64(0)
		ok(t, c, FlushAll(false))
		for _, what := range []string{
			"redis.pcall('HSET','h','a','b','c')", "redis.pcall('MSET','a','b','c')", "redis.pcall('OBJECT','NOSUCH','k')",
			"redis.pcall('CLIENT','NOSUCH')", "redis.pcall('NOSUCH')", "redis.pcall('GET')",
			`{redis.error_reply("READONLY You can't write against a read only replica.")}`,
			`{1, {redis.error_reply("OOM command not allowed when used memory > 'maxmemory'.")}}`,
			`{redis.error_reply("NOSCRIPT No matching script. Please use EVAL.")}`,
		} {
			cmd := Eval(ListOf(Texts), `redis.call("INCR", KEYS[1]) return `+what, []string{"n"})
			_, alone := cmd.Do(t.Context(), c)
			var p, tx Pipeline
			f, g := cmd.Queue(&p), cmd.Queue(&tx)
			if err := errors.Join(p.Do(t.Context(), c), tx.Exec(t.Context(), On(c))); err != nil {
				t.Fatal(what, err)
			}
			for i, err := range []error{alone, f.Err(), g.Err()} {
				if ClassOf(err) != ClassAnswered {
					t.Errorf("%s, call %d: %v is %v", what, i, err, ClassOf(err))
				}
			}
			runs += 3
			want(t, c, As(Get("n"), Int), runs)
		}
	})
}

func TestAReplyThatDoesNotFitNamesItsCommandEverywhere(t *testing.T) {
	c := dial(t, 3)
	cmd := Eval(Texts, "return 1", nil)
	_, alone := cmd.Do(t.Context(), c)
	var p, tx Pipeline
	f, g := cmd.Queue(&p), cmd.Queue(&tx)
	if err := errors.Join(p.Do(t.Context(), c), tx.Exec(t.Context(), On(c))); err != nil {
		t.Fatal(err)
	}
	for i, err := range []error{alone, f.Err(), g.Err()} {
		if err == nil || !strings.HasPrefix(err.Error(), "redis: EVAL: the reply is no list but an integer") || ClassOf(err) != ClassAnswered {
			t.Errorf("call %d: %v is %v", i, err, ClassOf(err))
		}
	}
}

func TestWhatAServerSaysOfAScriptBeforeItRunsIsARefusal(t *testing.T) {
	c := dial(t, 3)
	_, err := EvalSha(Int, strings.Repeat("f", 40), nil).Do(t.Context(), c)
	check(t, "unknown script", errors.Is(err, ErrNoScript) && ClassOf(err) == ClassRejected)
	ok(t, c, ReplicaOf("127.0.0.1", 1))
	defer func() { ok(t, c, ReplicaOfNoOne()) }()
	_, err = Eval(Text, "#!lua\nreturn redis.call('SET', 'a', 'b')", nil).Do(t.Context(), c)
	check(t, "flagged script on a replica", errors.Is(err, ErrReadOnly) && ClassOf(err) == ClassRejected)
	_, err = Eval(Text, "return redis.call('SET', 'a', 'b')", nil).Do(t.Context(), c)
	check(t, "met on the way", errors.Is(err, ErrReadOnly) && ClassOf(err) == ClassAnswered)
}

// noExists is a Doer whose user may not ask which scripts there are.
type noExists struct{ Doer }

func (d noExists) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if strings.HasPrefix(cmd.Name(), "SCRIPT") {
		return resp.Reply{}, errors.New("not allowed")
	}
	return d.Doer.Do(ctx, cmd)
}

func TestAScriptWhoseNoScriptNobodyCanExplainMayHaveBeenExecuted(t *testing.T) {
	c := dial(t, 3)
	const src = `if redis.call("INCR", KEYS[1]) < 0 then return redis.error_reply(ARGV[1]) end return 1`
	run := func(s *Script[int64]) error {
		ok(t, c, ScriptFlush(false))
		_, err := s.Do(t.Context(), noExists{c}, []string{"n"}, "NOSCRIPT")
		return err
	}
	s := NewScript(src, Int)
	err := run(s)
	check(t, "the class", ClassOf(err) == ClassMaybeExecuted && strings.Contains(err.Error(), "not allowed"))
	check(t, "one that may be repeated is", run(s.Idempotent()) == nil)
}
