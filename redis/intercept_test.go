package redis

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// noted is what an interceptor was told of one call.
type noted struct {
	call string
	out  Outcome
}

// noting returns an interceptor that appends to notes.
func noting(notes *[]noted) Interceptor {
	return func(ctx context.Context, c Call) (context.Context, func(Outcome)) {
		text := c.String()
		return ctx, func(out Outcome) { *notes = append(*notes, noted{text, out}) }
	}
}

func TestInterceptorsAreToldOfEachCallAndItsOutcome(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		var notes []noted
		d := Intercept(leased{c}, noting(&notes))
		ok(t, d, Set("k", "text"))
		fails(t, d, Get("none"), ErrNil)
		fails(t, d, LLen("k"), ErrWrongType)
		var p Pipeline
		Incr("k").Queue(&p)
		Get("none").Queue(&p)
		check(t, "pipeline", p.Do(t.Context(), d) == nil)
		p.Reset()
		Incr("n").Queue(&p)
		Incr("k").Queue(&p)
		check(t, "transaction", p.Exec(t.Context(), d) == nil)
		check(t, "transact", Transact(t.Context(), d, TxOptions{Watch: []string{"n"}}, func(_ context.Context, tx *Tx) error {
			Incr("n").Queue(&tx.Pipeline)
			return nil
		}) == nil)
		for i, want := range []struct {
			call   string
			class  Class
			errors int
		}{
			{`SET "k" "text"`, ClassNone, 0},
			{`GET "none"`, ClassNone, 0},
			{`LLEN "k"`, ClassAnswered, 1},
			{`PIPELINE; INCR "k"; GET "none"`, ClassAnswered, 1},
			{`MULTI; INCR "n"; INCR "k"`, ClassAnswered, 1},
			{`INCR "n"`, ClassNone, 0}, // the transaction inside the lease, which ends first
			{`LEASE`, ClassNone, 0},
		} {
			got := notes[i]
			if got.call != want.call || got.out.Class != want.class || got.out.Errors != want.errors || got.out.Attempts != 1 || got.out.Duration <= 0 {
				t.Errorf("%d: %+v, want %+v", i, got, want)
			}
		}
		check(t, "nothing else", len(notes) == 7)
	})
}

// leased is a connection as a Leaser and Doer.
type leased struct{ *conn.Conn }

func (l leased) WithConn(_ context.Context, fn func(*conn.Conn) error) error { return fn(l.Conn) }

func TestTheFirstInterceptorIsTheOutermost(t *testing.T) {
	type key struct{}
	var order []string
	named := func(name string) Interceptor {
		return func(ctx context.Context, _ Call) (context.Context, func(Outcome)) {
			before, _ := ctx.Value(key{}).(string)
			order = append(order, before+name)
			return context.WithValue(ctx, key{}, before+name), func(Outcome) { order = append(order, "end "+name) }
		}
	}
	silent := func(context.Context, Call) (context.Context, func(Outcome)) { return nil, nil }
	d := Intercept(&canned{reply: resp.Value("+OK\r\n")}, named("a"), silent, named("b"))
	ok(t, d, Set("k", "v"))
	if got := strings.Join(order, ","); got != "a,ab,end b,end a" {
		t.Error(got)
	}
}

func TestInterceptorsAreToldHowOftenACallWasTried(t *testing.T) {
	var notes []noted
	d := Intercept(&retrying{}, noting(&notes))
	_, err := Get("k").Do(t.Context(), d)
	check(t, "the error", errors.Is(err, errLost) && errors.Is(notes[0].out.Err, errLost))
	check(t, "three attempts", notes[0].out.Attempts == 3)
	CountAttempt(t.Context()) // without interceptors it does nothing
}

// retrying fails after three attempts.
type retrying struct{ canned }

func (*retrying) Do(ctx context.Context, _ resp.Command) (resp.Reply, error) {
	for range 3 {
		CountAttempt(ctx)
	}
	return resp.Reply{}, errLost
}

