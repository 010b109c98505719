package main

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"
)

type goRedisClient struct {
	goredis.Cmdable
	whole *goredis.Client
	data  *data
	idle  []*goredis.Conn
	buf   []byte // of a worker
}

func newGoRedis(s servers) *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: s.Addr, Dialer: s.dialer()})
}

func openGoRedis(s servers) (client, error) {
	c := newGoRedis(s)
	return &goRedisClient{Cmdable: c, whole: c, data: shared()}, nil
}

func openGoRedisAuto(s servers) (client, error) {
	c := newGoRedis(s)
	auto, err := c.AutoPipeline()
	if err != nil {
		return nil, err
	}
	return &goRedisClient{Cmdable: auto, whole: c, data: shared()}, nil
}

func (c *goRedisClient) worker() (worker, error) { w := *c; return &w, nil }
func (c *goRedisClient) close()                  { _ = c.whole.Close() }

func (c *goRedisClient) hold(n int) error {
	o := *c.whole.Options()
	o.PoolSize = n
	wide := goredis.NewClient(&o)
	for range n {
		nc := wide.Conn()
		if err := nc.Get(context.Background(), c.data.keys[0]).Err(); err != nil {
			return err
		}
		c.idle = append(c.idle, nc)
	}
	return nil
}

func (c *goRedisClient) get(ctx context.Context, k int) error {
	s, err := c.Get(ctx, c.data.keys[k]).Result()
	return same(s, c.data.values[k], err)
}

func (c *goRedisClient) set(ctx context.Context, k int) error {
	return c.Set(ctx, c.data.keys[k], c.data.values[k], 0).Err()
}

func (c *goRedisClient) pipeGet(ctx context.Context, first, n int) error {
	p := c.Pipeline()
	var all [batchSize]*goredis.StringCmd
	replies := all[:n]
	for i := range replies {
		replies[i] = p.Get(ctx, c.data.keys[first+i])
	}
	if _, err := p.Exec(ctx); err != nil {
		return err
	}
	for i := range replies {
		if err := same(replies[i].Val(), c.data.values[first+i], replies[i].Err()); err != nil {
			return err
		}
	}
	return nil
}

func (c *goRedisClient) pipeSet(ctx context.Context, first, n int) error {
	p := c.Pipeline()
	for i := range n {
		p.Set(ctx, c.data.keys[first+i], c.data.values[first+i], 0)
	}
	_, err := p.Exec(ctx)
	return err
}

func (c *goRedisClient) bigGet(ctx context.Context) error {
	s, err := c.Get(ctx, bigKey).Result()
	if err != nil {
		return err
	}
	return checkBig(len(s), func(i int) byte { return s[i] })
}

func (c *goRedisClient) bigGetInto(ctx context.Context) error {
	if c.buf == nil {
		c.buf = make([]byte, bigBytes+len("\r\n")) // saves it a read
	}
	n, err := c.GetToBuffer(ctx, bigKey, c.buf).Result()
	if err != nil {
		return err
	}
	return checkBig(n, func(i int) byte { return c.buf[i] })
}

func (c *goRedisClient) bigSet(ctx context.Context) error {
	return c.Set(ctx, bigSetKey, c.data.big, 0).Err()
}

func (c *goRedisClient) hash(ctx context.Context) error {
	m, err := c.HGetAll(ctx, hashKey).Result()
	if err != nil {
		return err
	}
	return checkHash(m)
}

func (c *goRedisClient) list(ctx context.Context) error {
	l := make([]int64, 0, listLength)
	if err := c.LRange(ctx, listKey, 0, -1).ScanSlice(&l); err != nil {
		return err
	}
	return checkList(l)
}

// subscribe uses ReceiveMessage, which is faster than Channel.
func (c *goRedisClient) subscribe(ctx context.Context, ready func(), each func(string) bool) error {
	if _, auto := c.Cmdable.(*goredis.AutoPipeliner); auto {
		return errUnsupported
	}
	ps := c.whole.Subscribe(ctx, channel)
	defer ps.Close()
	first, err := ps.Receive(ctx)
	if err != nil {
		return err
	}
	if _, ok := first.(*goredis.Subscription); !ok {
		return fmt.Errorf("%w: %v", errWrong, first)
	}
	ready()
	for {
		m, err := ps.ReceiveMessage(ctx)
		if err != nil {
			return err
		}
		if !each(m.Payload) {
			return nil
		}
	}
}
