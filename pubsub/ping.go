package pubsub

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// pongPatience is how many PingTimeouts the answer to a PING may take while
	// other things come.
	pongPatience = 5
	// pongBacklog is how many bytes must come in a PingTimeout, on average, for the
	// answer to be taken for waiting behind them: no usable link is slower.
	pongBacklog = 4 << 10
	// pongEnd is after how many PingTimeouts the answer will not come, whatever else
	// does.
	pongEnd = 500
)

// pings is what is known of the server's health.
type pings struct {
	due   bool      // a PING has not been answered
	sent  time.Time // when the last one was sent
	heard time.Time // when something came last, or later
	seen  uint32    // conn.Progress then

	since time.Time // since when the answer could have come: when the PING was sent, or later
	from  uint64    // session.came then
	came  uint64    // session.came when last looked at
}

// check sends a PING when it is time and gives a silent connection up. It
// returns after how long it wants to be called again.
func (ss *session) check(now time.Time) time.Duration {
	o := ss.s.opts
	if o.PingInterval < 0 {
		return refusedRetry
	}
	ss.s.mu.Lock()
	p := &ss.pings
	blocked := ss.reader.blocked.Load()
	overdue := ss.overdueLocked(now, blocked)
	if seen := ss.conn.Progress(); seen != p.seen || blocked || p.heard.IsZero() {
		p.seen, p.heard = seen, now
	}
	silent := now.Sub(later(p.heard, p.sent))
	switch {
	case p.due && (silent >= o.PingTimeout || overdue):
		ss.s.mu.Unlock()
		ss.conn.Abort(ErrSilent)
		return o.PingTimeout
	case p.due:
		wait := o.PingTimeout - silent
		if next := o.PingInterval - now.Sub(p.sent); next > 0 {
			wait = min(wait, next)
		}
		ss.s.mu.Unlock()
		return wait
	case now.Sub(p.sent) < o.PingInterval:
		ss.s.mu.Unlock()
		return o.PingInterval - now.Sub(p.sent)
	}
	p.due, p.sent = true, now
	p.since, p.from = now, p.came
	ss.sent.push(sent{ping: true})
	ss.s.mu.Unlock()
	ss.send(resp.NewCommand("PING"))
	return min(o.PingInterval, o.PingTimeout)
}

// overdueLocked reports whether the answer to the last PING should be here, whatever
// comes instead of it: without answers nothing tells whether the server still knows the
// subscriptions. What it had queued before the PING comes first, and over a slow link
// that takes its time; so it does where the reader has waited for a consumer, or where a
// large message is on its way. s.mu is held.
func (ss *session) overdueLocked(now time.Time, blocked bool) bool {
	p := &ss.pings
	came := ss.came.Load()
	part := came == p.came && ss.conn.Progress() != p.seen
	p.came = came
	if ss.reader.waited.Swap(false) || blocked || part {
		p.since, p.from = now, came
		return false
	}
	unit := ss.s.opts.PingTimeout
	waited := now.Sub(p.since)
	return waited >= pongEnd*unit || waited >= pongPatience*unit && came-p.from < uint64(waited/unit)*pongBacklog
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pong notes the answer to a PING.
func (s *Subscriber) pong(ss *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := ss.sent.head()
	if head == nil || !head.ping {
		return errOutOfStep
	}
	s.pongedLocked(ss)
	return nil
}

// pongedLocked ends the PING at the head. All that the server was given before that
// was sent has been received. s.mu is held.
func (s *Subscriber) pongedLocked(ss *session) {
	ss.sent.pop()
	ss.pings.due = false
	if s.missing == 0 {
		s.known = later(s.known, ss.pings.sent)
	}
}
