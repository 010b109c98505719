package main

import (
	"context"
	"fmt"

	redigo "github.com/gomodule/redigo/redis"
)

type redigoClient struct {
	pool *redigo.Pool
	data *data
	idle []redigo.Conn
}

func openRedigo(s servers) (client, error) {
	var o []redigo.DialOption
	if dial := s.dialer(); dial != nil {
		o = append(o, redigo.DialContextFunc(dial))
	}
	dial := func(ctx context.Context) (redigo.Conn, error) { return redigo.DialContext(ctx, "tcp", s.Addr, o...) }
	return &redigoClient{pool: &redigo.Pool{DialContext: dial, MaxIdle: 1024}, data: shared()}, nil
}

func (c *redigoClient) worker() (worker, error) { return c, nil }
func (c *redigoClient) close()                  { _ = c.pool.Close() }

func (c *redigoClient) hold(n int) error {
	for range n {
		nc := c.pool.Get()
		if _, err := nc.Do("GET", c.data.keys[0]); err != nil {
			return err
		}
		c.idle = append(c.idle, nc)
	}
	return nil
}

// do heeds a context that can end, which costs redigo a goroutine.
func (c *redigoClient) do(ctx context.Context, name string, args ...any) (any, error) {
	if ctx.Done() == nil {
		nc := c.pool.Get()
		defer nc.Close()
		return nc.Do(name, args...)
	}
	nc, err := c.pool.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	return redigo.DoContext(nc, ctx, name, args...)
}

func (c *redigoClient) get(ctx context.Context, k int) error {
	s, err := redigo.String(c.do(ctx, "GET", c.data.keys[k]))
	return same(s, c.data.values[k], err)
}

func (c *redigoClient) set(ctx context.Context, k int) error {
	_, err := c.do(ctx, "SET", c.data.keys[k], c.data.values[k])
	return err
}

// pipe sends n commands and gives each reply to each.
func (c *redigoClient) pipe(n int, send func(nc redigo.Conn, i int) error, each func(i int, reply any, err error) error) error {
	nc := c.pool.Get()
	defer nc.Close()
	for i := range n {
		if err := send(nc, i); err != nil {
			return err
		}
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	for i := range n {
		reply, err := nc.Receive()
		if err := each(i, reply, err); err != nil {
			return err
		}
	}
	return nil
}

func (c *redigoClient) pipeGet(_ context.Context, first, n int) error {
	return c.pipe(n, func(nc redigo.Conn, i int) error {
		return nc.Send("GET", c.data.keys[first+i])
	}, func(i int, reply any, err error) error {
		s, err := redigo.String(reply, err)
		return same(s, c.data.values[first+i], err)
	})
}

func (c *redigoClient) pipeSet(_ context.Context, first, n int) error {
	return c.pipe(n, func(nc redigo.Conn, i int) error {
		return nc.Send("SET", c.data.keys[first+i], c.data.values[first+i])
	}, func(_ int, _ any, err error) error { return err })
}

func (c *redigoClient) bigGet(ctx context.Context) error {
	s, err := redigo.String(c.do(ctx, "GET", bigKey))
	if err != nil {
		return err
	}
	return checkBig(len(s), func(i int) byte { return s[i] })
}

func (c *redigoClient) bigGetInto(context.Context) error { return errUnsupported }

func (c *redigoClient) bigSet(ctx context.Context) error {
	_, err := c.do(ctx, "SET", bigSetKey, c.data.big)
	return err
}

func (c *redigoClient) hash(ctx context.Context) error {
	m, err := redigo.StringMap(c.do(ctx, "HGETALL", hashKey))
	if err != nil {
		return err
	}
	return checkHash(m)
}

func (c *redigoClient) list(ctx context.Context) error {
	l, err := redigo.Int64s(c.do(ctx, "LRANGE", listKey, 0, -1))
	if err != nil {
		return err
	}
	return checkList(l)
}

func (c *redigoClient) subscribe(_ context.Context, ready func(), each func(string) bool) error {
	ps := redigo.PubSubConn{Conn: c.pool.Get()}
	defer ps.Close()
	if err := ps.Subscribe(channel); err != nil {
		return err
	}
	for {
		switch m := ps.Receive().(type) {
		case error:
			return m
		case redigo.Subscription:
			ready()
		case redigo.Message:
			if !each(string(m.Data)) {
				return nil
			}
		default:
			return fmt.Errorf("%w: %v", errWrong, m)
		}
	}
}
