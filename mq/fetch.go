package mq

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

const (
	stepBackoff    = 20 * time.Millisecond
	maxStepBackoff = time.Second
	// timerSpread is over how long workers spread what they all do at the same time.
	timerSpread = 5 * time.Millisecond
	// claimWait is how long a step that claims is said to block: it does not, but what
	// blocks runs on a leased connection, beside small calls of others that would be
	// held up by its large reply, or hold it up.
	claimWait = time.Millisecond
)

// The flags of the step script.
const (
	flagForward = 1 // pass a wake-up on
	flagBusy    = 2 // not idle any more
	flagListens = 4 // may be registered as idle
)

// fetch runs steps until ctx ends or no work is possible.
func (w *worker) fetch(ctx context.Context) {
	backoff := stepBackoff
	for ctx.Err() == nil {
		n, flags, wait := w.plan()
		if wait > 0 {
			w.rest(ctx, wait)
			continue
		}
		err := w.step(ctx, n, flags)
		switch {
		case err == nil:
			backoff = stepBackoff
			continue
		case w.isFatal(err):
			w.mu.Lock()
			w.fatal = err
			w.mu.Unlock()
			return
		case ctx.Err() != nil:
			return
		}
		w.tell(Event{Kind: EventError, Err: err})
		if !sleep(ctx, backoff/2+rand.N(backoff)) {
			return
		}
		backoff = min(2*backoff, maxStepBackoff)
		w.rouse.Store(true)
	}
}

// plan says what the next step is to do, or for how long there is nothing to do. Free
// places are counted from what this process runs, never from what is stored.
func (w *worker) plan() (n, flags int, wait time.Duration) {
	now := time.Now()
	roused := w.rouse.Swap(false)
	capacity, load, waiting := w.capacity(), int(w.load.Load()), len(w.work)
	free := max(capacity-load, 0)
	w.mu.Lock()
	defer w.mu.Unlock()
	if roused || !now.Before(w.pollAt) {
		w.more = true
	}
	if !w.deaf.Load() {
		flags = flagListens
	}
	n = min(free, maxClaim)
	switch {
	case w.owesLocked(now): // first tell what is done
		return 0, flags, 0
	case w.more && w.mayClaim(free, waiting, load, capacity):
		return n, flags, 0
	case roused && free == 0:
		return 0, flags | flagForward | flagBusy, 0
	case len(w.settles) >= settleBatch && !w.settles[0].at.After(now):
		return n, flags, 0
	case len(w.settles) > 0:
		if wait = settleLinger - now.Sub(w.settles[0].at); wait <= 0 {
			return n, flags, 0
		}
		return 0, 0, wait
	case w.more: // a handler that ends tells
		return 0, 0, w.o.PollInterval
	}
	return 0, 0, max(w.pollAt.Sub(now), time.Microsecond)
}

// owesLocked reports whether more outcomes wait than one step takes.
func (w *worker) owesLocked(now time.Time) bool {
	n := len(w.settles)
	return n > 0 && !w.settles[0].at.After(now) && (n > maxSettle || fitting(w.settles) < n)
}

// mayClaim reports whether there are places enough for a step of their own, or handlers
// would be idle without one.
func (w *worker) mayClaim(free, waiting, load, capacity int) bool {
	return free > 0 && (2*free >= capacity || waiting == 0 && !w.wouldGather(free, load, capacity))
}

// wouldGather reports whether places become free so fast that a step had better wait
// for more of them: handlers need less than settleLinger, after which one goes anyway.
func (w *worker) wouldGather(free, load, capacity int) bool {
	avg := time.Duration(w.avg.Load())
	return avg > 0 && avg < settleLinger && load > 0 && 4*free < capacity
}

// capacity is how many messages this worker wants to have: those it handles, and what
// its handlers need prefetchTime for.
func (w *worker) capacity() int {
	avg := w.avg.Load()
	if avg == 0 || w.o.MaxPrefetch == 0 {
		return w.o.Concurrency
	}
	more := int64(w.o.Concurrency) * int64(prefetchTime) / avg
	if time.Duration(avg) > prefetchTime {
		more = 0
	}
	return w.o.Concurrency + int(min(more, int64(w.o.MaxPrefetch)))
}

// rest waits for something to do.
func (w *worker) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.wake:
	case <-t.C:
	case <-ctx.Done():
	}
}

