package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

const (
	// replicaWait is how long a read waits for a replica when there is none:
	// right after a switch the sentinels get to know them anew.
	replicaWait = time.Second
	// firstProbe is how long the first read waits for the first probe.
	firstProbe = 250 * time.Millisecond
)

// Replicas runs read-only commands on the replicas of a master. It implements
// redis.Doer and redis.Leaser. Its methods are safe for concurrent use.
//
// What is read from a replica may be old: replication is asynchronous. A replica
// serves when the sentinels take it for fit (not down, not being promoted or
// reconfigured, link to its master up), it says itself that it is a replica with a
// link to its master, and that is the client's: their replication ids tell, where
// the user may ask for them by INFO.
type Replicas struct {
	client   *Client
	opts     ReplicaOptions
	snapshot atomic.Pointer[snapshot]

	mu      sync.Mutex // guards what follows; taken after Client.mu
	nodes   map[string]*replica
	changed chan struct{} // closed and replaced when other servers serve
	probed  bool          // a probe has ended
	closed  bool

	known    history // of the master of generation originOf
	originOf uint64
}

// snapshot is the servers that may serve, sorted by address. It is immutable.
type snapshot struct {
	nodes    []Node
	replicas []*serving // beside nodes; nil is the master
}

// Replicas returns the replicas of the client's master. It is made at the first
// call, by Options.Replicas, and ends with the client. In bypass there are none.
func (c *Client) Replicas() *Replicas {
	c.mu.Lock()
	if c.replicas != nil {
		defer c.mu.Unlock()
		return c.replicas
	}
	r := &Replicas{client: c, opts: c.opts.Replicas, nodes: make(map[string]*replica), changed: make(chan struct{})}
	r.snapshot.Store(&snapshot{})
	r.probed = c.watch == nil
	r.closed = c.closed
	c.replicas = r
	c.mu.Unlock()
	r.refresh()
	return r
}

// Nodes returns the servers that serve reads at this moment.
func (r *Replicas) Nodes() []Node { return slices.Clone(r.snapshot.Load().nodes) }

// Do sends a read-only command to a replica that the chooser picks. When it
// fails there, because the replica is gone, hangs, or refuses, it is sent to
// another one, and to the master where the policy allows. Other commands are
// refused with [ErrNotReadOnly], before any I/O; without a replica the error is
// [ErrNoReplica].
func (r *Replicas) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if cmd.Flags()&resp.ReadOnly == 0 {
		return resp.Reply{}, r.notSent(notReadOnly(&cmd))
	}
	s := r.snapshot.Load()
	if len(s.nodes) > 0 {
		if n := s.replicas[r.choose(s.nodes)]; n != nil {
			reply, err := n.pool.Do(ctx, cmd)
			if err == nil && !refused(&cmd, reply.Value) {
				return reply, nil
			}
			if again := r.failed(ctx, n, reply, err); !again {
				return resp.Reply{}, ended(ctx, err)
			}
			reply.Release()
			return r.retry(ctx, cmd, n)
		}
	}
	return r.retry(ctx, cmd, nil)
}

func (r *Replicas) choose(nodes []Node) int {
	i := r.opts.Choose.Choose(nodes)
	if i < 0 || i >= len(nodes) {
		return 0
	}
	return i
}

func (r *Replicas) notSent(cause error) *conn.Error {
	whom := r.client.opts.Master
	if whom == "" {
		whom = r.client.Master()
	}
	return &conn.Error{Op: conn.OpWait, Addr: whom, Class: conn.ClassNotSent, Err: cause}
}

// retry sends a read to one node after the other. first has just failed.
func (r *Replicas) retry(ctx context.Context, cmd resp.Command, first *serving) (reply resp.Reply, err error) {
	err = r.each(ctx, first, func(n *serving) (bool, error) {
		if n == nil {
			reply, err = r.client.Do(ctx, cmd)
			return false, err
		}
		reply, err = n.pool.Do(ctx, cmd)
		if err == nil && !refused(&cmd, reply.Value) {
			return false, nil
		}
		again := r.failed(ctx, n, reply, err)
		if again {
			if err == nil {
				err = reply.Err()
				reply.Release()
			}
			reply = resp.Reply{}
		}
		return again, err
	})
	return reply, err
}

