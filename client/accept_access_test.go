package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// switches checks that a client follows a planned failover within bound of T,
// and works afterwards.
func (s *scenario) switches(top *testredis.Topology, rec *testredis.Recorder, c *client.Client, what string, bound time.Duration) {
	s.Helper()
	was := c.Master()
	old := s.master(top)
	s.must(redis.Set("k", "v").Do(s.ctx, c))
	began := time.Now()
	s.must(top.SentinelFailover(0))
	first := s.switched(rec, began)
	moved := s.until("the switch", func() bool { return c.Master() != was })
	s.within(what, moved.Sub(first.At), bound)
	s.must(redis.Set("k", "v").Do(s.ctx, c))
	s.settled(top, old)
}

func TestA31PasswordsUsersAndASentinelUserThatMayNotSubscribe(t *testing.T) {
	s := accept(t, "A31", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{
		Password: "pw", SentinelPassword: "spw", Fast: true,
		Users:         map[string]string{"app": "on >secret ~* &* +@all"},
		SentinelUsers: map[string]string{"watcher": testredis.RestrictedSentinelUser},
	})
	o := client.Options{}
	o.Pool.Conn.Username, o.Pool.Conn.Password = "app", "secret"
	o.Group.Conn.Password = "spw"
	c := s.client(top, o)
	o.Group.Conn.Username, o.Group.Conn.Password = "watcher", "restricted"
	deaf := s.client(top, o)
	s.must(redis.Set("k", "v").Do(s.ctx, deaf))

	was := c.Master()
	began := time.Now()
	s.must(top.SentinelFailover(0))
	first := s.switched(rec, began)
	moved := s.until("the switch", func() bool { return c.Master() != was })
	s.within("switch after T", moved.Sub(first.At), 100*time.Millisecond)
	moved = s.until("the switch by polling", func() bool { return deaf.Master() != was })
	s.within("switch after T by polling (250 ms + 20 % + 100 ms)", moved.Sub(first.At), 400*time.Millisecond)
	s.must(redis.Set("k", "v").Do(s.ctx, deaf))

	o.Group.Conn.Password = "wrong"
	_, err := s.open(top, o)
	s.namesEverySentinel(top, err)
	o.Group.Conn.Username, o.Group.Conn.Password = "", ""
	_, err = s.open(top, o)
	s.namesEverySentinel(top, err)
	o.Group.Conn.Password = "spw"
	o.Pool.Conn.Password = "wrong"
	d := s.client(top, o)
	err = redis.Set("k", "v").Do(s.ctx, d)
	if auth, ok := errors.AsType[*conn.AuthError](err); !ok || auth.Addr != d.Master() {
		s.Errorf("wrong password of a server: %v", err)
	}
}

// namesEverySentinel checks that an error says which sentinel refused which
// credentials, and shows none.
func (s *scenario) namesEverySentinel(top *testredis.Topology, err error) {
	s.Helper()
	if _, ok := errors.AsType[*conn.AuthError](err); !ok {
		s.Errorf("wrong credentials: %v", err)
		return
	}
	for _, addr := range top.SentinelAddrs() {
		if !strings.Contains(err.Error(), addr) {
			s.Errorf("%s is not named in: %v", addr, err)
		}
	}
	if strings.Contains(err.Error(), "wrong\"") || strings.Contains(err.Error(), "restricted") {
		s.Errorf("a password is shown in: %v", err)
	}
}

func TestA32TLSWithAuthoritiesOfTheirOwn(t *testing.T) {
	for _, tc := range []struct {
		name            string
		data, sentinels bool
	}{{"both", true, true}, {"servers", true, false}, {"sentinels", false, true}} {
		t.Run(tc.name, func(t *testing.T) {
			s := accept(t, "A32", time.Minute)
			top, rec := s.topology(testredis.TopologyOptions{Replicas: 1, TLS: tc.data, SentinelTLS: tc.sentinels})
			o := client.Options{}
			o.Pool.Conn.TLS = top.ClientTLS()
			o.Group.Conn.TLS = top.SentinelClientTLS()
			s.switches(top, rec, s.client(top, o), "switch after T, TLS on "+tc.name, 100*time.Millisecond)
		})
	}
}

