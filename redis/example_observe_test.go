package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleCommandDocs() {
	since := func(ctx context.Context, client redis.Doer, name string) (string, error) {
		docs, err := redis.CommandDocs(name).Do(ctx, client)
		return docs[name].Since, err
	}
	_ = since
}

func ExampleLatencyHistogram() {
	slow := func(ctx context.Context, client redis.Doer) (int64, error) {
		h, err := redis.LatencyHistogram("get").Do(ctx, client)
		return h["get"].Calls, err
	}
	_ = slow
}

func ExampleHotKeysStart() {
	// Who is using the server? Redis 8.6.
	find := func(ctx context.Context, client redis.Doer) ([]redis.HotKey, error) {
		if err := redis.HotKeysStart(redis.HotKeysOptions{CPU: true, Count: 10, Duration: time.Minute}).Do(ctx, client); err != nil {
			return nil, err
		}
		time.Sleep(time.Minute)
		hot, err := redis.HotKeysGet().Do(ctx, client)
		return hot.CPU, err
	}
	_ = find
}

// What made the server wait? Needs latency-monitor-threshold.
func ExampleLatencyLatest() {
	look := func(ctx context.Context, client redis.Doer) error {
		events, err := redis.LatencyLatest().Do(ctx, client)
		if err != nil {
			return err
		}
		for _, e := range events {
			fmt.Println(e.Name, e.At, e.Latest, "at most", e.Max)
			history, err := redis.LatencyHistory(e.Name).Do(ctx, client)
			if err != nil {
				return err
			}
			for _, s := range history {
				fmt.Println(s.At.Format(time.TimeOnly), s.Latency)
			}
		}
		_, err = redis.LatencyReset().Do(ctx, client) // of all kinds
		return err
	}
	_ = look
}

// In words and pictures, for people.
func ExampleLatencyDoctor() {
	advice := func(ctx context.Context, client redis.Doer) error {
		for _, c := range []redis.Cmd[string]{
			redis.LatencyDoctor(),
			redis.LatencyGraph("command"),
			redis.MemoryDoctor(),
			redis.MemoryMallocStats(),
		} {
			text, err := c.Do(ctx, client)
			if err != nil {
				return err
			}
			fmt.Println(text)
		}
		return nil
	}
	_ = advice
}

// Half of the calls took so long at most. Redis 7.0.
func ExampleHistogram() {
	median := func(h redis.Histogram) (d time.Duration) {
		for upTo, n := range h.Buckets { // each counts those of smaller ones too
			if 2*n >= h.Calls && (d == 0 || upTo < d) {
				d = upTo
			}
		}
		return d
	}
	fmt.Println(median(redis.Histogram{Calls: 10, Buckets: map[time.Duration]int64{
		1 * time.Microsecond: 4, 2 * time.Microsecond: 7, 4 * time.Microsecond: 10,
	}}))
	// Output: 2µs
}

// The largest of some keys.
func ExampleMemoryUsage() {
	largest := func(ctx context.Context, client redis.Doer, keys ...string) (key string, bytes int64, err error) {
		for _, k := range keys {
			n, err := redis.MemoryUsage(k, -1).Do(ctx, client) // of nested values, all
			if errors.Is(err, redis.ErrNil) {
				continue
			}
			if err != nil {
				return "", 0, err
			}
			if n > bytes {
				key, bytes = k, n
			}
		}
		return key, bytes, nil
	}
	_ = largest
}

// Memory that was freed and not given back.
func ExampleMemoryStats() {
	tidy := func(ctx context.Context, client redis.Doer) error {
		stats, err := redis.MemoryStats().Do(ctx, client)
		if err != nil || stats["fragmentation"] < 1.5 {
			return err
		}
		return redis.MemoryPurge().Do(ctx, client)
	}
	_ = tidy
}

