package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
)

const (
	writers   = 8
	readers   = 4
	gap       = 4 * time.Millisecond
	deadline  = time.Second
	channel   = "news"
	warmUp    = 500 * time.Millisecond
	publishes = 5 * time.Millisecond
)

// call is one operation of a client. The harness never repeats one.
type call struct {
	worker, seq int
	begun, at   time.Time
	err         error
}

// subject is a contender at work.
type subject struct {
	contender
	client client
	id     string // begins its keys

	mu       sync.Mutex
	calls    []call
	messages []message
}

// message is one that a subscriber got: who published it, when it came.
type message struct {
	from string
	at   time.Time
}

// load is all contenders at work against one topology.
type load struct {
	top      *testredis.Topology
	rec      *testredis.Recorder
	subjects []*subject
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup
	stopped  chan struct{}
	named    *namer
}

// kinds of work.
const (
	writing = 1 << iota
	reading
	subscribing
)

// startLoad opens all contenders and sets them to work.
func startLoad(top *testredis.Topology, sentinels []string, kind int) (*load, error) {
	rec, err := top.Record(context.Background())
	if err != nil {
		return nil, err
	}
	l := &load{top: top, rec: rec, stopped: make(chan struct{}), named: watchNames(top)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for i, c := range selected() {
		s := &subject{contender: c, id: fmt.Sprint("c", i)}
		ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
		s.client, err = c.open(ctx, setup{sentinels: sentinels, master: top.Names[0], replicas: kind&reading != 0})
		cancel()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		l.subjects = append(l.subjects, s)
		l.start(s, kind)
	}
	if kind&subscribing != 0 {
		l.publish()
	}
	time.Sleep(warmUp)
	return l, nil
}

func (l *load) start(s *subject, kind int) {
	if kind&writing != 0 {
		for w := range writers {
			l.work.Go(func() {
				l.repeat(s, w, func(ctx context.Context, seq int) error {
					return s.client.push(ctx, s.key(w), strconv.Itoa(seq))
				})
			})
		}
	}
	if kind&reading != 0 {
		for w := range readers {
			l.work.Go(func() {
				l.repeat(s, w, func(ctx context.Context, _ int) error { return s.client.get(ctx, "key") })
			})
		}
	}
	if kind&subscribing != 0 {
		s.client.subscribe(l.ctx, channel, func(payload string) {
			s.mu.Lock()
			s.messages = append(s.messages, message{payload, time.Now()})
			s.mu.Unlock()
		})
	}
}

func (s *subject) key(worker int) string { return fmt.Sprintf("%s:%d", s.id, worker) }

// repeat does fn again and again until the load is stopped.
func (l *load) repeat(s *subject, worker int, fn func(ctx context.Context, seq int) error) {
	tick := time.NewTicker(gap)
	defer tick.Stop()
	limit := deadline
	if s.client == nil {
		return
	}
	for seq := 0; ; seq++ {
		c := call{worker: worker, seq: seq, begun: time.Now()}
		ctx, cancel := context.WithTimeout(l.ctx, limit)
		c.err = fn(ctx, seq)
		cancel()
		c.at = time.Now()
		s.mu.Lock()
		s.calls = append(s.calls, c)
		s.mu.Unlock()
		select {
		case <-tick.C:
		case <-l.stopped:
			return
		}
	}
}

// publish has every server publish its own name all the time. Subscribers on
// the new master are those who hear it.
func (l *load) publish() {
	for _, n := range l.top.Data {
		l.work.Go(func() {
			tick := time.NewTicker(publishes)
			defer tick.Stop()
			var conn *testserver.Client
			for {
				select {
				case <-tick.C:
				case <-l.stopped:
					if conn != nil {
						_ = conn.Close()
					}
					return
				}
				if conn == nil {
					conn, _ = n.Dial()
				}
				if conn == nil {
					continue
				}
				conn.SetDeadline(time.Now().Add(time.Second))
				if _, err := conn.Do("PUBLISH", channel, n.Name); err != nil {
					_ = conn.Close()
					conn = nil
				}
			}
		})
	}
}

// stop ends the work; every call under way comes to its end.
func (l *load) stop() {
	close(l.stopped)
	l.work.Wait()
	l.named.stop()
}

// close ends the clients. A client that does not end is left behind.
func (l *load) close() {
	l.cancel()
	l.rec.Close()
	done := make(chan struct{})
	go func() {
		for _, s := range l.subjects {
			s.client.close()
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
	}
}

// successes of every worker since t, in the order of their ends.
func (s *subject) successes() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c call) bool { return c.err != nil })
}

// failures counts the calls that returned an error.
func (s *subject) failures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c.err != nil {
			n++
		}
	}
	return n
}

// allBack says whether every worker has had a success that began after t.
func (s *subject) allBack(t time.Time, workers int) bool {
	back := map[int]bool{}
	for _, c := range s.successes() {
		if c.begun.After(t) {
			back[c.worker] = true
		}
	}
	return len(back) == workers
}

// longestGap is the longest time without any success of the client between two
// points in time.
func (s *subject) longestGap(from, to time.Time) time.Duration {
	at := []time.Time{from}
	for _, c := range s.successes() {
		if c.at.After(from) && c.at.Before(to) {
			at = append(at, c.at)
		}
	}
	at = append(at, to)
	slices.SortFunc(at, time.Time.Compare)
	var longest time.Duration
	for i := 1; i < len(at); i++ {
		longest = max(longest, at[i].Sub(at[i-1]))
	}
	return longest
}

// there reads the lists of a client from a server: worker, value, how often.
func (s *subject) there(n *testredis.Node) (map[int]map[int]int, error) {
	all := map[int]map[int]int{}
	for w := range writers {
		all[w] = map[int]int{}
		r, err := n.Do("LRANGE", s.key(w), "0", "-1")
		if err != nil {
			return nil, err
		}
		for _, text := range r.Strings() {
			v, err := strconv.Atoi(text)
			if err != nil {
				return nil, err
			}
			all[w][v]++
		}
	}
	return all, nil
}

// verdict of the lists on the final master.
type verdict struct {
	stale  int           // acknowledged, begun after the promotion, and not there
	lost   int           // acknowledged and not there at all
	twice  int           // executed more than once
	outage time.Duration // until the last worker's first durable write that began after the fault
}

func (s *subject) judge(n *testredis.Node, fault, promoted time.Time) (verdict, error) {
	there, err := s.there(n)
	if err != nil {
		return verdict{}, err
	}
	var v verdict
	first := map[int]time.Time{}
	for _, c := range s.successes() {
		times := there[c.worker][c.seq]
		if times == 0 {
			v.lost++
			if c.begun.After(promoted) {
				v.stale++
			}
			continue
		}
		if c.at.After(promoted) {
			if at, ok := first[c.worker]; !ok || c.at.Before(at) {
				first[c.worker] = c.at
			}
		}
	}
	for _, values := range there {
		for _, times := range values {
			v.twice += max(0, times-1)
		}
	}
	v.outage = never
	if len(first) == writers {
		v.outage = 0
		for _, at := range first {
			v.outage = max(v.outage, at.Sub(fault))
		}
	}
	return v, nil
}

// never stands for what did not happen while the row was watched.
const never = time.Hour

// heard returns when the first message of a server came after t.
func (s *subject) heard(from string, t time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.from == from && m.at.After(t) {
			return m.at.Sub(t)
		}
	}
	return never
}
