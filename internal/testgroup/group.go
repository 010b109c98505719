// Package testgroup is a Sentinel group inside the test: scripted servers with the
// data of miniredis, and sentinels that elect, publish and fail over as the real ones
// do, on sockets or in a testing/synctest bubble.
package testgroup

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// Defaults of Options.
const (
	DefaultMaster    = "mymaster"
	DefaultReplicas  = 2
	DefaultSentinels = 3
)

// Options configure an in-process sentinel group. The zero value is
// one master "mymaster" with two replicas and three sentinels, without
// passwords, on free loopback ports, twenty times as fast as the real thing.
type Options struct {
	// Masters are the names of the masters; empty is DefaultMaster alone.
	Masters []string
	// Replicas of each master; zero is DefaultReplicas, negative none.
	Replicas int
	// Sentinels of the group; zero is DefaultSentinels.
	Sentinels int
	// Quorum; zero is the majority of the sentinels.
	Quorum int

	// Username and Password of the data servers; without a Username the
	// Password is the default user's.
	Username, Password string
	// SentinelUsername and SentinelPassword are those of the sentinels.
	SentinelUsername, SentinelPassword string
	// TLS and SentinelTLS make data servers and sentinels speak TLS.
	TLS, SentinelTLS *tls.Config

	// InMemory uses no sockets: Group.Dial reaches every node by its
	// address over a net.Pipe, also inside a testing/synctest bubble.
	InMemory bool
	// Timing of a failover; the zero value is RealTiming scaled by 1/20, but for
	// Promote: between the announcement and the promotion a client needs time
	// to hold its writes, as real sentinels give it.
	Timing Timing
}

// Group is a sentinel group inside this process: data servers on
// miniredis, and sentinels that answer and publish as the real ones do
// (replies, order of events, who knows what when). It embeds its first
// MasterSet. Safe for concurrent use.
//
// What it is not: replicas always have the newest data of their master (the
// one they follow), there is no election (the first reachable sentinel
// leads), consumer groups of streams do not survive a promotion, and the data
// commands are miniredis's with its gaps.
type Group struct {
	*MasterSet
	Sentinels []*Sentinel

	o    Options
	sets []*MasterSet
	stop chan struct{}
	wg   sync.WaitGroup

	life   sync.Mutex // guards closed, and the beginning of goroutines
	closed bool

	mu    sync.Mutex // guards the state of all sets, nodes and views
	epoch int64
}

// New starts a group that ends with the test.
func New(tb leak.TB, o Options) *Group {
	tb.Helper()
	e, err := Start(o)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Errorf("%v", err)
		}
	})
	return e
}

// Start starts a group; the caller closes it.
func Start(o Options) (*Group, error) {
	o.setDefaults()
	e := &Group{o: o, stop: make(chan struct{})}
	for _, name := range o.Masters {
		m, err := e.newSet(name)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.sets = append(e.sets, m)
	}
	e.MasterSet = e.sets[0]
	for i := range o.Sentinels {
		s, err := e.newSentinel(i)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.Sentinels = append(e.Sentinels, s)
	}
	return e, nil
}

func (o *Options) setDefaults() {
	if len(o.Masters) == 0 {
		o.Masters = []string{DefaultMaster}
	}
	if o.Replicas == 0 {
		o.Replicas = DefaultReplicas
	}
	o.Replicas = max(o.Replicas, 0)
	if o.Sentinels == 0 {
		o.Sentinels = DefaultSentinels
	}
	if o.Quorum == 0 {
		o.Quorum = o.Sentinels/2 + 1
	}
	if o.Timing == (Timing{}) {
		o.Timing = RealTiming().Scale(1.0 / 20)
		o.Timing.Promote = RealTiming().Promote
	}
}

// newSet starts the data servers of a master.
func (e *Group) newSet(name string) (*MasterSet, error) {
	m := &MasterSet{e: e, name: name}
	for i := range e.o.Replicas + 1 {
		n, err := e.newNode(m, i)
		if err != nil {
			return nil, errors.Join(err, m.close())
		}
		m.nodes = append(m.nodes, n)
		if i > 0 {
			n.master = m.nodes[0]
		}
	}
	m.master = m.nodes[0]
	return m, nil
}

// serverOptions of a node; addr is used when there are no sockets.
func (e *Group) serverOptions(addr, user, password string, cfg *tls.Config) testserver.Options {
	o := testserver.Options{TLS: cfg, Password: password}
	if user != "" {
		o.Password, o.Users = "", map[string]string{user: password}
	}
	if e.o.InMemory {
		o.Network, o.Addr = "none", addr
	}
	return o
}

// Of returns the set of a master by its name, nil when there is none.
func (e *Group) Of(name string) *MasterSet {
	i := slices.IndexFunc(e.sets, func(m *MasterSet) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return e.sets[i]
}

// SentinelAddrs returns the addresses of the sentinels.
func (e *Group) SentinelAddrs() []string {
	addrs := make([]string, len(e.Sentinels))
	for i, s := range e.Sentinels {
		addrs[i] = s.Addr()
	}
	return addrs
}

// Dial connects to a node of an InMemory group by its address; it fits
// conn.Options.Dial. Of a group with sockets it dials TCP.
func (e *Group) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if !e.o.InMemory {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
	for _, s := range e.Sentinels {
		if s.Addr() == addr {
			return s.PipeDial(ctx, network, addr)
		}
	}
	for _, m := range e.sets {
		for _, n := range m.nodes {
			if n.Addr() == addr {
				return n.PipeDial(ctx, network, addr)
			}
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "pipe", Err: fmt.Errorf("no node at %s", addr)}
}

// SetUnknownMaster makes all sentinels not know the master, or know it again.
func (e *Group) SetUnknownMaster(name string, unknown bool) {
	for _, s := range e.Sentinels {
		s.Unknown(name, unknown)
	}
}

// Close ends everything and waits for it.
func (e *Group) Close() error {
	e.life.Lock()
	if !e.closed {
		e.closed = true
		close(e.stop)
	}
	e.life.Unlock()
	var errs []error
	for _, s := range e.Sentinels {
		errs = append(errs, s.Server.Close())
	}
	for _, m := range e.sets {
		errs = append(errs, m.close())
	}
	e.wg.Wait()
	return errors.Join(errs...)
}

// spawn runs f on a goroutine that Close waits for.
func (e *Group) spawn(f func()) {
	e.life.Lock()
	defer e.life.Unlock()
	if !e.closed {
		e.wg.Go(f)
	}
}

// after runs f in d, unless the group is closed before.
func (e *Group) after(d time.Duration, f func()) {
	e.spawn(func() {
		if leak.Sleep(d, e.stop) {
			f()
		}
	})
}

func randomID() string {
	var b [20]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
