package testredis

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// Defaults of TopologyOptions.
const (
	DefaultDownAfter       = time.Second
	DefaultFailoverTimeout = 8 * time.Second
	DefaultReadyTimeout    = time.Minute
)

// TopologyOptions configure real servers and sentinels. The zero value is one
// master "mymaster" with two replicas and three sentinels on 127.0.0.1.
type TopologyOptions struct {
	// Masters are the names of the masters, all watched by the same
	// sentinels; empty is DefaultMaster alone.
	Masters []string
	// Replicas of each master; zero is DefaultReplicas, negative none.
	Replicas int
	// MasterReplicas are exceptions from Replicas by the master's name.
	MasterReplicas map[string]int
	// Sentinels; zero is DefaultSentinels.
	Sentinels int
	// Quorum; zero is the majority.
	Quorum int

	// DownAfter is down-after-milliseconds. Zero is CalmDownAfter, and
	// DefaultDownAfter while a server is down: see Topology.Hasten.
	DownAfter time.Duration
	// FailoverTimeout is failover-timeout; zero is DefaultFailoverTimeout.
	FailoverTimeout time.Duration
	// Fast shortens the periods of the sentinels (SENTINEL DEBUG: info 1 s,
	// hello 500 ms): an old master is demoted after 2 to 4 s instead of 10.
	Fast bool

	// Password of the data servers' default user; replicas and sentinels use
	// it as well.
	Password string
	// Users are further ACL users of the data servers: "on >pw ~* &* +@all".
	Users map[string]string
	// SentinelPassword of the sentinels' default user.
	SentinelPassword string
	// SentinelUsers are further ACL users of the sentinels; see
	// RestrictedSentinelUser.
	SentinelUsers map[string]string
	// TLS of the data servers. The sentinels then speak TLS to each other and
	// to the servers as well, on ports that they announce; without
	// SentinelTLS clients use another port of theirs, which is not announced.
	TLS bool
	// SentinelTLS makes Node.Addr of a sentinel a TLS port. Without TLS it is
	// not announced. Data servers and sentinels have different authorities
	// unless both speak TLS.
	SentinelTLS bool

	// MinReplicas is min-replicas-to-write of every data server; zero is off.
	MinReplicas int
	// MinReplicasMaxLag is min-replicas-max-lag, in seconds; zero is the
	// server's default (10).
	MinReplicasMaxLag int

	// Host to listen on; empty is 127.0.0.1. For "::1" see HasIPv6.
	Host string
	// Hostnames makes everything announce "localhost" and the sentinels
	// resolve and announce it.
	Hostnames bool
	// Persist keeps data over a Restart (append-only file).
	Persist bool
	// ProxyData puts a Proxy before every data server, which is what the
	// sentinels know and announce; ProxySentinels one before every sentinel.
	ProxyData, ProxySentinels bool

	// DataConfig and SentinelConfig are further lines of configuration files.
	// "%s" in a sentinel's line is replaced by each master's name.
	DataConfig, SentinelConfig []string

	// ReadyTimeout bounds the start; zero is DefaultReadyTimeout.
	ReadyTimeout time.Duration
	// MaxLife bounds the life of all processes; zero is DefaultMaxLife.
	MaxLife time.Duration
}

// Topology is a running set of real servers and sentinels. Safe for
// concurrent use, but for AddSentinel and AddReplica.
//
// Its sentinels are in a hurry only while a test has taken a server away (see
// Hasten): on a busy machine they would fail over what is merely slow.
type Topology struct {
	// Data are the data servers, those of the first master first, each master
	// before its replicas (as it was at the start).
	Data []*Node
	// Sentinels are the sentinels.
	Sentinels []*Node
	// Names are the names of the masters.
	Names []string

	o           TopologyOptions
	forAll      bool // many tests share it
	rig         *rig
	pki         *testserver.PKI
	sentinelPKI *testserver.PKI
	temper      temper
	once        sync.Once
	err         error

	mu        sync.Mutex
	recorders []*Recorder
	proxies   []*testproxy.Proxy
}

// NewTopology starts a topology that ends with the test, and waits until it
// is ready. Without an installed redis-server it is Require.
func NewTopology(tb leak.TB, o TopologyOptions) *Topology {
	tb.Helper()
	Require(tb)
	t, err := StartTopology(o)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("%s", t.Logs(1500))
		}
		if err := t.Close(); err != nil {
			tb.Errorf("%v", err)
		}
	})
	return t
}

