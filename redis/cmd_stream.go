package redis

import (
	"maps"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// IDs of streams with a meaning of their own.
const (
	NewID   = "*" // XAdd: made by the server
	LastID  = "$" // XRead: entries from now on. XGroupCreate: the last entry
	FreshID = ">" // XReadGroup: entries that no consumer has got
	MinID   = "-" // XRange: the first entry
	MaxID   = "+" // XRange: the last entry. XRead: the last entry itself, Redis 7.4
)

// Refs says what becomes of the references that consumer groups hold to removed
// entries. Redis 8.2.
type Refs string

// The ways to treat references. The empty one is KeepRefs.
const (
	KeepRefs   Refs = "KEEPREF" // they stay
	DeleteRefs Refs = "DELREF"  // they are removed
	IfAllAcked Refs = "ACKED"   // only entries that all groups have acknowledged are removed
)

// TrimOptions say which entries of a stream are removed. Set MaxLen or MinID.
type TrimOptions struct {
	MaxLen Opt[int64] // keep so many
	MinID  string     // remove entries with a smaller ID
	Approx bool       // keep some more, for speed
	Limit  int64      // look at so many at most, with Approx; zero leaves it to the server
	All    bool       // look at as many as it takes, with Approx: LIMIT 0
	Refs   Refs
}

func (o TrimOptions) add(w words) words {
	by := "="
	if o.Approx {
		by = "~"
	}
	switch {
	case o.MaxLen.OK:
		w = w.str("MAXLEN", by)
		w = w.int(o.MaxLen.Value)
	case o.MinID != "":
		w = w.str("MINID", by, o.MinID)
	default:
		if o != (TrimOptions{}) {
			w = w.fail(noThreshold)
		}
		return w
	}
	if o.MaxLen.Value < 0 {
		w = w.fail(negative)
	}
	if (o.Limit != 0 || o.All) && !o.Approx || o.Limit != 0 && o.All {
		w = w.fail(limitExact)
	}
	w = w.count("LIMIT", o.Limit)
	if o.All {
		w = w.str("LIMIT", "0")
	}
	w = w.flag(o.Refs != "", string(o.Refs))
	return w
}

// XAddOptions are options of [XAdd]. The zero value lets the server make the ID.
type XAddOptions struct {
	ID         string // empty is [NewID]
	NoMkStream bool   // do not make the stream; then XAdd returns [ErrNil]
	Trim       TrimOptions

	// Producer and Message name the entry for the server to recognise: if it has
	// seen both before, nothing is added and XAdd returns the ID of then. So a
	// retry cannot append twice. An empty Message is made of the fields; an empty
	// Producer switches it off. Redis 8.6, see [XCfgSet].
	Producer, Message string
}

func (o XAddOptions) once(w words) words {
	switch {
	case o.Producer == "":
		return w
	case o.Message == "":
		return w.str("IDMPAUTO", o.Producer)
	}
	return w.str("IDMP", o.Producer, o.Message)
}

// XAdd appends an entry of fields and values, given in turn, and returns its ID. A
// number is made a string by [Str]; [XAddMap] takes a map. An ID that is not larger
// than the last one is an error reply. It may be repeated, and is flagged so, if o has
// a Producer.
//
// See https://redis.io/commands/xadd.
func XAdd(key string, o XAddOptions, pairs ...string) Cmd[string] {
	w := o.add(words{args: few()}, key)
	w = w.pairs(pairs)
	return o.command(w)
}

// XAddMap is [XAdd] with the fields of a map, in the order of their names: entries
// with the same fields in the same order take less memory.
//
// See https://redis.io/commands/xadd.
func XAddMap[V Blob](key string, o XAddOptions, fields map[string]V) Cmd[string] {
	w := o.add(words{args: few()}, key)
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		w.args = append(w.args, resp.String(f), blob(fields[f]))
	}
	if len(fields) == 0 {
		w = w.fail(noFields)
	}
	return o.command(w)
}

func (o XAddOptions) add(w words, key string) words {
	w = w.str(key)
	w = w.flag(o.NoMkStream, "NOMKSTREAM")
	w = w.flag(o.Trim.Refs != "", string(o.Trim.Refs))
	o.Trim.Refs = ""
	w = o.once(w)
	w = o.Trim.add(w)
	if o.ID == "" {
		o.ID = NewID
	}
	return w.str(o.ID)
}

func (o XAddOptions) command(w words) Cmd[string] {
	c := write(Text, "XADD", w.args...).check(w.bad)
	if o.Producer != "" {
		c = c.Idempotent()
	}
	return c
}

