package redistest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// RequireEnv is the environment variable that makes RequireRedis fail
// instead of skip.
const RequireEnv = "KERMES_REQUIRE_REDIS"

// Installed says why real servers cannot be started here; nil when they can.
func Installed() error {
	for _, program := range []string{"redis-server", "sh"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("redistest: %w", err)
		}
	}
	return nil
}

// RequireRedis skips the test when redis-server is not installed, or fails it
// when KERMES_REQUIRE_REDIS=1.
func RequireRedis(tb TB) {
	tb.Helper()
	err := Installed()
	switch {
	case err == nil:
	case os.Getenv(RequireEnv) == "1":
		tb.Fatalf("%v", err)
	default:
		tb.Skipf("%v", err)
	}
}

// RedisOptions configure one real server. The zero value is a server without
// a password and without persistence on a free port of 127.0.0.1.
type RedisOptions struct {
	// Config are lines of its configuration file: "maxmemory 10mb".
	Config []string
	// Password of the default user; empty is none.
	Password string
	// Users are ACL users by name: "on >secret ~* &* +@all".
	Users map[string]string
	// TLS makes it speak TLS only; Node.TLS is for clients.
	TLS bool
	// Host to listen on; empty is 127.0.0.1.
	Host string
	// Persist keeps data over a Restart (append-only file).
	Persist bool
	// MaxLife bounds the life of the process; zero is DefaultMaxLife.
	MaxLife time.Duration
}

// NewRedis starts a server that ends with the test. config are lines of its
// configuration file.
func NewRedis(tb TB, config ...string) *Node {
	tb.Helper()
	return NewRedisWith(tb, RedisOptions{Config: config})
}

// NewRedisWith is NewRedis with options. Without an installed redis-server
// it is RequireRedis.
func NewRedisWith(tb TB, o RedisOptions) *Node {
	tb.Helper()
	RequireRedis(tb)
	n, err := StartRedis(o)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("log of %s:\n%s", n.Name, n.Log(2000))
		}
		if err := n.Close(); err != nil {
			tb.Errorf("%v", err)
		}
	})
	return n
}

// StartRedis starts a server; the caller closes it.
func StartRedis(o RedisOptions) (*Node, error) {
	r, err := newRig(o.MaxLife)
	if err != nil {
		return nil, err
	}
	n := &Node{Name: "redis", rig: r, host: either(o.Host, "127.0.0.1"), password: o.Password}
	pki, err := pkiIf(o.TLS, r.dir, "tls")
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	n.config = dataConfig(n, o.Persist, o.Users, pki)
	n.config = append(n.config, o.Config...)
	if err := n.start(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return n, nil
}

// Close ends a server of StartRedis. The nodes of a topology end with it.
func (n *Node) Close() error {
	n.hangUp()
	return n.rig.close()
}
