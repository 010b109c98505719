package testredis

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
)

// Shared is one server for all tests of a test binary: a package level
// variable, started by the first test that asks, and ended by Close in
// TestMain, or with the process.
//
//	var shared testredis.Shared
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		shared.Close()
//		os.Exit(code)
//	}
type Shared struct {
	// Options of the server, set before the first use.
	Options Options

	mu   sync.Mutex
	node *Node
	err  error
}

// Node returns the server. Its data are those of all tests: use keys of your
// own.
func (s *Shared) Node(tb leak.TB) *Node {
	tb.Helper()
	Require(tb)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node == nil && s.err == nil {
		s.node, s.err = Start(s.Options)
	}
	if s.err != nil {
		tb.Fatalf("%v", s.err)
	}
	return s.node
}

// Close ends the server, if it was ever started.
func (s *Shared) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node == nil {
		return nil
	}
	return s.node.Close()
}

// SharedTopology is one topology for all tests of a test binary, used like a
// Shared. Its tests must not run in parallel.
type SharedTopology struct {
	// Options of the topology, set before the first use.
	Options TopologyOptions

	mu   sync.Mutex
	topo *Topology
	err  error
}

// Topology returns the topology as every test should find it: all nodes run,
// are not stopped, and know each other, whoever is the master; its proxies
// pass. A test that breaks it beyond that is named by the failure of the next, and one
// that leaves a connection through a proxy by its own.
func (s *SharedTopology) Topology(tb leak.TB) *Topology {
	tb.Helper()
	Require(tb)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topo == nil && s.err == nil {
		s.topo, s.err = startTopology(s.Options, true)
	}
	if s.err != nil {
		tb.Fatalf("%v", s.err)
	}
	if err := s.topo.restore(); err != nil {
		tb.Fatalf("%v\n%s", err, s.topo.Logs(1000))
	}
	s.topo.checkConns(tb, leak.Wait)
	return s.topo
}

// checkConns fails the test when it ends with connections through the proxies that it
// has opened. Those of sentinels and replicas are not the test's.
func (t *Topology) checkConns(tb leak.TB, wait time.Duration) {
	tb.Helper()
	before := map[*testproxy.Conn]bool{}
	for _, c := range t.conns() {
		before[c] = true
	}
	tb.Cleanup(func() {
		tb.Helper()
		var left []string
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		if err := leak.WaitUntil(ctx, func() bool {
			left = nil
			for _, c := range t.conns() {
				if head := c.Head(); !before[c] && len(head) > 0 && !c.Internal() {
					left = append(left, fmt.Sprintf("%v, which began with %q", c.Client(), head))
				}
			}
			return len(left) == 0
		}); err != nil {
			tb.Errorf("testredis: connections through proxies are open: %s", left)
		}
	})
}

// conns returns the connections through all proxies.
func (t *Topology) conns() (all []*testproxy.Conn) {
	for _, n := range t.all() {
		if n.proxy != nil {
			all = append(all, n.proxy.Conns()...)
		}
	}
	return all
}

// restore undoes what tests do to nodes.
func (t *Topology) restore() error {
	for _, n := range t.all() {
		if n.proxy != nil {
			n.proxy.SetFor(testproxy.Pass, nil)
			if err := n.proxy.Set(testproxy.Pass); err != nil {
				return err
			}
		}
		if !n.Running() {
			if err := n.Restart(); err != nil {
				return err
			}
			continue
		}
		if err := n.Cont(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.o.ReadyTimeout)
	defer cancel()
	return t.WaitSettled(ctx)
}

// Close ends the topology, if it was ever started.
func (s *SharedTopology) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topo == nil {
		return nil
	}
	return s.topo.Close()
}
