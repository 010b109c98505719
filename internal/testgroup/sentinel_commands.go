package testgroup

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/kermes-redis/kermes/internal/testserver"
)

const errNoSuchMaster = "ERR No such master with that name"

// cmdSentinel answers SENTINEL as 7.0 does.
func (s *Sentinel) cmdSentinel(c *testserver.Peer, args []string) {
	if len(args) < 2 {
		c.Write(testserver.WrongNumber(args))
		return
	}
	sub := strings.ToLower(args[1])
	want, ok := sentinelArity[sub]
	if !ok {
		c.Error("ERR unknown subcommand '" + testserver.OneLine(testserver.Clip(args[1], 128)) + "'. Try SENTINEL HELP.")
		return
	}
	if want >= 0 && len(args) != want+2 || want < 0 && len(args) < 2-want {
		c.Error("ERR wrong number of arguments for 'sentinel|" + sub + "' command")
		return
	}
	if sub == "failover" {
		how := plain
		switch {
		case len(args) == 4 && strings.EqualFold(args[3], "coordinated"):
			how = coordinated
		case len(args) > 3:
			c.Error("ERR syntax error")
			return
		}
		s.cmdFailover(c, args[2], how)
		return
	}
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	if s.answerGlobal(c, sub, args) {
		return
	}
	m := s.known(args[2])
	if m == nil {
		if sub == "get-master-addr-by-name" {
			c.NullArray()
			return
		}
		c.Error(errNoSuchMaster)
		return
	}
	s.answerAbout(c, sub, m)
}

// sentinelArity is the number of arguments of each subcommand; negative: at
// least so many.
var sentinelArity = map[string]int{
	"masters": 0, "master": 1, "replicas": 1, "slaves": 1, "sentinels": 1, "get-master-addr-by-name": 1,
	"ckquorum": 1, "failover": -1, "reset": 1, "myid": 0, "flushconfig": 0, "pending-scripts": 0, "info-cache": -1,
	"remove": 1, "monitor": 4, "set": -3, "config": -2, "debug": 0, "is-master-down-by-addr": 4, "simulate-failure": -1,
}

// answerGlobal answers what is not about one known master.
func (s *Sentinel) answerGlobal(c *testserver.Peer, sub string, args []string) bool {
	switch sub {
	case "masters":
		var all []string
		for _, m := range s.e.sets {
			if !s.view(m).unknown {
				all = append(all, fields(c, s.masterFields(m)))
			}
		}
		c.Array(all...)
	case "myid":
		c.Bulk(s.id)
	case "flushconfig", "config", "debug", "simulate-failure":
		c.Text("OK")
	case "pending-scripts", "info-cache":
		c.Array()
	case "is-master-down-by-addr":
		c.Array(testserver.Int(s.downByAddr(args[2]+":"+args[3])), testserver.Bulk("*"), testserver.Int(0))
	case "reset":
		n := int64(0)
		for _, m := range s.e.sets {
			if !s.view(m).unknown && testserver.Glob(args[2], m.name) {
				n++
				s.reset(m)
			}
		}
		c.Int(n)
	case "monitor":
		s.monitor(c, args)
	default:
		return false
	}
	return true
}

// answerAbout answers what is about one master.
func (s *Sentinel) answerAbout(c *testserver.Peer, sub string, m *MasterSet) {
	v := s.view(m)
	switch sub {
	case "get-master-addr-by-name":
		host, port := hostPort(cmp.Or(v.promoted, v.addr))
		c.Bulks(host, port)
	case "master":
		c.Write(fields(c, s.masterFields(m)))
	case "replicas", "slaves":
		var all []string
		for _, n := range s.replicas(m) {
			all = append(all, fields(c, s.replicaFields(m, n)))
		}
		c.Array(all...)
	case "sentinels":
		var all []string
		for _, other := range s.e.Sentinels {
			if other != s && !v.alone {
				all = append(all, fields(c, other.sentinelFields()))
			}
		}
		c.Array(all...)
	case "ckquorum":
		s.ckquorum(c)
	case "remove":
		v.unknown = true
		s.say("-monitor", m.describeMaster(s))
		c.Text("OK")
	case "set":
		c.Text("OK")
	}
}

