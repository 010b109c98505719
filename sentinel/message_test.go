package sentinel

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessagesOfRealSentinelsAreTakenApart(t *testing.T) {
	tables := []struct {
		name, payload string
		want          Message
	}{
		{"+switch-master", "mymaster 127.0.0.1 21001 127.0.0.1 21002",
			Message{Master: "mymaster", Type: "master", OldAddr: "127.0.0.1:21001", Addr: "127.0.0.1:21002"}},
		{"+switch-master", "m ::1 1 2001:db8::2 2",
			Message{Master: "m", Type: "master", OldAddr: "[::1]:1", Addr: "[2001:db8::2]:2"}},
		{"+odown", "master mymaster 127.0.0.1 21001 #quorum 2/2",
			Message{Master: "mymaster", Type: "master", Addr: "127.0.0.1:21001"}},
		{"+failover-state-send-slaveof-noone", "slave 127.0.0.1:21002 127.0.0.1 21002 @ mymaster 127.0.0.1 21001",
			Message{Master: "mymaster", Type: "slave", Addr: "127.0.0.1:21002"}},
		{"+slave", "slave [::1]:6380 ::1 6380 @ mymaster ::1 6379",
			Message{Master: "mymaster", Type: "slave", Addr: "[::1]:6380"}},
		{"-role-change", "slave 127.0.0.1:1 127.0.0.1 1 @ mymaster 127.0.0.1 2 new reported role is master",
			Message{Master: "mymaster", Type: "slave", Addr: "127.0.0.1:1"}},
		{"+sentinel", "sentinel 5f3b 127.0.0.1 21012 @ mymaster 127.0.0.1 21001",
			Message{Master: "mymaster", Type: "sentinel", Addr: "127.0.0.1:21012"}},
		{"+monitor", "master mymaster redis-0.svc 6379 quorum 2",
			Message{Master: "mymaster", Type: "master", Addr: "redis-0.svc:6379"}},
		{"+tilt", "#tilt mode entered", Message{}},
		{"+new-epoch", "7", Message{}},
		{"+vote-for-leader", "5f3b 7", Message{}},
	}
	for _, table := range tables {
		table.want.Name, table.want.Payload = table.name, table.payload
		got, err := parseMessage(table.name, table.payload)
		if err != nil || got != table.want {
			t.Errorf("%s %q: %v\n%s", table.name, table.payload, err, cmp.Diff(table.want, got))
		}
	}
}

func TestOddMessagesAreRefusedOrConcernNobody(t *testing.T) {
	for _, payload := range []string{"", "mymaster", "m 1.2.3.4 1 1.2.3.5", "m h 0 h 1", "m h x h 1", "m h 1 h 99999", "m h 1  2", " h 1 h 2"} {
		if _, err := parseMessage("+switch-master", payload); err == nil {
			t.Errorf("+switch-master %q was accepted", payload)
		}
	}
	for _, payload := range []string{"", "master", "master m h", "slave a b c @", "slave a b c x m h 1", strings.Repeat(" ", 100)} {
		if m, err := parseMessage("+sdown", payload); err != nil || m.Master != "" {
			t.Errorf("+sdown %q: %+v, %v", payload, m, err)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add("+switch-master", "mymaster 127.0.0.1 21001 127.0.0.1 21002")
	f.Add("+slave", "slave [::1]:6380 ::1 6380 @ mymaster ::1 6379")
	f.Add("+odown", "master mymaster 127.0.0.1 21001 #quorum 2/2")
	f.Add("+sdown", "slave a b c @ ")
	f.Add("+switch-master", strings.Repeat("x", 1<<20)+" h 1 h 2")
	f.Fuzz(func(t *testing.T, name, payload string) {
		m, err := parseMessage(name, payload)
		if err == nil && name == "+switch-master" && (m.Master == "" || m.Addr == "" || m.OldAddr == "") {
			t.Errorf("%q: accepted with a hole: %+v", payload, m)
		}
		if m.Name != name || m.Payload != payload {
			t.Errorf("%+v", m)
		}
	})
}
