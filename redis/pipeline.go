package redis

import (
	"context"
	"sync/atomic"

	"github.com/kermes-redis/kermes/resp"
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
	_      noCopy     // its futures belong to one pipeline: vet finds a copy
	queued resp.Batch // since the last flush
	n      int        // commands queued since the last Reset
	ran    int        // of these, commands that have been given to a Doer
	base   int        // where the running batch begins
	store  replyStore
	gen    uint32      // counts Resets, so that old futures are known
	lent   atomic.Bool // strings have been returned that are parts of blocks
	err    error       // the first command that cannot be sent
	odd    *oddReplies // nil while there are none
	run    *resp.Batch // whose replies are coming
	shift  int         // of its first command of this pipeline: 1 behind MULTI
}

// oddReplies is what few pipelines need.
type oddReplies struct {
	errs    []error // why there is no reply; empty while there is no such reason
	answers []error // error replies; empty while there is none
	scripts []scriptSource
	script  [1]scriptSource // the list of one needs no allocation
	tx      *txOdd          // of the running transaction; nil while it is an ordinary one
}

// Future is the reply of a queued command, to be read when the pipeline has run.
type Future[T any] struct {
	// These are as many words as the compiler keeps in registers. A Future of more is
	// stored in small pieces and copied in larger ones, for which the processor waits.

	p      *Pipeline
	ticket ticket
	decode Decoder[T]
	name   *byte // of the command
}

// ticket says which reply of a pipeline a future is: its index, as Batch counts, then
// when that was queued, as gen says, and how long the name of the command is.
type ticket uint64

const (
	genBits = 24
	maxGen  = 1<<genBits - 1
	maxName = 255 // longer names, in errors, are cut off
)

func (p *Pipeline) ticket(i int, name string) ticket {
	return ticket(uint32(i)) | ticket(p.gen)<<32 | ticket(min(len(name), maxName))<<(32+genBits)
}

func (t ticket) index() int   { return int(uint32(t)) }
func (t ticket) gen() uint32  { return uint32(t>>32) & maxGen }
func (t ticket) nameLen() int { return int(t >> (32 + genBits)) }

// Value decodes the reply. It returns [ErrPending] before the pipeline has run
// and after [Pipeline.Reset], and the error of the run if the reply is unknown.
// Each call decodes again.
func (f Future[T]) Value() (T, error) {
	var zero T
	v, err := f.p.replyOf(f.ticket)
	if err != nil {
		return zero, err
	}
	if isText(f.decode) && v[0] == '$' {
		if text, err := v.Bytes(); err == nil {
			f.p.lend()
			return textAs[T](text), nil
		}
	}
	if v.MayBeError() {
		if err := v.Err(); err != nil {
			return zero, f.p.answer(f.ticket.index(), err)
		}
	}
	t, err := f.decode(v)
	if err != nil {
		return t, ofCommand(nameAt(f.name, f.ticket.nameLen()), inReply(v, err))
	}
	return t, nil
}

// Err returns the error that Value would return, without the value.
func (f Future[T]) Err() error {
	_, err := f.Value()
	return err
}

// replyOf returns the reply of a future, or why there is none.
func (p *Pipeline) replyOf(t ticket) (resp.Value, error) {
	if p == nil || t.gen() != p.gen {
		return nil, ErrPending
	}
	return p.reply(t.index())
}

// reply returns the reply to command i, or why there is none.
func (p *Pipeline) reply(i int) (resp.Value, error) {
	if p.odd != nil {
		if err := p.fault(i); err != nil {
			return nil, err
		}
	}
	v := p.store.at(i)
	if len(v) == 0 {
		return nil, ErrPending
	}
	return v, nil
}

// answer returns the error reply to command i as the answer to it.
func (p *Pipeline) answer(i int, err error) error {
	if p.odd != nil && i < len(p.odd.answers) && p.odd.answers[i] != nil {
		return p.odd.answers[i]
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
	cmd := p.run.Command(i - p.base + p.shift)
	odd := p.oddReplies()
	for len(odd.answers) <= i {
		odd.answers = append(odd.answers, nil)
	}
	odd.answers[i] = answerTo(&cmd, err)
}

func (p *Pipeline) oddReplies() *oddReplies {
	if p.odd == nil {
		p.odd = &oddReplies{}
		p.odd.scripts = p.odd.script[:0]
	}
	return p.odd
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
	t, name := p.add(&cmd, nil)
	return Future[resp.Value]{p, t, Raw, name}
}

// add queues a command, and returns what a future keeps of it.
func (p *Pipeline) add(cmd *resp.Command, err *ArgError) (t ticket, name *byte) {
	i := p.n
	p.queued.Add(cmd)
	p.n++
	if err != nil {
		p.refuse(i, err)
	}
	return p.ticket(i, cmd.Name()), nameStart(cmd)
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
	if err == nil && p.odd != nil && len(p.odd.scripts) > 0 {
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
	p.run, p.shift = cmds, 0
	return doEncoded(ctx, d, cmds, 0, (*replies)(p))
}

// replies is a pipeline as the receiver of the replies to its running batch.
type replies Pipeline

// Receive implements resp.Receiver.
func (r *replies) Receive(i int, v resp.Value) {
	p := (*Pipeline)(r)
	p.keep(p.base+i, v)
}

// ReceiveRun implements resp.RunReceiver.
func (r *replies) ReceiveRun(first int, buf []byte, ends []int) {
	r.store.putRun(r.base+first, buf, ends)
}

// Reset forgets commands and replies, and keeps the memory for the next use.
// Futures of before return [ErrPending].
func (p *Pipeline) Reset() {
	p.queued.Free()
	p.store.reset(p.lent.Swap(false))
	if odd := p.odd; odd != nil {
		clear(odd.errs)
		clear(odd.answers)
		clear(odd.scripts)
		odd.errs, odd.answers, odd.scripts = odd.errs[:0], odd.answers[:0], odd.scripts[:0]
	}
	p.n, p.ran, p.base, p.err = 0, 0, 0, nil
	p.gen = (p.gen + 1) & maxGen
}

// begin makes a batch of what has been queued since the last one.
func (p *Pipeline) begin() {
	p.base, p.ran = p.ran, p.n
	p.queued.Follow(p.base)
	p.store.extend(p.ran - p.base)
}

// end gives back what the batch has borrowed.
func (p *Pipeline) end() {
	p.run = nil
	p.queued.Free()
	if odd := p.odd; odd != nil {
		clear(odd.scripts)
		odd.scripts, odd.tx = odd.scripts[:0], nil
	}
}

// keep keeps a copy of the reply to command i.
func (p *Pipeline) keep(i int, v resp.Value) {
	if v.MayBeError() {
		p.noteAnswer(i, v)
	}
	p.store.put(i, v)
}

// fault returns why command i has no reply, if there is a reason.
func (p *Pipeline) fault(i int) error {
	if p.odd != nil && i < len(p.odd.errs) {
		return p.odd.errs[i]
	}
	return nil
}

// blame makes err the reason why command i has no reply.
func (p *Pipeline) blame(i int, err error) {
	odd := p.oddReplies()
	for len(odd.errs) <= i {
		odd.errs = append(odd.errs, nil)
	}
	odd.errs[i] = err
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
		if p.store.places[i].block == noBlock && p.fault(i) == nil {
			p.blame(i, err)
		}
	}
}
