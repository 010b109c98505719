package redis_test

import (
	"context"
	"fmt"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleARRing() {
	// The last hundred readings of a sensor. Redis 8.8.
	last := func(ctx context.Context, client redis.Doer, reading string) (float64, error) {
		if _, err := redis.ARRing("sensor:7", 100, reading).Do(ctx, client); err != nil {
			return 0, err
		}
		return redis.ARAggregate("sensor:7", 0, 99, redis.Maximum).Do(ctx, client)
	}
	_ = last
}

// Readings by the minute of the day. Arrays are of Redis 8.8.
func ExampleARSet() {
	store := func(ctx context.Context, client redis.Doer, minute uint64, celsius float64) error {
		_, err := redis.ARSet("temperature:today", minute, celsius).Do(ctx, client)
		return err
	}
	at := func(ctx context.Context, client redis.Doer, minute uint64) (float64, error) {
		return redis.As(redis.ARGet("temperature:today", minute), redis.Float).Do(ctx, client) // or ErrNil
	}
	_, _ = store, at

	some := redis.ARMSet("temperature:today", redis.ARItem{Index: 60, Value: "7.5"}, redis.ARItem{Index: 720, Value: "18"})
	fmt.Println(redis.Redacted(some.Command))
	fmt.Println(redis.Redacted(redis.ARMGet("temperature:today", 60, 720).Command))
	// Output:
	// ARMSET "temperature:today" "60" "7.5" "720" "18"
	// ARMGET "temperature:today" "60" "720"
}

// An hour, with the empty minutes and without them.
func ExampleARGetRange() {
	show := func(ctx context.Context, client redis.Doer) error {
		all, err := redis.ARGetRange("temperature:today", 60, 119).Do(ctx, client)
		if err != nil {
			return err
		}
		for i, v := range all {
			fmt.Println(60+i, v.Or("-"))
		}
		measured, err := redis.ARScan("temperature:today", 60, 119, 0).Do(ctx, client)
		for _, item := range measured {
			fmt.Println(item.Index, item.Value)
		}
		return err
	}
	_ = show
}

// What is in a range: reckoned on the server.
func ExampleARUsed() {
	const day = 24*60 - 1
	report := func(ctx context.Context, client redis.Doer, key string) error {
		n, err := redis.ARUsed(key, 0, day).Do(ctx, client)
		if err != nil || n == 0 {
			return err
		}
		lowest, err := redis.ARAggregate(key, 0, day, redis.Minimum).Do(ctx, client)
		if err != nil {
			return err
		}
		zero, err := redis.ARCountEqual(key, 0, day, 0).Do(ctx, client)
		fmt.Println(n, "readings, the lowest", lowest, "and zero", zero, "times")
		return err
	}
	alarms := func(ctx context.Context, client redis.Doer) (int64, error) {
		return redis.ARBitOp("alarms:today", 0, day, redis.BitOr).Do(ctx, client) // every bit that was set
	}
	_, _ = report, alarms
}

// Lines of a log that are like a pattern.
func ExampleARGrep() {
	any := []redis.ARPattern{
		redis.ARContains("timeout"),
		redis.ARGlob("*refused*"),
		redis.ARRegexp("5[0-9][0-9]$"),
		redis.ARExact("panic"),
	}
	find := func(ctx context.Context, client redis.Doer, from uint64) ([]redis.ARItem, error) {
		o := redis.ARGrepOptions{Start: redis.Some(from), IgnoreCase: true, Limit: 100}
		return redis.ARGrepItems("log", o, any...).Do(ctx, client)
	}
	places := func(ctx context.Context, client redis.Doer) ([]uint64, error) {
		return redis.ARGrep("log", redis.ARGrepOptions{}, any...).Do(ctx, client)
	}
	_, _ = find, places
}

func ExampleARDel() {
	fmt.Println(redis.Redacted(redis.ARDel("seats", 7, 8).Command))
	fmt.Println(redis.Redacted(redis.ARDelRange("seats", redis.ARRange{Start: 10, End: 19}, redis.ARRange{Start: 30, End: 39}).Command))
	// Output:
	// ARDEL "seats" "7" "8"
	// ARDELRANGE "seats" "10" "19" "30" "39"
}

// A log that is written at its end, and read from there.
func ExampleARInsert() {
	write := func(ctx context.Context, client redis.Doer, lines ...string) (last uint64, err error) {
		return redis.ARInsert("log", lines...).Do(ctx, client)
	}
	latest := func(ctx context.Context, client redis.Doer) ([]redis.Opt[string], error) {
		return redis.ARLastItems("log", 10, true).Do(ctx, client)
	}
	overwrite := func(ctx context.Context, client redis.Doer, from uint64) error {
		next, err := redis.ARNext("log").Do(ctx, client)
		if err != nil || from >= next {
			return err
		}
		_, err = redis.ARSeek("log", from).Do(ctx, client)
		return err
	}
	_, _, _ = write, latest, overwrite
}

func ExampleARInfo() {
	look := func(ctx context.Context, client redis.Doer, key string) error {
		length, err := redis.ARLen(key).Do(ctx, client) // the highest index, plus one
		if err != nil {
			return err
		}
		used, err := redis.ARCount(key).Do(ctx, client)
		if err != nil {
			return err
		}
		fmt.Println(used, "of", length)
		i, err := redis.ARInfo(key, true).Do(ctx, client)
		fmt.Println("in", i.Slices, "pieces of", i.SliceSize)
		return err
	}
	_ = look
}
