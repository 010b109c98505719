package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/sentinel"
)

// timeline prints what happens, with the time since it was made.
type timeline struct {
	began time.Time

	mu    sync.Mutex
	named string // the last address that a sentinel has published
}

func newTimeline() *timeline { return &timeline{began: time.Now()} }

func (l *timeline) say(what, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(time.Now(), what, format, args...)
}

func (l *timeline) print(at time.Time, what, format string, args ...any) {
	fmt.Printf("%7.3f s  %-11s %s\n", at.Sub(l.began).Seconds(), what, fmt.Sprintf(format, args...))
}

// event prints those events of the sentinel client that tell the story.
func (l *timeline) event(e sentinel.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case sentinel.EventResolved:
		l.print(e.Time, "resolved", "%s is %s (epoch %d)", e.Master, e.Addr, e.Epoch)
	case sentinel.EventHold:
		l.print(e.Time, "hold", "a sentinel announces the promotion: writes wait, reads go on")
	case sentinel.EventSwitched:
		l.print(e.Time, "switched", "%s is %s (epoch %d), was %s", e.Master, e.Addr, e.Epoch, e.OldAddr)
	case sentinel.EventMessage:
		if e.Message.Name == "+switch-master" && e.Message.Addr != l.named {
			l.named = e.Message.Addr
			l.print(e.Time, "published", "+switch-master to %[2]s, first by the sentinel %[1]s", e.Sentinel, e.Message.Addr)
		}
	}
}
