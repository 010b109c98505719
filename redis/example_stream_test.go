package redis_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleXAddMap() {
	ctx, client := exampleClient()

	_, _ = redis.XAddMap("clicks", redis.XAddOptions{}, map[string]int{"x": 10, "y": 20}).Do(ctx, client)
	entries, _ := redis.XRange("clicks", redis.MinID, redis.MaxID, 0).Do(ctx, client)
	fmt.Println(entries[0].Fields)
	// Output: [{x 10} {y 20}]
}

func ExampleXAdd() {
	ctx, client := exampleClient()

	id, _ := redis.XAdd("events", redis.XAddOptions{ID: "1-1"}, "kind", "login", "user", "ada").Do(ctx, client)
	events, _ := redis.XRange("events", redis.MinID, redis.MaxID, 10).Do(ctx, client)
	fmt.Println(id, events[0].Get("kind"), events[0].Get("user"))
	// Output: 1-1 login ada
}

func ExampleEntry() {
	ctx, client := exampleClient()
	_, _ = redis.XAdd("events", redis.XAddOptions{ID: "1-1"}, "kind", "login", "user", "ada").Do(ctx, client)

	events, _ := redis.XRange("events", "1-1", redis.MaxID, 1).Do(ctx, client)
	for _, e := range events {
		user, ok := e.Lookup("user") // Get, and whether there is one
		fields := slices.Sorted(maps.Keys(e.Map()))
		fmt.Println(e.ID, e.Get("kind"), user, ok, fields)
	}
	// Output: 1-1 login ada true [kind user]
}

// The latest entries, the latest first.
func ExampleXRevRange() {
	ctx, client := exampleClient()
	for _, id := range []string{"1-1", "1-2", "1-3"} {
		_, _ = redis.XAdd("events", redis.XAddOptions{ID: id}, "n", id).Do(ctx, client)
	}

	latest, _ := redis.XRevRange("events", redis.MaxID, redis.MinID, 2).Do(ctx, client)
	for _, e := range latest {
		fmt.Println(e.ID)
	}
	n, _ := redis.XLen("events").Do(ctx, client)
	fmt.Println(n, "entries")
	// Output:
	// 1-3
	// 1-2
	// 3 entries
}

// Each reader gets all entries. What it has seen last it asks for next: only the first
// call may say LastID, for entries from now on.
func ExampleXRead() {
	ctx, client := exampleClient()
	_, _ = redis.XAdd("news", redis.XAddOptions{ID: "1-1"}, "title", "tea").Do(ctx, client)
	_, _ = redis.XAdd("news", redis.XAddOptions{ID: "1-2"}, "title", "milk").Do(ctx, client)

	last := redis.StreamID{Key: "news", ID: "0"} // or redis.LastID
	for range 3 {
		streams, err := redis.XRead(redis.XReadOptions{Count: 1, Block: 10 * time.Millisecond}, last).Do(ctx, client)
		if err != nil {
			fmt.Println(err)
			return
		}
		if len(streams) == 0 {
			fmt.Println("nothing in time")
			continue
		}
		for _, e := range streams[0].Entries {
			fmt.Println(e.Get("title"))
			last.ID = e.ID
		}
	}
	// Output:
	// tea
	// milk
	// nothing in time
}

// The last entry of a stream, whatever it is. Redis 7.4.
func ExampleXRead_last() {
	fmt.Println(redis.Redacted(redis.XRead(redis.XReadOptions{}, redis.StreamID{Key: "prices", ID: redis.MaxID}).Command))
	fmt.Println(redis.Redacted(redis.XRead(redis.XReadOptions{Block: redis.Forever}, redis.StreamID{Key: "prices", ID: redis.LastID}).Command))
	// Output:
	// XREAD "STREAMS" "prices" "+"
	// XREAD "BLOCK" "0" "STREAMS" "prices" "$"
}

// A stream that keeps about the last million of its entries: each XADD trims it.
func ExampleXAdd_trim() {
	add := redis.XAdd("events", redis.XAddOptions{
		ID:   redis.NewID, // as an empty one
		Trim: redis.TrimOptions{MaxLen: redis.Some[int64](1_000_000), Approx: true},
	}, "kind", "login")
	fmt.Println(redis.Redacted(add.Command))
	// Output: XADD "events" "MAXLEN" "~" "1000000" "*" "kind" "login"
}

// A message that is sent again is added once. Redis 8.6.
func ExampleXCfgSet() {
	remember := redis.XCfgSet("orders", redis.XCfgSetOptions{Duration: time.Hour, MaxSize: 10_000})
	order := redis.XAdd("orders", redis.XAddOptions{Producer: "shop-1", Message: "order-7"}, "item", "tea")
	fmt.Println(redis.Redacted(remember.Command))
	fmt.Println(redis.Redacted(order.Command))
	// Output:
	// XCFGSET "orders" "IDMP-DURATION" "3600" "IDMP-MAXSIZE" "10000"
	// XADD "orders" "IDMP" "shop-1" "order-7" "*" "item" "tea"
}

