package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// HotKeysOptions are options of [HotKeysStart]. Set CPU, Net or both.
type HotKeysOptions struct {
	CPU, Net bool          // what to measure: time, bytes on the network
	Count    int64         // how many keys to report; zero leaves it to the server
	Duration time.Duration // when to stop, in whole seconds, rounded up; zero is never
	Sample   int64         // look at one key of so many; zero is each
	Slots    []int64       // only keys of these slots; none is all
}

// HotKeysStart begins to look for the keys that are used most. It is an error
// while it does so already. Redis 8.6.
//
// See https://redis.io/commands/hotkeys-start.
func HotKeysStart(o HotKeysOptions) Status {
	w := words{args: append(few(), resp.String("METRICS"))}
	switch {
	case o.CPU && o.Net:
		w = w.str("2", "CPU", "NET")
	case o.CPU:
		w = w.str("1", "CPU")
	case o.Net:
		w = w.str("1", "NET")
	default:
		w = w.fail(noMetric)
	}
	w = w.count("COUNT", o.Count)
	w = w.secs("DURATION", o.Duration)
	w = w.count("SAMPLE", o.Sample)
	if len(o.Slots) > 0 {
		w = w.str("SLOTS")
		w = w.int(int64(len(o.Slots)))
		for _, s := range o.Slots {
			w = w.int(s)
		}
	}
	return status("HOTKEYS START", w.args...).check(w.bad)
}

// HotKeysStop ends [HotKeysStart]. What it has found stays. Redis 8.6.
//
// See https://redis.io/commands/hotkeys-stop.
func HotKeysStop() Status { return status("HOTKEYS STOP") }

// HotKeysReset forgets what [HotKeysStart] has found. Redis 8.6.
//
// See https://redis.io/commands/hotkeys-reset.
func HotKeysReset() Status { return status("HOTKEYS RESET") }

// HotKeys are the keys that were used most.
type HotKeys struct {
	Active   bool // whether it goes on
	Sample   int64
	Start    time.Time
	Duration time.Duration
	CPU      []HotKey // by CPU
	Net      []HotKey // by Bytes

	// Numbers by their name in the reply: "total-net-bytes", "total-cpu-time-user-ms",
	// "all-commands-all-slots-us", ...
	Totals map[string]int64
}

// HotKey is a key and its use.
type HotKey struct {
	Key   string
	CPU   time.Duration // spent on its commands, to the microsecond; of HotKeys.CPU
	Bytes int64         // on the network; of HotKeys.Net
}

// HotKeysGet returns the keys that were used most since [HotKeysStart], or
// [ErrNil] without it. Redis 8.6.
//
// See https://redis.io/commands/hotkeys-get.
func HotKeysGet() Cmd[HotKeys] { return query(hotKeys, "HOTKEYS GET") }

// hotKeys decodes a map or a flat array; either may be wrapped in an array.
func hotKeys(v resp.Value) (h HotKeys, err error) {
	if v.Kind() == resp.KindArray && v.Len() == 1 {
		c := v.Cursor()
		v, _ = c.Next()
	}
	h.Totals = map[string]int64{}
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "tracking-active":
			h.Active, err = Bool(v)
		case "sample-ratio":
			h.Sample, err = Int(v)
		case "collection-start-time-unix-ms":
			h.Start, err = UnixMillis(v)
		case "collection-duration-ms":
			h.Duration, err = Millis(v)
		case "by-cpu-time-us", "by-cpu-time":
			h.CPU, err = hotKeyList(v, func(k *HotKey, n int64) { k.CPU = time.Duration(n) * time.Microsecond })
		case "by-net-bytes":
			h.Net, err = hotKeyList(v, func(k *HotKey, n int64) { k.Bytes = n })
		default:
			if v.Kind() == resp.KindInt {
				h.Totals[name], err = Int(v)
			}
		}
		return err
	})
	return h, err
}

func hotKeyList(v resp.Value, use func(k *HotKey, n int64)) ([]HotKey, error) {
	p, n, err := pairsOf(v)
	if err != nil {
		return nil, err
	}
	out := make([]HotKey, 0, n)
	for p.next() {
		var k HotKey
		if k.Key, err = Text(p.key); err != nil {
			return nil, err
		}
		n, err := Int(p.value)
		if err != nil {
			return nil, err
		}
		use(&k, n)
		out = append(out, k)
	}
	return out, p.err
}