func TestInterceptedLendsOnlyWhatItHas(t *testing.T) {
	fine := noting(new([]noted))
	d := Intercept(&canned{}, fine)
	err := d.WithConn(t.Context(), func(*conn.Conn) error { return nil })
	check(t, "no leaser", errors.Is(err, ErrNoLeaser))
	var p Pipeline
	Incr("n").Queue(&p)
	check(t, "no transaction", errors.Is(p.Exec(t.Context(), d), ErrNoLeaser))
}

func TestTheTextOfACallIsShortAndHoldsNoPassword(t *testing.T) {
	secret := New(Raw, "AUTH", "user", "hunter2").Command
	call := Call{Name: CallPipeline, Commands: []resp.Command{secret, secret, secret, secret, secret, secret}}
	if got := call.String(); got != "PIPELINE; AUTH *** ***; AUTH *** ***; AUTH *** ***; AUTH *** ***; (2 more)" {
		t.Error(got)
	}
}

func TestRedactedHidesPasswordsAndShortensTheRest(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, row := range []struct {
		cmd  resp.Command
		want string
	}{
		{Get("k").Command, `GET "k"`},
		{Set("k", long).Command, `SET "k" "` + long[:32] + `"...100B`},
		{MGet("1", "2", "3", "4", "5", "6", "7", "8", "9", "10").Command, `MGET "1" "2" "3" "4" "5" "6" "7" "8" (2 more)`},
		{resp.NewCommand("auth", resp.String("pw")), `auth ***`},
		{resp.NewCommand("HELLO", resp.Int(3), resp.String("AUTH"), resp.String("u"), resp.String("pw")), `HELLO "3" "AUTH" *** ***`},
		{resp.NewCommand("ACL", resp.String("SETUSER"), resp.String("u"), resp.String(">pw")), `ACL "SETUSER" "u" ***`},
		{New(Raw, "ACL SETUSER", "u", ">pw").Command, `ACL SETUSER "u" ***`},
		{New(Raw, "CONFIG SET", "maxmemory", "1", "requirepass", "pw").Command, `CONFIG SET "maxmemory" "1" "requirepass" ***`},
		{New(Raw, "CONFIG SET", "maxmemory", "1").Command, `CONFIG SET "maxmemory" "1"`},
		{resp.NewCommand("config", resp.String("set"), resp.String("masterauth"), resp.String("pw")), `config "set" "masterauth" ***`},
		{New(Raw, "SENTINEL SET", "mymaster", "auth-pass", "pw").Command, `SENTINEL SET "mymaster" "auth-pass" ***`},
		{SentinelConfigSet("sentinel-pass", "pw").Command, `SENTINEL CONFIG "SET" "sentinel-pass" ***`},
		{SentinelConfigSet("announce-ip", "::1").Command, `SENTINEL CONFIG "SET" "announce-ip" "::1"`},
		{SentinelConfigGet("sentinel-pass").Command, `SENTINEL CONFIG "GET" "sentinel-pass"`},
		{New(Raw, "SENTINEL", "CONFIG", "SET", "sentinel-pass", "pw").Command, `SENTINEL "CONFIG" "SET" "sentinel-pass" ***`},
		{New(Raw, "SENTINEL CONFIG SET", "sentinel-pass", "pw").Command, `SENTINEL CONFIG SET "sentinel-pass" ***`},
		{ModuleLoadEx("m.so", ModuleLoadOptions{Config: []string{"m.password", "pw"}, Args: []string{"pw"}}).Command, `MODULE LOADEX "m.so" *** *** *** *** ***`},
		{New(Raw, "MODULE", "LOADEX", "m.so", "CONFIG", "m.key", "pw").Command, `MODULE "LOADEX" "m.so" *** *** ***`},
		{ModuleLoad("m.so", "PASSWORD", "pw").Command, `MODULE LOAD "m.so" *** ***`},
		{ACLDryRun("u", "AUTH", "a", "pw").Command, `ACL DRYRUN "u" "AUTH" *** ***`},
		{ACLDryRun("u", "CONFIG", "SET", "requirepass", "pw").Command, `ACL DRYRUN "u" "CONFIG" "SET" "requirepass" ***`},
		{ACLDryRun("u", "ACL", "SETUSER", "x", ">pw").Command, `ACL DRYRUN "u" "ACL" "SETUSER" "x" ***`},
		{ACLDryRun("u", "SET", "k", "v").Command, `ACL DRYRUN "u" "SET" "k" "v"`},
		{New(Raw, "ACL", "DRYRUN", "u", "auth", "pw").Command, `ACL "DRYRUN" "u" "auth" ***`},
		{New(Raw, "MIGRATE", "h", "6379", "k", "0", "9", "AUTH2", "u", "pw").Command, `MIGRATE "h" "6379" "k" "0" "9" "AUTH2" *** ***`},
	} {
		if got := Redacted(row.cmd); got != row.want {
			t.Errorf("got  %s\nwant %s", got, row.want)
		}
	}
}

