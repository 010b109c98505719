package redis

import (
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
	if tx, ok := l.(*Tx); ok && len(tx.is) > 0 && !tx.told {
		tx.told = true
		defer func() { tx.told = false }()
		return Intercept(tx, tx.is...).exec(ctx, p)
	}
	if err := p.refuseStateful(); err != nil {
		return err
	}
	inside, err := p.execIn(ctx, l)
	p.end()
	if tx, ok := l.(*Tx); ok {
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
	e.ctx, e.replies = ctx, txReplies{p: p, last: p.queued.Len() - 1}
	err = l.WithConn(ctx, e.begin)
	inside = e.inside
	e.ctx, e.replies, e.inside = nil, txReplies{}, nil
	freeExecutions.Put(e) // not where something has panicked
	return inside, err
}

// execution is a transaction on its connection. It is used again, so that a
// transaction needs no memory for it.
type execution struct {
	ctx     context.Context
	replies txReplies
	inside  error
	begin   func(*conn.Conn) error // run
}

// freeExecutions are executions that nobody uses. A program cannot tell what is in
// there.
var freeExecutions = sync.Pool{New: func() any {
	e := &execution{}
	e.begin = e.run
	return e
}}

// run executes the batch on c, which is broken if its state is unknown afterwards: it
// may be inside MULTI, or still watching.
func (e *execution) run(c *conn.Conn) error {
	var unknown bool
	if unknown, e.inside = e.exec(c); unknown {
		c.Abort(e.inside)
	}
	return e.inside
}

// exec reports unknown when the state of the connection is.
func (e *execution) exec(d EncodedDoer) (unknown bool, err error) {
	t, p := &e.replies, e.replies.p
	p.run, p.shift = &p.queued, 1
	if err := d.DoEncoded(e.ctx, &p.queued, 0, t); err != nil {
		return true, t.cutOff(err)
	}
	if t.multi != nil {
		err := t.withoutMulti()
		p.lose(err)
		return true, err
	}
	return false, t.err
}

// multi stands for what only the server says: it refuses MULTI, EXEC and what is
// queued between them before it runs anything, scripts too.
var multi = resp.NewCommand("MULTI")

var exec = resp.NewCommand("EXEC")

// txReplies sorts the replies of a transaction.
type txReplies struct {
	p       *Pipeline
	last    int   // index of EXEC in the batch
	multi   error // MULTI was refused
	ran     int   // how many commands were executed all the same
	refused error // the first command that was not queued
	index   int   // its place
	err     error // the outcome of EXEC
}

// Receive implements resp.Receiver.
func (t *txReplies) Receive(i int, v resp.Value) {
	switch {
	case i == 0:
		_, t.multi = decodeValue(v, OK)
		t.multi = answerTo(&multi, t.multi)
	case i < t.last && t.multi != nil:
		t.ranAlone(t.p.base+i-1, v)
	case i < t.last:
		t.queued(t.p.base+i-1, v)
	case t.multi == nil:
		t.err = t.exec(v)
	}
}

// ranAlone keeps the reply to a command that was sent behind a MULTI that the server
// refused: it was executed, by itself, unless the server refused it as well.
func (t *txReplies) ranAlone(i int, v resp.Value) {
	t.p.keep(i, v)
	e, ok := errors.AsType[*resp.Error](t.p.answer(i, v.Err()))
	if !ok || !e.Refused() {
		t.ran++
	}
}

// cutOff is the outcome where err has kept replies from coming. It may say that nothing was
// sent: of commands behind a MULTI that was refused, where those before them have run.
func (t *txReplies) cutOff(err error) error {
	if t.ran == 0 {
		return err
	}
	t.p.lose(err)
	return &NoMultiError{Executed: t.ran, Queued: t.p.ran - t.p.base, Cause: fmt.Errorf("%w; %w", t.multi, err)}
}

// withoutMulti is the outcome where MULTI was refused.
func (t *txReplies) withoutMulti() error {
	if t.ran == 0 {
		return t.multi
	}
	return &NoMultiError{Executed: t.ran, Queued: t.p.ran - t.p.base, Cause: t.multi}
}

// queued notes the reply that stands for QUEUED: anything else is an error of
// the command, and it will have no place in the reply of EXEC.
func (t *txReplies) queued(i int, v resp.Value) {
	word, err := view(v)
	if err == nil && string(word) == "QUEUED" {
		return
	}
	if err == nil {
		err = &DecodeError{Want: "QUEUED", Got: v.Kind()}
	}
	err = answerTo(&multi, err) // also where it is a script: nothing has run it yet
	t.p.blame(i, err)
	if t.refused == nil {
		t.refused, t.index = err, i
	}
}

func (t *txReplies) exec(v resp.Value) error {
	if v.IsNull() {
		t.p.lose(ErrConflict)
		return ErrConflict
	}
	if err := v.Err(); err != nil {
		return t.abort(err)
	}
	c, _, err := elems(v)
	if err != nil {
		err = ofCommand("EXEC", err)
		t.p.lose(err)
		return err
	}
	if len(v) <= replyBlock {
		t.p.store.reserve(len(v)) // more than what is in it
	}
	for i := t.p.base; i < t.p.ran; i++ {
		if t.p.fault(i) != nil {
			continue
		}
		e, ok := c.Next()
		if !ok {
			err := &DecodeError{Want: "a reply for each command", Got: v.Kind(), Command: "EXEC"}
			t.p.lose(err)
			return err
		}
		t.p.keep(i, e)
	}
	return nil
}

// abort explains a refused EXEC by the command that could not be queued, or by
// the error that EXECABORT quotes: READONLY, if the server has been demoted since.
func (t *txReplies) abort(err error) error {
	a := &AbortError{Index: -1, Cause: quoted(err)}
	if t.refused != nil {
		cmd := t.p.queued.Command(1 + t.index - t.p.base)
		a.Index, a.Command, a.Cause = t.index, strings.Clone(cmd.Name()), t.refused
	}
	t.p.lose(a)
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