func TestA32AContextEndsAHandshake(t *testing.T) {
	s := accept(t, "A32", time.Minute)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	s.must(err)
	defer silent.Close()
	o := client.Options{Master: "m", Group: sentinel.GroupOptions{Sentinels: []string{silent.Addr().String()}}}
	o.Group.Conn.TLS = &tls.Config{ServerName: "localhost"}
	o.Group.Conn.DialTimeout = 20 * time.Second
	ctx, cancel := context.WithCancel(s.ctx)
	var cancelled time.Time
	timer := time.AfterFunc(100*time.Millisecond, func() { cancelled = time.Now(); cancel() })
	defer timer.Stop()
	_, err = client.Open(ctx, o)
	s.within("Open returns after its context has ended", time.Since(cancelled), 50*time.Millisecond)
	if !errors.Is(err, context.Canceled) {
		s.Errorf("the error is %v", err)
	}
}

func TestA33HostnamesAreFollowed(t *testing.T) {
	s := accept(t, "A33", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Hostnames: true})
	heard := &events{}
	c := s.client(top, client.Options{Group: sentinel.GroupOptions{OnEvent: heard.add}})
	if !strings.HasPrefix(c.Master(), "localhost:") {
		s.Errorf("the master is at %s", c.Master())
	}
	s.crash(top, rec, c)
	s.steady("generations, hostnames", int(c.Generation()), 1+int(c.Epoch())) // under load the sentinels may fail over once more
}

// crash is A6 with another way to the servers.
func (s *scenario) crash(top *testredis.Topology, rec *testredis.Recorder, c *client.Client) {
	s.Helper()
	w := s.startWriters(c, writerCount, callTimeout)
	old := s.master(top)
	killed := time.Now()
	old.Kill()
	s.afterCrash(w, top, rec, killed)
}

func TestA33IPv6IsFollowed(t *testing.T) {
	if !testredis.HasIPv6() {
		t.Skip("no IPv6 here")
	}
	s := accept(t, "A33", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Host: "::1"})
	c := s.client(top, client.Options{})
	if !strings.HasPrefix(c.Master(), "[::1]:") {
		s.Errorf("the master is at %s", c.Master())
	}
	s.crash(top, rec, c)
	s.steady("generations, IPv6", int(c.Generation()), 1+int(c.Epoch())) // under load the sentinels may fail over once more
}

// nat is a network in which nothing can be reached at the address that it
// announces: each has a proxy in front.
type nat struct {
	mu    sync.Mutex
	start func(addr string) *testproxy.Proxy
	front map[string]*testproxy.Proxy
}

func (n *nat) translate(_ sentinel.AddrKind, addr string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.front[addr] == nil {
		n.front[addr] = n.start(addr)
	}
	return n.front[addr].Addr()
}

func TestA33EveryAddressOfASentinelIsMapped(t *testing.T) {
	s := accept(t, "A33", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{})
	n := &nat{front: map[string]*testproxy.Proxy{}, start: func(addr string) *testproxy.Proxy { return testproxy.New(s, addr) }}
	counter := &dials{}
	o := client.Options{Group: sentinel.GroupOptions{AddrMap: n.translate}}
	for _, addr := range top.SentinelAddrs() {
		o.Group.Sentinels = append(o.Group.Sentinels, n.translate(sentinel.AddrSentinel, addr))
	}
	o.Group.Conn.Dial, o.Pool.Conn.Dial = counter.dial, counter.dial
	c := s.client(top, o)
	s.crash(top, rec, c)
	for _, node := range append(top.Data, top.Sentinels...) {
		s.atMost("dials past the map to "+node.Name, counter.since(node.Addr(), time.Time{}), 0)
	}
	s.steady("generations, mapped", int(c.Generation()), 1+int(c.Epoch())) // under load the sentinels may fail over once more
}
