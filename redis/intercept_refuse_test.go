package redis

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

func TestAnInterceptorRefusesCalls(t *testing.T) {
	s, c := fake(t)
	why := errors.New("not on a Sunday")
	var told []string
	outer := func(ctx context.Context, call Call) (context.Context, func(Outcome)) {
		return ctx, func(o Outcome) { told = append(told, call.Name+" "+o.Class.String()) }
	}
	refuse := func(ctx context.Context, _ Call) (context.Context, func(Outcome)) { return RefuseCall(ctx, why), nil }
	inner := func(ctx context.Context, _ Call) (context.Context, func(Outcome)) {
		t.Error("told of a refused call")
		return ctx, nil
	}
	d := Intercept(owner{c}, outer, refuse, inner)
	var p, tx Pipeline
	Get("k").Queue(&p)
	Get("k").Queue(&tx)
	_, err := Get("k").Do(t.Context(), d)
	for _, err := range []error{err, p.Do(t.Context(), d), tx.Exec(t.Context(), d), d.WithConn(t.Context(), nil)} {
		if !errors.Is(err, why) || ClassOf(err) != ClassNotSent || conn.ClassOf(err) != ClassNotSent {
			t.Error(err)
		}
	}
	want := []string{"GET not sent", "PIPELINE not sent", "MULTI not sent", "LEASE not sent"}
	if !slices.Equal(told, want) || s.Count("GET") != 0 {
		t.Error(told)
	}
}

// owner is a Client of one connection.
type owner struct{ *conn.Conn }

func (o owner) WithConn(_ context.Context, fn func(*conn.Conn) error) error { return fn(o.Conn) }

func TestCallsInsideLeasesAndTransactionsAreTold(t *testing.T) {
	_, c := fake(t)
	var told []string
	d := Intercept(owner{c}, func(ctx context.Context, call Call) (context.Context, func(Outcome)) {
		told = append(told, call.Name)
		return ctx, nil
	})
	err := d.WithConn(t.Context(), func(c *conn.Conn) error {
		_, err := Optional(Get("k")).Do(t.Context(), d.On(c))
		return err
	})
	check(t, "lease", err == nil && slices.Equal(told, []string{CallLease, "GET"}))
	told = nil
	err = Transact(t.Context(), d, TxOptions{}, func(ctx context.Context, tx *Tx) error {
		_, err := Optional(Get("k")).Do(ctx, tx)
		Incr("n").Queue(&tx.Pipeline)
		return err
	})
	if err != nil || !slices.Equal(told, []string{CallLease, "GET", CallMulti}) {
		t.Error(told, err)
	}
}

func TestLogIsQuietAboutWhatIsNormal(t *testing.T) {
	_, c := fake(t)
	var out bytes.Buffer
	d := Intercept(owner{c}, Log(slog.New(slog.NewTextHandler(&out, nil)), LogOptions{}))
	_ = d.WithConn(t.Context(), func(*conn.Conn) error { return io.ErrUnexpectedEOF })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = Get("k").Do(ended, d)
	real := Intercept(owner{dial(t, 3)}, Log(slog.New(slog.NewTextHandler(&out, nil)), LogOptions{}))
	_, err := NewScript(`return 1 -- never seen before`, Int).Do(t.Context(), real, nil)
	check(t, "quiet", err == nil && out.Len() == 0)
	_, _ = New(Raw, "NOSUCHCMD").Do(t.Context(), real)
	check(t, "loud", strings.Contains(out.String(), "NOSUCHCMD"))
}

func TestErrorsNameTheCommandAndTheWayOut(t *testing.T) {
	c := dial(t, 3)
	get(t, c, Set("s", "abc").Cmd())
	get(t, c, LPush("l", "1"))
	for name, row := range map[string]struct {
		err  error
		want []string
	}{
		"no integer":    {errOf(As(Get("s"), Int).Do(t.Context(), c)), []string{"redis: GET:", "integer", "bulk string", "redis.As"}},
		"no number":     {errOf(As(Get("s"), Float).Do(t.Context(), c)), []string{"GET", "number"}},
		"no unsigned":   {errOf(As(Get("s"), Uint).Do(t.Context(), c)), []string{"GET", "unsigned integer"}},
		"no string":     {errOf(As(LRange("l", 0, -1), Text).Do(t.Context(), c)), []string{"LRANGE", "string", "array"}},
		"nothing there": {errOf(Get("none").Do(t.Context(), c)), []string{"null reply", "does not exist"}},
		"wrong type":    {errOf(Get("l").Do(t.Context(), c)), []string{"WRONGTYPE"}},
		"bare number":   {errOf(Expire("s", 60).Do(t.Context(), c)), []string{"PEXPIRE", "60ns", "60*time.Second"}},
		"no keys":       {errOf(Del().Do(t.Context(), c)), []string{"redis: DEL: no keys"}},
		"two lives":     {errOf(SetWith("s", "v", SetOptions{TTL: 1e9, KeepTTL: true}).Do(t.Context(), c)), []string{"SET", "TTL", "KeepTTL"}},
	} {
		for _, part := range row.want {
			if row.err == nil || !strings.Contains(row.err.Error(), part) || strings.Contains(row.err.Error(), "not a valid") {
				t.Errorf("%s: %v, want %q", name, row.err, part)
			}
		}
	}
	n, err := As(Incr("n"), Uint).Do(t.Context(), c)
	check(t, "unsigned", n == 1 && err == nil)
	big, err := Uint(resp.AppendBulk(nil, "18446744073709551615"))
	check(t, "all bits", big == 1<<64-1 && err == nil)
}

func errOf[T any](_ T, err error) error { return err }

func TestANilContextPanicsInWords(t *testing.T) {
	_, c := fake(t)
	var p Pipeline
	Get("k").Queue(&p)
	var none context.Context
	for name, call := range map[string]func(){
		"Cmd":      func() { _, _ = Get("k").Do(none, c) },
		"Status":   func() { _ = Set("k", "v").Do(none, c) },
		"Into":     func() { _, _ = GetInto("k", nil).Do(none, c) },
		"Pipeline": func() { _ = p.Do(none, c) },
		"Exec":     func() { _ = p.Exec(none, On(c)) },
		"Watch":    func() { _ = Watch(none, On(c), nil, nil) },
		"Transact": func() { _ = Transact(none, On(c), TxOptions{}, nil) },
	} {
		func() {
			defer func() {
				if r, _ := recover().(string); !strings.Contains(r, "nil context") {
					t.Errorf("%s: %v", name, r)
				}
			}()
			call()
		}()
	}
}
