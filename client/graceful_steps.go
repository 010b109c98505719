package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// replicaAddrs returns the addresses of the replicas that the master has.
func (f *graceful) replicaAddrs(ctx context.Context) ([]string, error) {
	role, err := askRole(ctx, f.master.Load(), 0)
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

// onMaster does something on the connection to the old master, and once more on a new
// one if it has broken, or hangs for half of undoTime: a connection that is lost must not
// decide whether the pause is prolonged and lifted. Not for concurrent use.
func (f *graceful) onMaster(ctx context.Context, do func(ctx context.Context, cn *conn.Conn) error) error {
	first, cancel := context.WithTimeout(ctx, undoTime/2)
	defer cancel()
	former := f.master.Load()
	err := do(first, former)
	if err == nil || former.Err() == nil && first.Err() == nil {
		return err
	}
	o := f.client.masterPool(f.old.Addr).Conn
	o.Role = conn.RoleAny // it may be a replica by now
	cn, dialled := conn.Dial(ctx, o)
	if dialled != nil {
		return err
	}
	f.former = append(f.former, former)
	f.master.Store(cn)
	return do(ctx, cn)
}

// pause stops writes on the master, and keeps them stopped until stop is called.
func (f *graceful) pause(ctx context.Context) (stop func(), err error) {
	pause := redis.ClientPause(f.opts.Pause, true)
	f.began = time.Now() // and paused is zero: sent now
	if err := pause.Do(ctx, f.master.Load()); err != nil {
		err = fmt.Errorf("pause: %w", err)
		if conn.ClassOf(err) == conn.ClassMaybeExecuted {
			err = errors.Join(err, f.unpause())
		}
		return nil, err
	}
	ended, end := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { // ends with stop
		tick := time.NewTicker(max(f.opts.Pause/4, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-ended.Done():
				return
			case <-tick.C:
			}
			if ended.Err() != nil {
				return // both were ready: a server that hangs makes ticks late
			}
			f.prolong(pause)
		}
	})
	return func() { end(); wg.Wait() }, nil
}

// prolong waits for the answer whatever happens meanwhile: a pause must not overtake its
// end.
func (f *graceful) prolong(pause redis.Status) {
	ctx, cancel := context.WithTimeout(context.Background(), undoTime)
	defer cancel()
	_ = f.onMaster(ctx, func(ctx context.Context, cn *conn.Conn) error { // lapsed tells what an error led to
		sent := time.Since(f.began)
		err := pause.Do(ctx, cn)
		if err == nil {
			f.paused.Store(int64(sent))
		}
		return err
	})
}

// lapsed is an error if the pause may have ended because it could not be prolonged.
func (f *graceful) lapsed() error {
	if time.Since(f.began)-time.Duration(f.paused.Load()) < f.opts.Pause {
		return nil
	}
	return fmt.Errorf("pause: %s could not be told in time to prolong its pause of %v, and what it has taken since may be lost", f.old.Addr, f.opts.Pause)
}

// unpause lets writes go on, also when the caller's context has ended.
func (f *graceful) unpause() error {
	ctx, cancel := context.WithTimeout(context.Background(), undoTime)
	defer cancel()
	err := f.onMaster(ctx, func(ctx context.Context, cn *conn.Conn) error { return redis.ClientUnpause().Do(ctx, cn) })
	f.report.Paused = time.Since(f.began)
	if err != nil {
		return fmt.Errorf("unpause: the pause ends by itself after %v: %w", f.opts.Pause, err)
	}
	return nil
}

// awaitReplicas waits until enough replicas have what the paused master has.
func (f *graceful) awaitReplicas(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.opts.CatchUp)
	defer cancel()
	var lag []error // as it was before time was over: then all say no more than that
	for {
		now, err := f.behind(ctx)
		over := ctx.Err()
		switch caughtUp := len(f.replicas) - len(now); {
		case err != nil && over == nil:
			return fmt.Errorf("catch up: %w", err)
		case err == nil && (over == nil || caughtUp >= f.opts.MinReplicas):
			f.report.CaughtUp, lag = caughtUp, now
		case lag == nil:
			lag = append(now, err)
		}
		f.report.CatchUp = time.Since(f.began)
		if f.report.CaughtUp >= f.opts.MinReplicas {
			return nil
		}
		if over != nil {
			return because(fmt.Errorf("catch up: %d of %d replicas: %w", f.report.CaughtUp, f.opts.MinReplicas, over), lag)
		}
		select {
		case <-ctx.Done():
		case <-time.After(offsetPoll):
		}
	}
}

