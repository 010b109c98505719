package testredis

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// CalmDownAfter is down-after-milliseconds while nobody has taken a server away. A
// sentinel or a server that gets no turn for a second on a busy machine is not down, and
// the failover that sentinels with a second of patience would do is none of the test's.
const CalmDownAfter = 10 * time.Second

// tempering is how often a hasty sentinel is asked whether it has moved: often
// within DefaultDownAfter, after which it might leave the new master as well.
const tempering = 50 * time.Millisecond

// temper is how much patience the sentinels of a topology have.
type temper struct {
	mu     sync.Mutex
	end    context.CancelFunc // of the haste there is; nil: none
	closed bool
	work   sync.WaitGroup
}

// tempered reports whether down-after is the topology's to change.
func (o *TopologyOptions) tempered() bool { return o.DownAfter == 0 }

// downAfter is what sentinels are started with.
func (o *TopologyOptions) downAfter() time.Duration {
	if o.tempered() {
		return CalmDownAfter
	}
	return o.DownAfter
}

// Hasten has every sentinel take a server that is silent for down after
// DefaultDownAfter, until it names another master, or all data servers are up again.
// Kill and Stop of a data server do this. Whoever cuts one off by its proxy calls it.
// It returns at once, and does nothing where TopologyOptions.DownAfter was given.
func (t *Topology) Hasten() {
	if !t.o.tempered() {
		return
	}
	t.temper.mu.Lock()
	defer t.temper.mu.Unlock()
	if t.temper.closed {
		return
	}
	if t.temper.end != nil {
		t.temper.end()
	}
	ctx, end := context.WithCancel(context.Background())
	t.temper.end = end
	for _, s := range t.Sentinels {
		t.temper.work.Go(func() { t.hasty(ctx, s) })
	}
}

// calm ends the haste when no data server is down any more.
func (t *Topology) calm() {
	if slices.ContainsFunc(t.Data, (*Node).down) {
		return
	}
	t.temper.mu.Lock()
	defer t.temper.mu.Unlock()
	if t.temper.end != nil {
		t.temper.end()
	}
}

// closeTemper waits for the end of all haste.
func (t *Topology) closeTemper() {
	t.temper.mu.Lock()
	t.temper.closed = true
	if t.temper.end != nil {
		t.temper.end()
	}
	t.temper.mu.Unlock()
	t.temper.work.Wait()
}

// hasty makes one sentinel hasty until it has moved, or ctx ends. One that does not run
// is made hasty when it does.
func (t *Topology) hasty(ctx context.Context, s *Node) {
	s.temper.Lock() // the haste of before has ended
	defer s.temper.Unlock()
	var c *testserver.Client
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	was, moved := map[string]string{}, false
	for first := true; !moved && ctx.Err() == nil; first = false {
		if !first && !leak.Sleep(tempering, ctx.Done()) {
			break
		}
		if c == nil {
			c, moved = t.hastened(s, was)
			continue
		}
		var err error
		if moved, err = t.moved(c, was); err != nil {
			_ = c.Close()
			c = nil
		}
	}
	t.temper.mu.Lock()
	closed := t.temper.closed
	t.temper.mu.Unlock()
	if closed {
		return
	}
	if c == nil {
		c, _ = s.Dial()
	}
	if c != nil {
		_ = t.setDownAfter(c, CalmDownAfter)
	}
}

// hastened returns a connection to a sentinel that has become hasty, past those that
// the tests use, or nil. One that has moved since it was asked first is left as it is.
func (t *Topology) hastened(s *Node, was map[string]string) (c *testserver.Client, moved bool) {
	if !s.Running() {
		return nil, false
	}
	c, err := s.Dial()
	if err != nil {
		return nil, false
	}
	moved, err = t.moved(c, was)
	if err == nil && !moved {
		err = t.setDownAfter(c, DefaultDownAfter)
	}
	if err != nil {
		_ = c.Close()
		return nil, false
	}
	return c, moved
}

// setDownAfter is for all masters; one that a test has removed is left out.
func (t *Topology) setDownAfter(c *testserver.Client, d time.Duration) error {
	for _, name := range t.Names {
		c.SetDeadline(time.Now().Add(callTimeout))
		_, err := c.Do("SENTINEL", "SET", name, "down-after-milliseconds", decimal(d.Milliseconds()))
		if err != nil && !isReplyError(err) {
			return err
		}
	}
	return nil
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// moved reports whether a sentinel names another master than at first.
func (t *Topology) moved(c *testserver.Client, was map[string]string) (bool, error) {
	for _, name := range t.Names {
		c.SetDeadline(time.Now().Add(callTimeout))
		r, err := c.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
		if err != nil && !isReplyError(err) {
			return false, err
		}
		if len(r.Elems) != 2 {
			continue
		}
		at := r.Elems[0].Str + " " + r.Elems[1].Str
		if was[name] == "" {
			was[name] = at
		}
		if was[name] != at {
			return true, nil
		}
	}
	return false, nil
}
