package sentinel

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

const (
	// DefaultDialTimeout bounds connecting to a sentinel, handshake included.
	DefaultDialTimeout = 300 * time.Millisecond
	// DefaultQueryTimeout bounds each question to a sentinel.
	DefaultQueryTimeout = 300 * time.Millisecond
	// DefaultGatherWindow is how long a first answer waits for better ones,
	// unless a majority agrees before.
	DefaultGatherWindow = 50 * time.Millisecond
	// DefaultPingInterval is how often a link to a sentinel is pinged.
	DefaultPingInterval = time.Second
	// DefaultPongTimeout is how long the answer to a ping may take.
	DefaultPongTimeout = 1500 * time.Millisecond
	// DefaultPollInterval is how often each sentinel is asked again, give or
	// take a fifth, while it also sends events.
	DefaultPollInterval = 2 * time.Second
	// DefaultSoloPollInterval is the same for a sentinel that may not be
	// subscribed to, and for masters that no sentinel knows yet.
	DefaultSoloPollInterval = 250 * time.Millisecond
	// DefaultAlarmInterval is how often each sentinel is asked while something
	// is wrong with a master: a failover is on, or connections to it fail.
	DefaultAlarmInterval = 50 * time.Millisecond
	// DefaultRegressionGrace is how long all sentinels must report an older
	// epoch before it is believed.
	DefaultRegressionGrace = 5 * time.Second
	// DefaultSentinelForget is how long a sentinel that was learned from others
	// must be out of reach until it is forgotten.
	DefaultSentinelForget = 10 * time.Minute
	// SentinelPort is used where an address has none.
	SentinelPort = "26379"
)

// AddrKind says what an address belongs to.
type AddrKind string

// The kinds of addresses that sentinels report.
const (
	AddrMaster   AddrKind = "master"
	AddrReplica  AddrKind = "replica"
	AddrSentinel AddrKind = "sentinel"
)

// GroupOptions describes a group: sentinels that watch the same masters.
type GroupOptions struct {
	// Sentinels are the addresses to begin with, as host or host:port; IPv6
	// hosts with or without brackets. Others are learned from them; these are
	// never forgotten.
	Sentinels []string
	// Conn says how to connect to sentinels: credentials, TLS, dialler. They
	// are separate from those of the servers. Its DialTimeout is
	// DefaultDialTimeout when zero. Addr, DB, Role, ReadTimeout and OnPush are
	// not used.
	Conn conn.Options
	// QueryTimeout bounds each question to a sentinel. Zero and negative mean
	// DefaultQueryTimeout.
	QueryTimeout time.Duration
	// GatherWindow is how long a first answer waits for others, unless a majority
	// of the sentinels agrees before. Zero means DefaultGatherWindow, negative none.
	// Under BelieveMajority it is as long as a sentinel may still answer.
	GatherWindow time.Duration
	// PingInterval is how often each sentinel is pinged, PongTimeout how long
	// its answer may take until the link is given up. Zero and negative mean
	// DefaultPingInterval and DefaultPongTimeout.
	PingInterval, PongTimeout time.Duration
	// PollInterval is how often each sentinel is asked although it sends events,
	// give or take a fifth. Zero and negative mean DefaultPollInterval.
	PollInterval time.Duration
	// SoloPollInterval replaces PollInterval for sentinels whose user may not
	// subscribe. Zero and negative mean DefaultSoloPollInterval.
	SoloPollInterval time.Duration
	// AlarmInterval replaces both while a failover is on or connections to the
	// master fail. Zero and negative mean DefaultAlarmInterval.
	AlarmInterval time.Duration
	// RegressionGrace is how long all reachable sentinels, and a majority of
	// the known ones, must report an older epoch until it is accepted: their
	// configuration was wiped. Zero and negative mean DefaultRegressionGrace; it
	// should be at least two hello periods of the sentinels (2 s each).
	RegressionGrace time.Duration
	// Believe says how many sentinels must name a new master before it is used.
	// Zero means BelieveMajority.
	Believe Belief
	// SentinelForget is how long a sentinel that was learned from others must
	// be out of reach, and be taken for down by two of them, until it is
	// forgotten. Zero means DefaultSentinelForget, negative never.
	SentinelForget time.Duration
	// AddrMap translates every address that a sentinel reports, for servers
	// behind NAT. It must be quick and give the same answer every time. Nil
	// keeps them as they are.
	AddrMap func(kind AddrKind, addr string) string
	// OnEvent is called with every event, from a goroutine of its own. See
	// [Group.Listen].
	OnEvent func(Event)
}

// orElse replaces a duration that is not positive.
func orElse(d *time.Duration, standard time.Duration) {
	if *d <= 0 {
		*d = standard
	}
}

func (o GroupOptions) withDefaults() GroupOptions {
	if o.Conn.DialTimeout == 0 {
		o.Conn.DialTimeout = DefaultDialTimeout
	}
	if o.GatherWindow == 0 {
		o.GatherWindow = DefaultGatherWindow
	}
	if o.SentinelForget == 0 {
		o.SentinelForget = DefaultSentinelForget
	}
	orElse(&o.QueryTimeout, DefaultQueryTimeout)
	orElse(&o.PingInterval, DefaultPingInterval)
	orElse(&o.PongTimeout, DefaultPongTimeout)
	orElse(&o.PollInterval, DefaultPollInterval)
	orElse(&o.SoloPollInterval, DefaultSoloPollInterval)
	orElse(&o.AlarmInterval, DefaultAlarmInterval)
	orElse(&o.RegressionGrace, DefaultRegressionGrace)
	o.Sentinels = slices.Clone(o.Sentinels)
	for i, addr := range o.Sentinels {
		o.Sentinels[i] = withPort(addr, SentinelPort)
	}
	// The life of a link is decided by pings, that of a question by its context.
	o.Conn.ReadTimeout = max(o.PongTimeout, o.QueryTimeout) + time.Second
	o.Conn.Sentinel = true
	o.Conn.DB, o.Conn.Role = 0, conn.RoleAny
	return o
}

func (o *GroupOptions) mapAddr(kind AddrKind, addr string) string {
	if o.AddrMap == nil || addr == "" {
		return addr
	}
	return o.AddrMap(kind, addr)
}

var errNoSentinels = errors.New("sentinel: options: a group needs the address of at least one sentinel")

// checkSentinels refuses what cannot be the address of a sentinel. It shows none, for
// one may hold a password.
func checkSentinels(addrs []string) error {
	for i, addr := range addrs {
		problem := ""
		switch {
		case addr == "":
			problem = "is empty"
		case strings.Contains(addr, "://"):
			problem = "has a scheme: give host:26379 here, a URL to ParseURL or Open"
		case strings.Contains(addr, "@"):
			problem = "has a user: set the fields for user and password, or give a URL to ParseURL or Open"
		case strings.ContainsAny(addr, ", \t\r\n"):
			problem = "holds a comma or a space: give each sentinel as a string of its own"
		case strings.Contains(addr, "/"):
			problem = "holds a slash: give host:26379"
		}
		if problem != "" {
			return fmt.Errorf("sentinel: options: address %d of %d %s", i+1, len(addrs), problem)
		}
	}
	return nil
}

// withPort adds a port to an address that has none. IPv6 addresses may come
// without brackets.
func withPort(addr, port string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), port)
}
