package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Defaults of [TxOptions].
const (
	DefaultTxAttempts  = 16
	DefaultTxBackoff   = time.Millisecond
	DefaultTxRetryTime = 10 * time.Second
	MaxTxBackoff       = 100 * time.Millisecond
)

// Tx is the connection on which keys are watched: a [Doer] that reads them, and
// a [Leaser] for [Pipeline.Exec]. It is valid during the call that got it, for
// one goroutine.
type Tx struct {
	// Pipeline is what [Transact] executes at the end. Under [Watch] it is an
	// ordinary pipeline; execute it with Exec.
	Pipeline

	c        *conn.Conn
	d        Doer // c, with the interceptors of the client that lent it
	is       []Interceptor
	told     bool // they know of the Exec that is running
	watching bool
	over     atomic.Bool // the function that got it has returned
}

// ErrTxOver is returned by a [Tx] that is used after its function has returned: its
// connection belongs to somebody else. Nothing was sent.
var ErrTxOver = errors.New("redis: transaction: used after its function has returned")

// Do implements [Doer] on the watched connection, at once, for commands that read. One
// that writes is an [ArgError], and nothing is sent: it would run now, whatever becomes
// of the transaction, and again with each attempt. Queue it: Set(k, v).Queue(&tx.Pipeline).
// The server is asked about itself here too, and further keys are watched by WATCH.
func (tx *Tx) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if err := tx.admit(&cmd); err != nil {
		return resp.Reply{}, err
	}
	if len(tx.is) == 0 {
		return tx.c.Exchange(ctx, &cmd)
	}
	return tx.d.Do(ctx, cmd)
}

// DoBatch implements [Doer] on the watched connection, for commands that read as
// [Tx.Do] has it.
func (tx *Tx) DoBatch(ctx context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	b := resp.BatchOf(cmds)
	return tx.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(each))
}

// DoEncoded implements [EncodedDoer], as DoBatch.
func (tx *Tx) DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	for i := from; i < cmds.Len(); i++ {
		cmd := cmds.Command(i)
		if err := tx.admit(&cmd); err != nil {
			return err
		}
	}
	return doEncoded(ctx, tx.d, cmds, from, to)
}

// WithConn implements [Leaser] with the watched connection.
func (tx *Tx) WithConn(_ context.Context, fn func(*conn.Conn) error) error {
	if tx.over.Load() {
		return tx.left()
	}
	return fn(tx.c)
}

func (tx *Tx) admit(cmd *resp.Command) error {
	if tx.over.Load() {
		return tx.left()
	}
	if cmd.Flags()&resp.ReadOnly != 0 || asksOnly(cmd) {
		return nil
	}
	switch strings.ToUpper(cmd.Name()) {
	case "WATCH", "UNWATCH", "WAIT", "WAITAOF":
		return nil
	}
	return &ArgError{Command: cmd.Name(), Reason: "it would run at once and outside the transaction: " +
		"queue it by Queue(&tx.Pipeline), or for a pipeline of your own by Queue(&p) and p.Exec(ctx, tx)"}
}

// asksOnly tells by the name that a command writes nothing: a write that is marked
// idempotent is one all the same.
func asksOnly(cmd *resp.Command) bool {
	const asks = resp.ReadOnly | resp.Idempotent
	name := cmd.Name()
	return resp.FlagsOf(name)&asks != 0 ||
		cmd.NArgs() > 0 && !strings.Contains(name, " ") && resp.FlagsOf(name+" "+cmd.Arg(0).String())&asks != 0
}

// left is the error of what comes too late.
func (tx *Tx) left() error {
	return &conn.Error{Op: conn.OpWait, Addr: tx.c.Addr(), Class: ClassNotSent, Err: ErrTxOver}
}

// Watch watches keys on a connection of its own and calls fn, which reads on tx
// and then runs a pipeline by p.Exec(ctx, tx). Exec returns [ErrConflict] if a
// watched key has changed in between. Without Exec the keys are unwatched.
// [Transact] does the same and tries again by itself.
func Watch(ctx context.Context, l Leaser, keys []string, fn func(tx *Tx) error) error {
	mustContext(ctx)
	return l.WithConn(ctx, func(c *conn.Conn) error { return watch(ctx, c, interceptorsOf(l), keys, fn) })
}

