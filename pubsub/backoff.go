package pubsub

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff spaces attempts to connect: from the start of one to that of the next.
type backoff struct {
	low, high time.Duration
	failures  int
	last      time.Time
}

func (b *backoff) failed() { b.failures++ }

// wait returns when the next attempt may be made; false when ctx has ended.
func (b *backoff) wait(ctx context.Context) bool {
	if b.failures > 0 {
		pause := b.high
		if b.failures < 16 {
			pause = min(b.low<<(b.failures-1), b.high)
		}
		pause += time.Duration((rand.Float64() - 0.5) / 2 * float64(pause))
		timer := time.NewTimer(time.Until(b.last.Add(pause)))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	b.last = time.Now()
	return ctx.Err() == nil
}
