package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
)

// mistake is a configuration that nothing but a person can mend.
type mistake struct {
	server  testserver.Options
	prepare func(s *testserver.Server)
	options func(o *conn.Options, s *testserver.Server)
	want    []string // parts of the error's text
}

// httpServer answers whatever it gets as a web server does.
func httpServer(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = nc.Read(make([]byte, 1))
			_, _ = io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = nc.Close()
		}
	}()
	return l.Addr().String()
}

func mistakes(t *testing.T) map[string]mistake {
	pki, err := testserver.NewPKI(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	web := httpServer(t)
	return map[string]mistake{
		"unknown authority": {
			server:  testserver.Options{TLS: pki.Server()},
			options: func(o *conn.Options, _ *testserver.Server) { o.TLS = &tls.Config{MinVersion: tls.VersionTLS12} },
			want:    []string{"TLS", "certificate signed by unknown authority"},
		},
		"database": {
			prepare: func(s *testserver.Server) { s.Reply("SELECT", "-ERR DB index is out of range\r\n") },
			options: func(o *conn.Options, _ *testserver.Server) { o.DB = 99 },
			want:    []string{"SELECT", "DB index is out of range"},
		},
		"database forbidden": {
			prepare: func(s *testserver.Server) {
				s.Reply("SELECT", "-NOPERM User app has no permissions to run the 'select' command\r\n")
			},
			options: func(o *conn.Options, _ *testserver.Server) { o.DB = 1 },
			want:    []string{"SELECT", "no permissions to run the 'select' command"},
		},
		"role forbidden": {
			prepare: func(s *testserver.Server) {
				s.Reply("ROLE", "-NOPERM User app has no permissions to run the 'role' command\r\n")
			},
			options: func(o *conn.Options, _ *testserver.Server) { o.Role = conn.RoleMaster },
			want:    []string{"ROLE", "no permissions to run the 'role' command"},
		},
		"web server":     {options: func(o *conn.Options, _ *testserver.Server) { o.Addr = web }, want: []string{"HTTP"}},
		"without a port": {options: func(o *conn.Options, _ *testserver.Server) { o.Addr = "localhost" }, want: []string{"localhost", "port"}},
		"with a scheme":  {options: func(o *conn.Options, s *testserver.Server) { o.Addr = "redis://" + s.Addr() }, want: []string{"redis://"}},
		"credentials": {
			options: func(o *conn.Options, _ *testserver.Server) {
				o.Credentials = func(context.Context, string) (string, string, error) {
					return "", "", errors.New("the vault is sealed")
				}
			},
			want: []string{"credentials", "the vault is sealed"},
		},
		"old server": {
			server:  testserver.Options{NoHello: true},
			options: func(o *conn.Options, _ *testserver.Server) { o.Protocol = 3 },
			want:    []string{"HELLO", "unknown command"},
		},
		"password": {
			server:  testserver.Options{Password: "right"},
			options: func(o *conn.Options, _ *testserver.Server) { o.Password = "wrong" },
			want:    []string{"refuses the credentials", "WRONGPASS"},
		},
		"no password": {server: testserver.Options{Password: "right"}, options: func(*conn.Options, *testserver.Server) {}, want: []string{"NOAUTH"}},
	}
}

func TestWhatCannotPassEndsAtOnceWithItsOwnText(t *testing.T) {
	calls := map[string]func(ctx context.Context, c *client.Client) error{
		"command": func(ctx context.Context, c *client.Client) error { return redis.Set("k", "v").Do(ctx, c) },
		"batch": func(ctx context.Context, c *client.Client) error {
			var p redis.Pipeline
			redis.Set("k", "v").Queue(&p)
			return p.Do(ctx, c)
		},
		"lease": func(ctx context.Context, c *client.Client) error {
			return c.WithConn(ctx, func(*conn.Conn) error { return nil })
		},
		"blocking": func(ctx context.Context, c *client.Client) error {
			_, err := redis.BLPop(time.Minute, "q").Do(ctx, c)
			return err
		},
		"subscription": func(ctx context.Context, c *client.Client) error {
			s := pubsub.New(c, pubsub.Options{})
			defer s.Close()
			_, err := s.Subscribe(ctx, "channel")
			return err
		},
	}
	for name, m := range mistakes(t) {
		t.Run(name, func(t *testing.T) {
			s := testserver.NewWith(t, m.server)
			if m.prepare != nil {
				m.prepare(s)
			}
			o := client.Options{RetryTime: time.Hour, Pool: pool.Options{Conn: conn.Options{Addr: s.Addr()}}}
			m.options(&o.Pool.Conn, s)
			for what, call := range calls {
				c, err := client.Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				accepted := s.Accepted()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				err = call(ctx, c)
				if ctx.Err() != nil || err == nil || conn.ClassOf(err) != conn.ClassNotSent && what != "subscription" {
					t.Errorf("%s: %v", what, err)
				}
				for _, part := range m.want {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%s: %q lacks %q", what, err, part)
					}
				}
				if n := s.Accepted() - accepted; n > 2 {
					t.Errorf("%s: %d connections", what, n)
				}
				cancel()
				_ = c.Close()
			}
		})
	}
}

// A redis-server says nothing to a TLS handshake: the first call is told why there is no
// connection, within the second that it waits.
func TestTLSAgainstAPlainServerIsNamedByTheFirstCall(t *testing.T) {
	node := testredis.New(t)
	options := client.Options{Pool: pool.Options{Conn: conn.Options{Addr: node.Addr(), TLS: &tls.Config{ServerName: "localhost"}}}}
	c, err := client.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = redis.Ping().Do(t.Context(), c); !conn.IsPermanent(err) || !strings.Contains(err.Error(), "the peer speaks RESP without TLS") {
		t.Error(err)
	}
}
