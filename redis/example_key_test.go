package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

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

func ExampleScanPage() {
	ctx, client := exampleClient()

	_ = redis.MSet("user:1", "ada", "user:2", "bob", "other", "x").Do(ctx, client)
	page, _ := redis.ScanPage(0, redis.ScanOptions{Match: "user:*", Count: 100}).Do(ctx, client)
	slices.Sort(page.Items)
	fmt.Println(page.Items, page.Cursor)
	// Output: [user:1 user:2] 0
}

func ExampleScan() {
	ctx, client := exampleClient()
	_ = redis.MSet("user:1", "a", "user:2", "b", "other", "c").Do(ctx, client)

	var keys []string
	for key, err := range redis.Scan(ctx, client, redis.ScanOptions{Match: "user:*"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		keys = append(keys, key) // or break
	}
	sort.Strings(keys)
	fmt.Println(keys)
	// Output: [user:1 user:2]
}

func ExampleDel() {
	ctx, client := exampleClient()
	_ = redis.MSet("a", "1", "b", "2", "c", "3").Do(ctx, client)

	there, _ := redis.Exists("a", "b", "none").Do(ctx, client)
	deleted, _ := redis.Del("a", "none").Do(ctx, client)
	unlinked, _ := redis.Unlink("b", "c").Do(ctx, client) // frees large values in the background
	fmt.Println(there, deleted, unlinked)
	// Output: 2 1 2
}

func ExampleKey() {
	fmt.Println(redis.Key("user", "7", "name"))
	// Output: user:7:name
}

func ExampleType() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("queue", "job").Do(ctx, client)

	kind, _ := redis.Type("queue").Do(ctx, client)
	none, _ := redis.Type("nothing").Do(ctx, client)
	fmt.Println(kind, none)
	// Output: list none
}

// Conditions of a time to live. Redis 7.0.
func ExampleExpireWith() {
	ctx, client := exampleClient()
	_ = redis.Set("job:7", "running").Do(ctx, client)

	extend := func(c redis.ExpireCondition, d time.Duration) bool {
		set, _ := redis.ExpireWith("job:7", d, c).Do(ctx, client)
		return set
	}
	fmt.Println(extend(redis.IfNoTTL, time.Hour))     // it had none
	fmt.Println(extend(redis.IfLater, time.Minute))   // not later
	fmt.Println(extend(redis.IfEarlier, time.Minute)) // but earlier
	fmt.Println(extend(redis.IfTTL, time.Second))     // it has one
	// Output:
	// true
	// false
	// true
	// true
}

// An offer that ends at midnight.
func ExampleExpireAt() {
	ctx, client := exampleClient()
	_ = redis.Set("offer", "tea").Do(ctx, client)
	midnight := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

	_, _ = redis.ExpireAt("offer", midnight).Do(ctx, client)
	_, _ = redis.ExpireAtWith("offer", midnight.Add(time.Hour), redis.IfEarlier).Do(ctx, client) // stays as it is
	at, _ := redis.ExpireTime("offer").Do(ctx, client)
	fmt.Println(at.UTC())
	// Output: 2026-01-02 00:00:00 +0000 UTC
}

// A list is built beside the one that is read, and takes its place at once.
func ExampleRename() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("top:next", "tea", "coffee").Do(ctx, client)

	err := redis.Rename("top:next", "top").Do(ctx, client)
	fmt.Println(err)
	err = redis.Rename("top:next", "top").Do(ctx, client)
	fmt.Println(err)

	_, _ = redis.RPush("top:next", "milk").Do(ctx, client)
	renamed, _ := redis.RenameNX("top:next", "top").Do(ctx, client) // there is one
	fmt.Println(renamed)
	// Output:
	// <nil>
	// ERR no such key
	// false
}

func ExampleCopy() {
	ctx, client := exampleClient()
	_ = redis.Set("settings", "v1").Do(ctx, client)

	kept, _ := redis.Copy("settings", "settings:backup", redis.CopyOptions{}).Do(ctx, client)
	again, _ := redis.Copy("settings", "settings:backup", redis.CopyOptions{}).Do(ctx, client)
	over, _ := redis.Copy("settings", "settings:backup", redis.CopyOptions{Replace: true}).Do(ctx, client)
	fmt.Println(kept, again, over)
	// Output: true false true
}

func ExampleMove() {
	ctx, client := exampleClient()
	_ = redis.Set("old", "report").Do(ctx, client)

	moved, _ := redis.Move("old", 1).Do(ctx, client) // to database 1
	_, err := redis.Get("old").Do(ctx, client)
	fmt.Println(moved, errors.Is(err, redis.ErrNil))
	// Output: true true
}

