package redis

// arenaChunk bounds how much memory one kept string of a list can hold on to.
const arenaChunk = 8 << 10

// arena copies many short strings into few allocations. Strings of one chunk
// share its memory, at most arenaChunk bytes.
type arena struct {
	free []byte // of the chunk: what is in front of it is in strings, and never changes
	left int    // bytes of the reply not yet copied: no chunk need be larger
}

// add returns a copy of p.
func (a *arena) add(p []byte) string {
	if len(p) == 0 || len(p) > len(a.free) {
		return a.addElsewhere(p)
	}
	s := a.free[:len(p)]
	copy(s, p)
	a.free = a.free[len(p):]
	a.left -= len(p)
	return textOf(s)
}

// addElsewhere is add for what has no place in the chunk.
func (a *arena) addElsewhere(p []byte) string {
	if len(p) == 0 {
		return ""
	}
	if len(p) > arenaChunk/4 {
		a.left -= len(p)
		return string(p)
	}
	a.free = make([]byte, max(len(p), min(a.left, arenaChunk)))
	return a.add(p)
}