func interceptorsOf(l Leaser) []Interceptor {
	if t, ok := l.(*Intercepted); ok {
		return t.is
	}
	return nil
}

func watch(ctx context.Context, c *conn.Conn, is []Interceptor, keys []string, fn func(tx *Tx) error) (err error) {
	tx := &Tx{c: c, d: c, is: is}
	if len(is) > 0 {
		tx.d = Intercept(c, is...)
	}
	clean := false
	defer func() {
		tx.over.Store(true)
		if !clean { // fn has panicked, or UNWATCH failed
			c.Abort(errUnclean)
		}
	}()
	if len(keys) > 0 {
		if err := status("WATCH", addStrs(few(), keys)...).Do(ctx, c); err != nil {
			_, refused := errors.AsType[*resp.Error](err)
			clean = refused && unwatch(ctx, c) == nil // nothing is watched: others may have the connection
			return unsent(err)
		}
		tx.watching = true
	}
	err = fn(tx)
	clean = !tx.watching || c.Err() != nil || unwatch(ctx, c) == nil
	return err
}

// unsent is the error of WATCH: whatever has become of it, nothing that the caller
// meant to do has left.
func unsent(err error) error {
	e, ok := errors.AsType[*conn.Error](err)
	if !ok || e.Class != ClassMaybeExecuted {
		return err
	}
	watch := *e
	watch.Class, watch.Sent = ClassNotSent, 0
	return &watch
}

var errUnclean = errors.New("redis: a transaction was left unfinished")

func unwatch(ctx context.Context, c *conn.Conn) error {
	return status("UNWATCH").Do(context.WithoutCancel(ctx), c)
}

// TxOptions are options of [Transact]. The zero value runs an unwatched
// transaction.
type TxOptions struct {
	// Watch names the keys that fn reads: if one of them changes before EXEC,
	// the transaction is tried again.
	Watch []string

	// Attempts is how often it is tried altogether because of conflicts. Zero
	// means [DefaultTxAttempts]; a negative value tries until the context ends.
	Attempts int

	// Backoff is the longest wait after the first conflict; it doubles up to
	// [MaxTxBackoff], and each wait is a random part of it. Zero means
	// [DefaultTxBackoff], negative none.
	Backoff time.Duration

	// RetryTime bounds the time spent on attempts that a server refused because
	// it is no master any more, or that lost their connection before EXEC was
	// sent. Zero means [DefaultTxRetryTime], negative no such attempt. Their back-off
	// doubles up to half a second, and ends when the client moves to another server.
	RetryTime time.Duration
}

func (o TxOptions) withDefaults() TxOptions {
	if o.Attempts == 0 {
		o.Attempts = DefaultTxAttempts
	}
	if o.Backoff == 0 {
		o.Backoff = DefaultTxBackoff
	}
	if o.RetryTime == 0 {
		o.RetryTime = DefaultTxRetryTime
	}
	return o
}

// Transact calls fn, which reads the watched keys through tx and queues commands
// on &tx.Pipeline, and then executes those in MULTI and EXEC. If a watched key
// has changed meanwhile it waits a little and calls fn again. When the attempts
// are used up it returns [ErrConflict]; if fn fails, its error, with nothing
// executed.
//
// It also tries again when nothing was executed because of a failover: the
// transaction was refused by a server that is no master any more, or the
// connection broke before EXEC was sent. An error of class [ClassMaybeExecuted]
// ends it: EXEC was sent, and no reply came that could be relied on.
//
// Futures of the last attempt may be read after Transact has returned.
func Transact(ctx context.Context, l Leaser, o TxOptions, fn func(ctx context.Context, tx *Tx) error) error {
	mustContext(ctx)
	o = o.withDefaults()
	began := time.Now()
	var refusals refusedTx
	for conflicts := 0; ; {
		refusals.note()
		outcome, err := attempt(ctx, l, o.Watch, fn)
		var ended error
		switch {
		case err == nil || outcome == txFinal:
			return err
		case outcome == txConflict:
			if conflicts++; conflicts == o.Attempts {
				return err
			}
			ended = pause(ctx, o.Backoff, nil)
			o.Backoff = min(2*o.Backoff, MaxTxBackoff)
		case time.Since(began) >= o.RetryTime:
			return err
		default:
			ended = refusals.pause(ctx, l)
		}
		if ended != nil {
			return fmt.Errorf("%w; %w", err, ended)
		}
	}
}

