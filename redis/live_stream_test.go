package redis

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

func fv(pairs ...string) (out []FieldValue) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, FieldValue{pairs[i], pairs[i+1]})
	}
	return out
}

func TestStreamCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		e1, e2 := Entry{ID: "1-1", Fields: fv("f", "v")}, Entry{ID: "1-2", Fields: fv("g", "w", "g", "x")}
		want(t, c, XAdd("s", XAddOptions{ID: "1-1"}, "f", "v"), "1-1")
		want(t, c, XAdd("s", XAddOptions{ID: "1-*"}, "g", "w", "g", "x"), "1-2")
		want(t, c, XAddMap("map", XAddOptions{ID: "1-1"}, map[string]int{"b": 2, "a": 1}), "1-1")
		want(t, c, XRange("map", MinID, MaxID, 0), []Entry{{ID: "1-1", Fields: []FieldValue{{"a", "1"}, {"b", "2"}}}})
		fails(t, c, XAdd("none", XAddOptions{NoMkStream: true}, "f", "v"), ErrNil)
		refused(t, c, XAdd("s", XAddOptions{ID: "1-1"}, "f", "v"), "equal or smaller")
		want(t, c, XLen("s"), 2)
		want(t, c, XRange("s", MinID, MaxID, 0), []Entry{e1, e2})
		want(t, c, XRange("s", "(1-1", MaxID, 1), []Entry{e2})
		want(t, c, XRevRange("s", MaxID, MinID, 1), []Entry{e2})
		check(t, "fields", e2.Get("g") == "w" && e2.Map()["g"] == "x" && e2.Get("none") == "")
		want(t, c, XRead(XReadOptions{}, StreamID{"s", "0"}, StreamID{"none", "0"}), []Stream{{"s", []Entry{e1, e2}}})
		want(t, c, XRead(XReadOptions{Count: 1}, StreamID{"s", "1-1"}), []Stream{{"s", []Entry{e2}}})
		want(t, c, XRead(XReadOptions{}, StreamID{"s", "5"}), nil)

		ok(t, c, XGroupCreate("s", "g", "0", XGroupOptions{}))
		fails(t, c, XGroupCreate("s", "g", "0", XGroupOptions{}).Cmd(), ErrBusyGroup)
		refused(t, c, XGroupCreate("none", "g", "0", XGroupOptions{}).Cmd(), "requires the key to exist")
		want(t, c, XGroupCreateConsumer("s", "g", "anna"), true)
		want(t, c, XReadGroup("g", "anna", XReadGroupOptions{Count: 1}, StreamID{"s", FreshID}), []Stream{{"s", []Entry{e1}}})
		want(t, c, XReadGroup("g", "bert", XReadGroupOptions{}, StreamID{"s", FreshID}), []Stream{{"s", []Entry{e2}}})
		want(t, c, XReadGroup("g", "bert", XReadGroupOptions{Block: time.Millisecond}, StreamID{"s", FreshID}), nil)
		want(t, c, XReadGroup("g", "anna", XReadGroupOptions{}, StreamID{"s", "0"}), []Stream{{"s", []Entry{e1}}})
		fails(t, c, XReadGroup("none", "a", XReadGroupOptions{}, StreamID{"s", FreshID}), ErrNoGroup)
		want(t, c, XPending("s", "g"), PendingSummary{Count: 2, First: "1-1", Last: "1-2", Consumers: map[string]int64{"anna": 1, "bert": 1}})
		p := get(t, c, XPendingRange("s", "g", 10, XPendingOptions{Consumer: "anna"}))
		check(t, "one pending", len(p) == 1 && p[0].ID == "1-1" && p[0].Consumer == "anna" && p[0].Deliveries == 2)
		want(t, c, XPendingRange("s", "g", 10, XPendingOptions{Idle: time.Hour}), []Pending{})
		want(t, c, XClaim("s", "g", "bert", 0, XClaimOptions{}, "1-1"), []Entry{e1})
		want(t, c, XClaimJustID("s", "g", "anna", 0, XClaimOptions{Deliveries: Some[int64](7)}, "1-1", "1-2"), []string{"1-1", "1-2"})
		want(t, c, XClaim("s", "g", "bert", time.Hour, XClaimOptions{}, "1-1"), []Entry{})
		want(t, c, XDel("s", "1-2", "9-9"), 1)
		want(t, c, XReadGroup("g", "anna", XReadGroupOptions{}, StreamID{"s", "1-1"}), []Stream{{"s", []Entry{{ID: "1-2"}}}})
		want(t, c, XAutoClaim("s", "g", "bert", 0, "0", 10), AutoClaimed{Next: "0-0", Entries: []Entry{e1}, Deleted: []string{"1-2"}})
		want(t, c, XAutoClaimJustID("s", "g", "anna", 0, "0", 10), AutoClaimed{Next: "0-0", IDs: []string{"1-1"}, Deleted: []string{}})

		i := get(t, c, XInfoStream("s"))
		check(t, "stream info", i.Length == 1 && i.Groups == 1 && i.LastID == "1-2" && i.MaxDeletedID == "1-2" && i.EntriesAdded == 2 &&
			i.First.OK && i.First.Value.ID == "1-1" && i.RadixKeys == 1)
		g := get(t, c, XInfoGroups("s"))
		check(t, "group info", len(g) == 1 && g[0].Name == "g" && g[0].Consumers == 2 && g[0].Pending == 1 && g[0].LastDeliveredID == "1-2")
		cs := get(t, c, XInfoConsumers("s", "g"))
		check(t, "consumer info", len(cs) == 2 && cs[0].Name == "anna" && cs[0].Pending == 1)
		full := get(t, c, XInfoStreamFull("s", -1))
		check(t, "full info", full.Length == 1 && len(full.Entries) == 1 && full.Groups == 1 && full.Details[0].Name == "g" &&
			full.Details[0].Pending == 1 && full.Details[0].PendingEntries[0].ID == "1-1" && full.Details[0].PendingEntries[0].Consumer == "anna" &&
			!full.Details[0].PendingEntries[0].DeliveredAt.IsZero() && len(full.Details[0].Members) == 2 && full.Details[0].Members[0].PendingEntries[0].ID == "1-1")

		want(t, c, XAck("s", "g", "1-1", "1-2"), 1)
		want(t, c, XPending("s", "g"), PendingSummary{})
		want(t, c, XGroupDelConsumer("s", "g", "bert"), 0)
		ok(t, c, XGroupSetID("s", "g", "0", XGroupOptions{EntriesRead: Some[int64](0)}))
		want(t, c, XGroupDestroy("s", "g"), true)
		want(t, c, XGroupDestroy("s", "g"), false)
		ok(t, c, XSetID("s", "9-9", XSetIDOptions{EntriesAdded: Some[int64](5), MaxDeletedID: "2-0"}))
		refused(t, c, XSetID("s", "0-1", XSetIDOptions{}).Cmd(), "smaller than")
		want(t, c, XTrim("s", TrimOptions{MaxLen: Some[int64](0)}), 1)
		get(t, c, XAdd("s", XAddOptions{ID: "10-1"}, "f", "v"))
		want(t, c, XAdd("s", XAddOptions{ID: "10-2", Trim: TrimOptions{MinID: "10-2"}}, "f", "v"), "10-2")
		want(t, c, XLen("s"), 1)
	})
}

