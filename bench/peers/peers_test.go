package main

import (
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
)

func TestEveryClientAnswersEveryWorkloadRightly(t *testing.T) {
	testredis.Require(t)
	var f farm
	defer func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range workloads {
		w := &workloads[i]
		if w.special == specialSize || w.place == trio || w.place == lonely || w.special == specialIdle {
			continue
		}
		where := w.place
		if where == pinned {
			where = free
		}
		s, err := f.at(where)
		if err != nil {
			t.Fatal(err)
		}
		for i := range contenders {
			c := &contenders[i]
			if !w.wants(c) {
				continue
			}
			one, err := measure(c, w, s, 2*time.Millisecond)
			if err == errUnsupported {
				continue
			}
			if err != nil || one.Ops == 0 && w.special == "" {
				t.Errorf("%s, %s: %d ops, %v", c.name, w.name, one.Ops, err)
			}
		}
	}
}

func TestAWrongReplyIsFound(t *testing.T) {
	if checkHash(map[string]string{}) == nil || checkList(make([]int64, listLength)) == nil ||
		checkBig(bigBytes, func(int) byte { return 'x' }) == nil || same("a", "b", nil) == nil {
		t.Error("a wrong reply passed")
	}
}

func TestQuantilesAreWithinTheWidthOfABucket(t *testing.T) {
	var h histogram
	for i := range 10_000 {
		h.add(time.Duration(i) * time.Microsecond)
	}
	for q, want := range map[float64]float64{0.5: 5e6, 0.99: 9.9e6} {
		if got := h.quantile(q); got < want*0.94 || got > want*1.06 {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
}

func TestRatiosCompareTheSameRound(t *testing.T) {
	a := []figures{{Round: 0, Ns: 10}, {Round: 2, Ns: 40}}
	b := []figures{{Round: 2, Ns: 10}, {Round: 1, Ns: 1}, {Round: 0, Ns: 10}}
	if r := ratios(a, b, ns); len(r) != 2 || r[0] != 1 || r[1] != 4 {
		t.Error(r)
	}
}
