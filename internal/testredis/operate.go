package testredis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// SentinelFailover is SENTINEL FAILOVER of the first master on sentinel i.
func (t *Topology) SentinelFailover(i int) error { return t.SentinelFailoverOf(i, t.Names[0]) }

// SentinelFailoverOf is SENTINEL FAILOVER of a master on sentinel i. It
// returns when the sentinel has answered.
func (t *Topology) SentinelFailoverOf(i int, name string) error {
	_, err := t.Sentinels[i].Do("SENTINEL", "FAILOVER", name)
	return err
}

// Failover asks sentinel 0 for a failover of the first master and waits
// until all sentinels that run have finished it. It returns the new master.
func (t *Topology) Failover(ctx context.Context) (*Node, error) {
	old, err := t.CurrentMaster("")
	if err != nil {
		return nil, err
	}
	if err := t.SentinelFailover(0); err != nil {
		return nil, err
	}
	return t.WaitSwitch(ctx, "", old)
}

// CurrentMaster asks all sentinels that run for a master ("" is the first)
// and returns the node that the most of them name.
func (t *Topology) CurrentMaster(name string) (*Node, error) {
	name = cmp.Or(name, t.Names[0])
	votes, best := map[*Node]int{}, (*Node)(nil)
	var errs []error
	for _, s := range t.Sentinels {
		n, err := t.masterOf(s, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		votes[n]++
		if best == nil || votes[n] > votes[best] {
			best = n
		}
	}
	if best == nil {
		return nil, errors.Join(append(errs, errors.New("testredis: no sentinel names a master"))...)
	}
	return best, nil
}

// masterOf is get-master-addr-by-name of one sentinel.
func (t *Topology) masterOf(s *Node, name string) (*Node, error) {
	if !s.Running() {
		return nil, fmt.Errorf("testredis: %s is not running", s.Name)
	}
	r, err := s.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
	if err != nil {
		return nil, err
	}
	if len(r.Elems) != 2 {
		return nil, fmt.Errorf("testredis: %s does not know %s", s.Name, name)
	}
	return t.NodeAt(net.JoinHostPort(r.Elems[0].Str, r.Elems[1].Str))
}

// NodeAt returns the data server with an address, by its port.
func (t *Topology) NodeAt(addr string) (*Node, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("testredis: %w", err)
	}
	i := slices.IndexFunc(t.Data, func(n *Node) bool { return strconv.Itoa(n.Port()) == port })
	if i < 0 {
		return nil, fmt.Errorf("testredis: no node at %s", addr)
	}
	return t.Data[i], nil
}

// WaitSwitch waits until every sentinel that runs names the same master, not
// old, has no failover in progress, and the node says so itself.
func (t *Topology) WaitSwitch(ctx context.Context, name string, old *Node) (*Node, error) {
	name = cmp.Or(name, t.Names[0])
	var master *Node
	err := leak.WaitUntil(ctx, func() bool {
		master = nil
		for _, s := range t.Sentinels {
			if !s.Running() {
				continue
			}
			n, err := t.masterOf(s, name)
			if err != nil || n == old || master != nil && n != master {
				return false
			}
			m, err := s.Do("SENTINEL", "MASTER", name)
			if err != nil || slices.Contains(splitFlags(m), "failover_in_progress") {
				return false
			}
			master = n
		}
		return master != nil && master.IsMaster()
	})
	if err != nil {
		return nil, fmt.Errorf("testredis: wait for a switch of %s: %w", name, err)
	}
	return master, nil
}

// WaitReplica waits until a node is a connected replica.
func (t *Topology) WaitReplica(ctx context.Context, n *Node) error {
	err := leak.WaitUntil(ctx, func() bool {
		r, err := n.Do("ROLE")
		return err == nil && len(r.Elems) == 5 && r.Elems[3].Str == "connected"
	})
	if err != nil {
		return fmt.Errorf("testredis: wait for %s to be a replica: %w", n.Name, err)
	}
	return nil
}

// WaitSettled waits until the topology is as after its start, whoever is the
// master now: every node runs, replicas are connected, sentinels know all.
func (t *Topology) WaitSettled(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(t.o.ReadyTimeout)
	}
	return until(deadline, func() string {
		for _, name := range t.Names {
			for _, s := range t.Sentinels {
				if missing := t.knows(s, name); missing != "" {
					return s.Name + ", " + name + ": " + missing
				}
			}
			m, err := t.CurrentMaster(name)
			if err != nil || !m.IsMaster() {
				return fmt.Sprintf("%s has no master: %v", name, err)
			}
			for _, n := range t.Of(name) {
				if role, err := n.Role(); err != nil || (role == "master") != (n == m) {
					return fmt.Sprintf("%s is %s: %v", n.Name, role, err)
				}
			}
			if missing := m.feeds(len(t.Of(name)) - 1); missing != "" {
				return missing
			}
		}
		return ""
	})
}

// Replicas returns the nodes of a master ("" is the first) that are not the
// current one.
func (t *Topology) Replicas(name string) ([]*Node, error) {
	m, err := t.CurrentMaster(name)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(t.Of(name), func(n *Node) bool { return n == m }), nil
}

// Epoch returns the configuration epoch that sentinel i has for a master; ""
// is the first.
func (t *Topology) Epoch(i int, name string) (int64, error) {
	m, err := t.Sentinels[i].Do("SENTINEL", "MASTER", cmp.Or(name, t.Names[0]))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(m.Map()["config-epoch"].Str, 10, 64)
}

// Demote makes a node a replica of the current master by hand, and cuts its
// clients, without waiting for the sentinels to do so.
func (t *Topology) Demote(n *Node) error {
	m, err := t.CurrentMaster(n.Master)
	if err != nil {
		return err
	}
	if m == n {
		return fmt.Errorf("testredis: %s is the master of the sentinels", n.Name)
	}
	if _, err := n.Do("REPLICAOF", t.announced(), strconv.Itoa(m.Port())); err != nil {
		return err
	}
	for _, kind := range []string{"normal", "pubsub"} {
		if _, err := n.Do("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"); err != nil {
			return err
		}
	}
	return nil
}

// BreakSync makes a replica unable to follow anybody (a wrong masterauth), as
// in the late leader of the acceptance scenario A12; it needs Password. The
// link is cut, so that it tries again.
func (t *Topology) BreakSync(n *Node) error {
	if _, err := n.Do("CONFIG", "SET", "masterauth", "wrong"); err != nil {
		return err
	}
	m, err := t.CurrentMaster(n.Master)
	if err != nil {
		return err
	}
	_, err = m.Do("CLIENT", "KILL", "TYPE", "replica")
	return err
}

// HasIPv6 says whether ::1 can be listened on.
func HasIPv6() bool {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	return ln.Close() == nil
}

func splitFlags(instance testserver.Reply) []string {
	return strings.Split(instance.Map()["flags"].Str, ",")
}
