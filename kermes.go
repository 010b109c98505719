package kermes

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/redis"
)

// Client is what [Open] returns. It runs the commands of package redis, and is
// safe for concurrent use.
type Client = client.Client

// Options describes a client. The zero value is for the server at
// 127.0.0.1:6379. A field that is set replaces its
// like in Client.
type Options struct {
	// Addr is the server, as host:port or as the absolute path of a unix socket.
	// Empty means 127.0.0.1:6379. It must be empty where Sentinels is not.
	Addr string
	// Sentinels are the addresses of sentinels, as host or host:port; without a
	// port it is 26379. One that can be reached is enough: the others are learned
	// from it. They need a Master.
	Sentinels []string
	// Master is the name under which the sentinels know the master. It needs
	// Sentinels.
	Master string

	// Username and Password are for the servers. Empty means the default user,
	// and no authentication.
	Username, Password string
	// SentinelUsername and SentinelPassword are for the sentinels, which have
	// users of their own. Empty means the default user, and no authentication.
	SentinelUsername, SentinelPassword string
	// DB is the number of the database. Zero is the first one; a negative number
	// is an error.
	DB int
	// ClientName is the name of the connections in CLIENT LIST. Empty means none.
	ClientName string
	// TLS encrypts the connections to the servers. Nil means plain TCP.
	TLS *tls.Config
	// SentinelTLS encrypts the connections to the sentinels. Nil means plain TCP.
	SentinelTLS *tls.Config

	// DialTimeout bounds connecting to a server, TLS and authentication included.
	// Zero means conn.DefaultDialTimeout (5 s), negative no bound.
	DialTimeout time.Duration
	// ReadTimeout is how long a command may be without an answer before its
	// connection is given up. Zero means conn.DefaultReadTimeout (5 s), negative
	// no bound.
	ReadTimeout time.Duration
	// RetryTime bounds the time that a command spends on retries and on waiting
	// for a master. Its context bounds it too. Zero means
	// client.DefaultRetryTime (10 s), and client.DefaultDirectRetryTime (1 s) without
	// sentinels; negative means no retry at all.
	RetryTime time.Duration
	// MaxConns bounds the connections of callers that need one of their own: for
	// blocking commands and leases. Two that all callers share come on top. Zero
	// means four for each processor, and 16 at least; negative means no bound.
	MaxConns int

	// NoWait makes OpenOptions return at once. The first command connects then,
	// and its error says what is wrong.
	NoWait bool

	// Client holds all other options: holds, quorum, replicas, retries, the pool,
	// the group of sentinels, and all that package conn knows.
	Client client.Options
}

// Format prints the fields with the passwords masked, so that an Options may be
// printed and logged.
func (o Options) Format(f fmt.State, _ rune) {
	type plain Options // without this method
	mask(&o.Password)
	mask(&o.SentinelPassword)
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, 'v'), plain(o))
}

func mask(secret *string) {
	if *secret != "" {
		*secret = "***"
	}
}

// LogValue returns what Format prints.
func (o Options) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", o)) }

// MarshalJSON returns the fields that identify a client, without the passwords and
// the options in Client.
func (o Options) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Addr             string   `json:"addr,omitempty"`
		Sentinels        []string `json:"sentinels,omitempty"`
		Master           string   `json:"master,omitempty"`
		Username         string   `json:"username,omitempty"`
		SentinelUsername string   `json:"sentinel_username,omitempty"`
		DB               int      `json:"db"`
		ClientName       string   `json:"client_name,omitempty"`
		TLS              bool     `json:"tls"`
		SentinelTLS      bool     `json:"sentinel_tls"`
	}{o.Addr, o.Sentinels, o.Master, o.Username, o.SentinelUsername, o.DB, o.ClientName, o.TLS != nil, o.SentinelTLS != nil})
}