// Is a module there?
func ExampleModuleList() {
	version := func(ctx context.Context, client redis.Doer, name string) (int64, error) {
		modules, err := redis.ModuleList().Do(ctx, client)
		for _, m := range modules {
			if strings.EqualFold(m.Name, name) {
				return m.Version, nil
			}
		}
		return 0, err
	}
	_ = version
}

func ExampleModuleLoad() {
	for _, c := range []redis.Status{
		redis.ModuleLoad("/opt/modules/bloom.so"),
		redis.ModuleLoadEx("/opt/modules/search.so", redis.ModuleLoadOptions{Config: []string{"search-timeout", "500"}}), // Redis 7.0
		redis.ModuleUnload("bf"),
	} {
		fmt.Println(redis.Redacted(c.Command)) // parameters of modules may be secret
	}
	// Output:
	// MODULE LOAD "/opt/modules/bloom.so"
	// MODULE LOADEX "/opt/modules/search.so" *** *** ***
	// MODULE UNLOAD "bf"
}

// The keys that cost most, until it is stopped. Redis 8.6.
func ExampleHotKeysGet() {
	stop := func(ctx context.Context, client redis.Doer) error {
		if err := redis.HotKeysStop().Do(ctx, client); err != nil {
			return err
		}
		h, err := redis.HotKeysGet().Do(ctx, client)
		if err != nil {
			return err
		}
		for _, k := range h.Net {
			fmt.Println(k.Key, k.Bytes, "of", h.Totals["total-net-bytes"], "bytes")
		}
		return redis.HotKeysReset().Do(ctx, client) // what it has found is forgotten
	}
	_ = stop
}

// Does the server know a command, and what does it do to its keys?
func ExampleCommands() {
	look := func(ctx context.Context, client redis.Doer) error {
		infos, err := redis.Commands("HGETEX").Do(ctx, client)
		if err != nil {
			return err
		}
		if !infos[0].OK {
			fmt.Println("needs a newer server")
			return nil
		}
		fmt.Println(slices.Contains(infos[0].Value.Flags, "write"))
		return nil
	}
	_ = look
}

func ExampleCommandList() {
	names := func(ctx context.Context, client redis.Doer, f redis.CommandFilter) ([]string, error) {
		return redis.CommandList(f).Do(ctx, client) // Redis 7.0
	}
	_ = names // names(ctx, client, redis.CommandFilter{Category: "dangerous"})
	count := func(ctx context.Context, client redis.Doer) (int64, error) {
		return redis.CommandCount().Do(ctx, client)
	}
	_ = count
	fmt.Println(redis.Redacted(redis.CommandList(redis.CommandFilter{Pattern: "x*"}).Command))
	// Output: COMMAND LIST "FILTERBY" "PATTERN" "x*"
}

// How old is a command, and is it still the one to use? Redis 7.0.
func ExampleCommandDoc() {
	advice := func(d redis.CommandDoc) string {
		if d.DeprecatedSince != "" {
			return "since " + d.DeprecatedSince + " use " + d.ReplacedBy
		}
		return "fine since " + d.Since
	}
	fmt.Println(advice(redis.CommandDoc{Since: "2.0.0", DeprecatedSince: "6.2.0", ReplacedBy: "`GEOSEARCH`"}))
	// Output: since 6.2.0 use `GEOSEARCH`
}

// The keys of any command, for a program that does not know all of them.
func ExampleCommandGetKeys() {
	keys := func(ctx context.Context, client redis.Doer, command ...string) ([]string, error) {
		return redis.CommandGetKeys(command...).Do(ctx, client)
	}
	written := func(ctx context.Context, client redis.Doer, command ...string) (keys []string, err error) {
		all, err := redis.CommandGetKeysAndFlags(command...).Do(ctx, client) // Redis 7.0
		for _, k := range all {
			if !slices.Contains(k.Flags, "RO") {
				keys = append(keys, k.Key)
			}
		}
		return keys, err
	}
	_, _ = keys, written // written(ctx, client, "SUNIONSTORE", "to", "a", "b") is [to]
}
