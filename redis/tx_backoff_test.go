package redis

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// movable is a connection that tells of moves.
type movable struct {
	Doer
	l     Leaser
	moved chan struct{}
}

func (m *movable) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	return m.l.WithConn(ctx, fn)
}
func (m *movable) Generation() uint64           { return 1 }
func (m *movable) Moved(uint64) <-chan struct{} { return m.moved }

func TestARefusedTransactionIsNotRepeatedInHaste(t *testing.T) {
	for name, backoff := range map[string]time.Duration{"default": 0, "none after conflicts": -1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testserver.NewWith(t, testserver.Options{Network: "none"})
				s.Reply("MULTI", testserver.OK)
				s.Reply("SET", testserver.Text("QUEUED"))
				s.Reply("EXEC", "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.\r\n")
				c, err := conn.NewConn(t.Context(), s.Pipe(), conn.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				set := func(ctx context.Context, tx *Tx) error {
					Set("k", "v").Queue(&tx.Pipeline)
					return nil
				}
				if err := Transact(t.Context(), On(c), TxOptions{Backoff: backoff}, set); !errors.Is(err, ErrReadOnly) {
					t.Error(err)
				}
				if n := s.Count("EXEC"); n < 20 || n > 80 {
					t.Errorf("%d attempts in %v", n, DefaultTxRetryTime)
				}

				m := &movable{Doer: c, l: On(c), moved: make(chan struct{})}
				close(m.moved)
				attempts := 0
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				err = Transact(ctx, m, TxOptions{}, func(ctx context.Context, tx *Tx) error {
					if attempts++; attempts == 20 {
						cancel()
					}
					return set(ctx, tx)
				})
				if took := time.Since(began); took > 20*time.Millisecond {
					t.Errorf("%v after %v, though the client moves each time", err, took)
				}
			})
		})
	}
}
