package pubsub

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