// each calls try with nodes that have not failed yet, nil being the master,
// until it wants no other. It waits a moment where there are none.
func (r *Replicas) each(ctx context.Context, first *serving, try func(n *serving) (again bool, err error)) error {
	var tried []string
	if first != nil {
		tried = append(tried, first.addr)
		r.client.counters.rereads.Add(1)
		redis.CountAttempt(ctx)
	}
	var last error
	deadline := time.Now().Add(min(replicaWait, max(r.client.opts.RetryTime, 0)))
	for {
		redis.CountAttempt(ctx)
		r.mu.Lock()
		changed, closed, probed := r.changed, r.closed, r.probed
		r.mu.Unlock()
		if closed {
			return r.notSent(ErrClosed)
		}
		n, ok := r.pick(tried)
		switch {
		case ok:
		case probed && r.opts.Policy != ReplicaOnly:
			_, err := try(nil)
			return err
		default:
			if err := r.wait(ctx, changed, probed, deadline, last); err != nil {
				return err
			}
			tried = tried[:0]
			if !probed {
				r.giveUpProbing()
			}
			continue
		}
		again, err := try(n)
		switch {
		case n == nil:
			return err
		case !again:
			return ended(ctx, err)
		}
		r.client.counters.rereads.Add(1)
		tried, last = append(tried, n.addr), err
	}
}

// pick chooses among the nodes that were not tried.
func (r *Replicas) pick(tried []string) (n *serving, ok bool) {
	s := r.snapshot.Load()
	if len(tried) > 0 {
		rest := &snapshot{}
		for i, node := range s.nodes {
			if !slices.Contains(tried, node.Addr) {
				rest.nodes, rest.replicas = append(rest.nodes, node), append(rest.replicas, s.replicas[i])
			}
		}
		s = rest
	}
	if len(s.nodes) == 0 {
		return nil, false
	}
	return s.replicas[r.choose(s.nodes)], true
}

// wait waits for another snapshot. It returns an error when it has been long
// enough.
func (r *Replicas) wait(ctx context.Context, changed chan struct{}, probed bool, deadline time.Time, last error) error {
	left := time.Until(deadline)
	if !probed {
		left = min(left, firstProbe)
	} else if left <= 0 {
		return r.notSent(r.none(last))
	}
	timer := time.NewTimer(max(min(left, 50*time.Millisecond), time.Millisecond))
	defer timer.Stop()
	if !probed {
		timer.Reset(max(left, time.Millisecond))
	}
	select {
	case <-changed:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return r.notSent(errors.Join(ctx.Err(), r.none(last)))
	}
}

// giveUpProbing has reads go on without the first probe.
func (r *Replicas) giveUpProbing() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.probed = true
}

// ended joins the error of a context that has ended to that of a read.
func ended(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("client: replicas: %w: %w", ctx.Err(), err)
}

// failed draws the conclusions from a failure on n and says whether the read may
// be sent to another node.
func (r *Replicas) failed(ctx context.Context, n *serving, reply resp.Reply, err error) (again bool) {
	if err == nil { // LOADING, MASTERDOWN and the like
		n.replica.doubt()
		return true
	}
	if ctx.Err() != nil {
		n.replica.doubt() // it may hang: have it probed
		return false
	}
	if errors.Is(err, conn.ErrStateful) || errors.Is(err, conn.ErrEmptyCommand) || tooLarge(err) {
		return false
	}
	n.replica.exclude(n, err)
	return true
}

// DoBatch sends read-only commands to one replica. What was not answered there
// is sent to another one. See [Replicas.Do].
func (r *Replicas) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	b := resp.BatchOf(cmds)
	return r.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(each))
}

// DoEncoded is DoBatch for encoded commands, as [conn.Conn.DoEncoded].
func (r *Replicas) DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	if err := readOnlyFrom(cmds, from); err != nil {
		return r.notSent(err)
	}
	t := &taker{cmds: cmds, to: to, next: from}
	return r.each(ctx, nil, func(n *serving) (bool, error) {
		if n == nil {
			return false, r.client.DoEncoded(ctx, cmds, t.next, to)
		}
		t.refusal = nil
		err := n.pool.DoEncoded(ctx, cmds, t.next, t)
		if err == nil && t.refusal == nil {
			return false, nil
		}
		again := r.failed(ctx, n, resp.Reply{}, err)
		return again, errors.Join(err, t.refusal)
	})
}

// readOnlyFrom returns an error if one of the commands from that one on writes.
func readOnlyFrom(cmds *resp.Batch, from int) error {
	if _, all := cmds.Flags(from); all&resp.ReadOnly != 0 {
		return nil
	}
	for _, cmd := range cmds.Commands(from) {
		if cmd.Flags()&resp.ReadOnly == 0 {
			return notReadOnly(&cmd)
		}
	}
	return nil
}

