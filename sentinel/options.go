package sentinel

import (
	"errors"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
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
	// DefaultRetryTime bounds what a command spends on retries.
	DefaultRetryTime = 10 * time.Second
	// DefaultMaxRetries bounds the retries of a command that may have been
	// executed, or that a healthy master refuses.
	DefaultMaxRetries = 3
	// DefaultMaxHold bounds how long writes are held during a failover.
	DefaultMaxHold = 3 * time.Second
	// DefaultVerifyInterval is how often the master is asked for its role.
	DefaultVerifyInterval = 5 * time.Second
	// DefaultLeaseTTL is how long the word of a majority of sentinels lasts.
	DefaultLeaseTTL = time.Second
	// DefaultEagerBound is how long an eagerly adopted master may stay without
	// the word of a sentinel.
	DefaultEagerBound = 3 * time.Second
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
	// GatherWindow is how long a first answer waits for answers with a higher
	// epoch, unless a majority of the sentinels agrees before. Zero means
	// DefaultGatherWindow, negative none.
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
	// SecondOpinion makes a new master wait, when only the sentinel that leads
	// the failover names it, until another one repeats it or 300 ms have passed.
	// Without it the first sentinel to name a new master, with a higher epoch, is
	// believed: it has stored that by then. The difference is the case that it
	// dies for good within the tenth of a second until it has told the others.
	SecondOpinion bool
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

// Adopt says when a new master is used.
type Adopt uint8

const (
	// AdoptConfirmed uses a new master when a sentinel names it with a higher
	// epoch than before.
	AdoptConfirmed Adopt = iota
	// AdoptEager uses the candidate of an announced failover as soon as it says
	// itself that it is a master: about a second before any sentinel does. Writes
	// are unavailable for a tenth of a second instead of a whole one.
	//
	// Its risk is the orphaned promotion: if the leading sentinel dies in that
	// second, no other one knows that there was a promotion; they take the
	// candidate back to a replica some ten to twenty seconds later, and what was
	// written to it is lost. When no sentinel has confirmed it within EagerBound
	// the client goes back to the configured master, and says so in an event
	// ([EventOrphan]).
	AdoptEager
)

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
	// Adopt says when a new master is used. Zero means AdoptConfirmed.
	Adopt Adopt
	// EagerBound is how long an eagerly adopted master may stay without the
	// word of a sentinel. Zero and negative mean DefaultEagerBound.
	EagerBound time.Duration
	// NoHold keeps writing while sentinels promote another master in a planned
	// failover. What the old master acknowledges then is lost.
	NoHold bool
	// MaxHold bounds how long writes wait for the end of a failover. Zero and
	// negative mean DefaultMaxHold.
	MaxHold time.Duration
	// VerifyInterval is how often the master is asked for its role, on a
	// connection that is there. Zero means DefaultVerifyInterval, negative never.
	VerifyInterval time.Duration
	// RequireQuorum refuses writes, with ErrNoQuorum, while a majority of the
	// sentinels has not confirmed the master within LeaseTTL. A client that is
	// cut off together with the old master stops writing before there can be a
	// new one, as long as clocks run at about the same pace and no process is
	// paused in between; in return it cannot write without a majority of
	// sentinels.
	RequireQuorum bool
	// LeaseTTL is how long such a confirmation lasts, from when the sentinels
	// were asked. It is never more than the sentinels' own
	// down-after-milliseconds. They are asked four times as often. Zero and
	// negative mean DefaultLeaseTTL.
	LeaseTTL time.Duration
	// Replicas describes how replicas are used: see [Client.Replicas].
	Replicas ReplicaOptions
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
	if o.VerifyInterval == 0 {
		o.VerifyInterval = DefaultVerifyInterval
	}
	orElse(&o.MaxHold, DefaultMaxHold)
	orElse(&o.EagerBound, DefaultEagerBound)
	orElse(&o.LeaseTTL, DefaultLeaseTTL)
	o.Replicas = o.Replicas.withDefaults(o.Pool)
	return o
}

var (
	errNoSentinels = errors.New("sentinel: a master name needs the address of at least one sentinel")
	errNoMaster    = errors.New("sentinel: a client of a group needs the name of a master")
	errNoLease     = errors.New("sentinel: a quorum needs sentinels: RequireQuorum without Master")
)
