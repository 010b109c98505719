package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// missedAfter is how late a tick may be before it has been missed.
	missedAfter = time.Minute
	// longestNap is how long a schedule sleeps at once: the clock may be set meanwhile.
	longestNap = time.Minute
)

// Overlap says what is done at a tick while the message of an earlier one lives.
type Overlap uint8

const (
	// OverlapAllow gives each tick a message of its own. Its id is the name of the job,
	// an at sign and the tick in UTC. It is the default.
	OverlapAllow Overlap = iota
	// OverlapSkip enqueues nothing as long as an earlier message waits or is handled.
	// The id is the name of the job.
	OverlapSkip
	// OverlapOnce is OverlapSkip, but a job that is being handled at a tick is handled
	// once more when it is done, however many ticks there were.
	OverlapOnce
)

// CatchUp says what is done about ticks at which no process ran, or none could reach the
// server: those that are more than a minute late.
type CatchUp uint8

const (
	// CatchUpLatest enqueues the message of the latest that was missed. It is the
	// default.
	CatchUpLatest CatchUp = iota
	// CatchUpNone passes over what was missed.
	CatchUpNone
	// CatchUpAll enqueues a message for each that was missed, in their order, however
	// many there are.
	CatchUpAll
)

// Periodic is a job whose messages are enqueued by the clock.
type Periodic[T any] struct {
	// Name is that of the job in its queue. It must not be empty, and has 480 bytes at
	// most.
	Name string
	// When says at which ticks: see [Cron] and [Every].
	When When
	// Value returns the value of a tick's message. Nil means the zero value.
	Value func(tick time.Time) T
	// Options are those of the messages. An [ID] is replaced.
	Options []Option
	// Overlap and CatchUp say what is done in two special cases.
	Overlap Overlap
	// CatchUp see Overlap.
	CatchUp CatchUp
}

// ScheduleOptions of [Queue.Schedule]. The zero value is useful.
type ScheduleOptions struct {
	// OnEvent is called with every event: EventTick, and EventError of a call that is
	// repeated. It must not block, and be safe for concurrent use.
	OnEvent func(Event)
	// Logger gets every event. Nil means none.
	Logger *slog.Logger
}