// step settles what waits, and claims up to n messages.
func (w *worker) step(ctx context.Context, n, flags int) error {
	batch := w.takeSettles()
	token := ""
	if n > 0 {
		token = w.newToken()
	}
	args := w.stepArgs(batch, token, n, flags)
	cctx, cancel := outlive(ctx, stepGrace, stepTimeout)
	defer cancel()
	sent := time.Now()
	reply, err := w.runStep(cctx, n, args)
	w.counts.steps.Add(1)
	if err != nil {
		return w.failStep(err, batch, token)
	}
	w.noteTimeOf(sent, reply.now)
	w.settled(batch, reply.results)
	w.schedule(n, &reply)
	if reply.crashed > 0 {
		w.tell(Event{Kind: EventCrashed, N: int(reply.crashed)})
	}
	w.receive(reply.claimed, token, sent)
	return nil
}

// outlive returns a context that ends when ctx has ended for grace, after most at the
// latest.
func outlive(ctx context.Context, grace, most time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
	stop := context.AfterFunc(ctx, func() {
		if sleep(out, grace) {
			cancel()
		}
	})
	return out, func() { stop(); cancel() }
}

func (w *worker) newToken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	return w.id + "/" + strconv.FormatUint(w.seq, 36)
}

// takeSettles takes outcomes off the list. Of a worker that stops, releases come last,
// the latest claimed first, for each is put before those that are there.
func (w *worker) takeSettles() []settle {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping {
		slices.SortStableFunc(w.settles, func(a, b settle) int {
			switch first, second := a.op == opRelease, b.op == opRelease; {
			case first && second:
				return int(b.d.order) - int(a.d.order)
			case first:
				return 1
			case second:
				return -1
			}
			return 0
		})
	}
	n := fitting(w.settles[:min(w.sendableLocked(), maxSettle)])
	batch := w.settles[:n:n]
	w.settles = w.settles[n:]
	return batch
}

// fitting returns how many outcomes fit into one script: results may be large.
func fitting(all []settle) int {
	bytes := 0
	for i := range all {
		if bytes += len(all[i].arg); i > 0 && bytes > batchBytes {
			return i
		}
	}
	return len(all)
}

// sendableLocked returns how many outcomes may be sent now.
func (w *worker) sendableLocked() int {
	if !w.keepBack {
		return len(w.settles)
	}
	n := 0
	for i := range w.settles {
		if w.settles[i].op != opRelease {
			n++
		}
	}
	return n
}

func (w *worker) stepArgs(batch []settle, token string, n, flags int) []resp.Arg {
	believed := int64(0)
	if time.Now().UnixNano() >= w.calmUntil.Load() {
		believed = w.clock.believed()
	}
	args := make([]resp.Arg, 0, 9+4*len(batch))
	args = append(args, resp.String(w.id), resp.String(token), resp.Int(int64(n)),
		resp.Int(w.o.Lease.Milliseconds()), resp.Int(believed), resp.Int(int64(w.o.MaxCrashes)),
		resp.Int(int64(flags)), resp.Int(int64(w.o.ClaimBytes)), resp.Int(int64(w.o.MaxDead)))
	for i := range batch {
		s := &batch[i]
		args = append(args, resp.String(opNames[s.op]), resp.String(s.d.id), resp.String(s.d.token), resp.String(s.arg))
	}
	return args
}

// opNames are the ops as strings, which an argument points to.
var opNames = map[byte]string{
	opAck: "A", opAckMore: "B", opResult: "C", opRetry: "R", opSnooze: "S", opRelease: "L", opDead: "D", opBury: "F",
}

func (w *worker) runStep(ctx context.Context, n int, args []resp.Arg) (stepReply, error) {
	cmd := stepScript.EvalSha(w.c.keys, args...)
	reply, err := flagStep(cmd, n).Do(ctx, w.c.d)
	if errors.Is(err, redis.ErrNoScript) {
		return flagStep(stepScript.Eval(w.c.keys, args...), n).Do(ctx, w.c.d)
	}
	return reply, err
}

// flagStep marks a step that claims as blocking, so that it runs on a lease, and
// another one as harmless when repeated.
func flagStep(cmd redis.Cmd[stepReply], n int) redis.Cmd[stepReply] {
	if n == 0 {
		return cmd.Idempotent()
	}
	cmd.Command = cmd.Command.WithTimeout(claimWait)
	return cmd
}

