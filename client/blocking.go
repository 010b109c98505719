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
func (b *budget) left(cmds *resp.Batch, from int) *resp.Batch {
	if some, _ := cmds.Flags(from); b.attempts <= 1 || some&resp.Blocking == 0 {
		return cmds
	}
	shorter := cmds.Commands(0)
	for i := from; i < len(shorter); i++ {
		if shorter[i].Flags()&resp.Blocking != 0 {
			shorter[i] = shorter[i].TimeLeft(time.Since(b.began))
		}
	}
	all := resp.BatchOf(shorter)
	all.Follow(cmds.Follows())
	return &all
}
