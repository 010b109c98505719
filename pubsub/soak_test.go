package pubsub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
)

// soakFor is KERMES_SOAK, or a few seconds.
func soakFor(t *testing.T) time.Duration {
	text := os.Getenv("KERMES_SOAK")
	if text == "" {
		return 10 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// published is a message that the server has acknowledged.
type published struct {
	n          int
	begun, ack time.Time
}

// channelLog is what was published to a channel, and what came.
type channelLog struct {
	name string
	sent []published
	got  []int
}

// publish publishes numbers as fast as it can until ctx ends. A number that may
// or may not have been published is not used again.
func (l *channelLog) publish(ctx context.Context, node *testredis.Node) {
	n := 0
	for ctx.Err() == nil {
		c, err := testserver.DialClient("tcp", node.Direct(), nil, 10*time.Second)
		if err != nil {
			pause(ctx, time.Millisecond)
			continue
		}
		for ctx.Err() == nil {
			begun := time.Now()
			_, err := c.Do("PUBLISH", l.name, strconv.Itoa(n))
			n++
			if err != nil {
				break
			}
			l.sent = append(l.sent, published{n: n - 1, begun: begun, ack: time.Now()})
			pause(ctx, time.Duration(rand.IntN(300))*time.Microsecond)
		}
		_ = c.Close()
	}
}

// soakFaults are what happens to the server and to the way to it, for a while.
var soakFaults = []func(node *testredis.Node, p *testproxy.Proxy, d time.Duration) error{
	func(n *testredis.Node, _ *testproxy.Proxy, _ time.Duration) error {
		_, err := n.Do("CLIENT", "KILL", "TYPE", "pubsub")
		return err
	},
	func(_ *testredis.Node, p *testproxy.Proxy, _ time.Duration) error { p.Cut(); return nil },
	func(_ *testredis.Node, p *testproxy.Proxy, _ time.Duration) error { p.Reset(); return nil },
	func(_ *testredis.Node, p *testproxy.Proxy, d time.Duration) error {
		return during(p, testproxy.BlackHole, d)
	},
	func(_ *testredis.Node, p *testproxy.Proxy, d time.Duration) error {
		return during(p, testproxy.BlackHoleUp, d)
	},
	func(_ *testredis.Node, p *testproxy.Proxy, d time.Duration) error {
		return during(p, testproxy.BlackHoleDown, d)
	},
	func(_ *testredis.Node, p *testproxy.Proxy, d time.Duration) error {
		return during(p, testproxy.Hold, d)
	},
	func(n *testredis.Node, _ *testproxy.Proxy, d time.Duration) error {
		n.Kill()
		time.Sleep(d)
		return n.Restart()
	},
	func(n *testredis.Node, _ *testproxy.Proxy, d time.Duration) error {
		if err := n.Stop(); err != nil {
			return err
		}
		time.Sleep(d)
		return n.Cont()
	},
}

func during(p *testproxy.Proxy, m testproxy.Mode, d time.Duration) error {
	if err := p.Set(m); err != nil {
		return err
	}
	time.Sleep(d)
	return p.Set(testproxy.Pass)
}

// Whatever happens: what is published between the end of a gap and the next gap
// comes exactly once, and nothing comes twice or out of order.
func TestSoakEveryMessageOutsideOfGapsComesExactlyOnce(t *testing.T) {
	leak.Check(t)
	duration := soakFor(t)
	node := testredis.NewWith(t, testredis.Options{MaxLife: duration + 5*time.Minute})
	proxy := testproxy.New(t, node.Direct())
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: proxy.Addr()}}, pubsub.Options{
		PingInterval: 20 * time.Millisecond, PingTimeout: 300 * time.Millisecond, MaxBackoff: 50 * time.Millisecond,
	})
	defer s.Close()
	log := record(s)
	logs := []*channelLog{{name: "soak:0"}, {name: "soak:1"}, {name: "soak:2"}}
	sub, err := s.Subscribe(t.Context(), "soak:0", "soak:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.PSubscribe(t.Context(), "soak:[2]"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	publishing, stop := context.WithCancel(t.Context())
	var publishers, consumer sync.WaitGroup
	for _, l := range logs {
		publishers.Go(func() { l.publish(publishing, node) })
	}
	var gaps []*pubsub.Gap
	consumer.Go(func() {
		for m, err := range sub.All(t.Context()) {
			switch gap, ok := err.(*pubsub.Gap); {
			case ok:
				gaps = append(gaps, gap)
			case err != nil:
				t.Error(err)
			case m.Text() == "end":
				return
			default:
				i, _ := strconv.Atoi(strings.TrimPrefix(m.Channel, "soak:"))
				n, _ := strconv.Atoi(m.Text())
				logs[i].got = append(logs[i].got, n)
			}
		}
	})
	faults := 0
	for time.Since(began) < duration && !t.Failed() {
		time.Sleep(time.Duration(50+rand.IntN(600)) * time.Millisecond)
		fault := soakFaults[rand.IntN(len(soakFaults))]
		if err := fault(node, proxy, time.Duration(rand.IntN(900))*time.Millisecond); err != nil {
			t.Error(err)
		}
		faults++
	}
	stop()
	publishers.Wait()
	leak.Eventually(t, wait, "the end", func() bool {
		_, ready := s.Ready()
		r, err := node.Do("PUBLISH", "soak:0", "end")
		return ready && err == nil && r.Int > 0
	})
	consumer.Wait()
	checked := 0
	for _, l := range logs {
		checked += checkSoak(t, l, gaps)
	}
	if checked == 0 {
		t.Error("no message was outside of the gaps")
	}
	total := len(logs[0].sent) + len(logs[1].sent) + len(logs[2].sent)
	received := len(logs[0].got) + len(logs[1].got) + len(logs[2].got)
	t.Logf("%v, %d faults, %d gaps, %d published, %d received, %d of them outside of gaps", time.Since(began).Round(time.Second), faults, len(gaps), total, received, checked)
	if n := len(log.of(pubsub.EventGap)); n != len(gaps) {
		t.Errorf("%d gap events, %d notices", n, len(gaps))
	}
	if st := sub.Stats(); st.Dropped != 0 {
		t.Errorf("%d dropped", st.Dropped)
	}
}

// checkSoak returns how many messages had to come.
func checkSoak(t *testing.T, l *channelLog, gaps []*pubsub.Gap) (must int) {
	got := make(map[int]bool, len(l.got))
	last := -1
	for _, n := range l.got {
		if n <= last {
			t.Errorf("%s: %d came after %d", l.name, n, last)
		}
		last = n
		got[n] = true
	}
	next := 0 // the first gap that ends after the message was begun
	for _, m := range l.sent {
		for next < len(gaps) && !m.begun.Before(gaps[next].To) {
			next++
		}
		if next < len(gaps) && !m.ack.Before(gaps[next].From) {
			continue
		}
		must++
		if !got[m.n] {
			t.Errorf("%s: message %d of %s was lost outside of %s", l.name, m.n, stamp(m.begun), describe(gaps, next))
		}
	}
	return must
}

func stamp(t time.Time) string { return t.Format("15:04:05.000000") }

func describe(gaps []*pubsub.Gap, next int) string {
	var text []string
	for _, g := range gaps[max(0, next-1):min(len(gaps), next+1)] {
		text = append(text, fmt.Sprintf("%s to %s (%v)", stamp(g.From), stamp(g.To), g.Reason))
	}
	return strings.Join(text, ", ")
}