// taker gives the replies of a replica out, up to the first refusal.
type taker struct {
	cmds    *resp.Batch
	to      resp.Receiver
	next    int // the first command without a reply
	refusal error
}

// Receive implements resp.Receiver.
func (t *taker) Receive(i int, v resp.Value) {
	switch {
	case t.refusal != nil:
	case refusedIn(t.cmds, i, v):
		t.refusal = v.Err()
	default:
		t.to.Receive(i, v)
		t.next = i + 1
	}
}

// ReceiveRun implements resp.RunReceiver: none of the replies is a refusal.
func (t *taker) ReceiveRun(first int, buf []byte, ends []int) {
	if t.refusal == nil {
		resp.GiveRun(t.to, first, buf, ends)
		t.next = first + len(ends)
	}
}

// WithConn leases a connection to a replica and calls fn with it, once. What fn
// sends is its own business.
func (r *Replicas) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	return r.each(ctx, nil, func(n *serving) (bool, error) {
		if n == nil {
			return false, r.client.WithConn(ctx, fn)
		}
		called := false
		err := n.pool.WithConn(ctx, func(cn *conn.Conn) error {
			called = true
			return fn(cn)
		})
		if called || err == nil {
			return false, err
		}
		return r.failed(ctx, n, resp.Reply{}, err), err
	})
}

// refresh takes over the sentinels' common list: keepers of new replicas begin,
// those of gone ones end.
func (r *Replicas) refresh() {
	c := r.client
	if c.watch == nil {
		return
	}
	list := c.watch.Replicas()
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	var begun, gone []*replica
	listed := make(map[string]bool, len(list))
	for _, info := range list {
		listed[info.Addr] = true
		if n := r.nodes[info.Addr]; n != nil {
			n.learnLocked(info)
			continue
		}
		n := newReplica(r, info)
		r.nodes[info.Addr] = n
		begun = append(begun, n)
	}
	for addr, n := range r.nodes {
		if !listed[addr] {
			delete(r.nodes, addr)
			gone = append(gone, n)
		}
	}
	r.rebuildLocked()
	r.mu.Unlock()
	for _, n := range begun {
		c.spawn(n.keep)
	}
	for _, n := range gone {
		n.cancel()
	}
}

// rebuildLocked makes a new snapshot, and wakes those who wait for another server.
func (r *Replicas) rebuildLocked() {
	r.describeLocked()
	close(r.changed)
	r.changed = make(chan struct{})
}

// describeLocked makes a new snapshot of the same servers.
func (r *Replicas) describeLocked() {
	s := &snapshot{}
	addrs := make([]string, 0, len(r.nodes)+1)
	for addr, n := range r.nodes {
		if n.serving != nil {
			addrs = append(addrs, addr)
		}
	}
	slices.SortFunc(addrs, strings.Compare)
	for _, addr := range addrs {
		n := r.nodes[addr]
		s.nodes = append(s.nodes, n.nodeLocked())
		s.replicas = append(s.replicas, n.serving)
	}
	if r.opts.Policy == AnyNode {
		t := r.client.target.Load()
		s.nodes = append(s.nodes, Node{Addr: t.addr, Master: true})
		s.replicas = append(s.replicas, nil)
	}
	r.snapshot.Store(s)
}

// shut ends all keepers.
func (r *Replicas) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, n := range r.nodes {
		n.cancel()
		n.serving = nil
	}
	r.rebuildLocked()
}

// none is ErrNoReplica with the reasons: why each of those that are known serves no
// reads, or that none is known. last is why the last attempt failed.
func (r *Replicas) none(last error) error {
	if r.client.watch == nil {
		return fmt.Errorf("%w: without sentinels none is known; Policy PreferReplica reads from the server itself", ErrNoReplica)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	addrs := slices.Sorted(maps.Keys(r.nodes))
	if len(addrs) == 0 {
		return fmt.Errorf("%w: the sentinels list none", ErrNoReplica)
	}
	err := ErrNoReplica
	for _, addr := range addrs {
		if n := r.nodes[addr]; n.serving == nil && n.err != nil {
			err = fmt.Errorf("%w; %s: %w", err, addr, n.err)
			last = nil
		}
	}
	if last != nil {
		err = fmt.Errorf("%w: %w", err, last)
	}
	return err
}

// notReadOnly is ErrNotReadOnly with the command, and with the way out.
func notReadOnly(cmd *resp.Command) error {
	return fmt.Errorf("%w: %s writes, or may: send it to the client itself", ErrNotReadOnly, cmd.Name())
}
