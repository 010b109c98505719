package resp

import (
	"errors"
	"strings"
)

var (
	// ErrProtocol matches errors about bytes that are not RESP.
	ErrProtocol = errors.New("resp: not RESP")
	// ErrLimit matches errors about replies beyond the Limits.
	ErrLimit = errors.New("resp: reply beyond the limits")
	// ErrNull says that a null reply holds no value.
	ErrNull = errors.New("resp: null")
)

// SyntaxError says that bytes break the protocol or a limit. The stream cannot
// be read on.
type SyntaxError struct {
	// Offset of the offending byte from the start of the reply.
	Offset int64
	Msg    string
	// Limit says that the reply may be well formed but exceeds a limit.
	Limit bool
}

// Error returns the message and the offset.
func (e *SyntaxError) Error() string { return "resp: " + e.Msg }

// Is matches ErrLimit or ErrProtocol.
func (e *SyntaxError) Is(target error) bool {
	if e.Limit {
		return target == ErrLimit
	}
	return target == ErrProtocol
}

// Error is an error reply of the server.
type Error struct {
	// Code is the first word where that is in capitals, as in WRONGTYPE.
	Code string
	// Message is the rest.
	Message string
}

// Error returns the reply's text.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	if e.Message == "" {
		return e.Code
	}
	return e.Code + " " + e.Message
}

// Is matches another *Error of the same code that has no message or the same.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Message == "" || t.Message == e.Message)
}

// Rejected reports whether the reply proves that the command was not executed.
func (e *Error) Rejected() bool {
	switch e.Code {
	case "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "UNBLOCKED", "BUSY", "EXECABORT":
		return true
	case "ERR":
		return strings.HasPrefix(e.Message, "max number of clients")
	}
	return false
}

func parseError(text string) *Error {
	code, rest, _ := strings.Cut(text, " ")
	for i := range len(code) {
		c := code[i]
		if (c < 'A' || c > 'Z') && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return &Error{Message: text}
		}
	}
	if code == "" {
		return &Error{Message: text}
	}
	return &Error{Code: code, Message: rest}
}
