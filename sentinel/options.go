package sentinel

import (
	"errors"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
)

const (
	// DefaultDialTimeout bounds connecting to a sentinel.
	DefaultDialTimeout = 300 * time.Millisecond
	// DefaultQueryTimeout bounds each question to a sentinel.
	DefaultQueryTimeout = 300 * time.Millisecond
	// DefaultGatherWindow is how long a first answer waits for better ones.
	DefaultGatherWindow = 50 * time.Millisecond
	// DefaultPingInterval is how often a link to a sentinel is pinged.
	DefaultPingInterval = time.Second
	// DefaultPongTimeout is how long the answer to a ping may take.
	DefaultPongTimeout = 1500 * time.Millisecond
	// DefaultPollInterval is how often each sentinel is asked again, give or
	// take a fifth, while it also sends events.
	DefaultPollInterval = 2 * time.Second
	// DefaultSoloPollInterval is the same for a sentinel that may not be
	// subscribed to.
	DefaultSoloPollInterval = 250 * time.Millisecond
	// DefaultRegressionGrace is how long all sentinels must report an older
	// epoch before it is believed.
	DefaultRegressionGrace = 5 * time.Second
	// DefaultRetryTime bounds what a command spends on retries.
	DefaultRetryTime = 10 * time.Second
	// DefaultMaxRetries bounds the retries of a command that may have been
	// executed, or that a healthy master refuses.
	DefaultMaxRetries = 3
	// DefaultMaxHold bounds how long writes are held during a failover.
	DefaultMaxHold = 3 * time.Second
	// SentinelPort is used where an address has none.
	SentinelPort = "26379"
)

// GroupOptions describes a group: sentinels that watch the same masters.
type GroupOptions struct {
	// Sentinels are the addresses to begin with, as host or host:port. Others
	// are learned from them; these are never forgotten.
	Sentinels []string
	// Conn says how to connect to sentinels: credentials, TLS, dialler. They
	// are separate from those of the servers. Addr, DB, Role and OnPush are not
	// used; the zero timeouts mean DefaultDialTimeout and DefaultQueryTimeout.
	Conn conn.Options
	// GatherWindow is how long a first answer waits for answers with a higher
	// epoch. Zero means DefaultGatherWindow, negative none.
	GatherWindow time.Duration
	// PingInterval and PongTimeout find dead links. Zero means
	// DefaultPingInterval and DefaultPongTimeout.
	PingInterval, PongTimeout time.Duration
	// PollInterval is how often sentinels are asked although they send events.
	// Zero means DefaultPollInterval.
	PollInterval time.Duration
	// RegressionGrace is how long all reachable sentinels, and a majority of
	// the known ones, must report an older epoch until it is accepted: their
	// configuration was wiped. Zero means DefaultRegressionGrace.
	RegressionGrace time.Duration
	// AddrMap translates every address that a sentinel reports, for servers
	// behind NAT. Nil keeps them as they are.
	AddrMap func(addr string) string
	// OnEvent is called with every event, from one goroutine that belongs to
	// the group. See [Group.Listen].
	OnEvent func(Event)
}

func (o GroupOptions) withDefaults() GroupOptions {
	def := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	def(&o.Conn.DialTimeout, DefaultDialTimeout)
	def(&o.Conn.ReadTimeout, DefaultQueryTimeout)
	def(&o.GatherWindow, DefaultGatherWindow)
	def(&o.PingInterval, DefaultPingInterval)
	def(&o.PongTimeout, DefaultPongTimeout)
	def(&o.PollInterval, DefaultPollInterval)
	def(&o.RegressionGrace, DefaultRegressionGrace)
	o.Sentinels = slices.Clone(o.Sentinels)
	for i, addr := range o.Sentinels {
		o.Sentinels[i] = withPort(addr, SentinelPort)
	}
	o.Conn.Sentinel = true
	o.Conn.DB, o.Conn.Role = 0, conn.RoleAny
	return o
}

// Options describes a client.
type Options struct {
	// Group is the sentinels that [Open] makes a group of. [Group.Open] does
	// not look at it.
	Group GroupOptions
	// Master is the name under which the sentinels know the master. Empty means
	// bypass: the client talks to the one server at Pool.Conn.Addr.
	Master string
	// Pool describes the connections to the master. Its Conn is the base that
	// the resolved address is put into: credentials, TLS, database, timeouts.
	Pool pool.Options
	// RetryTime bounds the time that a command spends on retries and on
	// waiting for a master. The context bounds it too. Zero means
	// DefaultRetryTime, negative no retry at all.
	RetryTime time.Duration
	// MaxRetries bounds the retries of a command that may have been executed,
	// which happen only where that is harmless, and of one that a master
	// refuses for a reason that waiting may not cure. Zero means
	// DefaultMaxRetries, negative none.
	MaxRetries int
	// NoHold keeps writing while sentinels promote another master in a planned
	// failover. What the old master acknowledges then is lost.
	NoHold bool
	// MaxHold bounds how long writes wait for the end of a failover. Zero means
	// DefaultMaxHold.
	MaxHold time.Duration
	// NoWait makes Open return before the master is known.
	NoWait bool
}

func (o Options) withDefaults() Options {
	if o.RetryTime == 0 {
		o.RetryTime = DefaultRetryTime
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = DefaultMaxRetries
	}
	if o.MaxHold <= 0 {
		o.MaxHold = DefaultMaxHold
	}
	return o
}

var errNoSentinels = errors.New("sentinel: a master name needs the address of at least one sentinel")
