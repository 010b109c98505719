package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"
)

// contender is one process that wants the lock.
type contender struct {
	library, addr string
	from          int64
	hold, time    time.Duration
	sections      int
}

// run takes the lock again and again, and prints a line for each section: how long
// the wait was and how long wait and release were together, in nanoseconds.
func (c contender) run() error {
	var enter section
	for _, l := range libraries {
		if l.name == c.library {
			var err error
			if enter, err = l.open(c.addr); err != nil {
				return err
			}
		}
	}
	if enter == nil {
		return fmt.Errorf("no such library")
	}
	ctx := context.Background()
	if err := enter(ctx, func() {}); err != nil { // connects
		return err
	}
	time.Sleep(time.Until(time.UnixMilli(c.from)))
	end := time.Now().Add(c.time)
	type timing struct{ wait, whole time.Duration }
	var all []timing
	for n := 0; c.sections > 0 && n < c.sections || c.sections == 0 && time.Now().Before(end); n++ {
		began := time.Now()
		var got, done time.Time
		err := enter(ctx, func() {
			got = time.Now()
			if c.hold > 0 {
				time.Sleep(c.hold)
			}
			done = time.Now()
		})
		if err != nil {
			return err
		}
		all = append(all, timing{got.Sub(began), time.Since(began) - done.Sub(got)})
	}
	w := bufio.NewWriter(os.Stdout)
	for _, t := range all {
		fmt.Fprintln(w, t.wait.Nanoseconds(), t.whole.Nanoseconds())
	}
	return w.Flush()
}
