package testredis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// until polls a check, which says what is missing, up to a deadline.
func until(deadline time.Time, check func() string) error {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := check()
		if missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("testredis: not ready: %s", missing)
		case <-tick.C:
		}
	}
}

// replicasReady waits until every replica of a master is online.
func (t *Topology) replicasReady(name string, deadline time.Time) error {
	nodes := t.Of(name)
	return until(deadline, func() string {
		info, err := nodes[0].Info("replication")
		if err != nil {
			return err.Error()
		}
		online := 0
		for i := range nodes[1:] {
			if strings.Contains(info["slave"+strconv.Itoa(i)], "state=online") {
				online++
			}
		}
		if online != len(nodes)-1 {
			return fmt.Sprintf("%s has %d replicas online", name, online)
		}
		for _, n := range nodes[1:] {
			if r, err := n.Do("ROLE"); err != nil || len(r.Elems) < 4 || r.Elems[3].Str != "connected" {
				return fmt.Sprintf("%s: ROLE %v %v", n.Name, r, err)
			}
		}
		return nodes[0].feeds(len(nodes) - 1)
	})
}

// feeds says whether n replicas acknowledge the master's stream: a replica
// that is called online may be sent nothing for up to a second. PUBLISH is
// replicated and leaves no key behind.
func (n *Node) feeds(replicas int) (missing string) {
	if replicas == 0 {
		return ""
	}
	if _, err := n.Do("PUBLISH", "testredis", "are you there"); err != nil {
		return err.Error()
	}
	r, err := n.Do("WAIT", strconv.Itoa(replicas), "500")
	if err != nil || r.Int < int64(replicas) {
		return fmt.Sprintf("%s: %d of %d replicas acknowledge, %v", n.Name, r.Int, replicas, err)
	}
	return ""
}

// periods of the sentinels: while they find each other, and afterwards. A
// sentinel converts a master that should be a replica after four publish
// periods: with less than half a second each, a new master may be converted
// before its leader, which asks it every second, has told the others.
var (
	hastyPeriods  = []string{"info-period", "100", "publish-period", "50", "ping-period", "100", "ask-period", "100"}
	fastPeriods   = []string{"info-period", "1000", "publish-period", "500", "ping-period", "1000", "ask-period", "1000"}
	normalPeriods = []string{"info-period", "10000", "publish-period", "2000", "ping-period", "1000", "ask-period", "1000"}
)

// sentinelsReady waits until every sentinel knows every other and every
// replica, with short periods in the meantime.
func (t *Topology) sentinelsReady(deadline time.Time) error {
	t.setPeriods(hastyPeriods)
	err := until(deadline, func() string {
		for _, s := range t.Sentinels {
			for _, name := range t.Names {
				if missing := t.knows(s, name); missing != "" {
					return s.Name + ", " + name + ": " + missing
				}
			}
		}
		return ""
	})
	if t.o.Fast {
		t.setPeriods(fastPeriods)
	} else {
		t.setPeriods(normalPeriods)
	}
	return err
}

// setPeriods is SENTINEL DEBUG, which sentinels before 7.0 do not have: they
// are as slow as they are.
func (t *Topology) setPeriods(periods []string) {
	for _, s := range t.Sentinels {
		_, _ = s.Do(append([]string{"SENTINEL", "DEBUG"}, periods...)...)
	}
}

// knows says what a sentinel does not know yet about a master.
func (t *Topology) knows(s *Node, name string) string {
	m, err := s.Do("SENTINEL", "MASTER", name)
	if err != nil {
		return err.Error()
	}
	if f := m.Map()["flags"].Str; f != "master" {
		return "flags " + f
	}
	replicas, err := s.Do("SENTINEL", "REPLICAS", name)
	if err != nil || len(replicas.Elems) != len(t.Of(name))-1 {
		return fmt.Sprintf("%d replicas, %v", len(replicas.Elems), err)
	}
	for _, r := range replicas.Elems {
		f := r.Map()
		if f["flags"].Str != "slave" || f["master-link-status"].Str != "ok" {
			return "replica " + f["name"].Str + " " + f["flags"].Str + " " + f["master-link-status"].Str
		}
	}
	others, err := s.Do("SENTINEL", "SENTINELS", name)
	if err != nil || len(others.Elems) != len(t.Sentinels)-1 {
		return fmt.Sprintf("%d other sentinels, %v", len(others.Elems), err)
	}
	for _, o := range others.Elems {
		// Valkey 9 keeps master_down of a vote that is over.
		if f := splitFlags(o); !slices.Contains(f, "sentinel") || slices.Contains(f, "s_down") || slices.Contains(f, "disconnected") {
			return "sentinel " + o.Map()["port"].Str + " " + strings.Join(f, ",")
		}
	}
	return ""
}
