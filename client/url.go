package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/sentinel"
)

// ParseURL returns the Options that a URL stands for:
//
//	redis://[[user]:password@]host[:port][/db]     one server: see conn.ParseURL
//	rediss://...                                   the same over TLS
//	unix://[[user]:password@]/path/to/socket[?db=n]
//	redis-sentinel://[[user]:password@]host[:port][,host[:port]...]/master[/db]
//	redis-sentinels://...                          servers and sentinels over TLS
//
// redis+sentinel:// and rediss+sentinel:// mean the latter two. User and password
// are those of the servers. Special characters in them are written as %XX.
//
// # Parameters
//
// Besides those of [conn.ParseURL]:
//
//	sentinel_username, sentinel_password, sentinel_tls (true or false, where the two differ)
//	master_name, in place of /master
//	username, password                    of the servers, in place of user:password@
//	retry_time, max_retries               Options.RetryTime and MaxRetries
//	pool_size, max_active_conns           Pool.MaxConns
//	min_idle_conns, max_idle_conns        Pool.MinIdle and MaxIdle
//	max_concurrent_dials                  Pool.MaxDials
//	conn_max_idle_time, conn_max_lifetime Pool.IdleTime and MaxLifetime
//	idle_timeout, max_conn_age            the same by their old names
//	solo_conns, shared_conns              Pool.SoloConns and SharedConns
//	replica_only, any_node                Replicas.Policy
//	route_randomly, route_by_latency      Replicas.Choose
//	max_lag                               Replicas.MaxLag
//	no_wait, require_quorum               Options.NoWait and RequireQuorum
//
// The names are those of go-redis where it has one. redis:// with master_name is
// read as go-redis does: host and the addresses in addr, which may come several
// times, are sentinels, and user:password@ is for them; username and password are
// for the servers. What go-redis has and this client has no use for is ignored;
// Options.Ignored lists it: context_timeout_enabled, conn_max_lifetime_jitter,
// dialer_retries, dialer_retry_timeout, identitySuffix, max_retry_backoff,
// min_retry_backoff, pipeline_pool_size, pipeline_read_buffer_size,
// pipeline_write_buffer_size, pool_fifo, pool_timeout (the context bounds that),
// route_by_latency_tolerance, unstable_resp3, use_disconnected_replicas,
// write_timeout (read_timeout bounds that too).
//
// An unknown parameter, a malformed one, or one that comes twice is an error. No
// error shows what may be part of a password.
func ParseURL(text string) (Options, error) {
	o, err := parseURL(text)
	if err != nil {
		return Options{}, errors.New("client: url: " + conn.NewURLError(text, err).Problem)
	}
	return o, nil
}

// address is the parts of a URL.
type address struct {
	scheme   string // redis or unix, in small letters
	secure   bool   // TLS
	sentinel bool   // by its scheme or by master_name
	foreign  bool   // read as go-redis does
	named    bool   // by master_name: the path is the database
	userinfo string // with the @
	hosts    []string
	path     string
	values   url.Values
}

func parseURL(text string) (Options, error) {
	a, err := splitURL(text)
	if err != nil {
		return Options{}, err
	}
	var o Options
	if a.sentinel {
		if err := o.takeSentinels(a); err != nil {
			return Options{}, err
		}
	}
	if err := o.takeParameters(a.values); err != nil {
		return Options{}, err
	}
	base, err := conn.ParseURL(a.server(text))
	if err != nil {
		return Options{}, a.inner(err)
	}
	o.takeServer(a, base)
	return o, o.takeAccess(a)
}

// schemes are those of sentinels, and whether they mean TLS.
var schemes = map[string]bool{
	"redis-sentinel": false, "redis+sentinel": false, "valkey-sentinel": false, "valkey+sentinel": false,
	"redis-sentinels": true, "rediss-sentinel": true, "rediss+sentinel": true,
}

// splitURL takes a URL apart. One of a single server is left to package conn, but
// for its parameters.
func splitURL(text string) (address, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return address{}, errors.New("want scheme://, as in redis://host:6379 or redis-sentinel://host1,host2/master")
	}
	a := address{scheme: strings.ToLower(scheme)}
	if strings.Contains(rest, "#") {
		return address{}, errors.New("a fragment (#) has no meaning; write %23 in a password")
	}
	rest, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return address{}, errors.New("malformed parameters; write special characters as %XX")
	}
	a.values = values
	authority, path, _ := strings.Cut(rest, "/")
	a.path = path
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		a.userinfo, authority = authority[:at+1], authority[at+1:]
	}
	secure, bySentinel := schemes[a.scheme]
	a.named = values.Get("master_name") != ""
	a.foreign = !bySentinel && a.named && a.scheme != "unix"
	a.sentinel = bySentinel || a.foreign
	if !a.sentinel {
		return a, nil
	}
	a.secure = secure || a.scheme == "rediss" || a.scheme == "valkeys"
	if strings.Count(a.userinfo, "@") > 1 {
		return address{}, errors.New("user and password stand once, before the first address; write @ in them as %40")
	}
	a.hosts, err = splitHosts(authority)
	return a, err
}

