package mq

import (
	"context"
	"sync/atomic"
	"time"
)

// leaseContext is the context of a handler. Its Err compares the clocks with the end
// of the lease, so that a process that has stood still is told before any timer
// fires. Monotonic and wall clock both count, the stricter wins: the monotonic one
// stands still while the machine sleeps.
type leaseContext struct {
	context.Context // ends by cancel
	cancel          context.CancelCauseFunc
	until           atomic.Pointer[time.Time]
}

func newLeaseContext(parent context.Context, until time.Time) *leaseContext {
	c := &leaseContext{}
	c.Context, c.cancel = context.WithCancelCause(parent)
	c.until.Store(&until)
	return c
}

// Err returns why the context has ended, and ends it if the lease has.
func (c *leaseContext) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if c.lapsed() {
		c.cancel(ErrLeaseLost)
	}
	return c.Context.Err()
}

func (c *leaseContext) lapsed() bool {
	now, until := time.Now(), *c.until.Load()
	return !now.Before(until) || !now.Round(0).Before(until.Round(0))
}

// extend moves the end of the lease.
func (c *leaseContext) extend(until time.Time) { c.until.Store(&until) }

// deadline returns the local end of a lease of d that was asked for at sent: a little
// before the server's.
func deadline(sent time.Time, d time.Duration) time.Time {
	return sent.Add(d - min(d/100+50*time.Millisecond, d/10))
}

// timedContext is one that also ends after a time.
type timedContext struct {
	context.Context
	lease *leaseContext
}

// Err returns why the context has ended; see [leaseContext.Err].
func (c *timedContext) Err() error {
	_ = c.lease.Err() // which ends this one too
	return c.Context.Err()
}
