package redis

import (
	"context"
	"slices"

	"github.com/kermes-redis/kermes/resp"
)

// keepReplies is how much memory for replies a pipeline keeps over a Reset.
const keepReplies = 256 << 10

// noCopy makes the analysis copylocks of go vet report copies of a struct.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Pipeline collects commands and sends them together: one round trip, each reply
// with its own error. The zero value is ready. It must not be copied after first
// use, nor used by several goroutines at once.
//
//	var p redis.Pipeline
//	hits := redis.Incr("hits").Queue(&p)
//	name := redis.Get("name").Queue(&p)
//	if err := p.Do(ctx, client); err != nil {
//		return err // some replies are unknown
//	}
//	n, err := hits.Value()
type Pipeline struct {
	_     noCopy // its futures belong to one pipeline: vet finds a copy
	cmds  []resp.Command
	slots []slot  // one for each command that has been given to a Doer
	errs  []error // why there is no reply; empty while there is no such reason
	buf   []byte  // the replies; slots point into it
	ran   int     // commands that have been given to a Doer
	base  int     // of the running batch
	gen   uint32  // counts Resets, so that old futures are known
	err   error   // the first command that cannot be sent

	each    func(i int, v resp.Value) // receive, made once
	scripts []scriptSource            // the scripts that this flush sends in full
	batch   []resp.Command            // MULTI, commands, EXEC
}

// slot is the place of a reply in the buffer. end is 0 while there is none.
type slot struct{ start, end int }

// Future is the reply of a queued command, to be read when the pipeline has run.
type Future[T any] struct {
	p      *Pipeline
	index  int
	gen    uint32
	decode Decoder[T]
}

// Value decodes the reply. It returns [ErrPending] before the pipeline has run
// and after [Pipeline.Reset], and the error of the run if the reply is unknown.
// Each call decodes again.
func (f Future[T]) Value() (T, error) {
	v, err := f.raw()
	if err != nil {
		var zero T
		return zero, err
	}
	t, err := decodeValue(v, f.decode)
	if err != nil {
		return t, answerTo(&f.p.cmds[f.index], err)
	}
	return t, nil
}

// Err returns the error that Value would return, without the value.
func (f Future[T]) Err() error {
	_, err := f.Value()
	return err
}

func (f Future[T]) raw() (resp.Value, error) {
	if f.p == nil || f.gen != f.p.gen {
		return nil, ErrPending
	}
	return f.p.reply(f.index)
}

// reply returns the reply to command i, or why there is none.
func (p *Pipeline) reply(i int) (resp.Value, error) {
	if err := p.fault(i); err != nil {
		return nil, err
	}
	if i >= len(p.slots) || p.slots[i].end == 0 {
		return nil, ErrPending
	}
	s := p.slots[i]
	return resp.Value(p.buf[s.start:s.end]), nil
}

// Len returns the number of commands queued since the last Reset.
func (p *Pipeline) Len() int { return len(p.cmds) }

// Add queues a command whose reply nobody decodes, and returns its raw future.
func (p *Pipeline) Add(cmd resp.Command) Future[resp.Value] {
	return Future[resp.Value]{p: p, index: p.add(&cmd, nil), gen: p.gen, decode: Raw}
}

func (p *Pipeline) add(cmd *resp.Command, err *ArgError) int {
	i := len(p.cmds)
	p.cmds = append(p.cmds, *cmd)
	if err != nil {
		p.refuse(i, err)
	}
	return i
}

// refuse notes that command i cannot be sent.
func (p *Pipeline) refuse(i int, err error) {
	p.blame(i, err)
	if p.err == nil {
		p.err = err
	}
}

// Do sends what is queued and reads the replies. An error means that replies are
// unknown: those futures return it too, and [ClassOf] tells what it means. Error
// replies and nulls are no error of the pipeline, only of their futures.
//
// A command with a bad argument fails the pipeline before anything is sent: half
// of what was meant is worse than nothing. The futures of the bad commands say
// what is wrong with them; the others are still [ErrPending].
func (p *Pipeline) Do(ctx context.Context, d Doer) error { return p.Flush(ctx, d) }

// Flush is Do in the middle: it sends what has been queued since the last flush,
// so that its futures can be read before more is queued. To stay on one
// connection, use one as the Doer.
func (p *Pipeline) Flush(ctx context.Context, d Doer) error {
	mustContext(ctx)
	if p.err != nil {
		return p.err
	}
	if p.ran == len(p.cmds) {
		return nil
	}
	if p.each == nil {
		p.each = p.receive
	}
	p.begin()
	err := d.DoBatch(ctx, p.cmds[p.base:], p.each)
	if err == nil && len(p.scripts) > 0 {
		err = p.repeatScripts(ctx, d)
	}
	p.scripts = p.scripts[:0]
	if err != nil {
		p.lose(err)
	}
	return err
}

// Reset forgets commands and replies, and keeps the memory for the next use.
// Futures of before return [ErrPending].
func (p *Pipeline) Reset() {
	clear(p.cmds)
	clear(p.errs)
	p.cmds, p.slots, p.errs, p.buf = p.cmds[:0], p.slots[:0], p.errs[:0], p.buf[:0]
	if cap(p.buf) > keepReplies {
		p.buf = nil
	}
	clear(p.scripts)
	p.scripts = p.scripts[:0]
	p.ran, p.base, p.err = 0, 0, nil
	p.gen++
}

// begin makes a batch of what has been queued since the last one.
func (p *Pipeline) begin() {
	p.base, p.ran = p.ran, len(p.cmds)
	p.slots = slices.Grow(p.slots, p.ran-p.base)[:p.ran]
	clear(p.slots[p.base:])
}

func (p *Pipeline) receive(i int, v resp.Value) { p.store(p.base+i, v) }

func (p *Pipeline) store(i int, v resp.Value) {
	start := len(p.buf)
	p.buf = append(p.buf, v...)
	p.slots[i] = slot{start, len(p.buf)}
}

// fault returns why command i has no reply, if there is a reason.
func (p *Pipeline) fault(i int) error {
	if i < len(p.errs) {
		return p.errs[i]
	}
	return nil
}

// blame makes err the reason why command i has no reply.
func (p *Pipeline) blame(i int, err error) {
	for len(p.errs) <= i {
		p.errs = append(p.errs, nil)
	}
	p.errs[i] = err
}

// distrust gives err to all commands of this batch: replies that came are not to
// be relied on.
func (p *Pipeline) distrust(err error) {
	for i := p.base; i < p.ran; i++ {
		p.blame(i, err)
	}
}

// lose gives err to the commands of this batch that have no reply.
func (p *Pipeline) lose(err error) {
	for i := p.base; i < p.ran; i++ {
		if p.slots[i].end == 0 && p.fault(i) == nil {
			p.blame(i, err)
		}
	}
}
