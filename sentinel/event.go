package sentinel

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// EventKind says what an [Event] is about.
type EventKind string

// The kinds of events.
const (
	// EventResolved: a master is known for the first time.
	EventResolved EventKind = "resolved"
	// EventSwitched: another master has taken over; all connections to the old
	// one are being broken.
	EventSwitched EventKind = "switched"
	// EventAdopted: a client uses a promoted candidate that the sentinels have not
	// confirmed yet: by AdoptEager, or in a coordinated failover.
	EventAdopted EventKind = "adopted"
	// EventOrphan: no sentinel has confirmed an adopted master in time; the
	// client has gone back to the configured one.
	EventOrphan EventKind = "orphan"
	// EventHold: a failover was announced and a client holds writes.
	EventHold EventKind = "hold"
	// EventRelease: writes go on. Duration says how long they were held.
	EventRelease EventKind = "release"
	// EventDistrusted: the server that the sentinels name says that it is no
	// master, or does not look like one. Err says why.
	EventDistrusted EventKind = "distrusted"
	// EventRebooted: the master runs again at the same address under another run
	// id. If it keeps nothing on disk it has come back empty.
	EventRebooted EventKind = "rebooted"
	// EventSentinelUp: a link to a sentinel stands.
	EventSentinelUp EventKind = "sentinel up"
	// EventSentinelDown: a link was lost, or could not be made. Err says why.
	EventSentinelDown EventKind = "sentinel down"
	// EventSentinelFound: a sentinel told of another one.
	EventSentinelFound EventKind = "sentinel found"
	// EventSentinelForgotten: a sentinel learned from others has been out of
	// reach for too long, or was the same as another.
	EventSentinelForgotten EventKind = "sentinel forgotten"
	// EventSentinelStale: a sentinel reports an older epoch; it is not believed.
	EventSentinelStale EventKind = "sentinel stale"
	// EventSentinelRefused: a sentinel does not name the master, does not list the other
	// sentinels or the replicas, or does not send messages, most often for want of a
	// permission. Err says which, and why.
	EventSentinelRefused EventKind = "sentinel refused"
	// EventServerUp: the server of a client without sentinels has answered, for the
	// first time or after EventServerDown; Addr is its address.
	EventServerUp EventKind = "server up"
	// EventServerDown: no connection to the server of a client without sentinels can
	// be made. Err says why.
	EventServerDown EventKind = "server down"
	// EventAlone: no sentinel answers. Clients go on with the masters that they
	// know.
	EventAlone EventKind = "alone"
	// EventConflict: sentinels report different masters for one epoch.
	EventConflict EventKind = "conflict"
	// EventEpochReset: the sentinels' configuration began anew with a lower
	// epoch, which was accepted.
	EventEpochReset EventKind = "epoch reset"
	// EventQuorumLost: writes are refused (RequireQuorum).
	EventQuorumLost EventKind = "quorum lost"
	// EventQuorumFound: they are not any more.
	EventQuorumFound EventKind = "quorum found"
	// EventReplicaUp: a replica serves reads; Addr is its address.
	EventReplicaUp EventKind = "replica up"
	// EventReplicaDown: a replica serves no reads. Err says why.
	EventReplicaDown EventKind = "replica down"
	// EventMessage: a sentinel published something; see Event.Message.
	EventMessage EventKind = "message"
)

// Event is something that happened in a group.
type Event struct {
	Kind EventKind `json:"kind"`
	// Time is when this process learned of it.
	Time time.Time `json:"time"`
	// Group is the name of the group in its registry; empty outside of one.
	Group string `json:"group,omitempty"`
	// Master is the name of the master it is about; empty for the group.
	Master string `json:"master,omitempty"`
	// Sentinel is the address of the sentinel that told it, if one did.
	Sentinel string `json:"sentinel,omitempty"`
	// Epoch is the configuration epoch now in force.
	Epoch int64 `json:"epoch,omitempty"`
	// Addr and OldAddr are the master's address now and before.
	Addr    string `json:"addr,omitempty"`
	OldAddr string `json:"oldAddr,omitempty"`
	// Duration is how long what ended has lasted, for EventRelease.
	Duration time.Duration `json:"duration,omitempty"`
	// Message is what the sentinel published, for EventMessage.
	Message Message `json:"message,omitzero"`
	// Err is why, where that is known. In JSON it is its text, as "error".
	Err error `json:"-"`
}

// MarshalJSON implements json.Marshaler.
func (e Event) MarshalJSON() ([]byte, error) {
	type plain Event
	out := struct {
		plain
		Error string `json:"error,omitempty"`
	}{plain: plain(e)}
	if e.Err != nil {
		out.Error = e.Err.Error()
	}
	return json.Marshal(out)
}

// String returns the event in one line.
func (e Event) String() string {
	s := string(e.Kind)
	for _, part := range []struct{ name, text string }{
		{"master", e.Master}, {"sentinel", e.Sentinel}, {"addr", e.Addr}, {"old", e.OldAddr},
		{"message", e.Message.Name}, {"payload", e.Message.Payload},
	} {
		if part.text != "" {
			s += " " + part.name + "=" + part.text
		}
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Level is that at which [LogEvents] logs the event: messages and what sentinels
// do at debug, trouble at warn, the rest at info.
func (e Event) Level() slog.Level {
	switch e.Kind {
	case EventMessage, EventSentinelStale, EventSentinelFound, EventSentinelUp:
		return slog.LevelDebug
	case EventOrphan, EventDistrusted, EventRebooted, EventSentinelDown, EventSentinelRefused, EventServerDown, EventAlone, EventConflict, EventEpochReset,
		EventQuorumLost, EventReplicaDown:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// LogEvents returns a listener that logs events to l, at [Event.Level], with the
// fields that are set as attributes. A nil l is slog.Default.
func LogEvents(l *slog.Logger) func(Event) {
	if l == nil {
		l = slog.Default()
	}
	return func(e Event) {
		ctx := context.Background()
		if !l.Enabled(ctx, e.Level()) {
			return
		}
		l.LogAttrs(ctx, e.Level(), "sentinel: "+string(e.Kind), e.attrs()...)
	}
}

func (e Event) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, 8)
	for _, part := range []struct{ name, text string }{
		{"group", e.Group}, {"master", e.Master}, {"sentinel", e.Sentinel}, {"addr", e.Addr}, {"old_addr", e.OldAddr},
		{"message", e.Message.Name}, {"payload", e.Message.Payload},
	} {
		if part.text != "" {
			attrs = append(attrs, slog.String(part.name, part.text))
		}
	}
	if e.Epoch != 0 {
		attrs = append(attrs, slog.Int64("epoch", e.Epoch))
	}
	if e.Duration != 0 {
		attrs = append(attrs, slog.Duration("duration", e.Duration))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	return attrs
}
