package main

import (
	"context"
	"sync"

	"github.com/redis/rueidis"
)

var rueidisScript = sync.OnceValue(func() *rueidis.Lua { return rueidis.NewLuaScript(scriptSource) })

// transact uses a dedicated client, as the documentation of rueidis asks for.
func (c *rueidisClient) transact(ctx context.Context, first int) error {
	return c.Dedicated(func(c1 rueidis.DedicatedClient) error {
		cmds := make(rueidis.Commands, 0, txSize+2)
		cmds = append(cmds, c1.B().Multi().Build())
		for i := range txSize {
			cmds = append(cmds, c1.B().Set().Key(c.data.keys[first+i]).Value(c.data.values[first+i]).Build())
		}
		return executedBy(c1.DoMulti(ctx, append(cmds, c1.B().Exec().Build())...))
	})
}

func executedBy(replies []rueidis.RedisResult) error {
	for _, r := range replies {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

func (c *rueidisClient) checkAndSet(ctx context.Context, k int) error {
	key := c.data.keys[k]
	return c.Dedicated(func(c1 rueidis.DedicatedClient) error {
		if err := c1.Do(ctx, c1.B().Watch().Key(key).Build()).Error(); err != nil {
			return err
		}
		s, err := c1.Do(ctx, c1.B().Get().Key(key).Build()).ToString()
		if err := same(s, c.data.values[k], err); err != nil {
			return err
		}
		return executedBy(c1.DoMulti(ctx, c1.B().Multi().Build(), c1.B().Set().Key(key).Value(s).Build(), c1.B().Exec().Build()))
	})
}

// runScripts uses ExecMulti, which loads the script each time before it runs it.
func (c *rueidisClient) runScripts(ctx context.Context, first int) error {
	execs := make([]rueidis.LuaExec, scripts)
	for i, arg := range scriptArgs() {
		execs[i] = rueidis.LuaExec{Keys: []string{c.data.keys[first+i]}, Args: []string{arg}}
	}
	for i, r := range rueidisScript().ExecMulti(ctx, c.Client, execs...) {
		n, err := r.AsInt64()
		if err := checkScript(first, i, n, err); err != nil {
			return err
		}
	}
	return nil
}
