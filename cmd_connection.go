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
func ClientInfo() Cmd[Client] { return query(oneClient, "CLIENT INFO") }

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

// ClientListOptions select clients. The zero value selects all.
type ClientListOptions struct {
	Type ClientType
	IDs  []int64 // instead of Type
}

// ClientList describes the connections to the server.
//
// See https://redis.io/commands/client-list.
func ClientList(o ClientListOptions) Cmd[[]Client] {
	w := words{args: few()}
	w = w.opt("TYPE", string(o.Type))
	if len(o.IDs) > 0 {
		w = w.str("ID")
		for _, id := range o.IDs {
			w = w.int(id)
		}
	}
	return query(clientLines, "CLIENT LIST", w.args...)
}

// ClientFilter selects the clients of [ClientKill]; all of what is set must fit.
type ClientFilter struct {
	ID        int64         // zero is any
	Type      ClientType    // empty is any
	Addr      string        // of the client, "host:port"; empty is any
	LocalAddr string        // of the server; empty is any
	User      string        // empty is any
	MaxAge    time.Duration // older than this, in seconds; zero is any. Redis 7.4
	WithMe    bool          // also the connection that the command runs on
}

// ClientKill closes the connections that fit and returns how many.
//
// See https://redis.io/commands/client-kill.
func ClientKill(f ClientFilter) Cmd[int64] {
	w := words{args: few()}
	w = w.count("ID", f.ID)
	w = w.opt("TYPE", string(f.Type))
	w = w.opt("ADDR", f.Addr)
	w = w.opt("LADDR", f.LocalAddr)
	w = w.opt("USER", f.User)
	w = w.count("MAXAGE", int64(f.MaxAge/time.Second))
	if len(w.args) == 0 {
		w = w.fail(emptyFilter) // it would be a syntax error
	}
	w = w.flag(f.WithMe, "SKIPME")
	w = w.flag(f.WithMe, "no")
	return write(Int, "CLIENT KILL", w.args...).check(w.bad)
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
