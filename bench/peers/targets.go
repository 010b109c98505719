package main

import (
	"fmt"
	"io"
	"strings"
)

// target is a figure that Kermes must reach.
type target struct {
	what string
	want string
	// check returns the figure as text and what is to be said of it; empty text means that
	// it was not measured.
	check func(t table) (got string, v verdict)
}

// each3 is a figure of a whole pipeline of 3.
func each3(figure func(*figures) float64) func(*figures) float64 {
	return func(f *figures) float64 { return 3 * figure(f) }
}

func bytesOnly(n float64) string { return fmt.Sprintf("%.0f B", n) }

const (
	self  = "kermes"     // the contender that has to reach the targets
	floor = "raw-filled" // raw that makes what the caller is to have
)

// targets of the transport.
var targets = []target{
	{"own cost, GET", "<= 150 ns", own("own: get")},
	{"own cost, GET with deadline", "<= 150 ns", own("own: get, deadline")},
	{"own cost, GET with cancellable context", "<= 150 ns", own("own: get, cancellable")},
	{"own cost, SET", "<= 150 ns", own("own: set")},
	{"own cost, SET with deadline", "<= 150 ns", own("own: set, deadline")},
	{"own cost, SET with cancellable context", "<= 150 ns", own("own: set, cancellable")},
	{"serial GET", "<= 1.05 raw", toRaw("get", 1.05)},
	{"serial GET, deadline", "<= 1.05 raw", toRaw("get, deadline", 1.05)},
	{"serial GET, cancellable", "<= 1.05 raw", toRaw("get, cancellable", 1.05)},
	{"serial GET, after a burst", "<= 1.05 raw", toRaw("get, after a burst", 1.05)},
	{"serial SET", "<= 1.05 raw", toRaw("set", 1.05)},
	{"serial SET, deadline", "<= 1.05 raw", toRaw("set, deadline", 1.05)},
	{"serial SET, cancellable", "<= 1.05 raw", toRaw("set, cancellable", 1.05)},
	{"serial SET, after a burst", "<= 1.05 raw", toRaw("set, after a burst", 1.05)},
	{"serial GET, CPU", "lowest of the clients", ahead("get", cpu, 1)},
	{"serial SET, CPU", "lowest of the clients", ahead("set", cpu, 1)},
	{"8 callers, GET", "<= 1.05 raw", toRaw("get, 8 callers", 1.05)},
	{"64 callers, GET", ">= 1.3 the best peer", ahead("get, 64 callers", ns, 1.3)},
	{"64 callers, GET, p99", "lowest of the clients", ahead("get, 64 callers", p99, 1)},
	{"64 callers, GET, CPU", "lowest of the clients", ahead("get, 64 callers", cpu, 1)},
	{"64 callers, SET", ">= 1.3 the best peer", ahead("set, 64 callers", ns, 1.3)},
	{"64 callers, SET, p99", "lowest of the clients", ahead("set, 64 callers", p99, 1)},
	{"64 callers, SET, CPU", "lowest of the clients", ahead("set, 64 callers", cpu, 1)},
	{"512 callers, GET", ">= 1.3 the best peer", ahead("get, 512 callers", ns, 1.3)},
	{"512 callers, GET, p99", "lowest of the clients", ahead("get, 512 callers", p99, 1)},
	{"512 callers, GET, CPU", "lowest of the clients", ahead("get, 512 callers", cpu, 1)},
	{"512 callers, SET", ">= 1.3 the best peer", ahead("set, 512 callers", ns, 1.3)},
	{"512 callers, SET, p99", "lowest of the clients", ahead("set, 512 callers", p99, 1)},
	{"512 callers, SET, CPU", "lowest of the clients", ahead("set, 512 callers", cpu, 1)},
	{"64 callers beside 1 MiB GETs", "<= 1.5 of without", beside("get, 64 callers beside 1 MiB", "get, 64 callers", 1.5)},
	{"pipeline of 100 GET", "<= 1.15 raw", toRaw("pipeline of 100 get", 1.15)},
	{"pipeline of 100 SET", "<= 1.15 raw", toRaw("pipeline of 100 set", 1.15)},
	{"kept pipeline of 100 GET", "<= 1.15 raw", toRaw("kept pipeline of 100 get", 1.15)},
	{"kept pipeline of 100 SET", "<= 1.15 raw", toRaw("kept pipeline of 100 set", 1.15)},
	{"pipeline of 100 GET", "ahead of every peer", ahead("pipeline of 100 get", ns, 1)},
	{"pipeline of 100 SET", "ahead of every peer", ahead("pipeline of 100 set", ns, 1)},
	{"pipeline of 10 GET", "ahead of every peer", ahead("pipeline of 10 get", ns, 1)},
	{"pipeline of 3 GET", "ahead of every peer", ahead("pipeline of 3 get", ns, 1)},
	{"pipeline of 100 GET, memory a command", "values and 40 bytes", below("pipeline of 100 get", kept, 64+40, bytesOnly)},
	{"pipeline of 100 SET, memory a command", "40 bytes", below("pipeline of 100 set", kept, 40, bytesOnly)},
	{"pipeline of 3 GET, allocations of the whole", "values and 2", below("pipeline of 3 get", each3(allocs), 3+2, countText)},
	{"pipeline of 3 SET, allocations of the whole", "2", below("pipeline of 3 set", each3(allocs), 2, countText)},
	{"transaction of 3 SET", "ahead of every peer", ahead("transaction of 3 set", ns, 1)},
	{"check and set", "ahead of every peer", ahead("check and set", ns, 1)},
	{"pipeline of 10 scripts", "ahead of every peer", ahead("pipeline of 10 scripts", ns, 1)},
	{"transaction of 3 SET, allocations a command", "none above a peer's", fewer("transaction of 3 set")},
	{"check and set, allocations", "none above a peer's", fewer("check and set")},
	{"pipeline of 10 scripts, allocations a command", "none above a peer's", fewer("pipeline of 10 scripts")},
	{"GET 1 MiB", "<= 1.05 raw", toRaw("get 1 MiB", 1.05)},
	{"GET 1 MiB into a buffer", "<= 1.05 raw", toRaw("get 1 MiB into a buffer", 1.05)},
	{"GET 1 MiB into a buffer", "ahead of every peer", ahead("get 1 MiB into a buffer", ns, 1)},
	{"SET 1 MiB", "<= 1.05 raw", toRaw("set 1 MiB", 1.05)},
	{"2 callers, GET", "ahead of every peer", ahead("get, 2 callers", ns, 1)},
	{"4 callers, GET", "ahead of every peer", ahead("get, 4 callers", ns, 1)},
	{"8 callers, GET", "ahead of every peer", ahead("get, 8 callers", ns, 1)},
	{"16 callers, GET", "ahead of every peer", ahead("get, 16 callers", ns, 1)},
	{"32 callers, GET", "ahead of every peer", ahead("get, 32 callers", ns, 1)},
	{"1 ms away, GET", "ahead of every peer", ahead("get, 1 ms away", ns, 1)},
	{"1 ms away, 8 callers", "ahead of every peer", ahead("get, 8 callers, 1 ms away", ns, 1)},
	{"1 ms away, 64 callers", "ahead of every peer", ahead("get, 64 callers, 1 ms away", ns, 1)},
	{"1 ms away, 512 callers", "ahead of every peer", ahead("get, 512 callers, 1 ms away", ns, 1)},
	{"10 ms away, 512 callers", "ahead of every peer", ahead("get, 512 callers, 10 ms away", ns, 1)},
	{"TLS, 64 callers", "ahead of every peer", ahead("get, 64 callers, TLS", ns, 1)},
	{"unix socket, 64 callers", "ahead of every peer", ahead("get, 64 callers, unix socket", ns, 1)},
	{"mixed sizes, 64 callers, 200 MB live", "ahead of every peer", ahead("mixed sizes, 64 callers, 200 MB live", ns, 1)},
	{"GET 1 MiB", "<= 1.3 raw", toRaw("get 1 MiB", 1.3)},
	{"GET 16 MiB", "ahead of every peer", ahead("get 16 MiB", ns, 1)},
	{"SET 16 MiB", "ahead of every peer", ahead("set 16 MiB", ns, 1)},
	{"HGETALL 1000 into a map", "<= 1.4 raw", toRaw("hgetall 1000", 1.4)},
	{"HGETALL 1000 into a map", "ahead of every peer", ahead("hgetall 1000", ns, 1)},
	{"LRANGE 1000 strings", "ahead of every peer", ahead("lrange 1000 strings", ns, 1)},
	{"ZRANGE 1000 with scores", "ahead of every peer", ahead("zrange 1000 with scores", ns, 1)},
	{"MGET 1000, half of them null", "ahead of every peer", ahead("mget 1000, half of them null", ns, 1)},
	{"XRANGE 1000", "ahead of every peer", ahead("xrange 1000", ns, 1)},
	{"SMEMBERS 1000 into a set", "ahead of every peer", ahead("smembers 1000 into a set", ns, 1)},
	{"LRANGE 10k into []int64", "<= 1.3 raw", toRaw("lrange 10000", 1.3)},
	{"LRANGE 10k, allocations", "a constant number", below("lrange 10000", allocs, 8, countText)},
	{"live heap with 64 callers", "<= 1.2 MB", below("live heap, 64 callers", kept, 1.2e6, bytesText)},
	{"idle connection", "<= 16 KiB", below("idle connection", kept, 16<<10, bytesText)},
	{"pub/sub, messages per second", "ahead of every peer", ahead("pub/sub message", ns, 1)},
	{"watched by sentinels, GET, 64 callers", "<= 1.02 of bypass", against("watched against bypass: get, 64 callers", 1.02)},
	{"watched by sentinels, SET, 64 callers", "<= 1.02 of bypass", against("watched against bypass: set, 64 callers", 1.02)},
	{"watched by sentinels, serial GET", "<= 1.02 of bypass", against("watched against bypass: get", 1.02)},
	{"allocations of everyday commands", "none above a peer's", fewest},
}