// known returns a master by its name; nil when the sentinel has none.
func (s *Sentinel) known(name string) *MasterSet {
	m := s.e.Of(name)
	if m == nil || s.view(m).unknown {
		return nil
	}
	return m
}

// cmdFailover answers at once and works afterwards.
func (s *Sentinel) cmdFailover(c *testserver.Peer, name string, how manner) {
	s.e.mu.Lock()
	m := s.known(name)
	s.e.mu.Unlock()
	if m == nil {
		c.Error(errNoSuchMaster)
		return
	}
	old, candidate, err := m.elect(s, how)
	if err != nil {
		if !errors.Is(err, errInProgress) && !errors.Is(err, errNoReplica) {
			err = fmt.Errorf("ERR %w", err)
		}
		c.Error(err.Error())
		return
	}
	s.e.spawn(func() { _ = m.steps(s, old, candidate, how) })
	c.Text("OK")
}

func (s *Sentinel) ckquorum(c *testserver.Peer) {
	n := s.e.usable()
	quorum, majority := n >= s.e.o.Quorum, n > len(s.e.Sentinels)/2
	switch {
	case quorum && majority:
		c.Text(fmt.Sprintf("OK %d usable Sentinels. Quorum and failover authorization can be reached", n))
	case quorum:
		c.Error(fmt.Sprintf("NOQUORUM %d usable Sentinels. Not enough available Sentinels to reach the majority and authorize a failover", n))
	default:
		c.Error(fmt.Sprintf("NOQUORUM %d usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master", n))
	}
}

// reset forgets the replicas and the sentinels until the next hellos.
func (s *Sentinel) reset(m *MasterSet) {
	v := s.view(m)
	v.alone = true
	s.say("+reset-master", m.describeMaster(s))
	s.e.after(s.e.o.Timing.Detect*6, func() {
		s.e.mu.Lock()
		defer s.e.mu.Unlock()
		v.alone = false
	})
}

// monitor brings a master back that was removed, as it is told: epoch 0.
func (s *Sentinel) monitor(c *testserver.Peer, args []string) {
	m := s.e.Of(args[2])
	switch {
	case m == nil:
		c.Error("ERR testgroup: only removed masters can be monitored")
		return
	case !s.view(m).unknown:
		c.Error("ERR Duplicate master name.")
		return
	}
	v := s.view(m)
	*v = view{addr: args[3] + ":" + args[4]}
	s.say("+monitor", m.describeMaster(s)+" quorum "+args[5])
	s.catchUp()
	c.Text("OK")
}

func (s *Sentinel) downByAddr(addr string) int64 {
	for _, m := range s.e.sets {
		if s.view(m).addr == addr && m.node(addr) != nil && m.node(addr).sdown {
			return 1
		}
	}
	return 0
}

func (s *Sentinel) cmdRole(c *testserver.Peer, args []string) {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	var known []string
	for _, m := range s.e.sets {
		if !s.view(m).unknown {
			known = append(known, m.name)
		}
	}
	c.Write(testserver.Array(testserver.Bulk("sentinel"), testserver.Bulks(known...)))
}

func (s *Sentinel) cmdInfo(c *testserver.Peer, args []string) {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "# Server\r\nredis_version:%s\r\nredis_mode:sentinel\r\nrun_id:%s\r\n\r\n# Sentinel\r\nsentinel_masters:%d\r\nsentinel_tilt:0\r\n",
		testserver.DefaultVersion, s.id, len(s.e.sets))
	for i, m := range s.e.sets {
		status := "ok"
		if n := m.node(s.view(m).addr); n != nil && n.sdown {
			status = "odown"
		}
		fmt.Fprintf(&b, "master%d:name=%s,status=%s,address=%s,slaves=%d,sentinels=%d\r\n", i, m.name, status, s.view(m).addr, len(m.nodes)-1, len(s.e.Sentinels))
	}
	c.Bulk(b.String())
}
