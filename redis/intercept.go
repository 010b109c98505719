package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Interceptor is told of each call before it begins. It returns the context to
// go on with and a function that is told how the call has ended, or nil. Both
// run on the goroutine of the call; they must be safe for concurrent use. It keeps a
// call from being made by returning [RefuseCall] of the context.
type Interceptor func(ctx context.Context, call Call) (context.Context, func(Outcome))

// RefusalError is the error of a call that an [Interceptor] has refused. Nothing was
// sent: its class is [ClassNotSent].
type RefusalError struct{ Err error }

// Error implements error.
func (e *RefusalError) Error() string { return "redis: refused by an interceptor: " + e.Err.Error() }

// Unwrap returns the interceptor's reason within a [conn.Error].
func (e *RefusalError) Unwrap() error {
	return &conn.Error{Op: conn.OpWait, Class: ClassNotSent, Err: e.Err}
}

// RefuseCall returns a context by which an [Interceptor] refuses the call that it is told
// of: the call returns a [RefusalError] with reason, and interceptors further inside are
// not told of it.
func RefuseCall(ctx context.Context, reason error) context.Context {
	return context.WithValue(ctx, refusalKey{}, &RefusalError{reason})
}

type refusalKey struct{}

// Names of calls that are not one command.
const (
	CallPipeline = "PIPELINE" // commands that are sent together
	CallMulti    = "MULTI"    // the commands of a transaction
	CallLease    = "LEASE"    // the use of an exclusive connection
)

// Call is what an [Interceptor] is told before.
type Call struct {
	// Name is that of the command, or [CallPipeline], [CallMulti], [CallLease].
	Name string

	// Commands are those of the call. They must not be kept or changed. Their
	// arguments may be secret: show them by [Redacted].
	Commands []resp.Command
}

// String returns the name, and the commands as [Redacted] shows them, the first
// few of many.
func (c Call) String() string {
	var b strings.Builder
	if len(c.Commands) != 1 {
		b.WriteString(c.Name)
	}
	for i, cmd := range c.Commands {
		if i == shownCommands {
			b.WriteString("; (" + strconv.Itoa(len(c.Commands)-i) + " more)")
			break
		}
		if i > 0 || len(c.Commands) != 1 {
			b.WriteString("; ")
		}
		b.WriteString(Redacted(cmd))
	}
	return b.String()
}

// shownCommands is how many commands of a call its text holds.
const shownCommands = 4

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
	// Callback says that Err is what the caller's own function has returned from a
	// lease, unless that is an error of this module.
	Callback bool
}

// Intercepted is a [Doer], and a [Leaser] if the Doer inside is one, whose calls
// are told to interceptors. Without any it costs nothing, and a program that does
// not intercept has nothing of it on its way.
type Intercepted struct {
	d  Doer
	is []Interceptor
}

// Intercept returns d with interceptors, of which the first is the outermost.
func Intercept(d Doer, is ...Interceptor) *Intercepted { return &Intercepted{d, is} }

// Unwrap returns the Doer inside, for [Under].
func (t *Intercepted) Unwrap() Doer { return t.d }

// ErrNoLeaser is returned by [Intercepted.WithConn] when the Doer inside lends no
// connections.
var ErrNoLeaser = errors.New("redis: intercept: the doer lends no connections")

// Do implements [Doer].
func (t *Intercepted) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if len(t.is) == 0 {
		return t.d.Do(ctx, cmd)
	}
	return t.do(ctx, cmd)
}

func (t *Intercepted) do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	ctx, w := t.begin(ctx, Call{Name: cmd.Name(), Commands: []resp.Command{cmd}})
	if w.refusal != nil {
		return resp.Reply{}, w.refuse()
	}
	r, err := t.d.Do(ctx, cmd)
	if err == nil {
		w.reply(r.Value)
	}
	w.end(err)
	return r, err
}

// DoBatch implements [Doer].
func (t *Intercepted) DoBatch(ctx context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	b := resp.BatchOf(cmds)
	return t.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(each))
}

// DoEncoded implements [EncodedDoer].
func (t *Intercepted) DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	if len(t.is) == 0 {
		return doEncoded(ctx, t.d, cmds, from, to)
	}
	ctx, w := t.begin(ctx, Call{Name: CallPipeline, Commands: cmds.Commands(from)})
	if w.refusal != nil {
		return w.refuse()
	}
	err := doEncoded(ctx, t.d, cmds, from, w.receiver(to))
	w.end(err)
	return err
}

