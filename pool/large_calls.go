package pool

import (
	"context"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// wideSize is from how many bytes a command or a reply keeps others on the
	// same connection waiting for too long.
	wideSize = 64 << 10
	// wideBatch is from how many commands a batch does.
	wideBatch = 1000
	// wideMemory is for how many ticks of the keeper it is remembered that a
	// command had a large reply.
	wideMemory = 120
	// wideSlots is how many such commands are remembered at most.
	wideSlots = 64
)

// wide remembers which commands have had large replies, by name and first
// argument, so that the next ones do not share a connection with small ones.
// It forgets and confuses, which costs no more than a detour.
type wide struct {
	seed  maphash.Seed
	until atomic.Int64 // the tick at which all is forgotten; 0: nothing known
	slots [wideSlots]atomic.Uint64
}

// tickBits is how many low bits of a slot hold the tick, the others the hash.
const tickBits = 24

const tickMask = 1<<tickBits - 1

func (w *wide) hash(cmd *resp.Command) uint64 {
	h := maphash.String(w.seed, cmd.Name())
	if cmd.NArgs() > 0 {
		var text [64]byte
		h ^= maphash.Bytes(w.seed, cmd.Arg(0).AppendTo(text[:0]))
	}
	return h
}

// note remembers cmd at the given tick.
func (w *wide) note(cmd *resp.Command, tick int64) {
	h := w.hash(cmd)
	w.slots[h>>tickBits%wideSlots].Store(h&^tickMask | uint64(tick)&tickMask)
	w.until.Store(tick + wideMemory)
}

// has reports whether cmd has had a large reply lately.
func (w *wide) has(cmd *resp.Command, tick int64) bool {
	if w.until.Load() <= tick {
		return false
	}
	h := w.hash(cmd)
	s := w.slots[h>>tickBits%wideSlots].Load()
	return s&^tickMask == h&^tickMask && (uint64(tick)-s)&tickMask < wideMemory
}

const (
	// paceGap is how long the large calls pause after each, in terms of its own
	// duration, while small ones are in the majority: a sixth of the time is
	// theirs.
	paceGap = 5
	// paceMax bounds the pause.
	paceMax = 20 * time.Millisecond
	// paceCrowd is how many small calls in flight for each large one make a
	// majority.
	paceCrowd = 4
)

// spacing keeps large calls from taking the server, and the processors of the
// client, away from many small ones.
type spacing struct {
	running atomic.Int64 // large calls under way
	next    atomic.Int64 // when the next may begin, in nanoseconds since the epoch
}

// begin waits for the turn of a large call, or for the end of ctx, which the
// call will notice. calls is how many are in flight in all.
func (l *spacing) begin(ctx context.Context, calls int64) (at int64) {
	large := l.running.Add(1)
	now := time.Now()
	wait := time.Duration(l.next.Load() - now.UnixNano())
	if wait <= 0 || calls < large*(1+paceCrowd) {
		return now.UnixNano()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return time.Now().UnixNano()
}

// end accounts for a large call that began at that time.
func (l *spacing) end(began int64) {
	large := l.running.Add(-1) + 1
	now := time.Now()
	took := min(time.Duration(now.UnixNano()-began), paceMax/paceGap)
	l.next.Store(now.Add(took * paceGap / time.Duration(large)).UnixNano())
}

// isWide reports whether cmd should have a connection of its own.
func (p *Pool) isWide(cmd *resp.Command) bool {
	return cmd.Size() > wideSize || p.wide.has(cmd, p.clock.Load())
}

// isWideBatch is isWide for a batch. Only its commands are known.
func isWideBatch(cmds *resp.Batch) bool {
	return cmds.Len() >= wideBatch || cmds.Size(0) > wideSize
}
