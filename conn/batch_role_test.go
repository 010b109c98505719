package conn_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// The reading role comes free while a batch writes its parts. Its caller awaits the
// first of them next, so no other one may get the role.
func TestABatchThatWritesWhileTheReaderLeavesReadsItsFirstPart(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	answer := make(chan struct{})
	s.Handle("SLOW", func(p *testserver.Peer, _ []string) {
		select {
		case <-answer:
		case <-p.Done():
		}
		p.Bulk("done")
	})
	gate := &writeGate{at: make(chan struct{}), open: make(chan struct{})}
	c := dial(t, s, conn.Options{ReadTimeout: 10 * time.Second, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		gate.Conn = nc
		return gate, err
	}})
	slow := make(chan error, 1)
	go func() {
		_, err := text(t.Context(), c, resp.NewCommand("SLOW"))
		slow <- err
	}()
	s.WaitFor(t, "SLOW", func() bool { return s.Count("SLOW") == 1 })
	gate.on = true                  // nobody writes now
	cmds := make([]resp.Command, 4) // each is a part
	for i := range cmds {
		cmds[i] = resp.NewCommand("ECHO", resp.String(strings.Repeat("x", 40<<10)))
	}
	batch := make(chan error, 1)
	n := 0
	go func() {
		batch <- c.DoBatch(t.Context(), cmds, func(_ int, v resp.Value) {
			if b, err := v.Bytes(); err == nil && len(b) == 40<<10 {
				n++
			}
		})
	}()
	<-gate.at
	close(answer)
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
	close(gate.open)
	if err := <-batch; err != nil || n != len(cmds) {
		t.Errorf("%d replies, %v", n, err)
	}
}

// writeGate holds the first write after it was turned on.
type writeGate struct {
	net.Conn
	on       bool
	at, open chan struct{}
}

func (g *writeGate) Write(p []byte) (int, error) {
	if g.on {
		g.on = false
		close(g.at)
		<-g.open
		_ = g.SetWriteDeadline(time.Time{}) // it has taken long
	}
	return g.Conn.Write(p)
}
