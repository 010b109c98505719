package pubsub

import (
	"fmt"

	"github.com/kermes-redis/kermes/resp"
)

// topic is a channel, pattern or shard channel that is wanted, or that the
// server still believes to be. It is guarded by Subscriber.mu, but for kind and
// name.
type topic struct {
	kind Kind
	name string
	subs []*Subscription // who wants it; replaced, never changed

	wire     bool  // what the last command sent on this connection asks for
	inFlight int   // commands about it that the server has not answered
	dirty    bool  // listed in Subscriber.dirty
	alone    bool  // its command must name nothing else: one of many was refused
	missing  bool  // counted in Subscriber.missing
	refused  error // the server's answer; it is not tried again for a while
	waiters  []*waiter
}

// wanted says whether somebody wants it.
func (t *topic) wanted() bool { return len(t.subs) > 0 }

// live says whether the server has confirmed the subscription.
func (t *topic) live() bool { return t.wire && t.inFlight == 0 }

// settled says whether the server is where it should be.
func (t *topic) settled() bool { return t.inFlight == 0 && t.wire == t.wanted() }

// op is the commands for a kind.
type op struct{ subscribe, unsubscribe string }

func opOf(k Kind) op {
	switch k {
	case Pattern:
		return op{"PSUBSCRIBE", "PUNSUBSCRIBE"}
	case Shard:
		return op{"SSUBSCRIBE", "SUNSUBSCRIBE"}
	}
	return op{"SUBSCRIBE", "UNSUBSCRIBE"}
}

func (o op) name(subscribe bool) string {
	if subscribe {
		return o.subscribe
	}
	return o.unsubscribe
}

// wantLocked notes that sub wants a topic, and reports whether that is new. s.mu is
// held.
func (s *Subscriber) wantLocked(sub *Subscription, kind Kind, name string) bool {
	if sub.topics[kind][name] != nil {
		return false
	}
	t := s.topics[kind][name]
	if t == nil {
		t = &topic{kind: kind, name: name}
		if s.topics[kind] == nil {
			s.topics[kind] = make(map[string]*topic)
		}
		s.topics[kind][name] = t
	}
	if sub.topics[kind] == nil {
		sub.topics[kind] = make(map[string]*topic)
	}
	sub.topics[kind][name] = t
	t.subs = append(t.subs[:len(t.subs):len(t.subs)], sub)
	t.refused = nil
	s.version.Add(1)
	s.markDirtyLocked(t)
	return true
}

// unwantLocked notes that sub no longer wants a topic. s.mu is held.
func (s *Subscriber) unwantLocked(sub *Subscription, kind Kind, name string) *topic {
	t := sub.topics[kind][name]
	if t == nil {
		return nil
	}
	delete(sub.topics[kind], name)
	kept := make([]*Subscription, 0, len(t.subs))
	for _, other := range t.subs {
		if other != sub {
			kept = append(kept, other)
		}
	}
	t.subs = kept
	s.version.Add(1)
	if !t.wanted() {
		s.foundLocked(t)
		s.markDirtyLocked(t)
		s.tidyLocked(t)
	}
	return t
}

// markDirtyLocked lists a topic for the writer, if there is something to write.
// s.mu is held.
func (s *Subscriber) markDirtyLocked(t *topic) {
	if t.dirty || t.refused != nil || t.wire == t.wanted() || s.session == nil {
		return
	}
	t.dirty = true
	s.dirty = append(s.dirty, t)
}

// tidyLocked forgets a topic that nobody wants and the server does not know of. s.mu
// is held.
func (s *Subscriber) tidyLocked(t *topic) {
	if !t.wanted() && t.settled() {
		t.releaseLocked(nil)
		delete(s.topics[t.kind], t.name)
	}
}

const (
	// batchBytes is about how many bytes of names go into one command.
	batchBytes = 32 << 10
	// writeBytes is about how much is written at once.
	writeBytes = 256 << 10
)

// sent is a command that the server has yet to answer.
type sent struct {
	kind      Kind
	subscribe bool
	ping      bool
	topics    []*topic
	left      int // confirmations to come
}

