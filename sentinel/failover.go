package sentinel

import (
	"context"
	"errors"
	"fmt"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// Failover tells the first sentinel that takes the order to replace a master
// (SENTINEL FAILOVER). It does not wait for the new master: [Watch.AwaitAfter]
// does. It returns nil, too, when the order may have been taken. The errors of all
// sentinels that were asked are joined; a refusal that another sentinel would
// repeat ("NOGOODSLAVE", "INPROG") ends the round, as a *[resp.Error].
func (g *Group) Failover(ctx context.Context, master string) error {
	var errs []error
	for _, addr := range g.upFirst() {
		err := g.failoverBy(ctx, addr, master)
		if err == nil || conn.ClassOf(err) == conn.ClassMaybeExecuted {
			return nil // it may be on already: whoever waits for the new master will know
		}
		errs = append(errs, fmt.Errorf("%s: %w", addr, err))
		if e, ok := errors.AsType[*resp.Error](err); ok && (e.Code == "INPROG" || e.Code == "NOGOODSLAVE") {
			break // another sentinel would say the same, or begin a second failover
		}
	}
	return fmt.Errorf("sentinel: failover of %q: %w", master, errors.Join(errs...))
}

func (g *Group) failoverBy(ctx context.Context, addr, master string) error {
	o := g.opts.Conn
	o.Addr = addr
	cn, err := conn.Dial(ctx, o)
	if err != nil {
		return err
	}
	defer cn.Close()
	return redis.SentinelFailover(master).Do(ctx, cn)
}
