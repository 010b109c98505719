package conn_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// listen serves each connection with f, which is given what comes first, and closes it.
func listen(t *testing.T, f func(nc net.Conn, in *bufio.Reader, first byte)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
				in := bufio.NewReader(nc)
				if b, err := in.Peek(1); err == nil {
					f(nc, in, b[0])
				}
			}()
		}
	}()
	return l.Addr().String()
}

// buffered is a socket of which some has been read.
type buffered struct {
	net.Conn
	in *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

const tlsHello = 0x16

func TestAPeerThatHangsUpIsAskedWhetherItSpeaksTLS(t *testing.T) {
	server, _ := tlsPair(t, true)
	for name, test := range map[string]struct {
		hello func(nc net.Conn, in *bufio.Reader) // what it does at a TLS handshake
		named bool
	}{
		"completes it": {func(nc net.Conn, in *bufio.Reader) { _ = tls.Server(buffered{nc, in}, server).Handshake() }, true},
		"refuses it":   {func(nc net.Conn, _ *bufio.Reader) { _, _ = nc.Write([]byte("\x15\x03\x03\x00\x02\x02\x28")) }, true},
		"hangs up":     {func(net.Conn, *bufio.Reader) {}, false},
		"is no TLS":    {func(nc net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(nc, "-ERR what\r\n") }, false},
	} {
		addr := listen(t, func(nc net.Conn, in *bufio.Reader, first byte) {
			if first == tlsHello {
				test.hello(nc, in)
			}
		})
		_, err := conn.Dial(t.Context(), conn.Options{Addr: addr})
		foreign, ok := errors.AsType[*conn.ForeignError](err)
		if err == nil || ok != test.named || ok && foreign.Speaks != conn.SpeaksTLS {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPeerThatHangsUpOnTLSIsAskedWhetherItSpeaksPlain(t *testing.T) {
	for answer, named := range map[string]bool{"+PONG\r\n": true, "-NOAUTH Authentication required.\r\n": true, "HTTP/1.1 400\r\n": false, "": false} {
		addr := listen(t, func(nc net.Conn, _ *bufio.Reader, first byte) {
			if first != tlsHello {
				_, _ = io.WriteString(nc, answer)
			}
		})
		_, err := conn.Dial(t.Context(), conn.Options{Addr: addr, TLS: &tls.Config{ServerName: "localhost"}})
		foreign, ok := errors.AsType[*conn.ForeignError](err)
		if err == nil || ok != named || ok && foreign.Speaks != conn.SpeaksPlain {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestWhoHasSpokenRESPIsNotTakenForAnotherPeer(t *testing.T) {
	addr := listen(t, func(nc net.Conn, in *bufio.Reader, _ byte) {
		_, _ = io.WriteString(nc, "+OK\r\nHTTP/1.1 400 Bad Request\r\n")
		_, _ = io.Copy(io.Discard, in)
	})
	_, err := conn.Dial(t.Context(), conn.Options{Addr: addr, Password: "x", Protocol: 2})
	if _, foreign := errors.AsType[*conn.ForeignError](err); foreign || !errors.Is(err, resp.ErrProtocol) {
		t.Errorf("%v", err)
	}
}

func TestTheFilesOfAURLAreRead(t *testing.T) {
	dir := t.TempDir()
	pki, err := testserver.NewPKI(dir)
	if err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"tls_ca_file=" + pki.CAFile:                                         "",
		"tls_cert_file=" + pki.CertFile + "&tls_key_file=" + pki.KeyFile:    "",
		"tls_ca_file=" + garbage:                                            "tls_ca_file holds no certificate",
		"tls_key_file=" + pki.KeyFile:                                       "go together",
		"tls_cert_file=" + pki.CertFile:                                     "go together",
		"tls_cert_file=" + garbage + "&tls_key_file=" + pki.KeyFile:         "tls_cert_file, tls_key_file: ",
		"tls_cert_file=&tls_key_file=&tls_ca_file=&tls_server_name=example": "",
	} {
		o, err := conn.ParseURL("rediss://h?" + query)
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", query, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if (o.TLS.RootCAs != nil) != strings.HasPrefix(query, "tls_ca") || (len(o.TLS.Certificates) == 1) != strings.HasPrefix(query, "tls_cert_file=/") {
			t.Errorf("%s: %d certificates, authorities %v", query, len(o.TLS.Certificates), o.TLS.RootCAs)
		}
	}
}

func TestALeaseThatIsOverDoesNothing(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	owner := dial(t, s, conn.Options{})
	c := owner.Lease()
	ping := resp.NewCommand("PING")
	if err := c.DoBatch(t.Context(), []resp.Command{ping}, func(int, resp.Value) {}); err != nil {
		t.Fatal(err)
	}
	if !c.EndLease() {
		t.Error("a call is under way")
	}
	ctx := t.Context()
	b := resp.BatchOf([]resp.Command{ping})
	for name, call := range map[string]func() error{
		"Do":         func() error { _, err := c.Do(ctx, ping); return err },
		"Exchange":   func() error { _, err := c.Exchange(ctx, &ping); return err },
		"DoBatch":    func() error { return c.DoBatch(ctx, []resp.Command{ping}, func(int, resp.Value) {}) },
		"DoEncoded":  func() error { return c.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(func(int, resp.Value) {})) },
		"DoTo":       func() error { _, err := c.DoTo(ctx, ping, io.Discard); return err },
		"DoFrom":     func() error { _, err := c.DoFrom(ctx, ping, 1, strings.NewReader("x")); return err },
		"Send":       func() error { return c.Send(ctx, ping) },
		"Receive":    func() error { _, err := c.Receive(ctx); return err },
		"ReceiveAll": func() error { return c.ReceiveAll(ctx, nil) },
		"Serve":      func() error { return c.Serve(ctx) },
		"Reauth":     func() error { return c.Reauth(ctx) },
		"Close":      c.Close,
	} {
		if err := call(); !errors.Is(err, conn.ErrLeaseOver) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.Abort(io.EOF)
	c.SetShared(true)
	if err := owner.Err(); err != nil || s.Count("PING") != 1 {
		t.Errorf("the connection: %v, %d PINGs", err, s.Count("PING"))
	}
	if got, err := text(ctx, owner, resp.NewCommand("WATCH", resp.String("k"))); got != "OK" || err != nil {
		t.Errorf("WATCH of its owner: %q, %v", got, err)
	}
}

func TestWhatCannotBeStreamedIsRefusedBeforeItIsSent(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	calls := len(s.Calls())
	for _, test := range []struct {
		ctx  context.Context
		name string
		size int64
		want error
	}{
		{ended, "ECHO", 1, context.Canceled}, {t.Context(), "", 1, conn.ErrEmptyCommand}, {t.Context(), "MONITOR", 1, conn.ErrStateful},
		{t.Context(), "ECHO", -1, nil},
	} {
		cmd := resp.NewCommand(test.name)
		_, err := c.DoFrom(test.ctx, cmd, test.size, strings.NewReader("x"))
		if err == nil || test.want != nil && !errors.Is(err, test.want) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("DoFrom %q of %d bytes: %v", test.name, test.size, err)
		}
		if test.want == nil {
			continue
		}
		if _, err = c.DoTo(test.ctx, cmd, io.Discard); !errors.Is(err, test.want) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("DoTo %q: %v", test.name, err)
		}
	}
	if r, err := c.DoFrom(t.Context(), resp.NewCommand("ECHO"), 0, strings.NewReader("")); err != nil || r.Err() != nil {
		t.Errorf("an empty argument: %v", err)
	}
	if n := len(s.Calls()) - calls; n != 1 || c.Tainted() {
		t.Errorf("%d commands were sent, tainted %v", n, c.Tainted())
	}
}

func TestAWriteThatIsStuckEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		c := dial(t, s, conn.Options{})
		s.StopReading(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := c.Send(ctx, resp.NewCommand("SUBSCRIBE", resp.String(strings.Repeat("x", 1<<20))))
		if !errors.Is(err, context.DeadlineExceeded) || conn.ClassOf(err) != conn.ClassMaybeExecuted || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		s.StopReading(false)
	})
}

func TestAHandshakeOnASocketOfOnesOwnHasTheDialTimeout(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{time.Second: time.Second, 0: conn.DefaultDialTimeout, -1: time.Minute} {
		inBubble(t, func(t *testing.T, s *testserver.Server) {
			s.StopReading(true)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			_, err := conn.NewConn(ctx, s.Pipe(), conn.Options{DialTimeout: timeout, ReadTimeout: -1})
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took < want || took > want+time.Second {
				t.Errorf("timeout %v: %v after %v", timeout, err, took)
			}
			s.StopReading(false)
		})
	}
}
