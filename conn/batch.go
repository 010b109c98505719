package conn

import (
	"context"
	"runtime"

	"github.com/kermes-redis/kermes/resp"
)

// maxParts is how many parts of a batch may be on their way at a time. It bounds the
// unread bytes that a batch makes the server keep.
const maxParts = 4

// partRoom is how many bytes of a part are waited for: about as many as it has at most.
const partRoom = 32 << 10

// DoBatch is [Conn.DoBatch] without the lease.
func (c *wire) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	b := resp.BatchOf(cmds)
	return c.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(each))
}

// DoEncoded is [Conn.DoEncoded] without the lease.
func (c *wire) DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	mustHave(ctx)
	if err := ctx.Err(); err != nil {
		return placed(c.notSent(err), cmds, from)
	}
	for i := cmds.NextSpecial(from); i < cmds.Len(); i = cmds.NextSpecial(i + 1) {
		cmd := cmds.Command(i)
		if err := c.admitSpecial(&cmd); err != nil {
			return placed(c.notSent(err), cmds, i)
		}
	}
	some, _ := cmds.Flags(from)
	if isSmall(cmds, from, some) {
		if done, err := c.doAlone(ctx, cmds, from, to); done {
			return err
		}
	}
	return c.doParts(ctx, cmds, from, some, to)
}

// doParts runs a batch of any size, whoever else is there.
func (c *wire) doParts(ctx context.Context, cmds *resp.Batch, from int, some resp.Flags, to resp.Receiver) error {
	b := batch{conn: c, ctx: ctx, cmds: cmds, rest: cmds.From(from), to: to, taken: from, given: from}
	b.first, b.blocks = from, some&resp.Blocking != 0
	defer b.leave() // also when Receive panics: the roles must not be lost
	for b.taken < cmds.Len() || b.count > 0 {
		if err := b.send(); err != nil {
			return placed(err, cmds, b.given)
		}
		if err := b.giveNext(); err != nil {
			return placed(err, cmds, b.given)
		}
	}
	return nil
}

// placed adds to the error of a batch which command it is about: the first one without
// a reply.
func placed(err error, cmds *resp.Batch, i int) error {
	if e, ok := err.(*Error); ok && e.Step == "" {
		e.Step = cmds.Place(i)
	}
	return err
}

// A batch is the progress of one DoBatch.
type batch struct {
	conn   *wire
	ctx    context.Context
	cmds   *resp.Batch
	rest   resp.Rest
	to     resp.Receiver
	id     uint32 // of this batch on its connection; 0 before its first part
	blocks bool   // some of its commands do
	first  int    // command
	taken  int    // all commands before this one have been encoded
	given  int    // their replies have been given out

	parts  [maxParts]part // a ring: the oldest first
	oldest int
	count  int
}

type part struct {
	call *call
	size int // commands in it
}

// send encodes parts while there is room for them, and writes. It waits for room if no
// part is on its way, with whose replies the batch could go on.
func (b *batch) send() error {
	c := b.conn
	var writer *call
	company, alone := false, false
	for b.count < maxParts && b.taken < b.cmds.Len() {
		first := b.count == 0
		if fits, err := b.hasRoom(); err != nil {
			return err
		} else if !fits {
			break
		}
		k, flush, others, reads := b.enlist()
		if flush {
			writer = k
			alone = first && !others && reads
		}
		company = company || others
	}
	if writer == nil {
		return nil
	}
	if company && c.far {
		runtime.Gosched()
	}
	if alone && !c.lookFor(writer) {
		return nil // its error is settled
	}
	// Nothing is in flight but this part: unless it is large, the kernel has room.
	guard := company || b.count > 1
	c.flush(writer, output{}, guard)
	return nil
}

// hasRoom reports whether another part may be encoded, for which it keeps the room then.
// Without any on its way it waits until one may.
func (b *batch) hasRoom() (bool, error) {
	c := b.conn
	c.lock()
	defer c.mu.Unlock()
	if c.fullLocked() {
		if b.count > 0 {
			return false, nil
		}
		if err := c.waitForRoomLocked(b.ctx, partRoom); err != nil {
			failed := c.notSent(err)
			failed.Sent = b.given - b.first
			return false, failed
		}
	}
	c.backlog.granted += partRoom
	return true, nil
}

