package redis_test

import (
	"context"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

// dialer is a Doer with an optional interface.
type dialer struct{ redistest.Func }

func (dialer) Dial(context.Context) (*conn.Conn, error) { return nil, nil }

type source interface {
	Dial(context.Context) (*conn.Conn, error)
}

func TestWhatADoerWrapsIsFoundUnderAnyNumberOfInterceptors(t *testing.T) {
	inner := dialer{func([]string) string { return redistest.Int(1) }}
	var d redis.Doer = inner
	for range 3 {
		if _, ok := redis.Under[source](d); !ok {
			t.Fatalf("not found under %T", d)
		}
		d = redis.Intercept(d)
	}
	if _, ok := redis.Under[redis.Mover](d); ok {
		t.Error("found a Mover that is not there")
	}
	if _, ok := redis.Under[source](nil); ok {
		t.Error("found something in nothing")
	}
	if got, ok := redis.Under[redis.Doer](d); !ok || got != d {
		t.Error("a Doer is a Doer itself, not what it wraps")
	}
}

func TestAnIdempotentScriptIsFlaggedInEveryForm(t *testing.T) {
	s := redis.NewScript("return 1", redis.Int)
	flagged := func(c resp.Command) bool { return c.Flags()&resp.Idempotent != 0 }
	if flagged(s.Eval(nil).Command) {
		t.Error("a script is idempotent without having been said to be")
	}
	again := s.Idempotent()
	for name, c := range map[string]resp.Command{
		"EVAL": again.Eval(nil).Command, "EVALSHA": again.EvalSha(nil).Command,
	} {
		if !flagged(c) {
			t.Errorf("%s is not flagged", name)
		}
	}
	if flagged(s.Eval(nil).Command) {
		t.Error("the script itself has changed")
	}
}
