package mq

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// extendBatch is how many leases one call prolongs.
const extendBatch = 500

// heartbeats prolongs the leases of all messages of the worker until ctx ends, and
// recovers claims whose replies were lost.
func (w *worker) heartbeats(ctx context.Context) {
	every := w.o.Lease / 3
	wait := every
	for {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-w.beat:
			t.Stop()
		case <-t.C:
		}
		began := time.Now()
		err := w.recover(ctx)
		if beatErr := w.beatOnce(ctx); beatErr != nil {
			err = beatErr
		}
		w.expire()
		if err != nil && ctx.Err() == nil {
			w.tell(Event{Kind: EventError, Err: err})
			wait = min(every/8, maxStepBackoff)/2 + rand.N(min(every/8, maxStepBackoff)+1)
			continue
		}
		wait = max(every-time.Since(began), every/4)
	}
}

// beatOnce prolongs all leases.
func (w *worker) beatOnce(ctx context.Context) error {
	w.mu.Lock()
	all := make([]*delivery, 0, len(w.held))
	for _, d := range w.held {
		if !d.lost {
			all = append(all, d)
		}
	}
	w.mu.Unlock()
	for len(all) > 0 {
		n := min(len(all), extendBatch)
		if err := w.extend(ctx, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// extend prolongs some leases. It takes a third of a lease at most: if this call is
// held up, the next one is not behind it.
func (w *worker) extend(ctx context.Context, some []*delivery) error {
	ctx, cancel := context.WithTimeout(ctx, w.o.Lease/3)
	defer cancel()
	args := make([]resp.Arg, 1, 1+2*len(some))
	args[0] = resp.Int(w.o.Lease.Milliseconds())
	for _, d := range some {
		args = append(args, resp.String(d.id), resp.String(d.token))
	}
	sent := time.Now()
	reply, err := extendScript.Run(ctx, w.c.d, w.c.keys, args...)
	if err != nil {
		return w.c.wrap("prolong leases of", err)
	}
	if len(reply.results) != len(some) {
		return errReply
	}
	w.noteTimeOf(sent, reply.now)
	until := deadline(sent, w.o.Lease)
	for i, d := range some {
		switch reply.results[i] {
		case letterDone:
			d.ctx.extend(until)
		case letterLost:
			w.loseHeld(d, ErrLeaseLost)
		default:
			w.loseHeld(d, ErrCanceled)
		}
	}
	return nil
}

// loseHeld loses a message unless its outcome is under way: that will tell.
func (w *worker) loseHeld(d *delivery, why error) {
	w.mu.Lock()
	under := d.settled
	w.mu.Unlock()
	if !under {
		w.lose(d, why)
	}
}

// expire ends the contexts of messages whose leases have ended by the local clocks.
func (w *worker) expire() {
	w.mu.Lock()
	var ended []*delivery
	for _, d := range w.held {
		if !d.lost && !d.settled && d.ctx.lapsed() {
			ended = append(ended, d)
		}
	}
	w.mu.Unlock()
	for _, d := range ended {
		w.lose(d, ErrLeaseLost)
	}
}

// recover gets back what was claimed by calls whose replies were lost. Such a call may
// be executed later still, so it is asked about for as long as a lease.
func (w *worker) recover(ctx context.Context) error {
	w.mu.Lock()
	args := make([]resp.Arg, 1, 1+len(w.unknown))
	args[0] = resp.Int(w.o.Lease.Milliseconds())
	for token, until := range w.unknown {
		if time.Now().After(until) {
			delete(w.unknown, token)
			continue
		}
		args = append(args, resp.String(token))
	}
	if len(args) == 1 {
		w.mu.Unlock()
		return nil
	}
	if w.asking++; w.asking == 1 {
		w.ended = make(map[lease]struct{})
	}
	w.mu.Unlock()
	defer w.asked()
	ctx, cancel := context.WithTimeout(ctx, w.o.Lease/3)
	defer cancel()
	sent := time.Now()
	all, err := recoverScript.Run(ctx, w.c.d, w.c.keys, args...)
	if err != nil {
		return w.c.wrap("recover messages of", err)
	}
	until := deadline(sent, w.o.Lease)
	n := 0
	for i := range all {
		if w.resume(&all[i], until) {
			n++
		}
	}
	if n > 0 {
		w.counts.recovered.Add(uint64(n))
		w.tell(Event{Kind: EventRecovered, N: n})
	}
	return nil
}

// asked ends a call of recover.
func (w *worker) asked() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asking--; w.asking == 0 {
		w.ended = nil
	}
}

// resume gives a recovered message to the handlers, or back to the queue if they have
// no room. It reports false for one that is here already.
func (w *worker) resume(m *claimed, until time.Time) bool {
	d := w.accept(m, "", until)
	if d == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopping {
		w.load.Add(1)
		select {
		case w.work <- d:
			return true
		default:
			w.load.Add(-1)
		}
	}
	d.settled = true
	w.settles = append(w.settles, settle{d: d, op: opRelease, at: time.Now()})
	poke(w.wake)
	return true
}

// noteTimeOf compares the server's time with what is believed. If it has jumped, or is
// not that of this process when first seen, no lease is taken away from anybody until
// all workers have had the time to prolong theirs by the new time.
func (w *worker) noteTimeOf(sent time.Time, now int64) {
	jump, first := w.clock.observe(sent, time.Now(), now)
	if jump == 0 {
		return
	}
	w.calm(w.o.Lease/2 + reapGrace)
	if first {
		return
	}
	w.tell(Event{Kind: EventClockJump, Delay: jump})
	poke(w.beat)
}

// calm has no lease taken away for d.
func (w *worker) calm(d time.Duration) {
	until := time.Now().Add(d).UnixNano()
	if until > w.calmUntil.Load() {
		w.calmUntil.Store(until)
	}
}

// follow looks again after every move of the client.
func (w *worker) follow(ctx context.Context, m redis.Mover) {
	for {
		was := m.Generation()
		select {
		case <-ctx.Done():
			return
		case <-m.Moved(was):
		}
		w.calm(min(reapGrace, w.o.Lease/3))
		w.tell(Event{Kind: EventMoved})
		poke(w.beat)
		w.rouseUp()
	}
}

// rouseUp makes the fetcher look.
func (w *worker) rouseUp() {
	w.rouse.Store(true)
	poke(w.wake)
}
