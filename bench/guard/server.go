package main

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// memory is a connection to a server in memory, so that nothing but the client is
// counted. What has been written once costs one look into a map.
type memory struct {
	crowd   bool // let other callers come before a reply is there, as a network does
	answers func(words []string) []byte

	mu      sync.Mutex
	ready   sync.Cond
	known   map[string][]byte // replies by what was written
	partial []byte            // of a write that ended within a command
	out     [][]byte          // replies not read yet, from next on
	next    int
	multi   bool
	closed  bool
}

func newMemory(crowd bool, answers func(words []string) []byte) *memory {
	m := &memory{crowd: crowd, answers: answers, known: make(map[string][]byte)}
	m.ready.L = &m.mu
	return m
}

func (m *memory) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, net.ErrClosed
	}
	replies, ok := m.known[string(p)]
	if !ok || len(m.partial) > 0 || m.multi {
		replies = m.learn(p)
	}
	if len(replies) > 0 {
		m.out = append(m.out, replies)
	}
	m.ready.Signal()
	return len(p), nil
}

// learn answers the commands in p one by one, and remembers what it said if p stands
// for itself.
func (m *memory) learn(p []byte) (replies []byte) {
	whole := len(m.partial) == 0 && !m.multi
	m.partial = append(m.partial, p...)
	for {
		words, n := parseCommand(m.partial)
		if n == 0 {
			break
		}
		replies = append(replies, m.answer(words)...)
		m.partial = m.partial[n:]
	}
	if whole && len(m.partial) == 0 && !m.multi {
		m.known[string(p)] = replies
	}
	return replies
}

const hello = "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n" +
	"$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"

func (m *memory) answer(words []string) []byte {
	switch strings.ToUpper(words[0]) {
	case "HELLO":
		return []byte(hello)
	case "CLIENT":
		return []byte("+OK\r\n")
	case "MULTI":
		m.multi = true
		return []byte("+OK\r\n")
	case "EXEC":
		m.multi = false
	}
	if m.multi {
		return []byte("+QUEUED\r\n")
	}
	return m.answers(words)
}

// parseCommand returns the words of the first command and its length, which is
// zero if it is not whole.
func parseCommand(b []byte) (words []string, n int) {
	number := func() (int, bool) {
		end := bytes.Index(b[n:], []byte("\r\n"))
		if end < 1 {
			return 0, false
		}
		v, err := strconv.Atoi(string(b[n+1 : n+end]))
		n += end + 2
		return v, err == nil
	}
	count, ok := number()
	if !ok {
		return nil, 0
	}
	for range count {
		size, ok := number()
		if !ok || len(b) < n+size+2 {
			return nil, 0
		}
		words = append(words, string(b[n:n+size]))
		n += size + 2
	}
	return words, n
}

func (m *memory) Read(p []byte) (n int, err error) {
	if m.crowd {
		runtime.Gosched()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.next == len(m.out) && !m.closed {
		m.ready.Wait()
	}
	if m.closed {
		return 0, net.ErrClosed
	}
	for n < len(p) && m.next < len(m.out) {
		k := copy(p[n:], m.out[m.next])
		n += k
		if m.out[m.next] = m.out[m.next][k:]; len(m.out[m.next]) == 0 {
			m.next++
		}
	}
	if m.next == len(m.out) {
		m.out, m.next = m.out[:0], 0
	}
	return n, nil
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.ready.Broadcast()
	return nil
}

func (*memory) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*memory) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*memory) SetDeadline(time.Time) error      { return nil }
func (*memory) SetReadDeadline(time.Time) error  { return nil }
func (*memory) SetWriteDeadline(time.Time) error { return nil }

// dial is for conn.Options.
func (r *row) dial(context.Context, string, string) (net.Conn, error) {
	return newMemory(r.callers > 1, r.answer), nil
}

// answer gives the reply of the row's command, and else what a program's commands of
// every row are answered with.
func (r *row) answer(words []string) []byte {
	if words[0] == "SET" {
		return []byte("+OK\r\n")
	}
	if r.reply != nil {
		return r.reply()
	}
	switch words[0] {
	case "GET":
		return resp.AppendBulk(nil, value)
	case "EXEC":
		return resp.AppendInt(resp.AppendBulk(append(resp.AppendArray(nil, 3), "+OK\r\n"...), value), 1)
	}
	return resp.AppendInt(nil, 1)
}