// WithConn implements [Leaser]. It is told as one call, CallLease. What fn does with
// the connection is told if it does it through [Intercepted.On]. [Pipeline.Exec] is told
// as one call, CallMulti, instead; what is read through a [Tx] is told as well.
func (t *Intercepted) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	l, ok := t.d.(Leaser)
	if !ok {
		return ErrNoLeaser
	}
	if len(t.is) == 0 {
		return l.WithConn(ctx, fn)
	}
	ctx, w := t.begin(ctx, Call{Name: CallLease})
	if w.refusal != nil {
		return w.refuse()
	}
	err := l.WithConn(ctx, func(c *conn.Conn) error {
		own := fn(c)
		w.out.Callback = own != nil && ClassOf(own) == ClassNone
		return own
	})
	w.end(err)
	return err
}

// On returns a leased connection with the interceptors of t, so that they are told of
// the calls inside a lease.
func (t *Intercepted) On(c *conn.Conn) *Intercepted { return Intercept(c, t.is...) }

// Pin implements [Pinner]: the Doer that it returns is intercepted as well. It is t
// itself if the Doer inside is no Pinner.
func (t *Intercepted) Pin() Doer {
	if p, ok := t.d.(Pinner); ok {
		return Intercept(p.Pin(), t.is...)
	}
	return t
}

// exec runs a transaction as one call.
func (t *Intercepted) exec(ctx context.Context, p *Pipeline) error {
	l, ok := t.d.(Leaser)
	if !ok {
		return ErrNoLeaser
	}
	first := p.ran
	ctx, w := t.begin(ctx, Call{Name: CallMulti, Commands: p.queued.Commands(0)})
	if w.refusal != nil {
		return w.refuse()
	}
	err := p.Exec(ctx, l)
	for i := first; err == nil && i < p.ran; i++ {
		if v, unknown := p.reply(i); unknown == nil {
			w.reply(v)
		}
	}
	w.end(err)
	return err
}

// watched is a call under way.
type watched struct {
	start    time.Time
	attempts atomic.Int32
	out      Outcome
	ends     []func(Outcome)
	refusal  *RefusalError
	to       resp.Receiver // of a batch
}

// Receive implements resp.Receiver.
func (w *watched) Receive(i int, v resp.Value) {
	w.reply(v)
	w.to.Receive(i, v)
}

// watchedRuns is watched for who takes many replies at a time. No error is among those.
type watchedRuns struct {
	*watched
	resp.RunReceiver
}

// Receive implements resp.Receiver.
func (w watchedRuns) Receive(i int, v resp.Value) { w.watched.Receive(i, v) }

// receiver returns w as the receiver of the replies that to is to get.
func (w *watched) receiver(to resp.Receiver) resp.Receiver {
	w.to = to
	if runs, ok := to.(resp.RunReceiver); ok {
		return watchedRuns{w, runs}
	}
	return w
}

// refuse ends a call that an interceptor has refused.
func (w *watched) refuse() error {
	w.end(w.refusal)
	return w.refusal
}

func (t *Intercepted) begin(ctx context.Context, c Call) (context.Context, *watched) {
	w := &watched{start: time.Now(), ends: make([]func(Outcome), 0, len(t.is))}
	ctx = context.WithValue(ctx, attemptsKey{}, &w.attempts)
	for _, i := range t.is {
		next, end := i(ctx, c)
		if next != nil {
			ctx = next
		}
		if end != nil {
			w.ends = append(w.ends, end)
		}
		if w.refusal = refusalOf(next); w.refusal != nil {
			break
		}
	}
	return ctx, w
}

func refusalOf(ctx context.Context) *RefusalError {
	if ctx == nil {
		return nil
	}
	e, _ := ctx.Value(refusalKey{}).(*RefusalError)
	return e
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

// CountAttempt is for Doers that retry: called with the context of the call for
// each attempt, the first included, it lets interceptors know how many there were.
// A Doer that never retried need not call it.
func CountAttempt(ctx context.Context) {
	if n, ok := ctx.Value(attemptsKey{}).(*atomic.Int32); ok {
		n.Add(1)
	}
}
