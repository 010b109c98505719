package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/sentinel"
)

// ParseURL returns the Options that a URL stands for:
//
//	redis-sentinel://[[user]:password@]host[:port][,host[:port]...]/master[/db]
//	redis-sentinels://...            servers and sentinels over TLS
//	redis:// rediss:// unix://       bypass: one server, see conn.ParseURL
//
// User and password are those of the servers. Parameters, besides those of
// conn.ParseURL: sentinel_username, sentinel_password, sentinel_tls (true or
// false, where the two differ). An error never shows a password.
func ParseURL(text string) (Options, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || scheme != "redis-sentinel" && scheme != "redis-sentinels" {
		base, err := conn.ParseURL(text)
		var o Options
		o.Pool.Conn = base
		return o, err
	}
	o, err := parseSentinelURL(scheme, rest)
	if err != nil {
		return Options{}, fmt.Errorf("client: url: %w", err)
	}
	return o, nil
}

func parseSentinelURL(scheme, rest string) (Options, error) {
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, found := strings.Cut(rest, "/")
	if !found || path == "" {
		return Options{}, errors.New("want the master's name after the addresses")
	}
	userinfo, hosts := "", authority
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		userinfo, hosts = authority[:at+1], authority[at+1:]
	}
	name, db, hasDB := strings.Cut(path, "/")
	master, err := url.PathUnescape(name)
	if err != nil || master == "" || strings.Contains(db, "/") {
		return Options{}, errors.New("want /master or /master/db after the addresses")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Options{}, errors.New("malformed parameters")
	}
	o := Options{Master: master}
	if err := o.takeSentinelParameters(values, scheme); err != nil {
		return Options{}, err
	}
	server := "redis://" + userinfo + "placeholder"
	if hasDB {
		server += "/" + db
	}
	if len(values) > 0 {
		server += "?" + values.Encode()
	}
	base, err := conn.ParseURL(server)
	if err != nil {
		return Options{}, err
	}
	base.Addr = ""
	if scheme == "redis-sentinels" {
		base.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	o.Pool.Conn = base
	o.Group.Sentinels, err = splitHosts(hosts)
	return o, err
}

func (o *Options) takeSentinelParameters(values url.Values, scheme string) error {
	secure := scheme == "redis-sentinels"
	for _, name := range []string{"sentinel_username", "sentinel_password", "sentinel_tls"} {
		given, has := values[name]
		if !has {
			continue
		}
		values.Del(name)
		if len(given) != 1 {
			return fmt.Errorf("parameter %s comes %d times", name, len(given))
		}
		switch name {
		case "sentinel_username":
			o.Group.Conn.Username = given[0]
		case "sentinel_password":
			o.Group.Conn.Password = given[0]
		case "sentinel_tls":
			if given[0] != "true" && given[0] != "false" {
				return errors.New("sentinel_tls is not true or false")
			}
			secure = given[0] == "true"
		}
	}
	if secure {
		o.Group.Conn.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return nil
}

func splitHosts(list string) ([]string, error) {
	var addrs []string
	for host := range strings.SplitSeq(list, ",") {
		u, err := url.Parse("//" + host)
		if err != nil || u.Hostname() == "" {
			return nil, errors.New("an address of a sentinel is empty or malformed")
		}
		port := u.Port()
		if port == "" {
			port = sentinel.SentinelPort
		}
		addrs = append(addrs, net.JoinHostPort(u.Hostname(), port))
	}
	return addrs, nil
}
