package client

import (
	"context"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// doBlocking is Do for a command that waits on the server. Where it is sent again
// it waits for the rest of its time.
func (c *Client) doBlocking(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	began := time.Now()
	out := outcome{target: c.target.Load()}
	out.err = c.admit(out.target, cmd.Flags()&resp.ReadOnly == 0)
	if out.err == nil {
		out.reply, out.err = out.target.pool.Do(ctx, cmd)
	}
	out.took = time.Since(began)
	return c.retry(ctx, cmd, out)
}

// left returns the commands of a batch as they are to be sent now: where it is sent
// again, those that wait on the server wait for the rest of their time.
func (b *budget) left(cmds []resp.Command) []resp.Command {
	if b.attempts <= 1 {
		return cmds
	}
	var shorter []resp.Command
	for i := range cmds {
		if cmds[i].Flags()&resp.Blocking == 0 {
			continue
		}
		if shorter == nil {
			shorter = append(shorter, cmds...)
		}
		shorter[i] = cmds[i].TimeLeft(time.Since(b.began))
	}
	if shorter == nil {
		return cmds
	}
	return shorter
}
