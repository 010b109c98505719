package main

import (
	"context"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

var goRedisScript = sync.OnceValue(func() *goredis.Script { return goredis.NewScript(scriptSource) })

func (c *goRedisClient) transact(ctx context.Context, first int) error {
	_, err := c.TxPipelined(ctx, func(p goredis.Pipeliner) error {
		for i := range txSize {
			p.Set(ctx, c.data.keys[first+i], c.data.values[first+i], 0)
		}
		return nil
	})
	return err
}

func (c *goRedisClient) checkAndSet(ctx context.Context, k int) error {
	key := c.data.keys[k]
	return c.whole.Watch(ctx, func(tx *goredis.Tx) error {
		s, err := tx.Get(ctx, key).Result()
		if err := same(s, c.data.values[k], err); err != nil {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p goredis.Pipeliner) error {
			p.Set(ctx, key, s, 0)
			return nil
		})
		return err
	}, key)
}

// runScripts uses EvalSha: Run does not fall back to the source in a pipeline.
func (c *goRedisClient) runScripts(ctx context.Context, first int) error {
	p := c.Pipeline()
	var replies [scripts]*goredis.Cmd
	for i, arg := range scriptArgs() {
		replies[i] = goRedisScript().EvalSha(ctx, p, []string{c.data.keys[first+i]}, arg)
	}
	if _, err := p.Exec(ctx); err != nil {
		return err
	}
	for i := range replies {
		n, err := replies[i].Int64()
		if err := checkScript(first, i, n, err); err != nil {
			return err
		}
	}
	return nil
}