func TestWhatAServerRepeatsOfASecretIsLeftOut(t *testing.T) {
	s, c := fake(t)
	for name, echo := range map[string]string{
		"AUTH":   "-ERR unknown command 'AUTH', with args beginning with: 's3cret'\r\n",
		"CONFIG": "-ERR CONFIG SET failed (possibly related to argument 's3cret') - x\r\n",
	} {
		s.Reply(name, echo)
	}
	c.SetShared(false)
	for _, cmd := range []Cmd[resp.Value]{New(Raw, "AUTH", "s3cret"), New(Raw, "CONFIG", "SET", "requirepass", "s3cret")} {
		var p Pipeline
		_, err := cmd.Do(t.Context(), c)
		f := cmd.Queue(&p)
		if err := p.Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{err, f.Err()} {
			if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "***") {
				t.Error(err)
			}
		}
	}
}

func TestLogWritesErrorsAndSlowCallsOnly(t *testing.T) {
	var out bytes.Buffer
	l := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d := Intercept(&canned{reply: resp.Value("+OK\r\n")}, Log(l, LogOptions{Slow: time.Hour, Args: true}))
	ok(t, d, Set("k", "v"))
	check(t, "a quick call is not logged", out.Len() == 0)

	d = Intercept(&canned{reply: resp.Value("+OK\r\n")}, Log(l, LogOptions{Args: true}))
	ok(t, d, Set("k", "v"))
	check(t, "a call", strings.Contains(out.String(), `level=DEBUG msg=redis command=SET`) && strings.Contains(out.String(), `text="SET \"k\" \"v\""`))
	out.Reset()

	d = Intercept(&canned{reply: resp.Value("-WRONGTYPE no\r\n")}, Log(l, LogOptions{ErrorLevel: slog.LevelError, Slow: time.Hour}))
	var p Pipeline
	Incr("a").Queue(&p)
	Incr("b").Queue(&p)
	check(t, "pipeline", p.Do(t.Context(), d) == nil)
	for _, part := range []string{"level=ERROR", "command=PIPELINE", "commands=2", `error="WRONGTYPE no"`, "class=answered", "errors=2"} {
		check(t, part+" in "+out.String(), strings.Contains(out.String(), part))
	}
	out.Reset()
	d = Intercept(&retrying{}, Log(l, LogOptions{}))
	_, _ = Get("k").Do(t.Context(), d)
	check(t, out.String(), strings.Contains(out.String(), "attempts=3") && !strings.Contains(out.String(), "text="))

	quiet := slog.New(slog.NewTextHandler(&out, nil))
	out.Reset()
	ok(t, Intercept(&canned{reply: resp.Value("+OK\r\n")}, Log(quiet, LogOptions{})), Set("k", "v"))
	check(t, "below the level", out.Len() == 0)
	check(t, "a nil logger", Log(nil, LogOptions{}) != nil)
}
