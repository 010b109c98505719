package redis

import (
	"context"
	"math"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Cmd is a command together with the decoder of its reply. It is a value: it
// may be kept, copied, run many times and by many goroutines, on any [Doer], or
// queued in a [Pipeline]. The bytes it was made of must not change meanwhile.
//
// The functions of this package return Cmds; [New] makes any other.
type Cmd[T any] struct {
	Command resp.Command
	Decode  Decoder[T]

	err *ArgError // a bad argument; returned before any I/O
}

// New returns a command by its name, which may hold a space ("CONFIG GET").
// Arguments are strings, []byte, integers, floats, bools (1 or 0) or
// [encoding.TextMarshaler]s; another type is an [ArgError] when the command runs.
//
// The command is flagged by its name and arguments (see [resp.Command.Flagged]);
// use [Cmd.With] for others. The typed functions cost less: New boxes its arguments.
func New[T any](decode Decoder[T], name string, args ...any) Cmd[T] {
	a, err := argsOf(args)
	c := write(decode, name, a...).fail(err)
	c.Command = c.Command.Flagged()
	return c.check(checkDigest(&c.Command))
}

// Do runs the command on d and returns its decoded reply. An error reply of the
// server is a *[resp.Error]; a null reply is an error that names the command and
// matches [ErrNil], except where T can say it.
// [ClassOf] tells whether a failed command may have been executed.
func (c Cmd[T]) Do(ctx context.Context, d Doer) (T, error) {
	mustContext(ctx)
	if c.err != nil {
		var zero T
		return zero, c.err
	}
	r, err := d.Do(ctx, c.Command)
	if err != nil {
		var zero T
		return zero, err
	}
	t, err := decodeReply(r, c.Decode)
	if err != nil {
		return t, answerTo(&c.Command, err)
	}
	return t, nil
}

// Queue appends the command to p and returns the future of its reply.
func (c Cmd[T]) Queue(p *Pipeline) Future[T] {
	t, name := p.add(&c.Command, c.err)
	return Future[T]{p, t, c.Decode, name}
}

// With returns the command with the flags f added.
func (c Cmd[T]) With(f resp.Flags) Cmd[T] {
	c.Command = c.Command.WithFlags(c.Command.Flags() | f)
	return c
}

// Idempotent returns the command marked as safe to run twice: a client that
// retries may then send it again although it may have been executed.
//
// Commands that read are repeated anyway. None that writes is marked by itself, but
// [XAdd] with a Producer: SET twice may undo what somebody else has set in between,
// and DEL says 0 the second time. Only you know whether that matters.
func (c Cmd[T]) Idempotent() Cmd[T] { return c.With(resp.Idempotent) }

// Invalid returns why the command cannot be sent, or nil. It is what Do returns.
func (c Cmd[T]) Invalid() error { return c.err.orNil() }

// check returns the command as one that fails with r, if there is a reason.
func (c Cmd[T]) check(r reason) Cmd[T] {
	if r != fine && c.err == nil {
		c.err = &ArgError{Command: c.Command.Name(), Reason: r.text()}
	}
	return c
}

// fail returns the command as one that fails with err, if that is not nil.
func (c Cmd[T]) fail(err error) Cmd[T] {
	if err != nil && c.err == nil {
		c.err = &ArgError{Command: c.Command.Name(), Reason: err.Error()}
	}
	return c
}

// Status is a command that answers OK or an error.
type Status struct {
	Command resp.Command

	err *ArgError
	_   uintptr // what is a multiple of 16 bytes is copied faster
}

// Do runs the command on d.
func (s Status) Do(ctx context.Context, d Doer) error {
	mustContext(ctx)
	if s.err != nil {
		return s.err
	}
	r, err := d.Do(ctx, s.Command)
	if err != nil {
		return err
	}
	if string(r.Value) == "+OK\r\n" {
		r.Release()
		return nil
	}
	_, err = decodeReply(r, OK)
	return answerTo(&s.Command, err)
}

// Queue appends the command to p. The future's value tells its error.
func (s Status) Queue(p *Pipeline) Future[struct{}] {
	t, name := p.add(&s.Command, s.err)
	return Future[struct{}]{p, t, OK, name}
}

// Cmd returns the command as a [Cmd] without a value.
func (s Status) Cmd() Cmd[struct{}] { return Cmd[struct{}]{s.Command, OK, s.err} }

// With returns the command with the flags f added.
func (s Status) With(f resp.Flags) Status {
	s.Command = s.Command.WithFlags(s.Command.Flags() | f)
	return s
}

// Idempotent returns the command marked as safe to run twice. See [Cmd.Idempotent].
func (s Status) Idempotent() Status { return s.With(resp.Idempotent) }

// Invalid returns why the command cannot be sent, or nil.
func (s Status) Invalid() error { return s.err.orNil() }

func (s Status) check(r reason) Status {
	if r != fine && s.err == nil {
		s.err = &ArgError{Command: s.Command.Name(), Reason: r.text()}
	}
	return s
}

// As returns c with another decoder of its reply: As(Get("n"), Int).
func As[U, T any](c Cmd[T], decode Decoder[U]) Cmd[U] {
	return Cmd[U]{c.Command, decode, c.err}
}

// Map returns c with its value passed through f. f is not called for errors.
func Map[T, U any](c Cmd[T], f func(T) (U, error)) Cmd[U] {
	return Cmd[U]{c.Command, func(v resp.Value) (U, error) {
		t, err := c.Decode(v)
		if err != nil {
			var zero U
			return zero, err
		}
		return f(t)
	}, c.err}
}

// Opt is a value that may be missing.
type Opt[T any] struct {
	Value T
	OK    bool // whether there is one
}

// Some returns an Opt that holds v.
func Some[T any](v T) Opt[T] { return Opt[T]{v, true} }

// Or returns the value, or other if it is missing.
func (o Opt[T]) Or(other T) T {
	if o.OK {
		return o.Value
	}
	return other
}

// Optional returns c with a null reply as an empty [Opt] instead of [ErrNil].
func Optional[T any](c Cmd[T]) Cmd[Opt[T]] {
	return Cmd[Opt[T]]{c.Command, OptOf(c.Decode), c.err}
}

// Buffered is a command whose reply is appended to a buffer of the caller.
type Buffered struct {
	Command resp.Command

	dst []byte
	err *ArgError
}

// Into returns c with its reply, a string, appended to dst[:len(dst)]. Nothing
// is allocated when the buffer is large enough. Use it for one call at a time.
//
// The buffer is used until Do returns and not after it, also when ctx has ended. A
// call that fails may leave anything in dst[len(dst):cap(dst)]; one that succeeds
// leaves what is beyond the reply as it was. A [Doer] of your own must not return
// before the one inside it has.
func Into[T any](c Cmd[T], dst []byte) Buffered { return Buffered{c.Command, dst, c.err} }

// Do runs the command and returns the extended buffer. A null reply is [ErrNil].
func (b Buffered) Do(ctx context.Context, d Doer) ([]byte, error) {
	mustContext(ctx)
	if b.err != nil {
		return b.dst, b.err
	}
	roomy := cap(b.dst)-len(b.dst) > largeText
	if roomy {
		b.Command.SetRoom(b.dst[len(b.dst):cap(b.dst)])
	}
	r, err := d.Do(ctx, b.Command)
	if err != nil {
		return b.dst, err
	}
	if len(b.dst) == 0 && len(r.Value) > max(largeText, cap(b.dst)) {
		if p, ok := keepText(r); ok {
			return p, nil // a new buffer, without a copy
		}
	}
	defer r.Release()
	if roomy {
		if n, ok := r.Placed(); ok {
			return b.dst[:len(b.dst)+n], nil
		}
	}
	p, err := view(r.Value)
	if err != nil {
		return b.dst, answerTo(&b.Command, err)
	}
	return append(b.dst, p...), nil
}

// answerTo lets an error of the server know the command that it answers, so that
// its class is right. See [resp.Error.AnswerTo].
func answerTo(c *resp.Command, err error) error {
	if e, ok := err.(*resp.Error); ok {
		return withoutSecrets(e, c).AnswerTo(c)
	}
	return ofCommand(c.Name(), err)
}

// ofCommand lets an error of a decoder know the name of the command.
func ofCommand(command string, err error) error {
	switch err {
	case ErrNil: //nolint:errorlint // one that says more is left as it is
		return nullOf(command)
	case errGone:
		return (*goneError)(nullOf(command))
	case errNullInside:
		return (*insideError)(nullOf(command))
	}
	if e, ok := err.(*DecodeError); ok && e.Command == "" {
		known := *e
		known.Command = command
		return &known
	}
	return err
}

// decodeReply is the one place where a reply becomes a value of the caller.
func decodeReply[T any](r resp.Reply, decode Decoder[T]) (T, error) {
	if len(r.Value) > largeText {
		if t, ok := keepReply(r, decode); ok {
			return t, nil
		}
	}
	defer r.Release() // also when a decoder of the user panics
	return decodeValue(r.Value, decode)
}

func decodeValue[T any](v resp.Value, decode Decoder[T]) (T, error) {
	if v.MayBeError() {
		if err := v.Err(); err != nil {
			var zero T
			return zero, err
		}
	}
	t, err := decode(v)
	if err != nil {
		err = inReply(v, err)
	}
	return t, err
}

// inReply returns the error of the decoder of v. One of the server is of a part of the
// reply, which itself was none, and [ErrNil] may be as well.
func inReply(v resp.Value, err error) error {
	if err == ErrNil { //nolint:errorlint // one that says more is left as it is
		return missingIn(v)
	}
	if e, ok := err.(*resp.Error); ok {
		return e.InReply()
	}
	return err
}

// read, query, write and status are what the command functions are made of.

// read makes a command that only reads data and may run on a replica.
func read[T any](decode Decoder[T], name string, args ...resp.Arg) (c Cmd[T]) {
	c.Command.Init(name, resp.ReadOnly, args...)
	c.Decode = decode
	return c
}

// query makes a command that asks the server about itself: it may be repeated,
// but the answer is that server's.
func query[T any](decode Decoder[T], name string, args ...resp.Arg) (c Cmd[T]) {
	c.Command.Init(name, resp.Idempotent, args...)
	c.Decode = decode
	return c
}

// write makes a command that must not be repeated by itself.
func write[T any](decode Decoder[T], name string, args ...resp.Arg) (c Cmd[T]) {
	c.Command.Init(name, 0, args...)
	c.Decode = decode
	return c
}

// status is write for commands that answer OK.
func status(name string, args ...resp.Arg) (s Status) {
	s.Command.Init(name, 0, args...)
	return s
}

// Forever is the timeout of a blocking command that waits without end. So is zero
// where a timeout is required.
const Forever time.Duration = math.MaxInt64

// blockFor marks c as blocking for at most d on the server.
func (c Cmd[T]) blockFor(d time.Duration) Cmd[T] {
	if d == Forever {
		d = 0
	}
	if d != 0 {
		c = c.check(checkTTL(d))
		d = (d + time.Millisecond - 1).Truncate(time.Millisecond) // as it is sent
	}
	c.Command = c.Command.WithFlags(c.Command.Flags() | resp.Blocking).WithTimeout(d)
	return c
}
