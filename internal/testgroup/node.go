package testgroup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"github.com/kermes-redis/kermes/internal/testserver"
)

// Node is a data server of an Group group: a Server that does the
// protocol, the roles and the faults, before a miniredis that does the
// commands. Its Server can be scripted like any other.
type Node struct {
	*testserver.Server
	set   *MasterSet
	runID string
	mini  *miniredis.Miniredis
	srv   *server.Server // mini's
	relay *miniredis.Subscriber

	// Guarded by Group.mu:
	master *Node // nil: it is a master
	down   bool  // crashed
	hung   bool
	sdown  bool // the sentinels have noticed
	writes int64
}

// miniConn is a connection's side towards miniredis.
type miniConn struct {
	peer *server.Peer
	buf  bytes.Buffer
	w    *bufio.Writer
	tx   bool

	dirty bool // EXEC is to fail: a command could not be queued
}

// newNode starts a data server as a master.
func (e *Group) newNode(m *MasterSet, i int) (*Node, error) {
	n := &Node{set: m, runID: randomID(), mini: miniredis.NewMiniRedis()}
	nc, err := n.mini.Dial() // starts it without a listener
	if err != nil {
		return nil, fmt.Errorf("testgroup: data node: %w", err)
	}
	_ = nc.Close()
	n.mini.ClockTTL(true)
	n.srv = n.mini.Server()
	n.srv.SetPreHook(n.nested)
	n.relay = n.mini.NewSubscriber()
	n.relay.Psubscribe("*")
	addr := fmt.Sprintf("10.0.%d.%d:6379", len(e.sets)+1, i+1)
	n.Server, err = testserver.Start(e.serverOptions(addr, e.o.Username, e.o.Password, e.o.TLS))
	if err != nil {
		n.mini.Close()
		n.relay.Close()
		return nil, err
	}
	e.spawn(n.relayMessages)
	n.HandleAny(n.delegate)
	n.Handle("ROLE", n.cmdRole)
	n.Handle("HELLO", n.cmdHello)
	n.Handle("INFO", n.cmdInfo)
	n.Handle("WAIT", n.cmdWait)
	n.Handle("CONFIG", func(c *testserver.Peer, args []string) { c.Map() })
	return n, nil
}

// relayMessages delivers what is published inside MULTI, which miniredis
// executes out of sight.
func (n *Node) relayMessages() {
	for msg := range n.relay.Pmessages() {
		n.Publish(msg.Channel, msg.Message)
	}
}

func (n *Node) close() error {
	err := n.Server.Close() // first: interrupts blocked commands
	n.mini.Close()
	n.relay.Close()
	return err
}

// Role returns what ROLE says: "master" or "slave".
func (n *Node) Role() string {
	n.set.e.mu.Lock()
	defer n.set.e.mu.Unlock()
	if n.master == nil {
		return "master"
	}
	return "slave"
}

// up says whether the node answers; Group.mu is held.
func (n *Node) up() bool { return !n.down && !n.hung }

// dataset is whose data the node serves; Group.mu is held.
func (n *Node) dataset() *Node {
	for seen := 0; n.master != nil && seen < 16; seen++ {
		n = n.master
	}
	return n
}

// frontCommands are answered by the Server, not by miniredis.
var frontCommands = map[string]bool{
	"PING": true, "HELLO": true, "AUTH": true, "CLIENT": true, "ROLE": true, "INFO": true, "WAIT": true,
	"CONFIG": true, "COMMAND": true, "SUBSCRIBE": true, "UNSUBSCRIBE": true, "PSUBSCRIBE": true, "PUNSUBSCRIBE": true,
	"PUBLISH": true,
}

