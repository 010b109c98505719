package mq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// Priority is one of three bands. As long as a message of a higher band is ready,
// none of a lower one is claimed.
type Priority uint8

// The bands. The zero value is Normal.
const (
	Normal Priority = iota
	High
	Low
)

// band returns the digit of the band in keys.
func (p Priority) band() byte {
	switch p {
	case High:
		return '0'
	case Low:
		return '2'
	}
	return '1'
}

// String returns "high", "normal" or "low".
func (p Priority) String() string {
	switch p {
	case High:
		return "high"
	case Normal:
		return "normal"
	case Low:
		return "low"
	}
	return "unknown"
}

// Policy says what becomes of a message whose id lives already.
type Policy uint8

const (
	// Reject refuses the new message: [ErrDuplicate]. It is the default.
	Reject Policy = iota
	// Update gives the waiting message the new content, priority and options; it
	// keeps its place, unless a delay, another priority or another [Key] is given, or
	// the key is left out: then it goes to the end, and its attempts count anew. A
	// message that is being handled, or within its window, refuses the new one.
	Update
	// Requeue is Update, and a message that is being handled gets a successor: it is
	// handled with the new content when the first is done. Of several successors the
	// last remains. A window does not refuse it.
	Requeue
)

// Option is an option of one message.
type Option func(*draft)

// draft is a message on its way into the queue.
type draft struct {
	id       string
	rec      record
	priority Priority
	policy   Policy
	key      string
	keep     time.Duration
	delay    time.Duration
	at       time.Time
	retimed  bool
	err      error
}

func (d *draft) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
}

// ID names the message: there is one of that id at a time. Without it, the message
// gets one that nobody else has. At most 512 bytes.
func ID(id string) Option {
	return func(d *draft) {
		if err := checkID(id); err != nil && d.err == nil {
			d.err = err
		}
		d.id = id
	}
}

// In delays the message. It is never handled earlier by the server's clock. Zero and
// negative delays are none.
func In(delay time.Duration) Option {
	return func(d *draft) {
		if delay > longest {
			d.fail("delay of %v", delay)
		}
		d.delay, d.at, d.retimed = max(delay, 0), time.Time{}, true
	}
}

// At delays the message until t by the server's clock. A time in the past is now.
func At(t time.Time) Option {
	return func(d *draft) {
		if t.UnixMilli() > time.Now().Add(longest).UnixMilli() {
			d.fail("time %v", t)
		}
		d.at, d.delay, d.retimed = t, 0, true
	}
}

// WithPriority puts the message in a band.
func WithPriority(p Priority) Option {
	return func(d *draft) {
		if p > Low {
			d.fail("priority %d", p)
		}
		d.priority = p
	}
}

// OnDuplicate says what is done if a message of the id lives.
func OnDuplicate(p Policy) Option {
	return func(d *draft) {
		if p > Requeue {
			d.fail("policy %d", p)
		}
		d.policy = p
	}
}

// Window keeps the id taken for w after the message is done: until then, another
// message of the id is refused. It is freed by [Queue.Clear] and [Queue.Purge].
func Window(w time.Duration) Option {
	return func(d *draft) {
		if w > longest || w < 0 {
			d.fail("window of %v", w)
		}
		d.rec.window = w
	}
}

// MaxAttempts is how often this message is handled before it is a dead letter.
// Negative means no end.
func MaxAttempts(n int) Option {
	return func(d *draft) {
		if n < 0 {
			n = endless
		}
		d.rec.maxAttempts = min(n, endless)
	}
}

// endless is a number of attempts that is never reached.
const endless = 1 << 30

// Timeout ends the context of the message's handler after t, with
// context.DeadlineExceeded as its cause.
func Timeout(t time.Duration) Option {
	return func(d *draft) {
		if t < time.Millisecond || t > longest {
			d.fail("timeout of %v", t)
		}
		d.rec.timeout = t
	}
}

// Kind names the kind of the message, for workers that handle several. See [Kinds].
func Kind(kind string) Option {
	return func(d *draft) {
		if len(kind) > maxKind {
			d.fail("kind of %d bytes", len(kind))
		}
		d.rec.kind = kind
	}
}

// Key makes the message one of a key. Of each key, as many messages are handled at a time,
// and as often, as the [Limits] of the queue say: without any, one at a time, in the
// order in which they became ready, whatever their priority. One that waits for its next
// attempt holds back those behind it. At most 256 bytes.
func Key(key string) Option {
	return func(d *draft) {
		if key == "" || len(key) > maxKey {
			d.fail("key of %d bytes", len(key))
		}
		d.key = key
	}
}

// KeepResult keeps for d what becomes of the message when it has ended, for
// [Queue.Await]: what its handler has set by [Msg.SetResult], or why it is a dead letter.
// The end of a message without KeepResult leaves what another of its id has left.
func KeepResult(d time.Duration) Option {
	return func(m *draft) {
		if d < time.Millisecond || d > longest {
			m.fail("result kept for %v", d)
		}
		m.keep = d
	}
}

