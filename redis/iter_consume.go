package redis

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Defaults of [ConsumeOptions].
const (
	DefaultConsumeBlock = 5 * time.Second
	DefaultConsumeCount = 64
	DefaultConsumeRetry = 250 * time.Millisecond
)

// ConsumeOptions are options of [Consume]. Group and Consumer are required.
type ConsumeOptions struct {
	Group, Consumer string

	// Start is where a group begins that does not exist yet. Empty is "0", the
	// first entry; [LastID] is new entries only.
	Start string

	// Count is how many entries are read at once. Zero means
	// [DefaultConsumeCount].
	Count int64

	// Block is how long the server waits for fresh entries before stale ones are
	// looked for again. Zero means [DefaultConsumeBlock].
	Block time.Duration

	// ClaimIdle lets entries be taken over that another consumer has got but not
	// acknowledged for so long. Zero takes none over. Choose more than the
	// longest that an entry takes.
	ClaimIdle time.Duration

	// Retry is the longest pause after an error; it is drawn at random. Zero
	// means [DefaultConsumeRetry].
	Retry time.Duration
}

// Consume iterates over the entries of a stream as a consumer of a group, without
// end: first those that this consumer has got before and not acknowledged, then
// fresh ones and, with ClaimIdle, stale ones of other consumers. The group and
// the stream are made if they do not exist.
//
// An entry comes again until it is acknowledged by [XAck]; the loop body does
// that, then or later. The loop may be left at any time: what has been read and
// not acknowledged comes first next time.
//
// An error is handed to the loop body. If that goes on, so does Consume, after a
// pause; entries whose delivery failed are read again. It ends when ctx does,
// with its error.
func Consume(ctx context.Context, d Doer, key string, o ConsumeOptions) iter.Seq2[Entry, error] {
	o = o.withDefaults()
	return func(yield func(Entry, error) bool) {
		c := consumer{d: d, key: key, o: o, yield: yield, last: "0"}
		for c.step(ctx) {
			if err := ctx.Err(); err != nil {
				yield(Entry{}, err)
				return
			}
		}
	}
}

func (o ConsumeOptions) withDefaults() ConsumeOptions {
	if o.Start == "" {
		o.Start = "0"
	}
	if o.Count == 0 {
		o.Count = DefaultConsumeCount
	}
	if o.Block == 0 {
		o.Block = DefaultConsumeBlock
	}
	if o.Retry == 0 {
		o.Retry = DefaultConsumeRetry
	}
	return o
}

// consumer is one iteration. It goes from ready=false (the group may be missing)
// over caughtUp=false (own entries without acknowledgement) to fresh entries; an
// error sends it back.
type consumer struct {
	d        Doer
	key      string
	o        ConsumeOptions
	yield    func(Entry, error) bool
	ready    bool
	caughtUp bool
	last     string    // the last of its entries that has been handed out
	claimAt  time.Time // when to look for stale entries next
}

// step does one thing and reports whether to go on.
func (c *consumer) step(ctx context.Context) bool {
	more, err := c.next(ctx)
	if err == nil || !more {
		return more
	}
	c.caughtUp = false // what the server has sent in vain is pending now
	if errors.Is(err, ErrNoGroup) {
		c.ready = false
	}
	if ctx.Err() != nil {
		return true // the caller of step says it
	}
	if !c.yield(Entry{}, err) {
		return false
	}
	_ = pause(ctx, c.o.Retry, nil)
	return true
}

func (c *consumer) next(ctx context.Context) (more bool, err error) {
	switch {
	case !c.ready:
		err = c.create(ctx)
		c.ready = err == nil
		return true, err
	case !c.caughtUp:
		return c.pending(ctx)
	case c.o.ClaimIdle > 0 && !time.Now().Before(c.claimAt):
		return c.claim(ctx)
	}
	return c.fresh(ctx)
}

func (c *consumer) create(ctx context.Context) error {
	err := XGroupCreate(c.key, c.o.Group, c.o.Start, XGroupOptions{MkStream: true}).Do(ctx, c.d)
	switch {
	case errors.Is(err, ErrBusyGroup):
		return nil
	case err == nil:
		c.last = "0" // the IDs of a new stream may begin anew
	}
	return err
}

// pending hands out own entries after the last one.
func (c *consumer) pending(ctx context.Context) (bool, error) {
	ss, err := XReadGroup(c.o.Group, c.o.Consumer, XReadGroupOptions{Count: c.o.Count},
		StreamID{c.key, c.last}).Do(ctx, c.d)
	if err != nil {
		return true, err
	}
	n := 0
	for _, s := range ss {
		n += len(s.Entries)
		if more, err := c.deliver(ctx, s.Entries, true); !more || err != nil {
			return more, err
		}
	}
	c.caughtUp = n == 0
	return true, nil
}

func (c *consumer) fresh(ctx context.Context) (bool, error) {
	o := XReadGroupOptions{Count: c.o.Count, Block: c.o.Block}
	if c.o.ClaimIdle > 0 {
		o.Block = min(o.Block, max(c.o.ClaimIdle/2, time.Millisecond))
	}
	ss, err := XReadGroup(c.o.Group, c.o.Consumer, o, StreamID{c.key, FreshID}).Do(ctx, c.d)
	if err != nil {
		return true, err
	}
	for _, s := range ss {
		if more, err := c.deliver(ctx, s.Entries, true); !more || err != nil {
			return more, err
		}
	}
	return true, nil
}

// claim takes over all stale entries, page by page.
func (c *consumer) claim(ctx context.Context) (bool, error) {
	for from := "0-0"; ; {
		a, err := XAutoClaim(c.key, c.o.Group, c.o.Consumer, c.o.ClaimIdle, from, c.o.Count).Do(ctx, c.d)
		if err != nil {
			return true, err
		}
		if more, err := c.deliver(ctx, a.Entries, false); !more || err != nil {
			return more, err
		}
		if from = a.Next; from == "0-0" {
			c.claimAt = time.Now().Add(c.o.ClaimIdle / 2)
			return true, nil
		}
	}
}

// deliver hands entries out. Those that have been removed from the stream are
// acknowledged: nobody can handle them.
func (c *consumer) deliver(ctx context.Context, es []Entry, own bool) (bool, error) {
	for _, e := range es {
		if own {
			c.last = e.ID
		}
		if e.Fields == nil {
			if _, err := XAck(c.key, c.o.Group, e.ID).Do(ctx, c.d); err != nil {
				return true, err
			}
			continue
		}
		if !c.yield(e, nil) {
			return false, nil
		}
	}
	return true, nil
}
