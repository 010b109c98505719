package pubsub

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// session is the time that a Subscriber spends with one connection. One
// goroutine reads ([session.Take] and the like), another one writes and watches
// ([session.tend]).
type session struct {
	s     *Subscriber
	conn  *conn.Conn
	sent  sentQueue // guarded by s.mu
	pings pings     // guarded by s.mu

	reader  reader
	route   route         // the reader's
	asleep  []*queue      // the reader's: to be woken
	taken   uint64        // the reader's: bytes of all that has come whole
	came    atomic.Uint64 // taken when the reader last had nothing to do
	dropped atomic.Bool   // a queue has dropped messages
}

// sentQueue is the commands that are not answered, in order.
type sentQueue struct {
	items []sent
	first int
}

func (q *sentQueue) push(x sent) { q.items = append(q.items, x) }

func (q *sentQueue) head() *sent {
	if q.first == len(q.items) {
		return nil
	}
	return &q.items[q.first]
}

func (q *sentQueue) pop() {
	q.items[q.first] = sent{}
	q.first++
	if q.first == len(q.items) {
		q.items, q.first = q.items[:0], 0
	}
}

// serve uses a connection until it breaks, and returns why.
func (s *Subscriber) serve(c *conn.Conn) error {
	ss := &session{s: s, conn: c, reader: reader{stop: c.Done()}}
	if !s.begin(ss) {
		c.Abort(ErrClosed)
		return ErrClosed
	}
	tended := make(chan struct{})
	go func() {
		defer close(tended)
		ss.tend()
	}()
	err := c.ReceiveAll(context.Background(), ss)
	c.Abort(err)
	<-tended
	ss.Idle()
	ss.reportDrops()
	return c.Err()
}

// tend writes what is wanted and watches over the link, until the connection
// breaks.
func (ss *session) tend() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	retry := time.Now().Add(refusedRetry)
	for {
		ss.write()
		now := time.Now()
		if now.After(retry) {
			retry = now.Add(refusedRetry)
			ss.s.mu.Lock()
			ss.s.retryRefusedLocked()
			ss.s.mu.Unlock()
			ss.write()
		}
		timer.Reset(ss.check(now))
		select {
		case <-ss.conn.Done():
			return
		case <-ss.s.attention:
		case <-timer.C:
			ss.reportDrops()
		}
	}
}

// write sends commands until the server has been asked for all that is wanted.
func (ss *session) write() {
	for {
		ss.s.mu.Lock()
		cmds := ss.s.nextCommandsLocked(ss)
		ss.s.mu.Unlock()
		if len(cmds) == 0 || !ss.send(cmds...) {
			return
		}
	}
}

// send bounds a write by PingTimeout. A failure breaks the connection, which
// everybody learns from that.
func (ss *session) send(cmds ...resp.Command) bool {
	ctx, cancel := context.WithTimeoutCause(context.Background(), ss.s.opts.PingTimeout, ErrSilent)
	defer cancel()
	if err := ss.conn.Send(ctx, cmds...); err != nil {
		ss.conn.Abort(err)
		return false
	}
	return true
}

// route is the topic of the last message, and who wants it: the next message is
// likely to be like it.
type route struct {
	topic   *topic
	subs    []*Subscription
	version uint64
	channel string // of the last message, where it is not the topic's name
}

// Take implements [conn.Receiver]: it delivers messages.
func (ss *session) Take(unread []byte) int {
	d, n := parseDelivery(unread)
	if n == 0 {
		return 0
	}
	ss.taken += uint64(n)
	ss.deliver(&d)
	return n
}

// Value implements [conn.Receiver]: it takes all else.
func (ss *session) Value(v resp.Value) error {
	ss.taken += uint64(len(v))
	return ss.s.reply(ss, v)
}

// Idle implements [conn.Receiver]: consumers are woken once for all messages
// that came together.
func (ss *session) Idle() {
	ss.came.Store(ss.taken)
	for i, q := range ss.asleep {
		q.rouse()
		ss.asleep[i] = nil
	}
	ss.asleep = ss.asleep[:0]
}

// deliver puts a message into the queues of those who want it.
func (ss *session) deliver(d *delivery) {
	r := &ss.route
	if r.topic == nil || r.version != ss.s.version.Load() || r.topic.kind != d.kind || r.topic.name != string(d.name) {
		ss.s.find(r, d)
	}
	if r.topic == nil {
		return
	}
	channel := r.topic.name
	if d.kind == Pattern {
		if r.channel != string(d.channel) {
			r.channel = string(d.channel)
		}
		channel = r.channel
	}
	for _, sub := range r.subs {
		if result := sub.queue.push(r.topic, channel, d.payload, &ss.reader); result != 0 {
			ss.pushed(sub, result)
		}
	}
}

// pushed acts on what a push has led to.
func (ss *session) pushed(sub *Subscription, result pushed) {
	if result&pushedAsleep != 0 {
		ss.asleep = append(ss.asleep, sub.queue)
	}
	if result&pushedDropped != 0 {
		ss.dropped.Store(true)
	}
	if result&pushedEnded != 0 {
		ss.s.detach(sub)
		ss.s.work()
	}
}

// reportDrops tells what has been dropped since it was last called.
func (ss *session) reportDrops() {
	if !ss.dropped.Swap(false) {
		return
	}
	s := ss.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subs {
		if n := sub.queue.unreported(); n > 0 {
			s.events.send(Event{Kind: EventDropped, Addr: s.at.addr, Epoch: s.at.epoch, Subscription: sub, N: n})
		}
	}
}

// find looks up who wants a message.
func (s *Subscriber) find(r *route, d *delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.topic, r.subs, r.version = s.topics[d.kind][string(d.name)], nil, s.version.Load()
	if r.topic != nil {
		r.subs = r.topic.subs
	}
}