// Header adds a header, which the handler finds in [Info.Headers]. All headers of a
// message have 16 KiB at most.
func Header(name, value string) Option {
	return func(d *draft) {
		if d.rec.headers == nil {
			d.rec.headers = make(map[string]string)
		}
		d.rec.headers[name] = value
	}
}

// Action says what an enqueue has done.
type Action string

// The actions.
const (
	Added     Action = "added"
	Updated   Action = "updated"   // the message that waits has the new content
	Requeued  Action = "requeued"  // it will be handled when the one that is being handled is done
	Duplicate Action = "duplicate" // nothing was done
	Full      Action = "full"      // nothing was done
)

// Result is what has become of a message.
type Result struct {
	// ID is that of the message, and of the one that lives if it was a duplicate.
	ID string
	// Action is what was done.
	Action Action
	// State is that of the living message if it was a duplicate.
	State State
	// PriorDead says that there is a dead letter of the same id.
	PriorDead bool
}

// Err returns nil, a *[DuplicateError], or [ErrQueueFull].
func (r Result) Err() error {
	switch r.Action {
	case Duplicate:
		return &DuplicateError{ID: r.ID, State: r.State}
	case Full:
		return ErrQueueFull
	}
	return nil
}

// Item is one message of a batch.
type Item[T any] struct {
	Value   T
	Options []Option
}

// Enqueue adds a message and returns when the server, and Options.MinReplicas
// replicas, have it.
//
// The errors are a *[DuplicateError], also when the message was there because an
// Enqueue of the same id returned an error before; [ErrQueueFull]; before any I/O
// [ErrInvalid] and [ErrTooLarge]; a *[DurabilityError]; a *[FormatError]; and those
// of the client. After one of class redis.ClassMaybeExecuted the message may be in
// the queue: to be sure, enqueue it again with the same id. A reply that is lost with
// its connection is no such case: the client asks again, and the server remembers.
func (q *Queue[T]) Enqueue(ctx context.Context, v T, opts ...Option) (Result, error) {
	results, err := q.EnqueueBatch(ctx, []Item[T]{{Value: v, Options: opts}})
	if len(results) == 0 {
		return Result{}, err
	}
	if err == nil {
		err = results[0].Err()
	}
	return results[0], err
}

// EnqueueBatch adds messages in order, five hundred or one mebibyte with each round
// trip. It returns a result for each; duplicates and messages that the full queue has
// refused are no error of the batch: see [Result.Err]. After an error the results
// are those of the round trips before.
func (q *Queue[T]) EnqueueBatch(ctx context.Context, items []Item[T]) ([]Result, error) {
	if q.err != nil {
		return nil, q.err
	}
	ctx, end := q.hooked(ctx, len(items))
	results, err := q.enqueueBatch(ctx, items)
	end(err)
	return results, err
}

// hooked tells the hook that n messages are about to be enqueued. What it returns tells
// how that has ended.
func (c *core) hooked(ctx context.Context, n int) (context.Context, func(error)) {
	end := func(error) {}
	if hook := c.opts.Hooks.Enqueue; hook != nil {
		hooked, f := hook(ctx, c.name, n)
		if ctx = hooked; f != nil {
			end = f
		}
	}
	return ctx, end
}

func (q *Queue[T]) enqueueBatch(ctx context.Context, items []Item[T]) ([]Result, error) {
	ready := make([]entry, len(items))
	for i := range items {
		var err error
		if ready[i], err = q.prepare(ctx, items[i].Value, items[i].Options); err != nil {
			return nil, err
		}
	}
	results := make([]Result, 0, len(items))
	for len(ready) > 0 {
		n := chunk(ready)
		part, err := q.add(ctx, ready[:n])
		if err != nil {
			return results, err
		}
		results = append(results, part...)
		ready = ready[n:]
	}
	return results, nil
}

// Queue appends the enqueue to a pipeline, which may be one of a transaction: then
// the message is in the queue if, and only if, the rest was executed. The future's
// error does not tell of duplicates: see [Result.Err]. Options.MinReplicas does not
// apply.
func (q *Queue[T]) Queue(ctx context.Context, p *redis.Pipeline, v T, opts ...Option) redis.Future[Result] {
	e, err := entry{}, q.err
	if err == nil {
		e, err = q.prepare(ctx, v, opts)
	}
	if err != nil {
		return redis.Invalid[Result]("EVALSHA", err).Queue(p)
	}
	one := redis.NewScript(enqueueScript.Source(), func(v resp.Value) (Result, error) {
		text, err := redis.Text(v)
		if err != nil {
			return Result{}, q.wrap("enqueue", err)
		}
		results, err := resultsOf([]entry{e}, text)
		if err != nil {
			return Result{}, err
		}
		return results[0], nil
	})
	return one.QueueArgs(p, q.keys, q.enqueueArgs(nil, []entry{e})...)
}

