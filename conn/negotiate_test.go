package conn_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// TestEveryReplyToHelloHasItsConsequence is the decision table of the
// handshake, row by row.
func TestEveryReplyToHelloHasItsConsequence(t *testing.T) {
	const (
		resp3    = "RESP3"
		fallback = "RESP2, HELLO once"
		auth     = "AuthError"
		refused  = "the server's error"
	)
	tests := []struct {
		reply string // to HELLO; empty: the default one
		want  string
		code  string
	}{
		{"", resp3, ""},
		{"-ERR unknown command 'HELLO', with args beginning with: '3' \r\n", fallback, ""},
		{"-ERR unknown command `HELLO`\r\n", fallback, ""},
		{"-ERR Unknown Command\r\n", fallback, ""},
		{"-ERR unsupported command 'hello'\r\n", fallback, ""},
		{"-ERR command 'HELLO' is not allowed\r\n", fallback, ""},
		{"-NOPROTO unsupported protocol version\r\n", fallback, ""},
		{"-NOPERM this user has no permissions to run the 'hello' command\r\n", fallback, ""},
		{"-WRONGPASS invalid username-password pair or user is disabled.\r\n", auth, "WRONGPASS"},
		{"-NOAUTH HELLO must be called with the client already authenticated\r\n", auth, "NOAUTH"},
		{"-ERR invalid password\r\n", auth, "ERR"},
		{"-ERR AUTH <password> called without any password configured for the default user.\r\n", auth, "ERR"},
		{"-ERR Client sent AUTH, but no password is set\r\n", auth, "ERR"},
		{"-LOADING Redis is loading the dataset in memory\r\n", fallback, ""},
		{"-MASTERDOWN Link with MASTER is down\r\n", fallback, ""},
		{"-BUSY Redis is busy running a script.\r\n", fallback, ""},
		{"-unsupported command 'HELLO'\r\n", fallback, ""},
		{"-what is this\r\n", fallback, ""},
		{"+OK\r\n", fallback, ""},
		{"-ERR max number of clients reached\r\n", refused, "ERR"},
		{"-DENIED Redis is running in protected mode\r\n", refused, "DENIED"},
		{"-ERR Protocol version is not an integer or out of range\r\n", fallback, ""},
		{"-ERR Client names cannot contain spaces, newlines or special characters.\r\n", fallback, ""},
	}
	for _, test := range tests {
		t.Run(strings.TrimSpace(test.reply), func(t *testing.T) {
			leak.Check(t)
			s := testserver.New(t)
			if test.reply != "" {
				s.Reply("HELLO", test.reply)
			}
			c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), DB: 2})
			if err == nil {
				defer c.Close()
			}
			if n := s.Count("HELLO"); n != 1 {
				t.Errorf("%d HELLOs", n)
			}
			if s.Accepted() != 1 {
				t.Errorf("%d connections", s.Accepted())
			}
			switch test.want {
			case resp3, fallback:
				if err != nil {
					t.Fatal(err)
				}
				if (c.Proto() == 3) != (test.want == resp3) || c.ServerInfo().NoHello != (test.want == fallback) {
					t.Errorf("protocol %d, %+v", c.Proto(), c.ServerInfo())
				}
			default:
				e, ok := errors.AsType[*resp.Error](err)
				if !ok || e.Code != test.code || conn.ClassOf(err) != conn.ClassNotSent {
					t.Errorf("error %v, class %v", err, conn.ClassOf(err))
				}
				if _, is := errors.AsType[*conn.AuthError](err); is != (test.want == auth) {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

func TestARefusalBeforeAnyCommandIsTheErrorOfTheDial(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{AllowProtocolErrors: true})
	s.OnConnect(func(p *testserver.Peer) {
		p.Write("-ERR max number of clients reached\r\n")
		p.CloseWrite()
	})
	_, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()})
	e, ok := errors.AsType[*resp.Error](err)
	if !ok || !strings.Contains(e.Message, "max number of clients") {
		t.Errorf("error %v", err)
	}
}

func TestEveryReplyOfTheHandshakeIsChecked(t *testing.T) {
	for name, reply := range map[string]string{
		"SELECT":         "-ERR DB index is out of range\r\n",
		"ROLE":           "-NOPERM no ROLE for you\r\n",
		"AUTH":           "-WRONGPASS invalid username-password pair\r\n",
		"CLIENT SETNAME": "-ERR Client names cannot contain spaces\r\n",
	} {
		leak.Check(t)
		s := testserver.New(t)
		s.Reply(name, reply)
		o := conn.Options{Addr: s.Addr(), DB: 1, Role: conn.RoleMaster, Protocol: 2, Username: "u", Password: "p", ClientName: "me"}
		if name != "AUTH" {
			s.Reply("AUTH", "+OK\r\n")
		}
		_, err := conn.Dial(t.Context(), o)
		if _, ok := errors.AsType[*resp.Error](err); !ok || s.Count("HELLO") != 0 {
			t.Errorf("%s refused: %v", name, err)
		}
	}
}

func TestWhatTheServerDoesNotKnowOfTheClientIsNoError(t *testing.T) {
	s := testserver.New(t) // 7.0: no CLIENT SETINFO
	c := dial(t, s, conn.Options{ClientName: "me", DB: 3})
	var names []string
	for _, call := range s.Calls() {
		names = append(names, call.Args[0])
	}
	if got := strings.Join(names, " "); got != "HELLO SELECT CLIENT CLIENT" {
		t.Errorf("the handshake was %s", got)
	}
	if c.Tainted() {
		t.Error("a new connection is tainted")
	}
}