// XTrim removes entries and returns how many.
//
// See https://redis.io/commands/xtrim.
func XTrim(key string, o TrimOptions) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key)
	w = o.add(w)
	if !o.MaxLen.OK && o.MinID == "" {
		w = w.fail(noThreshold)
	}
	return write(Int, "XTRIM", w.args...).check(w.bad)
}

// XLen returns the number of entries.
//
// See https://redis.io/commands/xlen.
func XLen(key string) Cmd[int64] { return read(Int, "XLEN", resp.String(key)) }

// XDel removes entries and returns how many there were.
//
// See https://redis.io/commands/xdel.
func XDel(key string, ids ...string) Cmd[int64] {
	return write(Int, "XDEL", strs(key, ids)...).check(some(len(ids), noIDs))
}

// Removal is what happened to one entry in [XDelEx] and [XAckDel].
type Removal int64

// The outcomes of a removal.
const (
	NotFound     Removal = -1
	Removed      Removal = 1
	KeptByGroups Removal = 2 // IfAllAcked: another group still needs it
)

func removals(v resp.Value) ([]Removal, error) {
	return list(v, func(v resp.Value) (Removal, error) {
		n, err := Int(v)
		return Removal(n), err
	})
}

// XDelEx removes entries, treats the references of groups as r says, and says of
// each entry in its order what happened. Redis 8.2.
//
// See https://redis.io/commands/xdelex.
func XDelEx(key string, r Refs, ids ...string) Cmd[[]Removal] {
	w := words{args: few()}
	w = w.str(key)
	w = w.flag(r != "", string(r))
	w = w.ids(ids)
	return write(removals, "XDELEX", w.args...).check(w.bad)
}

// XAckDel acknowledges entries for group, removes them, treats the references of
// other groups as r says, and says of each entry in its order what happened. Redis
// 8.2.
//
// See https://redis.io/commands/xackdel.
func XAckDel(key, group string, r Refs, ids ...string) Cmd[[]Removal] {
	w := words{args: few()}
	w = w.str(key, group)
	w = w.flag(r != "", string(r))
	w = w.ids(ids)
	return write(removals, "XACKDEL", w.args...).check(w.bad)
}

func (w words) ids(ids []string) words {
	if len(ids) == 0 {
		w = w.fail(noIDs)
	}
	w = w.str("IDS")
	w = w.int(int64(len(ids)))
	w = w.str(ids...)
	return w
}

// XRange returns up to n entries from start to end, both inclusive, "(" before an
// ID excludes it; all if n is 0. See [MinID] and [MaxID].
//
// See https://redis.io/commands/xrange.
func XRange(key, start, end string, n int64) Cmd[[]Entry] {
	w := words{args: few()}
	w = w.str(key, start, end)
	w = w.count("COUNT", n)
	return read(entries, "XRANGE", w.args...).check(w.bad)
}

// XRevRange is [XRange] from end down to start.
//
// See https://redis.io/commands/xrevrange.
func XRevRange(key, end, start string, n int64) Cmd[[]Entry] {
	w := words{args: few()}
	w = w.str(key, end, start)
	w = w.count("COUNT", n)
	return read(entries, "XREVRANGE", w.args...).check(w.bad)
}

// StreamID is a stream and an ID in it: entries after it are wanted.
type StreamID struct{ Key, ID string }

func (w words) streams(from []StreamID) words {
	if len(from) == 0 {
		w = w.fail(noStreams)
	}
	w = w.str("STREAMS")
	for _, f := range from {
		w = w.str(f.Key)
	}
	for _, f := range from {
		w = w.str(f.ID)
	}
	return w
}

// block appends BLOCK unless d is zero.
func (w words) block(d time.Duration) words {
	if d == 0 {
		return w
	}
	if d < time.Millisecond {
		w = w.fail(badSpan(d))
	}
	w = w.str("BLOCK")
	w.args = append(w.args, blockMillis(d))
	return w
}

// XReadOptions are options of [XRead]. The zero value reads what there is.
type XReadOptions struct {
	Count    int64         // entries of each stream at most; zero is all
	MaxCount int64         // entries altogether at most; zero is all. Redis 8.10
	MaxSize  int64         // bytes of the reply at most, but one entry; zero is no limit. Redis 8.10
	Block    time.Duration // how long to wait for an entry; zero does not wait, see [Forever]
}

// XRead returns the entries after the given IDs, none if there are none in time.
// [LastID] is for the first call: what comes between two calls would be missed.
//
// See https://redis.io/commands/xread.
func XRead(o XReadOptions, from ...StreamID) Cmd[[]Stream] {
	w := words{args: few()}
	w = w.count("COUNT", o.Count)
	w = w.count("MAXCOUNT", o.MaxCount)
	w = w.count("MAXSIZE", o.MaxSize)
	w = w.block(o.Block)
	w = w.streams(from)
	return mayBlock(read(streams, "XREAD", w.args...).check(w.bad), o.Block)
}

