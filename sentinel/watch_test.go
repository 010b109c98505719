package sentinel_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// told is a Follower that keeps what it is told.
type told struct {
	mu       sync.Mutex
	moved    int
	heard    []string
	lost     []string
	informed bool
	closed   int
}

func (f *told) note(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
}

func (f *told) Moved() { f.note(func() { f.moved++ }) }
func (f *told) Heard(_ string, m sentinel.Message) {
	f.note(func() { f.heard = append(f.heard, m.Name) })
}
func (f *told) Informed(replicas bool)                { f.note(func() { f.informed = f.informed || replicas }) }
func (f *told) Reassured()                            {}
func (f *told) LostSentinel(addr string)              { f.note(func() { f.lost = append(f.lost, addr) }) }
func (f *told) GroupClosed()                          { f.note(func() { f.closed++ }) }
func (f *told) has(cond func(f *told) bool) (ok bool) { f.note(func() { ok = cond(f) }); return ok }

// soon waits for a condition.
func soon(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func watched(t *testing.T, f sentinel.Follower) (*redistest.Group, *sentinel.Group, *sentinel.Watch) {
	servers := redistest.NewGroup(t, redistest.GroupOptions{})
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: servers.Sentinels()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	w, err := g.Watch("mymaster", sentinel.WatchOptions{Follower: f, QuorumTTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return servers, g, w
}

func TestAWatchFollowsTheMasterWithoutAClient(t *testing.T) {
	f := &told{}
	servers, g, w := watched(t, f)
	first, err := w.Await(t.Context())
	if err != nil || first.Addr != servers.Master() || !first.Known {
		t.Fatalf("%+v, %v", first, err)
	}
	soon(t, "a majority", func() bool { b := w.Backing(); return b.Majority() && b.Addr == first.Addr && !b.Since.IsZero() })
	soon(t, "the replicas", func() bool { return len(w.Replicas()) == 2 && f.has(func(f *told) bool { return f.informed }) })
	if w.Deserted(first.Addr) {
		t.Error("deserted, although a majority confirms it")
	}
	soon(t, "all links", func() bool {
		return !slices.ContainsFunc(g.Status().Sentinels, func(s sentinel.SentinelStatus) bool { return !s.Subscribed })
	})
	if err := g.Failover(t.Context(), "mymaster"); err != nil {
		t.Fatal(err)
	}
	next, err := w.AwaitAfter(t.Context(), first.Epoch)
	if err != nil || next.Addr == first.Addr || next.Epoch <= first.Epoch || next.Moves <= first.Moves {
		t.Fatalf("%+v after %+v, %v", next, first, err)
	}
	soon(t, "both moves", func() bool { return f.has(func(f *told) bool { return f.moved == 2 }) })
	soon(t, "the message of the switch", func() bool { return f.has(func(f *told) bool { return slices.Contains(f.heard, "+switch-master") }) })
	if err := w.Ask(t.Context()); err != nil || w.View() != next {
		t.Errorf("asked again: %+v, %v", w.View(), err)
	}
	if err := servers.StopSentinel(0); err != nil {
		t.Fatal(err)
	}
	soon(t, "a lost sentinel", func() bool {
		return f.has(func(f *told) bool { return slices.Contains(f.lost, servers.Sentinels()[0]) })
	})
}

func TestAClosedWatchEndsItsWaitsAndTellsNobody(t *testing.T) {
	f := &told{}
	servers, g, w := watched(t, f)
	v, err := w.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := w.AwaitAfter(t.Context(), v.Epoch)
		ended <- err
	}()
	w.Close()
	w.Close()
	if err := <-ended; !errors.Is(err, sentinel.ErrClosed) {
		t.Errorf("a wait for the next master: %v", err)
	}
	if n := len(g.Status().Masters); n != 0 {
		t.Errorf("%d masters are watched", n)
	}
	moved := 0
	f.note(func() { moved = f.moved })
	other := &told{}
	w, err = g.Watch("mymaster", sentinel.WatchOptions{Follower: other})
	if err != nil {
		t.Fatal(err)
	}
	if err := servers.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AwaitAfter(t.Context(), v.Epoch); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if f.moved != moved || f.closed != 0 || other.closed != 1 {
		t.Errorf("the closed one: %d moves, %d ends; the other: %d ends", f.moved-moved, f.closed, other.closed)
	}
	if _, err := g.Watch("mymaster", sentinel.WatchOptions{}); !errors.Is(err, sentinel.ErrClosed) {
		t.Errorf("Watch after Close: %v", err)
	}
}

func TestAnUnknownMasterIsNamedWithWhatEachSentinelSaid(t *testing.T) {
	servers, g, _ := watched(t, nil)
	w, err := g.Watch("nobody", sentinel.WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Await(t.Context())
	if e, ok := errors.AsType[*sentinel.ResolveError](err); !ok || !errors.Is(err, sentinel.ErrMasterUnknown) || len(e.Attempts) != len(servers.Sentinels()) {
		t.Errorf("%v", err)
	}
	if !errors.Is(w.Err(), sentinel.ErrMasterUnknown) {
		t.Errorf("Err: %v", w.Err())
	}
	if _, ok := errors.AsType[*resp.Error](g.Failover(t.Context(), "nobody")); !ok {
		t.Error("the refusal of a failover has no error of the server")
	}
}
