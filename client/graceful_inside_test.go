package client

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
)

// rehearsal is a group whose servers note the commands of a graceful failover.
type rehearsal struct {
	t     *testing.T
	group *testgroup.Group
	c     *Client
	old   *testgroup.Node
	next  *testgroup.Node // the one that is promoted
	other *testgroup.Node
	open  int // connections before

	mu    sync.Mutex
	trail []noted
}

type noted struct {
	what string // the role at the beginning, and the command
	at   time.Time
}

// rehearse runs a test with a group in a bubble. Sentinels fail over when they are told
// to, the old master is demoted only half a second after that.
func rehearse(t *testing.T, o Options, f func(t *testing.T, r *rehearsal)) {
	t.Helper()
	ofGroup(t, o, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
		r := &rehearsal{t: t, group: e, c: c, old: e.Master(), next: e.Replicas()[0], other: e.Replicas()[1]}
		for _, n := range e.Nodes() {
			r.answer(n, "CLIENT PAUSE", testserver.OK)
			r.answer(n, "CLIENT UNPAUSE", testserver.OK)
			r.answer(n, "CLIENT KILL", testserver.Int(1))
			r.answer(n, "REPLICAOF", testserver.OK)
		}
		r.ordered(func() { _ = e.Failover(context.WithoutCancel(t.Context())) })
		for range offset {
			if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		r.open = r.connections()
		f(t, r)
	})
}

// answer makes a server note a command, and answer it; with nothing if raw is empty.
func (r *rehearsal) answer(n *testgroup.Node, name, raw string) {
	n.Handle(name, func(c *testserver.Peer, args []string) {
		r.note(n, args)
		c.Write(raw)
	})
}

// slow makes a server answer ROLE after d, once says has ended.
func (r *rehearsal) slow(n *testgroup.Node, d time.Duration, raw string) {
	n.Handle("ROLE", func(c *testserver.Peer, _ []string) {
		c.Wait(d)
		c.Write(raw)
	})
}

// hangs makes a server never answer ROLE, but for the handshake.
func (r *rehearsal) hangs(n *testgroup.Node) {
	r.says(n, 1, r.asReplica(linked, offset))
	n.Reply("ROLE", "")
}

func (r *rehearsal) note(n *testgroup.Node, args []string) {
	role := "replica "
	if n == r.old {
		role = "master "
	}
	r.add(role + strings.Join(args, " "))
}

func (r *rehearsal) add(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trail = append(r.trail, noted{what, time.Now()})
}

// ordered says what the sentinels do when they are told to fail over.
func (r *rehearsal) ordered(do func()) {
	for _, s := range r.group.Sentinels {
		s.Handle("SENTINEL FAILOVER", func(c *testserver.Peer, args []string) {
			r.add("sentinel " + strings.Join(args, " "))
			c.Text("OK")
			go do()
		})
	}
}

// says makes a server answer ROLE so many times; then it tells the truth again.
func (r *rehearsal) says(n *testgroup.Node, times int, raw string) {
	replies := make([]string, times)
	for i := range replies {
		replies[i] = raw
	}
	n.ReplyOnce("ROLE", replies...)
}

const (
	// always is more often than any test asks.
	always = 10000
	// offset is that of the master, and of replicas that have everything.
	offset = 3
)

func (r *rehearsal) asReplica(state string, has int64) string {
	return testserver.Array(testserver.Bulk("slave"), testserver.Bulk(r.old.Host()), testserver.Int(int64(r.old.Port())), testserver.Bulk(state), testserver.Int(has))
}

// asMaster is the ROLE of a master with these replicas.
func asMaster(replicas ...*testgroup.Node) string {
	var all []string
	for _, n := range replicas {
		_, port, _ := net.SplitHostPort(n.Addr())
		all = append(all, testserver.Bulks(n.Host(), port, "0"))
	}
	return testserver.Array(testserver.Bulk("master"), testserver.Int(offset), testserver.Array(all...))
}

// once returns the commands so far, repetitions of the pause left out.
func (r *rehearsal) once() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, n := range r.trail {
		if !strings.Contains(n.what, "PAUSE") || strings.Contains(n.what, "UNPAUSE") || !slices.Contains(all, n.what) {
			all = append(all, n.what)
		}
	}
	return all
}

// times returns when the commands with a name came.
func (r *rehearsal) times(what string) []time.Time {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []time.Time
	for _, n := range r.trail {
		if strings.HasPrefix(n.what, what) {
			all = append(all, n.at)
		}
	}
	return all
}

// did checks which commands came, but for how often the pause was prolonged.
func (r *rehearsal) did(want ...string) {
	r.t.Helper()
	if got := r.once(); !slices.Equal(got, want) {
		r.t.Errorf("the servers were sent %q, want %q", got, want)
	}
}

// failed checks that an error says all of this.
func (r *rehearsal) failed(err error, says ...string) {
	r.t.Helper()
	if err == nil {
		r.t.Fatal("no error")
	}
	for _, s := range append(says, "client: graceful failover: ") {
		if !strings.Contains(err.Error(), s) {
			r.t.Errorf("the error is %q, it does not say %q", err, s)
		}
	}
}

// hungUp checks that no connection is left.
func (r *rehearsal) hungUp() {
	r.t.Helper()
	synctest.Wait()
	if n := r.connections(); n != r.open {
		r.t.Errorf("%d connections, %d before", n, r.open)
	}
}

func (r *rehearsal) connections() int {
	n := 0
	for _, s := range r.group.Nodes() {
		n += s.Open()
	}
	for _, s := range r.group.Sentinels {
		n += s.Open()
	}
	return n
}

// What the servers are sent.
const (
	paused   = "master CLIENT PAUSE 4000 WRITE"
	unpaused = "master CLIENT UNPAUSE"
	ordered  = "sentinel SENTINEL FAILOVER mymaster"
	killed   = "master CLIENT KILL TYPE normal"
	killedPS = "master CLIENT KILL TYPE pubsub"
)

// demoted is the REPLICAOF that a failover ends with.
func (r *rehearsal) demoted() string {
	host, port, _ := net.SplitHostPort(r.next.Addr())
	return "master REPLICAOF " + host + " " + port
}
