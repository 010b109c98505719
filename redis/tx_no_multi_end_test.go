package redis_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

// Where the server refuses MULTI the commands run by themselves. When the connection ends
// before the last of them are sent, those before have run: the error must not say that
// nothing was sent, and nobody may try the transaction again.
func TestARefusedMultiIsNotTriedAgainWhenTheConnectionEnds(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Handle("MULTI", func(p *testserver.Peer, _ []string) { p.Write("-NOPERM no MULTI for you\r\n") })
	var runs atomic.Int32
	s.Handle("INCR", func(p *testserver.Peer, _ []string) {
		p.Write(":1\r\n")
		if runs.Add(1) == 512 { // of the first part
			p.Close()
		}
	})
	p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr(), MaxUnsent: 1, Dial: dialTardy}}) // one part at a time
	defer p.Close()
	attempts := 0
	err := redis.Transact(t.Context(), p, redis.TxOptions{}, func(_ context.Context, tx *redis.Tx) error {
		attempts++
		for range 600 {
			redis.Incr("k").Queue(&tx.Pipeline)
		}
		return nil
	})
	if n := runs.Load(); attempts != 1 || n > 600 {
		t.Errorf("%d attempts, %d commands", attempts, n)
	}
	alone, ok := errors.AsType[*redis.NoMultiError](err)
	if !ok || alone.Executed != 512 || alone.Queued != 600 || redis.ClassOf(err) != redis.ClassMaybeExecuted {
		t.Errorf("class %v of %v", redis.ClassOf(err), err)
	}
}

// tardy is a connection on which the end comes before what was read is looked at.
type tardy struct{ *net.TCPConn }

func (t tardy) Read(p []byte) (int, error) {
	n, err := t.TCPConn.Read(p)
	time.Sleep(20 * time.Millisecond)
	return n, err
}

func dialTardy(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return tardy{nc.(*net.TCPConn)}, nil
}
