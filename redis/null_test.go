package redis

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

func TestANullReplyNamesItsCommand(t *testing.T) {
	d := &canned{reply: resp.Value("$-1\r\n")}
	var p Pipeline
	queued := HGet("h", "f").Queue(&p)
	status := Set("k", "v").Queue(&p)
	if err := p.Do(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	_, get := Get("k").Do(t.Context(), d)
	_, into := Into(Get("k"), nil).Do(t.Context(), d)
	_, module := New(Text, "JSON.GET", "k").Do(t.Context(), d)
	_, pop := BLPop(Forever, "q").Do(t.Context(), d)
	_, ttl := TTL("k").Do(t.Context(), &canned{reply: resp.Value(":-2\r\n")})
	for _, test := range []struct {
		err  error
		want string
	}{
		{get, "GET: null reply (redis.ErrNil): the key does not exist"},
		{into, "GET: null reply (redis.ErrNil): the key does not exist"},
		{queued.Err(), "HGET: null reply (redis.ErrNil): the key or the field does not exist"},
		{status.Err(), "SET: null reply (redis.ErrNil): the key did not exist before, or the condition did not hold"},
		{module, "JSON.GET: null reply (redis.ErrNil): the key, field or element does not exist"},
		{pop, "BLPOP: null reply (redis.ErrNil): nothing has come within the timeout"},
		{ttl, "PTTL: the key does not exist (redis.ErrNil)"},
	} {
		if !errors.Is(test.err, ErrNil) || !errors.Is(test.err, resp.ErrNull) || ClassOf(test.err) != ClassNone {
			t.Errorf("%v is no ErrNil, or has the class %v", test.err, ClassOf(test.err))
		}
		if test.err.Error() != "redis: "+test.want {
			t.Errorf("%q, want %q", test.err, test.want)
		}
	}
	if _, err := Optional(Get("k")).Do(t.Context(), d); err != nil {
		t.Error(err)
	}
}

// They are found by bisection.
func TestTheCommandsThatMayAnswerNullAreInOrder(t *testing.T) {
	if !slices.IsSortedFunc(nulls[:], func(a, b nullError) int { return strings.Compare(a.command, b.command) }) {
		t.Error("they are not")
	}
	for i := range nulls {
		if got := nullOf(nulls[i].command); got != &nulls[i] {
			t.Errorf("%v, want %v", got, &nulls[i])
		}
	}
}

// An error for many commands says which of them it is about.
func TestTheErrorOfAPipelineNamesACommandAndItsPlace(t *testing.T) {
	var p Pipeline
	Get("k").Queue(&p)
	Del().Queue(&p)
	Set("k", "v").Queue(&p)
	err := p.Do(t.Context(), &canned{})
	if _, ok := errors.AsType[*ArgError](err); !ok || !strings.HasPrefix(err.Error(), "redis: DEL, index 1 of the pipeline: ") {
		t.Error(err)
	}
	var tx Pipeline
	Get("k").Queue(&tx)
	tx.Add(resp.NewCommand("SUBSCRIBE", resp.String("c")))
	err = tx.Exec(t.Context(), On(nil))
	if err == nil || err.Error() != "redis: SUBSCRIBE, index 1 of the pipeline: not inside a transaction" {
		t.Error(err)
	}
}

// It says what was seen: a reply may miss something without being null.
func TestTheErrorForWhatIsMissingSaysWhatTheReplyIs(t *testing.T) {
	const inside = "an element of the reply is null (redis.ErrNil); redis.OptOf decodes one"
	var p Pipeline
	of := func(reply string) Doer { return &canned{reply: resp.Value(reply)} }
	queued := Eval(ListOf(Text), "return {1, false}", nil).Queue(&p)
	if err := p.Do(t.Context(), of("*2\r\n:1\r\n_\r\n")); err != nil {
		t.Fatal(err)
	}
	eval := func(d Decoder[[]string], reply string) error {
		return errOf(Eval(d, "return {}", nil).Do(t.Context(), of(reply)))
	}
	none := func(resp.Value) (string, error) { return "", ErrNil }
	for _, test := range []struct {
		err  error
		want string
	}{
		{eval(ListOf(Text), "*2\r\n$1\r\na\r\n$-1\r\n"), "EVAL: " + inside},
		{eval(Texts, "*2\r\n$1\r\na\r\n$-1\r\n"), "EVAL: " + inside},
		{eval(ListOf(Text), "$-1\r\n"), "EVAL: null reply (redis.ErrNil): the script has returned nil or false"},
		{queued.Err(), "EVAL: " + inside},
		{errOf(As(New(Raw, "EVAL", "s", "0"), ListOf(ListOf(Text))).Do(t.Context(), of("*1\r\n*1\r\n_\r\n"))), "EVAL: " + inside},
		{errOf(As(HGetAll("h"), MapOf(Text, Text)).Do(t.Context(), of("%1\r\n+f\r\n_\r\n"))), "HGETALL: " + inside},
		{errOf(As(Eval(Text, "return -2", nil), Millis).Do(t.Context(), of(":-2\r\n"))), "EVAL: the key, field or element does not exist (redis.ErrNil)"},
		{errOf(As(HGetAll("h"), none).Do(t.Context(), of("*0\r\n"))), "HGETALL: the key does not exist (redis.ErrNil)"},
		{errOf(TTL("k").Do(t.Context(), of(":-2\r\n"))), "PTTL: the key does not exist (redis.ErrNil)"},
		{errOf(New(Seconds, "TTL", "k").Do(t.Context(), of(":-2\r\n"))), "TTL: the key does not exist (redis.ErrNil)"},
		{errOf(ExpireTime("k").Do(t.Context(), of(":-2\r\n"))), "PEXPIRETIME: the key does not exist (redis.ErrNil)"},
		{errOf(New(Text, "XREAD", "STREAMS", "s", "0").Do(t.Context(), of("_\r\n"))), "XREAD: null reply (redis.ErrNil): nothing new"},
		{errOf(New(Text, "XREADGROUP", "GROUP").Do(t.Context(), of("*-1\r\n"))), "XREADGROUP: null reply (redis.ErrNil): nothing new"},
	} {
		if !errors.Is(test.err, ErrNil) || ClassOf(test.err) != ClassNone || test.err.Error() != "redis: "+test.want {
			t.Errorf("%v of class %v, want %q", test.err, ClassOf(test.err), test.want)
		}
	}
}
