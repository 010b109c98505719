package conn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ParseURL returns the Options that a URL stands for:
//
//	redis://[[user]:password@]host[:port][/db]
//	rediss://...                                   the same over TLS
//	unix://[[user]:password@]/path/to/socket[?db=n]
//
// valkey:// and valkeys:// mean redis:// and rediss://. Special characters of a
// user or password are written as %XX: / is %2F, ? is %3F, # is %23, @ is %40.
//
// Parameters: db, client_name, protocol (2 or 3), dial_timeout, read_timeout,
// keep_alive, disableIdentity, and over TLS skip_verify, tls_server_name,
// tls_ca_file, tls_cert_file and tls_key_file (PEM). A duration is one of Go, as
// in 250ms, or a number of seconds; zero and less turn a timeout off. A
// parameter without a value is as none. An unknown one, a repeated one or a
// malformed one is an error; those of pools and clients are understood by the
// package client.
//
// Errors are of type *[URLError]. Their texts hold nothing that may be part of a
// password.
func ParseURL(text string) (Options, error) {
	o, err := parseURL(text)
	if err != nil {
		return Options{}, NewURLError(text, err)
	}
	return o, nil
}

// URLError says what is wrong with a URL. It holds nothing that may be part of a
// password.
type URLError struct{ Problem string }

// Error returns the problem.
func (e *URLError) Error() string { return "conn: url: " + e.Problem }

// errEscape is what is said of a URL that shows more of itself than it should,
// or that cannot be taken apart: the most likely reason is a password.
var errEscape = errors.New("malformed; write special characters of a user or password as %XX " +
	"(/ is %2F, ? is %3F, # is %23, @ is %40, % is %25)")

// NewURLError returns the error for the URL text. It says something else than err
// where a part of a password may have been taken for a parameter: an @ behind the
// address tells.
func NewURLError(text string, err error) *URLError {
	_, rest, _ := strings.Cut(text, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 && strings.Contains(rest[i:], "@") {
		err = errEscape
	}
	if e, ok := errors.AsType[*URLError](err); ok {
		return e
	}
	return &URLError{Problem: err.Error()}
}

func parseURL(text string) (Options, error) {
	_, rest, found := strings.Cut(text, "://")
	if !found {
		return Options{}, errors.New("want scheme://, as in redis://host:6379")
	}
	if err := bracketed(rest); err != nil {
		return Options{}, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return Options{}, errEscape
	}
	return optionsOf(u)
}

// bracketed refuses an IPv6 address without brackets.
func bracketed(rest string) error {
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	host := authority[strings.LastIndex(authority, "@")+1:]
	if strings.Count(host, ":") > 1 && !strings.Contains(host, "[") {
		return errors.New("an IPv6 address stands in brackets, as in redis://[::1]:6379")
	}
	return nil
}

func optionsOf(u *url.URL) (Options, error) {
	var o Options
	if u.Fragment != "" || u.RawFragment != "" {
		return o, errors.New("a fragment (#) has no meaning; write %23 in a password")
	}
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	var err error
	switch u.Scheme {
	case "redis", "valkey":
		err = hostAndDB(u, &o)
	case "rediss", "valkeys":
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		err = hostAndDB(u, &o)
	case "unix":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return o, errors.New("want unix:///absolute/path")
		}
		o.Addr = u.Path
	case "http", "https", "tcp", "tls", "ssl":
		return o, fmt.Errorf("scheme %s is not redis, rediss, valkey, valkeys or unix", u.Scheme)
	case "redis-sentinel", "redis-sentinels", "redis+sentinel", "rediss+sentinel":
		return o, errors.New("a URL of sentinels is for a client: see the package client")
	default:
		return o, errors.New("the scheme is not redis, rediss, valkey, valkeys or unix")
	}
	if err != nil {
		return o, err
	}
	return o, o.setParameters(u.RawQuery)
}

func hostAndDB(u *url.URL, o *Options) error {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "6379"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return errors.New("the port is not a number between 1 and 65535")
	}
	o.Addr = net.JoinHostPort(host, port)
	db := strings.TrimPrefix(u.Path, "/")
	if db == "" {
		return nil
	}
	return o.setDB(db)
}

func (o *Options) setDB(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return errors.New("the database is not a number from 0 up; in a password write / as %2F")
	}
	o.DB = n
	return nil
}

// setParameters applies a query string. Each parameter may come once.
func (o *Options) setParameters(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errEscape
	}
	for name, all := range values {
		if len(all) != 1 && knownParameter(name) {
			return fmt.Errorf("parameter %s comes %d times", name, len(all))
		}
		if all[0] == "" {
			all[0] = parameterDefaults[name]
		}
		if err := o.setParameter(name, all[0]); err != nil {
			return err
		}
	}
	return o.loadTLS(values)
}

// parameterDefaults is what a parameter without a value means where the empty
// text is no value; it also lists the parameters.
var parameterDefaults = map[string]string{
	"db": "0", "client_name": "", "protocol": "0", "dial_timeout": "", "read_timeout": "", "keep_alive": "",
	"disableIdentity": "false", "skip_verify": "false", "tls_server_name": "",
	"tls_ca_file": "", "tls_cert_file": "", "tls_key_file": "",
}

func knownParameter(name string) bool {
	_, known := parameterDefaults[name]
	return known
}

func (o *Options) setParameter(name, value string) error {
	var err error
	switch name {
	case "db":
		err = o.setDB(value)
	case "client_name":
		o.ClientName = value
	case "protocol":
		o.Protocol, err = strconv.Atoi(value)
		if err != nil || o.Protocol != 0 && o.Protocol != 2 && o.Protocol != 3 {
			return errors.New("protocol is not 2 or 3")
		}
	case "dial_timeout":
		o.DialTimeout, err = ParseDuration(name, value)
	case "read_timeout":
		o.ReadTimeout, err = ParseDuration(name, value)
	case "keep_alive":
		o.KeepAlive, err = ParseDuration(name, value)
	case "disableIdentity":
		o.NoClientInfo, err = ParseBool(name, value)
	case "skip_verify", "tls_server_name", "tls_ca_file", "tls_cert_file", "tls_key_file":
		err = o.setTLSParameter(name, value)
	default:
		err = unknownParameter(name)
	}
	return err
}

// unknownParameter names a parameter that nobody knows, unless it may be part of
// something else.
func unknownParameter(name string) error {
	switch {
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" || len(name) > 30:
		return errors.New("an unknown parameter; in a password write ? as %3F and & as %26")
	case strings.HasPrefix(name, "pool_"), strings.HasPrefix(name, "max_"), strings.HasPrefix(name, "min_"),
		strings.HasPrefix(name, "conn_max_"), name == "master_name", name == "retry_time":
		return fmt.Errorf("parameter %s is not one of a connection: it is understood by the package client", name)
	}
	return fmt.Errorf("unknown parameter %s", name)
}

// ParseDuration reads the duration of a URL's parameter: one of Go, or a number
// of seconds. Zero and less become -1, which turns a timeout off; the empty text
// is zero, the default.
func ParseDuration(name, value string) (time.Duration, error) {
	if value == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(value)
	if n, seconds := strconv.Atoi(value); seconds == nil && int64(n) < 1<<31 {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil {
		return 0, &URLError{Problem: name + " is not a duration such as 250ms, nor a number of seconds"}
	}
	if d <= 0 {
		return -1, nil
	}
	return d, nil
}

// ParseBool reads the truth value of a URL's parameter. The empty text is false.
func ParseBool(name, value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil && value != "" {
		return false, &URLError{Problem: name + " is not true or false"}
	}
	return b, nil
}
