package conn

import (
	"context"
	"runtime"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// partBytes is the size at which a part of a batch is closed: a part is
	// written in one piece, and its replies are gathered before they are given
	// out.
	partBytes = 32 << 10
	// partCommands bounds the commands of a part, whose replies may be larger
	// than they are.
	partCommands = 512
	// maxParts is how many parts may be on their way at a time. It bounds the
	// unread bytes that a batch makes the server keep.
	maxParts = 4
)

// DoBatch sends cmds in order and calls each with the reply to cmds[i], in
// order, from the goroutine that called DoBatch. The bytes of v are valid
// during the call of each, which must be quick and must not use the
// connection: others may be waiting behind it.
//
// A batch of any size is full duplex: it never waits with writing until it
// has written all, nor the other way round, and keeps a bounded number of
// bytes on their way. Error replies are replies. When DoBatch returns an
// error, each has been called for the replies that came, and the [*Error] says
// in Sent how many commands may have left. It is safe for concurrent use; the
// commands of one batch may have those of others between them.
func (c *Conn) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	mustHave(ctx)
	if err := ctx.Err(); err != nil {
		return c.notSent(err)
	}
	for i := range cmds {
		if err := c.admit(&cmds[i]); err != nil {
			return named(c.notSent(err), &cmds[i])
		}
	}
	b := batch{conn: c, ctx: ctx, cmds: cmds, each: each}
	defer b.leave() // also when each panics: the roles must not be lost
	for b.taken < len(cmds) || b.count > 0 {
		b.send()
		if err := b.settle(); err != nil {
			return err
		}
	}
	return nil
}

// A batch is the progress of one DoBatch.
type batch struct {
	conn  *Conn
	ctx   context.Context
	cmds  []resp.Command
	each  func(i int, v resp.Value)
	id    uint32 // of this batch on its connection; 0 before its first part
	taken int    // commands encoded
	given int    // replies given out

	parts [maxParts]part // a ring: the oldest first
	first int
	count int
}

type part struct {
	call *call
	size int // commands in it
}

// send encodes parts while there is room for them, and writes.
func (b *batch) send() {
	c := b.conn
	var writer *call
	company, alone := false, false
	for b.count < maxParts && b.taken < len(b.cmds) {
		first := b.count == 0
		k, flush, others, reads := b.enlist()
		if flush {
			writer = k
			alone = first && !others && reads
		}
		company = company || others
	}
	if writer == nil {
		return
	}
	if company && c.far {
		runtime.Gosched()
	}
	if alone && !c.lookFor(writer) {
		return // its error is settled
	}
	// Nothing is in flight but this part: unless it is large, the kernel has room.
	guard := company || b.count > 1
	c.flush(writer, output{}, guard)
}

// enlist encodes the next part and queues it.
func (b *batch) enlist() (k *call, flush, others, reads bool) {
	c := b.conn
	k = c.newCall(b.ctx, 0)
	p := part{call: k}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.id == 0 {
		c.batches = max(c.batches+1, 1)
		b.id = c.batches
	}
	k.batch = b.id
	others = c.queue.n > b.count
	start := len(c.wbuf)
	for b.taken < len(b.cmds) && p.size < partCommands && (p.size == 0 || len(c.wbuf)-start < partBytes) {
		cmd := &b.cmds[b.taken]
		if cmd.Flags()&resp.Blocking != 0 {
			k.allow(cmd)
			k.blocking = true
		}
		if c.err == nil {
			c.wbuf = cmd.AppendTo(c.wbuf)
		}
		b.taken++
		p.size++
	}
	k.want = int32(p.size)
	b.push(p)
	if c.err != nil {
		k.state, k.start = failed, c.encoded
		k.err = &Error{Op: OpWrite, Addr: c.opts.Addr, Class: ClassNotSent, Err: c.err.Err}
		k.sig <- sigDone
		return k, false, false, false
	}
	c.enlist(k, len(c.wbuf)-start)
	c.gathering.joined(c.queue.n)
	if c.reader == nil && !c.writes(k) {
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
	b.parts[(b.first+b.count)%maxParts] = p
	b.count++
}

// settle waits for the oldest part and gives its replies out.
func (b *batch) settle() error {
	p := b.parts[b.first]
	k := p.call
	b.conn.await(k)
	b.parts[b.first] = part{}
	b.first = (b.first + 1) % maxParts
	b.count--
	before := b.given
	if k.err != nil {
		if !k.torn {
			b.giveOut(k)
		}
		return b.failure(before, p, k.err)
	}
	b.giveOut(k)
	k.ReleaseReply()
	return nil
}

// giveOut hands the gathered replies of a part on.
func (b *batch) giveOut(k *call) {
	start := 0
	for _, end := range k.ends {
		b.each(b.given, resp.Value(k.buf[start:end]))
		b.given++
		start = end
	}
}

// failure is the error of a part with the number of commands of the whole
// batch that may have left. before is how many came before the part.
func (b *batch) failure(before int, p part, err error) error {
	e := *err.(*Error)
	e.Sent = b.given
	if e.Class == ClassMaybeExecuted {
		e.Sent = before + p.size
	}
	for i := range b.count {
		later := b.parts[(b.first+i)%maxParts]
		if b.conn.mayHaveLeft(later.call) {
			e.Sent += later.size
		}
	}
	return &e
}

// leave abandons the parts that are still on their way.
func (b *batch) leave() {
	c := b.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; b.count > 0; b.count-- {
		k := b.parts[b.first].call
		b.first = (b.first + 1) % maxParts
		if k.state != pending {
			continue
		}
		k.state = abandoned
		if c.reader == k {
			c.passReading()
		}
	}
}

// mayHaveLeft says whether bytes of k may have been written.
func (c *Conn) mayHaveLeft(k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.state == pending || k.start < c.sent
}
