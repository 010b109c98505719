package testredis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/ports"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// callTimeout bounds one command of Node.Do.
const callTimeout = 3 * time.Second

// startTimeout bounds the start of one process.
const startTimeout = 20 * time.Second

// Node is a real redis-server or redis-sentinel. Safe for concurrent use.
type Node struct {
	// Name is unique in its topology: "mymaster-0", "sentinel-2".
	Name string
	// Master is the name of the master whose data the node holds; empty for a
	// sentinel.
	Master string

	rig      *rig
	sentinel bool
	host     string
	port     int // where it listens (TLS when tls is set)
	plain    int // second port, without TLS, that sentinels announce; 0: none
	proxy    *testproxy.Proxy
	tls      *tls.Config
	user     string
	password string
	config   []string // lines, without the port
	lost     func()   // called after Kill and Stop; nil: nobody minds
	back     func()   // called after Cont and Restart

	mu      sync.Mutex
	proc    *proc
	stopped bool
	temper  sync.Mutex // held by the haste of a sentinel
	calls   sync.Mutex // one command at a time
	client  *testserver.Client
}

// Addr returns the address for clients: that of the Proxy where there is one.
func (n *Node) Addr() string {
	if n.proxy != nil {
		return n.proxy.Addr()
	}
	return n.Direct()
}

// Direct returns the address where the process listens.
func (n *Node) Direct() string { return net.JoinHostPort(n.host, strconv.Itoa(n.port)) }

// Host returns the host of Addr.
func (n *Node) Host() string { return n.host }

// Port returns the port of Addr.
func (n *Node) Port() int {
	if n.proxy != nil {
		return n.proxy.Port()
	}
	return n.port
}

// Proxy returns the proxy before the node, nil when the topology has none.
func (n *Node) Proxy() *testproxy.Proxy { return n.proxy }

// Pid returns the process id, 0 when the process is not running.
func (n *Node) Pid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.proc == nil || !n.proc.running() {
		return 0
	}
	return n.proc.pid
}

// Running says whether the process exists (stopped ones do).
func (n *Node) Running() bool { return n.Pid() != 0 }

// configFile is rewritten by sentinels, and by servers at CONFIG REWRITE.
func (n *Node) configFile() string { return filepath.Join(n.rig.dir, n.Name+".conf") }

// start chooses a port and starts the process for the first time. A port
// that was taken in the meantime is replaced by another.
func (n *Node) start() error {
	var last error
	for range 8 {
		port, err := ports.Free(n.host)
		if err != nil {
			return err
		}
		n.port = port
		if err := n.writeConfig(); err != nil {
			return err
		}
		if last = n.launch(); last == nil {
			return nil
		}
		if !strings.Contains(n.Log(4096), "Address already in use") {
			return last
		}
	}
	return last
}

