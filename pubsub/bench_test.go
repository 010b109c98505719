package pubsub_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pubsub"
)

// flood is a connection whose server confirms subscriptions and then sends the
// same messages for ever, as fast as they are read.
type flood struct {
	mu     sync.Mutex
	answer bytes.Buffer
	ready  *sync.Cond
	stream []byte
	at     int
	left   int // messages to send
	size   int // bytes of one message
	closed bool
}

func newFlood(message string) *flood {
	f := &flood{stream: []byte(strings.Repeat(message, 2000)), size: len(message)}
	f.ready = sync.NewCond(&f.mu)
	return f
}

func (f *flood) send(n int) {
	f.mu.Lock()
	f.left += n
	f.mu.Unlock()
	f.ready.Broadcast()
}

func (f *flood) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.answer.Len() == 0 && f.left == 0 && f.at == 0 && !f.closed {
		f.ready.Wait()
	}
	switch {
	case f.closed:
		return 0, io.EOF
	case f.answer.Len() > 0:
		return f.answer.Read(p)
	}
	end := min(len(f.stream), f.at+len(p), f.left*f.size)
	n := copy(p, f.stream[f.at:end])
	f.at += n
	if f.at == end {
		f.left -= f.at / f.size
		f.at %= f.size
	}
	return n, nil
}

func (f *flood) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if bytes.Contains(p, []byte("SUBSCRIBE\r\n$4\r\nnews")) {
		f.answer.WriteString("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
	}
	if bytes.Contains(p, []byte("PING")) {
		f.answer.WriteString("+PONG\r\n")
	}
	f.ready.Broadcast()
	return len(p), nil
}

func (f *flood) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.ready.Broadcast()
	return nil
}

func (f *flood) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (f *flood) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (f *flood) SetDeadline(time.Time) error      { return nil }
func (f *flood) SetReadDeadline(time.Time) error  { return nil }
func (f *flood) SetWriteDeadline(time.Time) error { return nil }

func (f *flood) Dial(ctx context.Context) (*conn.Conn, error) {
	return conn.NewConn(ctx, f, conn.Options{Protocol: 2, NoClientInfo: true})
}

func benchmarkReceive(b *testing.B, q pubsub.Queue) {
	f := newFlood("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$32\r\n" + strings.Repeat("x", 32) + "\r\n")
	s := pubsub.New(f, pubsub.Options{Queue: q, PingInterval: -1})
	defer s.Close()
	sub, err := s.Subscribe(b.Context(), "news")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	f.send(b.N)
	n := 0
	for _, err := range sub.All(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		if n++; n == b.N {
			break
		}
	}
}

func BenchmarkReceive(b *testing.B) { benchmarkReceive(b, pubsub.Queue{Overflow: pubsub.Block}) }

func BenchmarkReceiveBorrowed(b *testing.B) {
	benchmarkReceive(b, pubsub.Queue{Overflow: pubsub.Block, Borrow: true})
}
