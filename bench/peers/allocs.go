package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

// everydayNames are the rows, in order.
var everydayNames = []string{
	"GET", "SET", "SET EX", "MGET of 10", "DEL", "INCR", "EXPIRE", "HSET", "HGETALL of 10", "LPUSH", "LRANGE of 10", "ZADD",
}

const allocRuns = 2000

// Keys of the everyday commands.
const (
	anyKey   = "any"
	hash10   = "hash:10"
	list10   = "list:10"
	queueKey = "queue"
	zsetKey  = "zset"
)

// everydayAllocs counts the allocations of each command, result included.
func everydayAllocs(name string, s servers) (map[string]float64, error) {
	setup := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr}})
	defer setup.Close()
	ctx := context.Background()
	for i := range 10 {
		field := fmt.Sprintf("field:%02d", i)
		if _, err := redis.HSet(hash10, field, "value").Do(ctx, setup); err != nil {
			return nil, err
		}
		if n, err := redis.LLen(list10).Do(ctx, setup); err != nil || n < 10 {
			if _, err := redis.RPush(list10, "element").Do(ctx, setup); err != nil {
				return nil, err
			}
		}
	}
	var run map[string]func() error
	switch name {
	case "kermes":
		p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr}})
		defer p.Close()
		run = kermesEveryday(ctx, p)
	case "go-redis":
		c := newGoRedis(s)
		defer c.Close()
		run = goRedisEveryday(ctx, c)
	case "rueidis":
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}})
		if err != nil {
			return nil, err
		}
		defer c.Close()
		run = rueidisEveryday(ctx, c)
	default:
		return nil, errUnsupported
	}
	counts := make(map[string]float64)
	for _, row := range everydayNames {
		n, err := allocsPerRun(run[row])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row, err)
		}
		counts[row] = n
		if _, err := redis.Del(queueKey).Do(ctx, setup); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

func allocsPerRun(f func() error) (float64, error) {
	for range 100 {
		if err := f(); err != nil {
			return 0, err
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range allocRuns {
		if err := f(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / allocRuns, nil
}

func size(n int, want int, err error) error {
	if err == nil && n != want {
		err = fmt.Errorf("%w: %d of %d", errWrong, n, want)
	}
	return err
}

func kermesEveryday(ctx context.Context, d redis.Doer) map[string]func() error {
	k := shared().keys
	v := shared().values[0]
	return map[string]func() error{
		"GET": func() error { s, err := redis.Get(k[0]).Do(ctx, d); return size(len(s), len(v), err) },
		"SET": func() error { return redis.Set(anyKey, v).Do(ctx, d) },
		"SET EX": func() error {
			_, err := redis.SetWith(anyKey, v, redis.SetOptions{TTL: time.Minute}).Do(ctx, d)
			return err
		},
		"MGET of 10": func() error {
			l, err := redis.MGet(k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8], k[9]).Do(ctx, d)
			return size(len(l), 10, err)
		},
		"DEL":           func() error { _, err := redis.Del(anyKey).Do(ctx, d); return err },
		"INCR":          func() error { _, err := redis.Incr("count").Do(ctx, d); return err },
		"EXPIRE":        func() error { _, err := redis.Expire(hash10, time.Hour).Do(ctx, d); return err },
		"HSET":          func() error { _, err := redis.HSet(hash10, "field:00", "value").Do(ctx, d); return err },
		"HGETALL of 10": func() error { m, err := redis.HGetAll(hash10).Do(ctx, d); return size(len(m), 10, err) },
		"LPUSH":         func() error { _, err := redis.LPush(queueKey, v).Do(ctx, d); return err },
		"LRANGE of 10":  func() error { l, err := redis.LRange(list10, 0, 9).Do(ctx, d); return size(len(l), 10, err) },
		"ZADD": func() error {
			_, err := redis.ZAdd(zsetKey, redis.Z{Member: "member", Score: 1.5}).Do(ctx, d)
			return err
		},
	}
}

func goRedisEveryday(ctx context.Context, c *goredis.Client) map[string]func() error {
	k := shared().keys
	v := shared().values[0]
	return map[string]func() error{
		"GET":    func() error { s, err := c.Get(ctx, k[0]).Result(); return size(len(s), len(v), err) },
		"SET":    func() error { return c.Set(ctx, anyKey, v, 0).Err() },
		"SET EX": func() error { return c.Set(ctx, anyKey, v, time.Minute).Err() },
		"MGET of 10": func() error {
			l, err := c.MGet(ctx, k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8], k[9]).Result()
			return size(len(l), 10, err)
		},
		"DEL":           func() error { return c.Del(ctx, anyKey).Err() },
		"INCR":          func() error { return c.Incr(ctx, "count").Err() },
		"EXPIRE":        func() error { return c.Expire(ctx, hash10, time.Hour).Err() },
		"HSET":          func() error { return c.HSet(ctx, hash10, "field:00", "value").Err() },
		"HGETALL of 10": func() error { m, err := c.HGetAll(ctx, hash10).Result(); return size(len(m), 10, err) },
		"LPUSH":         func() error { return c.LPush(ctx, queueKey, v).Err() },
		"LRANGE of 10":  func() error { l, err := c.LRange(ctx, list10, 0, 9).Result(); return size(len(l), 10, err) },
		"ZADD":          func() error { return c.ZAdd(ctx, zsetKey, goredis.Z{Member: "member", Score: 1.5}).Err() },
	}
}

func rueidisEveryday(ctx context.Context, c rueidis.Client) map[string]func() error {
	k := shared().keys
	v := shared().values[0]
	do := func(cmd rueidis.Completed) error { return c.Do(ctx, cmd).Error() }
	return map[string]func() error{
		"GET": func() error {
			s, err := c.Do(ctx, c.B().Get().Key(k[0]).Build()).ToString()
			return size(len(s), len(v), err)
		},
		"SET":    func() error { return do(c.B().Set().Key(anyKey).Value(v).Build()) },
		"SET EX": func() error { return do(c.B().Set().Key(anyKey).Value(v).Ex(time.Minute).Build()) },
		"MGET of 10": func() error {
			l, err := c.Do(ctx, c.B().Mget().Key(k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8], k[9]).Build()).AsStrSlice()
			return size(len(l), 10, err)
		},
		"DEL":    func() error { return do(c.B().Del().Key(anyKey).Build()) },
		"INCR":   func() error { _, err := c.Do(ctx, c.B().Incr().Key("count").Build()).AsInt64(); return err },
		"EXPIRE": func() error { return do(c.B().Expire().Key(hash10).Seconds(3600).Build()) },
		"HSET":   func() error { return do(c.B().Hset().Key(hash10).FieldValue().FieldValue("field:00", "value").Build()) },
		"HGETALL of 10": func() error {
			m, err := c.Do(ctx, c.B().Hgetall().Key(hash10).Build()).AsStrMap()
			return size(len(m), 10, err)
		},
		"LPUSH": func() error { return do(c.B().Lpush().Key(queueKey).Element(v).Build()) },
		"LRANGE of 10": func() error {
			l, err := c.Do(ctx, c.B().Lrange().Key(list10).Start(0).Stop(9).Build()).AsStrSlice()
			return size(len(l), 10, err)
		},
		"ZADD": func() error {
			return do(c.B().Zadd().Key(zsetKey).ScoreMember().ScoreMember(1.5, "member").Build())
		},
	}
}