// splitHosts reads the addresses of sentinels.
func splitHosts(list string) ([]string, error) {
	var addrs []string
	for host := range strings.SplitSeq(list, ",") {
		addr, err := hostPort(host)
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func hostPort(text string) (string, error) {
	if strings.Count(text, ":") > 1 && !strings.HasPrefix(text, "[") {
		return "", errors.New("an IPv6 address stands in brackets, as in redis-sentinel://[::1]:26379/master")
	}
	u, err := url.Parse("//" + text)
	if err != nil || u.Hostname() == "" || u.Host != text {
		return "", errors.New("the address of a sentinel is empty or malformed: want host or host:port")
	}
	port := u.Port()
	if port == "" {
		port = sentinel.SentinelPort
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strings.HasSuffix(text, ":") {
		return "", errors.New("the port of a sentinel is not a number between 1 and 65535")
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// takeSentinels sets the master and the sentinels. What remains of a is for the
// servers.
func (o *Options) takeSentinels(a address) error {
	o.Group.Sentinels = a.hosts
	for _, addr := range a.values["addr"] {
		more, err := hostPort(addr)
		if err != nil {
			return err
		}
		o.Group.Sentinels = append(o.Group.Sentinels, more)
	}
	delete(a.values, "addr")
	name, err := once(a.values, "master_name")
	switch {
	case err != nil:
		return err
	case name != "":
		o.Master = name
		return nil
	}
	name, _, _ = strings.Cut(a.path, "/")
	if strings.Contains(name, "@") {
		return errors.New("a master's name has @ as %40; in a password write / as %2F")
	}
	if o.Master, err = url.PathUnescape(name); err != nil || o.Master == "" {
		return errors.New("want the master's name after the addresses, as in redis-sentinel://host1,host2/master")
	}
	return nil
}

// once takes a parameter that may come once.
func once(values url.Values, name string) (string, error) {
	given := values[name]
	delete(values, name)
	if len(given) > 1 {
		return "", fmt.Errorf("parameter %s comes %d times", name, len(given))
	}
	return strings.Join(given, ""), nil
}

// server returns the URL of one server that package conn is to read.
func (a *address) server(text string) string {
	query := url.Values{}
	for name, values := range a.values {
		if !slices.Contains(accessParameters, name) {
			query[name] = values
		}
	}
	tail := ""
	if len(query) > 0 {
		tail = "?" + query.Encode()
	}
	if !a.sentinel {
		whole, _, _ := strings.Cut(text, "?")
		return whole + tail
	}
	scheme := "redis"
	if a.secure {
		scheme = "rediss"
	}
	db := a.path
	if !a.named {
		_, db, _ = strings.Cut(a.path, "/")
	}
	if db != "" {
		db = "/" + db
	}
	return scheme + "://" + a.userinfo + "placeholder" + db + tail
}

// inner returns what package conn has found wrong, in a URL of which it has not
// seen all.
func (a *address) inner(err error) error {
	problem := err.Error()
	if e, ok := errors.AsType[*conn.URLError](err); ok {
		problem = e.Problem
	}
	hidden := a.values.Has("password") || a.values.Has("sentinel_password")
	if hidden && strings.HasPrefix(problem, "unknown parameter") {
		problem = "an unknown parameter; in a password write & as %26" // it may be the rest of one
	}
	return errors.New(problem)
}

// takeServer takes over what a URL of one server says.
func (o *Options) takeServer(a address, base conn.Options) {
	if !a.sentinel {
		o.Pool.Conn = base
		return
	}
	base.Addr = ""
	if a.foreign {
		o.Group.Conn.Username, o.Group.Conn.Password = base.Username, base.Password
		base.Username, base.Password = "", ""
	}
	o.Pool.Conn = base
	if base.TLS != nil {
		o.Group.Conn.TLS = base.TLS.Clone()
	}
}

// accessParameters say who one is, to servers and sentinels.
var accessParameters = []string{"username", "password", "sentinel_username", "sentinel_password", "sentinel_tls"}

// takeAccess sets users, passwords and the TLS of sentinels.
func (o *Options) takeAccess(a address) error {
	for _, name := range accessParameters {
		if !a.values.Has(name) {
			continue
		}
		value, err := once(a.values, name)
		if err == nil {
			err = o.setAccess(a, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) setAccess(a address, name, value string) error {
	field := map[string]*string{
		"username": &o.Pool.Conn.Username, "password": &o.Pool.Conn.Password,
		"sentinel_username": &o.Group.Conn.Username, "sentinel_password": &o.Group.Conn.Password,
	}[name]
	switch {
	case !a.sentinel && strings.HasPrefix(name, "sentinel"):
		return fmt.Errorf("%s needs sentinels: use redis-sentinel://", name)
	case field != nil && *field != "":
		return fmt.Errorf("%s is said twice: before the address and as a parameter", name)
	case field != nil:
		*field = value
		return nil
	}
	secure, err := conn.ParseBool(name, value)
	switch {
	case err != nil:
		return err
	case !secure:
		o.Group.Conn.TLS = nil
	case o.Group.Conn.TLS == nil:
		o.Group.Conn.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return nil
}
