package redistest

import (
	"fmt"
	"slices"
)

// EmbeddedSentinel is a sentinel of an Embedded group. It is a Server, and
// can be scripted like any other.
type EmbeddedSentinel struct {
	*Server
	e  *Embedded
	id string

	// Guarded by Embedded.mu:
	views  map[*MasterSet]*view
	down   bool
	hung   bool
	frozen bool
}

// view is what a sentinel believes about a master.
type view struct {
	addr     string // its configuration: SENTINEL MASTER
	promoted string // set at the leader between +promoted-slave and +switch-master: GET-MASTER-ADDR-BY-NAME
	epoch    int64
	unknown  bool
	failover bool
	alone    bool // after RESET: no replicas, no sentinels
}

func (e *Embedded) newSentinel(i int) (*EmbeddedSentinel, error) {
	s := &EmbeddedSentinel{e: e, id: randomID(), views: map[*MasterSet]*view{}}
	for _, m := range e.sets {
		s.views[m] = &view{addr: m.master.Addr()}
	}
	o := e.serverOptions(fmt.Sprintf("10.1.0.%d:26379", i+1), e.o.SentinelUsername, e.o.SentinelPassword, e.o.SentinelTLS)
	o.Mode = "sentinel"
	var err error
	if s.Server, err = StartServer(o); err != nil {
		return nil, err
	}
	s.Handle("SENTINEL", s.cmdSentinel)
	s.Handle("ROLE", s.cmdRole)
	s.Handle("INFO", s.cmdInfo)
	return s, nil
}

// MyID returns the run id.
func (s *EmbeddedSentinel) MyID() string { return s.id }

// view returns the belief about m; Embedded.mu is held.
func (s *EmbeddedSentinel) view(m *MasterSet) *view { return s.views[m] }

// follows says whether the sentinel takes part; Embedded.mu is held.
func (s *EmbeddedSentinel) follows() bool { return !s.down && !s.hung && !s.frozen }

// say publishes an event, if the sentinel is able to.
func (s *EmbeddedSentinel) say(event, payload string) {
	if s.follows() {
		s.Publish(event, payload)
	}
}

// switchTo takes over the configuration of m and publishes it.
func (s *EmbeddedSentinel) switchTo(m *MasterSet) {
	v := s.view(m)
	was := v.addr
	v.addr, v.epoch, v.promoted, v.failover = m.master.Addr(), m.epoch, "", false
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
func (s *EmbeddedSentinel) describe(m *MasterSet, by *EmbeddedSentinel) string {
	return "sentinel " + s.id + " " + joinSpace(s.Addr()) + " @ " + m.name + " " + joinSpace(by.view(m).addr)
}

// firstUp returns the first sentinel that follows; Embedded.mu is held.
func (e *Embedded) firstUp() *EmbeddedSentinel {
	i := slices.IndexFunc(e.Sentinels, (*EmbeddedSentinel).follows)
	if i < 0 {
		return nil
	}
	return e.Sentinels[i]
}

// usable counts the sentinels that follow; Embedded.mu is held.
func (e *Embedded) usable() int {
	n := 0
	for _, s := range e.Sentinels {
		if s.follows() {
			n++
		}
	}
	return n
}

// leader returns who would be elected now, nil without quorum or majority.
func (e *Embedded) leader() *EmbeddedSentinel {
	if n := e.usable(); n < e.o.Quorum || n <= len(e.Sentinels)/2 {
		return nil
	}
	return e.firstUp()
}

// Hang stops the sentinel as SIGSTOP does: it accepts and never answers.
func (s *EmbeddedSentinel) Hang() {
	s.e.mu.Lock()
	s.hung = true
	s.e.mu.Unlock()
	s.StopReading(true)
}

// Resume ends Hang; the sentinel answers from what it knew and learns the
// rest after Timing.CatchUp.
func (s *EmbeddedSentinel) Resume() {
	s.e.mu.Lock()
	s.hung = false
	s.e.mu.Unlock()
	s.StopReading(false)
	s.catchUp()
}

// Stop kills the sentinel; Start brings it back on the same port, with what
// it knew when it was killed until Timing.CatchUp has passed.
func (s *EmbeddedSentinel) Stop() error {
	s.e.mu.Lock()
	s.down = true
	for _, v := range s.views {
		v.promoted, v.failover = "", false
	}
	s.e.mu.Unlock()
	err := s.StopAccepting(true)
	s.CloseAll()
	return err
}

// Start ends Stop.
func (s *EmbeddedSentinel) Start() error {
	s.e.mu.Lock()
	s.down = false
	s.e.mu.Unlock()
	err := s.StopAccepting(false)
	s.catchUp()
	return err
}

// Freeze makes the sentinel stale: it answers, but learns and publishes
// nothing (it is cut off from the others). Freeze(false) ends it.
func (s *EmbeddedSentinel) Freeze(on bool) {
	s.e.mu.Lock()
	s.frozen = on
	s.e.mu.Unlock()
	if !on {
		s.catchUp()
	}
}

// SetView makes a stale sentinel believe something; call Freeze first, or it
// is corrected at the next failover.
func (s *EmbeddedSentinel) SetView(master, addr string, epoch int64) {
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
func (s *EmbeddedSentinel) Unknown(master string, unknown bool) {
	m := s.e.Of(master)
	if m == nil {
		return
	}
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	s.view(m).unknown = unknown
}

// catchUp learns what happened in the meantime from the next hello.
func (s *EmbeddedSentinel) catchUp() {
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
