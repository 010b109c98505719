package testserver

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// maxCalls bounds the log of a server that is used in a long benchmark.
const maxCalls = 1 << 16

// Call is a command that a client sent.
type Call struct {
	Conn     int64     // Peer.ID
	At       time.Time // when it was read completely
	Args     []string  // name and arguments as sent; shared, do not modify
	Executed bool      // a handler ran; false when stalled, refused or unknown
}

// String returns the command as one would type it.
func (c Call) String() string { return strings.Join(c.Args, " ") }

// callLog counts commands and keeps the latest of them.
type callLog struct {
	calls   []Call
	dropped int // calls no longer kept
	counts  map[string]int
}

func newCallLog() callLog { return callLog{counts: map[string]int{}} }

// add keeps a call and returns its number.
func (l *callLog) add(c Call) int {
	if len(l.calls) == maxCalls {
		l.dropped += maxCalls / 2
		l.calls = slices.Delete(l.calls, 0, maxCalls/2)
	}
	l.calls = append(l.calls, c)
	return l.dropped + len(l.calls) - 1
}

// executed marks call i and counts it by its names.
func (l *callLog) executed(i int, name, full string) {
	l.counts[name]++
	if full != name {
		l.counts[full]++
	}
	if i -= l.dropped; i >= 0 && i < len(l.calls) {
		l.calls[i].Executed = true
	}
}

// Calls returns the latest 65,536 commands received, in order of arrival.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log.calls)
}

// CallsOf returns the commands received with this name ("GET", "CLIENT SETNAME").
func (s *Server) CallsOf(name string) []Call {
	name = strings.ToUpper(name)
	var of []Call
	for _, c := range s.Calls() {
		if short, full := CommandNames(c.Args); short == name || full == name {
			of = append(of, c)
		}
	}
	return of
}

// ResetCalls forgets the log and the counters of commands.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	dropped := s.log.dropped + len(s.log.calls)
	s.log = newCallLog()
	s.log.dropped = dropped
}

// Count returns how many commands with this name ("GET", "CLIENT",
// "CLIENT SETNAME") were executed.
func (s *Server) Count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.counts[strings.ToUpper(name)]
}

// Counts returns all counters of Count.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.log.counts)
}

// Accepted returns the number of connections so far.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Open returns the number of open connections.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

// Peers returns the open connections, oldest first.
func (s *Server) Peers() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	peers := s.peersLocked()
	slices.SortFunc(peers, func(a, b *Peer) int { return int(a.id - b.id) })
	return peers
}

// Truncated returns the number of connections that ended inside a command.
func (s *Server) Truncated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.truncated
}

// ProtocolErrors returns what clients sent that was not a command.
func (s *Server) ProtocolErrors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.errs)
}

// WaitFor polls cond for DefaultWait and fails the test with what.
func (s *Server) WaitFor(tb leak.TB, what string, cond func() bool) {
	tb.Helper()
	leak.Eventually(tb, 0, what, cond)
}
