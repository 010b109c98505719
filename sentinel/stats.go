package sentinel

// GroupStats is what a group has done since it was made.
type GroupStats struct {
	// Queries counts questions about masters to sentinels, QueryErrors those
	// without an answer.
	Queries     uint64 `json:"queries"`
	QueryErrors uint64 `json:"queryErrors"`
	// Reconnects counts the times that a link to a sentinel was lost or could
	// not be made.
	Reconnects uint64 `json:"reconnects"`
	// Resolutions counts rounds of questions that clients have caused by their
	// doubts: many callers share one.
	Resolutions uint64 `json:"resolutions"`
	// Events counts events, Dropped those that a listener was too slow for,
	// Panics the panics of listeners.
	Events  uint64 `json:"events"`
	Dropped uint64 `json:"dropped"`
	Panics  uint64 `json:"panics"`
}

// Stats returns a snapshot of the counters.
func (g *Group) Stats() GroupStats {
	s := GroupStats{
		Queries: g.queries.Load(), QueryErrors: g.queryErrors.Load(), Reconnects: g.reconnects.Load(),
		Events: g.events.sent.Load(), Dropped: g.events.dropped.Load(), Panics: g.events.panics.Load(),
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.Resolutions = g.doubts
	for _, t := range g.masters {
		s.Resolutions += t.doubts
	}
	return s
}