// Schedule enqueues the messages of periodic jobs until ctx ends, and returns nil then.
// Any number of processes may run it with the same jobs, and should: each tick has one
// message, whoever is killed when. What was the last tick is stored with the queue, and
// changed by the script that enqueues the message; the server's clock decides whether
// a tick has come. With Options.MinReplicas replicas have both.
//
// A new job begins with the first tick after it was first scheduled. A full queue is
// tried again until there is room. The errors are ErrInvalid, [ErrFormat], and a missing
// permission; no failure of the network or of a server is a reason to return.
func (q *Queue[T]) Schedule(ctx context.Context, o ScheduleOptions, jobs ...Periodic[T]) error {
	if q.err != nil {
		return q.err
	}
	names := map[string]bool{}
	for i := range jobs {
		if err := jobs[i].check(); err != nil {
			return err
		}
		if names[jobs[i].Name] {
			return fmt.Errorf("%w: two jobs %q", ErrInvalid, jobs[i].Name)
		}
		names[jobs[i].Name] = true
		if _, err := q.tickEntry(ctx, &jobs[i], time.Now()); err != nil {
			return fmt.Errorf("mq: job %q: %w", jobs[i].Name, err)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var fatal sync.Once
	var err error
	for i := range jobs {
		s := &schedule[T]{q: q, o: o, job: &jobs[i]}
		all.Go(func() {
			if jobErr := s.run(ctx); jobErr != nil {
				fatal.Do(func() { err = jobErr; cancel(jobErr) })
			}
		})
	}
	<-ctx.Done()
	all.Wait()
	return err
}

func (p *Periodic[T]) check() error {
	switch {
	case p.Name == "" || len(p.Name) > maxID-32:
		return fmt.Errorf("%w: name of a job of %d bytes", ErrInvalid, len(p.Name))
	case p.When == nil:
		return fmt.Errorf("%w: job %q is never due", ErrInvalid, p.Name)
	case p.Overlap > OverlapOnce || p.CatchUp > CatchUpAll:
		return fmt.Errorf("%w: policies %d and %d of job %q", ErrInvalid, p.Overlap, p.CatchUp, p.Name)
	}
	return nil
}

// schedule is one job.
type schedule[T any] struct {
	q   *Queue[T]
	o   ScheduleOptions
	job *Periodic[T]
}

// run enqueues tick after tick until ctx ends.
func (s *schedule[T]) run(ctx context.Context) error {
	last, err := s.ask(ctx, time.Time{})
	for err == nil && ctx.Err() == nil {
		tick, due := s.next(last, time.Now())
		if !due {
			nap := longestNap
			if !tick.IsZero() {
				nap = min(nap, time.Until(tick))
			}
			sleep(ctx, max(nap, time.Millisecond))
			continue
		}
		last, err = s.ask(ctx, tick)
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end was asked for
	}
	return err
}

// next returns the tick to be enqueued after last, and whether it is due.
func (s *schedule[T]) next(last, now time.Time) (tick time.Time, due bool) {
	tick = s.job.When.Next(last)
	if tick.IsZero() || tick.After(now) {
		return tick, false
	}
	if s.job.CatchUp == CatchUpAll {
		return tick, true
	}
	tick = latest(s.job.When, tick, now)
	if s.job.CatchUp == CatchUpNone && now.Sub(tick) > missedAfter {
		return s.job.When.Next(tick), false
	}
	return tick, true
}

// latest returns the last tick until now. first is one.
func latest(when When, first, now time.Time) time.Time {
	for back := time.Minute; ; back *= 4 {
		from := now.Add(-back)
		if !from.After(first) {
			break
		}
		if t := when.Next(from); !t.IsZero() && !t.After(now) {
			first = t
			break
		}
	}
	for {
		t := when.Next(first)
		if t.IsZero() || t.After(now) {
			return first
		}
		first = t
	}
}

// earlyError is how long the tick has not come yet, by the server's clock.
type earlyError time.Duration

// Error says how long.
func (e earlyError) Error() string {
	return fmt.Sprintf("mq: by the server's clock the tick is %v away", time.Duration(e))
}

// ask has the message of a tick enqueued, or asks for the last one if tick is zero. It
// tries until that is done, and returns the last tick. Its errors are for ever.
func (s *schedule[T]) ask(ctx context.Context, tick time.Time) (last time.Time, err error) {
	backoff := stepBackoff
	for {
		last, err = s.call(ctx, tick)
		if err == nil {
			return last, nil
		}
		if ctx.Err() != nil || permanent(err) || errors.Is(err, ErrFormat) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrTooLarge) {
			return last, err
		}
		wait := backoff
		if early, ok := errors.AsType[earlyError](err); ok {
			wait = min(time.Duration(early), longestNap)
		} else {
			s.q.tell(Event{Kind: EventError, ID: s.job.Name, Err: err}, s.o.OnEvent, s.o.Logger)
			backoff = min(2*backoff, maxStepBackoff)
		}
		if !sleep(ctx, wait) {
			return last, ctx.Err()
		}
	}
}

// call is one attempt.
func (s *schedule[T]) call(ctx context.Context, tick time.Time) (last time.Time, err error) {
	args := make([]resp.Arg, 3, 6)
	ms := int64(0)
	if tick.IsZero() {
		args[2] = resp.Int(0)
	} else {
		e, err := s.q.tickEntry(ctx, s.job, tick)
		if err != nil {
			return last, err
		}
		args = s.q.enqueueArgs(nil, []entry{e})
		ms = tick.UnixMilli()
	}
	args[1] = resp.String(strconv.FormatInt(ms, 10) + " " + s.job.Name)
	text, err := s.q.runTick(ctx, args)
	if err != nil {
		return last, err
	}
	return s.read(text, tick)
}

// read reads the reply of the script.
func (s *schedule[T]) read(text string, tick time.Time) (last time.Time, err error) {
	if text == "" {
		return last, errReply
	}
	n, _ := strconv.ParseInt(text[1:], 10, 64)
	switch text[0] {
	case 'k':
		return time.UnixMilli(n), nil
	case 'e':
		return last, earlyError(time.Duration(n) * time.Millisecond)
	case 'F':
		return last, ErrQueueFull
	case 'a', 'u', 'q': // otherwise the message of an earlier tick lives
		s.q.tell(Event{Kind: EventTick, ID: s.job.id(tick)}, s.o.OnEvent, s.o.Logger)
	}
	return tick, nil
}

// runTick runs the script, with WAIT if replicas must have its effect.
func (c *core) runTick(ctx context.Context, args []resp.Arg) (string, error) {
	if c.opts.MinReplicas == 0 {
		text, err := tickScript.Run(ctx, c.d, c.keys, args...)
		return text, c.wrap("schedule in", err)
	}
	text, got, err := c.addAndWait(ctx, tickScript, args)
	if err == nil && got < c.opts.MinReplicas {
		err = &DurabilityError{Want: c.opts.MinReplicas, Got: got}
	}
	return text, c.wrap("schedule in", err)
}

func (p *Periodic[T]) id(tick time.Time) string {
	if p.Overlap == OverlapAllow {
		return p.Name + "@" + tick.UTC().Format(time.RFC3339)
	}
	return p.Name
}

// tickEntry is the message of a tick.
func (q *Queue[T]) tickEntry(ctx context.Context, p *Periodic[T], tick time.Time) (entry, error) {
	var v T
	if p.Value != nil {
		v = p.Value(tick)
	}
	opts := append(append(make([]Option, 0, len(p.Options)+2), p.Options...), ID(p.id(tick)))
	if p.Overlap == OverlapOnce {
		opts = append(opts, OnDuplicate(Requeue))
	}
	return q.prepare(ctx, v, opts)
}
