package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

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

func ExampleConsume() {
	ctx, client := exampleClient()
	_, _ = redis.XAdd("orders", redis.XAddOptions{}, "item", "tea").Do(ctx, client)

	worker := redis.ConsumeOptions{Group: "shop", Consumer: "worker-1", ClaimIdle: time.Minute}
	for e, err := range redis.Consume(ctx, client, "orders", worker) {
		if err != nil {
			fmt.Println(err) // it goes on, until ctx ends
			continue
		}
		fmt.Println(e.Get("item"))
		_, _ = redis.XAck("orders", "shop", e.ID).Do(ctx, client)
		break
	}
	// Output: tea
}

func ExampleXGroupCreate() {
	ctx, client := exampleClient()

	// From the first entry on; redis.LastID is new entries only.
	all := redis.XGroupCreate("orders", "shop", "0", redis.XGroupOptions{MkStream: true})
	fmt.Println(all.Do(ctx, client))
	fmt.Println(errors.Is(all.Do(ctx, client), redis.ErrBusyGroup)) // it is there
	// Output:
	// <nil>
	// true
}

// The life of a group and its consumers.
func ExampleXGroupDestroy() {
	ctx, client := exampleClient()
	_ = redis.XGroupCreate("orders", "shop", "0", redis.XGroupOptions{MkStream: true}).Do(ctx, client)

	joined, _ := redis.XGroupCreateConsumer("orders", "shop", "worker-1").Do(ctx, client)
	lost, _ := redis.XGroupDelConsumer("orders", "shop", "worker-1").Do(ctx, client) // what it had not acknowledged
	gone, _ := redis.XGroupDestroy("orders", "shop").Do(ctx, client)
	fmt.Println(joined, lost, gone)
	// Output: true 0 true
}

// All entries once more.
func ExampleXGroupSetID() {
	again := redis.XGroupSetID("orders", "shop", "0", redis.XGroupOptions{EntriesRead: redis.Some[int64](0)})
	fmt.Println(redis.Redacted(again.Command))
	// Output: XGROUP SETID "orders" "shop" "0" "ENTRIESREAD" "0"
}

// What was delivered and is not acknowledged: in short, and one by one.
func ExampleXPending() {
	ctx, client := exampleClient()
	_ = redis.XGroupCreate("orders", "shop", "0", redis.XGroupOptions{MkStream: true}).Do(ctx, client)
	_, _ = redis.XAdd("orders", redis.XAddOptions{ID: "1-1"}, "item", "tea").Do(ctx, client)
	_, _ = redis.XReadGroup("shop", "worker-1", redis.XReadGroupOptions{}, redis.StreamID{Key: "orders", ID: redis.FreshID}).Do(ctx, client)

	sum, _ := redis.XPending("orders", "shop").Do(ctx, client)
	fmt.Println(sum.Count, sum.First, sum.Last, sum.Consumers)
	list, _ := redis.XPendingRange("orders", "shop", 10, redis.XPendingOptions{Consumer: "worker-1"}).Do(ctx, client)
	for _, p := range list {
		fmt.Println(p.ID, p.Consumer, p.Deliveries)
	}
	// Output:
	// 1 1-1 1-1 map[worker-1:1]
	// 1-1 worker-1 1
}

// A worker has crashed: another one takes its entries over. Consume does this by itself.
func ExampleXAutoClaim() {
	ctx, client := exampleClient()
	_ = redis.XGroupCreate("orders", "shop", "0", redis.XGroupOptions{MkStream: true}).Do(ctx, client)
	_, _ = redis.XAdd("orders", redis.XAddOptions{ID: "1-1"}, "item", "tea").Do(ctx, client)
	_, _ = redis.XReadGroup("shop", "crashed", redis.XReadGroupOptions{}, redis.StreamID{Key: "orders", ID: redis.FreshID}).Do(ctx, client)

	for from := "0"; from != "0-0"; {
		page, err := redis.XAutoClaim("orders", "shop", "worker-2", 0, from, 100).Do(ctx, client)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, e := range page.Entries {
			fmt.Println(e.ID, e.Get("item"))
		}
		from = page.Next
	}
	// Output: 1-1 tea
}

// Entries by their IDs, as XPendingRange has them. Their deliveries are counted anew.
func ExampleXClaim() {
	ctx, client := exampleClient()
	_ = redis.XGroupCreate("orders", "shop", "0", redis.XGroupOptions{MkStream: true}).Do(ctx, client)
	_, _ = redis.XAdd("orders", redis.XAddOptions{ID: "1-1"}, "item", "tea").Do(ctx, client)
	_, _ = redis.XReadGroup("shop", "crashed", redis.XReadGroupOptions{}, redis.StreamID{Key: "orders", ID: redis.FreshID}).Do(ctx, client)

	anew := redis.XClaimOptions{Deliveries: redis.Some[int64](0)}
	claimed, err := redis.XClaim("orders", "shop", "worker-2", 0, anew, "1-1").Do(ctx, client)
	fmt.Println(claimed[0].Get("item"), err)
	// Output: tea <nil>
}

// A worker that says it goes on: its entries are not stale for another minute. Only the
// IDs come back, and no delivery is counted.
func ExampleXClaimJustID() {
	still := func(ctx context.Context, client redis.Doer, ids ...string) ([]string, error) {
		return redis.XClaimJustID("orders", "shop", "worker-1", 0, redis.XClaimOptions{}, ids...).Do(ctx, client)
	}
	stale := func(ctx context.Context, client redis.Doer) ([]string, error) {
		page, err := redis.XAutoClaimJustID("orders", "shop", "cleaner", time.Hour, "0", 0).Do(ctx, client)
		return page.IDs, err
	}
	_, _ = still, stale
}

// A worker that ends gives back what it has not begun. Redis 8.8.
func ExampleXNack() {
	back := func(how redis.Nack, ids ...string) redis.Cmd[int64] {
		return redis.XNack("orders", "shop", how, redis.XNackOptions{}, ids...)
	}
	fmt.Println(redis.Redacted(back(redis.NackSilent, "1-1").Command)) // nobody has tried it
	fmt.Println(redis.Redacted(back(redis.NackFail, "1-2").Command))   // another one may do better
	fmt.Println(redis.Redacted(back(redis.NackFatal, "1-3").Command))  // nobody can
	// Output:
	// XNACK "orders" "shop" "SILENT" "IDS" "1" "1-1"
	// XNACK "orders" "shop" "FAIL" "IDS" "1" "1-2"
	// XNACK "orders" "shop" "FATAL" "IDS" "1" "1-3"
}
