package main

import (
	"context"
	"sync"

	redigo "github.com/gomodule/redigo/redis"
)

var redigoScript = sync.OnceValue(func() *redigo.Script { return redigo.NewScript(1, scriptSource) })

func (c *redigoClient) execute(nc redigo.Conn, first, n int) error {
	if err := nc.Send("MULTI"); err != nil {
		return err
	}
	for k := first; k < first+n; k++ {
		if err := nc.Send("SET", c.data.keys[k], c.data.values[k]); err != nil {
			return err
		}
	}
	replies, err := redigo.Values(nc.Do("EXEC"))
	return size(len(replies), n, err)
}

func (c *redigoClient) transact(_ context.Context, first int) error {
	nc := c.pool.Get()
	defer nc.Close()
	return c.execute(nc, first, txSize)
}

func (c *redigoClient) checkAndSet(_ context.Context, k int) error {
	nc := c.pool.Get()
	defer nc.Close()
	key := c.data.keys[k]
	if _, err := nc.Do("WATCH", key); err != nil {
		return err
	}
	s, err := redigo.String(nc.Do("GET", key))
	if err := same(s, c.data.values[k], err); err != nil {
		return err
	}
	return c.execute(nc, k, 1)
}

func (c *redigoClient) runScripts(_ context.Context, first int) error {
	args := scriptArgs()
	return c.pipe(scripts, func(nc redigo.Conn, i int) error {
		return redigoScript().SendHash(nc, c.data.keys[first+i], args[i])
	}, func(i int, reply any, err error) error {
		n, err := redigo.Int64(reply, err)
		return checkScript(first, i, n, err)
	})
}
