package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
)

func TestTheNameOfACertificateIsThatOfTheHookOrTheHost(t *testing.T) {
	for name, test := range map[string]struct {
		set, hook, addr string
		want            string
		same            bool
	}{
		"the host":                {addr: "h:1", want: "h"},
		"the one that is set":     {set: "s", addr: "h:1", want: "s", same: true},
		"the one of the hook":     {set: "s", hook: "k", addr: "h:1", want: "k"},
		"the hook says the same":  {set: "s", hook: "s", addr: "h:1", want: "s", same: true},
		"none, of a unix socket":  {addr: "/run/x.sock", same: true},
		"the hook knows no other": {hook: " ", addr: "h:1", want: "h"},
	} {
		o := Options{Addr: test.addr, TLS: &tls.Config{ServerName: test.set}}
		if test.hook != "" {
			o.ServerName = func(string) string {
				if test.hook == " " {
					return ""
				}
				return test.hook
			}
		}
		got := o.tlsConfig()
		if got.ServerName != test.want || (got == o.TLS) != test.same || o.TLS.ServerName != test.set {
			t.Errorf("%s: %q, the same %v", name, got.ServerName, got == o.TLS)
		}
	}
}

func TestWhatOneSideDoesNotAcceptOfTLSIsNoFailureOfTheNetwork(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"a certificate":  {&tls.CertificateVerificationError{Err: errors.New("x")}, true},
		"no TLS at all":  {tls.RecordHeaderError{Msg: "x"}, true},
		"an alert":       {&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, true},
		"the network":    {&net.OpError{Op: "read", Err: errors.New("x")}, false},
		"the end of one": {context.DeadlineExceeded, false},
	} {
		if got := refusesTLS(test.err); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAnAddressIsCheckedWhereTheDiallerIsThatOfPackageNet(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, nil }
	for name, test := range map[string]struct {
		o    Options
		fits bool
	}{
		"host and port":        {Options{Addr: "h:1"}, true},
		"no port":              {Options{Addr: "h"}, false},
		"a dialler of its own": {Options{Addr: "h", Dial: dial}, true},
		"a socket":             {Options{Addr: "/run/x.sock"}, true},
	} {
		if err := test.o.checkAddr(); (err == nil) != test.fits {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAStreamHasAConnectionToItself(t *testing.T) {
	for name, busy := range map[string]func(c *wire){
		"shared":     func(c *wire) { c.shared.Store(true) },
		"a call":     func(c *wire) { c.queue.n = 1 },
		"a reader":   func(c *wire) { c.reader = &call{} },
		"a writer":   func(c *wire) { c.flushing = true },
		"it is free": nil,
	} {
		c, k := &wire{}, &call{}
		if busy != nil {
			busy(c)
		}
		err := c.claimAllLocked(k)
		if errors.Is(err, ErrInUse) != (busy != nil) || busy == nil && (c.reader != k || c.flusher != k || !c.flushing) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABufferComesBackOnlyIfItWasLeftAsAWhole(t *testing.T) {
	const room = 1 << 16
	for name, test := range map[string]struct {
		f     frame
		exact bool
		want  slack
	}{
		"from its start":           {frame{start: 0, end: room}, true, whole},
		"a little less":            {frame{start: 0, end: room * 9 / 10}, true, whole},
		"not from its start":       {frame{start: 1, end: room}, true, snug},
		"of a larger allocation":   {frame{start: 0, end: room}, false, snug},
		"much would be kept":       {frame{start: 0, end: room / 2}, true, loose},
		"an eighth more":           {frame{start: 0, end: 800}, true, loose},
		"a byte less than that is": {frame{start: 0, end: 801}, true, whole},
	} {
		in := &input{buf: make([]byte, room), exact: test.exact}
		if test.f.end < 1000 {
			in.buf = in.buf[:900]
		}
		if got := in.slack(test.f); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
