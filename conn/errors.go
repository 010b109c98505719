package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

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
	// Op is what failed: one of the Op constants.
	Op string
	// Step is the part of a dial that failed (resolve, connect, TLS, credentials) or of
	// a handshake (HELLO, AUTH, SELECT, ROLE, CLIENT SETNAME), or the name of the
	// command; empty where there is none. Of a batch it is the first command without a
	// reply, and its place: "INCR, index 2 of 10 commands".
	Step string
	// Addr is the address of the server as it was given.
	Addr string
	// Class says whether the command may have been executed.
	Class Class
	// Permanent says that dialling again as before fails again: a certificate, a
	// password, a database, a peer that is not what was meant, options that cannot be
	// right. It is false for the failures of networks and busy servers. Of a command
	// that may have been executed it says that its reply is beyond Options.Limits, as it
	// will be each time: others on the connection, which has ended, are not told so.
	Permanent bool
	// Sent counts the commands of a batch, from its start, of which bytes may
	// have left. Those behind were not sent. With ClassNotSent they have their
	// replies, so only the rest may be sent again.
	Sent int
	// Waited is for how long the command had been waiting for its reply. No call looks
	// at the clock for it, so it is short by the time until the connection was looked
	// at: a sixteenth of the read timeout at most, and a few milliseconds where a
	// caller's context can end.
	Waited time.Duration
	// Err is the cause.
	Err error
}

// Error returns the step, the address, the cause and the class.
func (e *Error) Error() string {
	cause := strings.ReplaceAll(textOf(e.Err), "\n", "; ") // one line, also of joined causes
	if e.Step != "" {
		cause = e.Step + ": " + cause
	}
	if e.Class == ClassMaybeExecuted {
		cause += " (the command may have been executed)"
	}
	return "conn: " + e.Op + " " + e.Addr + ": " + cause
}

// textOf returns the text of a cause inside of a text that names the package already.
func textOf(cause error) string { return strings.TrimPrefix(fmt.Sprint(cause), "conn: ") }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the cause is a deadline. It makes e a net.Error.
func (e *Error) Timeout() bool {
	return errors.Is(e.Err, ErrTimeout) || errors.Is(e.Err, context.DeadlineExceeded)
}

// Temporary reports whether the cause is a deadline. It makes e a net.Error; whether a
// command may be sent again is what Class says.
func (e *Error) Temporary() bool { return e.Timeout() }

var _ net.Error = (*Error)(nil)

// IsPermanent reports whether err holds an [*Error] that is Permanent.
func IsPermanent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Permanent
}

// limitsError is a reply that is more than Options.Limits allow: with that the connection
// ends, for all who share it, and all but its own command may be sent again.
type limitsError struct{ err error }

func (e *limitsError) Error() string {
	return "a reply was more than Options.Limits allow: " + e.err.Error()
}
func (e *limitsError) Unwrap() error { return e.err }

// failFraming breaks the connection because of what has come. A reply beyond the limits
// would be so again: of that its own command is told, which is the oldest.
func (c *wire) failFraming(err error) {
	if errors.Is(err, resp.ErrLimit) && !c.in.drops && !mayBePush(c.in.buf[c.in.r]) {
		err = &limitsError{err}
	}
	c.fail(OpRead, c.in.framingError(err))
}

// newError returns the error of a dial or a handshake, of which nothing was sent.
func newError(op, addr string, cause error) *Error {
	e := &Error{Op: op, Addr: addr, Class: ClassNotSent, Err: cause, Permanent: permanent(cause)}
	if s, ok := errors.AsType[*stepError](cause); ok {
		e.Step, e.Err = s.step, s.err
	}
	return e
}

// permanent reports whether a dial that failed for this cause fails again.
func permanent(cause error) bool {
	_, foreign := errors.AsType[*ForeignError](cause)
	_, peer := errors.AsType[*PeerError](cause)
	_, addr := errors.AsType[*net.AddrError](cause)
	if foreign || peer || addr {
		return true
	}
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return false
	}
	if e, ok := errors.AsType[*resp.Error](cause); ok {
		switch e.Code {
		case "LOADING", "MASTERDOWN", "BUSY", "CLUSTERDOWN", "TRYAGAIN":
			return false // however it is worded: these pass
		}
		return !e.Rejected()
	}
	s, ok := errors.AsType[*stepError](cause)
	return ok && permanentAt(s.step, cause)
}

// permanentAt is permanent for what has failed in this step of a handshake, and is no
// reply that says so itself.
func permanentAt(step string, cause error) bool {
	switch step {
	case stepCredentials:
		return true
	case stepHello:
		_, role := errors.AsType[*RoleError](cause)
		_, network := errors.AsType[net.Error](cause)
		return !role && !network && !hungUp(cause) && !errors.Is(cause, ErrTimeout) && !errors.Is(cause, ErrClosed)
	case "TLS":
		return refusesTLS(cause)
	}
	return false
}

// refusesTLS reports whether one side does not accept what the other says in a TLS
// handshake, and not the network has failed.
func refusesTLS(cause error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](cause)
	_, record := errors.AsType[tls.RecordHeaderError](cause)
	if verify || record || isRemoteAlert(cause) {
		return true
	}
	_, network := errors.AsType[net.Error](cause)
	return !network && !hungUp(cause)
}

// RoleError says that the server does not have the role that was required by
// Options.Role.
type RoleError struct {
	Want Role
	// Got is the server's own word: "master", "slave" or "sentinel"; empty where it
	// has said something else.
	Got  string
	Addr string
}

// Error names both roles.
func (e *RoleError) Error() string {
	return fmt.Sprintf("conn: the role of the server is %q, want %q", e.Got, e.Want)
}

// AuthError says that the server refused the credentials, or wants some and
// got none. Trying again with the same ones is of no use.
type AuthError struct {
	Addr string
	Err  *resp.Error
}

// Error returns the server's words. The password is never part of them.
func (e *AuthError) Error() string {
	return "conn: the server refuses the credentials: " + e.Err.Error()
}

// Unwrap returns the server's error.
func (e *AuthError) Unwrap() error { return e.Err }

var (
	// ErrClosed says that the connection was closed with Close.
	ErrClosed = errors.New("conn: connection is closed")
	// ErrTimeout says that the read timeout passed while a command waited for its
	// reply, and that the server sent nothing, or less than Options.MinProgress.
	ErrTimeout = errors.New("conn: read timeout")
	// ErrStateful refuses a command that would change the connection for
	// everybody who shares it, or whose replies cannot be matched.
	ErrStateful = errors.New("conn: command changes the state of its connection and needs one of its own")
	// ErrEmptyCommand refuses a command without a name: the server would
	// never answer it.
	ErrEmptyCommand = errors.New("conn: command has no name")

	errPanicked = errors.New("a function of the caller panicked")
)

// mustHave panics in plain words where a nil pointer would panic somewhere below.
func mustHave(ctx context.Context) {
	if ctx == nil {
		panic("conn: nil context: use context.Background")
	}
}

// maskAddr returns what can be shown of an address: a URL may have been given for
// one, or user:password@host.
func maskAddr(addr string) string {
	if scheme, _, ok := strings.Cut(addr, "://"); ok {
		return scheme + "://" + hidden
	}
	if i := strings.LastIndexByte(addr, '@'); i >= 0 && !strings.HasPrefix(addr, "/") {
		return hidden + addr[i:]
	}
	return addr
}
