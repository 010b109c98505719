package testserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Limits of a command, as in Redis (proto-max-bulk-len, 1 Mi arguments), and
// those of clients that are not authenticated yet.
const (
	maxBulk       = 512 << 20
	maxArgs       = 1 << 20
	maxBulkNoAuth = 16384
	maxArgsNoAuth = 10
)

// ProtocolError is a byte that no correct client sends. The fake server is
// stricter than Redis: inline commands, empty commands and null arguments are
// errors, because they make a client wait for replies that never come.
type ProtocolError struct {
	Conn   int64  // connection
	Offset int64  // of the offending line in the stream
	Msg    string // as Redis says it
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("testserver: protocol error of connection %d at byte %d: %s", e.Conn, e.Offset, e.Msg)
}

// parser reads commands: arrays of bulk strings, nothing else.
type parser struct {
	br     *bufio.Reader
	conn   int64
	off    int64
	authed func() bool
}

// next returns the next command. io.EOF is an end between commands,
// io.ErrUnexpectedEOF one inside.
func (p *parser) next() ([]string, error) {
	n, err := p.header('*', "invalid multibulk length", maxArgs)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, p.fail("empty command")
	}
	authed := p.authed()
	if !authed && n > maxArgsNoAuth {
		return nil, p.fail("unauthenticated multibulk length")
	}
	args := make([]string, 0, n)
	for range n {
		size, err := p.header('$', "invalid bulk length", maxBulk)
		if err != nil {
			return nil, inside(err)
		}
		if !authed && size > maxBulkNoAuth {
			return nil, p.fail("unauthenticated bulk length")
		}
		arg, err := p.body(size)
		if err != nil {
			return nil, inside(err)
		}
		args = append(args, arg)
	}
	return args, nil
}

// header reads a line of kind and a length.
func (p *parser) header(kind byte, msg string, limit int) (int, error) {
	line, err := p.br.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		if len(line) > 0 {
			return 0, inside(err)
		}
		return 0, err
	}
	if len(line) < 4 || line[0] != kind || line[len(line)-2] != '\r' {
		return 0, p.fail(fmt.Sprintf("expected %q, got %q", kind, Clip(string(line), 40)))
	}
	digits := line[1 : len(line)-2]
	for i, d := range digits {
		if d < '0' || d > '9' || (i == 0 && d == '0' && len(digits) > 1) {
			return 0, p.fail(msg)
		}
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil || n > limit {
		return 0, p.fail(msg)
	}
	p.off += int64(len(line))
	return n, nil
}

// body reads an argument and its line end.
func (p *parser) body(size int) (string, error) {
	var b bytes.Buffer
	if _, err := io.CopyN(&b, p.br, int64(size)+2); err != nil {
		return "", err
	}
	raw := b.Bytes()
	if raw[size] != '\r' || raw[size+1] != '\n' {
		return "", p.fail("argument without CRLF")
	}
	p.off += int64(len(raw))
	return string(raw[:size]), nil
}

func (p *parser) fail(msg string) error {
	return &ProtocolError{Conn: p.conn, Offset: p.off, Msg: msg}
}

func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "..."
}
