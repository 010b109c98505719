package sentinel

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// room is a group whose sentinels are never reached: a test says what they say, and
// sees what the group makes of it.
type room struct {
	t *testing.T
	*Group

	mu     sync.Mutex
	events []Event
}

const watchedName = "mymaster"

// inRoom runs a test with a group in a bubble.
func inRoom(t *testing.T, o GroupOptions, test func(r *room)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Sentinels == nil {
			o.Sentinels = []string{"s1:1", "s2:1", "s3:1"}
		}
		o.Conn.DialTimeout = -1
		o.Conn.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		r := &room{t: t}
		o.OnEvent = func(e Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		}
		g, err := NewGroup(o)
		if err != nil {
			t.Fatal(err)
		}
		r.Group = g
		defer func() { _ = g.Close() }()
		test(r)
	})
}

// watch has the master watched, and forgets that this has it asked for.
func (r *room) watch(o WatchOptions) *Watch {
	r.t.Helper()
	w, err := r.Watch(watchedName, o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.asked()
	return w
}

func (r *room) link(addr string) *link {
	r.Group.mu.Lock()
	defer r.Group.mu.Unlock()
	return r.links[addr]
}

func (r *room) up(addrs ...string) {
	for _, addr := range addrs {
		r.linkChanged(r.link(addr), true, nil)
	}
}

// says is an answer of a sentinel at the present time.
func (r *room) says(who string, a answer) {
	now := time.Now()
	if a.sighting.asked.IsZero() {
		a.sighting.asked = now
	}
	a.sighting.at = now
	r.answered(r.link(who), watchedName, a)
}

// names is the plain answer of some sentinels.
func (r *room) names(addr string, epoch int64, who ...string) {
	for _, s := range who {
		r.says(s, answer{sighting: sighting{addr: addr, epoch: epoch}})
	}
}

// asked returns the sentinels that are to be asked for the master, and those that are
// to be asked in full, since it was called last.
func (r *room) asked() (all, full []string) {
	synctest.Wait()
	for _, addr := range r.Sentinels() {
		r.woken(addr)
		if f, ok := r.link(addr).takeWanted()[watchedName]; ok {
			all = append(all, addr)
			if f {
				full = append(full, addr)
			}
		}
	}
	return all, full
}

// woken reports whether a link is to look up, and has it not any more.
func (r *room) woken(addr string) bool {
	select {
	case <-r.link(addr).asked:
		return true
	default:
		return false
	}
}

// told returns the events of some kinds since it was called last.
func (r *room) told(kinds ...EventKind) []Event {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := slices.DeleteFunc(r.events, func(e Event) bool { return !slices.Contains(kinds, e.Kind) })
	r.events = nil
	return got
}

func (r *room) status() MasterStatus { return r.Status().Masters[0] }

// ear is a Follower that counts.
type ear struct {
	moved, informed, replicas, reassured int
	heard, lost                          []string
}

func (f *ear) Moved()                      { f.moved++ }
func (f *ear) Heard(who string, m Message) { f.heard = append(f.heard, who+m.Name) }
func (f *ear) Reassured()                  { f.reassured++ }
func (f *ear) LostSentinel(addr string)    { f.lost = append(f.lost, addr) }
func (f *ear) GroupClosed()                {}
func (f *ear) Informed(replicas bool) {
	f.informed++
	if replicas {
		f.replicas++
	}
}
