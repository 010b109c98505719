package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// ErrNil is what the error for a null reply matches: the key, field or element does
// not exist. Ask by errors.Is(err, redis.ErrNil), not by ==: the errors that commands
// return name the command as well. It is the same error as [resp.ErrNull].
var ErrNil = resp.ErrNull

// ErrPending is returned by [Future.Value] before the pipeline has run.
var ErrPending = errors.New("redis: the pipeline has not run")

// ErrConflict is returned by [Pipeline.Exec] and [Watch] when EXEC was refused
// because a watched key has changed. Nothing was executed; try again.
var ErrConflict = errors.New("redis: transaction: a watched key has changed")

// ErrTxAborted matches an [AbortError]: EXEC was refused because a command could
// not be queued. Nothing was executed.
var ErrTxAborted = errors.New("redis: transaction aborted")

// Error replies of the server by their code, for [errors.Is].
var (
	ErrBusy       = &resp.Error{Code: "BUSY"}       // a script runs; SCRIPT KILL ends it
	ErrBusyGroup  = &resp.Error{Code: "BUSYGROUP"}  // XGROUP CREATE: the group exists
	ErrBusyKey    = &resp.Error{Code: "BUSYKEY"}    // RESTORE: the key exists
	ErrDenied     = &resp.Error{Code: "DENIED"}     // protected mode
	ErrExecAbort  = &resp.Error{Code: "EXECABORT"}  // a command in MULTI could not be queued
	ErrLoading    = &resp.Error{Code: "LOADING"}    // the server loads its data
	ErrMasterDown = &resp.Error{Code: "MASTERDOWN"} // a replica without its master
	ErrMisconf    = &resp.Error{Code: "MISCONF"}    // the server cannot save to disk
	ErrNoAuth     = &resp.Error{Code: "NOAUTH"}     // authentication required
	ErrNoGroup    = &resp.Error{Code: "NOGROUP"}    // no such stream or consumer group
	ErrNoPerm     = &resp.Error{Code: "NOPERM"}     // the ACL forbids it
	ErrNoReplicas = &resp.Error{Code: "NOREPLICAS"} // fewer than min-replicas-to-write
	ErrNoScript   = &resp.Error{Code: "NOSCRIPT"}   // EVALSHA of an unknown script
	ErrNotBusy    = &resp.Error{Code: "NOTBUSY"}    // SCRIPT KILL: no script runs
	ErrOOM        = &resp.Error{Code: "OOM"}        // maxmemory reached
	ErrReadOnly   = &resp.Error{Code: "READONLY"}   // a write on a replica
	ErrUnblocked  = &resp.Error{Code: "UNBLOCKED"}  // a blocking call ended by the server
	ErrWrongPass  = &resp.Error{Code: "WRONGPASS"}  // wrong user name or password
	ErrWrongType  = &resp.Error{Code: "WRONGTYPE"}  // the key holds another type
)

// Class says whether a failed command may have been executed.
type Class = conn.Class

// The classes of errors. See [ClassOf].
const (
	ClassNone          = conn.ClassNone          // no error, or one that says nothing
	ClassNotSent       = conn.ClassNotSent       // no byte of it has left
	ClassRejected      = conn.ClassRejected      // the server refused to execute it
	ClassMaybeExecuted = conn.ClassMaybeExecuted // it left, and no reply came
	ClassAnswered      = conn.ClassAnswered      // the server answered with an error
)

// ClassOf returns the class of err. That of a [DecodeError] is [ClassAnswered].
func ClassOf(err error) Class {
	var bad *ArgError
	if errors.As(err, &bad) {
		return ClassNotSent
	}
	if alone := (*NoMultiError)(nil); errors.As(err, &alone) {
		return ClassMaybeExecuted
	}
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrTxAborted) {
		return ClassRejected
	}
	if odd := (*DecodeError)(nil); errors.As(err, &odd) {
		return ClassAnswered
	}
	return conn.ClassOf(err)
}

// ArgError says that an argument cannot be sent: a duration that is negative or
// below a millisecond, a field without a value. It is returned before any I/O.
type ArgError struct {
	Command string
	Reason  string

	place string // in a pipeline
}

// Error implements error.
func (e *ArgError) Error() string { return "redis: " + e.Command + e.place + ": " + e.Reason }

// at returns e as the error of a pipeline whose command i is wrong.
func (e *ArgError) at(i int) *ArgError {
	return &ArgError{Command: e.Command, Reason: e.Reason, place: ", index " + strconv.Itoa(i) + " of the pipeline"}
}

// orNil returns e as an error that is nil if e is.
func (e *ArgError) orNil() error {
	if e == nil {
		return nil
	}
	return e
}

// DecodeError says that a reply is not what the decoder expects. The command has
// been executed.
type DecodeError struct {
	Want    string    // in words: "integer"
	Got     resp.Kind // of the reply, or of the element inside it
	Err     error     // the cause, or nil
	Command string    // the name of the command, or empty where it is unknown
}

// Error implements error. The reply itself is not shown: it may be secret.
func (e *DecodeError) Error() string {
	name := e.Command
	if name == "" {
		name = "decode"
	}
	article := "a"
	if got := e.Got.String(); strings.ContainsRune("aeiou", rune(got[0])) {
		article = "an"
	}
	text := fmt.Sprintf("redis: %s: the reply is no %s but %s %s that does not fit", name, e.Want, article, e.Got)
	if odd := (*resp.ValueError)(nil); e.Err != nil && !errors.As(e.Err, &odd) {
		return text + ": " + e.Err.Error()
	}
	return text + "; redis.As and redis.New take another decoder"
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// AbortError says that the server discarded a transaction because a command
// could not be queued. Nothing was executed. It matches [ErrTxAborted] and,
// through Cause, the error of that command.
type AbortError struct {
	Index   int    // of the first refused command in the pipeline; -1 if unknown
	Command string // its name
	Cause   error  // what the server said to it, or EXECABORT itself
}

// Error implements error.
func (e *AbortError) Error() string {
	if e.Index < 0 {
		return "redis: transaction aborted: " + e.Cause.Error()
	}
	return fmt.Sprintf("redis: transaction aborted by command %d, %s: %v", e.Index, e.Command, e.Cause)
}

// Unwrap returns the cause.
func (e *AbortError) Unwrap() error { return e.Cause }

// Is reports whether target is [ErrTxAborted], or [ErrExecAbort], which is what the
// server calls it.
func (e *AbortError) Is(target error) bool { return target == ErrTxAborted || target == ErrExecAbort }

// NoMultiError says that the server refused MULTI and executed commands that were
// sent behind it: each for itself, not all or none. The futures have the replies that
// came. [ClassOf] says [ClassMaybeExecuted]: not to be sent again. A transaction of
// which nothing was executed has the error that MULTI got instead.
type NoMultiError struct {
	Executed int   // how many commands were executed
	Queued   int   // of how many
	Cause    error // what the server said to MULTI, and what has kept replies from coming
}

// Error implements error.
func (e *NoMultiError) Error() string {
	return fmt.Sprintf("redis: transaction: the server refused MULTI and executed %d of %d commands without it, "+
		"one by one; see their futures: %v", e.Executed, e.Queued, e.Cause)
}

// Unwrap returns the cause within a [conn.Error] of class [ClassMaybeExecuted].
func (e *NoMultiError) Unwrap() error {
	return &conn.Error{Op: conn.OpRead, Class: ClassMaybeExecuted, Sent: e.Queued, Err: e.Cause}
}