// For small databases and by hand: it looks at every key while all others wait. Scan
// does not.
func ExampleKeys() {
	ctx, client := exampleClient()
	_ = redis.MSet("user:1", "ada", "user:2", "bob", "other", "x").Do(ctx, client)

	users, _ := redis.Keys("user:?").Do(ctx, client)
	slices.Sort(users)
	fmt.Println(users)
	_, err := redis.RandomKey().Do(ctx, client)
	fmt.Println(err)
	// Output:
	// [user:1 user:2]
	// <nil>
}

// A key goes from one server to another, through the program.
func ExampleRestore() {
	ctx, from := exampleClient()
	_, to := exampleClient()
	_ = redis.Set("settings", "v1").Do(ctx, from)

	dump, _ := redis.Dump("settings").Do(ctx, from) // whatever its type is
	err := redis.Restore("settings", dump, redis.RestoreOptions{TTL: time.Hour, Replace: true}).Do(ctx, to)
	value, _ := redis.Get("settings").Do(ctx, to)
	fmt.Println(value, err)

	err = redis.Restore("settings", dump, redis.RestoreOptions{}).Do(ctx, to)
	fmt.Println(errors.Is(err, redis.ErrBusyKey)) // it is there
	// Output:
	// v1 <nil>
	// true
}

// Keys go from one server to another, without the program between them.
func ExampleMigrate() {
	move := redis.Migrate("10.0.0.2", 6379, redis.MigrateOptions{
		Timeout: 5 * redis.DefaultMigrateTimeout,
		Replace: true, Username: "mover", Password: "secret",
	}, "user:1", "user:2")
	fmt.Println(redis.Redacted(move.Command)) // what logs and traces show
	// Output: MIGRATE "10.0.0.2" "6379" "" "0" "5000" "REPLACE" "AUTH2" *** *** *** *** ***
}

// Which keys did nobody use for a month?
func ExampleObjectIdleTime() {
	unused := func(ctx context.Context, client redis.Doer) (keys []string, err error) {
		for key, err := range redis.Scan(ctx, client, redis.ScanOptions{Count: 1000}) {
			if err != nil {
				return nil, err
			}
			idle, err := redis.ObjectIdleTime(key).Do(ctx, client)
			if errors.Is(err, redis.ErrNil) {
				continue // deleted meanwhile
			}
			if err != nil {
				return nil, err
			}
			if idle > 30*24*time.Hour {
				keys = append(keys, key)
			}
		}
		return keys, nil
	}
	_ = unused
}

// How a value is kept: of interest where memory is short.
func ExampleObjectEncoding() {
	look := func(ctx context.Context, client redis.Doer, key string) error {
		encoding, err := redis.ObjectEncoding(key).Do(ctx, client) // "listpack", "hashtable", ...
		if err != nil {
			return err
		}
		shared, err := redis.ObjectRefCount(key).Do(ctx, client)
		if err != nil {
			return err
		}
		used, err := redis.ObjectFreq(key).Do(ctx, client) // with an LFU maxmemory-policy
		fmt.Println(encoding, shared, used)
		return err
	}
	_ = look
}

// Keys that are needed soon count as used now, so that they are evicted last.
func ExampleTouch() {
	ctx, client := exampleClient()
	_ = redis.MSet("a", "1", "b", "2").Do(ctx, client)

	n, _ := redis.Touch("a", "b", "none").Do(ctx, client)
	fmt.Println(n)
	// Output: 2
}

// A write that two replicas must have before the program goes on. WAIT is about its
// connection: it goes with the write in one pipeline.
func ExampleWait() {
	store := func(ctx context.Context, client redis.Doer, key, value string) error {
		var p redis.Pipeline
		set := redis.Set(key, value).Queue(&p)
		replicas := redis.Wait(2, time.Second).Queue(&p)
		if err := p.Do(ctx, client); err != nil {
			return err
		}
		if err := set.Err(); err != nil {
			return err
		}
		n, err := replicas.Value()
		if err == nil && n < 2 {
			err = fmt.Errorf("only %d replicas have it", n)
		}
		return err
	}
	_ = store
}

// A write that must be on the disks of the master and of a replica. Redis 7.2.
func ExampleWaitAOF() {
	store := func(ctx context.Context, client redis.Doer, key, value string) (redis.Synced, error) {
		var p redis.Pipeline
		redis.Set(key, value).Queue(&p)
		synced := redis.WaitAOF(1, 1, time.Second).Queue(&p)
		if err := p.Do(ctx, client); err != nil {
			return redis.Synced{}, err
		}
		return synced.Value() // Local is 1 if the master has it on its disk
	}
	_ = store
}
