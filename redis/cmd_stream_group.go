package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// XGroupOptions are options of [XGroupCreate] and [XGroupSetID].
type XGroupOptions struct {
	MkStream    bool       // make an empty stream if there is none; for XGroupCreate only
	EntriesRead Opt[int64] // how many entries the group has read, for its lag. Redis 7.0
}

func (o XGroupOptions) add(w words) words {
	w = w.flag(o.MkStream, "MKSTREAM")
	if o.EntriesRead.OK {
		w = w.str("ENTRIESREAD")
		w = w.int(o.EntriesRead.Value)
	}
	return w
}

// XGroupCreate makes a consumer group that reads after id: "0" for all entries,
// [LastID] for new ones. It returns [ErrBusyGroup] if the group exists.
//
// See https://redis.io/commands/xgroup-create.
func XGroupCreate(key, group, id string, o XGroupOptions) Status {
	w := words{args: few()}
	w = w.str(key, group, id)
	w = o.add(w)
	return status("XGROUP CREATE", w.args...)
}

// XGroupSetID lets group go on after id.
//
// See https://redis.io/commands/xgroup-setid.
func XGroupSetID(key, group, id string, o XGroupOptions) Status {
	w := words{args: few()}
	w = w.str(key, group, id)
	o.MkStream = false
	w = o.add(w)
	return status("XGROUP SETID", w.args...)
}

// XGroupDestroy deletes group and reports whether there was one.
//
// See https://redis.io/commands/xgroup-destroy.
func XGroupDestroy(key, group string) Cmd[bool] {
	return write(Bool, "XGROUP DESTROY", resp.String(key), resp.String(group))
}

// XGroupCreateConsumer makes a consumer and reports whether it is new.
//
// See https://redis.io/commands/xgroup-createconsumer.
func XGroupCreateConsumer(key, group, consumer string) Cmd[bool] {
	return write(Bool, "XGROUP CREATECONSUMER", resp.String(key), resp.String(group), resp.String(consumer))
}

// XGroupDelConsumer deletes a consumer and returns how many entries it had not
// acknowledged. They are lost to the group: claim them before.
//
// See https://redis.io/commands/xgroup-delconsumer.
func XGroupDelConsumer(key, group, consumer string) Cmd[int64] {
	return write(Int, "XGROUP DELCONSUMER", resp.String(key), resp.String(group), resp.String(consumer))
}

// PendingSummary counts the entries that a group has not acknowledged.
type PendingSummary struct {
	Count       int64
	First, Last string           // the smallest and the largest ID
	Consumers   map[string]int64 // how many each consumer has
}

// XPending counts the entries that group has not acknowledged.
//
// See https://redis.io/commands/xpending.
func XPending(key, group string) Cmd[PendingSummary] {
	return read(pendingSummary, "XPENDING", resp.String(key), resp.String(group))
}

func pendingSummary(v resp.Value) (p PendingSummary, err error) {
	c, err := tuple(v, 4)
	if err != nil {
		return p, err
	}
	p.Count = next(&c, Int, &err)
	p.First = next(&c, OptOf(Text), &err).Value
	p.Last = next(&c, OptOf(Text), &err).Value
	p.Consumers = next(&c, OptOf(MapOf(Text, Int)), &err).Value
	return p, err
}

// Pending is an entry that has not been acknowledged.
type Pending struct {
	ID          string
	Consumer    string        // who has it
	Idle        time.Duration // since it was delivered, of [XPendingRange]; [NoExpiry] if it was given back, see [XNack]
	DeliveredAt time.Time     // instead, of [XInfoStreamFull]
	Deliveries  int64         // how often it was delivered
}

// XPendingOptions select the entries of [XPendingRange].
type XPendingOptions struct {
	Start, End string        // IDs, both inclusive; empty is the first and the last
	Idle       time.Duration // only entries idle for so long; zero is all
	Consumer   string        // only those of one consumer; empty is all
}

// XPendingRange returns up to n entries that group has not acknowledged.
//
// See https://redis.io/commands/xpending.
func XPendingRange(key, group string, n int64, o XPendingOptions) Cmd[[]Pending] {
	w := words{args: few()}
	w = w.str(key, group)
	w = w.ttl("IDLE", o.Idle)
	if o.Start == "" {
		o.Start = MinID
	}
	if o.End == "" {
		o.End = MaxID
	}
	w = w.str(o.Start, o.End)
	if n < 0 {
		w = w.fail(negative)
	}
	w = w.int(n)
	w = w.flag(o.Consumer != "", o.Consumer)
	return read(pendings, "XPENDING", w.args...).check(w.bad)
}

func pendings(v resp.Value) ([]Pending, error) { return list(v, pending) }

