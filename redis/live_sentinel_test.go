package redis

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
)

func TestSentinelCommandsOnARealSentinel(t *testing.T) {
	top := sentinels.Topology(t)
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			c, err := conn.Dial(t.Context(), conn.Options{Addr: top.Sentinels[0].Addr(), Protocol: proto, Sentinel: true})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			sentinelReads(t, c, top)
			sentinelWrites(t, c)
		})
	}
}

func sentinelReads(t *testing.T, c *conn.Conn, top *testredis.Topology) {
	name := top.Names[0]
	addr := get(t, c, SentinelMasterAddr(name))
	master := top.Data[slices.IndexFunc(top.Data, func(n *testredis.Node) bool { return n.Addr() == addr })]
	fails(t, c, SentinelMasterAddr("none"), ErrNil)

	m := get(t, c, SentinelMaster(name))
	check(t, "the master", m.Name == name && m.Addr() == addr && m.Has("master") && !m.Has("o_down") && len(m.RunID) == 40 &&
		m.Quorum == 1 && m.Replicas == 1 && m.Sentinels == 1 && m.DownAfter == testredis.CalmDownAfter &&
		m.FailoverTimeout == testredis.DefaultFailoverTimeout && m.ParallelSyncs == 1 && m.Fields["role-reported"] == "master")
	refused(t, c, SentinelMaster("none"), "No such master")
	ms := get(t, c, SentinelMasters())
	check(t, "all masters", len(ms) == 1 && ms[0].RunID == m.RunID)
	leak.Eventually(t, leak.DefaultWait, "the replica has said what it is", func() bool {
		rs := get(t, c, SentinelReplicas(name))
		return len(rs) == 1 && rs[0].Has("slave") && rs[0].MasterAddr == addr && rs[0].MasterLink == "ok" && rs[0].Priority == 100 && rs[0].Offset > 0
	})
	ss := get(t, c, SentinelSentinels(name))
	check(t, "the other sentinel", len(ss) == 1 && ss[0].Addr() == top.Sentinels[1].Addr() && ss[0].Has("sentinel"))
	check(t, "its id", len(get(t, c, SentinelMyID())) == 40 && get(t, c, SentinelMyID()) != ss[0].RunID)
	check(t, "the quorum", get(t, c, SentinelCkQuorum(name)) == "OK 2 usable Sentinels. Quorum and failover authorization can be reached")
	refused(t, c, SentinelCkQuorum("none"), "No such master")
	down := get(t, c, SentinelIsMasterDown(master.Host(), master.Port(), 0, ""))
	check(t, "not down", !down.Down && down.Leader == "*")
	leak.Eventually(t, leak.DefaultWait, "both servers have said what they are", func() bool {
		cache := get(t, c, SentinelInfoCache(name))[name]
		return len(cache) == 2 && cache[0].Info["role"] == "master" && cache[1].Info["role"] == "slave" && cache[0].Age >= 0
	})
	want(t, c, SentinelPendingScripts(), []PendingScript{})
	check(t, "periods", get(t, c, SentinelDebugGet())["PING-PERIOD"] >= time.Millisecond)
	want(t, c, SentinelConfigGet("resolve-hostnames"), map[string]string{"resolve-hostnames": "no"})
	check(t, "role", slices.Equal(get(t, c, Role()).Masters, []string{name}))
}

func sentinelWrites(t *testing.T, c *conn.Conn) {
	ok(t, c, SentinelMonitor("other", "127.0.0.1", 1, 1))
	refused(t, c, SentinelMonitor("other", "127.0.0.1", 1, 1).Cmd(), "Duplicate")
	ok(t, c, SentinelSet("other", "quorum", "2", "down-after-milliseconds", "60000"))
	m := get(t, c, SentinelMaster("other"))
	check(t, "set", m.Quorum == 2 && m.DownAfter.Seconds() == 60)
	refused(t, c, SentinelSet("other", "none", "1").Cmd(), "Unknown option")
	refused(t, c, SentinelFailover("other").Cmd(), "NOGOODSLAVE")
	refused(t, c, SentinelCkQuorum("other"), "NOQUORUM")
	want(t, c, SentinelReset("oth*"), 1)
	want(t, c, SentinelReset("none"), 0)
	ok(t, c, SentinelRemove("other"))
	refused(t, c, SentinelRemove("other").Cmd(), "No such master")
	ok(t, c, SentinelConfigSet("resolve-hostnames", "no"))
	refused(t, c, SentinelConfigSet("none", "1").Cmd(), "Invalid argument")
	ok(t, c, SentinelFlushConfig())
	ok(t, c, SentinelDebugSet("script-max-runtime", time.Minute))
	ok(t, c, SentinelSimulateFailure(CrashAfterPromotion))
	refused(t, c, SentinelSimulateFailure("none").Cmd(), "Unknown failure")
}

func TestASentinelFailsOverWhenToldTo(t *testing.T) {
	top := sentinels.Topology(t)
	name := top.Names[0]
	c, err := conn.Dial(t.Context(), conn.Options{Addr: top.Sentinels[1].Addr(), Sentinel: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := get(t, c, SentinelMasterAddr(name))
	ok(t, c, SentinelFailover(name))
	refused(t, c, SentinelFailover(name).Cmd(), "INPROG")
	leak.Eventually(t, leak.DefaultWait, "the replica is the master", func() bool {
		return get(t, c, SentinelMasterAddr(name)) != before
	})
}
