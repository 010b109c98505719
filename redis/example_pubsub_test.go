package redis_test

import (
	"context"
	"fmt"

	"github.com/kermes-redis/kermes/redis"
)

func ExamplePublish() {
	ctx, client := exampleClient()

	got, _ := redis.Publish("news", "hello").Do(ctx, client)
	fmt.Println(got, "subscribers")
	// Output: 0 subscribers
}

// Does anybody listen?
func ExamplePubSubNumSub() {
	ctx, client := exampleClient()

	n, _ := redis.PubSubNumSub("news", "weather").Do(ctx, client)
	fmt.Println(n["news"], n["weather"])
	channels, _ := redis.PubSubChannels("n*").Do(ctx, client)
	patterns, _ := redis.PubSubNumPat().Do(ctx, client)
	fmt.Println(len(channels), patterns)
	// Output:
	// 0 0
	// 0 0
}

// Shard channels stay within a part of a cluster. Redis 7.0.
func ExampleSPublish() {
	send := func(ctx context.Context, client redis.Doer, room, text string) (int64, error) {
		return redis.SPublish("room:"+room, text).Do(ctx, client)
	}
	rooms := func(ctx context.Context, client redis.Doer) (map[string]int64, error) {
		names, err := redis.PubSubShardChannels("room:*").Do(ctx, client)
		if err != nil {
			return nil, err
		}
		return redis.PubSubShardNumSub(names...).Do(ctx, client)
	}
	_, _ = send, rooms
}
