package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Ping asks whether the server answers. The reply is PONG.
//
// See https://redis.io/commands/ping.
func Ping() Cmd[string] { return query(pong, "PING") }

// PingText is [Ping] with a text that the server repeats.
//
// See https://redis.io/commands/ping.
func PingText(text string) Cmd[string] { return query(pong, "PING", resp.String(text)) }

// pong also takes what RESP2 answers to a subscriber: ["pong", text].
func pong(v resp.Value) (string, error) {
	if v.Kind() != resp.KindArray {
		return Text(v)
	}
	p, err := pop(v)
	if err == nil && p.Value == "" {
		return "PONG", nil
	}
	return p.Value, err
}

// Echo returns text.
//
// See https://redis.io/commands/echo.
func Echo[V Blob](text V) Cmd[string] { return query(Text, "ECHO", blob(text)) }

// ClientID returns the number of the connection that the command ran on.
//
// See https://redis.io/commands/client-id.
func ClientID() Cmd[int64] { return query(Int, "CLIENT ID") }

// ClientInfo describes the connection that the command ran on.
//
// See https://redis.io/commands/client-info.
func ClientInfo() Cmd[ClientConn] { return query(oneClient, "CLIENT INFO") }

// ClientGetName returns the name of the connection, or [ErrNil]. It is set by
// conn.Options.
//
// See https://redis.io/commands/client-getname.
func ClientGetName() Cmd[string] { return query(Text, "CLIENT GETNAME") }

// ClientType is a kind of client.
type ClientType string

// The kinds of clients.
const (
	ClientNormal  ClientType = "normal"
	ClientMaster  ClientType = "master"
	ClientReplica ClientType = "replica"
	ClientPubSub  ClientType = "pubsub"
)

// ClientFilter selects connections for [ClientList] and [ClientKill]; all of what
// is set must fit. Zero and empty fields are any.
//
// A list knows IDs or Type, and the rest from Valkey 8.1 on. A kill knows one ID,
// several from Valkey 8.1 on.
type ClientFilter struct {
	IDs       []int64
	Type      ClientType
	User      string        // as that it is authenticated
	Addr      string        // of the client, "host:port"
	LocalAddr string        // of the server, "host:port"
	MinAge    time.Duration // connected for so long, in whole seconds, rounded up. Redis 7.4, Valkey 8
	Self      Opt[bool]     // whether the connection that the command runs on may be among them; a list says yes, a kill no

	// Valkey 9.
	Name    string
	Idle    time.Duration // idle for so long, in whole seconds, rounded up
	Flags   string        // has these flags; see ClientConn.Flags
	LibName string
	LibVer  string
	DB      Opt[int64]
	Capa    string // has these capabilities
	IP      string

	// Not leaves out what fits any field of it; nil leaves out nothing. It cannot say
	// MinAge, Idle, Self and Not itself. Valkey 9.
	Not *ClientFilter
}

func (f ClientFilter) add(w words) words {
	w = f.fields(w, "")
	w = w.secs("MAXAGE", f.MinAge)
	w = w.secs("IDLE", f.Idle)
	if f.Not == nil {
		return w
	}
	if f.Not.MinAge != 0 || f.Not.Idle != 0 || f.Not.Self.OK || f.Not.Not != nil {
		w = w.fail(notInverted)
	}
	return f.Not.fields(w, "NOT-")
}

// fields appends the filters that can be turned round by a word in front.
func (f ClientFilter) fields(w words, not string) words {
	if len(f.IDs) > 0 {
		w = w.str(not + "ID")
		for _, id := range f.IDs {
			w = w.int(id)
		}
	}
	w = w.opt(not+"TYPE", string(f.Type))
	w = w.opt(not+"USER", f.User)
	w = w.opt(not+"ADDR", f.Addr)
	w = w.opt(not+"LADDR", f.LocalAddr)
	w = w.opt(not+"NAME", f.Name)
	w = w.opt(not+"FLAGS", f.Flags)
	w = w.opt(not+"LIB-NAME", f.LibName)
	w = w.opt(not+"LIB-VER", f.LibVer)
	if f.DB.OK {
		w = w.str(not + "DB")
		w = w.int(f.DB.Value)
	}
	w = w.opt(not+"CAPA", f.Capa)
	w = w.opt(not+"IP", f.IP)
	return w
}

func (f ClientFilter) self(w words) words {
	if !f.Self.OK {
		return w
	}
	if f.Self.Value {
		return w.str("SKIPME", "no")
	}
	return w.str("SKIPME", "yes")
}

// ClientList describes the connections to the server that fit.
//
// See https://redis.io/commands/client-list.
func ClientList(f ClientFilter) Cmd[[]ClientConn] {
	w := words{args: few()}
	w = f.add(w)
	w = f.self(w)
	return query(clientLines, "CLIENT LIST", w.args...).check(w.bad)
}

// ClientKill closes the connections that fit and returns how many. A filter that
// is empty is refused: it would close all of them.
//
// See https://redis.io/commands/client-kill.
func ClientKill(f ClientFilter) Cmd[int64] {
	w := words{args: few()}
	w = f.add(w)
	if len(w.args) == 0 {
		w = w.fail(emptyFilter)
	}
	w = f.self(w)
	return write(Int, "CLIENT KILL", w.args...).check(w.bad).With(resp.NoRetry)
}

// ClientPause lets clients wait for d, only their writes if writes is set.
//
// See https://redis.io/commands/client-pause.
func ClientPause(d time.Duration, writes bool) Status {
	mode := "ALL"
	if writes {
		mode = "WRITE"
	}
	return status("CLIENT PAUSE", ceilMillis(d), resp.String(mode)).check(checkTTL(d))
}

// ClientUnpause ends [ClientPause].
//
// See https://redis.io/commands/client-unpause.
func ClientUnpause() Status { return status("CLIENT UNPAUSE") }

// ClientUnblock ends the blocking command of connection id, as by its timeout,
// or with [ErrUnblocked] if withError is set. It reports whether there was one.
//
// See https://redis.io/commands/client-unblock.
func ClientUnblock(id int64, withError bool) Cmd[bool] {
	how := "TIMEOUT"
	if withError {
		how = "ERROR"
	}
	return write(Bool, "CLIENT UNBLOCK", resp.Int(id), resp.String(how))
}

// ClientGetRedir returns the connection that gets the invalidations of this one:
// 0 for none, -1 without tracking.
//
// See https://redis.io/commands/client-getredir.
func ClientGetRedir() Cmd[int64] { return query(Int, "CLIENT GETREDIR") }

// Tracking is the state of client-side caching of a connection.
type Tracking struct {
	Flags    []string
	Redirect int64
	Prefixes []string
}

// ClientTrackingInfo returns the state of client-side caching.
//
// See https://redis.io/commands/client-trackinginfo.
func ClientTrackingInfo() Cmd[Tracking] { return query(trackingInfo, "CLIENT TRACKINGINFO") }

func trackingInfo(v resp.Value) (t Tracking, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "flags":
			t.Flags, err = Texts(v)
		case "redirect":
			t.Redirect, err = Int(v)
		case "prefixes":
			t.Prefixes, err = Texts(v)
		}
		return err
	})
	return t, err
}
