package lock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/lock"
	"github.com/kermes-redis/kermes/pool"
)

// For programs that are written to redsync's Mutex.
func ExampleMutex() {
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	m := locks.Mutex("report")
	if err := m.TryLock(); errors.Is(err, lock.ErrNotAcquired) {
		fmt.Println("somebody else writes", m.Name())
		if err := m.Lock(); err != nil { // waits
			log.Print(err)
			return
		}
	}
	fmt.Println("held until", m.Until(), "by", m.Value())
	if ok, err := m.Extend(); !ok { // it is renewed by itself: this asks the server now
		log.Print("lost: ", err)
	}
	ok, err := m.Unlock()
	fmt.Println(ok, err)
}

// The same with a context, which bounds the waiting and each call.
func ExampleMutex_context() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	m := locks.Mutex("report")
	err := m.TryLockContext(ctx)
	if errors.Is(err, lock.ErrNotAcquired) {
		err = m.LockContext(ctx)
	}
	if err != nil {
		log.Print(err)
		return
	}
	if _, err := m.ExtendContext(ctx); err != nil {
		log.Print(err)
	}
	if _, err := m.UnlockContext(ctx); err != nil {
		log.Print(err)
	}
}

// A job that must not begin what it cannot finish looks at its lock before each part.
func ExampleHeld_Until() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	h, err := locks.Lock(ctx, "report")
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = h.Unlock(ctx) }()
	const part = 2 * time.Second
	if time.Until(h.Until()) < part { // renewals have failed for a while
		if err := h.Renew(ctx); err != nil {
			log.Print(err) // not this part, or not now
			return
		}
	}
	fmt.Println("write the next part")
}

// A program that is started for each step of a job keeps the id of its lock between
// two steps.
func ExampleLocker_Release() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{Terms: lock.Terms{TTL: time.Hour}})
	defer locks.Close()

	const id = "lk:ch:QZK7JH2N4T|7" // a former step has written it down: Held.ID
	held, err := locks.Has(ctx, "migration", id)
	if err != nil || !held {
		log.Print("start anew: ", err)
		return
	}
	released, err := locks.Release(ctx, "migration", id)
	fmt.Println(released, err)
}

// An operator frees the permit of a program that hangs, and the lock of a writer.
func ExampleSemaphore_ForceRelease() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	exports := locks.Semaphore("exports", 3)
	info, err := exports.Inspect(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	for _, holder := range info.Holders {
		if holder.Owner == "host-7 4711" {
			released, err := exports.ForceRelease(ctx, holder.Fence)
			fmt.Println(released, err)
		}
	}
	config := locks.RWLock("config")
	writer, err := config.Inspect(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	released, err := config.ForceRelease(ctx, writer.Fence)
	fmt.Println(released, err)
}

// A permit, and a lock to write, that are held longer than one function lasts.
func ExampleSemaphore_Acquire() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	locks := lock.New(client, lock.Options{})
	defer locks.Close()

	exports := locks.Semaphore("exports", 3)
	permit, err := exports.Acquire(ctx) // waits while three have one
	if err != nil {
		log.Print(err)
		return
	}
	config := locks.RWLock("config")
	writer, err := config.Lock(ctx) // waits while anybody reads or writes
	if err != nil {
		log.Print(err)
		_ = permit.Unlock(ctx)
		return
	}
	// Whoever knows the ids may release them, here or in another program.
	_, err = config.Release(ctx, writer.ID())
	fmt.Println(err)
	_, err = exports.Release(ctx, permit.ID())
	fmt.Println(err)
}

// What an operator wants to read in the log.
func ExampleEvent() {
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	level := map[lock.EventKind]slog.Level{
		lock.EventLost:        slog.LevelError,
		lock.EventRenewFailed: slog.LevelWarn,
		lock.EventReasserted:  slog.LevelWarn, // a failover had forgotten it
		lock.EventShortTTL:    slog.LevelWarn,
		lock.EventPolling:     slog.LevelInfo,
	}
	locks := lock.New(client, lock.Options{OnEvent: func(e lock.Event) {
		slog.Log(context.Background(), level[e.Kind], "lock", "kind", e.Kind, "name", e.Name, "err", e.Err)
	}})
	defer locks.Close()
}
