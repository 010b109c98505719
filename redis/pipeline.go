package redis

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// replyBlock is how many bytes of short replies share an allocation. It bounds what
	// a string that is kept holds on to.
	replyBlock = 4 << 10
	// fewReplies is up to how many commands the list of replies needs no allocation.
	fewReplies = 3
	// keepReplies is how long a list of replies a pipeline keeps over a Reset.
	keepReplies = 16 << 10
)

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
//
// Commands are encoded as they are queued, into memory that is borrowed until they have
// been sent; replies are kept in blocks. A string that a future returns is a part of a
// block, of which it keeps 4 KiB at most.
type Pipeline struct {
	_       noCopy     // its futures belong to one pipeline: vet finds a copy
	queued  resp.Batch // since the last flush
	n       int        // commands queued since the last Reset
	ran     int        // of these, commands that have been given to a Doer
	base    int        // where the running batch begins
	replies []string   // one for each command that has been given to a Doer; "" while there is none
	few     [fewReplies]string
	block   []byte      // where replies are put; its room is not used yet
	stored  int         // bytes of replies that are in blocks
	lent    atomic.Bool // strings have been returned that are parts of it
	gen     uint32      // counts Resets, so that old futures are known
	err     error       // the first command that cannot be sent
	errs    []error     // why there is no reply; empty while there is no such reason
	answers []error     // error replies; empty while there is none
	running *resp.Batch // whose replies are coming
	shift   int         // of its first command of this pipeline: 1 behind MULTI
	scripts []scriptSource
}

// Future is the reply of a queued command, to be read when the pipeline has run.
type Future[T any] struct {
	p       *Pipeline
	index   int
	gen     uint32
	decode  Decoder[T]
	command string
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
	if err := v.Err(); err != nil {
		var zero T
		return zero, f.p.answer(f.index, err)
	}
	if t, ok := lendText(v, f.decode); ok {
		f.p.lend()
		return t, nil
	}
	t, err := f.decode(v)
	if err != nil {
		return t, ofCommand(f.command, inReply(v, err))
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
	if i >= len(p.replies) || p.replies[i] == "" {
		return nil, ErrPending
	}
	return bytesOf(p.replies[i]), nil
}

// answer returns the error reply to command i as the answer to it.
func (p *Pipeline) answer(i int, err error) error {
	if i < len(p.answers) && p.answers[i] != nil {
		return p.answers[i]
	}
	return err
}

// noteAnswer keeps the error reply to command i as the answer to it, as long as the
// command is at hand.
func (p *Pipeline) noteAnswer(i int, v resp.Value) {
	err := v.Err()
	if err == nil {
		return // an attribute before a reply
	}
	cmd := p.running.Command(i - p.base + p.shift)
	for len(p.answers) <= i {
		p.answers = append(p.answers, nil)
	}
	p.answers[i] = answerTo(&cmd, err)
}

// lend notes that a part of a block is somebody else's too.
func (p *Pipeline) lend() {
	if !p.lent.Load() { // several may read futures at a time
		p.lent.Store(true)
	}
}

// Len returns the number of commands queued since the last Reset.
func (p *Pipeline) Len() int { return p.n }

// Add queues a command whose reply nobody decodes, and returns its raw future.
func (p *Pipeline) Add(cmd resp.Command) Future[resp.Value] {
	return Future[resp.Value]{p: p, index: p.add(&cmd, nil), gen: p.gen, decode: Raw}
}

func (p *Pipeline) add(cmd *resp.Command, err *ArgError) int {
	i := p.n
	p.queued.Add(cmd)
	p.n++
	if err != nil {
		p.refuse(i, err)
	}
	return i
}

// refuse notes that command i cannot be sent.
func (p *Pipeline) refuse(i int, err *ArgError) {
	p.blame(i, err)
	if p.err == nil {
		p.err = err.at(i)
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
	if p.ran == p.n {
		return nil
	}
	p.begin()
	err := p.send(ctx, d, &p.queued)
	if err == nil && len(p.scripts) > 0 {
		err = p.repeatScripts(ctx, d)
	}
	p.end()
	if err != nil {
		p.lose(err)
	}
	return err
}

// send gives a batch to d.
func (p *Pipeline) send(ctx context.Context, d Doer, cmds *resp.Batch) error {
	p.running, p.shift = cmds, 0
	return doEncoded(ctx, d, cmds, 0, (*replies)(p))
}

// replies is a pipeline as the receiver of the replies to its running batch.
type replies Pipeline

// Receive implements resp.Receiver.
func (r *replies) Receive(i int, v resp.Value) {
	p := (*Pipeline)(r)
	p.store(p.base+i, v)
}

// Reset forgets commands and replies, and keeps the memory for the next use.
// Futures of before return [ErrPending].
func (p *Pipeline) Reset() {
	p.queued.Free()
	if cap(p.replies) > keepReplies {
		p.replies = nil
	}
	clear(p.replies)
	clear(p.errs)
	clear(p.answers)
	clear(p.scripts)
	p.replies, p.errs, p.answers, p.scripts = p.replies[:0], p.errs[:0], p.answers[:0], p.scripts[:0]
	if p.lent.Load() {
		p.block = nil
		p.lent.Store(false)
	} else if most := min(p.stored, replyBlock); most > cap(p.block) {
		p.block = make([]byte, 0, most)
	}
	p.block, p.stored = p.block[:0], 0
	p.n, p.ran, p.base, p.err = 0, 0, 0, nil
	p.gen++
}

// begin makes a batch of what has been queued since the last one.
func (p *Pipeline) begin() {
	p.base, p.ran = p.ran, p.n
	p.queued.Follow(p.base)
	if p.replies == nil && p.ran <= fewReplies {
		p.replies = p.few[:0]
	}
	p.replies = slices.Grow(p.replies, p.ran-p.base)[:p.ran]
}

// end gives back what the batch has borrowed.
func (p *Pipeline) end() {
	p.running = nil
	p.queued.Free()
	clear(p.scripts)
	p.scripts = p.scripts[:0]
}

// store keeps a copy of the reply to command i.
func (p *Pipeline) store(i int, v resp.Value) {
	if len(v) > 0 && (v[0] == '-' || v[0] == '!' || v[0] == '|') {
		p.noteAnswer(i, v)
	}
	if string(v) == okReply {
		p.replies[i] = okReply
		return
	}
	if len(v) > replyBlock/4 {
		p.replies[i] = string(v)
		return
	}
	if len(v) > cap(p.block)-len(p.block) {
		// As if all that are to come were of this size.
		p.reserve(len(v) * min(p.ran-i, replyBlock/len(v)))
	}
	p.stored += len(v)
	start := len(p.block)
	p.block = append(p.block, v...)
	p.replies[i] = textOf(p.block[start:])
}

// reserve makes room for n bytes of replies in one block.
func (p *Pipeline) reserve(n int) {
	if n > cap(p.block)-len(p.block) {
		p.block = make([]byte, 0, n)
	}
}

const okReply = "+OK\r\n"

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
		if p.replies[i] == "" && p.fault(i) == nil {
			p.blame(i, err)
		}
	}
}
