package testgroup

import (
	"fmt"
	"slices"

	"github.com/kermes-redis/kermes/internal/testserver"
)

// Sentinel is a sentinel of an Group group. It is a Server, and
// can be scripted like any other.
type Sentinel struct {
	*testserver.Server
	e  *Group
	id string

	// Guarded by Group.mu:
	views  map[*MasterSet]*view
	down   bool
	hung   bool
	frozen bool
}

// view is what a sentinel believes about a master.
type view struct {
	addr        string // its configuration: SENTINEL MASTER
	promoted    string // set at the leader between +promoted-slave and +switch-master: GET-MASTER-ADDR-BY-NAME
	epoch       int64
	unknown     bool
	failover    bool
	coordinated bool // the failover
	alone       bool // after RESET: no replicas, no sentinels
}

func (e *Group) newSentinel(i int) (*Sentinel, error) {
	s := &Sentinel{e: e, id: randomID(), views: map[*MasterSet]*view{}}
	for _, m := range e.sets {
		s.views[m] = &view{addr: m.master.Addr()}
	}
	o := e.serverOptions(fmt.Sprintf("10.1.0.%d:26379", i+1), e.o.SentinelUsername, e.o.SentinelPassword, e.o.SentinelTLS)
	o.Mode = "sentinel"
	var err error
	if s.Server, err = testserver.Start(o); err != nil {
		return nil, err
	}
	s.Handle("SENTINEL", s.cmdSentinel)
	s.Handle("ROLE", s.cmdRole)
	s.Handle("INFO", s.cmdInfo)
	return s, nil
}

// MyID returns the run id.
func (s *Sentinel) MyID() string { return s.id }

// view returns the belief about m; Group.mu is held.
func (s *Sentinel) view(m *MasterSet) *view { return s.views[m] }

// follows says whether the sentinel takes part; Group.mu is held.
func (s *Sentinel) follows() bool { return !s.down && !s.hung && !s.frozen }

// say publishes an event, if the sentinel is able to.
func (s *Sentinel) say(event, payload string) {
	if s.follows() {
		s.Publish(event, payload)
	}
}

// switchTo takes over the configuration of m and publishes it.
func (s *Sentinel) switchTo(m *MasterSet) {
	v := s.view(m)
	was := v.addr
	v.addr, v.epoch, v.promoted, v.failover, v.coordinated = m.master.Addr(), m.epoch, "", false, false
	if was == v.addr {
		return
	}
	s.say("+switch-master", m.name+" "+joinSpace(was)+" "+joinSpace(v.addr))
	for _, n := range m.nodes {
		if n != m.master {
			s.say("+slave", m.describe(s, n))
		}
	}
}

// describe is the "%@" of this sentinel as said by another.
func (s *Sentinel) describe(m *MasterSet, by *Sentinel) string {
	return "sentinel " + s.id + " " + joinSpace(s.Addr()) + " @ " + m.name + " " + joinSpace(by.view(m).addr)
}

// firstUp returns the first sentinel that follows; Group.mu is held.
func (e *Group) firstUp() *Sentinel {
	i := slices.IndexFunc(e.Sentinels, (*Sentinel).follows)
	if i < 0 {
		return nil
	}
	return e.Sentinels[i]
}

// usable counts the sentinels that follow; Group.mu is held.
func (e *Group) usable() int {
	n := 0
	for _, s := range e.Sentinels {
		if s.follows() {
			n++
		}
	}
	return n
}

// leader returns who would be elected now, nil without quorum or majority.
func (e *Group) leader() *Sentinel {
	if n := e.usable(); n < e.o.Quorum || n <= len(e.Sentinels)/2 {
		return nil
	}
	return e.firstUp()
}

// Hang stops the sentinel as SIGSTOP does: it accepts and never answers.
func (s *Sentinel) Hang() {
	s.e.mu.Lock()
	s.hung = true
	s.e.mu.Unlock()
	s.StopReading(true)
}

// Resume ends Hang; the sentinel answers from what it knew and learns the
// rest after Timing.CatchUp.
func (s *Sentinel) Resume() {
	s.e.mu.Lock()
	s.hung = false
	s.e.mu.Unlock()
	s.StopReading(false)
	s.catchUp()
}

// Stop kills the sentinel; Start brings it back on the same port, with what
// it knew when it was killed until Timing.CatchUp has passed.
func (s *Sentinel) Stop() error {
	s.e.mu.Lock()
	s.down = true
	for _, v := range s.views {
		v.promoted, v.failover, v.coordinated = "", false, false
	}
	s.e.mu.Unlock()
	err := s.StopAccepting(true)
	s.CloseAll()
	return err
}

// Start ends Stop.
func (s *Sentinel) Start() error {
	s.e.mu.Lock()
	s.down = false
	s.e.mu.Unlock()
	err := s.StopAccepting(false)
	s.catchUp()
	return err
}

// Freeze makes the sentinel stale: it answers, but learns and publishes
// nothing (it is cut off from the others). Freeze(false) ends it.
func (s *Sentinel) Freeze(on bool) {
	s.e.mu.Lock()
	s.frozen = on
	s.e.mu.Unlock()
	if !on {
		s.catchUp()
	}
}

// SetView makes a stale sentinel believe something; call Freeze first, or it
// is corrected at the next failover.
func (s *Sentinel) SetView(master, addr string, epoch int64) {
	m := s.e.Of(master)
	if m == nil {
		return
	}
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	v := s.view(m)
	v.addr, v.epoch, v.promoted = addr, epoch, ""
}

// Unknown makes the sentinel not know a master, or know it again.
func (s *Sentinel) Unknown(master string, unknown bool) {
	m := s.e.Of(master)
	if m == nil {
		return
	}
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	s.view(m).unknown = unknown
}

// catchUp learns what happened in the meantime from the next hello.
func (s *Sentinel) catchUp() {
	s.e.after(s.e.o.Timing.CatchUp, func() {
		s.e.mu.Lock()
		defer s.e.mu.Unlock()
		if !s.follows() {
			return
		}
		for _, m := range s.e.sets {
			v := s.view(m)
			if v.epoch >= m.epoch && v.addr == m.master.Addr() {
				continue
			}
			for _, other := range s.e.Sentinels {
				if other != s && other.follows() && other.view(m).epoch >= m.epoch {
					s.say("+config-update-from", other.describe(m, s))
					s.switchTo(m)
					break
				}
			}
		}
	})
}
