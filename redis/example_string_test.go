package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

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

func ExampleGetBytes() {
	ctx, client := exampleClient()

	_ = redis.Set("picture", []byte{0xff, 0xd8, 0x00}).Do(ctx, client)
	picture, err := redis.GetBytes("picture").Do(ctx, client)
	fmt.Printf("%x %v\n", picture, err)
	// Output: ffd800 <nil>
}

// One buffer for many large values.
func ExampleGetInto() {
	ctx, client := exampleClient()
	_ = redis.MSet("page:1", "first", "page:2", "second").Do(ctx, client)

	buffer := make([]byte, 0, 1<<20)
	load := func(key string) redis.Buffered { return redis.GetInto(key, buffer[:0]) }
	for _, key := range []string{"page:1", "page:2"} {
		page, err := load(key).Do(ctx, client) // overwrites the page before
		fmt.Println(string(page), err)
	}
	// Output:
	// first <nil>
	// second <nil>
}

func ExampleSetNX() {
	ctx, client := exampleClient()

	first, _ := redis.SetNX("owner", "node-1").Do(ctx, client)
	second, _ := redis.SetNX("owner", "node-2").Do(ctx, client)
	fmt.Println(first, second)
	// Output: true false
}

func ExampleSetEx() {
	ctx, client := exampleClient()

	_ = redis.SetEx("session:7", "ada", 30*time.Minute).Do(ctx, client)
	left, _ := redis.TTL("session:7").Do(ctx, client)
	fmt.Println(left)
	// Output: 30m0s
}

// The value of before, in the same step that replaces it.
func ExampleSetGet() {
	ctx, client := exampleClient()

	_, err := redis.SetGet("state", "open", redis.SetOptions{}).Do(ctx, client)
	fmt.Println(errors.Is(err, redis.ErrNil)) // there was none
	before, err := redis.SetGet("state", "closed", redis.SetOptions{KeepTTL: true}).Do(ctx, client)
	fmt.Println(before, err)
	// Output:
	// true
	// open <nil>
}

// A session that lives for half an hour after its last use.
func ExampleGetEx() {
	ctx, client := exampleClient()
	_ = redis.SetEx("session:7", "ada", time.Minute).Do(ctx, client)

	user, err := redis.GetEx("session:7", redis.ExpireOptions{TTL: 30 * time.Minute}).Do(ctx, client)
	fmt.Println(user, err)
	left, _ := redis.TTL("session:7").Do(ctx, client)
	fmt.Println(left)
	// Output:
	// ada <nil>
	// 30m0s
}

// A token that is good for one use.
func ExampleGetDel() {
	ctx, client := exampleClient()
	_ = redis.SetEx("token:x1", "ada", time.Hour).Do(ctx, client)

	user, _ := redis.GetDel("token:x1").Do(ctx, client)
	_, err := redis.GetDel("token:x1").Do(ctx, client)
	fmt.Println(user, errors.Is(err, redis.ErrNil))
	// Output: ada true
}

// When to set a key, as a program may have it in its settings.
func ExampleCondition() {
	conditions := map[string]redis.Condition{
		"always":      "",
		"create":      redis.IfAbsent,
		"update":      redis.IfPresent,
		"from draft":  redis.IfEqual("draft"),
		"not twice":   redis.IfNotEqual("done"),
		"as I saw it": redis.IfDigest("b6acb9d84a38ff74"), // see redis.Digest
		"unless seen": redis.IfNotDigest("b6acb9d84a38ff74"),
	}
	fmt.Println(redis.Redacted(redis.SetWith("page:7", "done", redis.SetOptions{If: conditions["update"]}).Command))
	fmt.Println(redis.Redacted(redis.SetWith("page:7", "done", redis.SetOptions{If: conditions["from draft"]}).Command))
	fmt.Println(redis.SetWith("page:7", "done", redis.SetOptions{If: redis.IfDigest("no digest")}).Invalid())
	// Output:
	// SET "page:7" "done" "XX"
	// SET "page:7" "done" "IFEQ" "draft"
	// redis: SET: a digest that is not 16 hexadecimal characters
}

// A large value is edited, and set if nobody has done so meanwhile, without sending it
// twice. Redis 8.4.
func ExampleDigest() {
	edit := func(ctx context.Context, client redis.Doer, key string, change func(string) string) (bool, error) {
		seen, err := redis.Digest(key).Do(ctx, client)
		if err != nil {
			return false, err
		}
		text, err := redis.Get(key).Do(ctx, client)
		if err != nil {
			return false, err
		}
		return redis.SetWith(key, change(text), redis.SetOptions{If: redis.IfDigest(seen)}).Do(ctx, client)
	}
	_ = edit
}

