package sentinel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

const (
	// DefaultPause is for how long writes are paused at a time; the pause is
	// prolonged while the failover lasts.
	DefaultPause = 4 * time.Second
	// DefaultCatchUp bounds the wait for the replicas.
	DefaultCatchUp = 3 * time.Second
	// DefaultNaming bounds the wait for the new master.
	DefaultNaming = 10 * time.Second
	// offsetPoll is how often offsets are compared.
	offsetPoll = 5 * time.Millisecond
	// undoTime bounds the end of the pause after a failure.
	undoTime = 2 * time.Second
)

// GracefulOptions describes a graceful failover. The zero value is ready for
// use.
type GracefulOptions struct {
	// Pause is for how long writes on the old master are paused at a time. If
	// this process dies in the middle, they go on after that. Zero and negative
	// mean DefaultPause.
	Pause time.Duration
	// CatchUp bounds the wait until all replicas have what the master has. Zero
	// and negative mean DefaultCatchUp.
	CatchUp time.Duration
	// Naming bounds the wait from the order to fail over until a sentinel names
	// the new master. Zero and negative mean DefaultNaming.
	Naming time.Duration
	// MinReplicas is how many replicas must have caught up. Zero and negative
	// mean all that the master knows, at least one.
	MinReplicas int
}

// GracefulReport is what a graceful failover has done.
type GracefulReport struct {
	// Old and New are the addresses of the masters.
	Old, New string
	// Epoch is that of the new configuration.
	Epoch int64
	// CaughtUp replicas had all that the old master had, after CatchUp.
	CaughtUp int
	CatchUp  time.Duration
	// Paused is how long writes were paused on the old master altogether.
	Paused time.Duration
}

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
// If anything fails before the new master is named, the pause is lifted and the
// error says what. The sentinels' own refusals ("NOGOODSLAVE", "INPROG") come as
// *[resp.Error].
func (c *Client) GracefulFailover(ctx context.Context, o GracefulOptions) (GracefulReport, error) {
	orElse(&o.Pause, DefaultPause)
	orElse(&o.CatchUp, DefaultCatchUp)
	orElse(&o.Naming, DefaultNaming)
	if c.topic == nil {
		return GracefulReport{}, errNoMaster
	}
	if c.ctx.Err() != nil {
		return GracefulReport{}, ErrClosed
	}
	v, err := c.group.await(ctx, c.topic)
	if err != nil {
		return GracefulReport{}, err
	}
	f := &graceful{client: c, opts: o, old: v, report: GracefulReport{Old: v.addr}}
	if err := f.run(ctx); err != nil {
		return f.report, fmt.Errorf("sentinel: graceful failover: %w", err)
	}
	return f.report, nil
}

// graceful is one graceful failover under way.
type graceful struct {
	client   *Client
	opts     GracefulOptions
	old      view
	master   *conn.Conn
	replicas []*conn.Conn
	began    time.Time // when writes were paused
	report   GracefulReport
}

func (f *graceful) run(ctx context.Context) (err error) {
	defer f.hangUp()
	if err := f.dial(ctx); err != nil {
		return err
	}
	stop, err := f.pause(ctx)
	if err != nil {
		return err
	}
	defer func() {
		stop()
		if failed := f.unpause(); err != nil {
			err = errors.Join(err, failed) // else nobody waits on the old master any more
		}
	}()
	if err := f.awaitReplicas(ctx); err != nil {
		return err
	}
	if err := f.order(ctx); err != nil {
		return err
	}
	next, err := f.awaitNaming(ctx)
	if err != nil {
		return err
	}
	f.report.New, f.report.Epoch = next.addr, next.epoch
	return f.demote(ctx)
}

func (f *graceful) hangUp() {
	for _, cn := range append(f.replicas, f.master) {
		if cn != nil {
			_ = cn.Close()
		}
	}
}

// dial connects to the master and to its replicas.
func (f *graceful) dial(ctx context.Context) error {
	o := f.client.masterPool(f.old.addr).Conn
	var err error
	if f.master, err = conn.Dial(ctx, o); err != nil {
		return err
	}
	addrs := f.replicaAddrs()
	if len(addrs) == 0 {
		return errors.New("the master has no replicas")
	}
	conns := make([]*conn.Conn, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		o := o
		o.Addr, o.Role = addr, conn.RoleReplica
		wg.Go(func() { conns[i], _ = conn.Dial(ctx, o) })
	}
	wg.Wait()
	f.replicas = slices.DeleteFunc(conns, func(cn *conn.Conn) bool { return cn == nil })
	need := f.opts.MinReplicas
	if need <= 0 {
		need = len(addrs)
	}
	if len(f.replicas) < need {
		return fmt.Errorf("%d of %d replicas can be reached, %d needed", len(f.replicas), len(addrs), need)
	}
	f.opts.MinReplicas = need
	return nil
}

// replicaAddrs returns the addresses of the replicas that the master has.
func (f *graceful) replicaAddrs() []string {
	var addrs []string
	i := 0
	for e := range f.master.RoleReply().Elems() {
		if i == 2 {
			for r := range e.Elems() {
				if addr, ok := addrOf(r); ok {
					addrs = append(addrs, f.client.group.opts.mapAddr(AddrReplica, addr))
				}
			}
		}
		i++
	}
	return addrs
}