// delegate gives a command to miniredis.
func (n *Node) delegate(c *testserver.Peer, args []string) bool {
	name, _ := testserver.CommandNames(args)
	mc := miniConnOf(c)
	switch name {
	case "RESET":
		c.SetValue(newMiniConn())
		return false
	case "QUIT":
		return false
	}
	if n.Scripted(args) || frontCommands[name] && !mc.tx {
		return false
	}
	e := n.set.e
	e.mu.Lock()
	replica, target := n.master != nil, n.dataset()
	writes := writeCommands[name]
	if writes && !replica {
		n.writes++
	}
	e.mu.Unlock()
	if replica && writes {
		n.refuseWrite(c, mc, target)
		return true
	}
	if replica {
		args = readOnlyScript(name, args)
	}
	raw := n.asRedis(c, mc, target, name, args)
	if replica && strings.HasPrefix(raw, "-") && strings.Contains(raw, "Write commands are not allowed") {
		raw = testserver.Error(errReadOnlyScript)
	}
	if raw == "" { // a blocked command was interrupted
		raw = testserver.Error(errUnblocked)
	}
	mc.note(name, raw)
	c.Write(raw)
	return true
}

// refuseWrite says READONLY, and spoils a transaction.
func (n *Node) refuseWrite(c *testserver.Peer, mc *miniConn, target *Node) {
	if mc.tx {
		_ = mc.dispatch(c, target.srv, "SET", []string{"SET"})
	}
	c.Error("READONLY You can't write against a read only replica.")
}

const (
	errReadOnlyScript = "READONLY You can't write against a read only replica. script: , on @user_script:1."
	errUnblocked      = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
)

// readOnlyScript makes a script that writes fail on a replica.
func readOnlyScript(name string, args []string) []string {
	if name != "EVAL" && name != "EVALSHA" {
		return args
	}
	args = slices.Clone(args)
	args[0] = name + "_RO"
	return args
}

func newMiniConn() *miniConn {
	mc := &miniConn{}
	mc.w = bufio.NewWriter(&mc.buf)
	mc.peer = server.NewPeer(mc.w)
	return mc
}

func miniConnOf(c *testserver.Peer) *miniConn {
	mc, ok := c.Value().(*miniConn)
	if !ok {
		mc = newMiniConn()
		c.SetValue(mc)
	}
	return mc
}

// dispatch runs a command in miniredis and returns its raw reply; empty when
// it blocked until the connection ended.
func (mc *miniConn) dispatch(c *testserver.Peer, srv *server.Server, name string, args []string) string {
	mc.buf.Reset()
	mc.peer.Resp3 = c.Proto() == 3
	if blockingCommands[name] && !mc.tx {
		ended := make(chan struct{})
		defer close(ended)
		peer := mc.peer
		go func() {
			select {
			case <-c.Done():
				peer.Close()
				// Anything that takes miniredis's lock wakes what waits.
				srv.Dispatch(server.NewPeer(bufio.NewWriter(&bytes.Buffer{})), []string{"PING"})
			case <-ended:
			}
		}()
	}
	srv.Dispatch(mc.peer, args)
	mc.peer.Flush()
	return mc.buf.String()
}

// note follows the transaction.
func (mc *miniConn) note(name, raw string) {
	switch name {
	case "MULTI":
		mc.tx = mc.tx || raw == testserver.OK
	case "EXEC", "DISCARD":
		mc.tx, mc.dirty = false, false
	case "WATCH":
	default:
		mc.dirty = mc.dirty || mc.tx && strings.HasPrefix(raw, "-")
	}
}

// nested sees commands before miniredis does; those of scripts among them.
func (n *Node) nested(p *server.Peer, cmd string, args ...string) bool {
	if cmd != "PUBLISH" || len(args) != 2 {
		return false
	}
	for _, c := range n.Peers() {
		if mc, ok := c.Value().(*miniConn); ok && mc.peer == p {
			return false // in a transaction: queued, and relayed later
		}
	}
	p.WriteInt(n.Publish(args[0], args[1]))
	return true
}

// cmdHello says the role of the moment.
func (n *Node) cmdHello(c *testserver.Peer, args []string) {
	n.refreshRole()
	c.Default(args)
}

