package mq

import (
	"time"
)

// The ops of outcomes in the step script.
const (
	opAck     = 'A'
	opAckMore = 'B' // there is an entry in "a" to be removed
	opResult  = 'C' // there is a result too
	opRetry   = 'R'
	opSnooze  = 'S'
	opRelease = 'L'
	opDead    = 'D'
	opBury    = 'F' // a dead letter that was not handled
)

// delivery is a message that this worker has a lease of.
type delivery struct {
	claimed
	rec     record
	recErr  error // the record cannot be read
	order   uint64
	result  []byte   // of the handler
	o       *Options // of the queue
	ctx     *leaseContext
	lost    bool // guarded by worker.mu: the lease is known not to be ours
	settled bool // guarded by worker.mu: its outcome is known
}

// lease names one lease of a message: each claim of it has a token of its own.
type lease struct{ id, token string }

// info returns what the handler is told.
func (d *delivery) info(c *core) Info {
	return Info{
		Queue: c.name, ID: d.id, Kind: d.rec.kind, Attempt: d.failures + 1, MaxAttempts: c.maxAttempts(d),
		Crashes: d.crashes, Priority: d.priority, Key: d.key, EnqueuedAt: d.rec.enqueued,
		Headers: d.rec.headers, Payload: d.rec.payload,
	}
}

// maxAttempts is zero for no end.
func (c *core) maxAttempts(d *delivery) int {
	n := c.opts.MaxAttempts
	if d.rec.maxAttempts != 0 {
		n = d.rec.maxAttempts
	}
	if n < 0 || n >= endless {
		return 0
	}
	return n
}

// done reports whether the handler has returned nil.
func (s *settle) done() bool { return s.op == opAck || s.op == opAckMore || s.op == opResult }

// settle is an outcome on its way to the server.
type settle struct {
	d    *delivery
	op   byte
	arg  string
	sent bool // it may have been executed
	at   time.Time
}
