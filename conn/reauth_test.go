package conn_test

import (
	"errors"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// The reply to an AUTH that is under way is never taken for what a receiver waits for.
func TestAReceiverThatBeginsWaitsForAuth(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Password: "pw"})
	asked, release := make(chan struct{}), make(chan struct{})
	c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), Password: "pw"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.Handle("AUTH", func(p *testserver.Peer, args []string) {
		close(asked)
		<-release
		p.Default(args)
	})
	reauth := make(chan error, 1)
	go func() { reauth <- c.Reauth(t.Context()) }()
	<-asked
	first := make(chan string, 1)
	go func() {
		if err := c.Send(t.Context(), resp.NewCommand("SUBSCRIBE", resp.String("news"))); err != nil {
			t.Error(err)
		}
		r, err := c.Receive(t.Context())
		if err != nil {
			t.Error(err)
		}
		first <- string(r.Value)
	}()
	close(release)
	if err := <-reauth; err != nil {
		t.Error(err)
	}
	if got := <-first; got != ">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n" {
		t.Errorf("the receiver got %q", got)
	}
	err = c.Reauth(t.Context())
	if !errors.Is(err, conn.ErrReauth) || conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("AUTH on a connection that receives: %v", err)
	}
}
