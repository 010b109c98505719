package conn_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// lag carries bytes between near and server, those to near not before a round trip after
// what came from there last.
func lag(near, server net.Conn, trip time.Duration) {
	var next atomic.Pointer[time.Time]
	carry := func(to, from net.Conn, pause func()) {
		defer to.Close()
		defer from.Close()
		b := make([]byte, 16<<10)
		for {
			n, err := from.Read(b)
			if err != nil {
				return
			}
			pause()
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
	}
	go carry(server, near, func() {
		at := time.Now().Add(trip)
		next.Store(&at)
	})
	go carry(near, server, func() {
		if at := next.Load(); at != nil {
			time.Sleep(time.Until(*at))
		}
	})
}

// far returns a dialler of connections to serve over such round trips, and how often it
// was called.
func far(trip time.Duration, serve func(net.Conn)) (dial func(context.Context, string, string) (net.Conn, error), dials *int) {
	return slow(trip, trip, serve)
}

// slow is far, where connecting takes longer than a round trip.
func slow(connect, trip time.Duration, serve func(net.Conn)) (dial func(context.Context, string, string) (net.Conn, error), dials *int) {
	dials = new(int)
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		*dials++
		select {
		case <-time.After(connect):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		client, near := net.Pipe()
		beyond, server := net.Pipe()
		lag(near, beyond, trip)
		serve(server)
		return client, nil
	}, dials
}

// mute serves as a redis-server does, which waits for the end of a line.
func mute(nc net.Conn) {
	go func() {
		defer nc.Close()
		b := make([]byte, 4096)
		for {
			n, err := nc.Read(b)
			if err != nil {
				return
			}
			if n > 0 && b[0] == '*' {
				_, _ = nc.Write([]byte("+PONG\r\n"))
			}
		}
	}()
}

func TestAHealthyTLSHandshakeCostsOneConnection(t *testing.T) {
	server, _ := tlsPair(t, true)
	for name, test := range map[string]struct {
		trip    time.Duration
		timeout time.Duration
		version uint16
	}{
		"near":                                  {0, 0, 0},
		"250 ms":                                {250 * time.Millisecond, 0, 0},
		"250 ms, TLS 1.2":                       {250 * time.Millisecond, 0, tls.VersionTLS12},
		"a second":                              {time.Second, 0, 0},
		"70 ms, TLS 1.2, with little time":      {70 * time.Millisecond, 290 * time.Millisecond, tls.VersionTLS12},
		"20 ms, with the time of sentinels":     {20 * time.Millisecond, 300 * time.Millisecond, 0},
		"250 ms, TLS 1.2, with all of its time": {250 * time.Millisecond, -1, tls.VersionTLS12},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testserver.NewWith(t, testserver.Options{Network: "none", Addr: "fake:1", TLS: server})
			dial, dials := far(test.trip, func(nc net.Conn) { s.ServeConn(nc) })
			c, err := conn.Dial(t.Context(), conn.Options{
				Addr: "fake:1", Dial: dial, DialTimeout: test.timeout,
				TLS: &tls.Config{InsecureSkipVerify: true, MaxVersion: test.version},
			})
			if err == nil {
				_ = c.Close()
			}
			if err != nil || *dials != 1 {
				t.Errorf("%s: %d connections, %v", name, *dials, err)
			}
		})
	}
}

func TestTLSAgainstPlainIsNamedWellWithinTheDialTimeout(t *testing.T) {
	for name, test := range map[string]struct {
		trip    time.Duration
		timeout time.Duration
		within  time.Duration
	}{
		"near":                              {0, 0, 400 * time.Millisecond},
		"100 ms":                            {100 * time.Millisecond, 0, 700 * time.Millisecond},
		"300 ms":                            {300 * time.Millisecond, 0, 2100 * time.Millisecond},
		"510 ms":                            {510 * time.Millisecond, 0, 3600 * time.Millisecond},
		"700 ms":                            {700 * time.Millisecond, 0, 4300 * time.Millisecond},
		"300 ms, without a bound":           {300 * time.Millisecond, -1, 2100 * time.Millisecond},
		"near, with the time of sentinels":  {0, 300 * time.Millisecond, 150 * time.Millisecond},
		"20 ms, with the time of sentinels": {20 * time.Millisecond, 300 * time.Millisecond, 200 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			dial, dials := far(test.trip, mute)
			began := time.Now()
			_, err := conn.Dial(t.Context(), conn.Options{
				Addr: "fake:1", Dial: dial, DialTimeout: test.timeout, TLS: &tls.Config{InsecureSkipVerify: true},
			})
			took := time.Since(began)
			if foreign, ok := errors.AsType[*conn.ForeignError](err); !ok || foreign.Speaks != conn.SpeaksPlain {
				t.Errorf("%s: %v", name, err)
			}
			if took > test.within || *dials != 2 {
				t.Errorf("%s: after %v, by %d connections", name, took, *dials)
			}
		})
	}
}