func mayBlock[T any](c Cmd[T], d time.Duration) Cmd[T] {
	if d == 0 {
		return c
	}
	return c.blockFor(d)
}

// XReadGroupOptions are options of [XReadGroup]. The zero value reads what there is.
type XReadGroupOptions struct {
	Count    int64         // entries of each stream at most; zero is all
	MaxCount int64         // entries altogether at most; zero is all. Redis 8.10
	MaxSize  int64         // bytes of the reply at most, but one entry; zero is no limit. Redis 8.10
	Block    time.Duration // how long to wait for an entry; zero does not wait, see [Forever]
	Claim    time.Duration // take over entries idle for so long as well; zero does not. Redis 8.4
	NoAck    bool          // entries count as acknowledged at once, but claimed ones
}

// XReadGroup returns entries for consumer of group: fresh ones with [FreshID],
// else its own unacknowledged ones after the given IDs. It returns none if there
// are none in time, and [ErrNoGroup] without the stream or the group.
//
// See https://redis.io/commands/xreadgroup.
func XReadGroup(group, consumer string, o XReadGroupOptions, from ...StreamID) Cmd[[]Stream] {
	w := words{args: few()}
	w = w.str("GROUP", group, consumer)
	w = w.count("COUNT", o.Count)
	w = w.count("MAXCOUNT", o.MaxCount)
	w = w.count("MAXSIZE", o.MaxSize)
	w = w.block(o.Block)
	w = w.ttl("CLAIM", o.Claim)
	w = w.flag(o.NoAck, "NOACK")
	w = w.streams(from)
	return mayBlock(write(streams, "XREADGROUP", w.args...).check(w.bad), o.Block)
}

// XAck acknowledges entries for group and returns how many were pending.
//
// See https://redis.io/commands/xack.
func XAck(key, group string, ids ...string) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key, group)
	w = w.str(ids...)
	return write(Int, "XACK", w.args...).check(some(len(ids), noIDs))
}

// Nack says how [XNack] counts the delivery that it takes back.
type Nack string

// The ways to give entries back.
const (
	NackSilent Nack = "SILENT" // it does not count: the consumer shuts down
	NackFail   Nack = "FAIL"   // it counts: another consumer may do better
	NackFatal  Nack = "FATAL"  // it counts as the last one possible: nobody can
)

// XNackOptions are options of [XNack]. The zero value counts as the Nack says.
type XNackOptions struct {
	Deliveries Opt[int64] // the delivery count to set instead
	Force      bool       // also entries that are not pending for anybody
}

// XNack gives entries back to group, first in line for whoever claims next, and
// returns how many were pending. Redis 8.8.
//
// See https://redis.io/commands/xnack.
func XNack(key, group string, n Nack, o XNackOptions, ids ...string) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key, group, string(n))
	w = w.ids(ids)
	if o.Deliveries.OK {
		w = w.str("RETRYCOUNT")
		w = w.int(o.Deliveries.Value)
	}
	w = w.flag(o.Force, "FORCE")
	return write(Int, "XNACK", w.args...).check(w.bad)
}

// XCfgSetOptions are options of [XCfgSet]. Set at least one.
type XCfgSetOptions struct {
	Duration time.Duration // how long a message is recognised, in whole seconds, rounded up; zero leaves it
	MaxSize  int64         // how many messages of each producer; zero leaves it
}

// XCfgSet sets how long a stream recognises the messages of XAddOptions.Producer.
// It forgets those of before. Redis 8.6.
//
// See https://redis.io/commands/xcfgset.
func XCfgSet(key string, o XCfgSetOptions) Status {
	w := words{args: append(few(), resp.String(key))}
	w = w.secs("IDMP-DURATION", o.Duration)
	w = w.count("IDMP-MAXSIZE", o.MaxSize)
	if len(w.args) == 1 {
		w = w.fail(nothingToSet)
	}
	return status("XCFGSET", w.args...).check(w.bad)
}

// XSetIDOptions are options of [XSetID].
type XSetIDOptions struct {
	EntriesAdded Opt[int64] // how many entries were ever added. Redis 7.0
	MaxDeletedID string     // the largest ID ever removed; empty leaves it. Redis 7.0
}

// XSetID sets the last ID of a stream.
//
// See https://redis.io/commands/xsetid.
func XSetID(key, id string, o XSetIDOptions) Status {
	w := words{args: few()}
	w = w.str(key, id)
	if o.EntriesAdded.OK {
		w = w.str("ENTRIESADDED")
		w = w.int(o.EntriesAdded.Value)
	}
	w = w.opt("MAXDELETEDID", o.MaxDeletedID)
	return status("XSETID", w.args...)
}
