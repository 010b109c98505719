package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Exec runs what is queued as a transaction, MULTI to EXEC in one write on one
// connection of l: all commands are executed, with none of another client
// between them, or none is. Redis does not roll back: a command that fails
// inside EXEC fails alone, and its future says so.
//
// It returns [ErrConflict] if a key watched by [Watch] has changed and an
// [AbortError] if a command could not be queued, or the server is no master any
// more; nothing was executed then. Where the server refuses MULTI itself (an ACL, a
// proxy) it is a [NoMultiError], which says what was executed without it. After
// another error anything may have been: see [ClassOf]. It is tried once; [Transact]
// tries again where nothing was executed. Use [On] for a connection.
func (p *Pipeline) Exec(ctx context.Context, l Leaser) error {
	mustContext(ctx)
	if t, ok := l.(*Intercepted); ok && len(t.is) > 0 {
		return t.exec(ctx, p)
	}
	tx, _ := l.(*Tx)
	if tx != nil && len(tx.is) > 0 && !tx.told {
		tx.told = true
		defer func() { tx.told = false }()
		return Intercept(tx, tx.is...).exec(ctx, p)
	}
	if err := p.refuseStateful(); err != nil {
		return err
	}
	var inside, err error
	if tx != nil && !tx.over.Load() {
		inside = p.execOn(ctx, tx.c)
		err = inside
	} else {
		inside, err = p.execIn(ctx, l)
	}
	p.end()
	if tx != nil {
		tx.watching = false // EXEC ends WATCH, whatever it answers
	}
	switch {
	case err != nil && inside == nil:
		p.distrust(err) // there was no connection, or its server was no master any more
	case err != nil:
		p.lose(err)
	}
	return err
}

// refuseStateful keeps SUBSCRIBE and its like out of MULTI: they answer with more
// frames than announced, or change the connection for its next user.
func (p *Pipeline) refuseStateful() error {
	if p.err != nil {
		return p.err
	}
	if i := p.queued.NextSpecial(0); i < p.queued.Len() {
		c := p.queued.Command(i)
		return (&ArgError{Command: strings.Clone(c.Name()), Reason: "not inside a transaction"}).at(p.ran + i)
	}
	p.begin()
	p.queued.Enclose(&multi, &exec)
	return nil
}

// execIn executes the batch on a connection of l. inside is what came of it there; nil
// where err says that there was none.
func (p *Pipeline) execIn(ctx context.Context, l Leaser) (inside, err error) {
	e := freeExecutions.Get().(*execution) //nolint:forcetypeassert // nothing else is in there
	e.ctx, e.p = ctx, p
	err = l.WithConn(ctx, e.begin)
	inside = e.inside
	e.ctx, e.p, e.inside = nil, nil, nil
	freeExecutions.Put(e) // not where something has panicked
	return inside, err
}

// execution is a transaction that is to be lent a connection. It is used again, so that a
// transaction needs no memory for it.
type execution struct {
	ctx    context.Context
	p      *Pipeline
	inside error
	begin  func(*conn.Conn) error // run
}

// freeExecutions are executions that nobody uses. A program cannot tell what is in
// there.
var freeExecutions = sync.Pool{New: func() any {
	e := &execution{}
	e.begin = e.run
	return e
}}

func (e *execution) run(c *conn.Conn) error {
	e.inside = e.p.execOn(e.ctx, c)
	return e.inside
}

// execOn executes the batch on c, which is broken if its state is unknown afterwards: it
// may be inside MULTI, or still watching.
func (p *Pipeline) execOn(ctx context.Context, c *conn.Conn) error {
	unknown, err := p.exec(ctx, c)
	if unknown {
		c.Abort(err)
	}
	return err
}

