package lock_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/lock"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

// save writes a value unless a greater fence has been here, in one step. The fence
// is kept beside the value.
var save = redis.NewLua(`
local seen = tonumber(redis.call('HGET', _:key, 'fence') or '0')
if tonumber(_:fence) < seen then return 0 end
redis.call('HSET', _:key, 'fence', _:fence, 'value', _:value)
return 1`, []string{"key"}, []string{"fence", "value"}, redis.Bool)

func ExampleHeld_Fence() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	err := locks.Do(ctx, "invoice/17", func(ctx context.Context, h *lock.Held) error {
		saved, err := save.Do(ctx, client, redis.Params{"key": "invoice/17"}, redis.Params{"fence": h.Fence(), "value": "paid"})
		if err == nil && !saved {
			err = errors.New("another holder has been here")
		}
		return err
	})
	if err != nil {
		log.Print(err)
	}
}

// The same in SQL: the row is not changed by an older fence.
func ExampleHeld_Fence_sql() {
	var db *sql.DB // of your own
	write := func(ctx context.Context, h *lock.Held) error {
		done, err := db.ExecContext(ctx, `UPDATE invoices SET state = 'paid', fence = $1 WHERE id = 17 AND fence <= $1`, h.Fence())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, lock.ErrLost)
		}
		return nil
	}
	_ = write
}

func ExampleLocker_Lock() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{Terms: lock.Terms{TTL: 10 * time.Second}})
	defer locks.Close()

	h, err := locks.With(lock.Terms{Wait: time.Second}).Lock(ctx, "report")
	if errors.Is(err, lock.ErrNotAcquired) {
		fmt.Println("somebody else is at it")
		return
	}
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = h.Unlock(ctx) }()
	for part := range 100 {
		if err := h.Check(); err != nil {
			log.Print(err) // lost: stop at once
			return
		}
		fmt.Println(part)
	}
}

func ExampleLocker_Lead() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	// On one instance at a time, for as long as ctx lasts.
	err := locks.Lead(ctx, "cron", func(ctx context.Context, _ *lock.Held) error {
		for {
			select {
			case <-time.After(time.Minute):
				fmt.Println("tick")
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	log.Print(err)
}

func ExampleLocker_Inspect() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	i, err := locks.Inspect(ctx, "report")
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(i.Held, i.Owner, i.TTL, i.Waiters)
	if i.Held && i.LongestWait > time.Hour {
		_, err = locks.ForceRelease(ctx, "report", i.Fence) // from this holder, not from the next
		log.Print(err)
	}
}

func ExampleLocker_Semaphore() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	exports := locks.Semaphore("exports", 3) // three at a time, of all programs
	err := exports.Do(ctx, func(ctx context.Context, h *lock.Held) error {
		// The resource keeps a fence for each of the permits 0, 1 and 2.
		key := fmt.Sprintf("export/%d", h.Permit())
		_, err := save.Do(ctx, client, redis.Params{"key": key}, redis.Params{"fence": h.Fence(), "value": "running"})
		return err
	})
	if err != nil {
		log.Print(err)
	}
	info, err := exports.Inspect(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	for _, holder := range info.Holders {
		fmt.Println(holder.Permit, holder.Owner, holder.TTL)
	}
}

func ExampleSemaphore_TryAcquire() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	h, err := locks.Semaphore("exports", 3).TryAcquire(ctx)
	if errors.Is(err, lock.ErrNotAcquired) {
		fmt.Println("three are at it already")
		return
	}
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = h.Unlock(ctx) }()
}

func ExampleLocker_RWLock() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	config := locks.RWLock("config")
	h, err := config.RLock(ctx) // beside other readers
	if err != nil {
		log.Print(err)
		return
	}
	value, err := redis.HGet("config", "value").Do(ctx, client)
	fmt.Println(value, err)
	if err := h.Unlock(ctx); err != nil { // before it asks to write: there is no upgrade
		log.Print(err)
	}
	err = config.Do(ctx, func(ctx context.Context, h *lock.Held) error { // alone
		_, err := save.Do(ctx, client, redis.Params{"key": "config"}, redis.Params{"fence": h.Fence(), "value": "new"})
		return err
	})
	if err != nil {
		log.Print(err)
	}
}

func ExampleLocker_LockAll() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	h, err := locks.LockAll(ctx, "account/17", "account/42") // in whatever order
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = h.Unlock(ctx) }()
	for _, key := range []string{"account/17", "account/42"} { // the fence guards both
		if _, err := save.Do(ctx, client, redis.Params{"key": key}, redis.Params{"fence": h.Fence(), "value": "booked"}); err != nil {
			log.Print(err)
		}
	}
}

func ExampleLocker_DoAll() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{SameSlot: true}) // to run on a server in cluster mode as well
	defer locks.Close()

	err := locks.DoAll(ctx, []string{"{orders}/17", "{orders}/18"}, func(ctx context.Context, h *lock.Held) error {
		fmt.Println(h.Name())
		return h.Check()
	})
	if err != nil {
		log.Print(err)
	}
}

func TestAResourceThatChecksTheFenceRefusesAnEarlierHolder(t *testing.T) {
	n := testredis.New(t)
	client := pool.New(pool.Options{Conn: conn.Options{Addr: n.Addr()}})
	t.Cleanup(func() { _ = client.Close() })
	locks := lock.New(client, lock.Options{})
	t.Cleanup(func() { _ = locks.Close() })
	write := func(h *lock.Held, value string) bool {
		saved, err := save.Do(t.Context(), client, redis.Params{"key": "k"}, redis.Params{"fence": h.Fence(), "value": value})
		if err != nil {
			t.Fatal(err)
		}
		return saved
	}
	first, err := locks.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if !write(first, "first") {
		t.Error("the holder was refused")
	}
	if _, err := locks.ForceRelease(t.Context(), "x", 0); err != nil {
		t.Fatal(err)
	}
	second, err := locks.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if !write(second, "second") || write(first, "late") || !write(second, "again") {
		t.Error("the fence did not tell the holders apart")
	}
}
