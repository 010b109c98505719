package main

import (
	"context"

	"github.com/mediocregopher/radix/v4"
)

// execute runs SETs on a connection of their own, with a pipeline, which saves what the
// example of WithConn has round trips for.
func (c *radixClient) execute(ctx context.Context, conn radix.Conn, first, n int) error {
	p := radix.NewPipeline()
	p.Append(radix.Cmd(nil, "MULTI"))
	for k := first; k < first+n; k++ {
		p.Append(radix.Cmd(nil, "SET", c.data.keys[k], c.data.values[k]))
	}
	p.Append(radix.Cmd(nil, "EXEC"))
	err := conn.Do(ctx, p)
	if err != nil {
		_ = conn.Do(ctx, radix.Cmd(nil, "DISCARD"))
	}
	return err
}

func (c *radixClient) transact(ctx context.Context, first int) error {
	return c.Do(ctx, radix.WithConn(c.data.keys[first], func(ctx context.Context, conn radix.Conn) error {
		return c.execute(ctx, conn, first, txSize)
	}))
}

func (c *radixClient) checkAndSet(ctx context.Context, k int) error {
	key := c.data.keys[k]
	return c.Do(ctx, radix.WithConn(key, func(ctx context.Context, conn radix.Conn) error {
		if err := conn.Do(ctx, radix.Cmd(nil, "WATCH", key)); err != nil {
			return err
		}
		var s string
		err := conn.Do(ctx, radix.Cmd(&s, "GET", key))
		if err := same(s, c.data.values[k], err); err != nil {
			return err
		}
		return c.execute(ctx, conn, k, 1)
	}))
}

// runScripts names the hash itself: an EvalScript does not go into a pipeline.
func (c *radixClient) runScripts(ctx context.Context, first int) error {
	p, sha := radix.NewPipeline(), kermesScript().Hash()
	replies := make([]int64, scripts)
	for i, arg := range scriptArgs() {
		p.Append(radix.Cmd(&replies[i], "EVALSHA", sha, "1", c.data.keys[first+i], arg))
	}
	if err := c.Do(ctx, p); err != nil {
		return err
	}
	for i, n := range replies {
		if err := checkScript(first, i, n, nil); err != nil {
			return err
		}
	}
	return nil
}
