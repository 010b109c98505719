package sentinel

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

const (
	minLinkBackoff = 20 * time.Millisecond
	// maxLinkBackoff bounds the wait between attempts to reach a sentinel while
	// no other one is there; lostLinkBackoff while others are.
	maxLinkBackoff  = time.Second
	lostLinkBackoff = 5 * time.Second
	// hurryGap is the least time between two attempts that something asks for.
	hurryGap = 100 * time.Millisecond
	// deafTime is how long a sentinel that refused SUBSCRIBE is not asked again
	// for that.
	deafTime = time.Minute
)

// link is the connection to one sentinel and the goroutine that keeps it.
type link struct {
	group  *Group
	addr   string
	seed   bool
	ctx    context.Context // ends with the group, or when the sentinel is forgotten
	cancel context.CancelFunc
	asked  chan struct{} // capacity one: look at wanted and the rest
	deaf   time.Time     // until when SUBSCRIBE is not tried; link goroutine only
	tried  time.Time     // when the last attempt began; link goroutine only

	// Guarded by group.mu:
	wanted   map[string]bool // masters to ask for now; true is a full question
	id       string          // run id
	up       bool
	listens  bool // it is subscribed
	said     bool // whether the first attempt was reported
	hurry    bool // something says that the sentinel is back
	err      error
	since    time.Time       // when it came up
	seen     time.Time       // when it was last up, or learned of
	answered time.Time       // when its last answer came
	missed   map[string]bool // by another sentinel: it does not know this one, or takes it for down
	named    map[string]bool // by another sentinel: it knows this one
	vouched  bool            // see Group.vouchedLocked
	refused  [asks]string    // why it does not answer what; empty where it does
	learned  string          // from which sentinel; empty for a seed
}

// What a sentinel may refuse, most often for want of a permission.
const (
	askSentinels = iota
	askReplicas
	askMaster
	askMessages
	asks // how many these are
)

var askNames = [asks]string{"SENTINEL SENTINELS", "SENTINEL REPLICAS", "the address of the master", "SUBSCRIBE"}

func newLink(g *Group, addr string, seed bool) *link {
	l := &link{group: g, addr: addr, seed: seed, asked: make(chan struct{}, 1), seen: time.Now(),
		wanted: make(map[string]bool), missed: make(map[string]bool), named: make(map[string]bool)}
	l.ctx, l.cancel = context.WithCancel(g.ctx)
	return l
}

// wantLocked makes the link ask for a master, without waiting.
func (l *link) wantLocked(master string, full bool) {
	l.wanted[master] = l.wanted[master] || full
	l.wake()
}

// wake makes the link look up from its waiting.
func (l *link) wake() {
	select {
	case l.asked <- struct{}{}:
	default:
	}
}

// takeWanted returns what is to be asked for.
func (l *link) takeWanted() map[string]bool {
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	wanted := maps.Clone(l.wanted)
	clear(l.wanted)
	return wanted
}

// run keeps the link until its context ends. Group.Close waits for it.
func (l *link) run() {
	backoff := minLinkBackoff
	for l.ctx.Err() == nil {
		if len(l.group.names()) == 0 {
			l.sleep(time.Hour)
			continue
		}
		l.tried = time.Now()
		err := l.connect(l.ctx)
		if l.ctx.Err() != nil {
			return
		}
		l.lost(err)
		if time.Since(l.tried) > maxLinkBackoff {
			backoff = minLinkBackoff
		}
		if _, refused := errors.AsType[*conn.AuthError](err); refused {
			backoff = maxLinkBackoff // the same password will not do better soon
		}
		l.backOff(backoff/2 + time.Duration(rand.Int64N(int64(backoff))))
		backoff = min(2*backoff, l.maxBackoff())
	}
}

func (l *link) maxBackoff() time.Duration {
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	if l.group.anyUpLocked() {
		return lostLinkBackoff
	}
	return maxLinkBackoff
}

// sleep waits for something to ask for.
func (l *link) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.ctx.Done():
	case <-timer.C:
	case <-l.asked:
	}
}

// backOff waits until it is time to try again, or something is urgent.
func (l *link) backOff(d time.Duration) {
	until := time.Now().Add(d)
	for left := d; left > 0; left = time.Until(until) {
		l.sleep(left)
		if l.ctx.Err() != nil {
			return
		}
		if l.urgent() {
			l.pauseBriefly(min(time.Until(l.tried.Add(hurryGap)), time.Until(until)))
			return
		}
	}
}

func (l *link) pauseBriefly(d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-l.ctx.Done():
	case <-time.After(d):
	}
}

// urgent reports whether a sentinel that could not be reached should be tried
// before its time: no other one is there, a master is new, or others say that
// it is back.
func (l *link) urgent() bool {
	g := l.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.hurry || len(l.wanted) > 0 && !g.anyUpLocked() {
		l.hurry = false
		return true
	}
	for _, t := range g.masters {
		if _, tried := t.tried[l.addr]; !tried {
			return true
		}
	}
	return false
}

func (l *link) lost(err error) {
	l.group.reconnects.Add(1)
	l.group.linkChanged(l, false, err)
	for _, name := range l.group.names() {
		l.group.unanswered(l, name, l.tried, err)
	}
}

// changedLocked notes that the link stands, or is gone or could not be made.
func (l *link) changedLocked(up bool, err error) {
	was := l.up
	l.up, l.err, l.said = up, err, true
	if was || up {
		l.seen = time.Now()
	}
	if up && !was {
		l.since = l.seen
	}
	if up {
		return
	}
	for _, m := range l.group.masters {
		delete(m.lists, l.addr)
	}
}
