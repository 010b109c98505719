package testgroup

import (
	"strings"

	"github.com/kermes-redis/kermes/internal/testserver"
)

// fields encodes an instance: a map in RESP3, a flat array in RESP2; every
// value is a bulk string.
func fields(c *testserver.Peer, kv []string) string {
	parts := make([]string, len(kv))
	for i := range kv {
		parts[i] = testserver.Bulk(kv[i])
	}
	if c.Proto() == 3 {
		return testserver.Map(parts...)
	}
	return testserver.Array(parts...)
}

// instance is the part that all kinds have in common.
func (s *Sentinel) instance(name, addr, runID, flags string, down bool) []string {
	host, port := hostPort(addr)
	kv := []string{
		"name", name, "ip", host, "port", port, "runid", runID, "flags", flags,
		"link-pending-commands", "0", "link-refcount", "1",
		"last-ping-sent", "0", "last-ok-ping-reply", "404", "last-ping-reply", "404",
	}
	if down {
		kv = append(kv, "s-down-time", "1000")
	}
	return append(kv, "down-after-milliseconds", "1000")
}

// node returns the data server with an address.
func (m *MasterSet) node(addr string) *Node {
	for _, n := range m.nodes {
		if n.Addr() == addr {
			return n
		}
	}
	return nil
}

// masterFields is SENTINEL MASTER: at the leader the old address until the
// end, with the new epoch before.
func (s *Sentinel) masterFields(m *MasterSet) []string {
	v, runID, down := s.view(m), "", false
	if n := m.node(v.addr); n != nil {
		runID, down = n.runID, n.sdown
	}
	flags := "master"
	if down {
		flags = "s_down,o_down,master,disconnected"
	}
	if v.failover {
		flags += ",failover_in_progress"
	}
	if v.coordinated {
		flags += ",coordinated_failover"
	}
	others, replicas := len(s.e.Sentinels)-1, len(s.replicas(m))
	if v.alone {
		others = 0
	}
	kv := s.instance(m.name, v.addr, runID, flags, down)
	return append(kv, "info-refresh", "3499", "role-reported", "master", "role-reported-time", "3505",
		"config-epoch", itoa(v.epoch), "num-slaves", itoa(int64(replicas)), "num-other-sentinels", itoa(int64(others)),
		"quorum", itoa(int64(s.e.o.Quorum)), "failover-timeout", "8000", "parallel-syncs", "1")
}

// replicas are the nodes that s takes for replicas.
func (s *Sentinel) replicas(m *MasterSet) []*Node {
	v := s.view(m)
	if v.alone {
		return nil
	}
	var rs []*Node
	for _, n := range m.nodes {
		if n.Addr() != v.addr {
			rs = append(rs, n)
		}
	}
	return rs
}

func (s *Sentinel) replicaFields(m *MasterSet, n *Node) []string {
	v := s.view(m)
	flags := []string{"slave"}
	if n.sdown {
		flags = []string{"s_down", "slave", "disconnected"}
	}
	if v.promoted == n.Addr() {
		flags = append(flags, "promoted")
	}
	role, link, downTime, host, port := "slave", "ok", "0", "?", "0"
	if n.master == nil {
		role, link = "master", "err"
	} else {
		host, port = hostPort(n.master.Addr())
	}
	if n.master != nil && n.master.down {
		link, downTime = "err", "1000"
	}
	kv := s.instance(n.Addr(), n.Addr(), n.runID, strings.Join(flags, ","), n.sdown)
	return append(kv, "info-refresh", "350", "role-reported", role, "role-reported-time", "3505",
		"master-link-down-time", downTime, "master-link-status", link, "master-host", host, "master-port", port,
		"slave-priority", "100", "slave-repl-offset", itoa(n.dataset().writes), "replica-announced", "1")
}

func (s *Sentinel) sentinelFields() []string {
	flags, down := "sentinel", s.down || s.hung
	if down {
		flags = "s_down,sentinel,disconnected"
	}
	kv := s.instance(s.id, s.Addr(), s.id, flags, down)
	return append(kv, "last-hello-message", "1500", "voted-leader", "?", "voted-leader-epoch", "0")
}