func (n *Node) cmdRole(c *testserver.Peer, args []string) {
	e := n.set.e
	e.mu.Lock()
	defer e.mu.Unlock()
	offset := n.dataset().writes
	if n.master != nil {
		state := "connected"
		if n.master.down {
			state = "connect"
		}
		c.Write(testserver.Array(testserver.Bulk("slave"), testserver.Bulk(n.master.Host()), testserver.Int(int64(n.master.Port())), testserver.Bulk(state), testserver.Int(offset)))
		return
	}
	var replicas []string
	for _, r := range n.set.nodes {
		if r.master == n && !r.down {
			replicas = append(replicas, testserver.Bulks(r.Host(), strconv.Itoa(r.Port()), strconv.FormatInt(offset, 10)))
		}
	}
	c.Write(testserver.Array(testserver.Bulk("master"), testserver.Int(offset), testserver.Array(replicas...)))
}

// refreshRole copies the role into the options of the Server.
func (n *Node) refreshRole() {
	role := n.Role()
	n.Configure(func(o *testserver.Options) { o.Role = role })
}

func (n *Node) cmdInfo(c *testserver.Peer, args []string) {
	e := n.set.e
	e.mu.Lock()
	defer e.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "# Server\r\nredis_version:%s\r\nredis_mode:standalone\r\nrun_id:%s\r\ntcp_port:%d\r\n\r\n# Replication\r\n", testserver.DefaultVersion, n.runID, n.Port())
	offset := n.dataset().writes
	if m := n.master; m != nil {
		link := "up"
		if m.down {
			link = "down"
		}
		fmt.Fprintf(&b, "role:slave\r\nmaster_host:%s\r\nmaster_port:%d\r\nmaster_link_status:%s\r\nslave_repl_offset:%d\r\nslave_read_only:1\r\nconnected_slaves:0\r\n",
			m.Host(), m.Port(), link, offset)
	} else {
		i := 0
		var lines strings.Builder
		for _, r := range n.set.nodes {
			if r.master == n && !r.down {
				fmt.Fprintf(&lines, "slave%d:ip=%s,port=%d,state=online,offset=%d,lag=0\r\n", i, r.Host(), r.Port(), offset)
				i++
			}
		}
		fmt.Fprintf(&b, "role:master\r\nconnected_slaves:%d\r\n%s", i, lines.String())
	}
	fmt.Fprintf(&b, "master_replid:%s\r\nmaster_repl_offset:%d\r\n", n.set.nodes[0].runID, offset)
	c.Bulk(b.String())
}

// cmdWait answers at once: replicas have what their master has.
func (n *Node) cmdWait(c *testserver.Peer, args []string) {
	e := n.set.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if n.master != nil {
		c.Error("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.")
		return
	}
	k := 0
	for _, r := range n.set.nodes {
		if r.master == n && r.up() {
			k++
		}
	}
	c.Int(int64(k))
}

// Crash is kill -9: the listener and every connection are gone at once. The
// data survive, as with an append-only file.
func (n *Node) Crash() error { return n.set.goDown(n, false) }

// Hang is SIGSTOP: connections stay and nothing is answered.
func (n *Node) Hang() error { return n.set.goDown(n, true) }

// Resume ends Hang: what was sent in the meantime is executed now.
func (n *Node) Resume() error { return n.set.comeBack(n) }

// Restart ends Crash, on the same port and in the same role: an old master
// comes back as a master until the sentinels demote it (Timing.Demote).
func (n *Node) Restart() error { return n.set.comeBack(n) }

func hostPort(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, "0"
	}
	return host, port
}

// copyTo replaces the data of another node by those of n.
func (n *Node) copyTo(to *Node) error {
	var errs []error
	to.mini.FlushAll()
	for db := range 16 {
		errs = append(errs, copyDB(n.mini.DB(db), to.mini.DB(db)))
	}
	return errors.Join(errs...)
}
