package redis

import "strings"

// arenaChunk bounds how much memory one kept string of a list can hold on to.
const arenaChunk = 8 << 10

// arena copies many short strings into few allocations. Strings of one chunk
// share its memory, at most arenaChunk bytes.
type arena struct {
	b    strings.Builder
	left int // bytes of the reply not yet copied: no chunk need be larger
}

// add returns a copy of p. A strings.Builder never moves or changes what it has
// handed out as long as it does not grow; so it is replaced when it is full.
func (a *arena) add(p []byte) string {
	if len(p) == 0 {
		return ""
	}
	if len(p) > arenaChunk/4 {
		a.left -= len(p)
		return string(p)
	}
	if a.b.Cap()-a.b.Len() < len(p) {
		a.b.Reset()
		a.b.Grow(max(len(p), min(a.left, arenaChunk)))
	}
	start := a.b.Len()
	a.b.Write(p)
	a.left -= len(p)
	return a.b.String()[start:]
}