// behind asks the master and then all replicas at once, and says of each replica that
// lacks something why.
func (f *graceful) behind(ctx context.Context) ([]error, error) {
	goal, err := askRole(ctx, f.master.Load(), 0)
	if err != nil {
		return nil, err
	}
	if goal.Role != roleMaster {
		return nil, fmt.Errorf("%w: its role is %q", ErrNotMaster, goal.Role)
	}
	lag := make([]error, len(f.replicas))
	var wg sync.WaitGroup
	for i, cn := range f.replicas {
		wg.Go(func() { lag[i] = lacks(ctx, cn, goal.Offset) })
	}
	wg.Wait()
	return slices.DeleteFunc(lag, func(err error) bool { return err == nil }), nil
}

// lacks says why the replica behind cn may lack something of what its master has.
func lacks(ctx context.Context, cn *conn.Conn, goal int64) error {
	r, err := askRole(ctx, cn, offsetAsk)
	switch {
	case err != nil:
		return err
	case r.Role != roleReplica || r.State != linked:
		return fmt.Errorf("%s: its role is %q, its link %q", cn.Addr(), r.Role, r.State)
	case r.Offset < goal:
		return fmt.Errorf("%s: %d bytes behind", cn.Addr(), goal-r.Offset)
	}
	return nil
}

// order tells the sentinels to fail over, unless they have done so already.
func (f *graceful) order(ctx context.Context) error {
	if f.client.ctx.Err() != nil {
		return ErrClosed // nobody would learn of the new master
	}
	if f.replacedBy(f.client.watch.View()) {
		return nil
	}
	if err := f.lapsed(); err != nil {
		return err
	}
	if err := f.client.group.Failover(ctx, f.client.opts.Master); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	return nil
}

// awaitNaming waits until a sentinel names the new master.
func (f *graceful) awaitNaming(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.opts.Naming)
	defer cancel()
	for epoch := f.old.Epoch; ; {
		v, err := f.client.watch.AwaitAfter(ctx, epoch)
		switch {
		case err != nil:
			return &unnamedError{cmp.Or(ctx.Err(), closedAs(err))}
		case f.replacedBy(v):
			return nil
		}
		epoch = v.Epoch
	}
}

// unnamedError says that no new master was named before err.
type unnamedError struct{ err error }

func (e *unnamedError) Error() string {
	return "no sentinel has named a new master, but one may yet, as the order was given: " + e.err.Error()
}

func (e *unnamedError) Unwrap() error { return e.err }

// demote makes the old master a replica of the new one and breaks its clients'
// connections, so that they look for the new one. It does so also when the caller's
// context has ended: half of it would lose writes. The pause ends with that, but where
// the old master may be a master still.
func (f *graceful) demote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	host, port, err := f.announced(f.report.New)
	if err == nil {
		err = f.onMaster(ctx, func(ctx context.Context, cn *conn.Conn) error { return redis.ReplicaOf(host, port).Do(ctx, cn) })
	}
	killed := f.killClients(ctx)
	if err != nil {
		f.report.Paused = time.Since(f.began)
		return fmt.Errorf("demote: %s is the new master, but %s may be one still, and what it takes after its pause of %v is lost, unless REPLICAOF %s %d is sent to it: %w",
			f.report.New, f.old.Addr, f.opts.Pause, host, port, err)
	}
	_ = f.unpause() // a replica takes no writes, and the pause ends by itself
	if killed != nil {
		return fmt.Errorf("demote: %s is the new master, but clients may be connected to %s still: %w", f.report.New, f.old.Addr, killed)
	}
	return nil
}

func (f *graceful) killClients(ctx context.Context) error {
	for _, kind := range []redis.ClientType{redis.ClientNormal, redis.ClientPubSub} {
		kill := redis.ClientKill(redis.ClientFilter{Type: kind})
		if err := f.onMaster(ctx, func(ctx context.Context, cn *conn.Conn) error { _, err := kill.Do(ctx, cn); return err }); err != nil {
			return err
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
