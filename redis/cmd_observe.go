package redis

import (
	"errors"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// LatencyEvent is a kind of delay that the server has measured.
type LatencyEvent struct {
	Name   string
	At     time.Time // of the last one, to the second
	Latest time.Duration
	Max    time.Duration
}

// LatencyLatest returns the last delay of each kind.
//
// See https://redis.io/commands/latency-latest.
func LatencyLatest() Cmd[[]LatencyEvent] { return query(latencyEvents, "LATENCY LATEST") }

func latencyEvents(v resp.Value) ([]LatencyEvent, error) { return list(v, latencyEvent) }

func latencyEvent(v resp.Value) (e LatencyEvent, err error) {
	c, err := tuple(v, 4)
	if err != nil {
		return e, err
	}
	e.Name = next(&c, Text, &err)
	e.At = next(&c, UnixSeconds, &err)
	e.Latest = next(&c, Millis, &err)
	e.Max = next(&c, Millis, &err)
	return e, err
}

// LatencySample is one delay.
type LatencySample struct {
	At      time.Time // to the second
	Latency time.Duration
}

// LatencyHistory returns the delays of a kind.
//
// See https://redis.io/commands/latency-history.
func LatencyHistory(event string) Cmd[[]LatencySample] {
	return query(latencySamples, "LATENCY HISTORY", resp.String(event))
}

func latencySamples(v resp.Value) ([]LatencySample, error) { return list(v, latencySample) }

func latencySample(v resp.Value) (s LatencySample, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return s, err
	}
	s.At = next(&c, UnixSeconds, &err)
	s.Latency = next(&c, Millis, &err)
	return s, err
}

// LatencyReset forgets the delays of kinds, of all if none is named, and returns
// of how many.
//
// See https://redis.io/commands/latency-reset.
func LatencyReset(events ...string) Cmd[int64] {
	return write(Int, "LATENCY RESET", addStrs(few(), events)...)
}

// LatencyDoctor returns advice in words.
//
// See https://redis.io/commands/latency-doctor.
func LatencyDoctor() Cmd[string] { return query(Text, "LATENCY DOCTOR") }

// LatencyGraph returns the delays of a kind as a picture.
//
// See https://redis.io/commands/latency-graph.
func LatencyGraph(event string) Cmd[string] {
	return query(Text, "LATENCY GRAPH", resp.String(event))
}

// Histogram counts the calls of a command by their duration.
type Histogram struct {
	Calls   int64
	Buckets map[time.Duration]int64 // how many took so long at most, those of smaller buckets included
}

// LatencyHistogram returns the durations of commands, of all if none is named.
// Redis 7.0.
//
// See https://redis.io/commands/latency-histogram.
func LatencyHistogram(commands ...string) Cmd[map[string]Histogram] {
	return query(histograms, "LATENCY HISTOGRAM", addStrs(few(), commands)...)
}

func histograms(v resp.Value) (map[string]Histogram, error) { return MapOf(Text, histogram)(v) }

func histogram(v resp.Value) (h Histogram, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "calls":
			h.Calls, err = Int(v)
		case "histogram_usec":
			h.Buckets, err = MapOf(micros, Int)(v)
		}
		return err
	})
	return h, err
}

// MemoryUsage returns how many bytes key takes, or [ErrNil]. Of nested values it
// looks at so many samples, 5 if it is 0, all if it is negative.
//
// See https://redis.io/commands/memory-usage.
func MemoryUsage(key string, samples int64) Cmd[int64] {
	if samples == 0 {
		return read(Int, "MEMORY USAGE", resp.String(key))
	}
	return read(Int, "MEMORY USAGE", resp.String(key), resp.String("SAMPLES"), resp.Int(max(samples, 0)))
}

// MemoryStats returns how the server uses its memory. Names of nested values are
// joined: "db.0.overhead.hashtable.main".
//
// See https://redis.io/commands/memory-stats.
func MemoryStats() Cmd[map[string]float64] { return query(memoryStats, "MEMORY STATS") }

func memoryStats(v resp.Value) (map[string]float64, error) {
	out := map[string]float64{}
	return out, addStats(out, "", v)
}

func addStats(out map[string]float64, prefix string, v resp.Value) error {
	return named(v, func(name string, v resp.Value) error {
		if k := v.Kind(); k == resp.KindMap || k == resp.KindArray {
			if prefix != "" {
				return nil // deeper than any server goes
			}
			return addStats(out, name+".", v)
		}
		f, err := Float(v)
		if bad := (*DecodeError)(nil); errors.As(err, &bad) || errors.Is(err, ErrNil) {
			return nil // no number, of an allocator that has none
		}
		out[prefix+name] = f
		return err
	})
}

// MemoryDoctor returns advice in words.
//
// See https://redis.io/commands/memory-doctor.
func MemoryDoctor() Cmd[string] { return query(Text, "MEMORY DOCTOR") }

// MemoryMallocStats returns the report of the allocator.
//
// See https://redis.io/commands/memory-malloc-stats.
func MemoryMallocStats() Cmd[string] { return query(Text, "MEMORY MALLOC-STATS") }

// MemoryPurge asks the allocator to give memory back.
//
// See https://redis.io/commands/memory-purge.
func MemoryPurge() Status { return status("MEMORY PURGE") }

// Module is a loaded module.
type Module struct {
	Name    string
	Version int64
	Path    string   // Redis 7.0
	Args    []string // Redis 7.0
}

// ModuleList returns the loaded modules.
//
// See https://redis.io/commands/module-list.
func ModuleList() Cmd[[]Module] { return query(modules, "MODULE LIST") }

func modules(v resp.Value) ([]Module, error) { return list(v, module) }

func module(v resp.Value) (m Module, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "name":
			m.Name, err = Text(v)
		case "ver":
			m.Version, err = Int(v)
		case "path":
			m.Path, err = Text(v)
		case "args":
			m.Args, err = Texts(v)
		}
		return err
	})
	return m, err
}

// ModuleLoad loads a module from a file of the server.
//
// See https://redis.io/commands/module-load.
func ModuleLoad(path string, args ...string) Status {
	return status("MODULE LOAD", strs(path, args)...)
}

// ModuleLoadOptions are options of [ModuleLoadEx].
type ModuleLoadOptions struct {
	Config []string // parameters of the module and their values, in turn
	Args   []string // as [ModuleLoad] takes them
}

// ModuleLoadEx is [ModuleLoad] with parameters. Redis 7.0.
//
// See https://redis.io/commands/module-loadex.
func ModuleLoadEx(path string, o ModuleLoadOptions) Status {
	w := words{args: append(few(), resp.String(path))}
	if len(o.Config)%2 != 0 {
		w = w.fail(oddPairs)
	}
	for i := 0; i+1 < len(o.Config); i += 2 {
		w = w.str("CONFIG", o.Config[i], o.Config[i+1])
	}
	if len(o.Args) > 0 {
		w = w.str("ARGS")
		w = w.str(o.Args...)
	}
	return status("MODULE LOADEX", w.args...).check(w.bad)
}

// ModuleUnload unloads a module by its name.
//
// See https://redis.io/commands/module-unload.
func ModuleUnload(name string) Status { return status("MODULE UNLOAD", resp.String(name)) }