func TestConsumeDeliversPendingFreshAndStaleEntries(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, id := range []string{"1-1", "1-2", "1-3", "1-4", "1-5"} {
			get(t, c, XAdd("s", XAddOptions{ID: id}, "id", id))
		}
		ok(t, c, XGroupCreate("s", "g", "0", XGroupOptions{}))
		get(t, c, XReadGroup("g", "me", XReadGroupOptions{Count: 2}, StreamID{"s", FreshID}))
		get(t, c, XReadGroup("g", "dead", XReadGroupOptions{Count: 1}, StreamID{"s", FreshID}))
		get(t, c, XDel("s", "1-1")) // pending, but gone: nobody can handle it

		var got []string
		for e, err := range Consume(ctx, c, "s", ConsumeOptions{Group: "g", Consumer: "me", ClaimIdle: time.Millisecond, Block: 5 * time.Millisecond}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.ID)
			get(t, c, XAck("s", "g", e.ID))
			if e.ID == "1-5" {
				get(t, c, XAdd("s", XAddOptions{ID: "1-6"}, "id", "1-6"))
			}
			if len(got) == 5 {
				break
			}
		}
		wantIDs := []string{"1-2", "1-3", "1-4", "1-5", "1-6"}
		if len(got) != 5 || !equalSets(got, wantIDs) || got[0] != "1-2" {
			t.Errorf("got %v, want %v, own pending first", got, wantIDs)
		}
		want(t, c, XPending("s", "g"), PendingSummary{})
	})
}

func equalSets(a, b []string) bool {
	m := map[string]int{}
	for _, s := range a {
		m[s]++
	}
	for _, s := range b {
		m[s]--
	}
	for _, n := range m {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestConsumeMakesTheGroupAgainAndEndsWithTheContext(t *testing.T) {
	c := dial(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := ConsumeOptions{Group: "g", Consumer: "me", Block: 5 * time.Millisecond, Retry: time.Millisecond}
	var got []string
	var noGroup int
	var last error
	get(t, c, XAdd("s", XAddOptions{ID: "1-1"}, "f", "v"))
	for e, err := range Consume(ctx, c, "s", o) {
		last = err
		switch {
		case errors.Is(err, ErrNoGroup):
			noGroup++
			get(t, c, XAdd("s", XAddOptions{ID: "2-1"}, "f", "v"))
		case err == nil:
			got = append(got, e.ID)
			if e.ID == "1-1" {
				get(t, c, Del("s"))
			} else {
				cancel()
			}
		}
	}
	if !errors.Is(last, context.Canceled) || noGroup != 1 || len(got) != 2 || got[1] != "2-1" {
		t.Errorf("got %v, %d NOGROUP, last error %v", got, noGroup, last)
	}
}

func TestConsumeReadsWhatALostReplyHeldAgain(t *testing.T) {
	c := dial(t, 3)
	for _, id := range []string{"1-1", "1-2", "1-3"} {
		get(t, c, XAdd("s", XAddOptions{ID: id}, "f", "v"))
	}
	d := &losing{Doer: c, name: "XREADGROUP", at: 3} // own, fresh 1-1, fresh 1-2 lost
	var got []string
	for e, err := range Consume(t.Context(), d, "s", ConsumeOptions{Group: "g", Consumer: "me", Count: 1, Block: 5 * time.Millisecond, Retry: time.Millisecond}) {
		if err != nil {
			check(t, "the loss is told", errors.Is(err, errLost))
			continue
		}
		if got = append(got, e.ID); e.ID == "1-3" {
			break
		}
	}
	if len(got) != 3 || got[1] != "1-2" {
		t.Errorf("got %v", got)
	}
}
