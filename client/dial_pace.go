package client

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
)

// shortLived is the age up to which the end of a connection counts as a failure to
// connect.
const shortLived = time.Second

// dialPace spaces the connections that are made for callers, from one call to the
// next: a server that lets nobody in, or hangs up soon after, is not dialled faster
// because each call begins anew. It is about one pool; another one begins afresh.
type dialPace struct {
	mu    sync.Mutex // guards what follows; nothing is taken under it
	pool  *pool.Pool
	wait  time.Duration // the next back-off
	until time.Time     // no call begins with an attempt before
	cause error         // why
	at    time.Time     // when that was; of a connection that has not lasted, when it was made
	cut   bool          // it is about a connection that has not lasted
	last  *conn.Conn    // the last one made, nil if it has been judged
	born  time.Time
}

// newDialBudget is newBudget for a connection of the caller's own. No attempt has
// been made yet.
func (c *Client) newDialBudget() budget {
	b := c.newBudget("a connection", 0)
	b.attempts, b.dials = 0, true
	return b
}

// begin gives a call the back-off that the calls before have left, and returns what
// it has to wait for; nil if it may dial at once. The wait is no more than half of
// what the call has. Its context may end before it dials: halves of what a context has
// would bring the attempts of several calls ever closer together.
func (p *dialPace) begin(b *budget, to *pool.Pool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool != to || to == nil {
		p.pool, p.wait, p.until, p.cause, p.cut, p.last = to, minRetryBackoff, time.Time{}, nil, false, nil
	}
	p.judgeLocked()
	b.wait = p.wait
	now := time.Now()
	if !now.Before(p.until) || !now.Before(b.until) {
		return nil
	}
	b.resume = p.until
	if half := now.Add(b.until.Sub(now) / 2); half.Before(b.resume) {
		b.resume = half
	}
	if p.cut {
		b.vain = maxVain // that the server answers PING was not enough before
	}
	return &earlierError{cut: p.cut, ago: now.Sub(p.at), left: b.resume.Sub(now), err: p.cause}
}

// earlierError is why a call waits before its first attempt: what an earlier one has
// failed with.
type earlierError struct {
	cut  bool          // err is of a connection that was made and has not lasted
	ago  time.Duration // since the other call failed, when this one began
	left time.Duration // for how long this one was to wait then
	err  error
}

// Error says whose error it is, how old, and what would help.
func (e *earlierError) Error() string {
	what := "an earlier call failed"
	if e.cut {
		what = "the connection of an earlier call, which has not lasted, was made"
	}
	return fmt.Sprintf("%s %v before this one, which was to dial %v after its begin: give it a context that lasts longer: %v",
		what, rounded(e.ago), rounded(e.left), e.err)
}

// Unwrap returns the error of the earlier call.
func (e *earlierError) Unwrap() error { return e.err }

// judgeLocked looks at what has become of the last connection. One that is young and
// lives says nothing yet.
func (p *dialPace) judgeLocked() {
	young := time.Since(p.born) < shortLived
	if p.last == nil || young && !p.last.Broken() {
		return
	}
	last := p.last
	p.last = nil
	if !young || ownDoing(last.Err()) {
		p.wait, p.until, p.cause, p.cut = minRetryBackoff, time.Time{}, nil, false
		return
	}
	p.cause, p.cut, p.at = last.Err(), true, p.born
	p.until = p.born.Add(around(p.wait))
	p.wait = min(2*p.wait, maxRetryBackoff)
}

// ownDoing reports whether a connection was ended on this side: by its owner, by the
// context of a call, or by a switch.
func ownDoing(err error) bool {
	if e, ok := errors.AsType[*conn.Error](err); ok && (e.Op == conn.OpWait || e.Op == conn.OpStream) {
		return true
	}
	for _, planned := range []error{conn.ErrClosed, ErrSwitched, ErrReauth, ErrClosed} {
		if errors.Is(err, planned) {
			return true
		}
	}
	return false
}

// made notes a connection, which makes up for what has failed when it lasts.
func (p *dialPace) made(b *budget, from *pool.Pool, cn *conn.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool != from {
		p.pool, p.cut, b.wait = from, false, minRetryBackoff
	}
	p.wait, p.until, p.cause, p.last, p.born = b.wait, time.Time{}, nil, cn, time.Now()
}

// failed notes that a call has given up.
func (p *dialPace) failed(b *budget, from *pool.Pool, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool == from {
		p.wait, p.until, p.cause, p.cut, p.at = b.wait, b.resume, cause, false, time.Now()
	}
}

// hungUpOn reports whether the server takes connections and ends them before their
// handshake is done, without a word: nobody needs to find out by PING whether it can
// be reached.
func hungUpOn(err error) bool {
	e, ok := errors.AsType[*conn.Error](err)
	if !ok || e.Op != conn.OpHandshake {
		return false
	}
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