// exec reports unknown when the state of the connection is.
func (p *Pipeline) exec(ctx context.Context, d EncodedDoer) (unknown bool, err error) {
	p.run, p.shift = &p.queued, 1
	if p.odd != nil {
		p.odd.tx = nil
	}
	err = d.DoEncoded(ctx, &p.queued, 0, (*txReplies)(p))
	if err == nil && p.odd == nil {
		return false, nil
	}
	return p.concludeExec(err)
}

// concludeExec says what has become of the transaction where err has kept replies from
// coming, or where there was something odd about it or about one before.
func (p *Pipeline) concludeExec(err error) (unknown bool, _ error) {
	if p.odd == nil || p.odd.tx == nil {
		return err != nil, err
	}
	t := p.odd.tx
	if err != nil {
		return true, t.cutOff(p, err)
	}
	if t.multi != nil {
		err := t.withoutMulti(p)
		p.lose(err)
		return true, err
	}
	return false, t.err
}

// multi stands for what only the server says: it refuses MULTI, EXEC and what is
// queued between them before it runs anything, scripts too.
var multi = resp.NewCommand("MULTI")

var exec = resp.NewCommand("EXEC")

// txOdd is what is known of a transaction that did not simply succeed.
type txOdd struct {
	multi   error // MULTI was refused
	ran     int   // how many commands were executed all the same
	refused error // the first command that was not queued
	index   int   // its place
	err     error // the outcome of EXEC
}

func (p *Pipeline) oddTx() *txOdd {
	odd := p.oddReplies()
	if odd.tx == nil {
		odd.tx = &txOdd{}
	}
	return odd.tx
}

// txReplies is a pipeline as the receiver of the replies to its transaction.
type txReplies Pipeline

const queuedReply = "+QUEUED\r\n"

// ReceiveRun implements resp.RunReceiver, for a transaction that succeeds, all replies of
// which have come together. Whatever else there is goes to Receive.
func (t *txReplies) ReceiveRun(first int, buf []byte, ends []int) {
	p := (*Pipeline)(t)
	n := p.ran - p.base
	if first != 0 || len(ends) != n+2 || ends[n] != len(okReply)+n*len(queuedReply) ||
		!isQueued(buf[:ends[n]]) || !p.keepResults(buf[ends[n]:], n) {
		resp.GiveEach(t, first, buf, ends)
	}
}

// isQueued reports whether b is OK, and then QUEUED for as many as there are.
func isQueued(b []byte) bool {
	if string(b[:len(okReply)]) != okReply {
		return false
	}
	for b = b[len(okReply):]; len(b) > 0; b = b[len(queuedReply):] {
		if string(b[:len(queuedReply)]) != queuedReply {
			return false
		}
	}
	return true
}

// keepResults keeps the elements of v, the reply to EXEC, if that is an array of n plain
// replies. If it is not, what has been kept is to be kept again.
func (p *Pipeline) keepResults(v resp.Value, n int) bool {
	if n == 0 || v[0] != '*' {
		return false
	}
	c := v.Cursor()
	if c.Left() != n {
		return false
	}
	if len(v) <= replyBlock {
		p.store.reserve(len(v)) // more than what is in it
	}
	rest := v[bytes.IndexByte(v, '\n')+1:]
	var ends [fewReplies]int
	size, some := 0, 0
	for i := range n {
		e, ok := c.Next()
		if !ok || e.MayBeError() {
			return false
		}
		size += len(e)
		ends[some] = size
		if some++; some == len(ends) || i == n-1 {
			p.store.putRun(p.base+i+1-some, rest[:size], ends[:some])
			rest, size, some = rest[size:], 0, 0
		}
	}
	return true
}

// Receive implements resp.Receiver.
func (t *txReplies) Receive(i int, v resp.Value) {
	p := (*Pipeline)(t)
	last := p.queued.Len() - 1
	refused := p.odd != nil && p.odd.tx != nil && p.odd.tx.multi != nil
	switch {
	case i == 0:
		if _, err := decodeValue(v, OK); err != nil {
			p.oddTx().multi = answerTo(&multi, err)
		}
	case i < last && refused:
		p.ranAlone(p.base+i-1, v)
	case i < last:
		p.heedQueued(p.base+i-1, v)
	case !refused:
		if err := p.takeResults(v); err != nil {
			p.oddTx().err = err
		}
	}
}

