package client

import (
	"context"
	"sync"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// Pin returns a Doer that stays with one replica, the one that answers its first
// command; with the master, where the policy allows it and no replica does. Its
// later commands fail when that server is gone: they are not sent to another one.
// So a scan sees one keyspace from its beginning to its end: a cursor means
// nothing to another server. It implements [redis.Pinner].
func (r *Replicas) Pin() redis.Doer { return &pinned{r: r} }

// pinned is one of the replicas, once a first command has chosen it.
type pinned struct {
	r *Replicas

	mu sync.Mutex        // guards the following
	to redis.EncodedDoer // a replica's pool, or the client; nil before the first command
	n  *serving          // the replica; nil is the master
}

// Do sends a read-only command. See [Replicas.Pin].
func (p *pinned) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if cmd.Flags()&resp.ReadOnly == 0 {
		return resp.Reply{}, p.r.notSent(notReadOnly(&cmd))
	}
	to, n := p.chosen()
	if to == nil {
		return p.first(ctx, cmd)
	}
	reply, err := to.Do(ctx, cmd)
	if n != nil && (err != nil || refused(&cmd, reply.Value)) {
		p.r.failed(ctx, n, reply, err) // for the others: this one goes nowhere else
	}
	return reply, err
}

func (p *pinned) chosen() (redis.EncodedDoer, *serving) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.to, p.n
}

// first sends cmd to one node after the other, and stays with the one that
// answers.
func (p *pinned) first(ctx context.Context, cmd resp.Command) (reply resp.Reply, err error) {
	err = p.r.each(ctx, nil, func(n *serving) (bool, error) {
		if n == nil {
			reply, err = p.r.client.Do(ctx, cmd)
			p.choose(p.r.client, nil, err)
			return false, err
		}
		reply, err = n.pool.Do(ctx, cmd)
		if err == nil && !refused(&cmd, reply.Value) {
			p.choose(n.pool, n, nil)
			return false, nil
		}
		again := p.r.failed(ctx, n, reply, err)
		if again && err == nil {
			err = reply.Err()
			reply.Release()
			reply = resp.Reply{}
		}
		return again, err
	})
	return reply, err
}

// choose stays with to, unless another command was faster.
func (p *pinned) choose(to redis.EncodedDoer, n *serving, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.to == nil {
		p.to, p.n = to, n
	}
}

// DoBatch sends read-only commands. See [Replicas.Pin].
func (p *pinned) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	b := resp.BatchOf(cmds)
	return p.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(each))
}

// DoEncoded sends encoded read-only commands. See [Replicas.Pin].
func (p *pinned) DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	if err := readOnlyFrom(cmds, from); err != nil {
		return p.r.notSent(err)
	}
	if to, _ := p.chosen(); to == nil {
		reply, err := p.first(ctx, redis.Ping().Command)
		if err != nil {
			return err
		}
		reply.Release()
	}
	server, _ := p.chosen()
	return server.DoEncoded(ctx, cmds, from, to)
}
