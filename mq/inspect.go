package mq

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Status is what is stored of a message.
type Status struct {
	Info
	State State
	// At is when a delayed message becomes ready, the lease of a leased one ends, or a
	// dead letter died, by the server's clock.
	At time.Time
	// Failures is how many attempts have failed.
	Failures int
	// Left is how many members of the [Group] have not ended whose callback it is.
	Left int
	// Reason is why a dead letter died.
	Reason string
	// Successor says that the message will be handled once more, with other content,
	// when it is done: see [Requeue].
	Successor bool
}

// stored is a message as status and list return it.
type stored struct {
	claimed
	state     byte
	at        int64
	reason    string
	successor bool
}

// status makes a Status of it.
func (c *core) status(m *stored) Status {
	left := 0
	if stateOf(m.state) == Waiting {
		left, m.failures = m.failures, 0
	}
	d := &delivery{claimed: m.claimed}
	if len(m.record) > 0 {
		d.rec, d.recErr = c.record(m.record)
	}
	s := Status{Info: d.info(c), State: stateOf(m.state), Failures: m.failures, Left: left, Reason: m.reason, Successor: m.successor}
	if m.at > 0 {
		s.At = time.UnixMilli(m.at)
	}
	if d.recErr != nil {
		s.Payload = m.record
	}
	return s
}

// Status returns what is stored of the message. If there is none, its state is
// [Absent], or [Done] within its window. A message that waits hides a dead letter of
// the same id.
func (c *core) Status(ctx context.Context, id string) (Status, error) {
	if err := c.check(id); err != nil {
		return Status{}, err
	}
	m, err := statusScript.Run(ctx, c.d, c.keys, resp.String(id))
	if err != nil {
		return Status{}, c.wrap("status of", err)
	}
	m.id = id
	return c.status(&m), nil
}

func (c *core) check(ids ...string) error {
	if c.err != nil {
		return c.err
	}
	for _, id := range ids {
		if err := checkID(id); err != nil {
			return err
		}
	}
	return nil
}

func decodeStatus(v resp.Value) (stored, error) {
	f := fieldsOf(v)
	var m stored
	if letter := f.bytes(); len(letter) == 1 {
		m.state = letter[0]
	}
	m.entry(f.bytes())
	m.at = f.float()
	m.record = append([]byte(nil), f.bytes()...)
	m.reason = f.text()
	m.successor = f.int() == 1
	return m, f.err
}

// maxPage is how many messages List returns at most.
const maxPage = 500

// List returns messages of one state ([Ready], [Blocked], [Delayed], [Leased],
// [Waiting] or [Dead]) in their order, at most limit of them, or 500, and the cursor of
// the next page; an empty cursor begins, and is returned at the end. Messages that change their place in
// between may be missed or come twice.
func (c *core) List(ctx context.Context, state State, cursor string, limit int) (page []Status, next string, err error) {
	if c.err != nil {
		return nil, "", c.err
	}
	letter := state.letter()
	if letter == "" || letter == "W" {
		return nil, "", fmt.Errorf("%w: no list of state %q", ErrInvalid, state)
	}
	skip := 0
	if cursor != "" {
		if skip, err = strconv.Atoi(cursor); err != nil || skip < 0 {
			return nil, "", fmt.Errorf("%w: cursor %q", ErrInvalid, cursor)
		}
	}
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	all, err := listScript.Run(ctx, c.d, c.keys, resp.String(letter), resp.Int(int64(skip)), resp.Int(int64(limit)))
	if err != nil {
		return nil, "", c.wrap("list", err)
	}
	for i := range all {
		all[i].state = letter[0]
		page = append(page, c.status(&all[i]))
	}
	if len(all) >= limit {
		next = strconv.Itoa(skip + len(all))
	}
	return page, next, nil
}

func decodeList(v resp.Value) ([]stored, error) {
	f := fieldsOf(v)
	f.int()
	arena := make([]byte, 0, len(v))
	var out []stored
	for f.left() > 0 && f.err == nil {
		m := stored{claimed: f.claim(&arena)}
		m.at = f.float()
		m.reason = f.text()
		out = append(out, m)
	}
	return out, f.err
}

// Stats are exact numbers of one moment.
type Stats struct {
	// Ready counts messages that could be claimed, of all priorities; High, Normal and
	// Low are its parts.
	Ready, High, Normal, Low int64
	// Delayed, Leased and Dead count the others.
	Delayed, Leased, Dead int64
	// Blocked counts messages that could be claimed, but for the limits of their keys.
	Blocked int64
	// Waiting counts callbacks of groups whose members have not all ended.
	Waiting int64
	// Idle is how many workers wait to be woken.
	Idle int64
	// OldestReady is how long ago the message was enqueued that is at the head of its
	// priority; the longest of the three. Zero if none is ready. It is what scaling
	// should go by.
	OldestReady time.Duration
	// Paused says that nothing is claimed; PausedUntil is when that ends, or the zero
	// time if it must be ended by Resume.
	Paused      bool
	PausedUntil time.Time
	// What follows counts since the queue was made.
	Enqueued, Duplicates, Handled, Retried, Snoozed, Released, Crashed, Died, Redriven, Canceled int64
	// Time is the moment, by the server's clock.
	Time time.Time
}

// Stats returns the numbers of the queue.
func (c *core) Stats(ctx context.Context) (Stats, error) {
	if c.err != nil {
		return Stats{}, c.err
	}
	s, err := statsScript.Run(ctx, c.d, c.keys)
	return s, c.wrap("stats of", err)
}

func decodeStats(v resp.Value) (Stats, error) {
	f := fieldsOf(v)
	now := f.int()
	f.bytes() // the format
	s := Stats{Time: time.UnixMilli(now), High: f.int(), Normal: f.int(), Low: f.int(), Delayed: f.int(), Leased: f.int(), Dead: f.int(), Idle: f.int()}
	s.Ready = s.High + s.Normal + s.Low
	if until := f.int(); until != 0 {
		s.Paused = true
		if until > 0 {
			s.PausedUntil = time.UnixMilli(until)
		}
	}
	for range 3 {
		if rec, err := parseRecord(f.bytes()); err == nil {
			s.OldestReady = max(s.OldestReady, s.Time.Sub(rec.enqueued))
		}
	}
	counters := map[string]*int64{
		"enqueued": &s.Enqueued, "duplicates": &s.Duplicates, "done": &s.Handled, "retried": &s.Retried,
		"snoozed": &s.Snoozed, "released": &s.Released, "crashed": &s.Crashed, "dead": &s.Died,
		"redriven": &s.Redriven, "canceled": &s.Canceled, "waiting": &s.Waiting, "blocked": &s.Blocked,
	}
	for f.left() > 0 && f.err == nil {
		name := f.text()
		n := f.int()
		if p := counters[name]; p != nil {
			*p = n
		}
	}
	return s, f.err
}
