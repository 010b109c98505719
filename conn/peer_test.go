package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/ports"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// twemproxy closes the connection at every command that it does not know.
func twemproxy(t *testing.T) *testserver.Server {
	s := testserver.New(t)
	s.HandleAny(func(p *testserver.Peer, args []string) bool {
		switch strings.ToUpper(args[0]) {
		case "AUTH", "SELECT", "PING", "ECHO", "GET", "SET":
			return false
		}
		p.Close()
		return true
	})
	return s
}

func TestAProxyThatHangsUpOnWhatItDoesNotKnowGetsOnlyWhatItMustKnow(t *testing.T) {
	leak.Check(t)
	s := twemproxy(t)
	c := dial(t, s, conn.Options{ClientName: "me"})
	if info := c.ServerInfo(); !info.HungUp || !info.NoHello || c.Proto() != 2 {
		t.Errorf("%+v", info)
	}
	if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine"))); got != "mine" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	var sent []string // by the dials after the first
	for _, call := range s.Calls() {
		if call.Conn > 1 {
			sent = append(sent, call.Args[0])
		}
	}
	if got := strings.Join(sent, " "); strings.Contains(got, "CLIENT") || !strings.HasPrefix(got, "HELLO") {
		t.Error(got)
	}
}

func TestOneResetInAHandshakeIsNoSignOfAProxy(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	var resets atomic.Int32
	s.Handle("HELLO", func(p *testserver.Peer, args []string) {
		if resets.Add(1) == 1 {
			p.ResetNow()
			return
		}
		p.Default(args)
	})
	c := dial(t, s, conn.Options{})
	if c.Proto() != 3 || c.ServerInfo().NoHello {
		t.Errorf("RESP%d, %+v", c.Proto(), c.ServerInfo())
	}
}

func TestLookAlikesAreSpokenToInTheProtocolThatTheyKnow(t *testing.T) {
	for name, test := range map[string]struct {
		hello    string
		password string
		ok       bool
	}{
		"Envoy":                             {hello: "-unsupported command 'HELLO'\r\n", ok: true},
		"Envoy with a password":             {hello: "-NOAUTH Authentication required.\r\n", password: "s3cret", ok: true},
		"Kvrocks":                           {hello: "*6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:2\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n", ok: true},
		"a server that wants a password":    {hello: "-NOAUTH HELLO must be called with the client already authenticated\r\n"},
		"a server in protected mode":        {hello: "-DENIED Redis is running in protected mode\r\n"},
		"a server with its last connection": {hello: "-ERR max number of clients reached\r\n"},
	} {
		leak.Check(t)
		s := testserver.NewWith(t, testserver.Options{Password: test.password})
		s.Reply("HELLO", test.hello)
		c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), Password: test.password})
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine"))); got != "mine" || err != nil || c.Proto() != 2 {
			t.Errorf("%s: %q, %v, RESP%d", name, got, err, c.Proto())
		}
		_ = c.Close()
	}
}

