package testgroup

import (
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// rawClient talks RESP to a fake.
type rawClient struct {
	t  *testing.T
	nc net.Conn
	c  *testserver.Client
}

func connect(t *testing.T, e *Group, addr string) *rawClient {
	t.Helper()
	nc, err := e.Dial(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &rawClient{t: t, nc: nc, c: testserver.NewClient(nc)}
}

// do returns the reply as text.
func (r *rawClient) do(args ...string) string {
	r.t.Helper()
	v, err := r.c.Do(args...)
	if err != nil && v.Kind != '-' {
		r.t.Fatalf("%q: %v", args, err)
	}
	return v.String()
}

func (r *rawClient) next() []string {
	r.t.Helper()
	v, err := r.c.Read()
	if err != nil {
		r.t.Fatal(err)
	}
	return v.Strings()
}

func (r *rawClient) want(want string, args ...string) {
	r.t.Helper()
	if got := r.do(args...); got != want {
		r.t.Errorf("%q: got %q, want %q", args, got, want)
	}
}

func spaced(addr string) string { return strings.ReplaceAll(addr, ":", " ") }

func TestGroupServesDataAndRoles(t *testing.T) {
	leak.Check(t)
	e := New(t, Options{})
	m, r := connect(t, e, e.MasterAddr()), connect(t, e, e.Replicas()[0].Addr())
	m.want("OK", "SET", "k", "v")
	m.want("v", "GET", "k")
	r.want("v", "GET", "k")
	r.want("READONLY You can't write against a read only replica.", "SET", "k", "2")
	r.want("READONLY You can't write against a read only replica. script: , on @user_script:1.", "EVAL", "return redis.call('SET', KEYS[1], 1)", "1", "k")
	r.want("v", "EVAL", "return redis.call('GET', KEYS[1])", "1", "k")
	m.want("2", "WAIT", "2", "0")
	m.want("OK", "MULTI")
	m.want("QUEUED", "INCR", "n")
	m.want("QUEUED", "GET", "k")
	m.want("1 v", "EXEC")
	r.want("OK", "MULTI")
	r.want("READONLY You can't write against a read only replica.", "INCR", "n")
	r.want("EXECABORT Transaction discarded because of previous errors.", "EXEC")
	m.want("OK", "SELECT", "2")
	m.want("", "GET", "k")
	if got := m.do("ROLE"); !strings.HasPrefix(got, "master ") || strings.Count(got, "127.0.0.1") != 2 {
		t.Errorf("ROLE of the master: %q", got)
	}
	if got := r.do("ROLE"); !strings.HasPrefix(got, "slave "+spaced(e.MasterAddr())+" connected ") {
		t.Errorf("ROLE of the replica: %q", got)
	}
	for who, c := range map[string]*rawClient{"master": m, "replica": r} {
		hello, err := c.c.Do("HELLO", "3")
		if err != nil || hello.Map()["role"].Str != who {
			t.Errorf("HELLO of the %s: %v %v", who, hello, err)
		}
	}
	if got := r.do("INFO", "replication"); !strings.Contains(got, "role:slave\r\n") || !strings.Contains(got, "master_link_status:up\r\n") {
		t.Errorf("INFO of the replica: %q", got)
	}
}

func TestGroupSentinelsAnswer(t *testing.T) {
	leak.Check(t)
	e := New(t, Options{Masters: []string{"mymaster", "other"}, SentinelPassword: "spw", Password: "pw"})
	s := connect(t, e, e.SentinelAddrs()[0])
	s.want("NOAUTH Authentication required.", "PING")
	s.want("OK", "AUTH", "spw")
	s.want(spaced(e.MasterAddr()), "SENTINEL", "get-master-addr-by-name", "mymaster")
	s.want("", "SENTINEL", "get-master-addr-by-name", "nope")
	s.want(errNoSuchMaster, "SENTINEL", "MASTER", "nope")
	s.want("ERR unknown subcommand 'foo'. Try SENTINEL HELP.", "SENTINEL", "foo")
	s.want("ERR wrong number of arguments for 'sentinel|master' command", "SENTINEL", "master")
	s.want("OK 3 usable Sentinels. Quorum and failover authorization can be reached", "SENTINEL", "CKQUORUM", "mymaster")
	s.want("sentinel mymaster other", "ROLE")
	s.want("ERR unknown command 'SELECT', with args beginning with: '1' ", "SELECT", "1")
	s.want(e.Sentinels[0].MyID(), "SENTINEL", "MYID")
	master, _ := s.c.Do("SENTINEL", "MASTER", "other")
	if f := master.Map(); f["port"].Str != itoa(int64(e.Of("other").Master().Port())) || f["flags"].Str != "master" || f["config-epoch"].Str != "0" || f["num-slaves"].Str != "2" {
		t.Errorf("SENTINEL MASTER: %v", f)
	}
	replicas, _ := s.c.Do("SENTINEL", "REPLICAS", "mymaster")
	if len(replicas.Elems) != 2 || replicas.Elems[0].Map()["master-link-status"].Str != "ok" {
		t.Errorf("SENTINEL REPLICAS: %v", replicas)
	}
	s.want("1", "SENTINEL", "RESET", "my*")
	s.want("", "SENTINEL", "REPLICAS", "mymaster")
	if hello, _ := s.c.Do("HELLO", "3"); len(hello.Elems) != 12 || hello.Map()["mode"].Str != "sentinel" {
		t.Errorf("HELLO: %v", hello)
	}
	if masters, _ := s.c.Do("SENTINEL", "MASTERS"); len(masters.Elems) != 2 || masters.Elems[0].Kind != '%' {
		t.Errorf("SENTINEL MASTERS: %v", masters)
	}
	e.SetUnknownMaster("other", true)
	s.want(errNoSuchMaster, "SENTINEL", "MASTER", "other")
}

// events reads published events of a subscribed connection until one says stop.
func (r *rawClient) events(stop string) (names, payloads []string) {
	r.t.Helper()
	for {
		msg := r.next()
		if len(msg) == 4 && msg[0] == "pmessage" {
			names, payloads = append(names, msg[2]), append(payloads, msg[3])
			if msg[2] == stop {
				return names, payloads
			}
		}
	}
}

func TestGroupFailoverSpeaksInTheOrderOfSentinel(t *testing.T) {
	leak.Check(t)
	synctest.Test(t, func(t *testing.T) {
		e := New(t, Options{InMemory: true, Timing: RealTiming()})
		old := e.Master()
		leader, observer := connect(t, e, e.SentinelAddrs()[0]), connect(t, e, e.SentinelAddrs()[1])
		leader.do("HELLO", "3")
		for _, c := range []*rawClient{leader, observer} {
			_ = c.nc.SetDeadline(time.Time{})
			c.do("PSUBSCRIBE", "+*")
		}
		zombie, next := connect(t, e, old.Addr()), connect(t, e, e.Replicas()[0].Addr())
		_ = zombie.nc.SetDeadline(time.Time{})
		zombie.want("OK", "SET", "k", "before")
		done := make(chan error, 1)
		start := time.Now()
		go func() { done <- e.Failover(t.Context()) }()

		names, payloads := observer.events("+switch-master")
		if d := time.Since(start); d != 1131*time.Millisecond {
			t.Errorf("the observer's +switch-master came after %v", d)
		}
		now := e.Master()
		if !slices.Equal(names, []string{"+config-update-from", "+switch-master"}) {
			t.Errorf("observer: %q", names)
		}
		if want := "mymaster " + spaced(old.Addr()) + " " + spaced(now.Addr()); payloads[1] != want {
			t.Errorf("payload %q, want %q", payloads[1], want)
		}
		zombie.want("OK", "SET", "k", "lost")
		// The leader knows already, says it in one place and not in the other.
		leader2 := connect(t, e, e.SentinelAddrs()[0])
		leader2.want(spaced(now.Addr()), "SENTINEL", "get-master-addr-by-name", "mymaster")
		master, _ := leader2.c.Do("SENTINEL", "MASTER", "mymaster")
		if f := master.Map(); f["port"].Str != itoa(int64(old.Port())) || f["config-epoch"].Str != "1" || f["flags"].Str != "master,failover_in_progress" {
			t.Errorf("SENTINEL MASTER at the leader: %v", f)
		}
		names, _ = leader.events("+switch-master")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 2139*time.Millisecond {
			t.Errorf("the leader's +switch-master came after %v", d)
		}
		if want := []string{"+new-epoch", "+try-failover", "+vote-for-leader", "+elected-leader", "+failover-state-select-slave",
			"+selected-slave", "+failover-state-send-slaveof-noone", "+failover-state-wait-promotion", "+promoted-slave",
			"+failover-state-reconf-slaves", "+slave-reconf-sent", "+slave-reconf-inprog", "+slave-reconf-done", "+failover-end",
			"+switch-master"}; !slices.Equal(names, want) {
			t.Errorf("leader: %q\nwant %q", names, want)
		}
		if _, err := next.c.Do("PING"); err == nil {
			t.Error("the promoted node did not close its clients")
		}
		next = connect(t, e, now.Addr())
		next.want("before", "GET", "k")
		names, _ = observer.events("+convert-to-slave")
		if d := time.Since(start); d != 1131*time.Millisecond+10070*time.Millisecond {
			t.Errorf("the old master was demoted after %v: %q", d, names)
		}
		if _, err := zombie.c.Do("PING"); err == nil {
			t.Error("the old master did not close its clients")
		}
		if old.Role() != "slave" || e.Epoch() != 1 {
			t.Errorf("old master is %s, epoch %d", old.Role(), e.Epoch())
		}
		connect(t, e, old.Addr()).want("before", "GET", "k")
	})
}

func TestGroupCrashFailsOverByItselfAndTheOldMasterReturnsWritable(t *testing.T) {
	leak.Check(t)
	e := New(t, Options{})
	m := connect(t, e, e.MasterAddr())
	m.want("OK", "SET", "k", "v")
	old, err := e.CrashMaster()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.c.Do("PING"); err == nil {
		t.Error("the connection survived")
	}
	if _, err := net.Dial("tcp", old.Addr()); err == nil {
		t.Error("the port is open")
	}
	leak.Eventually(t, 0, "failover", func() bool { return e.Master() != old })
	connect(t, e, e.MasterAddr()).want("v", "GET", "k")
	leak.Eventually(t, 0, "the end of the failover", func() bool { return !e.Sentinels[0].inFailover(e.MasterSet) })
	if err := old.Restart(); err != nil {
		t.Fatal(err)
	}
	z := connect(t, e, old.Addr())
	z.want("OK", "SET", "k", "lost")
	leak.Eventually(t, 0, "demotion", func() bool { return old.Role() == "slave" })
	connect(t, e, old.Addr()).want("v", "GET", "k")
}

func (s *Sentinel) inFailover(m *MasterSet) bool {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	return s.view(m).failover
}

func TestGroupHungMasterExecutesLaterWhatWasSent(t *testing.T) {
	leak.Check(t)
	e := New(t, Options{})
	old := e.Master()
	m := connect(t, e, old.Addr())
	m.want("PONG", "PING")
	if _, err := e.HangMaster(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.nc.Write([]byte(testserver.Bulks("SET", "k", "zombie"))); err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, 0, "failover", func() bool { return e.Master() != old })
	if old.Count("SET") != 0 {
		t.Error("a hung server executed SET")
	}
	if err := old.Resume(); err != nil {
		t.Fatal(err)
	}
	if v, err := m.c.Read(); err != nil || v.Str != "OK" {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestGroupStaleAndHungSentinels(t *testing.T) {
	leak.Check(t)
	e := New(t, Options{})
	old := e.Master()
	stale := e.Sentinels[2]
	stale.Freeze(true)
	e.Sentinels[0].Hang()
	hung := connect(t, e, e.Sentinels[0].Addr())
	_ = hung.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := hung.c.Do("PING"); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a hung sentinel: %v", err)
	}
	if err := e.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Sentinels[1].Count("SENTINEL") != 0 {
		t.Error("Failover went over the wire")
	}
	connect(t, e, stale.Addr()).want(spaced(old.Addr()), "SENTINEL", "get-master-addr-by-name", "mymaster")
	c := connect(t, e, stale.Addr())
	c.do("SUBSCRIBE", "+switch-master")
	stale.Freeze(false)
	if msg := c.next(); len(msg) != 3 || msg[1] != "+switch-master" {
		t.Errorf("got %q", msg)
	}
	e.Sentinels[0].Resume()
	leak.Eventually(t, 0, "catch up", func() bool {
		return connect(t, e, e.Sentinels[0].Addr()).do("SENTINEL", "get-master-addr-by-name", "mymaster") == spaced(e.MasterAddr())
	})
	stale.Freeze(true)
	stale.SetView("mymaster", "127.0.0.1:1", 7)
	connect(t, e, stale.Addr()).want("127.0.0.1 1", "SENTINEL", "get-master-addr-by-name", "mymaster")
}

func TestGroupOrphanPromotionIsNeverPublished(t *testing.T) {
	leak.Check(t)
	synctest.Test(t, func(t *testing.T) {
		e := New(t, Options{InMemory: true})
		old := e.Master()
		leader, err := e.OrphanPromotion(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var masters []string
		for _, n := range e.Nodes() {
			if n.Role() == "master" {
				masters = append(masters, n.Addr())
			}
		}
		if len(masters) != 2 || e.Master() != old || e.Epoch() != 0 {
			t.Errorf("masters %q, configured %s, epoch %d", masters, e.MasterAddr(), e.Epoch())
		}
		time.Sleep(time.Minute) // of the bubble
		if n := slices.IndexFunc(e.Replicas(), func(n *Node) bool { return n.Role() == "master" }); n >= 0 {
			t.Error("the orphan is still a master")
		}
		if err := leader.Start(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGroupFailoverByCommandAndItsRefusals(t *testing.T) {
	leak.Check(t)
	synctest.Test(t, func(t *testing.T) {
		e := New(t, Options{InMemory: true, Replicas: 1})
		old := e.Master()
		s := connect(t, e, e.SentinelAddrs()[1])
		s.want("OK", "SENTINEL", "FAILOVER", "mymaster")
		s.want("INPROG Failover already in progress", "SENTINEL", "FAILOVER", "mymaster")
		leak.Eventually(t, 0, "failover", func() bool {
			return s.do("SENTINEL", "get-master-addr-by-name", "mymaster") != spaced(old.Addr()) && !e.Sentinels[1].inFailover(e.MasterSet)
		})
	})
	alone := New(t, Options{Replicas: -1})
	connect(t, alone, alone.SentinelAddrs()[0]).want("NOGOODSLAVE No suitable replica to promote", "SENTINEL", "FAILOVER", "mymaster")
}

func TestGroupBlockedCommandsAndPubSub(t *testing.T) {
	leak.Check(t)
	e := New(t, Options{})
	gone := connect(t, e, e.MasterAddr())
	if _, err := gone.nc.Write([]byte(testserver.Bulks("BLPOP", "q", "0"))); err != nil {
		t.Fatal(err)
	}
	e.Master().WaitFor(t, "BLPOP", func() bool { return len(e.Master().CallsOf("BLPOP")) == 1 })
	_ = gone.nc.Close()
	e.Master().WaitFor(t, "the end of the connection", func() bool { return e.Master().Open() == 0 })
	m, sub := connect(t, e, e.MasterAddr()), connect(t, e, e.MasterAddr())
	m.want("1", "RPUSH", "q", "a")
	m.want("q a", "BLPOP", "q", "0") // a connection that is gone takes nothing
	sub.do("HELLO", "3")
	sub.do("SUBSCRIBE", "ch")
	sub.want("PONG", "PING")
	m.want("1", "PUBLISH", "ch", "direct")
	m.want("1", "EVAL", "return redis.call('PUBLISH', 'ch', 'script')", "0")
	m.do("MULTI")
	m.do("PUBLISH", "ch", "tx")
	m.do("EXEC")
	for _, want := range []string{"direct", "script", "tx"} {
		if got := sub.next(); !slices.Equal(got, []string{"message", "ch", want}) {
			t.Errorf("got %q, want %s", got, want)
		}
	}
}

func TestGroupPromotionKeepsEveryKindOfData(t *testing.T) {
	leak.Check(t)
	e := New(t, Options{})
	m := connect(t, e, e.MasterAddr())
	for _, cmd := range []string{"SET s v EX 1000", "HSET h f 1 g 2", "RPUSH l a b c", "SADD t x y", "ZADD z 1 a 2.5 b", "XADD x 1-1 f v", "SELECT 3", "SET s three"} {
		m.do(strings.Fields(cmd)...)
	}
	if err := e.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := connect(t, e, e.MasterAddr())
	n.want("v", "GET", "s")
	if ttl := n.do("TTL", "s"); len(ttl) < 3 {
		t.Errorf("TTL %s", ttl)
	}
	n.want("1 2", "HMGET", "h", "f", "g")
	n.want("a b c", "LRANGE", "l", "0", "-1")
	n.want("1", "SISMEMBER", "t", "y")
	n.want("a 1 b 2.5", "ZRANGE", "z", "0", "-1", "WITHSCORES")
	n.want("1", "XLEN", "x")
	n.do("SELECT", "3")
	n.want("three", "GET", "s")
}
