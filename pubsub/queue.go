package pubsub

import (
	"sync"
	"sync/atomic"
)

// Overflow says what becomes of messages when a subscription's buffer is full.
type Overflow uint8

const (
	// DropOldest throws the oldest waiting messages away. It is the default: a
	// consumer that hangs makes nobody else deaf.
	DropOldest Overflow = iota
	// DropNewest throws new messages away until there is room.
	DropNewest
	// Block stops reading from the connection until there is room, for all
	// subscriptions of the Subscriber. The server buffers meanwhile and, by its
	// client-output-buffer-limit for pubsub, cuts the connection in the end,
	// which is a [Gap].
	Block
	// CloseOnOverflow ends the subscription. What waits is still delivered;
	// then its Err is [ErrOverflow].
	CloseOnOverflow
)

// String returns "drop oldest", "drop newest", "block" or "close".
func (o Overflow) String() string {
	switch o {
	case DropOldest:
		return "drop oldest"
	case DropNewest:
		return "drop newest"
	case Block:
		return "block"
	case CloseOnOverflow:
		return "close"
	}
	return "unknown"
}

const (
	// DefaultQueueSize is how many messages may wait for a consumer.
	DefaultQueueSize = 64 << 10
	// DefaultQueueBytes is how many bytes of payloads may wait for a consumer.
	DefaultQueueBytes = 16 << 20
)

// Queue says how messages wait for the consumer of a subscription. The zero
// value is useful.
type Queue struct {
	// Size is how many messages may wait. Zero means DefaultQueueSize, negative
	// no limit. Memory is used for those that wait, not for those that may.
	Size int
	// Bytes is how many bytes of payloads may wait. One message waits however
	// large it is. Zero means DefaultQueueBytes, negative no limit.
	Bytes int
	// Overflow is what happens to the message that would exceed a limit. Zero
	// means DropOldest.
	Overflow Overflow
	// Borrow lends payloads instead of giving them away, which saves an
	// allocation for each message: Message.Payload is valid until the next
	// iteration, or until the handler returns. Channels (Subscription.Chan)
	// never lend.
	Borrow bool
	// OnNotice, if set, is called with each *[Gap] and *[Dropped], in the order
	// of the messages, by the goroutine that takes those. It is how handlers
	// and channels learn of them; iterators yield them as well.
	OnNotice func(notice error)
}

func (o Queue) withDefaults() Queue {
	if o.Size == 0 {
		o.Size = DefaultQueueSize
	}
	if o.Bytes == 0 {
		o.Bytes = DefaultQueueBytes
	}
	return o
}

const (
	// keepData and keepItems are what a batch may keep of its memory when it
	// has been emptied.
	keepData  = 256 << 10
	keepItems = 4 << 10
)

// item is a message in a batch, or a notice.
type item struct {
	channel    string
	topic      *topic
	start, end int // of the payload in data
	notice     error
}

// batch is messages in their order. Their payloads lie one after another in
// data, so that it costs no allocation to take one more.
type batch struct {
	items []item
	head  int // items before it have been dropped
	data  []byte
}

func (b *batch) len() int { return len(b.items) - b.head }

// bytes returns the payload bytes that wait.
func (b *batch) bytes() int {
	if b.len() == 0 {
		return 0
	}
	return len(b.data) - b.items[b.head].start
}

func (b *batch) reset() {
	clear(b.items)
	b.items, b.data, b.head = b.items[:0], b.data[:0], 0
	if cap(b.items) > keepItems {
		b.items = nil
	}
	if cap(b.data) > keepData {
		b.data = nil
	}
}

// compact gives back the room of dropped items, when it is half of all.
func (b *batch) compact() {
	if b.head < 64 || b.head < len(b.items)/2 {
		return
	}
	shift := len(b.data)
	if b.head < len(b.items) {
		shift = b.items[b.head].start
	}
	n := copy(b.items, b.items[b.head:])
	clear(b.items[n:])
	b.items, b.head = b.items[:n], 0
	b.data = b.data[:copy(b.data, b.data[shift:])]
	for i := range b.items {
		b.items[i].start -= shift
		b.items[i].end -= shift
	}
}