// addrOf reads the first two elements of v as an address.
func addrOf(v resp.Value) (string, bool) {
	var parts []string
	for e := range v.Elems() {
		b, err := e.Bytes()
		if err != nil {
			return "", false
		}
		parts = append(parts, string(b))
	}
	if len(parts) < 2 || !port(parts[1]) {
		return "", false
	}
	return join(parts[0], parts[1]), true
}

// pause stops writes on the master, and keeps them stopped until stop is called.
func (f *graceful) pause(ctx context.Context) (stop func(), err error) {
	pause := resp.NewCommand("CLIENT PAUSE", resp.Int(f.opts.Pause.Milliseconds()), resp.String("WRITE"))
	f.began = time.Now()
	if err := expectOK(ctx, f.master, pause); err != nil {
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
				_ = expectOK(ctx, f.master, pause)
			}
		}
	})
	return func() { cancel(); wg.Wait() }, nil
}

// unpause lets writes go on, also when the caller's context has ended.
func (f *graceful) unpause() error {
	ctx, cancel := context.WithTimeout(context.Background(), undoTime)
	defer cancel()
	err := expectOK(ctx, f.master, resp.NewCommand("CLIENT UNPAUSE"))
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
			if r, err := askRole(ctx, cn, 0); err == nil && r.name == "slave" && r.offset >= goal.offset {
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

// order tells the first sentinel that takes it to fail over.
func (f *graceful) order(ctx context.Context) error {
	c := f.client
	failover := resp.NewCommand("SENTINEL", resp.String("failover"), resp.String(c.opts.Master))
	var errs []error
	for _, addr := range c.group.upFirst() {
		o := c.group.opts.Conn
		o.Addr = addr
		cn, err := conn.Dial(ctx, o)
		if err == nil {
			err = expectOK(ctx, cn, failover)
			_ = cn.Close()
		}
		if err == nil {
			return nil
		}
		if conn.ClassOf(err) == conn.ClassMaybeExecuted {
			return nil // it may be on already: the wait will tell
		}
		errs = append(errs, fmt.Errorf("%s: %w", addr, err))
		if e, ok := errors.AsType[*resp.Error](err); ok && (e.Code == "INPROG" || e.Code == "NOGOODSLAVE") {
			break // another sentinel would say the same, or begin a second failover
		}
	}
	return fmt.Errorf("order: %w", errors.Join(errs...))
}

// upFirst returns the addresses of the sentinels, those that answer first.
func (g *Group) upFirst() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	addrs := slices.Clone(g.order)
	slices.SortStableFunc(addrs, func(a, b string) int {
		switch up := g.links[a].up; {
		case up == g.links[b].up:
			return 0
		case up:
			return -1
		}
		return 1
	})
	return addrs
}

// awaitNaming waits until a sentinel names the new master.
func (f *graceful) awaitNaming(ctx context.Context) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, f.opts.Naming)
	defer cancel()
	t := f.client.topic
	for {
		t.group.mu.Lock()
		v, changed := t.view, t.changed
		t.group.mu.Unlock()
		if v.known && v.epoch > f.old.epoch {
			return v, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, fmt.Errorf("no sentinel has named a new master: %w", ctx.Err())
		case <-f.client.ctx.Done():
			return v, ErrClosed
		}
	}
}

// demote makes the old master a replica of the new one and breaks its clients'
// connections, so that they look for the new one.
func (f *graceful) demote(ctx context.Context) error {
	host, port, err := net.SplitHostPort(f.announced(f.report.New))
	if err != nil {
		return fmt.Errorf("demote: %w", err)
	}
	if err := expectOK(ctx, f.master, resp.NewCommand("REPLICAOF", resp.String(host), resp.String(port))); err != nil {
		return fmt.Errorf("demote: %w", err)
	}
	for _, kind := range []string{"normal", "pubsub"} {
		r, err := f.master.Do(ctx, resp.NewCommand("CLIENT KILL", resp.String("TYPE"), resp.String(kind)))
		if err != nil {
			return fmt.Errorf("demote: %w", err)
		}
		err = r.Err()
		r.Release()
		if err != nil {
			return fmt.Errorf("demote: %w", err)
		}
	}
	return nil
}

// announced is the address of a server as the servers know it: before AddrMap.
// The master's own list of replicas has it.
func (f *graceful) announced(addr string) string {
	g := f.client.group
	i := 0
	for e := range f.master.RoleReply().Elems() {
		if i == 2 {
			for r := range e.Elems() {
				if raw, ok := addrOf(r); ok && strings.EqualFold(g.opts.mapAddr(AddrReplica, raw), addr) {
					return raw
				}
			}
		}
		i++
	}
	return addr
}

func expectOK(ctx context.Context, d doer, cmd resp.Command) error {
	r, err := d.Do(ctx, cmd)
	if err != nil {
		return err
	}
	defer r.Release()
	return r.Err()
}
