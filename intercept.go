package redis

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Interceptor is told of each call before it begins. It returns the context to
// go on with and a function that is told how the call has ended, or nil. Both
// run on the goroutine of the call; they must be safe for concurrent use.
type Interceptor func(ctx context.Context, call Call) (context.Context, func(Outcome))

// Call is what an [Interceptor] is told before.
type Call struct {
	// Name is that of the command, "PIPELINE" for several, "LEASE" for the use
	// of an exclusive connection.
	Name string

	// Commands are those of the call. They must not be kept or changed. Their
	// arguments may be secret: show them by [Redacted].
	Commands []resp.Command
}

// Outcome is what an [Interceptor] is told after.
type Outcome struct {
	// Err is why there is no reply, or the first error reply. A null is none.
	Err error
	// Class is that of Err.
	Class Class
	// Errors is how many replies were errors.
	Errors int
	// Attempts is how often the call was tried: 1 unless the Doer retries.
	Attempts int
	// Duration is from the beginning to the reply.
	Duration time.Duration
}

// Intercepted is a [Doer], and a [Leaser] if the Doer inside is one, whose calls
// are told to interceptors. A program without interceptors does not pay for them.
type Intercepted struct {
	d  Doer
	is []Interceptor
}

// Intercept returns d with interceptors, of which the first is the outermost.
func Intercept(d Doer, is ...Interceptor) *Intercepted { return &Intercepted{d, is} }

// ErrNoLeaser is returned by [Intercepted.WithConn] when the Doer inside lends no
// connections.
var ErrNoLeaser = errors.New("redis: intercept: the doer lends no connections")

// Do implements [Doer].
func (t *Intercepted) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	ctx, w := t.begin(ctx, Call{Name: cmd.Name(), Commands: []resp.Command{cmd}})
	r, err := t.d.Do(ctx, cmd)
	if err == nil {
		w.reply(r.Value)
	}
	w.end(err)
	return r, err
}

// DoBatch implements [Doer].
func (t *Intercepted) DoBatch(ctx context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	ctx, w := t.begin(ctx, Call{Name: "PIPELINE", Commands: cmds})
	err := t.d.DoBatch(ctx, cmds, func(i int, v resp.Value) {
		w.reply(v)
		each(i, v)
	})
	w.end(err)
	return err
}

// WithConn implements [Leaser]. What fn does with the connection is its own: its
// calls are not told, except by Intercept(c, ...) inside.
func (t *Intercepted) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	l, ok := t.d.(Leaser)
	if !ok {
		return ErrNoLeaser
	}
	ctx, w := t.begin(ctx, Call{Name: "LEASE"})
	err := l.WithConn(ctx, fn)
	w.end(err)
	return err
}

// watched is a call under way.
type watched struct {
	start    time.Time
	attempts *atomic.Int32
	out      Outcome
	ends     []func(Outcome)
}

func (t *Intercepted) begin(ctx context.Context, c Call) (context.Context, *watched) {
	w := &watched{start: time.Now(), attempts: new(atomic.Int32), ends: make([]func(Outcome), 0, len(t.is))}
	ctx = context.WithValue(ctx, attemptsKey{}, w.attempts)
	for _, i := range t.is {
		next, end := i(ctx, c)
		if next != nil {
			ctx = next
		}
		if end != nil {
			w.ends = append(w.ends, end)
		}
	}
	return ctx, w
}

func (w *watched) reply(v resp.Value) {
	if err := v.Err(); err != nil {
		w.out.Errors++
		if w.out.Err == nil {
			w.out.Err = err
		}
	}
}

func (w *watched) end(err error) {
	if err != nil {
		w.out.Err = err
	}
	w.out.Class = ClassOf(w.out.Err)
	w.out.Attempts = max(int(w.attempts.Load()), 1)
	w.out.Duration = time.Since(w.start)
	for i := len(w.ends) - 1; i >= 0; i-- {
		w.ends[i](w.out)
	}
}

type attemptsKey struct{}

// CountAttempt is for Doers that retry: called before each attempt, with the
// context of the call, it lets interceptors know how many there were.
func CountAttempt(ctx context.Context) {
	if n, ok := ctx.Value(attemptsKey{}).(*atomic.Int32); ok {
		n.Add(1)
	}
}
