package testserver

import (
	"errors"
	"io"
	"syscall"
)

// IsHangUp reports whether err says that the peer has ended the connection. Which of
// these errors it is depends on where the bytes of both sides were at that moment: a
// socket that is closed with unread bytes sends RST and not FIN, the bytes after half a
// reply are missing, and a write may be the first to see it. A time that ran out and a
// connection that we closed ourselves are no hang-up.
func IsHangUp(err error) bool {
	for _, sign := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, sign) {
			return true
		}
	}
	return false
}