// A lock is given back by its owner only. Package lock does it on any server.
func ExampleDelIf() {
	release := func(ctx context.Context, client redis.Doer, key, owner string) (bool, error) {
		return redis.DelIf(key, redis.IfEqual(owner)).Do(ctx, client) // Redis 8.4
	}
	releaseOnValkey := func(ctx context.Context, client redis.Doer, key, owner string) (bool, error) {
		return redis.DelIfEq(key, owner).Do(ctx, client) // Valkey 9
	}
	_, _ = release, releaseOnValkey
}

// A record of fixed fields: the year in the first four bytes.
func ExampleSetRange() {
	ctx, client := exampleClient()
	_ = redis.Set("record", "2025 tea").Do(ctx, client)

	n, _ := redis.SetRange("record", 0, "2026").Do(ctx, client)
	year, _ := redis.GetRange("record", 0, 3).Do(ctx, client)
	item, _ := redis.GetRange("record", -3, -1).Do(ctx, client)
	fmt.Println(n, year, item)
	// Output: 8 2026 tea
}

func ExampleAppend() {
	ctx, client := exampleClient()

	_, _ = redis.Append("log", "started\n").Do(ctx, client)
	n, _ := redis.Append("log", "ready\n").Do(ctx, client)
	length, _ := redis.StrLen("log").Do(ctx, client)
	fmt.Println(n, length)
	// Output: 14 14
}

func ExampleDecrBy() {
	ctx, client := exampleClient()
	_ = redis.Set("stock:tea", 10).Do(ctx, client)

	left, _ := redis.Decr("stock:tea").Do(ctx, client)
	fmt.Println(left)
	left, _ = redis.DecrBy("stock:tea", 5).Do(ctx, client)
	fmt.Println(left)
	// Output:
	// 9
	// 4
}

func ExampleIncrByFloat() {
	ctx, client := exampleClient()

	_, _ = redis.IncrByFloat("balance", 10.5).Do(ctx, client)
	balance, _ := redis.IncrByFloat("balance", -3.25).Do(ctx, client)
	fmt.Println(balance)
	// Output: 7.25
}

// A budget of a day that cannot be overdrawn. Redis 8.8.
func ExampleIncrExFloat() {
	spend := func(ctx context.Context, client redis.Doer, amount float64) (redis.Increment[float64], error) {
		return redis.IncrExFloat("spent:today", amount, redis.IncrExOptions[float64]{
			Max:        redis.Some(250.0),
			Expire:     redis.ExpireOptions{TTL: 24 * time.Hour},
			ExpireOnce: true,
		}).Do(ctx, client)
	}
	_ = spend // Applied is 0 if it would be too much; Value is what is spent
}

func ExampleMSetNX() {
	ctx, client := exampleClient()

	both, _ := redis.MSetNX("name:ada", "7", "mail:ada@example.org", "7").Do(ctx, client)
	again, _ := redis.MSetNX("name:eve", "8", "mail:ada@example.org", "8").Do(ctx, client) // the mail is taken
	n, _ := redis.Exists("name:eve").Do(ctx, client)
	fmt.Println(both, again, n)
	// Output: true false 0
}

// Several keys with one time to live, all or none. Redis 8.4, Valkey 9.1.
func ExampleMSetEx() {
	o := redis.SetOptions{TTL: time.Hour, If: redis.IfAbsent}
	fmt.Println(redis.Redacted(redis.MSetEx(o, "user:7", "ada", "cart:7", "tea").Command))
	// Output: MSETEX "2" "user:7" "ada" "cart:7" "tea" "NX" "PX" "3600000"
}

// Where two texts agree. Redis 7.0.
func ExampleLCSIdx() {
	compare := func(ctx context.Context, client redis.Doer, a, b string) error {
		same, err := redis.LCSIdx(a, b, 4).Do(ctx, client)
		if err != nil {
			return err
		}
		for _, m := range same.Matches {
			piece, err := redis.GetRange(a, m.A.Start, m.A.End).Do(ctx, client)
			if err != nil {
				return err
			}
			fmt.Printf("%d bytes: %s\n", m.Len, piece)
		}
		all, err := redis.LCSLen(a, b).Do(ctx, client) // or LCS for the text itself
		fmt.Println("of", all)
		return err
	}
	_ = compare
}
