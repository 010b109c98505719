package redis

// arenaChunk bounds how much memory one kept string of a list can hold on to.
const arenaChunk = 8 << 10

// arena copies many short strings into few allocations. Strings of one chunk
// share its memory, at most arenaChunk bytes.
type arena struct {
	chunk []byte // what is behind len is free; what is before is in strings, and never changes
	left  int    // bytes of the reply not yet copied: no chunk need be larger
}

// add returns a copy of p.
func (a *arena) add(p []byte) string {
	start := len(a.chunk)
	if len(p) > cap(a.chunk)-start {
		return a.addElsewhere(p)
	}
	if len(p) == 0 {
		return ""
	}
	a.left -= len(p)
	a.chunk = append(a.chunk, p...)
	return textOf(a.chunk[start:])
}

// addElsewhere is add for what the chunk has no room for.
func (a *arena) addElsewhere(p []byte) string {
	left := a.left
	a.left -= len(p)
	if len(p) > arenaChunk/4 {
		return string(p)
	}
	a.chunk = make([]byte, 0, max(len(p), min(left, arenaChunk)))
	a.chunk = append(a.chunk, p...)
	return textOf(a.chunk)
}
