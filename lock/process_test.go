package lock

import (
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTheLockOfAKilledHolderIsFreeAfterItsTTL(t *testing.T) {
	inLayers(t, func(t *testing.T, over layer) {
		t.Parallel()
		killedHolder(t, over)
	})
}

func killedHolder(t *testing.T, over layer) {
	n := shared.Node(t)
	name, ttl := fresh(t), 2*time.Second
	l := locker(t, over.over(poolOn(t, n)), Options{})
	a := startActor(t, n, part{role: "actor", over: over, name: name, ttl: ttl})
	a.say(t, "lock")
	if got := a.hear(t); !strings.HasPrefix(got, "held") {
		t.Fatal(got)
	}
	got := queue(t, l, name, 2)
	killed := time.Now()
	a.kill()
	got()
	took := time.Since(killed)
	t.Logf("both waiters had the lock %v after the kill, with a ttl of %v", took, ttl)
	if took < ttl/2 {
		t.Error("sooner than a renewed lock may be given away")
	}
}

func TestAWaiterThatWasKilledIsPassedOver(t *testing.T) {
	inLayers(t, killedWaiter)
}

func killedWaiter(t *testing.T, over layer) {
	n := shared.Node(t)
	var worst time.Duration
	for range 5 {
		name := fresh(t)
		l := locker(t, over.over(poolOn(t, n)), Options{PollInterval: time.Hour})
		h, err := l.With(Terms{TTL: time.Minute}).Lock(t.Context(), name)
		must(t, err)
		a := startActor(t, n, part{role: "actor", over: over, name: name, ttl: time.Minute})
		a.say(t, "lock")
		eventually(t, "the other process waits", func() bool { i, _ := l.Inspect(t.Context(), name); return i.Waiters == 1 })
		got := make(chan *Held)
		go func() {
			h, err := l.Lock(t.Context(), name)
			if err != nil {
				t.Error(err)
			}
			got <- h
		}()
		eventually(t, "this one waits", func() bool { i, _ := l.Inspect(t.Context(), name); return i.Waiters == 2 })
		a.kill()
		released := time.Now()
		must(t, h.Unlock(t.Context()))
		next := <-got // no poll, no ttl could have brought it
		worst = max(worst, time.Since(released))
		must(t, next.Unlock(t.Context()))
	}
	t.Logf("handed over past a killed waiter within %v", worst)
	if worst > MaxGrant {
		t.Error("the grant to the one that was killed had to lapse")
	}
}

func TestTheFirstCheckAfterSIGCONTFails(t *testing.T) {
	inLayers(t, firstCheck)
}

func firstCheck(t *testing.T, over layer) {
	n := shared.Node(t)
	name, ttl := fresh(t), 60*time.Millisecond
	l := locker(t, over.over(poolOn(t, n)), Options{})
	a := startActor(t, n, part{role: "actor", over: over, name: name, ttl: ttl})
	count := 20
	if rounds(0) > 0 {
		count = 1000
	}
	late := 0
	for range count {
		a.say(t, "lock")
		if got := a.hear(t); !strings.HasPrefix(got, "held") {
			t.Fatal(got)
		}
		a.signal(syscall.SIGSTOP)
		h, err := l.Lock(t.Context(), name) // the other has entered
		must(t, err)
		a.say(t, "check")
		a.signal(syscall.SIGCONT)
		if got := a.hear(t); got != "true true" {
			late++
			t.Errorf("check and context: %s", got)
		}
		a.say(t, "unlock")
		if got := a.hear(t); got != "true" {
			t.Error("the unlock of a lost lock succeeded")
		}
		must(t, h.Unlock(t.Context()))
	}
	t.Logf("%d rounds, %d in which the first check passed", count, late)
}

func TestSectionsStayApartThroughKillsAndPauses(t *testing.T) {
	inLayers(t, func(t *testing.T, over layer) {
		t.Parallel()
		killsAndPauses(t, over)
	})
}

func killsAndPauses(t *testing.T, over layer) {
	n := shared.Node(t)
	ttl := 300 * time.Millisecond
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := newWitness()
	go w.serve(ln)
	t.Cleanup(func() { _ = ln.Close() })
	start := func(i int) *actor {
		return startActor(t, n, part{"worker", over, "apart/" + over.name + "/" + jobs[i].name + "/", ttl, ln.Addr().String(), i})
	}
	workers := make([]*actor, 3*len(jobs))
	for i := range workers {
		workers[i] = start(i % len(jobs))
	}
	goal := 60 // of each job
	if rounds(0) > 0 {
		goal = 5000
	}
	sections := func(job string) seen {
		return w.under("apart/" + over.name + "/" + job + "/")
	}
	var kills, stops int
	for enough := false; !enough; {
		pause(t.Context(), 100*time.Millisecond+rand.N(200*time.Millisecond))
		i := rand.IntN(len(workers))
		if rand.IntN(2) == 0 {
			kills++
			workers[i].kill()
			workers[i] = start(i % len(jobs))
		} else {
			stops++
			workers[i].signal(syscall.SIGSTOP)
			pause(t.Context(), ttl+ttl/2)
			workers[i].signal(syscall.SIGCONT)
		}
		enough = true
		for _, j := range jobs {
			enough = enough && sections(j.name).sections >= goal
		}
	}
	late := 0
	for _, j := range named() {
		s := sections(j.name)
		late += s.late
		t.Logf("%s: %v", j.name, s)
		if s.lateAccepted > 0 || s.disorder > 0 {
			t.Error("the fence did not keep writes apart")
		}
	}
	t.Logf("%d kills, %d pauses", kills, stops)
	// A write that was on its way when its process was stopped comes late: nobody
	// can call it back, and the fence refuses it.
	if late > stops {
		t.Error("a holder went on after a pause")
	}
}
