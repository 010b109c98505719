package lock

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// witness is the resource that locks guard: it sees every section and every write,
// and refuses a fence that is smaller than the greatest it has seen. A reader is only
// late when a writer has been there since.
type witness struct {
	mu    sync.Mutex
	locks map[string]*seen
}

// seen is what the witness saw under one name.
type seen struct {
	holder, greatest int64 // of all
	writer           int64 // the greatest of writers
	sections, writes int
	held             time.Duration
	late             int // writes after another had entered
	lateAccepted     int // of them those that the fence check let through
	lateSections     map[int64]bool
	refused          int // sections whose fence was not greater than all before
	disorder         int // of them those that held the lock all the same
}

func newWitness() *witness { return &witness{locks: map[string]*seen{}} }

func (w *witness) of(name string) *seen {
	s := w.locks[name]
	if s == nil {
		s = &seen{lateSections: map[int64]bool{}}
		w.locks[name] = s
	}
	return s
}

// enter reports whether the fence of a section was greater than all before, as that of
// a writer must be, or than those of all writers before. If it was not, its message may
// have been on its way while the process was stopped: then the holder knows by now that
// it has lost the lock. If it still holds it, the fences are out of order, and the
// holder has to say so.
func (w *witness) enter(name string, fence int64, reads bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.of(name)
	if reads && fence <= s.writer || !reads && fence <= s.greatest {
		s.refused++
		return false
	}
	s.sections++
	s.holder, s.greatest = fence, max(fence, s.greatest)
	if !reads {
		s.writer = max(fence, s.writer)
	}
	return true
}

// outOfOrder notes that a section that was refused holds the lock all the same.
func (w *witness) outOfOrder(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of(name).disorder++
}

// write reports whether the fence check let the write, or the read, through.
func (w *witness) write(name string, fence int64, reads bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.of(name)
	s.writes++
	accepted, late := fence >= s.greatest, s.holder != fence
	if reads {
		accepted, late = fence >= s.writer, s.writer > fence
	}
	if late {
		s.late++
		s.lateSections[fence] = true
		if accepted {
			s.lateAccepted++
		}
	}
	return accepted
}

// busy notes for how long a section has held the lock.
func (w *witness) busy(name string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of(name).held += d
}

// under adds up what was seen under the names that begin so.
func (w *witness) under(prefix string) seen {
	return w.total(func(name string) bool { return strings.HasPrefix(name, prefix) })
}

// total adds up what was seen under the names that match.
func (w *witness) total(match func(name string) bool) (t seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.lateSections = map[int64]bool{}
	for name, s := range w.locks {
		if !match(name) {
			continue
		}
		t.sections += s.sections
		t.writes += s.writes
		t.held += s.held
		t.late += s.late
		t.lateAccepted += s.lateAccepted
		t.refused += s.refused
		t.disorder += s.disorder
		for f := range s.lateSections {
			t.lateSections[f] = true
		}
	}
	return t
}

func (s seen) String() string {
	return fmt.Sprintf("%d sections, %d writes, %d late in %d sections, %d late let through, %d entries refused, %d fences out of order",
		s.sections, s.writes, s.late, len(s.lateSections), s.lateAccepted, s.refused, s.disorder)
}