// verdict is what the rounds say of a target. Only if all of them say the same it is
// that, or if there are many, all between which the median lies; else noise decides.
type verdict string

const (
	met    verdict = "met"
	missed verdict = "missed"
	noise  verdict = "noise decides"
)

func atMost(s spread, most float64) verdict {
	s = s.inner()
	switch {
	case s.max() <= most:
		return met
	case s.min() > most:
		return missed
	}
	return noise
}

func atLeast(s spread, least float64) verdict {
	s = s.inner()
	switch {
	case s.min() >= least:
		return met
	case s.max() < least:
		return missed
	}
	return noise
}

// counted is the verdict on what noise does not touch.
func counted(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

func targetTable(out io.Writer, t table) {
	line(out, "what", "target", "measured", "")
	line(out, rule(4)...)
	for _, one := range targets {
		got, v := one.check(t)
		if got == "" {
			got = "not measured"
		}
		line(out, one.what, one.want, got, string(v))
	}
}

func own(work string) func(table) (string, verdict) {
	return func(t table) (string, verdict) {
		mine, raw := t.of(work, self, ns), t.of(work, "raw", ns)
		if len(mine) == 0 || len(raw) == 0 {
			return "", ""
		}
		cost := func(client string) float64 { return t.of(work, client, ns).median() - raw.median() }
		peer := t.bestPeer(work, ns)
		var costs spread
		for _, one := range mine {
			costs = append(costs, one-raw.median())
		}
		text := fmt.Sprintf("%s (%s to %s); %s %s", timeText(cost(self)), timeText(costs.inner().min()), timeText(costs.inner().max()),
			peer, timeText(cost(peer)))
		if len(t.of(work, floor, ns)) > 0 {
			text += fmt.Sprintf("; %s %s", floor, timeText(cost(floor)))
		}
		return text, atMost(costs, 150)
	}
}

func toRaw(work string, most float64) func(table) (string, verdict) {
	return func(t table) (string, verdict) {
		r := t.ratio(work, self, "raw", ns)
		if len(r) == 0 {
			return "", ""
		}
		peer := t.bestPeer(work, ns)
		text := fmt.Sprintf("%.2f (%.2f to %.2f)", r.median(), r.inner().min(), r.inner().max())
		for _, other := range []string{peer, floor} {
			if p := t.ratio(work, other, "raw", ns); len(p) > 0 {
				text += fmt.Sprintf("; %s %.2f", other, p.median())
			}
		}
		return text, atMost(r, most)
	}
}

// ahead asks that in every round the lowest figure of the peers be so many times that
// of Kermes.
func ahead(work string, figure func(*figures) float64, least float64) func(table) (string, verdict) {
	return func(t table) (string, verdict) {
		r := t.lead(work, self, figure)
		if len(r) == 0 {
			return "", ""
		}
		peer := t.bestPeer(work, figure)
		return fmt.Sprintf("%.2f (%.2f to %.2f): %s against %s of %s", r.median(), r.inner().min(), r.inner().max(),
			timeText(t.of(work, self, figure).median()), timeText(t.of(work, peer, figure).median()), peer), atLeast(r, least)
	}
}

// lead is, for every round, the lowest figure of all others over that of a client. Set-ups of one
// client are no others, and nor is raw.
func (t table) lead(work, client string, figure func(*figures) float64) (s spread) {
	for _, mine := range t[work][client] {
		least := 0.0
		for name, all := range t[work] {
			if family(name) == "raw" || family(name) == family(client) {
				continue
			}
			for _, one := range all {
				if one.Round == mine.Round && one.Error == "" && (least == 0 || figure(&one) < least) {
					least = figure(&one)
				}
			}
		}
		if mine.Error == "" && least > 0 {
			s = append(s, least/figure(&mine))
		}
	}
	return s
}

// family is the client that a set-up is of.
func family(name string) string {
	if strings.HasPrefix(name, "go-redis") {
		return "go-redis"
	}
	first, _, _ := strings.Cut(name, "-")
	return first
}

// bestPeer is the client with the lowest figure that is neither raw nor Kermes.
func (t table) bestPeer(work string, figure func(*figures) float64) (best string) {
	least := 0.0
	for name := range t[work] {
		s := t.of(work, name, figure)
		if family(name) == "raw" || family(name) == self || len(s) == 0 {
			continue
		}
		if m := s.median(); best == "" || m < least {
			best, least = name, m
		}
	}
	return best
}

func beside(work, alone string, most float64) func(table) (string, verdict) {
	return func(t table) (string, verdict) {
		r := ratios(t[work][self], t[alone][self], ns)
		if len(r) == 0 {
			return "", ""
		}
		return fmt.Sprintf("%.2f (%.2f to %.2f): %s, without %s", r.median(), r.inner().min(), r.inner().max(),
			timeText(t.of(work, self, ns).median()), timeText(t.of(alone, self, ns).median())), atMost(r, most)
	}
}

func below(work string, figure func(*figures) float64, most float64, text func(float64) string) func(table) (string, verdict) {
	return func(t table) (string, verdict) {
		s := t.of(work, self, figure)
		if len(s) == 0 {
			return "", ""
		}
		peer := t.bestPeer(work, figure)
		return fmt.Sprintf("%s; %s %s", text(s.median()), peer, text(t.of(work, peer, figure).median())), counted(s.median() <= most)
	}
}

// fewer asks that no peer allocate less often.
func fewer(work string) func(table) (string, verdict) {
	return func(t table) (string, verdict) {
		mine := t.of(work, self, allocs)
		if len(mine) == 0 {
			return "", ""
		}
		peer := t.bestPeer(work, allocs)
		least := t.of(work, peer, allocs).median()
		return fmt.Sprintf("%s; %s %s", countText(mine.median()), peer, countText(least)), counted(mine.median() <= least+0.05)
	}
}

// against compares the client that follows a master with the same in bypass.
func against(work string, most float64) func(table) (string, verdict) {
	return func(t table) (string, verdict) {
		r := t.of(work, "kermes-watched", ratio)
		if len(r) == 0 {
			return "", ""
		}
		return fmt.Sprintf("%.3f (%.3f to %.3f)", r.median(), r.inner().min(), r.inner().max()), atMost(r, most)
	}
}

func fewest(t table) (string, verdict) {
	const work = "allocations of everyday commands"
	if len(t[work][self]) == 0 {
		return "", ""
	}
	above := []string{}
	for _, row := range everydayNames {
		count := func(client string) float64 {
			return t.of(work, client, func(f *figures) float64 { return f.Table[row] }).median()
		}
		for _, peer := range everyday[1:] {
			if count(self) > count(peer)+0.05 {
				above = append(above, row)
				break
			}
		}
	}
	if len(above) > 0 {
		return "more for " + strings.Join(above, ", "), missed
	}
	return fmt.Sprintf("none of %d", len(everydayNames)), met
}
