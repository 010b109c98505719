package redis_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

func ExampleTransact() {
	ctx, leaser, client := exampleLeaser()
	_ = redis.Set("n", "7").Do(ctx, client)

	var n redis.Future[int64]
	double := func(ctx context.Context, tx *redis.Tx) error {
		old, err := redis.As(redis.Get("n"), redis.Int).Do(ctx, tx) // now
		if err != nil {
			return err // nothing is executed
		}
		n = redis.IncrBy("n", old).Queue(&tx.Pipeline) // in MULTI
		return nil
	}
	err := redis.Transact(ctx, leaser, redis.TxOptions{Watch: []string{"n"}}, double)
	sum, _ := n.Value()
	fmt.Println(sum, err)
	// Output: 14 <nil>
}

func ExampleWatch() {
	ctx, leaser, client := exampleLeaser()

	err := redis.Watch(ctx, leaser, []string{"k"}, func(tx *redis.Tx) error {
		_ = redis.Set("k", "from elsewhere").Do(ctx, client)
		var p redis.Pipeline
		redis.Set("k", "mine").Queue(&p)
		return p.Exec(ctx, tx)
	})
	fmt.Println(errors.Is(err, redis.ErrConflict), redis.ClassOf(err))
	// Output: true rejected
}

// Money goes from one account to another, if there is enough: both or none, and on the
// balance that was read.
func ExampleTx() {
	ctx, leaser, client := exampleLeaser()
	_ = redis.MSet("balance:ada", "100", "balance:bob", "0").Do(ctx, client)

	errPoor := errors.New("not enough")
	transfer := func(from, to string, amount int64) error {
		o := redis.TxOptions{Watch: []string{from}}
		return redis.Transact(ctx, leaser, o, func(ctx context.Context, tx *redis.Tx) error {
			balance, err := redis.As(redis.Get(from), redis.Int).Do(ctx, tx)
			if err != nil {
				return err
			}
			if balance < amount {
				return errPoor // nothing is executed
			}
			redis.DecrBy(from, amount).Queue(&tx.Pipeline)
			redis.IncrBy(to, amount).Queue(&tx.Pipeline)
			return nil
		})
	}
	fmt.Println(transfer("balance:ada", "balance:bob", 70))
	fmt.Println(transfer("balance:ada", "balance:bob", 70))
	fmt.Println(redis.MGet("balance:ada", "balance:bob").Do(ctx, client))
	// Output:
	// <nil>
	// not enough
	// [{30 true} {70 true}] <nil>
}

// A transaction on a key that many write: more attempts and longer pauses between them.
func ExampleTxOptions() {
	o := redis.TxOptions{
		Watch:     []string{"hot"},
		Attempts:  4 * redis.DefaultTxAttempts,
		Backoff:   min(5*redis.DefaultTxBackoff, redis.MaxTxBackoff),
		RetryTime: redis.DefaultTxRetryTime, // through a failover
	}
	fmt.Println(o.Attempts, o.Backoff, o.RetryTime)
	// Output: 64 5ms 10s
}

// Below the typed commands, a Tx is a Doer of commands that read, and a Leaser of its own
// connection.
func ExampleTx_WithConn() {
	ctx, leaser, client := exampleLeaser()
	_ = redis.Set("k", "v").Do(ctx, client)
	get := redis.Get("k").Command
	batch := resp.BatchOf([]resp.Command{get})
	show := func(_ int, v resp.Value) { fmt.Println(v) }

	err := redis.Watch(ctx, leaser, []string{"k"}, func(tx *redis.Tx) error {
		reply, err := tx.Do(ctx, get)
		if err != nil {
			return err
		}
		show(0, reply.Value)
		reply.Release()
		if err := tx.DoBatch(ctx, []resp.Command{get}, show); err != nil {
			return err
		}
		if err := tx.DoEncoded(ctx, &batch, 0, resp.ReceiverFunc(show)); err != nil {
			return err
		}
		return tx.WithConn(ctx, func(c *conn.Conn) error { return c.Err() })
	})
	fmt.Println(err)
	// Output:
	// "v"
	// "v"
	// "v"
	// <nil>
}

// A write through tx would run at once and outside the transaction: it is refused. So is
// everything when the function has returned.
func ExampleTx_misuse() {
	ctx, leaser, _ := exampleLeaser()

	var kept *redis.Tx
	_ = redis.Watch(ctx, leaser, []string{"k"}, func(tx *redis.Tx) error {
		kept = tx
		err := redis.Set("k", "v").Do(ctx, tx)
		fmt.Println(redis.ClassOf(err))
		return nil
	})
	_, err := redis.Get("k").Do(ctx, kept)
	fmt.Println(errors.Is(err, redis.ErrTxOver))
	// Output:
	// not sent
	// true
}