// ranAlone keeps the reply to a command that was sent behind a MULTI that the server
// refused: it was executed, by itself, unless the server refused it as well.
func (p *Pipeline) ranAlone(i int, v resp.Value) {
	p.keep(i, v)
	e, ok := errors.AsType[*resp.Error](p.answer(i, v.Err()))
	if !ok || !e.Refused() {
		p.odd.tx.ran++
	}
}

// cutOff is the outcome where err has kept replies from coming. It may say that nothing was
// sent: of commands behind a MULTI that was refused, where those before them have run.
func (t *txOdd) cutOff(p *Pipeline, err error) error {
	if t.ran == 0 {
		return err
	}
	p.lose(err)
	return &NoMultiError{Executed: t.ran, Queued: p.ran - p.base, Cause: fmt.Errorf("%w; %w", t.multi, err)}
}

// withoutMulti is the outcome where MULTI was refused.
func (t *txOdd) withoutMulti(p *Pipeline) error {
	if t.ran == 0 {
		return t.multi
	}
	return &NoMultiError{Executed: t.ran, Queued: p.ran - p.base, Cause: t.multi}
}

// heedQueued notes the reply that stands for QUEUED: anything else is an error of
// the command, and it will have no place in the reply of EXEC.
func (p *Pipeline) heedQueued(i int, v resp.Value) {
	if string(v) == queuedReply {
		return
	}
	word, err := view(v)
	if err == nil && string(word) == "QUEUED" {
		return
	}
	if err == nil {
		err = &DecodeError{Want: "QUEUED", Got: v.Kind()}
	}
	err = answerTo(&multi, err) // also where it is a script: nothing has run it yet
	p.blame(i, err)
	if t := p.oddTx(); t.refused == nil {
		t.refused, t.index = err, i
	}
}

// takeResults keeps the elements of the reply to EXEC, and returns what it means.
func (p *Pipeline) takeResults(v resp.Value) error {
	if v.IsNull() {
		p.lose(ErrConflict)
		return ErrConflict
	}
	if err := v.Err(); err != nil {
		return p.abort(err)
	}
	c, _, err := elems(v)
	if err != nil {
		err = ofCommand("EXEC", err)
		p.lose(err)
		return err
	}
	if len(v) <= replyBlock {
		p.store.reserve(len(v)) // more than what is in it
	}
	for i := p.base; i < p.ran; i++ {
		if p.fault(i) != nil {
			continue
		}
		e, ok := c.Next()
		if !ok {
			err := &DecodeError{Want: "a reply for each command", Got: v.Kind(), Command: "EXEC"}
			p.lose(err)
			return err
		}
		p.keep(i, e)
	}
	return nil
}

// abort explains a refused EXEC by the command that could not be queued, or by
// the error that EXECABORT quotes: READONLY, if the server has been demoted since.
func (p *Pipeline) abort(err error) error {
	a := &AbortError{Index: -1, Cause: quoted(err)}
	if p.odd != nil && p.odd.tx != nil && p.odd.tx.refused != nil {
		t := p.odd.tx
		cmd := p.queued.Command(1 + t.index - p.base)
		a.Index, a.Command, a.Cause = t.index, strings.Clone(cmd.Name()), t.refused
	}
	p.lose(a)
	return a
}

// quoted returns the error inside EXECABORT, or err itself.
func quoted(err error) error {
	e, ok := errors.AsType[*resp.Error](err)
	if !ok {
		return err
	}
	if text, ok := strings.CutPrefix(e.Message, "Transaction discarded because of: "); ok {
		e = resp.ParseError(text)
	}
	return e.AnswerTo(&multi)
}
