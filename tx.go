package redis

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Defaults of [TxOptions].
const (
	DefaultTxAttempts = 16
	DefaultTxBackoff  = time.Millisecond
	MaxTxBackoff      = 100 * time.Millisecond
)

// Tx is the connection on which keys are watched: a [Doer] that reads them, and
// a [Leaser] for [Pipeline.Exec]. It is valid during the call that got it, for
// one goroutine.
type Tx struct {
	// Pipeline is what [Transact] executes at the end. Under [Watch] it is an
	// ordinary pipeline; execute it with Exec.
	Pipeline

	c        *conn.Conn
	watching bool
}

// Do implements [Doer] on the watched connection, at once.
func (tx *Tx) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	return tx.c.Do(ctx, cmd)
}

// DoBatch implements [Doer] on the watched connection.
func (tx *Tx) DoBatch(ctx context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	return tx.c.DoBatch(ctx, cmds, each)
}

// WithConn implements [Leaser] with the watched connection.
func (tx *Tx) WithConn(_ context.Context, fn func(*conn.Conn) error) error { return fn(tx.c) }

// Watch watches keys on a connection of its own and calls fn, which reads on tx
// and then runs a pipeline by p.Exec(ctx, tx). Exec returns [ErrConflict] if a
// watched key has changed in between. Without Exec the keys are unwatched.
// [Transact] does the same and tries again by itself.
func Watch(ctx context.Context, l Leaser, keys []string, fn func(tx *Tx) error) error {
	return l.WithConn(ctx, func(c *conn.Conn) error { return watch(ctx, c, keys, fn) })
}

func watch(ctx context.Context, c *conn.Conn, keys []string, fn func(tx *Tx) error) (err error) {
	tx := &Tx{c: c}
	clean := false
	defer func() {
		if !clean { // fn has panicked, or UNWATCH failed
			c.Abort(errUnclean)
		}
	}()
	if len(keys) > 0 {
		if err := status("WATCH", addStrs(few(), keys)...).Do(ctx, c); err != nil {
			return err
		}
		tx.watching = true
	}
	err = fn(tx)
	clean = !tx.watching || c.Err() != nil || unwatch(ctx, c) == nil
	return err
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

	// Attempts is how often it is tried altogether. Zero means
	// [DefaultTxAttempts]; a negative value tries until the context ends.
	Attempts int

	// Backoff is the longest wait before the second attempt; it doubles up to
	// [MaxTxBackoff], and each wait is a random part of it. Zero means
	// [DefaultTxBackoff], negative none.
	Backoff time.Duration
}

// Transact calls fn, which reads the watched keys through tx and queues commands
// on &tx.Pipeline, and then executes those in MULTI and EXEC. If a watched key
// has changed meanwhile it waits a little and calls fn again. When the attempts
// are used up it returns [ErrConflict]; if fn fails, its error, with nothing
// executed.
//
// Futures of the last attempt may be read after Transact has returned.
func Transact(ctx context.Context, l Leaser, o TxOptions, fn func(ctx context.Context, tx *Tx) error) error {
	if o.Attempts == 0 {
		o.Attempts = DefaultTxAttempts
	}
	if o.Backoff == 0 {
		o.Backoff = DefaultTxBackoff
	}
	for n := 1; ; n++ {
		err := Watch(ctx, l, o.Watch, func(tx *Tx) error {
			if err := fn(ctx, tx); err != nil {
				return err
			}
			return tx.Exec(ctx, tx)
		})
		if !errors.Is(err, ErrConflict) || n == o.Attempts {
			return err
		}
		if err := pause(ctx, o.Backoff); err != nil {
			return errors.Join(ErrConflict, err)
		}
		o.Backoff = min(2*o.Backoff, MaxTxBackoff)
	}
}

// pause waits for a random part of d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(rand.N(d) + 1)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
