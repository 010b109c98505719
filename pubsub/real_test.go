package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/resp"
)

// acceptance says whether the long runs are asked for.
func acceptance() bool { return os.Getenv("KERMES_ACCEPTANCE") == "1" }

// publishAll publishes the numbers 0 to n-1, in turn to the channels, as fast
// as the server takes them. It may run in a goroutine of its own.
func publishAll(t testing.TB, addr string, channels []string, n int) {
	c, err := conn.Dial(t.Context(), conn.Options{Addr: addr, ReadTimeout: wait})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	const batch = 1000
	cmds := make([]resp.Command, 0, batch)
	for i := 0; i < n; i += batch {
		cmds = cmds[:0]
		for j := i; j < min(n, i+batch); j++ {
			cmds = append(cmds, resp.NewCommand("PUBLISH", resp.String(channels[j%len(channels)]), resp.Int(int64(j))))
		}
		err := c.DoBatch(t.Context(), cmds, func(_ int, v resp.Value) {
			if got, err := v.Int(); got != 1 || err != nil {
				t.Errorf("%d receivers, %v", got, err)
			}
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
}

func TestNoMessageIsLostNorReorderedWhileNothingFails(t *testing.T) {
	node := shared.Node(t)
	n := 100_000
	if acceptance() {
		n = 1_000_000
	}
	channels := []string{"order:0", "order:1", "order:2", "order:3"}
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprint("RESP", proto), func(t *testing.T) {
			leak.Check(t)
			s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: node.Addr(), Protocol: proto}},
				pubsub.Options{Queue: pubsub.Queue{Overflow: pubsub.Block}, PingTimeout: wait}) // a busy machine is no fault
			defer s.Close()
			sub, err := s.Subscribe(t.Context(), channels...)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			var publisher sync.WaitGroup
			defer publisher.Wait()
			publisher.Go(func() { publishAll(t, node.Addr(), channels, n) })
			expected := map[string]int{}
			for i, channel := range channels {
				expected[channel] = i
			}
			got := 0
			for m, err := range sub.All(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if i, _ := strconv.Atoi(m.Text()); i != expected[m.Channel] {
					t.Fatalf("channel %s: message %d instead of %d", m.Channel, i, expected[m.Channel])
				}
				expected[m.Channel] += len(channels)
				if got++; got == n {
					break
				}
			}
			if st := sub.Stats(); st.Dropped != 0 || st.Gaps != 0 || st.Received != uint64(n) {
				t.Errorf("%+v", st)
			}
			t.Logf("%d messages in %v: %.0f a second", n, time.Since(began), float64(n)/time.Since(began).Seconds())
		})
	}
}

func TestTenThousandChannelsAreSubscribedAgainInFewCommands(t *testing.T) {
	leak.Check(t)
	node := testredis.New(t)
	s := open(t, node.Addr(), pubsub.Options{})
	log := record(s)
	var channels []string
	for i := range 10_000 {
		channels = append(channels, fmt.Sprintf("many:channel:%d", i))
	}
	sub, err := s.Subscribe(t.Context(), channels...)
	if err != nil {
		t.Fatal(err)
	}
	first, err := node.CommandCalls("subscribe")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	node.MustDo(t, "CLIENT", "KILL", "TYPE", "pubsub")
	var gap *pubsub.Gap
	if err := nextNotice(t, sub); !errors.As(err, &gap) {
		t.Fatalf("got %v", err)
	}
	t.Logf("everything is subscribed again after %v; %v", time.Since(began), gap)
	again, err := node.CommandCalls("subscribe")
	if err != nil {
		t.Fatal(err)
	}
	if first > 20 || again-first > 20 {
		t.Errorf("%d SUBSCRIBE at first, then %d", first, again-first)
	}
	if got := node.MustDo(t, "PUBSUB", "CHANNELS", "many:*"); len(got.Elems) != len(channels) {
		t.Errorf("%d channels", len(got.Elems))
	}
	for i := 0; i < len(channels); i += 999 {
		node.MustDo(t, "PUBLISH", channels[i], "x")
		if m := next(t, sub); m.Channel != channels[i] {
			t.Errorf("got a message of %s, want %s", m.Channel, channels[i])
		}
	}
	if n := len(log.of(pubsub.EventGap)); n != 1 {
		t.Errorf("%d gaps", n)
	}
	if err := sub.Unsubscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := node.MustDo(t, "PUBSUB", "CHANNELS", "many:*"); len(got.Elems) != 0 {
		t.Errorf("%d channels are left", len(got.Elems))
	}
}

