package conn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// Class says what a server may have done with a command that returned an
// error. It decides whether the command may be sent again.
type Class uint8

const (
	// ClassNone is the class of a nil error and of errors that say nothing
	// about a command.
	ClassNone Class = iota
	// ClassNotSent means that the server cannot have executed the command: no
	// byte of it left, or not all of a streamed one. Any command may be sent
	// again.
	ClassNotSent
	// ClassRejected means that the server refused the command before executing
	// it: any command may be sent again, where and when the reason has gone.
	// [resp.Error.Rejected] tells which reasons pass by themselves.
	ClassRejected
	// ClassMaybeExecuted means that bytes left and no reply came: only a
	// command that is harmless when executed twice may be sent again.
	ClassMaybeExecuted
	// ClassAnswered means that the server handled the command and answered
	// with an error. Sending it again gives the same answer.
	ClassAnswered
)

// String returns the class in words.
func (c Class) String() string {
	switch c {
	case ClassNotSent:
		return "not sent"
	case ClassRejected:
		return "rejected"
	case ClassMaybeExecuted:
		return "may have executed"
	case ClassAnswered:
		return "answered"
	}
	return "none"
}

// ClassOf returns the class of err, looking through wrapped errors. A
// [*resp.Error] is rejected where [resp.Error.Refused] reports so, else answered.
func ClassOf(err error) Class {
	if err == nil {
		return ClassNone
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	if e, ok := errors.AsType[*resp.Error](err); ok {
		if e.Refused() {
			return ClassRejected
		}
		return ClassAnswered
	}
	return ClassNone
}

// The steps named by Error.Op.
const (
	OpDial      = "dial"
	OpLook      = "look" // before a command, at what came unasked
	OpHandshake = "handshake"
	OpWait      = "wait"
	OpWrite     = "write"
	OpRead      = "read"
	OpStream    = "stream" // the caller's own reader or writer
)

// Error is the failure of a dial, a handshake or a command.
//
// It matches its cause with errors.Is and errors.As: context.Canceled,
// context.DeadlineExceeded, ErrTimeout, ErrClosed, io.EOF, a *net.OpError, a
// *resp.SyntaxError, and whatever was given to [Conn.Abort].
type Error struct {
	// Op is the step that failed: one of the Op constants.
	Op string
	// Addr is the address of the server as it was given.
	Addr string
	// Class says whether the command may have been executed.
	Class Class
	// Sent counts the commands of a batch, from its start, of which bytes may
	// have left. Those behind were not sent.
	Sent int
	// Err is the cause.
	Err error
}

// Error returns the step, the address, the cause and the class.
func (e *Error) Error() string {
	cause := strings.ReplaceAll(fmt.Sprint(e.Err), "\n", "; ") // one line, also of joined causes
	if e.Class == ClassMaybeExecuted {
		return fmt.Sprintf("conn: %s %s: %s (the command may have been executed)", e.Op, e.Addr, cause)
	}
	return fmt.Sprintf("conn: %s %s: %s", e.Op, e.Addr, cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the cause is a deadline, as net.Error does.
func (e *Error) Timeout() bool {
	return errors.Is(e.Err, ErrTimeout) || errors.Is(e.Err, context.DeadlineExceeded)
}

// RoleError says that the server does not have the role that was required by
// Options.Role.
type RoleError struct {
	Want Role
	// Got is the server's own word: "master", "slave" or "sentinel".
	Got  string
	Addr string
}

// Error names both roles.
func (e *RoleError) Error() string {
	return fmt.Sprintf("role is %q, want %q", e.Got, e.Want)
}

// AuthError says that the server refused the credentials, or wants some and
// got none. Trying again with the same ones is of no use.
type AuthError struct {
	Addr string
	Err  *resp.Error
}

// Error returns the server's words. The password is never part of them.
func (e *AuthError) Error() string { return "authentication: " + e.Err.Error() }

// Unwrap returns the server's error.
func (e *AuthError) Unwrap() error { return e.Err }

// ForeignError says that the peer does not speak RESP: a TLS port was dialled
// without TLS, or an HTTP server listens there.
type ForeignError struct {
	// Speaks is "TLS", "HTTP" or "SSH".
	Speaks string
	Err    error
}

// Error names the protocol that the peer speaks.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("the peer speaks %s, not RESP: %v", e.Speaks, e.Err)
}

// Unwrap returns the error of the RESP reader.
func (e *ForeignError) Unwrap() error { return e.Err }

var (
	// ErrClosed says that the connection was closed with Close.
	ErrClosed = errors.New("connection is closed")
	// ErrTimeout says that the read timeout passed without a byte from the
	// server while a command waited for its reply.
	ErrTimeout = errors.New("read timeout")
	// ErrStateful refuses a command that would change the connection for
	// everybody who shares it, or whose replies cannot be matched.
	ErrStateful = errors.New("command changes the state of its connection and needs one of its own")
	// ErrEmptyCommand refuses a command without a name: the server would
	// never answer it.
	ErrEmptyCommand = errors.New("command has no name")
)
