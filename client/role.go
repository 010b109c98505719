package client

import (
	"context"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

// The names that servers give their roles.
const (
	roleMaster  = "master"
	roleReplica = "slave"
	// linked is the state of a replica's link to its master that works.
	linked = "connected"
)

// askRole asks a server for its role, within timeout if that is positive.
func askRole(ctx context.Context, d redis.Doer, timeout time.Duration) (redis.RoleInfo, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	return redis.Role().Do(ctx, d)
}