func TestShardChannels(t *testing.T) {
	node := shared.Node(t)
	leak.Check(t)
	for _, proto := range []int{2, 3} {
		s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: node.Addr(), Protocol: proto}}, pubsub.Options{})
		sub, err := s.SSubscribe(t.Context(), "shard:a")
		if err != nil {
			t.Fatal(err)
		}
		if err := sub.Subscribe(t.Context(), "shard:a"); err != nil {
			t.Fatal(err)
		}
		node.MustDo(t, "SPUBLISH", "shard:a", "sharded")
		node.MustDo(t, "PUBLISH", "shard:a", "not")
		if m := next(t, sub); m.Kind != pubsub.Shard || m.Channel != "shard:a" || m.Text() != "sharded" {
			t.Errorf("RESP%d: got %+v", proto, m)
		}
		if m := next(t, sub); m.Kind != pubsub.Channel || m.Text() != "not" {
			t.Errorf("RESP%d: got %+v", proto, m)
		}
		if err := sub.SUnsubscribe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := node.MustDo(t, "PUBSUB", "SHARDNUMSUB", "shard:a"); got.String() != "shard:a 0" {
			t.Errorf("RESP%d: %v", proto, got)
		}
		_ = s.Close()
	}
}

func TestAChannelThatTheACLForbidsIsRefusedByName(t *testing.T) {
	leak.Check(t)
	node := testredis.NewWith(t, testredis.Options{Users: map[string]string{"reader": "on >pw resetchannels &open:* +@all"}})
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: node.Addr(), Username: "reader", Password: "pw"}}, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(t.Context(), "open:a")
	if err != nil {
		t.Fatal(err)
	}
	var refused *pubsub.RefusedError
	if err := sub.Subscribe(t.Context(), "open:b", "closed", "open:c"); !errors.As(err, &refused) || refused.Name != "closed" {
		t.Errorf("got %v", err)
	}
	node.MustDo(t, "PUBLISH", "open:a", "x")
	if m := next(t, sub); m.Text() != "x" {
		t.Errorf("got %q", m.Payload)
	}
	// Taking the permission away kills the client; giving it back heals it.
	node.MustDo(t, "ACL", "SETUSER", "reader", "resetchannels")
	leak.Eventually(t, wait, "a refusal", func() bool { return s.Stats().Pending == 1 && s.Stats().Ready })
	node.MustDo(t, "ACL", "SETUSER", "reader", "&open:*")
	leak.Eventually(t, wait, "the subscription", func() bool { return node.MustDo(t, "PUBSUB", "NUMSUB", "open:a").String() == "open:a 1" })
}

