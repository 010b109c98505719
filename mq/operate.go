package mq

import (
	"context"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Pause stops claims by all workers, at once, until Resume. What is being handled goes
// on, and messages may be enqueued.
func (c *core) Pause(ctx context.Context) error { return c.pause(ctx, -1) }

// PauseFor is Pause that ends by itself after d.
func (c *core) PauseFor(ctx context.Context, d time.Duration) error {
	if d < time.Millisecond || d > longest {
		return fmt.Errorf("%w: pause of %v", ErrInvalid, d)
	}
	return c.pause(ctx, int64((d+time.Millisecond-1)/time.Millisecond))
}

// Resume ends a pause.
func (c *core) Resume(ctx context.Context) error { return c.pause(ctx, 0) }

func (c *core) pause(ctx context.Context, ms int64) error {
	if c.err != nil {
		return c.err
	}
	_, err := pauseScript.Run(ctx, c.d, c.keys, resp.Int(ms))
	return c.wrap("pause", err)
}

// Cancel removes a message that waits or is being handled, and its successor; the
// context of its handler ends with [ErrCanceled], and what the handler returns does
// not count. It reports whether there was such a message. Dead letters stay. Of a group
// a member that is cancelled has ended; a callback that waits is not enqueued any more,
// and the members stay.
func (c *core) Cancel(ctx context.Context, id string) (bool, error) {
	if err := c.check(id); err != nil {
		return false, err
	}
	letters, err := cancelScript.Run(ctx, c.d, c.keys, resp.String(id))
	if err != nil {
		return false, c.wrap("cancel in", err)
	}
	return letters == "1" || letters == "2", nil
}

// Redrive makes dead letters ready again, as if they were new, and returns how many.
// One whose id lives again stays what it is, and the error is a *[DuplicateError].
// Unknown ids are passed over.
func (c *core) Redrive(ctx context.Context, ids ...string) (int, error) {
	if err := c.check(ids...); err != nil {
		return 0, err
	}
	n := 0
	for len(ids) > 0 {
		part := ids[:min(len(ids), maxBatch)]
		args := append(ints(0), texts(part)...)
		letters, err := redriveScript.Run(ctx, c.d, c.keys, args...)
		if err != nil {
			return n, c.wrap("redrive in", err)
		}
		var duplicate error
		for i := range letters {
			switch letters[i] {
			case '1':
				n++
			case 'd':
				if duplicate == nil && i < len(part) {
					duplicate = &DuplicateError{ID: part[i], State: Ready}
				}
			}
		}
		if duplicate != nil {
			return n, duplicate
		}
		ids = ids[len(part):]
	}
	return n, nil
}

// RedriveAll is Redrive of up to most dead letters, the oldest first, or of all if
// most is zero. Those whose ids live again stay.
func (c *core) RedriveAll(ctx context.Context, most int) (int, error) {
	n, cursor := 0, ""
	var ids []string
	for {
		page, next, err := c.List(ctx, Dead, cursor, maxPage)
		if err != nil {
			return n, err
		}
		for i := range page {
			ids = append(ids, page[i].ID)
		}
		if cursor = next; cursor == "" || most > 0 && len(ids) >= most {
			break
		}
	}
	if most > 0 && len(ids) > most {
		ids = ids[:most]
	}
	for len(ids) > 0 {
		part := ids[:min(len(ids), maxBatch)]
		letters, err := redriveScript.Run(ctx, c.d, c.keys, append(ints(0), texts(part)...)...)
		if err != nil {
			return n, c.wrap("redrive in", err)
		}
		for i := range letters {
			if letters[i] == '1' {
				n++
			}
		}
		ids = ids[len(part):]
	}
	return n, nil
}

// Purge removes all messages of the given states, [Ready] with which [Blocked] goes,
// [Delayed], [Dead] or [Waiting], and returns how many. It also ends the windows of all
// ids, as does Purge of [Done] alone.
func (c *core) Purge(ctx context.Context, states ...State) (int64, error) {
	letters := ""
	for _, s := range states {
		if s == Leased || s == Blocked || s.letter() == "" {
			return 0, fmt.Errorf("%w: no purge of state %q", ErrInvalid, s)
		}
		letters += s.letter()
	}
	if letters == "" {
		return 0, nil
	}
	return c.purge(ctx, letters)
}

// Clear removes all messages, those that are being handled and dead letters too, and
// ends the windows of all ids. Counters, limits and a pause stay.
func (c *core) Clear(ctx context.Context) (int64, error) { return c.purge(ctx, "C") }

func (c *core) purge(ctx context.Context, letters string) (int64, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := purgeScript.Run(ctx, c.d, c.keys, resp.String(letters))
	return n, c.wrap("purge", err)
}

func texts(s []string) []resp.Arg {
	out := make([]resp.Arg, len(s))
	for i := range s {
		out[i] = resp.String(s[i])
	}
	return out
}

// Repaired is what [Queue.Repair] has found.
type Repaired struct {
	// Lost are messages that were in no list; they are ready.
	Lost int64
	// Ghosts are places in lists of messages that do not exist; they are removed.
	Ghosts int64
	// Doubles are places of messages that have another one; one is kept.
	Doubles int64
	// Halves are leases without a token, and tokens without a lease; they are removed,
	// and the message is ready.
	Halves int64
	// Guards says that a member was missing that keeps the queue fast.
	Guards bool
	// Groups are those that did not count their members rightly, or lacked something.
	// They count anew, or are removed.
	Groups int64
	// Keys are those of which a message had a place that is none of its, or was handled
	// without, or of which more waited than must. That is put right.
	Keys int64
}

// Sound reports whether nothing was wrong.
func (r Repaired) Sound() bool { return r == Repaired{} }

// Verify is Repair that changes nothing.
func (c *core) Verify(ctx context.Context) (Repaired, error) { return c.repair(ctx, 0) }

// Repair checks that every message is in exactly one place, and mends what is not. The
// scripts keep it so, also through failovers, for each is replicated as a whole: what
// Repair finds was done by somebody else. The server serves nobody else meanwhile,
// about a second for a million messages.
func (c *core) Repair(ctx context.Context) (Repaired, error) { return c.repair(ctx, 1) }

func (c *core) repair(ctx context.Context, mend int64) (Repaired, error) {
	if c.err != nil {
		return Repaired{}, c.err
	}
	n, err := repairScript.Run(ctx, c.d, c.keys, resp.Int(mend))
	if err == nil && len(n) != 7 {
		err = errReply
	}
	if err != nil {
		return Repaired{}, c.wrap("repair", err)
	}
	return Repaired{Lost: n[0], Ghosts: n[1], Doubles: n[2], Halves: n[3], Guards: n[4] == 1, Groups: n[5], Keys: n[6]}, nil
}