func TestTheDatabaseNameAndLibraryAreWhatTheServerSees(t *testing.T) {
	node := testredis.New(t)
	for _, proto := range []int{2, 3} {
		c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr(), Protocol: proto, DB: 5, ClientName: "teller"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := text(t.Context(), c, resp.NewCommand("CLIENT INFO"))
		if err != nil || !strings.Contains(got, "name=teller") || !strings.Contains(got, " db=5 ") {
			t.Errorf("%q, %v", got, err)
		}
		_ = c.Close()
	}
}

func TestReauthChangesWhoTheConnectionIs(t *testing.T) {
	node := testredis.NewWith(t, testredis.Options{
		Password: "root", Users: map[string]string{"app": "on >one >two ~* +@all"},
	})
	var password atomic.Value
	password.Store("one")
	c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr(), Shared: true,
		Credentials: func(context.Context, string) (string, string, error) { return "app", password.Load().(string), nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	password.Store("wrong")
	err = c.Reauth(t.Context())
	if _, ok := errors.AsType[*conn.AuthError](err); !ok || conn.ClassOf(err) != conn.ClassRejected {
		t.Errorf("a wrong password: %v", err)
	}
	password.Store("two")
	if err := c.Reauth(t.Context()); err != nil {
		t.Errorf("the second password: %v", err)
	}
	if got, err := text(t.Context(), c, resp.NewCommand("ACL WHOAMI")); got != "app" || err != nil {
		t.Errorf("who: %q, %v", got, err)
	}
	if c.Tainted() {
		t.Error("AUTH by Reauth taints")
	}
}

func TestTheCertificateIsVerifiedAgainstTheNameOfTheHook(t *testing.T) {
	node := testredis.NewWith(t, testredis.Options{TLS: true})
	for name, test := range map[string]struct {
		hook func(string) string
		ok   bool
	}{
		"host of the address": {nil, true},
		"a name of the hook":  {func(string) string { return "localhost" }, true},
		"nothing of the hook": {func(string) string { return "" }, true},
		"a wrong name":        {func(string) string { return "elsewhere.example" }, false},
	} {
		config := node.TLS().Clone()
		config.ServerName = ""
		var asked string
		o := conn.Options{Addr: node.Addr(), TLS: config}
		if test.hook != nil {
			o.ServerName = func(addr string) string { asked = addr; return test.hook(addr) }
		}
		c, err := conn.Dial(t.Context(), o)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = c.Close()
		}
		if test.hook != nil && asked != node.Addr() {
			t.Errorf("%s: asked for %q", name, asked)
		}
	}
}

func TestStatefulCommandsAreKnownHoweverTheyAreWritten(t *testing.T) {
	s := testserver.New(t)
	shared := dial(t, s, conn.Options{Shared: true})
	own := dial(t, s, conn.Options{})
	for _, cmd := range []resp.Command{
		resp.NewCommand("CLIENT REPLY", resp.String("OFF")),
		resp.NewCommand("client", resp.String("reply"), resp.String("OFF")),
		resp.NewCommand("CLIENT", resp.String("REPLY"), resp.String("SKIP")),
	} {
		if _, err := shared.Do(t.Context(), cmd); !errors.Is(err, conn.ErrStateful) {
			t.Errorf("shared: %v: %v", cmd.Name(), err)
		}
		if _, err := own.Do(t.Context(), cmd); !errors.Is(err, conn.ErrStateful) { // it has no reply
			t.Errorf("own: %v: %v", cmd.Name(), err)
		}
	}
	if r, err := text(t.Context(), shared, resp.NewCommand("CLIENT", resp.String("ID"))); err != nil {
		t.Errorf("CLIENT ID: %q, %v", r, err)
	}
}

func TestAliveSeesACloseBehindUnreadBytes(t *testing.T) {
	s := testserver.New(t)
	for name, test := range map[string]struct {
		then  func(p *testserver.Peer)
		alive bool
	}{
		"a push":           {func(p *testserver.Peer) { p.Write(">1\r\n+x\r\n") }, true},
		"a close":          {func(p *testserver.Peer) { p.Close() }, false},
		"a push and close": {func(p *testserver.Peer) { p.Write(">1\r\n+x\r\n"); p.Close() }, false},
		"a reset":          {func(p *testserver.Peer) { p.Reset() }, false},
	} {
		var nc net.Conn
		c := dial(t, s, conn.Options{Dial: func(ctx context.Context, network, addr string) (_ net.Conn, err error) {
			nc, err = new(net.Dialer).DialContext(ctx, network, addr)
			return nc, err
		}})
		if err := c.Alive(); err != nil {
			t.Fatal(err)
		}
		peers := s.Peers()
		p := peers[0]
		for _, q := range peers {
			if q.Conn().RemoteAddr().String() == nc.LocalAddr().String() {
				p = q
			}
		}
		test.then(p)
		if test.alive {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			if err := leak.WaitUntil(ctx, func() bool { return c.Alive() != nil }); err == nil {
				t.Errorf("%s: %v", name, c.Alive())
			}
			cancel()
		} else {
			s.WaitFor(t, "the end after "+name, func() bool { return c.Alive() != nil })
		}
		_ = c.Close()
	}
}
