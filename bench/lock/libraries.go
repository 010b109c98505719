package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	rsgoredis "github.com/go-redsync/redsync/v4/redis/goredis/v9"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/lock"
	"github.com/kermes-redis/kermes/pool"
)

const (
	name = "bench"
	ttl  = 10 * time.Second
)

// section waits for the lock, calls hold, and releases it.
type section func(ctx context.Context, hold func()) error

// library is one to compare.
type library struct {
	name string
	open func(addr string) (section, error)
}

var libraries = []library{
	{"kermes", func(addr string) (section, error) { return kermes(addr, false) }},
	{"kermes, barging", func(addr string) (section, error) { return kermes(addr, true) }},
	{"redsync", func(addr string) (section, error) { return redsyncs(addr) }},
	{"redsync, 1 ms", func(addr string) (section, error) {
		return redsyncs(addr, redsync.WithTries(1<<30), redsync.WithRetryDelay(time.Millisecond))
	}},
	{"redislock, 100 ms as in its README", func(addr string) (section, error) { return redislocks(addr, 100*time.Millisecond) }},
	{"redislock, 1 ms", func(addr string) (section, error) { return redislocks(addr, time.Millisecond) }},
	{"rueidislock", rueidislocks},
}

func kermes(addr string, barging bool) (section, error) {
	l := lock.New(pool.New(pool.Options{Conn: conn.Options{Addr: addr}}), lock.Options{Terms: lock.Terms{TTL: ttl, Barging: barging}})
	return func(ctx context.Context, hold func()) error {
		h, err := l.Lock(ctx, name)
		if err != nil {
			return err
		}
		hold()
		return h.Unlock(ctx)
	}, nil
}

func redsyncs(addr string, o ...redsync.Option) (section, error) {
	rs := redsync.New(rsgoredis.NewPool(goredis.NewClient(&goredis.Options{Addr: addr})))
	o = append(o, redsync.WithExpiry(ttl))
	return func(ctx context.Context, hold func()) error {
		m := rs.NewMutex(name, o...)
		for {
			err := m.LockContext(ctx)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return err // else its number of tries is over: the wait goes on
			}
		}
		hold()
		_, err := m.UnlockContext(ctx)
		return err
	}, nil
}

func redislocks(addr string, every time.Duration) (section, error) {
	c := redislock.New(goredis.NewClient(&goredis.Options{Addr: addr}))
	return func(ctx context.Context, hold func()) error {
		for {
			l, err := c.Obtain(ctx, name, ttl, &redislock.Options{RetryStrategy: redislock.LinearBackoff(every)})
			if err == nil {
				hold()
				return l.Release(ctx)
			}
			if ctx.Err() != nil || !errors.Is(err, redislock.ErrNotObtained) && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
		}
	}, nil
}

func rueidislocks(addr string) (section, error) {
	l, err := rueidislock.NewLocker(rueidislock.LockerOption{
		ClientOption: rueidis.ClientOption{InitAddress: []string{addr}, Dialer: net.Dialer{Timeout: 5 * time.Second}},
		KeyMajority:  1, NoLoopTracking: true, KeyValidity: ttl,
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, hold func()) error {
		for {
			// It may sleep for ever when it has missed a message, so its waits are bounded.
			bounded, stop := context.WithTimeout(ctx, 5*time.Second)
			_, release, err := l.WithContext(bounded, name)
			if err == nil {
				hold()
				release()
				stop()
				return nil
			}
			stop()
			if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
		}
	}, nil
}