func ExampleXTrim() {
	ctx, client := exampleClient()
	for _, id := range []string{"1-0", "2-0", "3-0", "4-0"} {
		_, _ = redis.XAdd("events", redis.XAddOptions{ID: id}, "n", id).Do(ctx, client)
	}

	long, _ := redis.XTrim("events", redis.TrimOptions{MaxLen: redis.Some[int64](3)}).Do(ctx, client)
	old, _ := redis.XTrim("events", redis.TrimOptions{MinID: "3"}).Do(ctx, client) // what is older than ID 3
	one, _ := redis.XDel("events", "4-0", "9-9").Do(ctx, client)
	fmt.Println(long, old, one)
	// Output: 1 1 1
}

// Entries are removed when all groups have acknowledged them. Redis 8.2.
func ExampleXAckDel() {
	words := map[redis.Removal]string{
		redis.NotFound:     "no such entry",
		redis.Removed:      "removed",
		redis.KeptByGroups: "another group needs it",
	}
	done := func(ctx context.Context, client redis.Doer, r redis.Refs, ids ...string) error {
		results, err := redis.XAckDel("orders", "shop", r, ids...).Do(ctx, client)
		for i, x := range results {
			fmt.Println(ids[i], words[x])
		}
		return err
	}
	all := func(ctx context.Context, client redis.Doer, ids ...string) error {
		return done(ctx, client, redis.IfAllAcked, ids...)
	}
	_ = all

	// Without an acknowledgement, and whatever the groups say.
	fmt.Println(redis.Redacted(redis.XDelEx("orders", redis.DeleteRefs, "1-1").Command))
	fmt.Println(redis.Redacted(redis.XTrim("orders", redis.TrimOptions{MinID: "5", Refs: redis.KeepRefs}).Command))
	// Output:
	// XDELEX "orders" "DELREF" "IDS" "1" "1-1"
	// XTRIM "orders" "MINID" "=" "5" "KEEPREF"
}

// A stream that is copied goes on where the other one was.
func ExampleXSetID() {
	resume := func(ctx context.Context, client redis.Doer, to string, from redis.StreamInfo) error {
		return redis.XSetID(to, from.LastID, redis.XSetIDOptions{
			EntriesAdded: redis.Some(from.EntriesAdded),
			MaxDeletedID: from.MaxDeletedID,
		}).Do(ctx, client)
	}
	_ = resume
}

func ExampleXInfoStream() {
	ctx, client := exampleClient()
	_, _ = redis.XAdd("events", redis.XAddOptions{ID: "1-1"}, "kind", "login").Do(ctx, client)

	s, err := redis.XInfoStream("events").Do(ctx, client)
	fmt.Println(s.Length, err)
	_, err = redis.XInfoStream("nothing").Do(ctx, client)
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// ERR no such key
}

// How far behind is each group, and who of it is silent?
func ExampleXInfoGroups() {
	late := func(g redis.GroupInfo) bool { return g.Lag.Or(0) > 1000 }
	silent := func(c redis.ConsumerInfo) bool { return c.Pending > 0 && c.Idle > time.Minute }
	check := func(ctx context.Context, client redis.Doer, key string) error {
		groups, err := redis.XInfoGroups(key).Do(ctx, client)
		if err != nil {
			return err
		}
		for _, g := range groups {
			if !late(g) {
				continue
			}
			consumers, err := redis.XInfoConsumers(key, g.Name).Do(ctx, client)
			if err != nil {
				return err
			}
			for _, c := range slices.DeleteFunc(consumers, func(c redis.ConsumerInfo) bool { return !silent(c) }) {
				fmt.Println(g.Name, "waits for", c.Name)
			}
		}
		return nil
	}
	_ = check
}

// All of a stream in one answer, for a page that shows it.
func ExampleXInfoStreamFull() {
	page := func(ctx context.Context, client redis.Doer, key string) error {
		s, err := redis.XInfoStreamFull(key, 10).Do(ctx, client)
		if err != nil {
			return err
		}
		fmt.Println(s.Length, "entries, the last one", s.LastID)
		for _, g := range s.Details {
			fmt.Println(g.Name, "has", g.Pending, "entries to acknowledge")
			for _, c := range g.Members {
				fmt.Println("  ", c.Name, c.Pending, "seen", c.Seen)
			}
		}
		return nil
	}
	_ = page
}

// The defaults, with another pause after errors. The loop ends with ctx.
func ExampleConsumeOptions() {
	o := redis.ConsumeOptions{
		Group: "shop", Consumer: "worker-1",
		Start: redis.LastID, // of a new group: entries from now on
		Count: redis.DefaultConsumeCount,
		Block: redis.DefaultConsumeBlock,
		Retry: 4 * redis.DefaultConsumeRetry,
	}
	work := func(ctx context.Context, client redis.Doer) error {
		for e, err := range redis.Consume(ctx, client, "orders", o) {
			if ctx.Err() != nil || errors.Is(err, redis.ErrNoPerm) {
				return err
			}
			if err != nil {
				continue // it tries again
			}
			if _, err := redis.XAck("orders", o.Group, e.ID).Do(ctx, client); err != nil {
				fmt.Println(e.ID, "comes again:", err)
			}
		}
		return nil
	}
	_ = work
}
