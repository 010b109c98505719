package redistest

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestNewRedisAnswersAndRestartsOnItsPort(t *testing.T) {
	NoLeaks(t)
	NoFileLeaks(t)
	n := NewRedisWith(t, RedisOptions{Password: "pw", Persist: true, Config: []string{"maxmemory 20mb"}, Users: map[string]string{"app": "on >secret ~* +@all"}})
	n.MustDo(t, "SET", "k", "v")
	if got := n.MustDo(t, "CONFIG", "GET", "maxmemory").Map()["maxmemory"].Str; got != "20971520" {
		t.Errorf("maxmemory %q", got)
	}
	c, err := DialClient("tcp", n.Addr(), nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var re ReplyError
	if _, err := c.Do("GET", "k"); !errors.As(err, &re) || !strings.HasPrefix(string(re), "NOAUTH") {
		t.Errorf("without a password: %v", err)
	}
	if r, err := c.Do("AUTH", "app", "secret"); err != nil || r.Str != "OK" {
		t.Errorf("AUTH: %v, %v", r, err)
	}
	pid, addr := n.Pid(), n.Addr()
	n.Kill()
	if n.Running() {
		t.Error("running after Kill")
	}
	if _, err := n.Do("PING"); err == nil {
		t.Error("a dead server answers")
	}
	if err := n.Restart(); err != nil {
		t.Fatal(err)
	}
	if n.Pid() == pid || n.Addr() != addr {
		t.Errorf("pid %d, address %s after %s", n.Pid(), n.Addr(), addr)
	}
	Eventually(t, DefaultWait, "the data to be loaded", func() bool { _, err := n.Do("PING"); return err == nil })
	if got := n.MustDo(t, "GET", "k").Str; got != "v" {
		t.Errorf("got %q: not persisted", got)
	}
	if calls, err := n.CommandCalls("get"); err != nil || calls < 1 {
		t.Errorf("%d calls of GET, %v", calls, err)
	}
	if !n.IsMaster() {
		t.Error("not a master")
	}
}

func TestAStoppedServerAcceptsAndDoesNotAnswer(t *testing.T) {
	NoLeaks(t)
	n := NewRedis(t)
	n.MustDo(t, "PING")
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	c, err := DialClient("tcp", n.Addr(), nil, time.Second)
	if err != nil {
		t.Fatalf("the kernel does not accept: %v", err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := c.Do("PING"); !isTimeout(err) {
		t.Errorf("got %v", err)
	}
	if err := n.Cont(); err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if r, err := c.Read(); err != nil || r.Str != "PONG" {
		t.Errorf("after SIGCONT: %v, %v", r, err)
	}
	if err := n.Stop(); err != nil { // a stopped process must not survive the test
		t.Fatal(err)
	}
}

func TestRedisOverTLS(t *testing.T) {
	NoLeaks(t)
	n := NewRedisWith(t, RedisOptions{TLS: true})
	if r := n.MustDo(t, "ECHO", "x"); r.Str != "x" {
		t.Errorf("got %v", r)
	}
	if c, err := DialClient("tcp", n.Addr(), nil, time.Second); err == nil {
		c.SetDeadline(time.Now().Add(2 * time.Second))
		if _, err := c.Do("PING"); err == nil {
			t.Error("answered without TLS")
		}
		_ = c.Close()
	}
}

func TestSharedRedisIsOneServer(t *testing.T) {
	a, b := shared.Node(t), shared.Node(t)
	if a != b {
		t.Error("two servers")
	}
	a.MustDo(t, "SET", t.Name(), "1")
}

func TestABadConfigurationIsReportedWithTheLog(t *testing.T) {
	NoLeaks(t)
	RequireRedis(t)
	_, err := StartRedis(RedisOptions{Config: []string{"nonsense yes"}})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
}

func TestRequireRedisSkipsOrFails(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, required := range []bool{false, true} {
		value := ""
		if required {
			value = "1"
		}
		t.Setenv(RequireEnv, value)
		f := &fakeTB{name: t.Name()}
		f.run(func() { NewRedis(f) })
		if len(f.skips) == 1 == required || len(f.fatals) == 1 != required {
			t.Errorf("%s=%q: skips %q, fatals %q", RequireEnv, os.Getenv(RequireEnv), f.skips, f.fatals)
		}
	}
}

func TestClientReadsEveryKindOfReply(t *testing.T) {
	s := NewServer(t)
	nc := dialServer(t, s)
	c := newClient(nc)
	raw := map[string]string{
		"text": Text("a"), "int": Int(-5), "bulk": Bulk("x\r\ny"), "null2": NullBulk, "nullarray": NullArray, "null3": Null3,
		"map": Map(Bulk("k"), Array(Int(1), Null3)), "set": Set(Bulk("a"), Bulk("b")), "double": Double(1.5), "verbatim": Verbatim("txt", "hi"),
		"push": Push(Bulk("message")), "attr": Array(),
	}
	want := map[string]string{"text": "a", "int": "-5", "bulk": "x\r\ny", "map": "k 1 ", "set": "a b", "double": "1.5", "verbatim": "hi", "push": "message"}
	for name, r := range raw {
		s.Reply("X", r)
		got, err := c.Do("X")
		if err != nil || got.String() != want[name] || got.Null != strings.HasPrefix(name, "null") {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	s.Reply("X", Error("ERR no"))
	var re ReplyError
	if r, err := c.Do("X"); !errors.As(err, &re) || r.Kind != '-' || r.Str != "ERR no" {
		t.Errorf("got %+v, %v", r, err)
	}
}
