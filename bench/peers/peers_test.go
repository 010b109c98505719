package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
)

// TestMain lets the test's own program be the proxy.
func TestMain(m *testing.M) {
	if len(os.Args) == 5 && os.Args[1] == "-proxy" {
		trip, err := time.ParseDuration(os.Args[2])
		if err == nil {
			err = runProxy(trip, os.Args[4])
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestTheProxyDelaysEveryReply(t *testing.T) {
	testredis.Require(t)
	var f farm
	defer func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}()
	s, err := f.at(far10)
	if err != nil {
		t.Fatal(err)
	}
	c, err := openRaw(s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	w, err := c.worker()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		began := time.Now()
		if err := w.get(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 10*time.Millisecond {
			t.Errorf("a reply after %v", took)
		}
	}
}

func TestEveryClientAnswersEveryWorkloadRightly(t *testing.T) {
	testredis.Require(t)
	var f farm
	defer func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, w := range workloads {
		// What makes a row dear, and changes no reply.
		w.heap, w.clients, w.callers = 0, min(w.clients, 3), min(w.callers, 8)
		if w.special == specialSize || w.special == specialStart || w.place == trio || w.place == lonely || w.special == specialIdle {
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
			one, err := measure(c, &w, s, time.Millisecond)
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
		checkBig(bigBytes, func(int) byte { return 'x' }) == nil || same("a", "b", nil) == nil ||
		checkScript(0, 1, int64(len(shared().values[0])), nil) == nil {
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
