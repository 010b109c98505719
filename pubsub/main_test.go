package pubsub_test

import (
	"os"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pubsub"
)

var (
	shared   testredis.Shared
	topology = testredis.SharedTopology{Options: testredis.TopologyOptions{ProxyData: true, Fast: true, MaxLife: time.Hour}}
)

func TestMain(m *testing.M) {
	code := m.Run()
	_ = shared.Close()
	_ = topology.Close()
	os.Exit(code)
}

// wait is generous: a loaded machine under the race detector is slow.
const wait = 20 * time.Second

// open returns a Subscriber to the server at addr that ends with the test. A server that
// gets no CPU is not taken for a silent one: what silence is, tests in bubbles say.
func open(t testing.TB, addr string, o pubsub.Options) *pubsub.Subscriber {
	t.Helper()
	if o.PingTimeout == 0 {
		o.PingTimeout = wait
	}
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: addr}}, o)
	t.Cleanup(func() { _ = s.Close() })
	return s
}
