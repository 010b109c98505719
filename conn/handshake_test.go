package conn_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestHandshakeNegotiates(t *testing.T) {
	tests := []struct {
		name   string
		server testserver.Options
		client conn.Options
		proto  int
		check  func(t *testing.T, err error)
	}{
		{name: "RESP3 by default", proto: 3},
		{name: "RESP2 by option sends no HELLO", client: conn.Options{Protocol: 2}, proto: 2},
		{name: "unknown HELLO falls back", server: testserver.Options{NoHello: true}, proto: 2},
		{name: "NOPROTO falls back", server: testserver.Options{MaxProto: 2}, proto: 2},
		{name: "password", server: testserver.Options{Password: "secret"}, client: conn.Options{Password: "secret"}, proto: 3},
		{
			name: "password without HELLO", server: testserver.Options{Password: "secret", NoHello: true},
			client: conn.Options{Password: "secret", DB: 3, ClientName: "me"}, proto: 2,
		},
		{
			name: "user", server: testserver.Options{Users: map[string]string{"app": "pw"}},
			client: conn.Options{Username: "app", Password: "pw"}, proto: 3,
		},
		{name: "wrong password", server: testserver.Options{Password: "secret"}, client: conn.Options{Password: "guess"}, check: isAuthError},
		{name: "no password", server: testserver.Options{Password: "secret"}, check: isAuthError},
		{
			name: "insisting on RESP3", server: testserver.Options{NoHello: true}, client: conn.Options{Protocol: 3},
			check: func(t *testing.T, err error) {
				if e, ok := errors.AsType[*resp.Error](err); !ok || e.Code != "ERR" {
					t.Errorf("error %v", err)
				}
			},
		},
		{name: "master wanted and found", client: conn.Options{Role: conn.RoleMaster}, proto: 3},
		{
			name: "master wanted, replica found", server: testserver.Options{Role: "slave"},
			client: conn.Options{Role: conn.RoleMaster},
			check: func(t *testing.T, err error) {
				if e, ok := errors.AsType[*conn.RoleError](err); !ok || e.Got != "slave" {
					t.Errorf("error %v", err)
				}
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			leak.Check(t)
			s := testserver.NewWith(t, test.server)
			o := test.client
			o.Addr = s.Addr()
			c, err := conn.Dial(t.Context(), o)
			if test.check != nil {
				if err == nil {
					t.Fatal("no error")
				}
				if conn.ClassOf(err) != conn.ClassNotSent {
					t.Errorf("class %v", conn.ClassOf(err))
				}
				test.check(t, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if c.Proto() != test.proto {
				t.Errorf("protocol %d, want %d", c.Proto(), test.proto)
			}
			if o.Protocol == 2 && s.Count("HELLO") != 0 {
				t.Error("HELLO was sent")
			}
			if got, err := text(t.Context(), c, resp.NewCommand("PING")); got != "PONG" || err != nil {
				t.Errorf("PING: %q, %v", got, err)
			}
		})
	}
}

func isAuthError(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*conn.AuthError](err); !ok {
		t.Errorf("error %v, want an AuthError", err)
	}
}

// speak starts a server that sends greeting to whoever connects and closes.
func speak(t *testing.T, greeting string) string {
	t.Helper()
	return listen(t, func(nc net.Conn, _ *bufio.Reader, _ byte) { _, _ = io.WriteString(nc, greeting) })
}

func TestAPeerThatSpeaksAnotherProtocolIsNamed(t *testing.T) {
	for greeting, want := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n": "HTTP",
		"\x15\x03\x01\x00\x02\x02F":        "TLS",
		"SSH-2.0-OpenSSH\r\n":              "SSH",

		"220 mail.example.com ESMTP\r\n":          conn.SpeaksMail,
		"220-ftp.example.com\r\n":                 conn.SpeaksMail,
		"502 5.5.2 Error\r\n":                     conn.SpeaksMail,
		"ERROR\r\n":                               conn.SpeaksMemcached,
		"J\x00\x00\x00\x0a8.0.30\x00":             conn.SpeaksMySQL,
		"<html><body>":                            conn.SpeaksOther,
		"* OK IMAP4rev1 ready\r\n":                conn.SpeaksOther,
		"AMQP\x00\x00\x09\x01":                    conn.SpeaksOther,
		"RFB 003.008\n":                           conn.SpeaksOther,
		"INFO {\"server_id\":\"x\"}\r\n":          conn.SpeaksOther,
		"\x00\x00\x12\x04\x00\x00\x00\x00\x00":    conn.SpeaksOther, // HTTP/2
		"E\x00\x00\x00\x90SFATAL":                 conn.SpeaksOther, // PostgreSQL
		"This instance is not serving requests\n": conn.SpeaksOther, // ZooKeeper
	} {
		_, err := conn.Dial(t.Context(), conn.Options{Addr: speak(t, greeting)})
		if e, ok := errors.AsType[*conn.ForeignError](err); !ok || e.Speaks != want || !conn.IsPermanent(err) {
			t.Errorf("%q: error %v", greeting, err)
		}
		if err != nil && want != "TLS" && !strings.Contains(err.Error(), "not RESP: is the address right?") {
			t.Error(err)
		}
	}
}