const (
	minRefusedBackoff = 8 * time.Millisecond
	maxRefusedBackoff = 512 * time.Millisecond
)

// refusedTx is the back-off of a transaction that servers refuse. It is another one than
// that of conflicts: there is nothing to be gained by haste, unless there is another server.
type refusedTx struct {
	wait  time.Duration
	mover Mover  // nil before the first refusal, and where nobody tells of moves
	since uint64 // generation before the attempt
}

// note is called before each attempt.
func (r *refusedTx) note() {
	if r.mover != nil {
		r.since = r.mover.Generation()
	}
}

func (r *refusedTx) pause(ctx context.Context, l Leaser) error {
	var moved <-chan struct{}
	if r.wait == 0 {
		r.wait = minRefusedBackoff
		if d, ok := l.(Doer); ok {
			r.mover, _ = Under[Mover](d)
		}
	} else if r.mover != nil {
		moved = r.mover.Moved(r.since)
	}
	err := pause(ctx, r.wait, moved)
	r.wait = min(2*r.wait, maxRefusedBackoff)
	return err
}

// txOutcome says whether a failed transaction may be tried again.
type txOutcome uint8

const (
	txFinal    txOutcome = iota
	txConflict           // a watched key has changed
	txRefused            // not executed, for reasons that pass
)

// attempt tries a transaction once.
func attempt(ctx context.Context, l Leaser, keys []string, fn func(context.Context, *Tx) error) (o txOutcome, err error) {
	t := freeTrials.Get().(*trial) //nolint:forcetypeassert // nothing else is in there
	t.ctx, t.is, t.keys, t.fn = ctx, interceptorsOf(l), keys, fn
	err = l.WithConn(ctx, t.begin)
	o = t.outcome
	t.ctx, t.is, t.keys, t.fn, t.called, t.outcome = nil, nil, nil, nil, false, txFinal
	freeTrials.Put(t) // not where fn has panicked
	return o, err
}

// trial is one attempt of a transaction. It is used again, so that an attempt needs no
// memory for it.
type trial struct {
	ctx     context.Context
	is      []Interceptor
	keys    []string
	fn      func(context.Context, *Tx) error
	called  bool
	outcome txOutcome
	begin   func(*conn.Conn) error // run
	inside  func(*Tx) error        // watched
}

// freeTrials are trials that nobody uses. A program cannot tell what is in there.
var freeTrials = sync.Pool{New: func() any {
	t := &trial{}
	t.begin, t.inside = t.run, t.watched
	return t
}}

// run tries the transaction on c.
func (t *trial) run(c *conn.Conn) error {
	t.called, t.outcome = false, txFinal
	err := watch(t.ctx, c, t.is, t.keys, t.inside)
	if err != nil && !t.called { // WATCH failed
		t.outcome = outcomeOf(err)
		// Behind an answer the connection has not been lost: watch may have given it up.
		if _, answered := errors.AsType[*resp.Error](err); !answered {
			t.outcome = max(t.outcome, lostBefore(c))
		}
	}
	return err
}

// watched is run when the keys are watched.
func (t *trial) watched(tx *Tx) error {
	t.called = true
	if err := t.fn(t.ctx, tx); err != nil {
		t.outcome = lostBefore(tx.c)
		return err
	}
	err := tx.Exec(t.ctx, tx)
	t.outcome = outcomeOf(err)
	return err
}

// lostBefore is the outcome where EXEC was not sent.
func lostBefore(c *conn.Conn) txOutcome {
	if c.Err() != nil {
		return txRefused
	}
	return txFinal
}

func outcomeOf(err error) txOutcome {
	if err == nil {
		return txFinal
	}
	if alone := (*NoMultiError)(nil); errors.As(err, &alone) {
		return txFinal
	}
	if errors.Is(err, ErrConflict) {
		return txConflict
	}
	if e, ok := errors.AsType[*resp.Error](err); ok && e.Rejected() && e.Code != "EXECABORT" {
		return txRefused
	}
	if e, ok := errors.AsType[*conn.Error](err); ok && e.Class == ClassNotSent {
		return txRefused
	}
	return txFinal
}

// pause waits for a random part of d, or until early is closed, or until ctx ends.
func pause(ctx context.Context, d time.Duration, early <-chan struct{}) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(rand.N(d) + 1)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-early:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
