package conn

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// What ForeignError.Speaks says of a peer.
const (
	SpeaksTLS  = "TLS"
	SpeaksHTTP = "HTTP"
	SpeaksSSH  = "SSH"
	// SpeaksMail is SMTP, FTP and what else greets with a number.
	SpeaksMail      = "SMTP or FTP"
	SpeaksMemcached = "the protocol of memcached"
	SpeaksMySQL     = "the protocol of MySQL"
	// SpeaksOther is whatever is not known here.
	SpeaksOther = "another protocol"
	// SpeaksPlain is RESP without TLS, where TLS was dialled.
	SpeaksPlain = "plain RESP"
)

// ForeignError says that the peer does not speak RESP, or not in the way that was
// dialled: a TLS port was dialled without TLS or the other way round, or an HTTP server
// listens there.
type ForeignError struct {
	// Speaks is one of the Speaks constants.
	Speaks string
	Err    error
}

// Error names the protocol that the peer speaks, and what to do.
func (e *ForeignError) Error() string {
	switch e.Speaks {
	case SpeaksTLS:
		return fmt.Sprintf("conn: the peer speaks TLS: set TLS, or use rediss:// (%v)", e.Err)
	case SpeaksPlain:
		return fmt.Sprintf("conn: the peer speaks RESP without TLS: leave TLS out, use redis://, or dial its TLS port (%v)", e.Err)
	}
	return fmt.Sprintf("conn: the peer speaks %s, not RESP: is the address right? (%v)", e.Speaks, e.Err)
}

// Unwrap returns the error by which it was seen.
func (e *ForeignError) Unwrap() error { return e.Err }

// What PeerError calls a peer.
const (
	PeerServer   = "data server"
	PeerSentinel = "sentinel"
	PeerCluster  = "cluster node"
)

// PeerError says that the peer speaks RESP and is not what Options ask for.
type PeerError struct {
	// Want and Got are Peer constants.
	Want, Got string
	Addr      string
}

// Error names the peer, and says what to do.
func (e *PeerError) Error() string {
	switch {
	case e.Got == PeerCluster:
		return "conn: the peer is a node of a Redis Cluster, which is not supported (Options.AllowCluster connects all the same)"
	case e.Got == PeerSentinel:
		return "conn: the peer is a sentinel, not a data server: give its address as that of a sentinel, with the name of a master"
	}
	return "conn: the peer is a data server, not a sentinel: give the addresses of sentinels, whose port is 26379 by default"
}

// checkPeer looks whether the peer is what was meant, as far as mode tells.
func (o Options) checkPeer(mode string) error {
	got := map[string]string{"standalone": PeerServer, "sentinel": PeerSentinel, "cluster": PeerCluster}[mode]
	want := PeerServer
	if o.Sentinel {
		want = PeerSentinel
	}
	if got == "" || got == want || got == PeerCluster && o.AllowCluster && !o.Sentinel {
		return nil
	}
	return &PeerError{Want: want, Got: got, Addr: o.Addr}
}

// silentError says that a peer has taken a command of the handshake and said nothing.
type silentError struct{ err error }

func (e *silentError) Error() string {
	return "no reply: the peer accepts connections, but does not answer (is it a Redis server, and not overloaded?): " + textOf(e.err)
}
func (e *silentError) Unwrap() error { return e.err }

// silentTLSError says that a peer has taken the beginning of a TLS handshake and said
// nothing, and that it could not be found out why.
type silentTLSError struct{ err error }

func (e *silentTLSError) Error() string {
	return "no reply: the peer accepts connections, but answers no TLS handshake (does it speak TLS, and is there time enough?): " + textOf(e.err)
}
func (e *silentTLSError) Unwrap() error { return e.err }

// hangUpError says that a peer has closed the connection in place of a reply.
type hangUpError struct{ err error }

func (e *hangUpError) Error() string {
	return "the peer hangs up (is it a Redis server, and does it let this host in?): " + textOf(e.err)
}
func (e *hangUpError) Unwrap() error { return e.err }

// firstBytes is attached to a framing error at the very start of a connection.
type firstBytes struct {
	head []byte
	err  error
}

func (e *firstBytes) Error() string { return e.err.Error() }
func (e *firstBytes) Unwrap() error { return e.err }

// diagnose recognises a peer that speaks another protocol by its first bytes.
func diagnose(err error) error {
	first, ok := errors.AsType[*firstBytes](err)
	if !ok || !errors.Is(err, resp.ErrProtocol) {
		return err
	}
	return &ForeignError{Speaks: language(first.head), Err: first.err}
}

// language returns what the first bytes of a peer belong to.
func language(head []byte) string {
	switch {
	case len(head) > 0 && (head[0] == 0x15 || head[0] == 0x16):
		return SpeaksTLS
	case bytes.HasPrefix(head, []byte("HTTP")):
		return SpeaksHTTP
	case bytes.HasPrefix(head, []byte("SSH-")):
		return SpeaksSSH
	case bytes.HasPrefix(head, []byte("ERROR")):
		return SpeaksMemcached
	case len(head) > 4 && head[3] == 0 && head[4] == 0x0a:
		return SpeaksMySQL
	case len(head) > 3 && '1' <= head[0] && head[0] <= '5' && (head[3] == ' ' || head[3] == '-'):
		return SpeaksMail
	}
	return SpeaksOther
}

// errSilentTLS is how a peer that waits for the end of a line answers TLS.
var errSilentTLS = errors.New("it answers PING, and no TLS handshake")

const (
	// probeTime bounds a probe of what a peer speaks, over a link that is not slow.
	probeTime = time.Second
	// tlsPatience is how long a TLS handshake over a link that is not slow may take before
	// the peer is asked without TLS: a server that does not speak it waits for the end of
	// a line. A dial that has less than twice this time left asks earlier.
	tlsPatience = 400 * time.Millisecond
	// tlsTrips is how many round trips a handshake may take over a slow link, and a probe.
	tlsTrips = 4
)