// writeConfig writes the configuration file of a first start.
func (n *Node) writeConfig() error {
	lines := []string{"port " + strconv.Itoa(n.port)}
	if n.tls != nil {
		lines = []string{"port " + strconv.Itoa(n.plain), "tls-port " + strconv.Itoa(n.port)}
	}
	lines = append(lines, n.config...)
	text := strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(n.configFile(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("testredis: %w", err)
	}
	return nil
}

// launch starts the process and waits until it answers.
func (n *Node) launch() error {
	args := []string{n.configFile()}
	if n.sentinel {
		args = append(args, "--sentinel")
	}
	p, err := n.rig.start(n.Name+".log", "redis-server", args...)
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.proc = p
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	err = leak.WaitUntil(ctx, func() bool { return !p.running() || n.answers() })
	if err != nil || !p.running() {
		p.kill()
		return fmt.Errorf("testredis: %s did not start: %s", n.Name, n.Log(1024))
	}
	return nil
}

// answers says whether the process answers anything.
func (n *Node) answers() bool {
	_, err := n.Do("PING")
	var re testserver.ReplyError
	return err == nil || errors.As(err, &re)
}

// Kill ends the process by SIGKILL and waits for its end.
func (n *Node) Kill() {
	n.kill()
	n.tell(n.lost)
}

func (n *Node) kill() {
	n.mu.Lock()
	p := n.proc
	n.stopped = false
	n.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

// tell calls lost or back, where there is one.
func (n *Node) tell(whom func()) {
	if whom != nil {
		whom()
	}
}

// down reports whether a test has taken the process away.
func (n *Node) down() bool {
	n.mu.Lock()
	stopped := n.stopped
	n.mu.Unlock()
	return stopped || !n.Running()
}

// Stop stops the process by SIGSTOP: the kernel still accepts connections
// for it. A sentinel that was stopped for more than 2 s is in TILT for 30 s.
func (n *Node) Stop() error {
	pid := n.Pid()
	if pid == 0 {
		return fmt.Errorf("testredis: %s is not running", n.Name)
	}
	if err := signalStop(pid); err != nil {
		return err
	}
	n.setStopped(true)
	n.tell(n.lost)
	return nil
}

// Cont ends Stop.
func (n *Node) Cont() error {
	pid := n.Pid()
	if pid == 0 {
		return fmt.Errorf("testredis: %s is not running", n.Name)
	}
	if err := signalCont(pid); err != nil {
		return err
	}
	n.setStopped(false)
	n.tell(n.back)
	return nil
}

func (n *Node) setStopped(is bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = is
}

// Restart starts the process again, on the same port and with its
// configuration file as it is now; it kills a running one first. It returns
// when the process answers, even if only -LOADING.
func (n *Node) Restart() error {
	n.kill()
	var last error
	for range 5 { // somebody may have the port for a moment
		if last = n.launch(); last == nil {
			n.tell(n.back)
			return nil
		}
		if !strings.Contains(n.Log(4096), "Address already in use") {
			return last
		}
	}
	return last
}

// RestartFresh is Restart with the configuration file of the first start: a
// sentinel with a new run id that has forgotten every failover, a server in
// the role it had.
func (n *Node) RestartFresh() error {
	n.kill()
	if err := n.writeConfig(); err != nil {
		return err
	}
	return n.Restart()
}

// Log returns the last n bytes of the process's log.
func (n *Node) Log(bytes int) string {
	b, err := os.ReadFile(filepath.Join(n.rig.dir, n.Name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-bytes):])
}

// Config returns the text of the configuration file as it is now.
func (n *Node) Config() string {
	b, err := os.ReadFile(n.configFile())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TLS returns the client configuration of a node that speaks TLS, else nil.
func (n *Node) TLS() *tls.Config {
	if n.tls == nil {
		return nil
	}
	return n.tls.Clone()
}

// Dial returns a connection of its own, authenticated, past the proxy.
func (n *Node) Dial() (*testserver.Client, error) {
	c, err := testserver.DialClient("tcp", n.Direct(), n.tls, callTimeout)
	if err != nil {
		return nil, err
	}
	if n.password == "" {
		return c, nil
	}
	c.SetDeadline(time.Now().Add(callTimeout))
	args := []string{"AUTH", n.user, n.password}
	if n.user == "" {
		args = slices.Delete(args, 1, 2)
	}
	if _, err := c.Do(args...); err != nil {
		return nil, errors.Join(fmt.Errorf("testredis: %s: %w", n.Name, err), c.Close())
	}
	c.SetDeadline(time.Time{})
	return c, nil
}

// Do executes a command on a connection that is kept for this, and waits 3
// seconds at most. An error reply is a ReplyError.
func (n *Node) Do(args ...string) (testserver.Reply, error) {
	n.calls.Lock()
	defer n.calls.Unlock()
	for first := true; ; first = false {
		kept := n.client != nil
		r, err := n.call(args)
		var re testserver.ReplyError
		if err == nil || errors.As(err, &re) {
			return r, err
		}
		if n.client != nil {
			_ = n.client.Close()
			n.client = nil
		}
		if !kept || !first || isTimedOut(err) {
			return r, fmt.Errorf("testredis: %s: %q: %w", n.Name, args[0], err)
		}
	}
}

func (n *Node) call(args []string) (testserver.Reply, error) {
	if n.client == nil {
		c, err := n.Dial()
		if err != nil {
			return testserver.Reply{}, err
		}
		n.client = c
	}
	n.client.SetDeadline(time.Now().Add(callTimeout))
	return n.client.Do(args...)
}

func isReplyError(err error) bool {
	var re testserver.ReplyError
	return errors.As(err, &re)
}

func isTimedOut(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// hangUp closes the kept connection.
func (n *Node) hangUp() {
	n.calls.Lock()
	defer n.calls.Unlock()
	if n.client != nil {
		_ = n.client.Close()
		n.client = nil
	}
}

// MustDo is Do that fails the test.
func (n *Node) MustDo(tb leak.TB, args ...string) testserver.Reply {
	tb.Helper()
	r, err := n.Do(args...)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return r
}

// Info returns the fields of a section of INFO.
func (n *Node) Info(section string) (map[string]string, error) {
	r, err := n.Do("INFO", section)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.SplitSeq(r.Str, "\r\n") {
		if k, v, ok := strings.Cut(line, ":"); ok {
			fields[k] = v
		}
	}
	return fields, nil
}

// Role returns what ROLE says first: "master", "slave" or "sentinel".
func (n *Node) Role() (string, error) {
	r, err := n.Do("ROLE")
	if err != nil || len(r.Elems) == 0 {
		return "", err
	}
	return r.Elems[0].Str, nil
}

// IsMaster says whether the node is up and says so itself.
func (n *Node) IsMaster() bool {
	role, err := n.Role()
	return err == nil && role == "master"
}

// CommandCalls returns how often the server has executed a command, by its
// own count (INFO commandstats): "get", "client|setname".
func (n *Node) CommandCalls(name string) (int, error) {
	stats, err := n.Info("commandstats")
	if err != nil {
		return 0, err
	}
	for field := range strings.SplitSeq(stats["cmdstat_"+strings.ToLower(name)], ",") {
		if v, ok := strings.CutPrefix(field, "calls="); ok {
			return strconv.Atoi(v)
		}
	}
	return 0, nil
}