// StartTopology starts a topology and waits until it is ready: replicas are
// online, sentinels know each other and the replicas. The caller closes it.
func StartTopology(o TopologyOptions) (*Topology, error) { return startTopology(o, false) }

func startTopology(o TopologyOptions, forAll bool) (*Topology, error) {
	o.setDefaults()
	r, err := newRig(o.MaxLife)
	if err != nil {
		return nil, err
	}
	t := &Topology{o: o, rig: r, Names: o.Masters, forAll: forAll}
	if err := t.start(); err != nil {
		err = fmt.Errorf("%w\n%s", err, t.Logs(1000))
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (o *TopologyOptions) setDefaults() {
	if len(o.Masters) == 0 {
		o.Masters = []string{testgroup.DefaultMaster}
	}
	if o.Replicas == 0 {
		o.Replicas = testgroup.DefaultReplicas
	}
	if o.Sentinels == 0 {
		o.Sentinels = testgroup.DefaultSentinels
	}
	o.Sentinels = max(o.Sentinels, 0)
	if o.Quorum == 0 {
		o.Quorum = o.Sentinels/2 + 1
	}
	if o.FailoverTimeout == 0 {
		o.FailoverTimeout = DefaultFailoverTimeout
	}
	if o.ReadyTimeout == 0 {
		o.ReadyTimeout = DefaultReadyTimeout
	}
	o.Host = cmp.Or(o.Host, "127.0.0.1")
}

// replicas of a master.
func (o *TopologyOptions) replicas(name string) int {
	if n, ok := o.MasterReplicas[name]; ok {
		return max(n, 0)
	}
	return max(o.Replicas, 0)
}

func (t *Topology) start() error {
	var err error
	if t.pki, err = pkiIf(t.o.TLS, t.rig.dir, "tls"); err != nil {
		return err
	}
	t.sentinelPKI = t.pki
	if t.pki == nil {
		if t.sentinelPKI, err = pkiIf(t.o.SentinelTLS, t.rig.dir, "sentinel-tls"); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(t.o.ReadyTimeout)
	for _, name := range t.o.Masters {
		if err := t.startData(name); err != nil {
			return err
		}
	}
	for _, name := range t.o.Masters {
		if err := t.replicasReady(name, deadline); err != nil {
			return err
		}
	}
	for i := range t.o.Sentinels {
		if _, err := t.startSentinel(i); err != nil {
			return err
		}
	}
	return t.sentinelsReady(deadline)
}

// announced is the host by which nodes know each other.
func (t *Topology) announced() string {
	if t.o.Hostnames {
		return "localhost"
	}
	return t.o.Host
}

// startData starts a master and its replicas.
func (t *Topology) startData(name string) error {
	master, err := t.startServer(name, 0, nil)
	if err != nil {
		return err
	}
	for i := range t.o.replicas(name) {
		if _, err := t.startServer(name, i+1, master); err != nil {
			return err
		}
	}
	return nil
}

// startServer starts data server i of a master; without one it is a master.
func (t *Topology) startServer(name string, i int, master *Node) (*Node, error) {
	n := &Node{Name: fmt.Sprintf("%s-%d", name, i), Master: name, rig: t.rig, host: t.o.Host, password: t.o.Password, lost: t.Hasten, back: t.calm}
	if t.o.ProxyData {
		if err := t.proxyFor(n); err != nil {
			return nil, err
		}
	}
	n.config = dataConfig(n, t.o.Persist, t.o.Users, t.pki)
	n.config = append(n.config, t.dataLines(n, master)...)
	if err := n.start(); err != nil {
		return nil, err
	}
	if n.proxy != nil {
		n.proxy.SetTarget(n.Direct())
	}
	t.Data = append(t.Data, n)
	return n, nil
}

// proxyFor puts a proxy before a node that does not run yet.
func (t *Topology) proxyFor(n *Node) error {
	start := testproxy.StartOn
	if t.forAll {
		start = testproxy.StartForAll
	}
	p, err := start(n.host, "")
	if err != nil {
		return err
	}
	n.proxy = p
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proxies = append(t.proxies, p)
	return nil
}

// dataLines is what makes a data server part of this topology.
func (t *Topology) dataLines(n, master *Node) []string {
	lines := []string{"replica-announce-ip " + t.announced()}
	if n.proxy != nil {
		lines = append(lines, fmt.Sprintf("replica-announce-port %d", n.Port()))
	}
	if master != nil {
		lines = append(lines, fmt.Sprintf("replicaof %s %d", t.announced(), master.Port()))
	}
	if t.o.MinReplicas > 0 {
		lines = append(lines, fmt.Sprintf("min-replicas-to-write %d", t.o.MinReplicas))
	}
	if t.o.MinReplicasMaxLag > 0 {
		lines = append(lines, fmt.Sprintf("min-replicas-max-lag %d", t.o.MinReplicasMaxLag))
	}
	return append(lines, t.o.DataConfig...)
}

// startSentinel starts sentinel i.
func (t *Topology) startSentinel(i int) (*Node, error) {
	n := &Node{Name: fmt.Sprintf("sentinel-%d", i), sentinel: true, rig: t.rig, host: t.o.Host, password: t.o.SentinelPassword}
	if t.o.ProxySentinels {
		if err := t.proxyFor(n); err != nil {
			return nil, err
		}
	}
	lines, err := t.sentinelLines(n)
	if err != nil {
		return nil, err
	}
	n.config = lines
	if err := n.start(); err != nil {
		return nil, err
	}
	if n.proxy != nil {
		n.proxy.SetTarget(n.Direct())
	}
	t.Sentinels = append(t.Sentinels, n)
	return n, nil
}

// AddSentinel starts one more sentinel and waits until all know it. Nothing
// else may use the topology meanwhile.
func (t *Topology) AddSentinel() (*Node, error) {
	n, err := t.startSentinel(len(t.Sentinels))
	if err != nil {
		return nil, err
	}
	return n, t.sentinelsReady(time.Now().Add(t.o.ReadyTimeout))
}

// AddReplica starts one more replica of a master ("" is the first) and waits
// until the sentinels know it. Nothing else may use the topology meanwhile.
func (t *Topology) AddReplica(name string) (*Node, error) {
	name = cmp.Or(name, t.Names[0])
	master, err := t.CurrentMaster(name)
	if err != nil {
		return nil, err
	}
	n, err := t.startServer(name, len(t.Of(name)), master)
	if err != nil {
		return nil, err
	}
	return n, t.sentinelsReady(time.Now().Add(t.o.ReadyTimeout))
}

// Close ends everything: recorders, processes, proxies, directories.
func (t *Topology) Close() error {
	t.once.Do(func() {
		t.closeTemper()
		t.mu.Lock()
		recorders, proxies := t.recorders, t.proxies
		t.mu.Unlock()
		for _, r := range recorders {
			r.Close()
		}
		for _, n := range t.all() {
			n.hangUp()
		}
		t.err = t.rig.close()
		for _, p := range proxies {
			p.Close()
		}
	})
	return t.err
}

func (t *Topology) all() []*Node { return append(slices.Clone(t.Data), t.Sentinels...) }

// Logs returns the last bytes of the logs of all nodes.
func (t *Topology) Logs(bytes int) string {
	var b strings.Builder
	for _, n := range t.all() {
		fmt.Fprintf(&b, "--- %s %s pid %d\n%s\n", n.Name, n.Direct(), n.Pid(), n.Log(bytes))
	}
	return b.String()
}

// SentinelAddrs returns the addresses of the sentinels for clients.
func (t *Topology) SentinelAddrs() []string {
	addrs := make([]string, len(t.Sentinels))
	for i, s := range t.Sentinels {
		addrs[i] = s.Addr()
	}
	return addrs
}

// ClientTLS returns the TLS configuration for clients of the data servers,
// nil without TLS.
func (t *Topology) ClientTLS() *tls.Config {
	if t.pki == nil {
		return nil
	}
	return t.pki.Client()
}

// SentinelClientTLS returns the TLS configuration for clients of the
// sentinels, nil without SentinelTLS.
func (t *Topology) SentinelClientTLS() *tls.Config {
	if !t.o.SentinelTLS {
		return nil
	}
	return t.sentinelPKI.Client()
}

// Of returns the data servers of a master; "" is the first.
func (t *Topology) Of(name string) []*Node {
	name = cmp.Or(name, t.Names[0])
	return slices.DeleteFunc(slices.Clone(t.Data), func(n *Node) bool { return n.Master != name })
}
