package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// StreamInfo describes a stream.
type StreamInfo struct {
	Length                int64
	Groups                int64
	LastID                string // the largest ever
	MaxDeletedID          string
	EntriesAdded          int64
	RecordedFirstID       string
	RadixKeys, RadixNodes int64
	First, Last           Opt[Entry]

	// Of messages that are recognised, see [XCfgSet]. Redis 8.6.
	IDMPDuration        time.Duration
	IDMPMaxSize         int64
	Producers, Messages int64 // that are known now
	Added, Repeated     int64 // since the stream was made: new ones, and recognised ones
}

// XInfoStream describes a stream. A missing key is an error.
//
// See https://redis.io/commands/xinfo-stream.
func XInfoStream(key string) Cmd[StreamInfo] {
	return read(streamInfo, "XINFO STREAM", resp.String(key))
}

func streamInfo(v resp.Value) (s StreamInfo, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "groups":
			s.Groups, err = Int(v)
		case "first-entry":
			s.First, err = opt(v, entry)
		case "last-entry":
			s.Last, err = opt(v, entry)
		default:
			err = s.common(name, v)
		}
		return err
	})
	return s, err
}

func (s *StreamInfo) common(name string, v resp.Value) (err error) {
	switch name {
	case "length":
		s.Length, err = Int(v)
	case "radix-tree-keys":
		s.RadixKeys, err = Int(v)
	case "radix-tree-nodes":
		s.RadixNodes, err = Int(v)
	case "last-generated-id":
		s.LastID, err = Text(v)
	case "max-deleted-entry-id":
		s.MaxDeletedID, err = Text(v)
	case "entries-added":
		s.EntriesAdded, err = Int(v)
	case "recorded-first-entry-id":
		s.RecordedFirstID, err = Text(v)
	case "idmp-duration":
		s.IDMPDuration, err = Seconds(v)
	case "idmp-maxsize":
		s.IDMPMaxSize, err = Int(v)
	case "pids-tracked":
		s.Producers, err = Int(v)
	case "iids-tracked":
		s.Messages, err = Int(v)
	case "iids-added":
		s.Added, err = Int(v)
	case "iids-duplicates":
		s.Repeated, err = Int(v)
	}
	return err
}

// GroupInfo describes a consumer group.
type GroupInfo struct {
	Name            string
	Consumers       int64
	Pending         int64 // entries not acknowledged
	LastDeliveredID string
	EntriesRead     Opt[int64]
	Lag             Opt[int64] // entries not delivered; missing if unknown
}

// XInfoGroups describes the consumer groups of a stream.
//
// See https://redis.io/commands/xinfo-groups.
func XInfoGroups(key string) Cmd[[]GroupInfo] {
	return read(groupInfos, "XINFO GROUPS", resp.String(key))
}

func groupInfos(v resp.Value) ([]GroupInfo, error) { return list(v, groupInfo) }

func groupInfo(v resp.Value) (g GroupInfo, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "name":
			g.Name, err = Text(v)
		case "consumers":
			g.Consumers, err = Int(v)
		case "pending":
			g.Pending, err = Int(v)
		case "last-delivered-id":
			g.LastDeliveredID, err = Text(v)
		case "entries-read":
			g.EntriesRead, err = optInt(v)
		case "lag":
			g.Lag, err = optInt(v)
		}
		return err
	})
	return g, err
}

// ConsumerInfo describes a consumer.
type ConsumerInfo struct {
	Name     string
	Pending  int64         // entries not acknowledged
	Idle     time.Duration // since it asked
	Inactive time.Duration // since it got something; -1ns if never. Redis 7.2
}

// XInfoConsumers describes the consumers of a group.
//
// See https://redis.io/commands/xinfo-consumers.
func XInfoConsumers(key, group string) Cmd[[]ConsumerInfo] {
	return read(consumerInfos, "XINFO CONSUMERS", resp.String(key), resp.String(group))
}

func consumerInfos(v resp.Value) ([]ConsumerInfo, error) { return list(v, consumerInfo) }

func consumerInfo(v resp.Value) (c ConsumerInfo, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "name":
			c.Name, err = Text(v)
		case "pending":
			c.Pending, err = Int(v)
		case "idle":
			c.Idle, err = Millis(v)
		case "inactive":
			c.Inactive, err = Millis(v)
		}
		return err
	})
	return c, err
}

// StreamDetails is a stream with its entries and groups.
type StreamDetails struct {
	StreamInfo // Groups, First and Last are not filled in
	Entries    []Entry
	Details    []GroupDetails
}

// GroupDetails is a consumer group with its consumers. Pending in GroupInfo is
// the number of all pending entries, PendingEntries has some of them.
type GroupDetails struct {
	GroupInfo
	PendingEntries []Pending
	Members        []ConsumerDetails
}

// ConsumerDetails is a consumer with its pending entries.
type ConsumerDetails struct {
	Name           string
	Seen, Active   time.Time // zero if unknown
	Pending        int64
	PendingEntries []Pending // Consumer is not filled in
}

// XInfoStreamFull describes a stream with up to n entries, pending ones of each
// group included; 10 if n is 0, all if it is negative.
//
// See https://redis.io/commands/xinfo-stream.
func XInfoStreamFull(key string, n int64) Cmd[StreamDetails] {
	w := words{args: few()}
	w = w.str(key, "FULL")
	if n != 0 {
		w = w.str("COUNT")
		w = w.int(max(n, 0))
	}
	return read(streamDetails, "XINFO STREAM", w.args...)
}

func streamDetails(v resp.Value) (s StreamDetails, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "entries":
			s.Entries, err = entries(v)
		case "groups":
			s.Details, err = list(v, groupDetails)
		default:
			err = s.common(name, v)
		}
		return err
	})
	s.Groups = int64(len(s.Details))
	return s, err
}

func groupDetails(v resp.Value) (g GroupDetails, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "name":
			g.Name, err = Text(v)
		case "last-delivered-id":
			g.LastDeliveredID, err = Text(v)
		case "entries-read":
			g.EntriesRead, err = optInt(v)
		case "lag":
			g.Lag, err = optInt(v)
		case "pel-count":
			g.GroupInfo.Pending, err = Int(v)
		case "pending":
			g.PendingEntries, err = list(v, groupPending)
		case "consumers":
			g.Members, err = list(v, consumerDetails)
		}
		return err
	})
	g.Consumers = int64(len(g.Members))
	return g, err
}

func consumerDetails(v resp.Value) (c ConsumerDetails, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "name":
			c.Name, err = Text(v)
		case "seen-time":
			c.Seen, err = UnixMillis(v)
		case "active-time":
			c.Active, err = UnixMillis(v)
		case "pel-count":
			c.Pending, err = Int(v)
		case "pending":
			c.PendingEntries, err = list(v, ownPending)
		}
		return err
	})
	return c, err
}

// groupPending decodes [id, consumer, delivered at, deliveries].
func groupPending(v resp.Value) (p Pending, err error) {
	c, err := tuple(v, 4)
	if err != nil {
		return p, err
	}
	p.ID = next(&c, Text, &err)
	p.Consumer = next(&c, Text, &err)
	p.DeliveredAt = next(&c, UnixMillis, &err)
	p.Deliveries = next(&c, Int, &err)
	return p, err
}

// ownPending decodes [id, delivered at, deliveries].
func ownPending(v resp.Value) (p Pending, err error) {
	c, err := tuple(v, 3)
	if err != nil {
		return p, err
	}
	p.ID = next(&c, Text, &err)
	p.DeliveredAt = next(&c, UnixMillis, &err)
	p.Deliveries = next(&c, Int, &err)
	return p, err
}