// patienceWithTLS returns after how long in a TLS handshake the peer is asked without TLS,
// where connecting took so long. A healthy handshake takes two round trips at most: a
// second connection for nothing counts too where servers and networks count them. But an
// answer is worth more than a timeout, so the question comes while half of the time is
// left; not at all where that is no time for a handshake: then silentTLSError says what
// is known. That is also so where connecting took longer than a round trip, as it does
// when its first packet was lost.
func patienceWithTLS(ctx context.Context, connect time.Duration) time.Duration {
	patience := max(tlsPatience, tlsTrips*connect)
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end)/2)
	}
	if patience < 2*connect {
		return math.MaxInt64
	}
	return patience
}

// speaksTLS reports whether the peer answers a TLS handshake, with whatever. Nothing
// that is secret is sent.
func (o Options) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	nc, _, err := o.connect(ctx)
	if err != nil {
		return false
	}
	defer nc.Close()
	config := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // nothing is said over it
	err = tls.Client(nc, config).HandshakeContext(ctx)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	return !plain && (err == nil || isRemoteAlert(err))
}

// speaksPlain reports whether the peer, which took so long to connect, answers a PING
// without TLS, with whatever. That takes two round trips.
func (o Options) speaksPlain(ctx context.Context, connect time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, max(probeTime, tlsTrips*connect))
	defer cancel()
	nc, _, err := o.connect(ctx)
	if err != nil {
		return false
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { _ = nc.SetDeadline(past()) })()
	if _, err := nc.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return false
	}
	var b [1]byte
	_, err = io.ReadFull(nc, b[:])
	return err == nil && (b[0] == '+' || b[0] == '-')
}

// isRemoteAlert reports whether the peer has ended a TLS handshake in the words of TLS.
func isRemoteAlert(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "remote error"
}

// secureConn makes TLS of nc, which took so long to connect, and closes nc if that fails.
func (o Options) secureConn(ctx context.Context, nc net.Conn, connect time.Duration) (_ net.Conn, err error) {
	done := false
	defer func() {
		if !done || err != nil { // done is false when a function of the options panics
			_ = nc.Close()
		}
	}()
	secure := tls.Client(beneathTLS(nc), o.tlsConfig())
	err = o.shakeHands(ctx, secure, connect)
	done = true
	return secure, err
}

// shakeHands performs the TLS handshake with a peer that took so long to connect. When
// that takes long, or the peer has hung up, it is asked whether it speaks without TLS.
func (o Options) shakeHands(ctx context.Context, secure *tls.Conn, connect time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	asked := make(chan struct{})
	plain := false
	timer := time.AfterFunc(patienceWithTLS(ctx, connect), func() {
		defer close(asked)
		if plain = o.speaksPlain(ctx, connect); plain {
			cancel(nil)
		}
	})
	err := secure.HandshakeContext(ctx)
	if !timer.Stop() {
		if err == nil {
			cancel(nil) // the answer does not matter any more
		}
		<-asked
	} else if _, other := errors.AsType[tls.RecordHeaderError](err); other || err != nil && hungUp(err) {
		plain = o.speaksPlain(ctx, connect)
	}
	switch {
	case plain && errors.Is(err, context.Canceled): // by the probe
		return &ForeignError{Speaks: SpeaksPlain, Err: errSilentTLS}
	case plain && err != nil:
		return &ForeignError{Speaks: SpeaksPlain, Err: err}
	case errors.Is(err, context.DeadlineExceeded) && secure.ConnectionState().Version == 0: // not even a ServerHello came
		return &silentTLSError{err: err}
	}
	return err
}

// hungUp reports whether the peer has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// checkAddr refuses what can be no address, where the dialler of package net would.
func (o Options) checkAddr() error {
	if o.Dial != nil || o.Network() == "unix" {
		return nil
	}
	switch {
	case strings.Contains(o.Addr, "://"):
		return errors.New("the address has a scheme: give host:port here, a URL to ParseURL")
	case strings.Contains(o.Addr, "@"):
		return errors.New("the address has a user: set Username and Password, or give a URL to ParseURL")
	case strings.HasPrefix(o.Addr, "unix:"), strings.HasPrefix(o.Addr, "./"), strings.HasPrefix(o.Addr, "../"), strings.HasPrefix(o.Addr, "~"):
		return errors.New("the address of a unix socket is its absolute path alone, as in /run/redis.sock")
	case strings.HasPrefix(o.Addr, "tcp:"):
		return errors.New("the address has a scheme: write host:6379")
	case strings.ContainsAny(o.Addr, " \t\r\n"):
		return errors.New("the address holds a space")
	}
	_, port, err := net.SplitHostPort(o.Addr)
	if err == nil {
		return checkPort(port)
	}
	e, ok := errors.AsType[*net.AddrError](err)
	switch {
	case !ok:
		return err
	case strings.HasPrefix(e.Err, "missing port"):
		return fmt.Errorf("the address has no port: write host:6379: %w", err)
	case strings.HasPrefix(e.Err, "too many colons"):
		return fmt.Errorf("write an IPv6 address in brackets, with a port, as in [::1]:6379: %w", err)
	}
	return err
}

// checkPort refuses what no service can listen on.
func checkPort(port string) error {
	n, err := strconv.Atoi(port)
	if err == nil && 0 < n && n <= 65535 {
		return nil
	}
	if err != nil && port != "" {
		if _, err = net.LookupPort("tcp", port); err == nil {
			return nil // the name of a service
		}
	}
	return errors.New("the port is not a number between 1 and 65535: write host:6379")
}