func TestAServerThatCutsASlowSubscriberIsAGap(t *testing.T) {
	leak.Check(t)
	node := testredis.New(t, "client-output-buffer-limit pubsub 1mb 0 0")
	s := open(t, node.Addr(), pubsub.Options{Queue: pubsub.Queue{Size: 10, Overflow: pubsub.Block}})
	log := record(s)
	sub, err := s.Subscribe(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	// Valkey 9.1 counts large payloads, which it does not copy, for next to nothing.
	payload := strings.Repeat("x", 10_000)
	leak.Eventually(t, wait, "the server's cut", func() bool {
		for range 20 {
			node.MustDo(t, "PUBLISH", "big", payload)
		}
		return node.MustDo(t, "PUBSUB", "NUMSUB", "big").String() == "big 0"
	})
	var gap *pubsub.Gap
	for _, err := range sub.All(t.Context()) {
		if err != nil {
			if !errors.As(err, &gap) {
				t.Fatalf("got %v", err)
			}
			break
		}
	}
	node.MustDo(t, "PUBLISH", "big", "after")
	if m := next(t, sub); m.Text() != "after" {
		t.Errorf("got %d bytes", len(m.Payload))
	}
	if n := len(log.of(pubsub.EventGap)); n != 1 {
		t.Errorf("%d gaps", n)
	}
}

// outage is a way to lose a server and get it back.
type outage struct {
	name      string
	lose, end func(node *testredis.Node, proxy *testproxy.Proxy) error
}

var outages = []outage{
	{"kill -9 and restart", func(n *testredis.Node, _ *testproxy.Proxy) error { n.Kill(); return nil },
		func(n *testredis.Node, _ *testproxy.Proxy) error { return n.Restart() }},
	{"SIGSTOP", func(n *testredis.Node, _ *testproxy.Proxy) error { return n.Stop() },
		func(n *testredis.Node, _ *testproxy.Proxy) error { return n.Cont() }},
	{"black hole", func(_ *testredis.Node, p *testproxy.Proxy) error { return p.Set(testproxy.BlackHole) },
		func(_ *testredis.Node, p *testproxy.Proxy) error { return p.Set(testproxy.Pass) }},
	{"half open", func(_ *testredis.Node, p *testproxy.Proxy) error { return p.Set(testproxy.BlackHoleDown) },
		func(_ *testredis.Node, p *testproxy.Proxy) error { return p.Set(testproxy.Pass) }},
	{"refused", func(_ *testredis.Node, p *testproxy.Proxy) error { p.Reset(); return p.Set(testproxy.Refuse) },
		func(_ *testredis.Node, p *testproxy.Proxy) error { return p.Set(testproxy.Pass) }},
}

func TestEveryOutageOfOneServerIsOneGap(t *testing.T) {
	leak.Check(t)
	node := testredis.New(t)
	runs := 1
	if acceptance() {
		runs = 20
	}
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			var noticed, back []time.Duration
			for range runs {
				n, b := runOutage(t, node, o)
				noticed, back = append(noticed, n), append(back, b)
			}
			t.Logf("%d runs: noticed after %v at most, subscribed again %v after the end at most", runs, slices.Max(noticed), slices.Max(back))
		})
	}
}

// runOutage returns how long it took to notice the outage, and to be back after
// its end.
func runOutage(t *testing.T, node *testredis.Node, o outage) (noticed, back time.Duration) {
	proxy, err := testproxy.Start(node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: proxy.Addr()}}, pubsub.Options{})
	defer s.Close()
	log := record(s)
	sub, err := s.Subscribe(t.Context(), "outage")
	if err != nil {
		t.Fatal(err)
	}
	node.MustDo(t, "PUBLISH", "outage", "before")
	if m := next(t, sub); m.Text() != "before" {
		t.Fatalf("got %q", m.Payload)
	}
	began := time.Now()
	if err := o.lose(node, proxy); err != nil {
		t.Fatal(err)
	}
	lost := time.Now()
	noticed = log.await(t, pubsub.EventLost, 1)[0].Time.Sub(began)
	if noticed > 2500*time.Millisecond+slack {
		t.Errorf("noticed after %v", noticed)
	}
	if err := o.end(node, proxy); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	var gap *pubsub.Gap
	if err := nextNotice(t, sub); !errors.As(err, &gap) {
		t.Fatalf("got %v", err)
	}
	back = gap.To.Sub(ended)
	if gap.From.After(lost) || gap.To.Before(began) {
		t.Errorf("gap from %v to %v, the fault was at %v", gap.From, gap.To, began)
	}
	node.MustDo(t, "PUBLISH", "outage", "after")
	if m := next(t, sub); m.Text() != "after" {
		t.Errorf("got %q", m.Payload)
	}
	if n := len(log.of(pubsub.EventGap)); n != 1 {
		t.Errorf("%d gaps", n)
	}
	return noticed, back
}

// slack is for a machine that does much else.
const slack = 5 * time.Second

func TestSubscribeToADeadServerEndsWithItsContext(t *testing.T) {
	leak.Check(t)
	node := testredis.New(t)
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	s := open(t, node.Addr(), pubsub.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Subscribe(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