// enlist encodes the next part and queues it.
func (b *batch) enlist() (k *call, flush, others, reads bool) {
	c := b.conn
	k = c.newCall(b.ctx, 0)
	p := part{call: k}
	c.lock()
	defer c.mu.Unlock()
	c.backlog.granted -= partRoom
	if b.id == 0 {
		c.batches = max(c.batches+1, 1)
		b.id = c.batches
	}
	k.batch = b.id
	others = c.queue.n > b.count
	start := len(c.wbuf)
	encoded, n := b.rest.AppendTo(c.wbuf)
	if c.err == nil {
		c.wbuf = encoded
	}
	if b.blocks {
		k.blocking = true
		for i := range n {
			k.allow(b.cmds.Timeout(b.taken + i))
		}
	}
	b.taken += n
	p.size = n
	k.want = int32(n)
	b.push(p)
	if c.err != nil {
		k.state, k.start = failed, c.encoded
		k.err = &Error{Op: OpWrite, Addr: c.opts.Addr, Class: ClassNotSent, Err: c.err.Err}
		k.sig <- sigDone
		return k, false, false, false
	}
	c.enlistLocked(k, len(c.wbuf)-start)
	c.gathering.joined(c.queue.n)
	if c.reader == nil && !c.writesLocked(k) {
		c.reader, reads = k, true
		k.sig <- sigRead
	}
	if !c.flushing {
		c.flushing, c.flusher = true, k
		flush = true
	}
	return k, flush, others, reads
}

func (b *batch) push(p part) {
	b.parts[(b.oldest+b.count)%maxParts] = p
	b.count++
}

// giveNext waits for the oldest part and gives its replies out.
func (b *batch) giveNext() error {
	p := b.parts[b.oldest]
	k := p.call
	b.conn.await(k)
	b.parts[b.oldest] = part{}
	b.oldest = (b.oldest + 1) % maxParts
	b.count--
	if k.err != nil {
		return b.fail(p)
	}
	b.given += giveOut(b.to, b.given, k)
	k.ReleaseReply()
	return nil
}

// fail gives out the replies to a part that came before it failed, and returns its error.
func (b *batch) fail(p part) error {
	before := b.given
	if !p.call.torn {
		b.given += giveOut(b.to, b.given, p.call)
	}
	return b.failure(before, p, p.call.err)
}

// giveOut hands the gathered replies of k on, from number first on, and returns how many:
// by one call to who takes them so, if all of them are plain.
func giveOut(to resp.Receiver, first int, k *call) (n int) {
	if len(k.ends) > 0 && (!k.odd || allPlain(k.buf, k.ends)) {
		resp.GiveRun(to, first, k.buf, k.ends)
	} else {
		resp.GiveEach(to, first, k.buf, k.ends)
	}
	return len(k.ends)
}

func allPlain(buf []byte, ends []int) bool {
	start := 0
	for _, end := range ends {
		if resp.Value(buf[start:end]).MayBeError() {
			return false
		}
		start = end
	}
	return true
}

// failure is the error of a part with the number of commands of the whole
// batch that may have left. before is how many came before the part.
func (b *batch) failure(before int, p part, err error) error {
	e := *err.(*Error)
	e.Sent = b.given - b.first
	if e.Class == ClassMaybeExecuted {
		e.Sent = before - b.first + p.size
	}
	for i := range b.count {
		later := b.parts[(b.oldest+i)%maxParts]
		if b.conn.mayHaveLeft(later.call) {
			e.Sent += later.size
		}
	}
	return &e
}

// leave abandons the parts that are still on their way.
func (b *batch) leave() {
	c := b.conn
	c.lock()
	defer c.mu.Unlock()
	for ; b.count > 0; b.count-- {
		k := b.parts[b.oldest].call
		b.oldest = (b.oldest + 1) % maxParts
		if k.state != pending {
			continue
		}
		k.state = abandoned
		if c.reader == k {
			c.passReadingLocked()
		}
	}
}

// mayHaveLeft says whether bytes of k may have been written.
func (c *wire) mayHaveLeft(k *call) bool {
	c.lock()
	defer c.mu.Unlock()
	return k.state == pending || k.start < c.sent
}