func pending(v resp.Value) (p Pending, err error) {
	c, err := tuple(v, 4)
	if err != nil {
		return p, err
	}
	p.ID = next(&c, Text, &err)
	p.Consumer = next(&c, Text, &err)
	p.Idle = next(&c, Millis, &err)
	p.Deliveries = next(&c, Int, &err)
	return p, err
}

// XClaimOptions are options of [XClaim]. The zero value takes entries over, sets
// their idle time to 0 and counts a delivery.
type XClaimOptions struct {
	Idle       time.Duration // the idle time to set; zero sets 0
	Time       time.Time     // when it was delivered last, instead of Idle
	Deliveries Opt[int64]    // the delivery count to set
	Force      bool          // also entries that are not pending for anybody
	LastID     string        // the last delivered ID of the group, if it is larger
}

func claim(key, group, consumer string, minIdle time.Duration, o XClaimOptions, ids []string) words {
	w := words{args: few()}
	w = w.str(key, group, consumer)
	w = w.idle(minIdle)
	if len(ids) == 0 {
		w = w.fail(noIDs)
	}
	w = w.str(ids...)
	w = w.ttl("IDLE", o.Idle)
	w = w.at("TIME", o.Time)
	if o.Deliveries.OK {
		w = w.str("RETRYCOUNT")
		w = w.int(o.Deliveries.Value)
	}
	w = w.flag(o.Force, "FORCE")
	w = w.opt("LASTID", o.LastID)
	return w
}

// idle appends an idle time, which may be zero.
func (w words) idle(d time.Duration) words {
	if d == 0 {
		w = w.int(0)
		return w
	}
	w = w.ms(d)
	return w
}

// XClaim gives pending entries, idle for minIdle at least, to consumer and
// returns them.
//
// See https://redis.io/commands/xclaim.
func XClaim(key, group, consumer string, minIdle time.Duration, o XClaimOptions, ids ...string) Cmd[[]Entry] {
	w := claim(key, group, consumer, minIdle, o, ids)
	return write(entries, "XCLAIM", w.args...).check(w.bad)
}

// XClaimJustID is [XClaim] that returns the IDs only and counts no delivery.
//
// See https://redis.io/commands/xclaim.
func XClaimJustID(key, group, consumer string, minIdle time.Duration, o XClaimOptions, ids ...string) Cmd[[]string] {
	w := claim(key, group, consumer, minIdle, o, ids)
	w = w.str("JUSTID")
	return write(Texts, "XCLAIM", w.args...).check(w.bad)
}

// AutoClaimed is a page of [XAutoClaim].
type AutoClaimed struct {
	Next    string   // where the next page starts; "0-0" after the last
	Entries []Entry  // now the consumer's
	IDs     []string // instead of Entries, of [XAutoClaimJustID]
	Deleted []string // were pending, but have been removed from the stream
}

// XAutoClaim looks at up to n pending entries from ID start, 100 if n is 0, and
// gives those that are idle for minIdle to consumer. Begin with start "0".
//
// See https://redis.io/commands/xautoclaim.
func XAutoClaim(key, group, consumer string, minIdle time.Duration, start string, n int64) Cmd[AutoClaimed] {
	w := autoClaim(key, group, consumer, minIdle, start, n)
	return write(autoClaimed, "XAUTOCLAIM", w.args...).check(w.bad)
}

// XAutoClaimJustID is [XAutoClaim] that returns the IDs only and counts no
// delivery.
//
// See https://redis.io/commands/xautoclaim.
func XAutoClaimJustID(key, group, consumer string, minIdle time.Duration, start string, n int64) Cmd[AutoClaimed] {
	w := autoClaim(key, group, consumer, minIdle, start, n)
	w = w.str("JUSTID")
	return write(autoClaimedIDs, "XAUTOCLAIM", w.args...).check(w.bad)
}

func autoClaim(key, group, consumer string, minIdle time.Duration, start string, n int64) words {
	w := words{args: few()}
	w = w.str(key, group, consumer)
	w = w.idle(minIdle)
	w = w.str(start)
	w = w.count("COUNT", n)
	return w
}

func autoClaimed(v resp.Value) (a AutoClaimed, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return a, err
	}
	a.Next = next(&c, Text, &err)
	a.Entries = next(&c, entries, &err)
	if v.Len() > 2 { // Redis 7.0
		a.Deleted = next(&c, Texts, &err)
	}
	return a, err
}

func autoClaimedIDs(v resp.Value) (a AutoClaimed, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return a, err
	}
	a.Next = next(&c, Text, &err)
	a.IDs = next(&c, Texts, &err)
	if v.Len() > 2 {
		a.Deleted = next(&c, Texts, &err)
	}
	return a, err
}