// failStep keeps what has to be sent again, and has claims that may have been executed
// recovered.
func (w *worker) failStep(err error, batch []settle, token string) error {
	class := redis.ClassOf(err)
	doubt := class != redis.ClassNotSent && class != redis.ClassRejected
	w.mu.Lock()
	for i := range batch {
		batch[i].sent = batch[i].sent || doubt
	}
	w.settles = append(batch, w.settles...)
	if doubt && token != "" {
		w.unknown[token] = time.Now().Add(w.o.Lease)
	}
	w.mu.Unlock()
	if doubt {
		poke(w.beat) // which recovers
	}
	return w.c.wrap("step", err)
}

// isFatal reports whether a step will fail for the same reason for ever.
func (w *worker) isFatal(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, ErrFormat) || errors.Is(err, redis.ErrNoPerm) || errors.Is(err, redis.ErrWrongType) {
		return true
	}
	_, bad := errors.AsType[*redis.ArgError](err)
	return bad
}

// settled reads the results of outcomes.
func (w *worker) settled(batch []settle, results string) {
	if len(results) != len(batch) {
		w.tell(Event{Kind: EventError, Err: errReply})
	}
	for i := range batch {
		s := &batch[i]
		result := byte(letterGone)
		if i < len(results) {
			result = results[i]
		}
		w.mu.Lock()
		if result == letterOOM {
			s.sent, s.at = true, time.Now().Add(maxStepBackoff)
			w.settles = append(w.settles, *s)
			w.mu.Unlock()
			continue
		}
		if w.held[s.d.id] == s.d {
			delete(w.held, s.d.id)
		}
		if w.asking > 0 {
			w.ended[lease{s.d.id, s.d.token}] = struct{}{}
		}
		w.mu.Unlock()
		s.d.ctx.cancel(context.Canceled)
		if s.done() && (result == letterDone || result == letterGone && s.sent) {
			w.counts.handled.Add(1)
		}
		switch {
		case result == letterLost && !s.sent:
			w.lose(s.d, ErrLeaseLost)
		case result == letterGone && !s.sent:
			w.lose(s.d, ErrCanceled)
		}
	}
}

// schedule says when to ask again.
func (w *worker) schedule(n int, r *stepReply) {
	if n == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.more = r.next == -2 && r.state == 0
	wait := w.o.PollInterval*4/5 + rand.N(w.o.PollInterval*2/5+1)
	if r.next >= 0 {
		wait = min(wait, time.Duration(r.next)*time.Millisecond+rand.N(timerSpread))
	}
	w.pollAt = time.Now().Add(wait)
}

// receive gives claimed messages to the handlers.
func (w *worker) receive(all []claimed, token string, sent time.Time) {
	until := deadline(sent, w.o.Lease)
	for i := range all {
		d := w.accept(&all[i], token, until)
		w.load.Add(1)
		select {
		case w.work <- d:
		default: // recovered messages have taken the room
			w.load.Add(-1)
			w.addSettle(d, opRelease, "")
		}
	}
}

// accept makes a delivery of a claimed message. Without a token it is one that was
// recovered, and nil is returned if staleLocked says so.
func (w *worker) accept(m *claimed, token string, until time.Time) *delivery {
	d := &delivery{claimed: *m, ctx: newLeaseContext(w.root, until)}
	if token != "" {
		d.token = token
	}
	d.rec, d.recErr = w.c.record(m.record)
	w.mu.Lock()
	w.order++
	d.order = w.order
	before := w.held[d.id]
	if token == "" && w.staleLocked(d) {
		w.mu.Unlock()
		return nil
	}
	w.held[d.id] = d
	w.mu.Unlock()
	if before != nil { // the server has given it away, and now it is ours again
		w.lose(before, ErrLeaseLost)
	}
	return d
}

// staleLocked reports whether a message that was recovered is here already, by its token
// or by one of a later claim, or was when the server was asked: its answer may be older
// than what has settled the message, or claimed it again. If it is the older claim that was
// carried out last, the server is asked again, as recover does in any case.
func (w *worker) staleLocked(d *delivery) bool {
	if before := w.held[d.id]; before != nil && !newer(d.token, before.token) {
		return true
	}
	_, ended := w.ended[lease{d.id, d.token}]
	return ended
}

// newer reports whether token a of this worker was made after its token b: see newToken.
func newer(a, b string) bool {
	return len(a) > len(b) || len(a) == len(b) && a > b
}
