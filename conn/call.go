package conn

import (
	"context"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// signal tells a waiting caller what to do next.
type signal uint8

const (
	sigDone  signal = iota // its replies are in, or its error is set
	sigRead                // it holds the reading role
	sigFlush               // it holds the writing role
)

// state of a call, guarded by Conn.mu.
type state uint8

const (
	pending   state = iota // in the queue, its caller waits
	answered               // all replies are in; out of the queue
	abandoned              // in the queue, its caller has left: replies are dropped
	failed                 // the connection broke; out of the queue
)

const (
	// keepReply is the largest reply buffer that a recycled call keeps.
	keepReply = 64 << 10
	// maxSignals is how many signals may wait in a call's channel: one of each.
	maxSignals = 3
)

// A call is one caller's turn on the connection: one command, or a run of
// commands of a batch. It owns the bytes of its replies, so a caller may decode
// them while others go on.
type call struct {
	// What the reader and the writer touch for others comes first: with hundreds of
	// callers each cache line counts.

	next  *call
	sig   chan signal
	buf   []byte
	start uint64 // offset of its first byte in all that was ever encoded
	want  int32  // replies still to come
	batch uint32 // that it is a part of: its goroutine may be at work for another part; else 0
	callMarks

	conn    *wire
	owner   resp.Owner // of its replies: itself
	timeout time.Duration
	err     error
	ctx     context.Context // nil where it can never end
	done    <-chan struct{} // of ctx
	ends    []int           // of the replies in buf; only of a batch
	room    []byte          // lent for the reply by its caller; only he writes to it
	size    int             // of the command, in bytes
	placed  int             // how many bytes of it the reply has taken
	stay    uint32          // see alone.go
}

// callMarks is what of a call is forgotten at once when it is used again.
type callMarks struct {
	state    state
	big      bool  // buf is a read buffer that was handed over
	slack    slack // what becomes of buf if the caller keeps the reply
	blocks   bool  // a blocking command: cancellation is watched by a callback
	blocking bool  // so is this, or a part of a batch with one
	midway   bool  // within a streamed string: the end of its context breaks the connection
	partial  bool  // within a streamed argument: the server has no whole command
	odd      bool  // one of its replies may be an error, or has an attribute in front of it
	torn     bool  // it failed while its replies were being copied
	held     bool  // its caller is at work: the read timeout does not count
	seen     seen  // when the watch saw it first
}

// newCall takes a call from the free list.
func (c *wire) newCall(ctx context.Context, want int32) *call {
	k, _ := c.calls.Get().(*call)
	if k == nil {
		k = &call{conn: c, sig: make(chan signal, maxSignals)}
		k.owner.Releaser = k
	}
	k.want = want
	k.begin(ctx)
	return k
}

// begin gives k the time that its caller has.
func (k *call) begin(ctx context.Context) {
	k.timeout = k.conn.opts.ReadTimeout
	if k.done = ctx.Done(); k.done != nil {
		k.ctx = ctx
	}
}

// ReleaseReply puts an answered call back on the free list. It is called
// through resp.Reply, once.
func (k *call) ReleaseReply() {
	if k.big {
		k.conn.in.large.giveBack(k.buf)
		k.buf = nil
	} else if cap(k.buf) > keepReply {
		k.buf = nil
	}
	if k.ctx != nil {
		k.ctx, k.done = nil, nil
	}
	if k.batch != 0 {
		k.ends = k.ends[:0]
	}
	if k.room != nil {
		k.room, k.placed = nil, 0
	}
	k.next, k.err, k.buf, k.batch = nil, nil, k.buf[:0], 0
	k.callMarks = callMarks{}
	if !k.rest() {
		k.conn.calls.Put(k)
	}
}

// KeepReply is ReleaseReply for a caller that keeps the bytes: a read buffer that
// was handed over, unless much of it would be kept for nothing. It is called
// through resp.Reply.
func (k *call) KeepReply() bool {
	if !k.big || k.slack == loose {
		return false
	}
	if k.slack == whole {
		k.conn.in.large.letGo(k.buf[:cap(k.buf)])
	}
	k.buf, k.big = nil, false
	k.ReleaseReply()
	return true
}

// PlacedReply says whether the reply is in the room of its command. It is called
// through resp.Reply.
func (k *call) PlacedReply() (n int, ok bool) { return k.placed, k.placed > 0 }

// allow adds the time that a command may wait on the server, if it says so, to the
// read timeout. Zero is for ever.
func (k *call) allow(wait time.Duration, ok bool) {
	switch {
	case !ok || k.timeout <= 0:
	case wait <= 0:
		k.timeout = 0
	default:
		k.timeout += wait
	}
}

// add appends replies that lie one behind the other. Of a batch it notes where they end,
// which ends says from start bytes before them on.
func (k *call) add(replies []byte, ends []int, start int) {
	if k.batch != 0 {
		n := len(k.ends)
		k.ends = append(k.ends, ends...)
		if shift := len(k.buf) - start; shift != 0 {
			for i := range k.ends[n:] {
				k.ends[n+i] += shift
			}
		}
	}
	k.buf = append(k.buf, replies...)
}

// takeOver makes a buffer that holds the one reply that of k.
func (k *call) takeOver(buf []byte, s slack) {
	k.buf, k.big, k.slack = buf, true, s
	if k.batch != 0 {
		k.ends = append(k.ends, len(buf))
	}
}

// queue is a FIFO of the calls whose replies have not all come.
type queue struct {
	head, tail *call
	n          int
}

func (q *queue) push(k *call) {
	if q.tail == nil {
		q.head = k
	} else {
		q.tail.next = k
	}
	q.tail = k
	q.n++
}

// remove takes k out, wherever it is. Its own link to the next stays.
func (q *queue) remove(k *call) bool {
	var before *call
	at := q.head
	for ; at != k; before, at = at, at.next {
		if at == nil {
			return false
		}
	}
	if before == nil {
		q.head = k.next
	} else {
		before.next = k.next
	}
	if q.tail == k {
		q.tail = before
	}
	q.n--
	return true
}

func (q *queue) pop() *call {
	k := q.head
	q.head = k.next
	if q.head == nil {
		q.tail = nil
	}
	k.next = nil
	q.n--
	return k
}
