// Package frontdoor holds the tests of package kermes, and of the programs that
// show it: the top folder has room for three files.
package frontdoor

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/ports"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/sentinel"
)

func guarded(t *testing.T) *redistest.Group {
	return redistest.NewGroup(t, redistest.GroupOptions{Password: "servers", SentinelPassword: "sentinels"})
}

func TestOpenReturnsWithAConnectionThatWorks(t *testing.T) {
	g := guarded(t)
	for name, url := range map[string]string{
		"one server":      "redis://:servers@" + g.Master(),
		"a unix socket":   "unix://:servers@" + socket(t, g.Master()),
		"behind Sentinel": "redis-sentinel://:servers@" + strings.Join(g.Sentinels(), ",") + "/mymaster?sentinel_password=sentinels",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := kermes.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if s := c.Stats().Pool; s.Open != 1 || s.Idle != 1 {
				t.Errorf("%d connections are open, %d of them idle", s.Open, s.Idle)
			}
		})
	}
}

func TestAWrongPasswordIsSaidAtOnce(t *testing.T) {
	g := guarded(t)
	for name, o := range map[string]kermes.Options{
		"of the server":    {Addr: g.Master(), Password: "wrong"},
		"of the master":    {Sentinels: g.Sentinels(), Master: "mymaster", Password: "wrong", SentinelPassword: "sentinels"},
		"of the sentinels": {Sentinels: g.Sentinels(), Master: "mymaster", Password: "servers", SentinelPassword: "wrong"},
	} {
		o.RetryTime = time.Hour // a retry would last until the test is killed
		_, err := kermes.OpenOptions(t.Context(), o)
		if _, ok := errors.AsType[*conn.AuthError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "wrong") || !strings.HasPrefix(err.Error(), "kermes: open: ")) {
			t.Errorf("%s: the text is %q", name, err)
		}
	}
}

func TestAServerThatIsNotThereIsSaidAtOnceUnlessToldNotToWait(t *testing.T) {
	port, err := ports.Free("127.0.0.1") // one that no outgoing connection of another process takes
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	o := kermes.Options{Addr: addr, RetryTime: time.Hour}
	if _, err := kermes.OpenOptions(t.Context(), o); conn.ClassOf(err) != conn.ClassNotSent {
		t.Errorf("a server that is not there: %v", err)
	}
	_, err = kermes.OpenOptions(t.Context(), kermes.Options{Sentinels: []string{addr}, Master: "mymaster"})
	if !errors.Is(err, sentinel.ErrNoSentinel) {
		t.Errorf("a sentinel that is not there: %v", err)
	}
	for _, o := range []kermes.Options{{Addr: addr, NoWait: true}, {Sentinels: []string{addr}, Master: "mymaster", NoWait: true}} {
		c, err := kermes.OpenOptions(t.Context(), o)
		if err != nil {
			t.Errorf("told not to wait: %v", err)
			continue
		}
		_ = c.Close()
	}
}

func TestOptionsThatCannotWorkAreRefusedBeforeAnyIO(t *testing.T) {
	some := []string{"10.0.0.1"}
	for what, o := range map[string]kermes.Options{
		"the name of a master":    {Sentinels: some},
		"the address of a sentin": {Master: "mymaster"},
		"one of them has to go":   {Master: "mymaster", Sentinels: some, Addr: "10.0.0.2:6379"},
		"database -1":             {DB: -1},
	} {
		o.NoWait = false
		o.Client.Pool.Conn.Dial = func(context.Context, string, string) (net.Conn, error) {
			t.Errorf("%s: it was dialled", what)
			return nil, io.ErrUnexpectedEOF
		}
		o.Client.Group.Conn.Dial = o.Client.Pool.Conn.Dial
		c, err := kermes.OpenOptions(t.Context(), o)
		if err == nil {
			_ = c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), what) || !strings.HasPrefix(err.Error(), "kermes: options: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, url := range []string{"redis-sentinel://10.0.0.1", "http://localhost", "redis://:secret@localhost:port"} {
		_, err := kermes.Open(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestEveryOptionArrives(t *testing.T) {
	s := redistest.NewServer(t, redistest.ServerOptions{Password: "secret"})
	o, err := kermes.ParseURL("redis://ignored:ignored@" + s.Addr() + "/1")
	if err != nil {
		t.Fatal(err)
	}
	o.Username, o.Password, o.DB, o.ClientName = "default", "secret", 7, "billing" // in place of what the URL says
	c, err := kermes.OpenOptions(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var sent []string
	for _, call := range s.Calls() {
		sent = append(sent, strings.Join(call, " "))
	}
	for _, want := range []string{"AUTH default secret", "SELECT 7", "SETNAME billing"} {
		if !slices.ContainsFunc(sent, func(call string) bool { return strings.Contains(strings.ToUpper(call), strings.ToUpper(want)) }) {
			t.Errorf("%q was not sent: %q", want, sent)
		}
	}

	full := kermes.Options{
		DialTimeout: time.Second, ReadTimeout: 2 * time.Second, RetryTime: 3 * time.Second, MaxConns: 5,
		TLS: &tls.Config{ServerName: "servers"}, SentinelTLS: &tls.Config{ServerName: "sentinels"},
		SentinelUsername: "bob", SentinelPassword: "other", Sentinels: []string{"10.0.0.1"}, Master: "mymaster", NoWait: true,
	}
	got, err := full.Full()
	if err != nil {
		t.Fatal(err)
	}
	server, group := got.Pool.Conn, got.Group
	if server.DialTimeout != time.Second || server.ReadTimeout != 2*time.Second || got.RetryTime != 3*time.Second || got.Pool.MaxConns != 5 ||
		server.TLS.ServerName != "servers" || group.Conn.TLS.ServerName != "sentinels" || group.Conn.Username != "bob" ||
		group.Conn.Password != "other" || !slices.Equal(group.Sentinels, full.Sentinels) || got.Master != "mymaster" || !got.NoWait {
		t.Errorf("%+v", got)
	}
}

func TestTheProgramsOfTheFrontDoorWorkWithTwoImports(t *testing.T) {
	g := guarded(t)
	programs := map[string][]string{
		"server":   {g.Master(), "servers"},
		"socket":   {"unix://:servers@" + socket(t, g.Master())},
		"sentinel": append([]string{"mymaster", "servers", "sentinels"}, g.Sentinels()...),
	}
	dir, visits := t.TempDir(), 0
	for _, name := range []string{"server", "socket", "sentinel"} {
		visits++
		list := exec.CommandContext(t.Context(), "go", "list", "-f", `{{join .Imports "\n"}}`, "../../examples/"+name)
		imports, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(imports), "github.com/kermes-redis/kermes"); n != 2 {
			t.Errorf("%s imports %d packages of the module", name, n)
		}
		bin := filepath.Join(dir, name)
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../examples/"+name).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, err := exec.CommandContext(t.Context(), bin, programs[name]...).CombinedOutput()
		if want := string(rune('0'+visits)) + " <nil>\n"; err != nil || string(out) != want {
			t.Errorf("%s: %q, %v; want %q", name, out, err, want)
		}
	}
}

// socket returns the path of a unix socket that leads to addr.
func socket(t *testing.T, addr string) string {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { // ends with the test
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", addr)
			if err != nil {
				_ = in.Close()
				continue
			}
			go carry(in, out)
			go carry(out, in)
		}
	}()
	return path
}

// carry ends with either of its ends.
func carry(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}
