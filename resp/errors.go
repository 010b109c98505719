package resp

import (
	"errors"
	"strconv"
)

var (
	// ErrProtocol matches a [SyntaxError] about bytes that are not RESP.
	ErrProtocol = errors.New("resp: not RESP")
	// ErrLimit matches a [SyntaxError] about a reply beyond the [Limits].
	ErrLimit = errors.New("resp: reply beyond the limits")
	// ErrNull is returned where a value was asked of a null reply.
	ErrNull = errors.New("resp: null reply: the key, field or element does not exist")
)

// SyntaxError says that bytes break the protocol, or a limit. It matches
// [ErrProtocol] or [ErrLimit]. The stream cannot be read on. It is also what
// the accessors of [Value] return for bytes that are no reply.
type SyntaxError struct {
	// Offset is where the offending header or line begins, in bytes from the
	// start of the reply.
	Offset int64
	// Msg says what is wrong. It holds none of the bytes but the first.
	Msg string
	// Limit says that the reply may be well formed but is beyond a limit.
	Limit bool
}

// Error returns the message with the offset.
func (e *SyntaxError) Error() string {
	return "resp: at byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Msg
}

// Is matches [ErrLimit] if e is about a limit, else [ErrProtocol].
func (e *SyntaxError) Is(target error) bool {
	if e.Limit {
		return target == ErrLimit
	}
	return target == ErrProtocol
}

// ValueError says that a reply, well formed, is not what was asked of it: an
// array as an integer, or a string that is no number. The connection is fine.
type ValueError struct {
	Want string // what was asked for: "integer"
	Kind Kind   // what the reply is
}

// Error says what was wanted and what there is. It holds none of the bytes.
func (e *ValueError) Error() string { return "resp: not a valid " + e.Want + ": " + e.Kind.String() }

// Error is an error reply of the server. It owns its strings.
type Error struct {
	// Code is the first word, if that is made of capitals: "WRONGTYPE",
	// "ERR". It may be empty: scripts can answer with any text.
	Code string
	// Message is the text without the code and the space after it.
	Message string

	by speaker // see AnswerTo
}

// ParseError returns the error for the text of an error reply, without the
// first byte and the end of line: "WRONGTYPE Operation against ...".
func ParseError(text string) *Error {
	i := 0
	for i < len(text) && codeByte(text[i], i) {
		i++
	}
	switch {
	case i == 0 || i < len(text) && text[i] != ' ':
		return &Error{Message: text}
	case i == len(text):
		return &Error{Code: text}
	}
	return &Error{Code: text[:i], Message: text[i+1:]}
}

func codeByte(c byte, i int) bool {
	return 'A' <= c && c <= 'Z' || i > 0 && ('0' <= c && c <= '9' || c == '_')
}

// Error returns the text of the reply.
func (e *Error) Error() string {
	switch {
	case e.Code == "":
		return e.Message
	case e.Message == "":
		return e.Code
	}
	return e.Code + " " + e.Message
}

// Is matches a target *Error of the same code that has the same message or
// none: errors.Is(err, &resp.Error{Code: "WRONGTYPE"}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Message == "" || t.Message == e.Message)
}
