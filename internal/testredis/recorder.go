package testredis

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// Event is a message that a sentinel has published.
type Event struct {
	At       time.Time // when it was read here
	Sentinel int       // which one, by its index
	Name     string    // "+switch-master"
	Payload  string
}

// Master returns the name of the master that the event is about.
func (e Event) Master() string {
	f := strings.Split(e.Payload, " ")
	if e.Name == "+switch-master" {
		return f[0]
	}
	if i := slices.Index(f, "@"); i >= 0 && i+1 < len(f) {
		return f[i+1]
	}
	if len(f) > 1 && f[0] == "master" {
		return f[1]
	}
	return ""
}

// To returns the new address of a +switch-master, else "".
func (e Event) To() string {
	f := strings.Split(e.Payload, " ")
	if e.Name != "+switch-master" || len(f) != 5 {
		return ""
	}
	return net.JoinHostPort(f[3], f[4])
}

func (e Event) String() string {
	return fmt.Sprintf("%s sentinel-%d %s %s", e.At.Format("15:04:05.000"), e.Sentinel, e.Name, e.Payload)
}

// Recorder listens to all events of all sentinels, independently of the
// library under test. It reconnects at once. Safe for concurrent use.
type Recorder struct {
	stop chan struct{}
	wg   sync.WaitGroup
	once sync.Once

	mu     sync.Mutex
	events []Event
	conns  map[int]*testserver.Client
	more   chan struct{} // closed and replaced when something happens
}

// NewRecorder listens to t's sentinels until the test ends; it returns when
// all that run have confirmed.
func NewRecorder(tb leak.TB, t *Topology) *Recorder {
	tb.Helper()
	r, err := t.Record(context.Background())
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			for _, e := range r.Events() {
				tb.Logf("%v", e)
			}
		}
		r.Close()
	})
	return r
}

// Record listens to the sentinels past their proxies; it returns when all
// that run have confirmed. It ends with the topology, or by Close.
func (t *Topology) Record(ctx context.Context) (*Recorder, error) {
	r := &Recorder{stop: make(chan struct{}), conns: map[int]*testserver.Client{}, more: make(chan struct{})}
	for i, s := range t.Sentinels {
		r.wg.Go(func() { r.listen(i, s) })
	}
	t.mu.Lock()
	t.recorders = append(t.recorders, r)
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, leak.DefaultWait)
	defer cancel()
	err := leak.WaitUntil(ctx, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, s := range t.Sentinels {
			if s.Running() && r.conns[i] == nil {
				return false
			}
		}
		return true
	})
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("testredis: recorder: %w", err)
	}
	return r, nil
}

// listen follows one sentinel for ever.
func (r *Recorder) listen(i int, s *Node) {
	for {
		r.follow(i, s)
		if !leak.Sleep(20*time.Millisecond, r.stop) {
			return
		}
	}
}

// follow reads the events of one connection.
func (r *Recorder) follow(i int, s *Node) {
	if !s.Running() {
		return
	}
	c, err := s.Dial()
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(callTimeout))
	if err := c.Send("PSUBSCRIBE", "+*", "-*"); err != nil {
		return
	}
	for range 2 {
		if _, err := c.Read(); err != nil {
			return
		}
	}
	c.SetDeadline(time.Time{})
	if !r.attach(i, c) {
		return
	}
	defer r.detach(i)
	for {
		msg, err := c.Read()
		if err != nil {
			return
		}
		if f := msg.Strings(); len(f) == 4 && f[0] == "pmessage" {
			r.add(Event{At: time.Now(), Sentinel: i, Name: f[2], Payload: f[3]})
		}
	}
}

// attach makes Close able to end the connection.
func (r *Recorder) attach(i int, c *testserver.Client) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.stop:
		return false
	default:
	}
	r.conns[i] = c
	r.announce()
	return true
}

func (r *Recorder) detach(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, i)
}

func (r *Recorder) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.announce()
}

func (r *Recorder) announce() {
	close(r.more)
	r.more = make(chan struct{})
}

// Events returns what has been heard so far.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Wait returns the first event, heard or coming, that match likes.
func (r *Recorder) Wait(ctx context.Context, match func(e Event) bool) (Event, error) {
	for seen := 0; ; {
		r.mu.Lock()
		events, more := r.events[seen:], r.more
		r.mu.Unlock()
		if i := slices.IndexFunc(events, match); i >= 0 {
			return events[i], nil
		}
		seen += len(events)
		select {
		case <-more:
		case <-ctx.Done():
			return Event{}, fmt.Errorf("testredis: recorder: %w", ctx.Err())
		}
	}
}

// Switch returns the first +switch-master of a master ("" is any) that any
// sentinel published after a point in time: the T of the acceptance
// scenarios.
func (r *Recorder) Switch(ctx context.Context, master string, after time.Time) (Event, error) {
	return r.Wait(ctx, func(e Event) bool {
		return e.Name == "+switch-master" && !e.At.Before(after) && (master == "" || e.Master() == master)
	})
}

// Failovers returns how many failovers of a master ("" is any) the sentinels have
// announced, which is as many as the one that has announced the most.
func (r *Recorder) Failovers(master string) (most int) {
	said := map[int]int{}
	for _, e := range r.Events() {
		if e.Name == "+switch-master" && (master == "" || e.Master() == master) {
			said[e.Sentinel]++
			most = max(most, said[e.Sentinel])
		}
	}
	return most
}

// Close ends the recorder; its events stay.
func (r *Recorder) Close() {
	r.once.Do(func() {
		r.mu.Lock()
		close(r.stop)
		for _, c := range r.conns {
			_ = c.Close()
		}
		r.mu.Unlock()
	})
	r.wg.Wait()
}