// reader is what a queue must know of the goroutine that fills it.
type reader struct {
	stop    <-chan struct{} // closed when it should not wait any more
	blocked atomic.Bool     // it waits for room in a queue
	waited  atomic.Bool     // it has, since the session last looked
}

// pushed says what a push has led to.
type pushed uint8

const (
	pushedAsleep  pushed = 1 << iota // the consumer sleeps and must be roused, later
	pushedDropped                    // a message was dropped
	pushedEnded                      // the queue has ended for want of room
)

// queue stands between the goroutine that reads the connection and the consumer
// of one subscription. The reader adds to one batch while the consumer works
// through the other, without a lock; they are exchanged when the consumer has
// come to the end.
type queue struct {
	opts Queue
	wake chan struct{} // capacity 1: the consumer may go on
	room chan struct{} // capacity 1: the blocked reader may look again

	left    atomic.Int64 // messages that the consumer has taken and not begun with
	blocked atomic.Bool  // the reader waits for room

	mu       sync.Mutex // guards what follows
	in       batch
	told     []error // notices that stood among messages that were dropped
	dropped  uint64  // before the first of in, not yet told
	skipped  uint64  // after the last of in, not yet told
	end      error   // no more will come
	sleeping bool    // the consumer waits for wake
	listed   bool    // the reader will wake it when it has emptied its buffer
	total    uint64  // messages ever added
	lost     uint64  // messages ever dropped
	reported uint64  // of these, told by an event

	out  batch // the consumer's
	next int
}

func newQueue(o Queue) *queue {
	return &queue{opts: o.withDefaults(), wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// push adds a message. It blocks, if that is the policy, until there is room,
// the queue ends or the reader is stopped.
func (q *queue) push(t *topic, channel string, payload []byte, r *reader) (result pushed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.end != nil {
		return 0
	}
	if q.fullLocked(len(payload)) {
		lost := q.lost
		fits := q.overflowLocked(len(payload), r)
		if q.lost != lost {
			result |= pushedDropped
		}
		if q.end != nil {
			result |= pushedEnded
		}
		if !fits {
			return result
		}
	}
	q.tellSkippedLocked()
	start := len(q.in.data)
	q.in.data = append(q.in.data, payload...)
	q.in.items = append(q.in.items, item{channel: channel, topic: t, start: start, end: len(q.in.data)})
	q.total++
	if q.sleeping && !q.listed {
		q.listed = true
		result |= pushedAsleep
	}
	return result
}

// tellSkippedLocked puts a notice of messages that were dropped last where they would
// have been. q.mu is held.
func (q *queue) tellSkippedLocked() {
	if q.skipped == 0 {
		return
	}
	q.in.items = append(q.in.items, item{start: len(q.in.data), end: len(q.in.data), notice: &Dropped{N: q.skipped}})
	q.skipped = 0
}

// fullLocked says whether n more bytes exceed a limit. q.mu is held.
func (q *queue) fullLocked(n int) bool {
	waiting := q.in.len() + int(q.left.Load())
	return q.opts.Size > 0 && waiting >= q.opts.Size ||
		q.opts.Bytes > 0 && q.in.bytes()+n > q.opts.Bytes && waiting > 0
}

// overflowLocked applies the policy, and reports whether the new message is to be
// added. q.mu is held, and released while it blocks.
func (q *queue) overflowLocked(n int, r *reader) bool {
	switch q.opts.Overflow {
	case Block:
		return q.waitForRoomLocked(n, r)
	case CloseOnOverflow:
		q.finishLocked(ErrOverflow)
		return false
	case DropOldest:
		for q.fullLocked(n) && q.dropOldestLocked() {
		}
		q.in.compact()
		if !q.fullLocked(n) {
			return true
		}
	}
	// Nothing waits here but what the consumer has taken already.
	q.skipped++
	q.lost++
	return false
}

// dropOldestLocked drops one message; notices before it are kept. It reports whether
// there was one. q.mu is held.
func (q *queue) dropOldestLocked() bool {
	for q.in.len() > 0 {
		it := &q.in.items[q.in.head]
		q.in.head++
		if it.notice == nil {
			q.dropped++
			q.lost++
			return true
		}
		if d, ok := it.notice.(*Dropped); ok {
			q.dropped += d.N
		} else {
			q.told = append(q.told, it.notice)
		}
	}
	return false
}

// waitForRoomLocked reports false when no room came and none will. q.mu is held, and
// released while it waits.
func (q *queue) waitForRoomLocked(n int, r *reader) bool {
	r.blocked.Store(true)
	r.waited.Store(true)
	defer r.blocked.Store(false)
	for q.end == nil && q.fullLocked(n) {
		q.blocked.Store(true)
		if !q.fullLocked(n) { // the consumer may have looked at blocked just before
			break
		}
		q.rouseLocked()
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-r.stop:
			q.mu.Lock()
			q.blocked.Store(false)
			return false
		}
		q.mu.Lock()
	}
	q.blocked.Store(false)
	return q.end == nil
}

// notice adds a notice, whatever the limits, and wakes the consumer.
func (q *queue) notice(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.end != nil {
		return
	}
	q.tellSkippedLocked()
	q.in.items = append(q.in.items, item{start: len(q.in.data), end: len(q.in.data), notice: err})
	q.rouseLocked()
}

// close ends the queue. The consumer gets what waits first, unless discard.
func (q *queue) close(err error, discard bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if discard {
		q.in.head = len(q.in.items)
		q.told, q.dropped, q.skipped = nil, 0, 0
	}
	q.finishLocked(err)
}

// finishLocked ends the queue. q.mu is held.
func (q *queue) finishLocked(err error) {
	if q.end == nil {
		q.end = err
	}
	q.rouseLocked()
	poke(q.room)
}

// ended returns why no more will come, or nil.
func (q *queue) ended() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end
}