// entry is a message as it is sent.
type entry struct {
	id, options string
	record      []byte
}

// prepare checks and encodes a message.
func (q *Queue[T]) prepare(ctx context.Context, v T, opts []Option) (entry, error) {
	var d draft
	for _, o := range opts {
		o(&d)
	}
	if d.err != nil {
		return entry{}, d.err
	}
	payload, err := encode(q.opts.Codec, v)
	if err != nil {
		return entry{}, fmt.Errorf("mq: encode: %w", err)
	}
	if q.opts.MaxPayload > 0 && len(payload) > q.opts.MaxPayload {
		return entry{}, fmt.Errorf("%w: payload of %d bytes, at most %d", ErrTooLarge, len(payload), q.opts.MaxPayload)
	}
	if d.id == "" {
		d.id = q.newID()
	}
	if q.opts.Hooks.Inject != nil {
		Header("", "")(&d)
		delete(d.rec.headers, "")
		q.opts.Hooks.Inject(ctx, d.rec.headers)
	}
	size := 0
	for k, v := range d.rec.headers {
		size += len(k) + len(v)
	}
	if size > maxHeaders {
		return entry{}, fmt.Errorf("%w: headers of %d bytes, at most %d", ErrTooLarge, size, maxHeaders)
	}
	d.rec.enqueued, d.rec.payload = time.Now(), payload
	return entry{d.id, d.options(), d.rec.append(make([]byte, 0, len(payload)+16))}, nil
}

// options returns the options as the script takes them.
func (d *draft) options() string {
	if d.policy == Reject && d.priority == Normal && d.delay == 0 && d.at.IsZero() && d.key == "" && d.keep == 0 {
		return ""
	}
	b := []byte{"ruq"[d.policy], d.priority.band(), 'k'}
	if d.retimed {
		b[2] = 'd'
	}
	switch {
	case !d.at.IsZero():
		b = strconv.AppendInt(append(b, '@'), d.at.Add(time.Millisecond-1).UnixMilli(), 10)
	case d.delay > 0:
		b = strconv.AppendInt(b, int64((d.delay+time.Millisecond-1)/time.Millisecond), 10)
	}
	if d.keep > 0 {
		b = strconv.AppendInt(append(b, '~'), int64((d.keep+time.Millisecond-1)/time.Millisecond), 10)
	}
	if d.key != "" {
		b = appendKey(append(b, '='), d.key)
	}
	return string(b)
}

// chunk returns how many entries go into one round trip.
func chunk(entries []entry) int {
	bytes := 0
	for i, e := range entries {
		bytes += len(e.record) + len(e.id)
		if i == maxBatch || i > 0 && bytes > batchBytes {
			return i
		}
	}
	return len(entries)
}

func (c *core) enqueueArgs(l *lane, entries []entry) []resp.Arg {
	args := make([]resp.Arg, 3, 3+3*len(entries))
	if l != nil {
		args[0], args[1] = l.args()
	}
	args[2] = resp.Int(c.opts.MaxLen)
	for i := range entries {
		e := &entries[i]
		args = append(args, resp.String(e.id), resp.Bytes(e.record), resp.String(e.options))
	}
	return args
}

// add runs one round trip.
func (c *core) add(ctx context.Context, entries []entry) ([]Result, error) {
	if c.opts.MinReplicas > 0 {
		return c.commit.add(ctx, c, entries)
	}
	l := c.lanes.take()
	text, err := enqueueIdempotent.Run(ctx, c.d, c.keys, c.enqueueArgs(l, entries)...)
	if err != nil {
		if redis.ClassOf(err) != redis.ClassMaybeExecuted {
			c.lanes.give(l)
		} // else it may still be under way: the lane is left behind
		return nil, c.wrap("enqueue", err)
	}
	c.lanes.give(l)
	return resultsOf(entries, text)
}

// enqueueIdempotent is the script with a lane.
var enqueueIdempotent = enqueueScript.Idempotent()

var errReply = errors.New("mq: unexpected reply of a script")

// resultsOf reads the words of the script.
func resultsOf(entries []entry, text string) ([]Result, error) {
	results := make([]Result, 0, len(entries))
	for word := range strings.SplitSeq(text, " ") {
		if len(results) == len(entries) || word == "" {
			return nil, errReply
		}
		r := Result{ID: entries[len(results)].id, Action: Duplicate, PriorDead: len(word) > 1}
		switch word[0] {
		case 'a':
			r.Action = Added
		case 'u':
			r.Action = Updated
		case 'q':
			r.Action = Requeued
		case 'f':
			r.Action = Full
		default:
			r.State = stateOf(word[0])
		}
		results = append(results, r)
	}
	if len(results) != len(entries) {
		return nil, errReply
	}
	return results, nil
}
