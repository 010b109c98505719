package conn

import (
	"context"
	"crypto/tls"
	"math"
	"net"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// DefaultAddr is where a Redis server listens when nobody said otherwise.
	DefaultAddr = "127.0.0.1:6379"
	// DefaultDialTimeout bounds connecting, TLS and the handshake together.
	DefaultDialTimeout = 5 * time.Second
	// DefaultReadTimeout bounds the wait for the oldest unanswered command.
	DefaultReadTimeout = 5 * time.Second
	// DefaultMinProgress is how many bytes of a reply arrive within the read timeout
	// at least, unless it ends: 205 bytes a second, with DefaultReadTimeout.
	DefaultMinProgress = 1 << 10
	// DefaultMaxUnsent bounds the bytes of commands that wait to be written.
	DefaultMaxUnsent = 16 << 20
	// maxProgress keeps MinProgress within what counters that wrap can tell.
	maxProgress = 1 << 30
	// DefaultKeepAlive is how long a TCP connection is silent before the
	// kernel probes it.
	DefaultKeepAlive = 15 * time.Second
	// keepAliveProbes is how many probes may stay unanswered.
	keepAliveProbes = 4
	// DefaultUserTimeout is how long sent bytes may stay unacknowledged by
	// the peer's kernel before the connection is given up (Linux).
	DefaultUserTimeout = 30 * time.Second
)

// Role is what a server must be for a connection to it to be of use.
type Role string

const (
	// RoleAny asks nothing.
	RoleAny Role = ""
	// RoleMaster asks that ROLE says "master".
	RoleMaster Role = "master"
	// RoleReplica asks that ROLE says "slave".
	RoleReplica Role = "slave"
)

// Options says how to reach a server and how to treat the connection. The
// zero value connects to DefaultAddr without credentials.
type Options struct {
	// Addr is host:port, or the absolute path of a unix socket. Empty means
	// DefaultAddr.
	Addr string
	// Username is the ACL user. Empty means the default user.
	Username string
	// Password of the user. Empty means no authentication.
	Password string
	// Credentials, if set, is asked before each handshake and by Reauth, and
	// replaces Username and Password. It may block until ctx is done.
	Credentials func(ctx context.Context, addr string) (username, password string, err error)
	// DB is the database to SELECT. Zero sends no SELECT; negative is an error.
	DB int
	// ClientName is set with CLIENT SETNAME, shown by CLIENT LIST. Empty sends
	// none.
	ClientName string
	// NoClientInfo keeps the library's name and version from being sent
	// (CLIENT SETINFO, ignored by servers that do not know it).
	NoClientInfo bool
	// Protocol is the RESP version: 3 insists on it, 2 sends no HELLO at all,
	// zero tries 3 and falls back to 2 where the server does not know HELLO.
	Protocol int
	// TLS, if set, encrypts the connection. An empty TLS.ServerName is filled
	// with the host of Addr.
	TLS *tls.Config
	// ServerName, if set, returns the name that the certificate of the server
	// at addr is verified against, in place of TLS.ServerName; empty means the
	// host of addr. It serves where sentinels announce bare IP addresses.
	ServerName func(addr string) string
	// DialTimeout bounds connecting, TLS and the handshake together. Zero means
	// DefaultDialTimeout, negative no bound.
	DialTimeout time.Duration
	// ReadTimeout is how long the oldest unanswered command may see no progress before
	// the connection is broken; the break comes up to a tenth of it earlier. The end of
	// a reply is progress, and MinProgress bytes of one; pushes are not. So a large
	// reply over a slow link may take its time, and one that dribbles may not.
	// Blocking commands have their own timeout added. Zero means DefaultReadTimeout,
	// negative none.
	ReadTimeout time.Duration
	// MinProgress is how many bytes of a reply, or of a command that is being written,
	// must move within ReadTimeout. Zero means DefaultMinProgress; with a negative one
	// any byte will do, so that a reply may take for ever.
	MinProgress int
	// MaxUnsent is how many bytes of commands may wait to be written to a server that
	// does not read as fast. A caller that comes then waits for room, and is not sent
	// when its context ends first. One command of any size may wait beyond it. Zero
	// means DefaultMaxUnsent, negative no bound.
	MaxUnsent int
	// KeepAlive is the idle time before TCP probes, of which there are four,
	// a quarter of that time apart. Zero means DefaultKeepAlive, negative turns
	// them off.
	KeepAlive time.Duration
	// Dial replaces the dialler of package net. network is "tcp" or "unix".
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Role that the server must have, asked with ROLE in the handshake. A
	// server with another one fails the dial with a *RoleError.
	Role Role
	// Sentinel says that the peer is a sentinel: it knows no SELECT and no
	// CLIENT SETINFO, so none is sent.
	Sentinel bool
	// AllowCluster lets a node of a Redis Cluster be connected to, which answers only
	// for its own slots. Without it a dial to one fails with a *PeerError.
	AllowCluster bool
	// Shared refuses stateful commands in Do and DoBatch with ErrStateful.
	Shared bool
	// OnPush gets the RESP3 pushes that arrive between replies. It is called by
	// whichever goroutine reads, must not block nor use the connection, and
	// must not keep the bytes. Nil drops them.
	OnPush func(push resp.Value)
	// Limits bound what a reply may claim. The zero value is safe.
	Limits resp.Limits

	bare bool // the peer hangs up on what it does not know: nothing optional is sent
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	o.DialTimeout = orDefault(o.DialTimeout, DefaultDialTimeout)
	o.ReadTimeout = orDefault(o.ReadTimeout, DefaultReadTimeout)
	if o.MaxUnsent == 0 {
		o.MaxUnsent = DefaultMaxUnsent
	} else if o.MaxUnsent < 0 {
		o.MaxUnsent = math.MaxInt
	}
	switch {
	case o.MinProgress == 0:
		o.MinProgress = DefaultMinProgress
	case o.MinProgress < 0:
		o.MinProgress = 1
	}
	o.MinProgress = min(o.MinProgress, maxProgress)
	if o.KeepAlive == 0 {
		o.KeepAlive = DefaultKeepAlive
	}
	return o
}

// orDefault resolves a duration option: zero is the default, negative is none
// and becomes zero.
func orDefault(d, standard time.Duration) time.Duration {
	switch {
	case d == 0:
		return standard
	case d < 0:
		return 0
	}
	return d
}

// Network returns "unix" for an absolute path and "tcp" for all else.
func (o Options) Network() string {
	if strings.HasPrefix(o.Addr, "/") {
		return "unix"
	}
	return "tcp"
}
