// Package testredis runs real redis-server and redis-sentinel processes: single
// servers, whole topologies behind proxies, and a recorder of what the sentinels say.
// Nothing of them outlives the test binary.
package testredis

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// RequireEnv is the environment variable that makes Require fail
// instead of skip.
const RequireEnv = "KERMES_REQUIRE_REDIS"

// Installed says why real servers cannot be started here; nil when they can.
func Installed() error {
	for _, program := range []string{"redis-server", "sh"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("testredis: %w", err)
		}
	}
	return nil
}

// Require skips the test when redis-server is not installed, or fails it
// when KERMES_REQUIRE_REDIS=1.
func Require(tb leak.TB) {
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

// Options configure one real server. The zero value is a server without
// a password and without persistence on a free port of 127.0.0.1.
type Options struct {
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

// New starts a server that ends with the test. config are lines of its
// configuration file.
func New(tb leak.TB, config ...string) *Node {
	tb.Helper()
	return NewWith(tb, Options{Config: config})
}

// NewWith is New with options. Without an installed redis-server
// it is Require.
func NewWith(tb leak.TB, o Options) *Node {
	tb.Helper()
	Require(tb)
	n, err := Start(o)
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

// Start starts a server; the caller closes it.
func Start(o Options) (*Node, error) {
	r, err := newRig(o.MaxLife)
	if err != nil {
		return nil, err
	}
	n := &Node{Name: "redis", rig: r, host: cmp.Or(o.Host, "127.0.0.1"), password: o.Password}
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

// Close ends a server of Start. The nodes of a topology end with it.
func (n *Node) Close() error {
	n.hangUp()
	return n.rig.close()
}
