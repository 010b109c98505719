package redis

import (
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

func TestAScriptRunsWhetherOrNotTheServerKnowsIt(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ok(t, c, ScriptFlush(false))
		s := NewScript(`return redis.call("INCRBY", KEYS[1], ARGV[1])`, Int)
		for i := range 3 {
			n, err := s.Do(t.Context(), c, []string{"n"}, 5)
			check(t, "sum", n == int64(5*(i+1)) && err == nil)
		}
		want(t, c, ScriptExists(s.Hash()), []bool{true})
		ok(t, c, ScriptFlush(false))
		want(t, c, s.Load(), s.Hash())
		n, err := s.Run(t.Context(), c, []string{"n"}, resp.Int(1))
		check(t, "run", n == 16 && err == nil)
		_, err = s.Do(t.Context(), c, []string{"n"}, struct{}{})
		var arg *ArgError
		check(t, "a bad argument", errors.As(err, &arg))
		_, err = s.ReadOnly().Do(t.Context(), c, []string{"n"}, 1)
		check(t, "read-only", err != nil && strings.Contains(err.Error(), "Write commands are not allowed"))
		check(t, "source", strings.Contains(s.Source(), "INCRBY"))
	})
}

func TestScriptsWorkInPipelinesAndTransactionsOnAFreshServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		s := NewScript(`return redis.call("INCR", KEYS[1])`, Int)
		for _, exec := range []bool{false, true} {
			ok(t, c, ScriptFlush(false))
			ok(t, c, FlushAll(false))
			var p Pipeline
			s.Queue(&p, []string{"n"})
			bad := s.Queue(&p, nil, struct{}{})
			check(t, "a bad argument stops all", p.Do(t.Context(), c) != nil && bad.Err() != nil)

			p.Reset()
			a := s.Queue(&p, []string{"n"})
			b := Get("n").Queue(&p) // must see a: no retry after the fact
			d := s.QueueArgs(&p, []string{"n"})
			check(t, "EVAL, then EVALSHA", queuedName(&p, 0) == "EVAL" && queuedName(&p, 2) == "EVALSHA")
			var err error
			if exec {
				err = p.Exec(t.Context(), On(c))
			} else {
				err = p.Do(t.Context(), c)
			}
			av, e1 := a.Value()
			bv, e2 := b.Value()
			dv, e3 := d.Value()
			if err != nil || errors.Join(e1, e2, e3) != nil || av != 1 || bv != "1" || dv != 2 {
				t.Error(err, e1, e2, e3, av, bv, dv)
			}
			e := s.Queue(&p, []string{"n"})
			check(t, "EVAL again after a flush", queuedName(&p, 0) == "EVAL" && p.Do(t.Context(), c) == nil && e.Err() == nil)
		}
	})
}

// queuedName is the name of the ith command since the last flush.
func queuedName(p *Pipeline, i int) string {
	cmd := p.queued.Command(i)
	return strings.Clone(cmd.Name())
}

func TestLuaHasNamedKeysAndArguments(t *testing.T) {
	c := dial(t, 3)
	l := NewLua(`redis.call("SET", _:key, _:value-1) redis.call("SET", _:key2, _:value*2)
		return {redis.call("GET", _:key), redis.call("GET", _:key2)}`, []string{"key", "key2"}, []string{"value"}, Texts)
	if err := l.Invalid(); err != nil {
		t.Fatal(err)
	}
	check(t, "text", strings.Contains(l.Script().Source(), `SET", KEYS[2], ARGV[1]*2`))
	got, err := l.Do(t.Context(), c, Params{"key2": "b", "key": "a"}, Params{"value": 7})
	check(t, "reply", err == nil && strings.Join(got, " ") == "6 14")

	var p Pipeline
	f := l.Queue(&p, Params{"key": "a", "key2": "b"}, Params{"value": "3"})
	check(t, "pipeline", p.Do(t.Context(), c) == nil && f.Err() == nil)

	dashed := NewLua(`return _:my-arg.is?`, nil, []string{"my-arg.is?"}, Text)
	s, err := dashed.Do(t.Context(), c, nil, Params{"my-arg.is?": "x"})
	check(t, "names as in carmine", s == "x" && err == nil)
}

