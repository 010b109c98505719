package main

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// tunedTimeout is what a user would set who has read about failovers.
const tunedTimeout = 500 * time.Millisecond

type goRedisClient struct {
	c redis.UniversalClient
}

func goRedis(tuned bool) func(ctx context.Context, s setup) (client, error) {
	logging.Disable()
	return func(_ context.Context, s setup) (client, error) {
		o := &redis.FailoverOptions{MasterName: s.master, SentinelAddrs: s.sentinels}
		if tuned {
			o.DialTimeout, o.ReadTimeout, o.WriteTimeout = tunedTimeout, tunedTimeout, tunedTimeout
		}
		if s.replicas {
			o.ReplicaOnly = true
		}
		return &goRedisClient{redis.NewFailoverClient(o)}, nil
	}
}

func (g *goRedisClient) push(ctx context.Context, key, v string) error {
	return g.c.RPush(ctx, key, v).Err()
}

func (g *goRedisClient) get(ctx context.Context, key string) error { return g.c.Get(ctx, key).Err() }

func (g *goRedisClient) subscribe(ctx context.Context, channel string, fn func(payload string)) {
	sub := g.c.Subscribe(ctx, channel)
	go func() {
		defer sub.Close()
		for {
			select {
			case m, ok := <-sub.Channel():
				if !ok {
					return
				}
				fn(m.Payload)
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (g *goRedisClient) close() { _ = g.c.Close() }
