package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// lagging is a connection on which nothing is read before a round trip after what was
// written last.
type lagging struct {
	net.Conn
	trip time.Duration
	next atomic.Pointer[time.Time]
}

func (l *lagging) Write(p []byte) (int, error) {
	next := time.Now().Add(l.trip)
	l.next.Store(&next)
	return l.Conn.Write(p)
}

func (l *lagging) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if next := l.next.Load(); next != nil && err == nil {
		time.Sleep(time.Until(*next))
	}
	return n, err
}

// far returns a dialler of connections to serve over such round trips, and how often it
// was called.
func far(trip time.Duration, serve func(net.Conn)) (dial func(context.Context, string, string) (net.Conn, error), dials *int) {
	dials = new(int)
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		*dials++
		select {
		case <-time.After(trip):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		client, server := net.Pipe()
		serve(server)
		return &lagging{Conn: client, trip: trip}, nil
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
