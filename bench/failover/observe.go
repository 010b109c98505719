package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// namer asks every sentinel every few milliseconds for the master's address,
// independently of the clients.
type namer struct {
	stopc chan struct{}
	wg    sync.WaitGroup

	mu    sync.Mutex
	first map[string]time.Time // by port: when any sentinel first named it
}

func watchNames(top *testredis.Topology) *namer {
	n := &namer{stopc: make(chan struct{}), first: map[string]time.Time{}}
	for _, s := range top.Sentinels {
		n.wg.Go(func() { n.watch(s, top.Names[0]) })
	}
	return n
}

func (n *namer) watch(s *testredis.Node, master string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var c *testserver.Client
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	for {
		select {
		case <-tick.C:
		case <-n.stopc:
			return
		}
		if c == nil {
			if c, _ = s.Dial(); c == nil {
				continue
			}
		}
		c.SetDeadline(time.Now().Add(300 * time.Millisecond))
		r, err := c.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master)
		if err != nil {
			_ = c.Close()
			c = nil
			continue
		}
		if len(r.Elems) == 2 {
			n.saw(r.Elems[1].Str)
		}
	}
}

func (n *namer) saw(port string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.first[port]; !ok {
		n.first[port] = time.Now()
	}
}

// of returns when a node was first named.
func (n *namer) of(node *testredis.Node) time.Time {
	_, port, _ := net.SplitHostPort(node.Addr())
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.first[port]
}

func (n *namer) stop() {
	close(n.stopc)
	n.wg.Wait()
}

// promotion returns when a node last became a master, by its own log.
func promotion(n *testredis.Node) (time.Time, error) {
	var at time.Time
	for line := range strings.SplitSeq(n.Log(1<<20), "\n") {
		f := strings.Fields(line)
		if len(f) < 8 || !strings.Contains(line, "MASTER MODE enabled") && !strings.Contains(line, "PRIMARY MODE enabled") { // Valkey 9
			continue
		}
		t, err := time.ParseInLocation("2 Jan 2006 15:04:05.000", strings.Join(f[1:5], " "), time.Local)
		if err != nil {
			return at, err
		}
		at = t
	}
	if at.IsZero() {
		return at, errors.New("failover: " + n.Name + " was never promoted")
	}
	return at, nil
}

// until waits for a condition, for d at most.
func until(d time.Duration, cond func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return leak.WaitUntil(ctx, cond) == nil
}
