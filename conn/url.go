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
// valkey:// and valkeys:// mean redis:// and rediss://. Parameters: db,
// client_name, protocol (2 or 3), dial_timeout, read_timeout (Go durations,
// as in 250ms). An unknown parameter, a repeated one or a malformed one is an
// error. The password is never part of an error's text.
func ParseURL(text string) (Options, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Options{}, errors.New("conn: url: malformed (not shown, it may hold a password)")
	}
	o, err := optionsOf(u)
	if err != nil {
		return Options{}, fmt.Errorf("conn: url: %w", err)
	}
	return o, nil
}

func optionsOf(u *url.URL) (Options, error) {
	var o Options
	if u.Opaque != "" {
		return o, errors.New("want scheme://")
	}
	if u.Fragment != "" {
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
	default:
		return o, fmt.Errorf("scheme %q is not redis, rediss, valkey, valkeys or unix", u.Scheme)
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
		return fmt.Errorf("port %q is not between 1 and 65535", port)
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
		return fmt.Errorf("database %q is not a number from 0 up", text)
	}
	o.DB = n
	return nil
}

// setParameters applies a query string. Each parameter may come once.
func (o *Options) setParameters(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("malformed parameters")
	}
	for name, all := range values {
		if len(all) != 1 {
			return fmt.Errorf("parameter %s comes %d times", name, len(all))
		}
		if err := o.setParameter(name, all[0]); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) setParameter(name, value string) error {
	var err error
	switch name {
	case "db":
		err = o.setDB(value)
	case "client_name":
		o.ClientName = value
	case "protocol":
		if value != "2" && value != "3" {
			return fmt.Errorf("protocol %q is not 2 or 3", value)
		}
		o.Protocol = int(value[0] - '0')
	case "dial_timeout":
		o.DialTimeout, err = positive(name, value)
	case "read_timeout":
		o.ReadTimeout, err = positive(name, value)
	default:
		return fmt.Errorf("unknown parameter %s", name)
	}
	return err
}

func positive(name, value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s %q is not a positive duration such as 250ms", name, value)
	}
	return d, nil
}