func TestLuaRefusesWrongNamesBeforeAnyIO(t *testing.T) {
	keys, args := []string{"k"}, []string{"a"}
	for name, l := range map[string]*Lua[int64]{
		"not declared":          NewLua(`return _:k .. _:a .. _:b`, keys, args, Int),
		"declared but not used": NewLua(`return _:k`, keys, args, Int),
		"declared twice":        NewLua(`return _:k`, keys, keys, Int),
	} {
		_, err := l.Do(t.Context(), nil, Params{"k": "k"}, Params{"a": 1})
		var arg *ArgError
		if !errors.As(err, &arg) || !strings.Contains(err.Error(), name) || l.Invalid() == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := NewLua(`return _:k .. _:a`, keys, args, Int)
	for _, args := range []Params{{}, {"a": struct{}{}}, {"a": 1, "b": 2}} {
		if _, err := l.Do(t.Context(), nil, Params{"k": "k"}, args); err == nil {
			t.Error(args)
		}
		var p Pipeline
		l.Queue(&p, Params{"k": "k"}, args)
		check(t, "pipeline", p.Do(t.Context(), nil) != nil)
	}
}

func TestAScriptIsSentAgainWhenTheServerHasChangedInTheMiddleOfAPipeline(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		s := NewScript(`return redis.call("INCR", KEYS[1])`, Int)
		other := NewScript(`return redis.call("INCRBY", KEYS[1], ARGV[1])`, Int)
		var p Pipeline
		a := s.Queue(&p, []string{"n"})
		other.Queue(&p, []string{"n"}, 10)
		flush := ScriptFlush(false).Queue(&p) // from here on it is another server
		b := s.Queue(&p, []string{"n"})
		d := other.Queue(&p, []string{"n"}, 100)
		e := s.Queue(&p, []string{"n"})
		if err := p.Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		av, _ := a.Value()
		bv, e1 := b.Value()
		dv, e2 := d.Value()
		ev, e3 := e.Value()
		if av != 1 || bv != 12 || dv != 112 || ev != 113 || errors.Join(flush.Err(), e1, e2, e3) != nil {
			t.Error(av, bv, dv, ev, flush.Err(), e1, e2, e3)
		}

		ok(t, c, ScriptFlush(false))
		p.Reset()
		s.Queue(&p, []string{"n"})
		ScriptFlush(false).Queue(&p)
		lost := s.Queue(&p, []string{"n"})
		behind := Get("n").Queue(&p)
		check(t, "the pipeline", p.Do(t.Context(), c) == nil)
		v, err := behind.Value()
		check(t, "never out of order", errors.Is(lost.Err(), ErrNoScript) && v == "114" && err == nil)
	})
}

func TestAReadOnlyScriptRunsOnAReplicaAlsoInAPipeline(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ok(t, c, Set("k", "v"))
		ok(t, c, ScriptFlush(false))
		ok(t, c, ReplicaOf("127.0.0.1", 1))
		defer func() { ok(t, c, ReplicaOfNoOne()) }()
		s := NewScript(`return redis.call("GET", KEYS[1])`, Text).ReadOnly()
		bySha, bySource := s.EvalSha(nil), s.Eval(nil)
		check(t, "flag", bySha.Command.Flags()&bySource.Command.Flags()&resp.ReadOnly != 0)
		v, err := s.Do(t.Context(), c, []string{"k"})
		check(t, "alone", v == "v" && err == nil)
		var p Pipeline
		a, b := s.Queue(&p, []string{"k"}), s.Queue(&p, []string{"k"})
		check(t, "pipeline", p.Do(t.Context(), c) == nil && a.Err() == nil && b.Err() == nil)
	})
}

func TestFunctionsRunDirectlyAndInPipelinesAndTransactions(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		want(t, c, FunctionLoad("#!lua name=mylib\n"+
			"redis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)\n"+
			"redis.register_function{function_name='look', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}", true), "mylib")
		want(t, c, FCall(Int, "add", []string{"n"}, resp.Int(5)), 5)
		want(t, c, FCallRO(Text, "look", []string{"n"}), "5")
		var p Pipeline
		a := FCall(Int, "add", []string{"n"}, resp.Int(1)).Queue(&p)
		check(t, "pipeline", p.Do(t.Context(), c) == nil && a.Err() == nil)
		b := FCall(Int, "add", []string{"n"}, resp.Int(1)).Queue(&p)
		check(t, "transaction", p.Exec(t.Context(), On(c)) == nil)
		v, err := b.Value()
		check(t, "sum", v == 7 && err == nil)
	})
}
