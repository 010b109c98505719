package client

import (
	"context"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

// A replica is another master's if it has another replication history. Addresses do
// not tell: servers may know their master by a name, or an address, that nobody
// else uses.

// history is the two replication ids of a server: its own, and the one of the master
// that it has replaced. Both are empty where it does not say.
type history struct{ id, former string }

// askHistory asks a server for its replication ids. A user may not be allowed to:
// then they are empty.
func askHistory(ctx context.Context, d redis.Doer, timeout time.Duration) history {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	info, err := redis.Info("replication").Do(ctx, d)
	if err != nil {
		return history{}
	}
	return history{id: info["master_replid"], former: info["master_replid2"]}
}

// checkOrigin returns an error if the replica does not have its data from the
// client's master, or from the one before.
func (n *replica) checkOrigin(p redis.Doer, timeout time.Duration) error {
	t := n.set.client.target.Load()
	mine := askHistory(n.ctx, p, timeout)
	if t.pool == nil || mine.id == "" {
		return nil
	}
	known := n.set.origin(t)
	if known.id == mine.id || known.former == mine.id {
		return nil
	}
	// The master may have begun anew since it was asked.
	known = askHistory(n.ctx, t.pool, timeout)
	n.set.setOrigin(t, known)
	if known.id == "" || known.id == mine.id || known.former == mine.id {
		return nil
	}
	return fmt.Errorf("client: replica: it replicates another master than %s", t.addr)
}

// origin is what is known of the history of t's server.
func (r *Replicas) origin(t *target) history {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.originOf != t.generation {
		return history{}
	}
	return r.known
}

func (r *Replicas) setOrigin(t *target, h history) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.originOf, r.known = t.generation, h
}
