package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestLargeCallsPauseOnlyWhileSmallOnesAreInTheMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l spacing
		large := func(ctx context.Context, callers int64) (waited time.Duration) {
			asked := time.Now()
			began := l.begin(ctx, callers)
			time.Sleep(time.Millisecond)
			l.end(began)
			return time.Duration(began - asked.UnixNano())
		}
		ctx := t.Context()
		if w := large(ctx, 64); w != 0 {
			t.Errorf("the first waits %v", w)
		}
		if w := large(ctx, 64); w != paceGap*time.Millisecond {
			t.Errorf("the second waits %v", w)
		}
		if w := large(ctx, paceCrowd); w != 0 {
			t.Errorf("among few it waits %v", w)
		}
		if w := large(ctx, paceCrowd+1); w != paceGap*time.Millisecond {
			t.Errorf("beside %d small ones it waits %v", paceCrowd, w)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if w := large(ended, 64); w != 0 {
			t.Errorf("without a context it waits %v", w)
		}
		time.Sleep(time.Second)
		if w := large(ctx, 64); w != 0 {
			t.Errorf("after a rest it waits %v", w)
		}
	})
}
