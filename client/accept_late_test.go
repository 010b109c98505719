package client_test

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
)

// notice is the time between the announcement of a promotion and the promotion that a
// client needs to hold writes. It has 58 to 100 ms, unless the sentinel got no turn and
// sent both at once, or this process none to hear of the first.
const notice = 40 * time.Millisecond

// lateAnnouncements returns when promotions were announced that came before anybody here
// could have held a write: by when a recorder read the announcement, and what the promoted
// server says. Only a graceful failover closes that race.
func (s *scenario) lateAnnouncements(top *testredis.Topology, rec *testredis.Recorder) (all []time.Time) {
	s.Helper()
	for _, e := range rec.Events() {
		f := strings.Fields(e.Payload)
		if e.Name != "+failover-state-send-slaveof-noone" || len(f) < 4 {
			continue
		}
		n, err := top.NodeAt(net.JoinHostPort(f[2], f[3]))
		s.must(err)
		if slices.ContainsFunc(s.promotions(n), func(at time.Time) bool {
			return at.After(e.At.Add(-loadedFloor)) && at.Before(e.At.Add(notice))
		}) {
			all = append(all, e.At)
		}
	}
	return all
}

// inTime leaves out what was acknowledged around a late announcement.
func (s *scenario) inTime(lost []write, top *testredis.Topology, rec *testredis.Recorder) []write {
	s.Helper()
	if len(lost) == 0 {
		return nil
	}
	late := s.lateAnnouncements(top, rec)
	rest := slices.DeleteFunc(slices.Clone(lost), func(x write) bool {
		return slices.ContainsFunc(late, func(t time.Time) bool { return x.at.Sub(t).Abs() < max(200*time.Millisecond, asyncTail()) })
	})
	if n := len(lost) - len(rest); n > 0 {
		s.Logf("%s: %d writes are lost because the announcement came with the promotion", s.id, n)
	}
	return rest
}

// losesNothing asserts that nothing is lost, on a busy machine but by late announcements.
func (s *scenario) losesNothing(what string, a audit, top *testredis.Topology, rec *testredis.Recorder) {
	s.Helper()
	s.atMost(what, len(s.blamed(a.lost, top, rec)), 0)
}

// blamed returns the lost writes that count against the client: all of them, unless the
// machine may be so busy that an announcement comes late.
func (s *scenario) blamed(lost []write, top *testredis.Topology, rec *testredis.Recorder) []write {
	s.Helper()
	if strict {
		return lost
	}
	return s.inTime(lost, top, rec)
}