// Open returns a client for the server, or the servers behind Sentinel, that a
// URL stands for:
//
//	redis://[[user]:password@]host[:port][/db]
//	unix://[[user]:password@]/path/to/socket[?db=n]
//	redis-sentinel://[[user]:password@]host[:port][,host[:port]...]/master[/db]
//
// rediss and redis-sentinels mean the same over TLS. [client.ParseURL] lists the
// parameters; sentinel_password is one of them.
//
// It returns when one connection to the server, or to the master, has been made
// and has answered. A server that cannot be reached is an error at once, and so
// are sentinels of which none can be reached or knows the master, and a wrong
// password. A master that the sentinels name and that cannot be reached may be
// about to be replaced: Open waits for the next one, for
// Options.RetryTime at most (10 s, or 1 s without sentinels), or until ctx ends. The caller closes
// the client.
func Open(ctx context.Context, url string) (*Client, error) {
	o, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	return OpenOptions(ctx, o)
}

// ParseURL returns the Options that a URL stands for, so that a program may add
// to what a URL can say. They are in the field Client.
func ParseURL(url string) (Options, error) {
	o, err := client.ParseURL(url)
	if err != nil {
		return Options{}, fmt.Errorf("kermes: open: %w", err)
	}
	return Options{Client: o}, nil
}

// OpenOptions is [Open] without a URL, or with more than a URL can say.
func OpenOptions(ctx context.Context, o Options) (*Client, error) {
	full, err := o.Full()
	if err != nil {
		return nil, err
	}
	c, err := client.Open(ctx, full)
	if err != nil {
		return nil, fmt.Errorf("kermes: open: %w", err)
	}
	if full.NoWait {
		return c, nil
	}
	if err := connect(ctx, c); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("kermes: open: %w", err)
	}
	return c, nil
}

// connect makes a connection. A master may have been lost a moment ago: then the
// next one is waited for. Nobody will replace a single server.
func connect(ctx context.Context, c *Client) error {
	if c.Group() == nil {
		return c.Verify(ctx)
	}
	_, err := redis.Ping().Do(ctx, c)
	return err
}

// Full returns the options that package client gets: those of the field Client
// with what is set beside it. The error says what cannot work.
func (o Options) Full() (client.Options, error) {
	full := o.Client
	server, group := &full.Pool.Conn, &full.Group
	replace(&server.Addr, o.Addr)
	replace(&full.Master, o.Master)
	if len(o.Sentinels) > 0 {
		group.Sentinels = slices.Clone(o.Sentinels)
	}
	replace(&server.Username, o.Username)
	replace(&server.Password, o.Password)
	replace(&group.Conn.Username, o.SentinelUsername)
	replace(&group.Conn.Password, o.SentinelPassword)
	replace(&server.DB, o.DB)
	replace(&server.ClientName, o.ClientName)
	replace(&server.TLS, o.TLS)
	replace(&group.Conn.TLS, o.SentinelTLS)
	replace(&server.DialTimeout, o.DialTimeout)
	replace(&server.ReadTimeout, o.ReadTimeout)
	replace(&full.RetryTime, o.RetryTime)
	replace(&full.Pool.MaxConns, o.MaxConns)
	full.NoWait = full.NoWait || o.NoWait
	return full, check(&full)
}

// replace puts given in the place of *field if it is not zero.
func replace[T comparable](field *T, given T) {
	var zero T
	if given != zero {
		*field = given
	}
}

// check refuses what cannot work, before any I/O.
func check(o *client.Options) error {
	sentinels := len(o.Group.Sentinels) > 0
	switch {
	case sentinels && o.Master == "":
		return errNoMaster
	case o.Master != "" && !sentinels:
		return errNoSentinels
	case sentinels && o.Pool.Conn.Addr != "":
		return errBoth
	case o.Pool.Conn.DB < 0:
		return fmt.Errorf("kermes: options: database %d is negative", o.Pool.Conn.DB)
	}
	return nil
}

var (
	errNoMaster    = errors.New("kermes: options: sentinels without the name of a master")
	errNoSentinels = errors.New("kermes: options: the name of a master without the address of a sentinel")
	errBoth        = errors.New("kermes: options: the address of a server, and sentinels: one of them has to go")
)