// stuck is a server's end of which only what is written first arrives.
type stuck struct {
	net.Conn
	wrote bool
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.wrote {
		return len(p), nil
	}
	s.wrote = true
	return s.Conn.Write(p)
}

func TestATimeoutSaysThatNoTLSHandshakeWasAnswered(t *testing.T) {
	server, _ := tlsPair(t, true)
	half := func(nc net.Conn) {
		go func() {
			defer nc.Close()
			_ = tls.Server(&stuck{Conn: nc}, server).Handshake()
			_, _ = io.Copy(io.Discard, nc)
		}()
	}
	deaf := func(nc net.Conn) {
		go func() {
			defer nc.Close()
			_, _ = io.Copy(io.Discard, nc)
		}()
	}
	for name, test := range map[string]struct {
		connect, trip, timeout time.Duration
		serve                  func(net.Conn)
		cancel                 time.Duration
		dials                  int
		says                   bool
	}{
		"a lost SYN":                  {1001 * time.Millisecond, 0, 0, mute, 0, 1, true},
		"a lost SYN and little time":  {1010 * time.Millisecond, 10 * time.Millisecond, 2500 * time.Millisecond, mute, 0, 1, true},
		"a slow lookup":               {600 * time.Millisecond, 0, 2500 * time.Millisecond, mute, 0, 1, true},
		"a lookup, by sentinels":      {70 * time.Millisecond, 0, 300 * time.Millisecond, mute, 0, 1, true},
		"no answer to PING either":    {0, 0, 0, deaf, 0, 2, true},
		"a server that stops halfway": {70 * time.Millisecond, 0, 300 * time.Millisecond, half, 0, 1, false},
		"a caller that gives up":      {70 * time.Millisecond, 0, 300 * time.Millisecond, mute, 200 * time.Millisecond, 1, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if test.cancel > 0 {
				time.AfterFunc(test.cancel, cancel)
			}
			dial, dials := slow(test.connect, test.trip, test.serve)
			_, err := conn.Dial(ctx, conn.Options{
				Addr: "fake:1", Dial: dial, DialTimeout: test.timeout,
				TLS: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12},
			})
			t.Logf("%s: %v", name, err)
			if err == nil || *dials != test.dials || strings.Contains(err.Error(), "answers no TLS handshake (does it speak TLS") != test.says {
				t.Errorf("%s: by %d connections: %v", name, *dials, err)
			}
			if test.says && (!errors.Is(err, context.DeadlineExceeded) || conn.IsPermanent(err)) {
				t.Errorf("%s: no deadline, or permanent: %v", name, err)
			}
			time.Sleep(time.Minute) // for the ends of the servers
		})
	}
}

// slowNames is a resolver by which every name is 127.0.0.1, after so long.
func slowNames(after time.Duration) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			var size [2]byte
			if _, err := io.ReadFull(server, size[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(server, query); err != nil {
				return
			}
			time.Sleep(after)
			question := query[12 : 12+bytes.IndexByte(query[12:], 0)+5] // a name, a type, a class
			answer := append(query[:2:2], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
			answer = append(answer, question...)
			if question[len(question)-3] == 1 { // type A
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0, 0, 1)
			}
			binary.BigEndian.PutUint16(size[:], uint16(len(answer)))
			_, _ = server.Write(append(size[:], answer...))
		}()
		return client, nil
	}}
}

func TestTheLookupOfANameIsNoRoundTrip(t *testing.T) {
	leak.Check(t)
	before := net.DefaultResolver
	defer func() { net.DefaultResolver = before }()
	net.DefaultResolver = slowNames(500 * time.Millisecond)
	addr := listen(t, func(nc net.Conn, in *bufio.Reader, first byte) {
		if first == '*' {
			_, _ = io.WriteString(nc, "+PONG\r\n")
		}
		_, _ = io.Copy(io.Discard, in)
	})
	_, port, _ := net.SplitHostPort(addr)
	_, err := conn.Dial(t.Context(), conn.Options{
		Addr: net.JoinHostPort("slow.example.", port), DialTimeout: 2 * time.Second, TLS: &tls.Config{InsecureSkipVerify: true},
	})
	if foreign, ok := errors.AsType[*conn.ForeignError](err); !ok || foreign.Speaks != conn.SpeaksPlain {
		t.Error(err)
	}
}
