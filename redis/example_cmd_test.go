package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
)

// exampleClient is a connection to an empty server inside this process. A program
// has a client of package client, or a pool, in its place.
func exampleClient() (context.Context, redis.Doer) {
	ctx := context.Background()
	server, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	server.SetTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	client, err := conn.Dial(ctx, conn.Options{Addr: server.Addr()})
	if err != nil {
		panic(err)
	}
	return ctx, client
}

func ExampleGet() {
	ctx, client := exampleClient()

	_ = redis.Set("greeting", "hello").Do(ctx, client)
	s, err := redis.Get("greeting").Do(ctx, client)
	fmt.Println(s, err)

	_, err = redis.Get("nothing").Do(ctx, client)
	fmt.Println(errors.Is(err, redis.ErrNil))
	// Output:
	// hello <nil>
	// true
}

func ExampleSetWith() {
	ctx, client := exampleClient()

	once := redis.SetOptions{TTL: time.Minute, If: redis.IfAbsent}
	first, _ := redis.SetWith("job:7", "worker-1", once).Do(ctx, client)
	second, _ := redis.SetWith("job:7", "worker-2", once).Do(ctx, client)
	fmt.Println(first, second)
	// Output: true false
}

// Values may be numbers. Where fields of several kinds are mixed, Str makes strings of them.
func ExampleStr() {
	ctx, client := exampleClient()

	_ = redis.Set("n", 7).Do(ctx, client)
	_, _ = redis.HSet("user:7", "name", "ada", "age", redis.Str(36), "rating", redis.Str(4.5)).Do(ctx, client)
	_, _ = redis.HSetMap("stock", map[string]int{"tea": 12}).Do(ctx, client)

	n, _ := redis.As(redis.Get("n"), redis.Int).Do(ctx, client)
	age, _ := redis.As(redis.HGet("user:7", "age"), redis.Int).Do(ctx, client)
	rating, _ := redis.As(redis.HGet("user:7", "rating"), redis.Float).Do(ctx, client)
	tea, _ := redis.As(redis.HGet("stock", "tea"), redis.Uint).Do(ctx, client)
	fmt.Println(n, age, rating, tea)
	// Output: 7 36 4.5 12
}

func ExampleMSetMap() {
	ctx, client := exampleClient()

	_ = redis.MSetMap(map[string]int{"a": 1, "b": 2}).Do(ctx, client)
	sum, _ := redis.IncrBy("a", 10).Do(ctx, client)
	fmt.Println(sum)
	// Output: 11
}

func ExampleXAddMap() {
	ctx, client := exampleClient()

	_, _ = redis.XAddMap("clicks", redis.XAddOptions{}, map[string]int{"x": 10, "y": 20}).Do(ctx, client)
	entries, _ := redis.XRange("clicks", redis.MinID, redis.MaxID, 0).Do(ctx, client)
	fmt.Println(entries[0].Fields)
	// Output: [{x 10} {y 20}]
}

func ExampleMGet() {
	ctx, client := exampleClient()

	_ = redis.MSet("a", "1", "b", "2").Do(ctx, client)
	values, _ := redis.MGet("a", "nothing", "b").Do(ctx, client)
	for _, v := range values {
		fmt.Println(v.Or("-"))
	}
	// Output:
	// 1
	// -
	// 2
}

func ExampleIncrBy() {
	ctx, client := exampleClient()

	n, _ := redis.IncrBy("hits", 5).Do(ctx, client)
	fmt.Println(n)

	_ = redis.Set("name", "Kermes").Do(ctx, client)
	_, err := redis.IncrBy("name", 5).Do(ctx, client)
	fmt.Println(err)
	// Output:
	// 5
	// ERR value is not an integer or out of range
}

func ExampleIncrEx() {
	// At most 100 calls a minute. Redis 8.8.
	limit := redis.IncrEx("calls:alice", 1, redis.IncrExOptions[int64]{
		Max:        redis.Some[int64](100),
		Expire:     redis.ExpireOptions{TTL: time.Minute},
		ExpireOnce: true,
	})
	allowed := func(ctx context.Context, client redis.Doer) (bool, error) {
		i, err := limit.Do(ctx, client)
		return i.Applied > 0, err
	}
	_ = allowed
}

func ExampleExpire() {
	ctx, client := exampleClient()

	_ = redis.Set("session", "alice").Do(ctx, client)
	_, _ = redis.Expire("session", 90*time.Minute).Do(ctx, client)
	ttl, _ := redis.TTL("session").Do(ctx, client)
	fmt.Println(ttl)

	_, _ = redis.Persist("session").Do(ctx, client)
	ttl, _ = redis.TTL("session").Do(ctx, client)
	fmt.Println(ttl == redis.NoExpiry)

	// What cannot be meant is an error before anything is sent.
	_, err := redis.Expire("session", -time.Second).Do(ctx, client)
	fmt.Println(err)
	// Output:
	// 1h30m0s
	// true
	// redis: PEXPIRE: a duration of -1s, which is negative
}

func ExampleSort() {
	ctx, client := exampleClient()

	_, _ = redis.RPush("tasks", "7", "3", "5").Do(ctx, client)
	sorted, _ := redis.Sort("tasks", redis.SortOptions{Desc: true, Count: 2}).Do(ctx, client)
	for _, s := range sorted {
		fmt.Println(s.Value)
	}
}

