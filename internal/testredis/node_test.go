package testredis

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

func TestNewRedisAnswersAndRestartsOnItsPort(t *testing.T) {
	leak.Check(t)
	leak.CheckFiles(t)
	n := NewWith(t, Options{Password: "pw", Persist: true, Config: []string{"maxmemory 20mb"}, Users: map[string]string{"app": "on >secret ~* +@all"}})
	n.MustDo(t, "SET", "k", "v")
	if got := n.MustDo(t, "CONFIG", "GET", "maxmemory").Map()["maxmemory"].Str; got != "20971520" {
		t.Errorf("maxmemory %q", got)
	}
	c, err := testserver.DialClient("tcp", n.Addr(), nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var re testserver.ReplyError
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
	leak.Eventually(t, leak.DefaultWait, "the data to be loaded", func() bool { _, err := n.Do("PING"); return err == nil })
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
	leak.Check(t)
	n := New(t)
	n.MustDo(t, "PING")
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	c, err := testserver.DialClient("tcp", n.Addr(), nil, time.Second)
	if err != nil {
		t.Fatalf("the kernel does not accept: %v", err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := c.Do("PING"); !errors.Is(err, os.ErrDeadlineExceeded) {
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
	leak.Check(t)
	n := NewWith(t, Options{TLS: true})
	if r := n.MustDo(t, "ECHO", "x"); r.Str != "x" {
		t.Errorf("got %v", r)
	}
	if c, err := testserver.DialClient("tcp", n.Addr(), nil, time.Second); err == nil {
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
	leak.Check(t)
	Require(t)
	_, err := Start(Options{Config: []string{"nonsense yes"}})
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
		f := &leak.Fake{TestName: t.Name()}
		f.Run(func() { New(f) })
		if len(f.Skips) == 1 == required || len(f.Fatals) == 1 != required {
			t.Errorf("%s=%q: skips %q, fatals %q", RequireEnv, os.Getenv(RequireEnv), f.Skips, f.Fatals)
		}
	}
}

func TestClientReadsEveryKindOfReply(t *testing.T) {
	s := testserver.New(t)
	nc := testserver.DialServer(t, s)
	c := testserver.NewClient(nc)
	raw := map[string]string{
		"text": testserver.Text("a"), "int": testserver.Int(-5), "bulk": testserver.Bulk("x\r\ny"), "null2": testserver.NullBulk, "nullarray": testserver.NullArray, "null3": testserver.Null3,
		"map": testserver.Map(testserver.Bulk("k"), testserver.Array(testserver.Int(1), testserver.Null3)), "set": testserver.Set(testserver.Bulk("a"), testserver.Bulk("b")), "double": testserver.Double(1.5), "verbatim": testserver.Verbatim("txt", "hi"),
		"push": testserver.Push(testserver.Bulk("message")), "attr": testserver.Array(),
	}
	want := map[string]string{"text": "a", "int": "-5", "bulk": "x\r\ny", "map": "k 1 ", "set": "a b", "double": "1.5", "verbatim": "hi", "push": "message"}
	for name, r := range raw {
		s.Reply("X", r)
		got, err := c.Do("X")
		if err != nil || got.String() != want[name] || got.Null != strings.HasPrefix(name, "null") {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	s.Reply("X", testserver.Error("ERR no"))
	var re testserver.ReplyError
	if r, err := c.Do("X"); !errors.As(err, &re) || r.Kind != '-' || r.Str != "ERR no" {
		t.Errorf("got %+v, %v", r, err)
	}
}