// rouse wakes the consumer.
func (q *queue) rouse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rouseLocked()
}

func (q *queue) rouseLocked() {
	q.listed = false
	if q.sleeping {
		q.sleeping = false
		poke(q.wake)
	}
}

// poke leaves a signal in a channel of capacity 1.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pop returns the next item, which is valid until the next pop. It waits for
// one until done is closed, and returns nil then and when the queue has ended.
// It belongs to the consumer.
func (q *queue) pop(done <-chan struct{}) *item {
	for q.next == len(q.out.items) {
		if !q.exchange(done) {
			return nil
		}
	}
	it := &q.out.items[q.next]
	q.next++
	q.left.Store(int64(len(q.out.items) - q.next))
	if q.blocked.Load() {
		poke(q.room)
	}
	return it
}

// exchange takes the batch that the reader has filled, and waits until it has
// something in it.
func (q *queue) exchange(done <-chan struct{}) bool {
	for {
		q.mu.Lock()
		if q.in.len() > 0 || len(q.told) > 0 || q.dropped > 0 || q.skipped > 0 {
			q.swapLocked()
			q.mu.Unlock()
			return true
		}
		if q.end != nil {
			q.mu.Unlock()
			return false
		}
		q.sleeping = true
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-done:
			return false
		}
	}
}

// swapLocked exchanges the batches and puts the notices in place. q.mu is held.
func (q *queue) swapLocked() {
	q.tellSkippedLocked()
	q.out.reset()
	q.in, q.out = q.out, q.in
	q.next = q.out.head
	if q.dropped > 0 || len(q.told) > 0 {
		first := make([]item, 0, len(q.told)+1+q.out.len())
		for _, err := range q.told {
			first = append(first, item{notice: err})
		}
		if q.dropped > 0 {
			first = append(first, item{notice: &Dropped{N: q.dropped}})
		}
		q.out.items = append(first, q.out.items[q.out.head:]...)
		q.out.head, q.next = 0, 0
		q.told, q.dropped = nil, 0
	}
	q.left.Store(int64(len(q.out.items) - q.next))
	if q.blocked.Load() {
		poke(q.room)
	}
}

// count returns how many messages wait, were ever received, and were dropped.
func (q *queue) count() (waiting int, total, lost uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.in.len() + int(q.left.Load()), q.total, q.lost
}

// unreported returns how many messages have been dropped since it was last
// asked.
func (q *queue) unreported() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.lost - q.reported
	q.reported = q.lost
	return n
}