// nextCommandsLocked makes the commands that bring the server nearer to what is
// wanted, and notes them as sent. s.mu is held.
func (s *Subscriber) nextCommandsLocked(ss *session) []resp.Command {
	var cmds []resp.Command
	size := 0
	for len(s.dirty) > 0 && size < writeBytes {
		group, n := s.nextGroupLocked()
		size += n
		if len(group) == 0 {
			continue
		}
		first := group[0]
		args := make([]resp.Arg, len(group))
		for i, t := range group {
			args[i] = resp.String(t.name)
		}
		cmds = append(cmds, resp.NewCommand(opOf(first.kind).name(first.wire), args...))
		ss.sent.push(sent{kind: first.kind, subscribe: first.wire, topics: group, left: len(group)})
	}
	return cmds
}

// nextGroupLocked takes topics from the front of the dirty list that can share one
// command. s.mu is held.
func (s *Subscriber) nextGroupLocked() (group []*topic, size int) {
	taken := 0
	for _, t := range s.dirty {
		if t.wire == t.wanted() || t.refused != nil {
			t.dirty = false
			taken++
			continue
		}
		if len(group) > 0 {
			first := group[0]
			if t.kind != first.kind || t.wanted() != first.wire || t.alone || first.alone || size > batchBytes {
				break
			}
		}
		taken++
		t.dirty = false
		t.wire = t.wanted()
		t.inFlight++
		group = append(group, t)
		size += len(t.name) + 16
	}
	s.dirty = s.dirty[taken:]
	if len(s.dirty) == 0 {
		s.dirty = nil
	}
	return group, size
}

// confirm notes a confirmation of the server.
func (s *Subscriber) confirm(ss *session, kind Kind, subscribe bool, name []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := ss.sent.head()
	t := s.topics[kind][string(name)]
	if head == nil || t == nil || head.ping || head.kind != kind || head.subscribe != subscribe || t.inFlight == 0 {
		return fmt.Errorf("%w: %s %q", errOutOfStep, opOf(kind).name(subscribe), name)
	}
	head.left--
	if head.left == 0 {
		ss.sent.pop()
	}
	t.inFlight--
	if t.inFlight > 0 {
		return nil
	}
	if t.wire && t.wanted() || !t.wire && !t.wanted() {
		t.alone = false
		t.releaseLocked(nil)
	}
	s.foundLocked(t)
	s.tidyLocked(t)
	return nil
}

// refuse notes that the server has answered a command with an error.
func (s *Subscriber) refuse(ss *session, cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := ss.sent.head()
	if head == nil {
		return cause // the server speaks unasked when it closes a connection
	}
	if head.ping {
		s.pongedLocked(ss)
		return nil
	}
	if !head.subscribe || head.left != len(head.topics) {
		return fmt.Errorf("%w: %w", errOutOfStep, cause)
	}
	topics := head.topics
	ss.sent.pop()
	for _, t := range topics {
		t.inFlight--
		if t.inFlight > 0 {
			continue // what was sent after this counts
		}
		t.wire = false
		if len(topics) > 1 {
			t.alone = true
			s.markDirtyLocked(t)
			s.tidyLocked(t)
			continue
		}
		s.refuseOneLocked(t, cause)
	}
	s.work()
	return nil
}

// refuseOneLocked notes that the server does not grant t. s.mu is held.
func (s *Subscriber) refuseOneLocked(t *topic, cause error) {
	err := &RefusedError{Kind: t.kind, Name: t.name, Err: cause}
	if t.wanted() {
		t.refused = err
		s.refused = append(s.refused, t)
		s.events.send(Event{Kind: EventRefused, Addr: s.at.addr, Epoch: s.at.epoch, Err: err})
	}
	t.releaseLocked(err)
	s.foundLocked(t)
	s.tidyLocked(t)
}

// retryRefusedLocked lists refused topics again. s.mu is held.
func (s *Subscriber) retryRefusedLocked() {
	for _, t := range s.refused {
		if t.refused != nil {
			t.refused = nil
			s.markDirtyLocked(t)
		}
	}
	s.refused = nil
}

// foundLocked takes t from those that the new connection still lacks. s.mu is held.
func (s *Subscriber) foundLocked(t *topic) {
	if !t.missing {
		return
	}
	t.missing = false
	s.missing--
	if s.missing == 0 {
		s.completeLocked()
	}
}
