package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

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

func ExampleHScan() {
	ctx, client := exampleClient()
	_, _ = redis.HSet("h", "f", "v").Do(ctx, client)

	for f, err := range redis.HScan(ctx, client, "h", redis.ScanOptions{Dedup: true}) {
		fmt.Println(f.Field, f.Value, err)
	}
	// Output: f v <nil>
}

func ExampleHSetOne() {
	ctx, client := exampleClient()

	added, _ := redis.HSetOne("user:7", "age", 36).Do(ctx, client)
	again, _ := redis.HSetOne("user:7", "age", 37).Do(ctx, client)
	age, _ := redis.As(redis.HGet("user:7", "age"), redis.Int).Do(ctx, client)
	fmt.Println(added, again, age)
	// Output: true false 37
}

func ExampleHSetNX() {
	ctx, client := exampleClient()

	first, _ := redis.HSetNX("seats", "12A", "ada").Do(ctx, client)
	second, _ := redis.HSetNX("seats", "12A", "bob").Do(ctx, client)
	fmt.Println(first, second)
	// Output: true false
}

func ExampleHKeys() {
	ctx, client := exampleClient()
	_, _ = redis.HSet("user:7", "name", "Ada", "city", "London").Do(ctx, client)

	fields, _ := redis.HKeys("user:7").Do(ctx, client)
	values, _ := redis.HVals("user:7").Do(ctx, client)
	n, _ := redis.HLen("user:7").Do(ctx, client)
	slices.Sort(fields)
	slices.Sort(values)
	fmt.Println(fields, values, n)
	// Output: [city name] [Ada London] 2
}

func ExampleHExists() {
	ctx, client := exampleClient()
	_, _ = redis.HSet("user:7", "name", "Ada").Do(ctx, client)

	named, _ := redis.HExists("user:7", "name").Do(ctx, client)
	length, _ := redis.HStrLen("user:7", "name").Do(ctx, client)
	deleted, _ := redis.HDel("user:7", "name", "city").Do(ctx, client)
	fmt.Println(named, length, deleted)
	// Output: true 3 1
}

func ExampleHIncrBy() {
	ctx, client := exampleClient()

	n, _ := redis.HIncrBy("stats", "visits", 1).Do(ctx, client)
	sum, _ := redis.HIncrByFloat("stats", "revenue", 12.5).Do(ctx, client)
	fmt.Println(n, sum)
	// Output: 1 12.5
}

// Some fields of a hash that is too large to be read as a whole.
func ExampleHRandFields() {
	ctx, client := exampleClient()
	_, _ = redis.HSet("prizes", "tea", "5").Do(ctx, client)

	one, err := redis.HRandField("prizes").Do(ctx, client)
	fmt.Println(one, err)
	few, err := redis.HRandFields("prizes", 3).Do(ctx, client) // different ones: there is one only
	fmt.Println(few, err)

	drawn, _ := redis.HRandFieldsWithValues("prizes", -2).Do(ctx, client) // two that may be the same
	for _, f := range drawn {
		fmt.Println(f.Field, f.Value)
	}
	// Output:
	// tea <nil>
	// [tea] <nil>
	// tea 5
	// tea 5
}

func ExampleHScanPage() {
	ctx, client := exampleClient()
	_, _ = redis.HSet("user:7", "name", "Ada", "phone:home", "1", "phone:work", "2").Do(ctx, client)

	page, _ := redis.HScanPage("user:7", 0, redis.ScanOptions{Match: "phone:*", Count: 100}).Do(ctx, client)
	for _, f := range page.Items {
		fmt.Println(f.Field, f.Value)
	}
	// Unordered output:
	// phone:home 1
	// phone:work 2
}

// The names of fields without their values. Redis 7.4.
func ExampleHScanFieldsPage() {
	names := func(ctx context.Context, client redis.Doer, key string) (all []string, err error) {
		for cursor := uint64(0); ; {
			page, err := redis.HScanFieldsPage(key, cursor, redis.ScanOptions{Count: 1000}).Do(ctx, client)
			if err != nil {
				return nil, err
			}
			all = append(all, page.Items...)
			if cursor = page.Cursor; cursor == 0 {
				return all, nil
			}
		}
	}
	_ = names
}

// What became of the time to live of each field. Redis 7.4, Valkey 9.
func ExampleFieldTTL() {
	words := map[redis.FieldTTL]string{
		redis.FieldMissing:   "no such field",
		redis.FieldNoTTL:     "it had no time to live", // of HPersist
		redis.FieldUnchanged: "the condition did not hold",
		redis.FieldSet:       "done",
		redis.FieldDeleted:   "the time has passed: deleted",
	}
	report := func(ctx context.Context, client redis.Doer, c redis.Cmd[[]redis.FieldTTL]) error {
		results, err := c.Do(ctx, client)
		for _, r := range results {
			fmt.Println(words[r])
		}
		return err
	}
	until := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	all := func(ctx context.Context, client redis.Doer) error {
		return errors.Join(
			report(ctx, client, redis.HExpireAt("user:7", until, redis.IfNoTTL, "token")),
			report(ctx, client, redis.HPersist("user:7", "token")))
	}
	_ = all
}

// How long do the fields of a hash live? Redis 7.4, Valkey 9.
func ExampleHTTL() {
	show := func(ctx context.Context, client redis.Doer) error {
		left, err := redis.HTTL("user:7", "token", "name").Do(ctx, client)
		if err != nil {
			return err
		}
		for _, d := range left {
			fmt.Println(d.OK, d.Value == redis.NoExpiry, d.Value)
		}
		at, err := redis.HExpireTime("user:7", "token").Do(ctx, client)
		if err == nil && at[0].OK {
			fmt.Println("until", at[0].Value)
		}
		return err
	}
	_ = show
}

// Fields with a time to live, as GetEx and GetDel have it for keys. Redis 8.0, Valkey 9.
func ExampleHGetEx() {
	use := redis.HGetEx("user:7", redis.ExpireOptions{TTL: 30 * time.Minute}, "token")
	take := redis.HGetDel("user:7", "invitation")
	fmt.Println(redis.Redacted(use.Command))
	fmt.Println(redis.Redacted(take.Command))
	// Output:
	// HGETEX "user:7" "PX" "1800000" "FIELDS" "1" "token"
	// HGETDEL "user:7" "FIELDS" "1" "invitation"
}

// Redis 8.0, Valkey 9.
func ExampleHSetEx() {
	conditions := map[string]redis.HashCondition{"create": redis.IfNoField, "update": redis.IfAllField}
	set := redis.HSetEx("user:7", redis.HSetExOptions{TTL: time.Hour, If: conditions["create"]}, "token", "x1", "cart", "tea")
	fmt.Println(redis.Redacted(set.Command))
	// Output: HSETEX "user:7" "FNX" "PX" "3600000" "FIELDS" "2" "token" "x1" (2 more)
}
