package mq

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

const (
	// waitStep bounds one WAIT: it holds up those who come after.
	waitStep = time.Second
	// commitBackoff is the wait between attempts.
	commitBackoff = 20 * time.Millisecond
)

// committer enqueues what several callers want by one script and one WAIT: while
// one batch is under way, the next collects. Its goroutine lives as long as there is
// something to do.
type committer struct {
	mu      sync.Mutex
	pending []*share
	running bool
}

// share is what one caller has in a batch.
type share struct {
	ctx     context.Context
	entries []entry
	results []Result
	err     error
	done    chan struct{}
}

// add has entries enqueued and confirmed.
func (m *committer) add(ctx context.Context, c *core, entries []entry) ([]Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &share{ctx: ctx, entries: entries, done: make(chan struct{})}
	m.mu.Lock()
	m.pending = append(m.pending, s)
	if !m.running {
		m.running = true
		go m.run(c)
	}
	m.mu.Unlock()
	select {
	case <-s.done:
		return s.results, s.err
	case <-ctx.Done():
		return nil, &DurabilityError{Want: c.opts.MinReplicas, Err: context.Cause(ctx)}
	}
}

// run commits until nothing is pending.
func (m *committer) run(c *core) {
	for {
		batch := m.next()
		if batch == nil {
			return
		}
		var entries []entry
		for _, s := range batch {
			entries = append(entries, s.entries...)
		}
		results, err := c.commitBatch(batch, entries)
		for _, s := range batch {
			if s.err = err; err == nil {
				s.results, results = results[:len(s.entries):len(s.entries)], results[len(s.entries):]
			}
			close(s.done)
		}
	}
}

// next returns shares that fit into one script.
func (m *committer) next() []*share {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.pending) == 0 {
		m.running = false
		return nil
	}
	n, bytes, taken := 0, 0, 0
	for _, s := range m.pending {
		for i := range s.entries {
			bytes += len(s.entries[i].record) + len(s.entries[i].id)
		}
		if n += len(s.entries); taken > 0 && (n > maxBatch || bytes > batchBytes) {
			break
		}
		taken++
	}
	batch := m.pending[:taken:taken]
	m.pending = m.pending[taken:]
	return batch
}

// commitBatch enqueues until enough replicas have confirmed, or DurabilityTimeout
// has passed. It repeats with the same ids in
// the same lane, whatever has become of the attempt before: the server adds nothing
// twice, and each repetition writes something, so that WAIT waits for it.
func (c *core) commitBatch(batch []*share, entries []entry) ([]Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.DurabilityTimeout)
	defer cancel()
	if len(batch) == 1 { // nobody else waits for it
		defer context.AfterFunc(batch[0].ctx, cancel)()
	}
	l := c.lanes.take()
	text, err := c.confirm(ctx, enqueueIdempotent, c.enqueueArgs(l, entries))
	if err != nil {
		return nil, err
	}
	c.lanes.give(l)
	return resultsOf(entries, text)
}

// confirm runs a script that may be repeated until enough replicas have confirmed, or
// ctx has ended.
func (c *core) confirm(ctx context.Context, script *redis.Script[string], args []resp.Arg) (string, error) {
	last := &DurabilityError{Want: c.opts.MinReplicas}
	for {
		text, got, err := c.addAndWait(ctx, script, args)
		last.Got, last.Err = got, err
		switch {
		case err == nil && got >= c.opts.MinReplicas:
			return text, nil
		case err != nil && permanent(err):
			return "", c.wrap("enqueue", err)
		}
		timer := time.NewTimer(commitBackoff)
		select {
		case <-ctx.Done():
			timer.Stop()
			if e, ok := errors.AsType[*resp.Error](err); ok {
				last.Err = e
			}
			return "", last
		case <-timer.C:
		}
	}
}

// addAndWait runs the script and WAIT in one batch, on one connection. A script that has
// not been sent yet is sent with its source: behind one that the server does not know WAIT
// would take its time for nothing.
func (c *core) addAndWait(ctx context.Context, script *redis.Script[string], args []resp.Arg) (text string, got int, err error) {
	if _, sent := c.sources.Load(script.Hash()); sent {
		text, got, err = c.runAndWait(ctx, script.EvalSha(c.keys, args...))
		if !errors.Is(err, redis.ErrNoScript) {
			return text, got, err
		}
	}
	text, got, err = c.runAndWait(ctx, script.Eval(c.keys, args...))
	if err == nil {
		c.sources.Store(script.Hash(), nil)
	}
	return text, got, err
}

func (c *core) runAndWait(ctx context.Context, script redis.Cmd[string]) (text string, got int, err error) {
	var p redis.Pipeline
	added := script.Queue(&p)
	wait := redis.Wait(c.opts.MinReplicas, min(waitStep, c.opts.DurabilityTimeout)).Queue(&p)
	if err := p.Do(ctx, c.d); err != nil {
		return "", 0, err
	}
	if text, err = added.Value(); err != nil {
		return "", 0, err
	}
	n, err := wait.Value()
	return text, int(n), err
}

// permanent reports whether an error of a script will be the same next time.
func permanent(err error) bool {
	e, ok := errors.AsType[*resp.Error](err)
	if !ok {
		_, bad := errors.AsType[*redis.ArgError](err)
		return bad
	}
	switch e.Code {
	case "MQFORMAT", "NOPERM", "WRONGTYPE":
		return true
	case "ERR", "":
		return redis.ClassOf(err) == redis.ClassAnswered
	}
	return false
}
