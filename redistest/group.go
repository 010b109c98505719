package redistest

import (
	"context"
	"fmt"
	"net"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/sentinel"
)

// GroupOptions configure a [Group]. The zero value is one master "mymaster" with
// two replicas and three sentinels, without passwords.
type GroupOptions struct {
	// Masters are their names; empty is "mymaster" alone.
	Masters []string
	// Replicas of each master; zero is two, negative none.
	Replicas int
	// Sentinels of the group; zero is three.
	Sentinels int
	// Password of the servers, and of the sentinels.
	Password, SentinelPassword string
	// InMemory uses no sockets, so that a group fits into a testing/synctest
	// bubble. Clients need the options of [Group.Options] then.
	InMemory bool
	// Slower stretches failovers, which take a twentieth of the time of real
	// ones otherwise: 20 is as slow as Redis with down-after-milliseconds 1000.
	// Zero is 1.
	Slower float64
}

// Group is a Sentinel group inside the test: servers with the data types of Redis,
// and sentinels that answer and publish as the real ones do.
//
// What it is not: replicas always have the newest data of their master, the first
// reachable sentinel leads every failover, and the data commands are those of
// miniredis, with its gaps: ZDIFF, for instance, and CLIENT TRACKING are not there. About
// 240 everyday commands on strings, hashes, lists, sets, sorted sets, streams, scripts,
// transactions and databases are known to answer to the byte as redis-server 7.0 does, in
// RESP2 and RESP3; inside EXEC, replies have the shapes of RESP2. Inline commands are a
// protocol error. What has to hold on the real thing is to be tested on the real thing too.
type Group struct {
	e *testgroup.Group
	o GroupOptions
}

// NewGroup starts a group that ends with the test.
func NewGroup(tb TB, o GroupOptions) *Group {
	tb.Helper()
	return &Group{testgroup.New(tb, o.inside()), o}
}

// StartGroup starts a group, for programs that are no tests; the caller closes it.
func StartGroup(o GroupOptions) (*Group, error) {
	e, err := testgroup.Start(o.inside())
	if err != nil {
		return nil, err
	}
	return &Group{e, o}, nil
}

func (o GroupOptions) inside() testgroup.Options {
	in := testgroup.Options{
		Masters: o.Masters, Replicas: o.Replicas, Sentinels: o.Sentinels,
		Password: o.Password, SentinelPassword: o.SentinelPassword, InMemory: o.InMemory,
	}
	if o.Slower > 0 {
		in.Timing = testgroup.RealTiming().Scale(o.Slower / speedup)
	}
	return in
}

// speedup is how much faster a group is than redis-sentinel.
const speedup = 20

// Close ends the group.
func (g *Group) Close() error { return g.e.Close() }

// Sentinels returns the addresses of the sentinels.
func (g *Group) Sentinels() []string { return g.e.SentinelAddrs() }

// Options returns the options of a client for a master of the group, the first one
// if master is empty. Change what you like before client.Open.
func (g *Group) Options(master string) client.Options {
	if master == "" {
		master = g.e.Name()
	}
	o := client.Options{Master: master, Group: sentinel.GroupOptions{Sentinels: g.Sentinels()}}
	o.Group.Conn.Password = g.o.SentinelPassword
	o.Pool.Conn.Password = g.o.Password
	if g.o.InMemory {
		o.Group.Conn.Dial, o.Pool.Conn.Dial = g.e.Dial, g.e.Dial
	}
	return o
}

// Dial connects to a server or sentinel of the group by its address. It fits
// conn.Options.Dial.
func (g *Group) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return g.e.Dial(ctx, network, addr)
}

// Master returns the address of the first master.
func (g *Group) Master() string { return g.e.MasterAddr() }

// Replicas returns the addresses of its replicas.
func (g *Group) Replicas() []string {
	var out []string
	for _, n := range g.e.Replicas() {
		out = append(out, n.Addr())
	}
	return out
}

// Failover does what SENTINEL FAILOVER does: it makes a replica the first master.
// It returns when a sentinel has published that.
func (g *Group) Failover(ctx context.Context) error { return g.e.Failover(ctx) }

// Crash kills a server by its address, as kill -9 does: the sentinels replace a
// master by themselves.
func (g *Group) Crash(addr string) error {
	n, err := g.node(addr)
	if err != nil {
		return err
	}
	return n.Crash()
}

// Restart ends [Group.Crash]. A former master becomes a replica, a moment later.
func (g *Group) Restart(addr string) error {
	n, err := g.node(addr)
	if err != nil {
		return err
	}
	return n.Restart()
}

// Hang stops a server by its address, as SIGSTOP does: its connections stay open,
// and nothing is answered. The sentinels replace a master by themselves.
func (g *Group) Hang(addr string) error {
	n, err := g.node(addr)
	if err != nil {
		return err
	}
	return n.Hang()
}

// Resume ends [Group.Hang].
func (g *Group) Resume(addr string) error {
	n, err := g.node(addr)
	if err != nil {
		return err
	}
	return n.Resume()
}

func (g *Group) node(addr string) (*testgroup.Node, error) {
	sets := []*testgroup.MasterSet{g.e.MasterSet}
	for _, name := range g.o.Masters {
		sets = append(sets, g.e.Of(name))
	}
	for _, set := range sets {
		for _, n := range set.Nodes() {
			if n.Addr() == addr {
				return n, nil
			}
		}
	}
	return nil, fmt.Errorf("redistest: no server at %s", addr)
}

// StopSentinel kills sentinel i, StartSentinel brings it back.
func (g *Group) StopSentinel(i int) error { return g.e.Sentinels[i].Stop() }

// StartSentinel ends [Group.StopSentinel].
func (g *Group) StartSentinel(i int) error { return g.e.Sentinels[i].Start() }