func ExampleHSet() {
	ctx, client := exampleClient()

	added, _ := redis.HSet("user:7", "name", "Ada", "city", "London").Do(ctx, client)
	user, _ := redis.HGetAll("user:7").Do(ctx, client)
	fmt.Println(added, user["name"], user["city"])

	some, _ := redis.HMGet("user:7", "name", "email").Do(ctx, client)
	fmt.Println(some[0].Value, some[1].OK)
	// Output:
	// 2 Ada London
	// Ada false
}

func ExampleHExpire() {
	// Fields of a hash that expire by themselves. Redis 7.4, Valkey 9.
	forget := redis.HExpire("user:7", time.Hour, "", "token", "cart")
	fmt.Println(redis.Redacted(forget.Command))
	// Output: HPEXPIRE "user:7" "3600000" "FIELDS" "2" "token" "cart"
}

func ExampleLPush() {
	ctx, client := exampleClient()

	_, _ = redis.RPush("queue", "first", "second").Do(ctx, client)
	_, _ = redis.LPush("queue", "urgent").Do(ctx, client)
	all, _ := redis.LRange("queue", 0, -1).Do(ctx, client)
	fmt.Println(all)
	// Output: [urgent first second]
}

func ExampleBLPop() {
	ctx, client := exampleClient()

	_, _ = redis.RPush("queue", "job").Do(ctx, client)
	p, err := redis.BLPop(time.Second, "urgent", "queue").Do(ctx, client)
	fmt.Println(p.Key, p.Value, err)

	_, err = redis.BLPop(time.Millisecond, "urgent", "queue").Do(ctx, client)
	fmt.Println(errors.Is(err, redis.ErrNil))
	// Output:
	// queue job <nil>
	// true
}

func ExampleSInter() {
	ctx, client := exampleClient()

	_, _ = redis.SAdd("likes:go", "ada", "bob", "eve").Do(ctx, client)
	_, _ = redis.SAdd("likes:lisp", "ada", "eve", "joe").Do(ctx, client)
	both, _ := redis.SInter("likes:go", "likes:lisp").Do(ctx, client)
	slices.Sort(both)
	fmt.Println(both)
	// Output: [ada eve]
}

func ExampleZAdd() {
	ctx, client := exampleClient()

	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}, redis.Z{Member: "bob", Score: 70}, redis.Z{Member: "eve", Score: 80}).Do(ctx, client)
	best, _ := redis.ZRevRangeWithScores("scores", 0, 1).Do(ctx, client)
	fmt.Println(best)
	// Output: [{ada 90} {eve 80}]
}

func ExampleZRangeByScore() {
	ctx, client := exampleClient()

	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}, redis.Z{Member: "bob", Score: 70}, redis.Z{Member: "eve", Score: 80}).Do(ctx, client)
	passed, _ := redis.ZRangeByScore("scores", redis.Excl(70), redis.MaxScore, redis.RangeOptions{}).Do(ctx, client)
	fmt.Println(passed)
	// Output: [eve ada]
}

func ExampleXAdd() {
	ctx, client := exampleClient()

	id, _ := redis.XAdd("events", redis.XAddOptions{ID: "1-1"}, "kind", "login", "user", "ada").Do(ctx, client)
	events, _ := redis.XRange("events", redis.MinID, redis.MaxID, 10).Do(ctx, client)
	fmt.Println(id, events[0].Get("kind"), events[0].Get("user"))
	// Output: 1-1 login ada
}

func ExampleXReadGroup() {
	ctx, client := exampleClient()

	_ = redis.XGroupCreate("events", "mailers", "0", redis.XGroupOptions{MkStream: true}).Do(ctx, client)
	_, _ = redis.XAdd("events", redis.XAddOptions{ID: "1-1"}, "kind", "login").Do(ctx, client)

	// Consume is this as a loop, with the claim of what others left behind.
	fresh := redis.StreamID{Key: "events", ID: redis.FreshID}
	streams, _ := redis.XReadGroup("mailers", "mailer-1", redis.XReadGroupOptions{Count: 10}, fresh).Do(ctx, client)
	for _, e := range streams[0].Entries {
		n, _ := redis.XAck("events", "mailers", e.ID).Do(ctx, client)
		fmt.Println(e.ID, e.Get("kind"), n)
	}
	// Output: 1-1 login 1
}

func ExampleGeoSearchHits() {
	ctx, client := exampleClient()

	_, _ = redis.GeoAdd("towns",
		redis.Place{Member: "Palermo", Point: redis.Point{Longitude: 13.361389, Latitude: 38.115556}},
		redis.Place{Member: "Catania", Point: redis.Point{Longitude: 15.087269, Latitude: 37.502669}}).Do(ctx, client)
	km, _ := redis.GeoDist("towns", "Palermo", "Catania", redis.Kilometers).Do(ctx, client)
	fmt.Printf("%.0f km\n", km)

	near := redis.GeoArea{Center: redis.Point{Longitude: 15, Latitude: 37}, Radius: 100, Unit: redis.Kilometers}
	fmt.Println(redis.Redacted(redis.GeoSearch("towns", near, redis.GeoOptions{Order: redis.Nearest}).Command))
	// Output:
	// 166 km
	// GEOSEARCH "towns" "FROMLONLAT" "15" "37" "BYRADIUS" "100" "km" "ASC"
}

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

func ExampleScanPage() {
	ctx, client := exampleClient()

	_ = redis.MSet("user:1", "ada", "user:2", "bob", "other", "x").Do(ctx, client)
	page, _ := redis.ScanPage(0, redis.ScanOptions{Match: "user:*", Count: 100}).Do(ctx, client)
	slices.Sort(page.Items)
	fmt.Println(page.Items, page.Cursor)
	// Output: [user:1 user:2] 0
}