func TestAPeerThatHangsUpIsToldFromABrokenNetwork(t *testing.T) {
	s := testserver.NewWith(t, testserver.Options{AllowProtocolErrors: true}) // it is asked for TLS too
	s.HandleAny(func(p *testserver.Peer, _ []string) bool { p.Close(); return true })
	_, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()})
	if err == nil || !strings.Contains(err.Error(), "the peer hangs up (is it a Redis server, ") || conn.IsPermanent(err) {
		t.Error(err)
	}
}

func TestAProxyThatKnowsNoNamesIsSpokenToWithoutOne(t *testing.T) {
	for _, reply := range []string{"-unsupported command 'CLIENT'\r\n", "-ERR unknown command 'CLIENT'\r\n", "-ERR command 'CLIENT' is not allowed\r\n"} {
		s := testserver.New(t)
		s.Reply("HELLO", "-unsupported command 'HELLO'\r\n")
		s.Reply("CLIENT", reply)
		dial(t, s, conn.Options{ClientName: "me"})
	}
	s := testserver.New(t)
	s.Reply("HELLO", "-ERR Client names cannot contain spaces, newlines or special characters.\r\n")
	s.Reply("CLIENT", "-ERR Client names cannot contain spaces, newlines or special characters.\r\n")
	_, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), ClientName: "my service"})
	if err == nil || !strings.Contains(err.Error(), "CLIENT SETNAME: ERR Client names cannot") || !conn.IsPermanent(err) {
		t.Error(err)
	}
}

func TestAnAddressThatCannotBeMeantIsSaidSoWithoutDialling(t *testing.T) {
	for addr, want := range map[string]string{
		"localhost":              "write host:6379",
		"localhost:port":         "the port is not a number between 1 and 65535",
		"localhost:0":            "the port is not a number between 1 and 65535",
		"localhost:99999":        "the port is not a number between 1 and 65535",
		"localhost:-1":           "the port is not a number between 1 and 65535",
		"localhost:":             "the port is not a number between 1 and 65535",
		"localhost:6379/0":       "the port is not a number between 1 and 65535",
		":6379x":                 "the port is not a number between 1 and 65535",
		"localhost: 6379":        "holds a space",
		"my host:6379":           "holds a space",
		"localhost:6379\n":       "holds a space",
		"unix:/run/redis.sock":   "its absolute path alone",
		"./redis.sock":           "its absolute path alone",
		"~/redis.sock":           "its absolute path alone",
		"tcp:localhost:6379":     "write host:6379",
		"::1:6379":               "in brackets",
		"[::1]":                  "write host:6379",
		"redis://u:s3cret@h:1":   "has a scheme",
		"u:s3cret@h:6379":        "has a user",
		"u:s3cret@h":             "has a user",
		"s3cret@h:6379":          "has a user",
		"h:6379,h2:6379":         "too many colons",
		"redis:u:s3cret@h:6379/": "has a user",
	} {
		_, err := conn.Dial(t.Context(), conn.Options{Addr: addr})
		if err == nil || !strings.Contains(err.Error(), want) || !conn.IsPermanent(err) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q", addr, err, want)
		}
		if text := fmt.Sprintf("%v %+v %#v", conn.Options{Addr: addr}, conn.Options{Addr: addr}, conn.Options{Addr: addr}.LogValue()); strings.Contains(text, "s3cret") {
			t.Errorf("%q: %s", addr, text)
		}
	}
}

func TestAProxyThatHangsUpOnHelloIsSpokenToInRESP2(t *testing.T) {
	s := testserver.New(t)
	s.Handle("HELLO", func(p *testserver.Peer, _ []string) { p.Close() })
	c := dial(t, s, conn.Options{})
	if c.Proto() != 2 {
		t.Errorf("protocol %d", c.Proto())
	}
}

func TestDialHonoursItsContextAndTimeout(t *testing.T) {
	s := testserver.New(t)
	s.StopReading(true)
	for name, o := range map[string]conn.Options{
		"plain": {},
		"tls":   {TLS: &tls.Config{InsecureSkipVerify: true}},
	} {
		o.Addr = s.Addr()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := conn.Dial(ctx, o)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: context: %v", name, err)
		}
		o.DialTimeout = 50 * time.Millisecond
		if _, err := conn.Dial(t.Context(), o); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: timeout: %v", name, err)
		}
	}
}

func TestCredentialsAreAskedForEachDial(t *testing.T) {
	s := testserver.NewWith(t, testserver.Options{Password: "two"})
	asked := 0
	o := conn.Options{Credentials: func(context.Context, string) (string, string, error) {
		asked++
		return "", []string{"", "one", "two"}[asked], nil
	}}
	o.Addr = s.Addr()
	if _, err := conn.Dial(t.Context(), o); err == nil {
		t.Fatal("the old password was accepted")
	}
	c, err := conn.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}
