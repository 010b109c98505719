package client

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// replicaAddrs returns the addresses of the replicas that the master has.
func (f *graceful) replicaAddrs(ctx context.Context) ([]string, error) {
	role, err := askRole(ctx, f.master, 0)
	if err != nil {
		return nil, err
	}
	f.known = role.Replicas
	addrs := make([]string, len(f.known))
	for i, r := range f.known {
		addrs[i] = f.mapped(r)
	}
	return addrs, nil
}

// mapped is the address at which this process reaches a replica.
func (f *graceful) mapped(r redis.ReplicaInfo) string {
	return f.client.group.MapAddr(sentinel.AddrReplica, net.JoinHostPort(r.Host, strconv.FormatInt(r.Port, 10)))
}

// pause stops writes on the master, and keeps them stopped until stop is called.
func (f *graceful) pause(ctx context.Context) (stop func(), err error) {
	pause := redis.ClientPause(f.opts.Pause, true)
	f.began = time.Now()
	if err := pause.Do(ctx, f.master); err != nil {
		return nil, fmt.Errorf("pause: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { // ends with stop
		tick := time.NewTicker(max(f.opts.Pause/4, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = pause.Do(ctx, f.master)
			}
		}
	})
	return func() { cancel(); wg.Wait() }, nil
}

// unpause lets writes go on, also when the caller's context has ended.
func (f *graceful) unpause() error {
	ctx, cancel := context.WithTimeout(context.Background(), undoTime)
	defer cancel()
	err := redis.ClientUnpause().Do(ctx, f.master)
	f.report.Paused = time.Since(f.began)
	if err != nil {
		return fmt.Errorf("unpause: %w", err)
	}
	return nil
}

// awaitReplicas waits until enough replicas have what the paused master has.
func (f *graceful) awaitReplicas(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.opts.CatchUp)
	defer cancel()
	for {
		goal, err := askRole(ctx, f.master, 0)
		if err != nil {
			return fmt.Errorf("catch up: %w", err)
		}
		f.report.CaughtUp = 0
		for _, cn := range f.replicas {
			if r, err := askRole(ctx, cn, 0); err == nil && r.Role == roleReplica && r.Offset >= goal.Offset {
				f.report.CaughtUp++
			}
		}
		f.report.CatchUp = time.Since(f.began)
		if f.report.CaughtUp >= f.opts.MinReplicas {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("catch up: %d of %d replicas: %w", f.report.CaughtUp, f.opts.MinReplicas, ctx.Err())
		case <-time.After(offsetPoll):
		}
	}
}

// order tells the sentinels to fail over.
func (f *graceful) order(ctx context.Context) error {
	if err := f.client.group.Failover(ctx, f.client.opts.Master); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	return nil
}

// awaitNaming waits until a sentinel names the new master.
func (f *graceful) awaitNaming(ctx context.Context) (sentinel.View, error) {
	ctx, cancel := context.WithTimeout(ctx, f.opts.Naming)
	defer cancel()
	v, err := f.client.watch.AwaitAfter(ctx, f.old.Epoch)
	if err != nil && ctx.Err() != nil {
		return v, fmt.Errorf("no sentinel has named a new master: %w", ctx.Err())
	}
	return v, closedAs(err)
}

// demote makes the old master a replica of the new one and breaks its clients'
// connections, so that they look for the new one.
func (f *graceful) demote(ctx context.Context) error {
	host, port, err := f.announced(f.report.New)
	if err != nil {
		return fmt.Errorf("demote: %w", err)
	}
	if err := redis.ReplicaOf(host, port).Do(ctx, f.master); err != nil {
		return fmt.Errorf("demote: %w", err)
	}
	for _, kind := range []redis.ClientType{redis.ClientNormal, redis.ClientPubSub} {
		if _, err := redis.ClientKill(redis.ClientFilter{Type: kind}).Do(ctx, f.master); err != nil {
			return fmt.Errorf("demote: %w", err)
		}
	}
	return nil
}

// announced is the address of a server as the servers know it: before AddrMap.
// The master's own list of replicas has it.
func (f *graceful) announced(addr string) (host string, port int, err error) {
	for _, r := range f.known {
		if strings.EqualFold(f.mapped(r), addr) {
			return r.Host, int(r.Port), nil
		}
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}
