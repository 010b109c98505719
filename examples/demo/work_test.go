package main

import (
	"testing"
	"time"
)

func TestALostWriteIsBlamedOnTheFaultThatMayHaveCostIt(t *testing.T) {
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	planned := &incident{name: "planned", at: at(time.Second), lossless: true}
	kill := &incident{name: "kill -9", at: at(5 * time.Second)}
	for acked, want := range map[time.Duration]struct {
		fault *incident
		fails bool
	}{
		500 * time.Millisecond:   {nil, true},
		time.Second:              {planned, true},
		3 * time.Second:          {planned, true},
		5*time.Second - tail - 1: {planned, true},
		5*time.Second - tail/2:   {kill, false},
		5*time.Second + tail/2:   {kill, false},
		5*time.Second + tail + 1: {kill, true},
	} {
		w := &work{past: []*incident{planned, kill}}
		a := ack{key: "k", at: at(acked)}
		if got := w.culprit(a); got != want.fault {
			t.Errorf("acknowledged at %v: %+v", acked, got)
		}
		if w.blame(a); (w.err != nil) != want.fails {
			t.Errorf("acknowledged at %v: %v", acked, w.err)
		}
	}
}
