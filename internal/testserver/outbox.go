package testserver

import "sync"

type opKind uint8

const (
	opWrite opKind = iota
	opCloseWrite
	opClose
	opReset
)

// outOp is a step of the writer.
type outOp struct {
	kind opKind
	data []byte
}

// outbox is the unbounded output queue of a connection, as in Redis.
type outbox struct {
	mu     sync.Mutex
	cond   *sync.Cond
	ops    []outOp
	busy   bool // the writer holds an op
	closed bool
	size   int // of a chunk
	pause  func(stop <-chan struct{})
	cutAt  int // bytes until the cut; negative: none
	empty  chan struct{}
}

func (b *outbox) init(chunk int, pause func(<-chan struct{})) {
	b.cond = sync.NewCond(&b.mu)
	b.size, b.pause, b.cutAt = chunk, pause, -1
}

func (b *outbox) put(op outOp) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.ops = append(b.ops, op)
	b.cond.Signal()
}

// next waits for an op. Neighbouring writes come as one.
func (b *outbox) next() (outOp, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.ops) == 0 && !b.closed {
		b.cond.Wait()
	}
	if b.closed {
		return outOp{}, false
	}
	op := b.ops[0]
	n := 1
	for op.kind == opWrite && n < len(b.ops) && b.ops[n].kind == opWrite {
		op.data = append(op.data, b.ops[n].data...)
		n++
	}
	b.ops = append(b.ops[:0], b.ops[n:]...)
	b.busy = true
	return op, true
}

func (b *outbox) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = false
	b.announce()
}

func (b *outbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.ops = nil
	b.cond.Broadcast()
	b.announce()
}

// announce wakes drained when nothing is left; b.mu is held.
func (b *outbox) announce() {
	if b.empty != nil && (b.closed || len(b.ops) == 0 && !b.busy) {
		close(b.empty)
		b.empty = nil
	}
}

// drained waits until everything has been written.
func (b *outbox) drained(stop <-chan struct{}) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	if len(b.ops) == 0 && !b.busy {
		b.mu.Unlock()
		return true
	}
	if b.empty == nil {
		b.empty = make(chan struct{})
	}
	ch := b.empty
	b.mu.Unlock()
	select {
	case <-ch:
		return true
	case <-stop:
		return false
	}
}

// plan says how many of n bytes to write now, what to do afterwards, and
// whether the connection ends after them.
func (b *outbox) plan(n int) (now int, pause func(<-chan struct{}), cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size > 0 && n > b.size {
		n = b.size
	}
	if b.cutAt >= 0 {
		if n >= b.cutAt {
			return b.cutAt, nil, true
		}
		b.cutAt -= n
	}
	return n, b.pause, false
}

func (b *outbox) cutAfter(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cutAt = n
}

func (b *outbox) chunk(n int, pause func(<-chan struct{})) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size, b.pause = n, pause
}

// command is a parsed command, or the reason why there are no more.
type command struct {
	args []string
	call int // number in the log
	bad  *ProtocolError
}

// inbox holds the commands that were read and not yet executed.
type inbox struct {
	mu     sync.Mutex
	cond   *sync.Cond
	cmds   []command
	busy   bool
	closed bool
	empty  chan struct{}
}

func (b *inbox) init() { b.cond = sync.NewCond(&b.mu) }

func (b *inbox) put(cmd command) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cmds = append(b.cmds, cmd)
	b.cond.Signal()
}

// close says that no more commands will come.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.cond.Broadcast()
}

func (b *inbox) take() (command, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.cmds) == 0 {
		if b.closed {
			return command{}, false
		}
		b.cond.Wait()
	}
	cmd := b.cmds[0]
	b.cmds = append(b.cmds[:0], b.cmds[1:]...)
	b.busy = true
	return cmd, true
}

func (b *inbox) finished() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = false
	if b.empty != nil && len(b.cmds) == 0 {
		close(b.empty)
		b.empty = nil
	}
}

// idle waits until every command has been executed.
func (b *inbox) idle(stop <-chan struct{}) bool {
	b.mu.Lock()
	if len(b.cmds) == 0 && !b.busy {
		b.mu.Unlock()
		return true
	}
	ch := make(chan struct{})
	b.empty = ch
	b.mu.Unlock()
	select {
	case <-ch:
		return true
	case <-stop:
		return false
	}
}