func TestAPeerThatIsNotWhatWasMeantIsNamed(t *testing.T) {
	hello := func(mode string) string {
		return "%2\r\n$5\r\nproto\r\n:3\r\n$4\r\nmode\r\n$" + fmt.Sprint(len(mode)) + "\r\n" + mode + "\r\n"
	}
	for name, test := range map[string]struct {
		hello, role string
		options     conn.Options
		got         string // "": it is what was meant
	}{
		"a sentinel as a server":            {hello: hello("sentinel"), got: conn.PeerSentinel},
		"a server as a sentinel":            {hello: hello("standalone"), options: conn.Options{Sentinel: true}, got: conn.PeerServer},
		"a cluster node":                    {hello: hello("cluster"), got: conn.PeerCluster},
		"a cluster node that was asked for": {hello: hello("cluster"), options: conn.Options{AllowCluster: true}},
		"a server":                          {hello: hello("standalone")},
		"a sentinel":                        {hello: hello("sentinel"), options: conn.Options{Sentinel: true}},
		"an unknown mode":                   {hello: hello("what")},
		"an old sentinel as a server":       {hello: "-ERR unknown command\r\n", role: "*2\r\n$8\r\nsentinel\r\n*0\r\n", got: conn.PeerSentinel},
		"an old server as a sentinel":       {hello: "-ERR unknown command\r\n", role: "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", options: conn.Options{Sentinel: true}, got: conn.PeerServer},
		"an old server":                     {hello: "-ERR unknown command\r\n", role: "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"},
		"an old server that says no ROLE":   {hello: "-ERR unknown command\r\n", role: "-NOPERM no\r\n"},
		"a sentinel as a server in RESP2":   {role: "*2\r\n$8\r\nsentinel\r\n*0\r\n", options: conn.Options{Protocol: 2}, got: conn.PeerSentinel},
		"a server as a sentinel in RESP2":   {role: "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", options: conn.Options{Sentinel: true, Protocol: 2}, got: conn.PeerServer},
		"a sentinel in RESP2":               {role: "*2\r\n$8\r\nsentinel\r\n*0\r\n", options: conn.Options{Sentinel: true, Protocol: 2}},
		"a server in RESP2":                 {role: "*3\r\n$5\r\nslave\r\n:0\r\n*0\r\n", options: conn.Options{Protocol: 2}},
	} {
		leak.Check(t)
		s := testserver.New(t)
		s.Reply("HELLO", test.hello)
		s.Reply("ROLE", test.role)
		test.options.Addr = s.Addr()
		c, err := conn.Dial(t.Context(), test.options)
		if err == nil {
			_ = c.Close()
		}
		peer, named := errors.AsType[*conn.PeerError](err)
		switch {
		case test.got == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.got != "" && (!named || peer.Got != test.got || !conn.IsPermanent(err)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTLSAgainstPlainAndPlainAgainstTLSAreNamed(t *testing.T) {
	plain := testredis.New(t)
	secure := testredis.NewWith(t, testredis.Options{TLS: true})
	for name, test := range map[string]struct {
		options conn.Options
		speaks  string
	}{
		"plain against TLS": {conn.Options{Addr: secure.Addr()}, conn.SpeaksTLS},
		"RESP2 against TLS": {conn.Options{Addr: secure.Addr(), Protocol: 2}, conn.SpeaksTLS},
		"TLS against plain": {conn.Options{Addr: plain.Addr(), TLS: &tls.Config{ServerName: "localhost"}}, conn.SpeaksPlain},
	} {
		for range 2 {
			c, err := conn.Dial(t.Context(), test.options)
			if err == nil {
				_ = c.Close()
			}
			foreign, ok := errors.AsType[*conn.ForeignError](err)
			if !ok || foreign.Speaks != test.speaks || !conn.IsPermanent(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAServerThatNeverAnswersTLSIsAskedWithoutIt(t *testing.T) {
	leak.Check(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { // waits for the end of a line, as Redis does
				defer nc.Close()
				b := make([]byte, 4096)
				for {
					n, err := nc.Read(b)
					if err != nil {
						return
					}
					if strings.HasPrefix(string(b[:n]), "*") {
						_, _ = nc.Write([]byte("+PONG\r\n"))
					}
				}
			}()
		}
	}()
	_, err = conn.Dial(t.Context(), conn.Options{Addr: ln.Addr().String(), TLS: &tls.Config{ServerName: "localhost"}, DialTimeout: 30 * time.Second})
	if foreign, ok := errors.AsType[*conn.ForeignError](err); !ok || foreign.Speaks != conn.SpeaksPlain {
		t.Error(err)
	}
}

// TestADialSaysWhichStepFailedAndWhetherToTryAgain is the table of what can go wrong
// before the first command.
func TestADialSaysWhichStepFailedAndWhetherToTryAgain(t *testing.T) {
	s := testserver.NewWith(t, testserver.Options{Password: "right"})
	reply := func(name, raw string) *testserver.Server {
		s := testserver.New(t)
		s.Reply(name, raw)
		return s
	}
	silent := testserver.New(t)
	silent.HandleAny(func(*testserver.Peer, []string) bool { return true })
	http := testserver.NewWith(t, testserver.Options{AllowProtocolErrors: true})
	http.Reply("HELLO", "HTTP/1.1 400 Bad Request\r\n\r\n")
	port, err := ports.Free("127.0.0.1") // one that no outgoing connection of another process takes
	if err != nil {
		t.Fatal(err)
	}
	nobody := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for name, test := range map[string]struct {
		options   conn.Options
		step      string
		permanent bool
		says      string
	}{
		"nobody there":    {conn.Options{Addr: nobody}, "connect", false, "refused"},
		"no such host":    {conn.Options{Addr: "no-such-host.invalid:6379"}, "resolve", false, "no-such-host.invalid"},
		"no port":         {conn.Options{Addr: "localhost"}, "", true, "has no port"},
		"a scheme":        {conn.Options{Addr: "redis://u:s3cret@h:6379"}, "", true, "scheme"},
		"bare IPv6":       {conn.Options{Addr: "::1:6379"}, "", true, "brackets"},
		"a bad database":  {conn.Options{Addr: s.Addr(), DB: -1}, "", true, "negative database"},
		"wrong password":  {conn.Options{Addr: s.Addr(), Password: "s3cret"}, "HELLO", true, "refuses the credentials"},
		"no password":     {conn.Options{Addr: s.Addr()}, "HELLO", true, "NOAUTH"},
		"RESP2 password":  {conn.Options{Addr: s.Addr(), Password: "s3cret", Protocol: 2}, "AUTH", true, "WRONGPASS"},
		"database 99":     {conn.Options{Addr: reply("SELECT", "-ERR DB index is out of range\r\n").Addr(), DB: 99}, "SELECT", true, "out of range"},
		"SELECT refused":  {conn.Options{Addr: reply("SELECT", "-NOPERM no\r\n").Addr(), DB: 9}, "SELECT", true, "NOPERM"},
		"SELECT too soon": {conn.Options{Addr: reply("SELECT", "-LOADING wait\r\n").Addr(), DB: 9}, "SELECT", false, "LOADING"},
		"ROLE refused":    {conn.Options{Addr: reply("ROLE", "-NOPERM no\r\n").Addr(), Role: conn.RoleMaster}, "ROLE", true, "NOPERM"},
		"another role":    {conn.Options{Addr: reply("ROLE", "*1\r\n+slave\r\n").Addr(), Role: conn.RoleMaster}, "ROLE", false, `is "slave"`},
		"RESP3 only":      {conn.Options{Addr: reply("HELLO", "-NOPROTO no\r\n").Addr(), Protocol: 3}, "HELLO", true, "NOPROTO"},
		"RESP3 of array":  {conn.Options{Addr: reply("HELLO", "*2\r\n+proto\r\n:2\r\n").Addr(), Protocol: 3}, "HELLO", true, "protocol 2"},
		"full":            {conn.Options{Addr: reply("HELLO", "-ERR max number of clients reached\r\n").Addr()}, "HELLO", false, "max number"},
		"silent":          {conn.Options{Addr: silent.Addr(), DialTimeout: 50 * time.Millisecond}, "HELLO", false, "no reply"},
		"HTTP":            {conn.Options{Addr: http.Addr()}, "HELLO", true, "HTTP"},
		"credentials": {conn.Options{Addr: s.Addr(), Credentials: func(context.Context, string) (string, string, error) {
			return "", "", errors.New("no token")
		}}, "credentials", true, "no token"},
	} {
		_, err := conn.Dial(t.Context(), test.options)
		e, ok := errors.AsType[*conn.Error](err)
		if !ok || e.Step != test.step || conn.IsPermanent(err) != test.permanent || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: step %q, permanent %v: %v", name, e.Step, conn.IsPermanent(err), err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the text holds the password: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
}

func TestACertificateThatIsNotTrustedIsPermanent(t *testing.T) {
	server, _ := tlsPair(t, true)
	s := testserver.NewWith(t, testserver.Options{TLS: server})
	_, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), TLS: &tls.Config{ServerName: "localhost"}})
	e, ok := errors.AsType[*conn.Error](err)
	if !ok || e.Step != "TLS" || !e.Permanent {
		t.Errorf("%+v", err)
	}
}

func TestWhatAServerRepeatsOfASecretIsNotShown(t *testing.T) {
	const secret = "s3cretPassword"
	echoes := []string{
		"-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 's3cretPassword' \r\n",
		"-ERR unknown command `AUTH`, with args beginning with: `s3cretPassword`, \r\n",
		"-ERR no such thing: S3CRETPASSWORD\r\n",
		"-ERR no such thing: s3cretPass...\r\n",
		"-ERR invalid password s3cretPassword\r\n",
		"-WRONGPASS who is s3cretPassword\r\n",
	}
	for _, echo := range echoes {
		for _, proto := range []int{0, 2, 3} {
			s := testserver.New(t)
			s.Reply("HELLO", echo)
			s.Reply("AUTH", echo)
			_, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), Password: secret, Protocol: proto})
			if err == nil {
				t.Fatal("no error")
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", errors.Unwrap(err))} {
				if strings.Contains(strings.ToLower(text), "s3cret") {
					t.Errorf("RESP%d: %q: %s", proto, echo, text)
				}
			}
		}
	}
	s := testserver.New(t)
	c := dial(t, s, conn.Options{Credentials: func(context.Context, string) (string, string, error) { return "", secret, nil }})
	s.Reply("AUTH", echoes[1])
	if err := c.Reauth(t.Context()); err == nil || strings.Contains(err.Error(), secret) {
		t.Error(err)
	}
}

func TestErrorsAreNetErrorsAndNameTheCommand(t *testing.T) {
	s := testserver.New(t)
	s.Handle("SLOW", func(*testserver.Peer, []string) {})
	c := dial(t, s, conn.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Do(ctx, resp.NewCommand("SLOW"))
	var network net.Error
	if !errors.As(err, &network) || !network.Timeout() || !strings.Contains(err.Error(), "SLOW") {
		t.Errorf("%v", err)
	}
	if _, err := c.Do(t.Context(), resp.NewCommand("MONITOR")); err == nil || !strings.Contains(err.Error(), "MONITOR") {
		t.Error(err)
	}
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "nil context") {
			t.Error(r)
		}
	}()
	var none context.Context
	_, _ = c.Do(none, resp.NewCommand("PING"))
}

// What panics in a function of the caller must not leave a connection on which others
// wait for ever.
func TestAReaderOrWriterThatPanicsBreaksTheConnection(t *testing.T) {
	for name, run := range map[string]func(c *conn.Conn){
		"DoTo": func(c *conn.Conn) { _, _ = c.DoTo(t.Context(), get("k"), panics{}) },
		"DoFrom": func(c *conn.Conn) {
			_, _ = c.DoFrom(t.Context(), resp.NewCommand("SET", resp.String("k")), 5, panics{})
		},
	} {
		leak.Check(t)
		s := testserver.NewWith(t, testserver.Options{AllowProtocolErrors: true})
		c := dial(t, s, conn.Options{})
		if _, err := text(t.Context(), c, set("k", strings.Repeat("x", 1<<20))); err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			run(c)
		}()
		if _, err := c.Do(t.Context(), get("k")); conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error)  { panic("reader") }
func (panics) Write([]byte) (int, error) { panic("writer") }
