package redis_test

import (
	"fmt"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleBitField() {
	steps := redis.BitField("player:7",
		redis.BitIncr("u16", 0, 10, redis.Saturate), // gold, never above 65535
		redis.BitGet("u8", 16))                      // level
	fmt.Println(redis.Redacted(steps.Command))
	// Output: BITFIELD "player:7" "OVERFLOW" "SAT" "INCRBY" "u16" "0" "10" "GET" (2 more)
}

func ExampleSetBit() {
	ctx, client := exampleClient()

	for _, day := range []int64{3, 4, 9} {
		_, _ = redis.SetBit("seen:ada", day, true).Do(ctx, client)
	}
	days, _ := redis.BitCount("seen:ada", redis.BitRange{}).Do(ctx, client)
	fmt.Println(days)
	// Output: 3
}

func ExamplePFCount() {
	ctx, client := exampleClient()

	_, _ = redis.PFAdd("visitors", "ada", "bob").Do(ctx, client)
	changed, _ := redis.PFAdd("visitors", "ada").Do(ctx, client)
	n, _ := redis.PFCount("visitors").Do(ctx, client)
	fmt.Println(changed, n)
	// Output: false 2
}

// Who was there on which day: a bit for each user.
func ExampleBitOp() {
	ctx, client := exampleClient()
	for _, user := range []int64{1, 5, 9} {
		_, _ = redis.SetBit("seen:monday", user, true).Do(ctx, client)
	}
	_, _ = redis.SetBit("seen:tuesday", 5, true).Do(ctx, client)

	combined := func(op redis.BitOperation, keys ...string) int64 {
		_, _ = redis.BitOp(op, "seen:some", keys...).Do(ctx, client)
		n, _ := redis.BitCount("seen:some", redis.BitRange{}).Do(ctx, client)
		return n
	}
	fmt.Println(combined(redis.BitAnd, "seen:monday", "seen:tuesday")) // on both days
	fmt.Println(combined(redis.BitOr, "seen:monday", "seen:tuesday"))  // on any
	fmt.Println(combined(redis.BitXor, "seen:monday", "seen:tuesday")) // on one only
	fmt.Println(combined(redis.BitNot, "seen:tuesday"))                // all but one of its byte
	// Output:
	// 1
	// 3
	// 2
	// 7
}

// Operations of Redis 8.2.
func ExampleBitOperation() {
	for _, op := range []redis.BitOperation{
		redis.BitDiff,  // on monday, and on none of the others
		redis.BitDiff1, // on any of the others, and not on monday
		redis.BitAndOr, // on monday, and on any of the others
		redis.BitOne,   // on exactly one day
	} {
		fmt.Println(redis.Redacted(redis.BitOp(op, "seen:some", "seen:monday", "seen:tuesday", "seen:friday").Command))
	}
	// Output:
	// BITOP "DIFF" "seen:some" "seen:monday" "seen:tuesday" "seen:friday"
	// BITOP "DIFF1" "seen:some" "seen:monday" "seen:tuesday" "seen:friday"
	// BITOP "ANDOR" "seen:some" "seen:monday" "seen:tuesday" "seen:friday"
	// BITOP "ONE" "seen:some" "seen:monday" "seen:tuesday" "seen:friday"
}

// Seats of a train: the first that is free.
func ExampleBitPos() {
	ctx, client := exampleClient()
	for seat := range int64(3) {
		_, _ = redis.SetBit("train:7", seat, true).Do(ctx, client)
	}

	free, _ := redis.BitPos("train:7", false, redis.BitRange{}).Do(ctx, client)
	taken, _ := redis.GetBit("train:7", free).Do(ctx, client)
	fmt.Println(free, taken)

	// In the second car only, of 80 seats. Redis 7.0.
	car := redis.BitRange{Start: 80, End: redis.Some[int64](159), Bits: true}
	fmt.Println(redis.Redacted(redis.BitPos("train:7", false, car).Command))
	// Output:
	// 3 false
	// BITPOS "train:7" "0" "80" "159" "BIT"
}

// Many small counters in one key. A sum that does not fit wraps around, stops at the
// end, or is refused.
func ExampleBitOverflow() {
	count := func(t redis.BitType, player int64, o redis.BitOverflow) redis.BitStep {
		return redis.BitIncr(t, player, 1, o).Nth() // the counter of that player
	}
	steps := redis.BitField("lives",
		count("u4", 7, redis.WrapAround),
		count("u4", 8, redis.Saturate),
		count("u4", 9, redis.Refuse),
		redis.BitSet("u4", 10, 3).Nth())
	fmt.Println(redis.Redacted(steps.Command))
	// Output: BITFIELD "lives" "OVERFLOW" "WRAP" "INCRBY" "u4" "#7" "1" "OVERFLOW" (17 more)
}

// Reading alone, which a replica may do.
func ExampleBitFieldRO() {
	read := redis.BitFieldRO("lives", redis.BitGet("u4", 7).Nth(), redis.BitGet("u4", 8).Nth())
	fmt.Println(redis.Redacted(read.Command))
	// Output: BITFIELD_RO "lives" "GET" "u4" "#7" "GET" "u4" "#8"
}

// Visitors of a week from those of its days.
func ExamplePFMerge() {
	ctx, client := exampleClient()
	_, _ = redis.PFAdd("visitors:monday", "ada", "bob").Do(ctx, client)
	_, _ = redis.PFAdd("visitors:tuesday", "bob", "eve").Do(ctx, client)

	_ = redis.PFMerge("visitors:week", "visitors:monday", "visitors:tuesday").Do(ctx, client)
	n, _ := redis.PFCount("visitors:week").Do(ctx, client)
	fmt.Println(n)
	// Output: 3
}
