package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

const (
	writers = 8
	// pace is the pause between two writes of one writer.
	pace = time.Millisecond
	// tail is how long before a crash acknowledged writes may not have reached
	// a replica yet: replication is asynchronous.
	tail = 250 * time.Millisecond
)

// work is the writers and the reader, and what they have seen.
type work struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	counts [writers]atomic.Int64 // acknowledged writes
	unsure atomic.Int64          // writes that may have been executed
	failed atomic.Int64          // writes that were not
	reads  atomic.Int64

	mu       sync.Mutex
	acks     []ack
	incident *incident
	past     []*incident
	err      error
}

// ack is an acknowledged write.
type ack struct {
	key string
	at  time.Time
}

// incident is a fault and how long it kept writers waiting.
type incident struct {
	name     string
	at       time.Time
	lossless bool
	pause    time.Duration
	lost     int
}

// doer is what both writers and the reader need of the client.
type doer = redis.Doer

func startWork(ctx context.Context, d doer) *work {
	ctx, cancel := context.WithCancel(ctx)
	w := &work{cancel: cancel}
	for i := range writers {
		w.wg.Go(func() { w.write(ctx, d, i) })
	}
	w.wg.Go(func() { w.read(ctx, d) })
	return w
}

func (w *work) stop() {
	w.cancel()
	w.wg.Wait()
}

// write sets one key after the other until ctx ends.
func (w *work) write(ctx context.Context, d doer, writer int) {
	last := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("w%d:%d", writer, n)
		err := redis.Set(key, key).Do(ctx, d)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			now := time.Now()
			w.acknowledge(writer, ack{key, now}, now.Sub(last))
			last = now
		case redis.ClassOf(err) == redis.ClassMaybeExecuted:
			w.unsure.Add(1)
		default:
			w.failed.Add(1)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pace):
		}
	}
}

func (w *work) acknowledge(writer int, a ack, pause time.Duration) {
	w.counts[writer].Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acks = append(w.acks, a)
	if w.incident != nil {
		w.incident.pause = max(w.incident.pause, pause)
	}
}

// read reads back what was acknowledged last.
func (w *work) read(ctx context.Context, d doer) {
	for ctx.Err() == nil {
		w.mu.Lock()
		key := ""
		if n := len(w.acks); n > 0 {
			key = w.acks[n-1].key
		}
		w.mu.Unlock()
		got, err := redis.Get(key).Do(ctx, d)
		switch {
		case err == nil && got != key:
			w.fail(fmt.Errorf("%s holds %q", key, got))
		case err == nil:
			w.reads.Add(1)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pace):
		}
	}
}

func (w *work) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = errors.Join(w.err, err)
}

func (w *work) acknowledged() (n int64) {
	for i := range w.counts {
		n += w.counts[i].Load()
	}
	return n
}

// goOn waits for d, and until every writer has had writes acknowledged in it.
func (w *work) goOn(ctx context.Context, d time.Duration) error {
	var before [writers]int64
	for i := range before {
		before[i] = w.counts[i].Load()
	}
	until := time.Now().Add(d)
	for i := range before {
		for w.counts[i].Load() < before[i]+10 || time.Now().Before(until) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}

func (w *work) beginFault(name string, lossless bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.incident = &incident{name: name, at: time.Now(), lossless: lossless}
	w.past = append(w.past, w.incident)
}

func (w *work) endFault() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	pause := w.incident.pause
	w.incident = nil
	return pause.Round(time.Millisecond)
}

// audit looks for every acknowledged write on the master of now.
func (w *work) audit(ctx context.Context, line *timeline, d doer) error {
	const batch = 500
	lost := 0
	for from := 0; from < len(w.acks); from += batch {
		part := w.acks[from:min(from+batch, len(w.acks))]
		keys := make([]string, len(part))
		for i, a := range part {
			keys[i] = a.key
		}
		values, err := redis.MGet(keys...).Do(ctx, d)
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		for i, v := range values {
			if !v.OK {
				lost++
				w.blame(part[i])
			}
		}
	}
	line.say("audit", "%d writes acknowledged, %d lost; %d reads; %d writes failed, %d may have been executed",
		len(w.acks), lost, w.reads.Load(), w.failed.Load(), w.unsure.Load())
	return w.verdict(line)
}

// blame counts a lost write for the fault that may have cost it.
func (w *work) blame(a ack) {
	f := w.culprit(a)
	if f == nil {
		w.err = errors.Join(w.err, errors.New(strconv.Quote(a.key)+" is lost though nothing had happened"))
		return
	}
	f.lost++
	if f.lossless || a.at.After(f.at.Add(tail)) {
		w.err = errors.Join(w.err, fmt.Errorf("%s: %s, acknowledged %v after the fault, is lost", f.name, a.key, a.at.Sub(f.at).Round(time.Millisecond)))
	}
}

// culprit returns the last fault that came before a write was acknowledged, or just after
// it, if the fault may lose what has not reached the replicas; nil if there is none.
func (w *work) culprit(a ack) *incident {
	for _, f := range slices.Backward(w.past) {
		if !a.at.Before(f.at) || !f.lossless && f.at.Sub(a.at) <= tail {
			return f
		}
	}
	return nil
}

func (w *work) verdict(line *timeline) error {
	for _, f := range w.past {
		note := ""
		if f.lost > 0 && !f.lossless {
			note = " (acknowledged just before the crash, not replicated yet: see WAIT and min-replicas-to-write)"
		}
		line.say("result", "%s: writers paused for %v at most, %d acknowledged writes lost%s", f.name, f.pause.Round(time.Millisecond), f.lost, note)
	}
	return w.err
}
