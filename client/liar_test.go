package client_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// One of two sentinels claims to be the other one, so that it would be a majority
// alone, and names a server of its own.
func TestOneOfTwoSentinelsTakesNobodyAway(t *testing.T) {
	leak.Check(t)
	ctx := t.Context()
	e := testgroup.New(t, testgroup.Options{Sentinels: 1})
	thief := testserver.New(t)
	thief.Reply("ROLE", testserver.Array(testserver.Bulk("master"), ":0\r\n", "*0\r\n"))
	var lies atomic.Bool
	liar := testserver.NewWith(t, testserver.Options{Mode: "sentinel"})
	liar.Handle("SENTINEL", func(p *testserver.Peer, args []string) {
		named, epoch := e.MasterAddr(), "0"
		if lies.Load() {
			named, epoch = thief.Addr(), "9"
		}
		host, port, _ := net.SplitHostPort(named)
		switch strings.ToLower(args[1]) {
		case "get-master-addr-by-name":
			p.Write(testserver.Bulks(host, port))
		case "master":
			p.Write(testserver.Bulks("config-epoch", epoch, "num-other-sentinels", "1"))
		case "myid":
			p.Write(testserver.Bulk(e.Sentinels[0].MyID()))
		default:
			p.Write(testserver.Array())
		}
	})
	c, err := client.Open(ctx, client.Options{Master: testgroup.DefaultMaster, Group: sentinel.GroupOptions{
		Sentinels: append(e.SentinelAddrs(), liar.Addr()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	linked(t, c)
	lies.Store(true)
	asked := len(liar.CallsOf("SENTINEL"))
	leak.Eventually(t, patience, "the liar to be asked for a second", func() bool {
		if err := redis.Set("k", "v").Do(ctx, c); err != nil {
			t.Fatal(err)
		}
		return len(liar.CallsOf("SENTINEL")) > asked+60
	})
	if calls := thief.Calls(); c.Generation() != 1 || len(calls) > 0 {
		t.Errorf("generation %d; the liar's server was sent %v", c.Generation(), calls)
	}
}
