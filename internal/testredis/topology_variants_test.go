package testredis

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// failsOver does one planned failover and expects the data to be there.
func failsOver(t *testing.T, topo *Topology) {
	t.Helper()
	m, err := topo.CurrentMaster("")
	if err != nil {
		t.Fatal(err)
	}
	m.MustDo(t, "SET", "k", "v")
	next, err := topo.Failover(within(t, patience))
	if err != nil {
		t.Fatal(err)
	}
	if got := next.MustDo(t, "GET", "k").Str; got != "v" {
		t.Errorf("got %q", got)
	}
}

func TestTopologyWithPasswordsUsersAndARestrictedSentinelUser(t *testing.T) {
	leak.Check(t)
	topo := NewTopology(t, TopologyOptions{
		Replicas: 1, Password: "pw", SentinelPassword: "spw", Fast: true, MinReplicas: 1, MinReplicasMaxLag: 2,
		Users:         map[string]string{"app": "on >secret ~* &* +@all"},
		SentinelUsers: map[string]string{"watcher": RestrictedSentinelUser},
	})
	c, err := testserver.DialClient("tcp", topo.Sentinels[0].Addr(), nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Do("PING"); err == nil {
		t.Error("a sentinel answers without a password")
	}
	if _, err := c.Do("AUTH", "watcher", "restricted"); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"); err != nil || r.Elems[1].Str != fmt.Sprint(topo.Data[0].Port()) {
		t.Errorf("%v, %v", r, err)
	}
	var re testserver.ReplyError
	if _, err := c.Do("SUBSCRIBE", "+switch-master"); !errors.As(err, &re) || !strings.HasPrefix(string(re), "NOPERM") {
		t.Errorf("SUBSCRIBE: %v", err)
	}
	d, err := testserver.DialClient("tcp", topo.Data[0].Addr(), nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Do("AUTH", "app", "secret"); err != nil {
		t.Error(err)
	}
	failsOver(t, topo)
	m, _ := topo.CurrentMaster("")
	replicas, err := topo.Replicas("")
	if err != nil || len(replicas) != 1 {
		t.Fatal(replicas, err)
	}
	if err := topo.WaitReplica(within(t, patience), replicas[0]); err != nil {
		t.Fatal(err)
	}
	replicas[0].Kill()
	leak.Eventually(t, 0, "NOREPLICAS", func() bool {
		_, err := m.Do("SET", "k", "2")
		return errors.As(err, &re) && strings.HasPrefix(string(re), "NOREPLICAS")
	})
}

func TestTopologyWithTLS(t *testing.T) {
	leak.Check(t)
	for _, tc := range []struct{ data, sentinels bool }{{true, true}, {true, false}, {false, true}} {
		t.Run(fmt.Sprintf("data %v sentinels %v", tc.data, tc.sentinels), func(t *testing.T) {
			topo := NewTopology(t, TopologyOptions{Replicas: 1, TLS: tc.data, SentinelTLS: tc.sentinels})
			if tc.data != (topo.ClientTLS() != nil) || tc.sentinels != (topo.SentinelClientTLS() != nil) {
				t.Error("client configurations")
			}
			c, err := testserver.DialClient("tcp", topo.Sentinels[0].Addr(), topo.SentinelClientTLS(), 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if r, err := c.Do("PING"); err != nil || r.Str != "PONG" {
				t.Errorf("sentinel: %v, %v", r, err)
			}
			failsOver(t, topo)
		})
	}
}

func TestTopologyWithHostnames(t *testing.T) {
	leak.Check(t)
	topo := NewTopology(t, TopologyOptions{Replicas: 1, Hostnames: true})
	r := topo.Sentinels[0].MustDo(t, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
	if r.Elems[0].Str != "localhost" {
		t.Errorf("announced %v", r)
	}
	failsOver(t, topo)
}

func TestTopologyOnIPv6(t *testing.T) {
	if !HasIPv6() {
		t.Skip("no ::1 here")
	}
	leak.Check(t)
	topo := NewTopology(t, TopologyOptions{Replicas: 1, Host: "::1"})
	if r := topo.Sentinels[0].MustDo(t, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"); r.Elems[0].Str != "::1" {
		t.Errorf("announced %v", r)
	}
	failsOver(t, topo)
}

func TestTopologyWithManyMastersOnOneTrio(t *testing.T) {
	leak.Check(t)
	o := TopologyOptions{Replicas: -1, MasterReplicas: map[string]int{"m0": 1}}
	for i := range 8 {
		o.Masters = append(o.Masters, fmt.Sprintf("m%d", i))
	}
	topo := NewTopology(t, o)
	if len(topo.Data) != 9 || len(topo.Of("m0")) != 2 || len(topo.Of("m7")) != 1 {
		t.Fatalf("%d data servers", len(topo.Data))
	}
	failsOver(t, topo)
	if m, err := topo.CurrentMaster("m7"); err != nil || m != topo.Of("m7")[0] {
		t.Errorf("%v, %v", m, err)
	}
	if e, err := topo.Epoch(0, "m7"); err != nil || e != 0 {
		t.Errorf("epoch of m7 is %d, %v", e, err)
	}
}

func TestTopologyBehindProxiesCanBeCutFromTheSentinelsOnly(t *testing.T) {
	leak.Check(t)
	topo := NewTopology(t, TopologyOptions{ProxyData: true, ProxySentinels: true, Fast: true})
	rec := NewRecorder(t, topo)
	old, err := topo.CurrentMaster("")
	if err != nil || old.Proxy() == nil || old.Addr() == old.Direct() {
		t.Fatal(old, err)
	}
	if s := topo.Sentinels[1].MustDo(t, "SENTINEL", "SENTINELS", "mymaster"); s.Elems[0].Map()["port"].Str != portOf(topo.Sentinels[0].Addr()) && s.Elems[0].Map()["port"].Str != portOf(topo.Sentinels[2].Addr()) {
		t.Errorf("sentinels announce %v", s)
	}
	c, err := testserver.DialClient("tcp", old.Addr(), nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	start := time.Now()
	old.Proxy().SetFor(testproxy.BlackHole, (*testproxy.Conn).Internal)
	topo.Hasten()
	ctx := within(t, patience)
	first, err := rec.Switch(ctx, "", start)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("switch after %v: %v", first.At.Sub(start), first)
	if r, err := c.Do("SET", "k", "lost"); err != nil || r.Str != "OK" {
		t.Errorf("the cut-off master: %v, %v", r, err)
	}
	if _, err := topo.WaitSwitch(ctx, "", old); err != nil {
		t.Error(err)
	}
	old.Proxy().SetFor(testproxy.Pass, nil)
	if err := topo.WaitReplica(ctx, old); err != nil {
		t.Error(err)
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func TestTopologyDemoteAndBreakSync(t *testing.T) {
	leak.Check(t)
	topo := NewTopology(t, TopologyOptions{Password: "pw", Sentinels: 1})
	old := topo.Data[0]
	if err := topo.Demote(old); err == nil {
		t.Error("demoted the master")
	}
	next, err := topo.Failover(within(t, patience))
	if err != nil {
		t.Fatal(err)
	}
	if !old.IsMaster() {
		t.Error("the old master was demoted at once; this test proves nothing")
	}
	if err := topo.Demote(old); err != nil {
		t.Fatal(err)
	}
	if err := topo.WaitReplica(within(t, patience), old); err != nil {
		t.Fatal(err)
	}
	if err := topo.BreakSync(old); err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, 0, "a broken link", func() bool {
		r, err := old.Do("ROLE")
		return err == nil && r.Elems[3].Str != "connected"
	})
	if !next.IsMaster() {
		t.Error("the new master is none")
	}
}

func TestRecorderReconnectsAndUnderstandsPayloads(t *testing.T) {
	leak.Check(t)
	topo := NewTopology(t, TopologyOptions{Replicas: -1, Sentinels: 1})
	rec := NewRecorder(t, topo)
	if err := topo.Sentinels[0].Restart(); err != nil {
		t.Fatal(err)
	}
	topo.Sentinels[0].MustDo(t, "SENTINEL", "RESET", "mymaster")
	leak.Eventually(t, 0, "an event after the restart", func() bool {
		topo.Sentinels[0].MustDo(t, "SENTINEL", "RESET", "mymaster")
		return len(rec.Events()) > 0
	})
	for _, tc := range []struct{ name, payload, master, to string }{
		{"+switch-master", "mm 127.0.0.1 1 ::1 2", "mm", "[::1]:2"},
		{"+sdown", "master mm 127.0.0.1 1", "mm", ""},
		{"+slave", "slave 127.0.0.1:2 127.0.0.1 2 @ mm 127.0.0.1 1", "mm", ""},
		{"+new-epoch", "7", "", ""},
	} {
		e := Event{Name: tc.name, Payload: tc.payload}
		if e.Master() != tc.master || e.To() != tc.to {
			t.Errorf("%v: master %q, to %q", e, e.Master(), e.To())
		}
	}
}

func TestSharedTopologyIsRestoredBetweenTests(t *testing.T) {
	leak.Check(t)
	shared := &SharedTopology{Options: TopologyOptions{Replicas: 1, Fast: true, ProxyData: true}}
	defer func() {
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
	}()
	topo := shared.Topology(t)
	old, err := topo.CurrentMaster("")
	if err != nil {
		t.Fatal(err)
	}
	old.Kill()
	if _, err := topo.WaitSwitch(within(t, patience), "", old); err != nil {
		t.Fatal(err)
	}
	if err := topo.Sentinels[1].Stop(); err != nil {
		t.Fatal(err)
	}
	if err := old.Proxy().Set(testproxy.Refuse); err != nil {
		t.Fatal(err)
	}
	again := shared.Topology(t)
	master, err := again.CurrentMaster("")
	if err != nil {
		t.Fatal(err)
	}
	replicas, err := again.Replicas("")
	if err != nil || again != topo || !old.Running() || !master.IsMaster() || len(replicas) != 1 || replicas[0].IsMaster() {
		t.Errorf("not restored: %v", err)
	}
	added, err := topo.AddSentinel()
	if err != nil {
		t.Fatal(err)
	}
	replica, err := topo.AddReplica("")
	if err != nil {
		t.Fatal(err)
	}
	// A loaded machine may have made the sentinels fail over once more.
	if e, err := topo.Epoch(3, ""); err != nil || e < 1 || added != topo.Sentinels[3] || replica != topo.Data[2] {
		t.Errorf("the new sentinel has epoch %d, %v", e, err)
	}
	if err := topo.Sentinels[0].RestartFresh(); err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, patience, "a fresh sentinel that learns", func() bool {
		e, err := topo.Epoch(0, "")
		return err == nil && e >= 1
	})
}

func TestAConnectionThatIsLeftInASharedTopologyIsTold(t *testing.T) {
	shared := &SharedTopology{Options: TopologyOptions{Replicas: 1, Fast: true, ProxyData: true}}
	defer func() {
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
	}()
	topo := shared.Topology(t)
	proxy := topo.Data[0].Proxy()
	f := &leak.Fake{TestName: t.Name()}
	var left net.Conn
	f.Run(func() {
		topo.checkConns(f, 50*time.Millisecond)
		left = testserver.Dial(t, "tcp", proxy.Addr())
		testserver.Talk(t, left, testserver.Bulks("PING"), "+PONG\r\n")
	})
	if len(f.Errors) != 1 || !strings.Contains(f.Errors[0], left.LocalAddr().String()) {
		t.Errorf("left %v, told %q", left.LocalAddr(), f.Errors)
	}
	_ = left.Close()
	f = &leak.Fake{TestName: t.Name()}
	f.Run(func() {
		topo.checkConns(f, patience)
		own := testserver.Dial(t, "tcp", proxy.Addr())
		testserver.Talk(t, own, testserver.Bulks("PING"), "+PONG\r\n")
		proxy.Reset() // the replica and the sentinels come again
		_ = own.Close()
		leak.Eventually(t, patience, "they have come", func() bool { return len(proxy.Conns()) > 2 })
	})
	if len(f.Errors) != 0 {
		t.Errorf("told %q", f.Errors)
	}
}
