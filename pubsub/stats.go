package pubsub

import (
	"fmt"
	"log/slog"
)

// Stats are the counters of a [Subscriber].
type Stats struct {
	// Connects counts connections made, Failures attempts that failed.
	Connects, Failures uint64
	// Gaps counts interruptions that are over.
	Gaps uint64
	// EventsDropped counts events that listeners were too slow for.
	EventsDropped uint64
	// Channels, Patterns and ShardChannels are how many names are wanted.
	Channels, Patterns, ShardChannels int
	// Subscriptions is how many are open.
	Subscriptions int
	// Pending is how many names the server has not confirmed yet.
	Pending int
	// Ready says that there is a connection and all that it began with is
	// confirmed.
	Ready bool
	// Addr is the server of the current or last connection.
	Addr string
	// Epoch is the source's, zero if it has none.
	Epoch int64
}

// Stats returns a snapshot. It takes time in proportion to the number of names.
func (s *Subscriber) Stats() Stats {
	st := Stats{Connects: s.connects.Load(), Failures: s.failures.Load(), EventsDropped: s.events.dropped()}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Gaps, st.Ready, st.Addr, st.Epoch = s.gaps, s.ready, s.at.addr, s.at.epoch
	st.Subscriptions = len(s.subs)
	st.Channels, st.Patterns, st.ShardChannels = len(s.topics[Channel]), len(s.topics[Pattern]), len(s.topics[Shard])
	for _, topics := range s.topics {
		for _, t := range topics {
			if !t.live() {
				st.Pending++
			}
		}
	}
	return st
}

// String returns the server and the number of subscriptions: a Subscriber may be
// printed and logged, for it shows none of its source's options.
func (s *Subscriber) String() string {
	st := s.Stats()
	return fmt.Sprintf("subscriber at %q (%d subscriptions, ready %t)", st.Addr, st.Subscriptions, st.Ready)
}

// GoString returns String.
func (s *Subscriber) GoString() string { return s.String() }

// LogValue returns String.
func (s *Subscriber) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String returns what the subscription has received: a Subscription may be
// printed and logged.
func (sub *Subscription) String() string {
	st := sub.Stats()
	return fmt.Sprintf("subscription (received %d, waiting %d)", st.Received, st.Waiting)
}

// GoString returns String.
func (sub *Subscription) GoString() string { return sub.String() }

// LogValue returns String.
func (sub *Subscription) LogValue() slog.Value { return slog.StringValue(sub.String()) }
