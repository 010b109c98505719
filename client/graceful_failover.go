package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// GracefulFailover makes the sentinels replace the master, in such a way that no
// client loses an acknowledged write, however simple it is:
//
//	CLIENT PAUSE WRITE on the master, until its replicas have all it has;
//	SENTINEL FAILOVER; and, as soon as a sentinel names the new master,
//	REPLICAOF and CLIENT KILL on the old one.
//
// Without it the old master goes on taking writes for some ten seconds after
// another one was promoted, and throws them away. It is an operator's helper: the
// credentials of the client must allow CLIENT, ROLE and REPLICAOF on the servers,
// and those of the group SENTINEL FAILOVER. CLIENT PAUSE WRITE needs Redis 6.2.
//
// If anything fails before a new master is named, the pause is lifted, whoever paused the
// server, and the error says what. The sentinels' own refusal ("NOGOODSLAVE") comes as a
// *[resp.Error]; a failover that is under way ("INPROG") is waited for like one's own. An
// error with GracefulReport.New set means that the failover has taken place. If the old
// master could not be made a replica, its pause is not lifted, but ends after
// GracefulOptions.Pause; what it takes from then on is lost when the sentinels demote it.
//
// When ctx ends it returns at once, but for what is to be undone, or to be done on the
// old master: each of those takes two seconds at most.
func (c *Client) GracefulFailover(ctx context.Context, o GracefulOptions) (GracefulReport, error) {
	orElse(&o.Pause, DefaultPause)
	orElse(&o.CatchUp, DefaultCatchUp)
	orElse(&o.Naming, DefaultNaming)
	if c.watch == nil {
		return GracefulReport{}, errNoMaster
	}
	if c.ctx.Err() != nil {
		return GracefulReport{}, ErrClosed
	}
	v, err := c.watch.Await(ctx)
	if err != nil {
		return GracefulReport{}, closedAs(err)
	}
	f := &graceful{client: c, opts: o, old: v, report: GracefulReport{Old: v.Addr}}
	if err := f.run(ctx); err != nil {
		return f.report, fmt.Errorf("client: graceful failover: %w", err)
	}
	return f.report, nil
}

// graceful is one graceful failover under way.
type graceful struct {
	client   *Client
	opts     GracefulOptions
	old      sentinel.View
	master   atomic.Pointer[conn.Conn] // to the old one: see onMaster
	former   []*conn.Conn              // those before: somebody may wait for an answer there
	replicas []*conn.Conn
	known    []redis.ReplicaInfo // the replicas, as the master knows them
	began    time.Time           // when writes were paused
	paused   atomic.Int64        // when the last pause was sent that was answered, since began
	report   GracefulReport
}

func (f *graceful) run(ctx context.Context) error {
	defer f.hangUp()
	if err := f.dial(ctx); err != nil {
		return err
	}
	stop, err := f.pause(ctx)
	if err != nil {
		return err
	}
	defer stop() // also where a function of the program's panics
	err = f.replace(ctx)
	stop()
	// What the sentinels say by now counts: that it may have taken a while to stop.
	next := f.client.watch.View()
	if !f.replacedBy(next) {
		return errors.Join(err, f.unpause())
	}
	if _, late := errors.AsType[*unnamedError](err); late {
		err = nil
	}
	f.report.New, f.report.Epoch = next.Addr, next.Epoch
	return errors.Join(err, f.lapsed(), f.demote(ctx))
}

// replace has the master replaced once its replicas have all it has.
func (f *graceful) replace(ctx context.Context) error {
	if err := f.awaitReplicas(ctx); err != nil {
		return err
	}
	ordered := f.order(ctx)
	if ordered != nil && !isUnderWay(ordered) {
		return ordered
	}
	named := f.awaitNaming(ctx)
	if named != nil && ordered != nil {
		return errors.Join(ordered, named)
	}
	return named
}

// isUnderWay reports whether the sentinels refuse a failover because there is one, which
// ends as the one that they refuse would.
func isUnderWay(err error) bool {
	e, ok := errors.AsType[*resp.Error](err)
	return ok && e.Code == "INPROG"
}

// replacedBy reports whether another master than the old one is named by now, be it by
// a failover that somebody else began.
func (f *graceful) replacedBy(v sentinel.View) bool {
	return v.Epoch > f.old.Epoch && v.Addr != f.old.Addr
}

func (f *graceful) hangUp() {
	for _, cn := range slices.Concat(f.replicas, f.former, []*conn.Conn{f.master.Load()}) {
		if cn != nil {
			_ = cn.Close()
		}
	}
}

// dial connects to the master and to its replicas.
func (f *graceful) dial(ctx context.Context) error {
	o := f.client.masterPool(f.old.Addr).Conn
	master, err := conn.Dial(ctx, o)
	if err != nil {
		return err
	}
	f.master.Store(master)
	addrs, err := f.replicaAddrs(ctx)
	if err != nil {
		return err
	}
	if len(addrs) == 0 {
		return errors.New("the master has no replicas")
	}
	conns, errs := make([]*conn.Conn, len(addrs)), make([]error, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		o := o
		o.Addr, o.Role = addr, conn.RoleReplica
		wg.Go(func() { conns[i], errs[i] = conn.Dial(ctx, o) })
	}
	wg.Wait()
	f.replicas = slices.DeleteFunc(conns, func(cn *conn.Conn) bool { return cn == nil })
	need := f.opts.MinReplicas
	if need <= 0 {
		need = len(addrs)
	}
	if len(f.replicas) < need {
		err := fmt.Errorf("%d of %d replicas can be reached, %d needed", len(f.replicas), len(addrs), need)
		return because(err, errs)
	}
	f.opts.MinReplicas = need
	return nil
}

// because adds the reasons that there are.
func because(err error, reasons []error) error {
	why := errors.Join(reasons...)
	if why == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, why)
}
