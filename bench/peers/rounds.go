package main

// nearBest is up to which multiple of the best a client is near: it is measured in the
// further rounds of a row that noise decides. For the others one look is enough.
const nearBest = 1.5

// roundsOf is how many rounds a row has.
func (w *workload) roundsOf(s settings) int {
	if w.special == specialAllocs || w.special == specialSize {
		return 1 // counts, not times
	}
	return max(s.rounds, w.rounds)
}

// mostRounds is how many rounds the row has that has most.
func mostRounds(s settings) (n int) {
	for i := range workloads {
		if w := &workloads[i]; s.only.MatchString(w.name) {
			n = max(n, w.roundsOf(s))
		}
	}
	return n
}

// isNear says whether a client may yet be the best of a row, by its best round. What the
// others are compared with always is.
func isNear(t table, w *workload, c *contender) bool {
	if c.name == "raw" || c.name == self || c.apart {
		return true
	}
	best := 0.0
	for i := range contenders {
		if s := t.of(w.name, contenders[i].name, ns); len(s) > 0 && family(contenders[i].name) != "raw" && (best == 0 || s.min() < best) {
			best = s.min()
		}
	}
	s := t.of(w.name, c.name, ns)
	return len(s) > 0 && s.min() <= nearBest*best
}
