package pool_test

import (
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// A connection that a look finds to be of no use is replaced, and nobody is told: the
// command has not been sent.
func TestACallGoesToAnotherConnectionWhenALookFindsAnExtraReply(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	answered, extra := make(chan struct{}), make(chan error)
	s.Handle("LATE", func(p *testserver.Peer, _ []string) {
		p.Write("+OK\r\n")
		<-answered
		_, err := p.Conn().Write([]byte("+EXTRA\r\n"))
		extra <- err
	})
	p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr()}, PeekAfter: -1})
	defer p.Close()
	for range 10 {
		r, err := p.Do(t.Context(), resp.NewCommand("LATE"))
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		answered <- struct{}{}
		if err := <-extra; err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // it has been written: only the kernel's loopback is left
		r, err = p.Do(t.Context(), resp.NewCommand("ECHO", resp.String("mine")))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := r.Bytes(); string(b) != "mine" || err != nil {
			t.Fatalf("%q, %v", b, err)
		}
		r.Release()
	}
}
